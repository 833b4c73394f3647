// SPDX-License-Identifier: GPL-2.0

//! Streams around the engine: parameter sets, slice headers, and a decoder to compare with.

#![allow(dead_code, reason = "each test and the figures take what they need")]

use std::io::{Read, Write};
use std::ops::Range;
use std::process::{Command, Stdio};

use slenc_engine::{
    Checkpoint, Deblocking, Encoder, EntropyCoding, InFrame, Picture, PictureType, SliceHeader,
    Source, SourceFormat, Stats, Unit,
};

/// A bit string, most significant bit first.
#[derive(Default)]
pub(crate) struct Bits {
    pub(crate) bytes: Vec<u8>,
    pub(crate) length: usize,
}

impl Bits {
    /// Begins a NAL unit.
    pub(crate) fn unit(header: u8) -> Self {
        let mut bits = Self::default();
        bits.u(8, header.into());
        bits
    }

    /// Appends u(n).
    pub(crate) fn u(&mut self, count: u32, value: u32) {
        for i in (0..count).rev() {
            if self.length % 8 == 0 {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= (((value >> i) & 1) as u8) << (7 - self.length % 8);
            self.length += 1;
        }
    }

    /// Appends ue(v).
    pub(crate) fn ue(&mut self, value: u32) {
        let bits = (value + 1).ilog2();
        self.u(bits, 0);
        self.u(bits + 1, value + 1);
    }

    /// Appends se(v).
    pub(crate) fn se(&mut self, value: i32) {
        let code = if value > 0 { 2 * value - 1 } else { -2 * value };
        self.ue(code as u32);
    }

    /// Appends rbsp_trailing_bits().
    pub(crate) fn trailing(&mut self) {
        self.u(1, 1);
        while self.length % 8 != 0 {
            self.u(1, 0);
        }
    }
}

/// How a stream is coded.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) format: SourceFormat,
    /// QP of I and of P pictures.
    pub(crate) qp: [u8; 2],
    pub(crate) chroma_qp_index_offset: i8,
    pub(crate) deblocking: Deblocking,
    pub(crate) entropy_coding: EntropyCoding,
    pub(crate) transform_8x8: bool,
    /// Of Cr, where it differs.
    pub(crate) second_chroma_qp_index_offset: Option<i8>,
    /// Slices a picture, at most one a row.
    pub(crate) slices: usize,
    /// Pictures from one I to the next; 0 for only the first.
    pub(crate) gop: usize,
    /// Most references of a P picture; they are the last pictures.
    pub(crate) references: usize,
    /// Bits of pic_order_cnt_lsb; 0 for pic_order_cnt_type 2.
    pub(crate) poc_bits: u8,
    /// The engine writes slice headers from their fields.
    pub(crate) fields: bool,
    /// Differences of QPs, repeated over the macroblocks.
    pub(crate) qp_offsets: Vec<i8>,
    /// Rate control within each picture, with these checkpoints and at least the picture's QP.
    pub(crate) in_frame: Option<InFrame<'static>>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) measure_sse: bool,
    /// Forced to intra in every P picture.
    pub(crate) forced_intra: Vec<Range<u32>>,
    /// Pictures that are all skipped.
    pub(crate) all_skip: Vec<usize>,
    pub(crate) threads: usize,
    pub(crate) portable: bool,
}

impl Settings {
    pub(crate) fn new(width: usize, height: usize, qp: u8) -> Self {
        Self {
            width,
            height,
            format: SourceFormat::Nv12,
            qp: [qp, qp],
            chroma_qp_index_offset: 0,
            deblocking: Deblocking::default(),
            entropy_coding: EntropyCoding::Cavlc,
            transform_8x8: false,
            second_chroma_qp_index_offset: None,
            slices: 1,
            gop: 0,
            references: 1,
            poc_bits: 0,
            fields: false,
            qp_offsets: Vec::new(),
            in_frame: None,
            checkpoints: Vec::new(),
            measure_sse: false,
            forced_intra: Vec::new(),
            all_skip: Vec::new(),
            threads: 1,
            portable: false,
        }
    }

    pub(crate) fn width_mbs(&self) -> usize {
        self.width.div_ceil(16)
    }

    pub(crate) fn height_mbs(&self) -> usize {
        self.height.div_ceil(16)
    }

    /// Bytes of a source picture.
    pub(crate) fn source_size(&self) -> usize {
        match self.format {
            SourceFormat::Nv12 | SourceFormat::I420 => self.width * self.height * 3 / 2,
            SourceFormat::Yuyv | SourceFormat::Uyvy => self.width * self.height * 2,
        }
    }

    /// A source picture over `bytes`.
    pub(crate) fn source<'a>(&self, bytes: &'a [u8]) -> Source<'a> {
        let luma = self.width * self.height;
        let (planes, strides) = match self.format {
            SourceFormat::Nv12 => (
                [&bytes[..luma], &bytes[luma..], &[]],
                [self.width, self.width, 0],
            ),
            SourceFormat::I420 => {
                let (cb, cr) = bytes[luma..].split_at(luma / 4);
                (
                    [&bytes[..luma], cb, cr],
                    [self.width, self.width / 2, self.width / 2],
                )
            }
            SourceFormat::Yuyv | SourceFormat::Uyvy => ([bytes, &[], &[]], [2 * self.width, 0, 0]),
        };
        Source {
            format: self.format,
            width: self.width,
            height: self.height,
            planes,
            strides,
        }
    }

    pub(crate) fn sps(&self) -> Bits {
        let mut bits = Bits::unit(0x67);
        let is_cabac = self.entropy_coding != EntropyCoding::Cavlc;
        let (profile, constraints) = match is_cabac {
            _ if self.is_high() => (100, 0),
            true => (77, 0x40),
            false => (66, 0xc0),
        };
        bits.u(8, profile);
        bits.u(8, constraints);
        bits.u(8, 51);
        bits.ue(0);
        if self.is_high() {
            bits.ue(1);
            bits.ue(0);
            bits.ue(0);
            bits.u(2, 0);
        }
        bits.ue(4);
        if self.poc_bits > 0 {
            bits.ue(0);
            bits.ue(u32::from(self.poc_bits) - 4);
        } else {
            bits.ue(2);
        }
        bits.ue(self.references as u32);
        bits.u(1, 0);
        bits.ue(self.width_mbs() as u32 - 1);
        bits.ue(self.height_mbs() as u32 - 1);
        bits.u(2, 3);
        let right = 16 * self.width_mbs() - self.width;
        let bottom = 16 * self.height_mbs() - self.height;
        bits.u(1, u32::from(right + bottom > 0));
        if right + bottom > 0 {
            for crop in [0, right / 2, 0, bottom / 2] {
                bits.ue(crop as u32);
            }
        }
        bits.u(1, 0);
        bits.trailing();
        bits
    }

    pub(crate) fn pps(&self) -> Bits {
        let mut bits = Bits::unit(0x68);
        let is_cabac = self.entropy_coding != EntropyCoding::Cavlc;
        bits.ue(0);
        bits.ue(0);
        bits.u(1, is_cabac.into());
        bits.u(1, 0);
        bits.ue(0);
        bits.ue(0);
        bits.ue(0);
        bits.u(3, 0);
        bits.se(0);
        bits.se(0);
        bits.se(self.chroma_qp_index_offset.into());
        bits.u(3, 4);
        if self.is_high() {
            bits.u(1, self.transform_8x8.into());
            bits.u(1, 0);
            let second = self.second_chroma_qp_index_offset;
            bits.se(second.unwrap_or(self.chroma_qp_index_offset).into());
        }
        bits.trailing();
        bits
    }

    fn is_high(&self) -> bool {
        self.transform_8x8 || self.second_chroma_qp_index_offset.is_some()
    }

    /// Header of the slice whose first row is `row`, of picture `number` after an I picture.
    fn slice_header(&self, row: usize, number: usize) -> Bits {
        let is_idr = number == 0;
        let mut bits = Bits::unit(if is_idr { 0x65 } else { 0x61 });
        bits.ue((row * self.width_mbs()) as u32);
        bits.ue(if is_idr { 7 } else { 5 });
        bits.ue(0);
        bits.u(8, number as u32 & 0xff);
        if is_idr {
            bits.ue(0);
            bits.u(2, 0);
        } else {
            let references = number.min(self.references) as u32;
            bits.u(1, u32::from(references > 1));
            if references > 1 {
                bits.ue(references - 1);
            }
            bits.u(2, 0);
            if let EntropyCoding::Cabac { init_idc } = self.entropy_coding {
                bits.ue(init_idc.into());
            }
        }
        let qp = self.qp[usize::from(!is_idr)];
        bits.se(i32::from(qp) - 26);
        let deblocking = &self.deblocking;
        bits.ue(deblocking.disable_idc.into());
        if deblocking.disable_idc != 1 {
            bits.se(deblocking.alpha_c0_offset_div2.into());
            bits.se(deblocking.beta_offset_div2.into());
        }
        bits
    }
}

/// The same header as fields.
fn header_fields(settings: &Settings, number: usize) -> SliceHeader<'static> {
    SliceHeader {
        nal_ref_idc: 3,
        idr_pic_id: (number == 0).then_some(0),
        frame_num: number as u16 & 0xff,
        frame_num_bits: 8,
        pic_order_cnt_lsb_bits: settings.poc_bits,
        num_ref_idx_default: 1,
        pic_init_qp: 26,
        deblocking_control_present: true,
        ..SliceHeader::default()
    }
}

/// A coded stream.
pub(crate) struct Coded {
    pub(crate) bytes: Vec<u8>,
    /// Reconstructions in the engine's layout.
    pub(crate) recons: Vec<Vec<u8>>,
    pub(crate) stats: Vec<Stats>,
}

/// Codes source pictures.
pub(crate) fn code(settings: &Settings, pictures: &[Vec<u8>]) -> Coded {
    let mut coder = StreamCoder::new(settings.clone());
    let mut coded = Coded {
        bytes: Vec::new(),
        recons: Vec::new(),
        stats: Vec::new(),
    };
    for picture in pictures {
        let (bytes, stats) = coder.code(picture);
        coded.bytes.extend_from_slice(bytes);
        coded.recons.push(coder.recon.clone());
        coded.stats.push(stats);
    }
    coded
}

/// Codes a stream picture by picture.
pub(crate) struct StreamCoder {
    settings: Settings,
    encoder: Encoder,
    count: usize,
    pub(crate) recon: Vec<u8>,
    /// The last reconstructions, the newest first.
    references: Vec<Vec<u8>>,
    output: Vec<u8>,
}

impl StreamCoder {
    pub(crate) fn new(settings: Settings) -> Self {
        let size = settings.width_mbs() * settings.height_mbs() * 384;
        Self {
            encoder: if settings.portable {
                Encoder::portable(settings.threads)
            } else {
                Encoder::new(settings.threads)
            },
            count: 0,
            recon: vec![0; size],
            references: vec![vec![0; size]; settings.references],
            output: vec![0; 2 * size + 4096],
            settings,
        }
    }

    /// Codes the next picture.
    pub(crate) fn code(&mut self, source: &[u8]) -> (&[u8], Stats) {
        let settings = &self.settings;
        self.references.rotate_right(1);
        std::mem::swap(&mut self.recon, &mut self.references[0]);
        let number = match settings.gop {
            0 => self.count,
            gop => self.count % gop,
        };
        let (sps, pps) = (settings.sps(), settings.pps());
        let rows = settings.height_mbs();
        let slices = settings.slices.min(rows);
        let starts: Vec<usize> = (0..=slices).map(|i| i * rows / slices).collect();
        let headers: Vec<Bits> = starts[..slices]
            .iter()
            .map(|&row| settings.slice_header(row, number))
            .collect();
        let fields = header_fields(settings, number);
        let mut units = Vec::new();
        if number == 0 {
            for bits in [&sps, &pps] {
                units.push(Unit {
                    start_code: 4,
                    bits: &bits.bytes,
                    bit_length: bits.length,
                    ..Unit::default()
                });
            }
        }
        for (header, window) in headers.iter().zip(starts.windows(2)) {
            let rows = Some((window[0], window[1] - window[0]));
            let unit = Unit {
                start_code: 3,
                rows,
                ..Unit::default()
            };
            units.push(match settings.fields {
                true => Unit {
                    header: Some(&fields),
                    ..unit
                },
                false => Unit {
                    bits: &header.bytes,
                    bit_length: header.length,
                    ..unit
                },
            });
        }
        let mbs = settings.width_mbs() * settings.height_mbs();
        let qp_offsets: Vec<i8> = match settings.qp_offsets.is_empty() {
            true => Vec::new(),
            false => settings
                .qp_offsets
                .iter()
                .copied()
                .cycle()
                .take(mbs)
                .collect(),
        };
        let qp = settings.qp[usize::from(number > 0)];
        let in_frame = settings.in_frame.map(|control| InFrame {
            checkpoints: &settings.checkpoints,
            qp_min: control.qp_min.min(qp),
            qp_max: control.qp_max.max(qp),
            ..control
        });
        let all_skip = settings.all_skip.contains(&self.count);
        let picture = Picture {
            width_mbs: settings.width_mbs(),
            height_mbs: settings.height_mbs(),
            source: (!all_skip).then(|| settings.source(source)),
            picture_type: if number == 0 {
                PictureType::I
            } else {
                PictureType::P
            },
            qp,
            in_frame,
            chroma_qp_index_offset: settings.chroma_qp_index_offset,
            second_chroma_qp_index_offset: settings.second_chroma_qp_index_offset,
            deblocking: settings.deblocking,
            transform_8x8: settings.transform_8x8,
            entropy_coding: settings.entropy_coding,
            qp_offsets: &qp_offsets,
            measure_sse: settings.measure_sse,
            forced_intra: &settings.forced_intra,
            units: &units,
        };
        let mut unit_bytes = vec![0; units.len()];
        let references: Vec<&[u8]> = self.references.iter().map(Vec::as_slice).collect();
        let references = &references[..number.min(settings.references)];
        let stats = self
            .encoder
            .encode(
                &picture,
                references,
                &mut self.recon,
                &mut self.output,
                &mut unit_bytes,
            )
            .expect("the picture is valid");
        assert_eq!(unit_bytes.iter().sum::<u32>(), stats.bytes);
        let bits = stats.header_bits + stats.slice_data_bits + 8 * stats.emulation_bytes;
        assert_eq!(bits, 8 * stats.bytes);
        assert!(u64::from(stats.bytes) <= picture.output_bound());
        assert_within_maximum(&picture, &unit_bytes, &stats);
        self.count += 1;
        (&self.output[..stats.bytes as usize], stats)
    }
}

/// Asserts that a picture with a hard maximum keeps to it: by the bytes of its slices as they are,
/// without start codes and the bits of their headers.
fn assert_within_maximum(picture: &Picture<'_>, unit_bytes: &[u32], stats: &Stats) {
    let Some(control) = picture.in_frame.filter(|control| control.hard_max) else {
        assert_eq!(stats.in_frame.max_bits, 0);
        assert_eq!(stats.in_frame.forced_skips, 0);
        return;
    };
    let max = stats.in_frame.max_bits;
    assert!(max >= control.max_bits);
    assert_eq!(stats.in_frame.max_raised, max > control.max_bits);
    let (mut slices, mut others) = (0, 0);
    for (unit, &bytes) in picture.units.iter().zip(unit_bytes) {
        match unit.rows {
            Some(_) => slices += 8 * bytes,
            None => others += 8 * u32::from(unit.start_code) + unit.bit_length as u32,
        }
    }
    let counted = slices - (stats.header_bits - others);
    assert!(counted <= max, "{counted} of {max} bits");
}

/// Runs a command with `input` and gives its output; it must succeed and not complain.
pub(crate) fn pipe(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut output = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        stdout.read_to_end(&mut output).expect("a pipe is read");
    });
    let result = child.wait_with_output().expect("the command ends");
    let complaints = String::from_utf8_lossy(&result.stderr);
    assert!(
        result.status.success() && complaints.is_empty(),
        "{command:?}: {} {complaints}",
        result.status
    );
    output
}

/// Decodes a stream to planar pictures.
pub(crate) fn decode(stream: &[u8]) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-v",
        "error",
        "-xerror",
        "-err_detect",
        "explode",
        "-threads",
        "1",
    ]);
    command.args(["-f", "h264", "-i", "pipe:0", "-fps_mode", "passthrough"]);
    command.args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1"]);
    pipe(&mut command, stream)
}

/// The part of a reconstruction that is shown, as planar samples.
pub(crate) fn shown(settings: &Settings, recon: &[u8]) -> Vec<u8> {
    let stride = 16 * settings.width_mbs();
    let (luma, chroma) = recon.split_at(stride * 16 * settings.height_mbs());
    let mut samples = Vec::with_capacity(settings.width * settings.height * 3 / 2);
    for line in luma.chunks_exact(stride).take(settings.height) {
        samples.extend_from_slice(&line[..settings.width]);
    }
    for plane in 0..2 {
        for line in chroma.chunks_exact(stride).take(settings.height / 2) {
            samples.extend(line[plane..settings.width].iter().step_by(2));
        }
    }
    samples
}

/// Asserts that the decoder makes of a stream what the engine reconstructed.
pub(crate) fn assert_decodes(settings: &Settings, coded: &Coded) {
    assert_all_decode(&[(settings, coded)]);
}

/// The same of several streams of one size, one behind the other: to start a decoder takes longer
/// than to decode.
pub(crate) fn assert_all_decode(streams: &[(&Settings, &Coded)]) {
    let all: Vec<u8> = streams
        .iter()
        .flat_map(|(_, coded)| &coded.bytes)
        .copied()
        .collect();
    let decoded = decode(&all);
    let size = streams[0].0.width * streams[0].0.height * 3 / 2;
    let mut pictures = decoded.chunks_exact(size);
    for (settings, coded) in streams {
        for (i, recon) in coded.recons.iter().enumerate() {
            let recon = shown(settings, recon);
            let decoded = pictures.next().expect("every picture is decoded");
            if let Some(at) = (0..size).find(|&at| decoded[at] != recon[at]) {
                let (x, y) = (at % settings.width, at / settings.width);
                panic!(
                    "picture {i} differs first at {x}, {y}: decoded {}, \
                     reconstructed {}; {settings:?}",
                    decoded[at], recon[at]
                );
            }
        }
    }
    assert_eq!(pictures.next(), None);
}

/// A small generator of pseudo-random numbers (G. Marsaglia, "Xorshift RNGs", 2003).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.next() % limit
    }
}

/// Pictures of moving texture with some noise, which exercise every kind of prediction.
pub(crate) fn moving(settings: &Settings, count: usize) -> Vec<Vec<u8>> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (width, height) = (settings.width as f32, settings.height as f32);
    let texture = |x: f32, y: f32| {
        let near = (x * 0.31).sin() * (y * 0.23).cos() + (x * 0.05 + y * 0.11).sin();
        let stripes = if (x / 13.0 + y / 29.0).rem_euclid(2.0) < 1.0 {
            25.0
        } else {
            -25.0
        };
        128.0 + 40.0 * near + stripes
    };
    (0..count)
        .map(|t| {
            let t = t as f32;
            let sample = |x: f32, y: f32, random: &mut Random| {
                let noise = random.below(7) as f32 - 3.0;
                let (dx, dy) = (x - width / 2.0 - 3.3 * t, y - height / 2.0 + 1.7 * t);
                let inside = dx.abs() < width / 4.0 && dy.abs() < height / 4.0;
                let value = if inside {
                    texture(dx + 500.0, dy)
                } else if y > height * 0.8 {
                    110.0 + x / 8.0
                } else {
                    texture(x + 1.25 * t, y + 0.5 * t) + noise
                };
                value.clamp(0.0, 255.0) as u8
            };
            (0..settings.source_size())
                .map(|i| {
                    let (x, y) = (i % settings.width, i / settings.width);
                    sample(x as f32, y as f32, &mut random)
                })
                .collect()
        })
        .collect()
}
