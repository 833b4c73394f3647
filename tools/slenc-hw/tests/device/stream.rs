// SPDX-License-Identifier: GPL-2.0

//! Pictures to encode: sources, H.264 headers (ITU-T H.264, 7.3.2 and 7.3.3), descriptors and
//! unit tables, and what FFmpeg makes of the result.

use std::fs;
use std::path::{
    Path,
    PathBuf, //
};
use std::process::Command;

use crate::control_block::{
    Control,
    CONTROL, //
};
use crate::machine::{
    Machine,
    BASE,
    DESCRIPTOR, //
};

pub(crate) const UNITS: u64 = BASE + 0x2000;
pub(crate) const HEADER: u64 = BASE + 0x3000;
pub(crate) const SOURCE: u64 = BASE + 0x10_0001;
pub(crate) const RECON: [u64; 2] = [BASE + 0x20_0000, BASE + 0x28_0003];
/// Across the border of two ranges.
pub(crate) const OUTPUT: u64 = BASE + 0x2f_fff1;
pub(crate) const OUTPUT_SIZE: u32 = 0x8_0000;

/// A bit string, most significant first.
#[derive(Default)]
pub(crate) struct Bits {
    pub(crate) bytes: Vec<u8>,
    pub(crate) length: u32,
}

impl Bits {
    pub(crate) fn u(&mut self, count: u32, value: u32) -> &mut Self {
        for i in (0..count).rev() {
            if self.length % 8 == 0 {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().unwrap();
            *last |= (((value >> i) & 1) as u8) << (7 - self.length % 8);
            self.length += 1;
        }
        self
    }

    pub(crate) fn ue(&mut self, value: u32) -> &mut Self {
        let count = 32 - (value + 1).leading_zeros();
        self.u(2 * count - 1, value + 1)
    }

    pub(crate) fn se(&mut self, value: i32) -> &mut Self {
        let magnitude = value.unsigned_abs();
        self.ue(2 * magnitude - u32::from(value > 0))
    }

    pub(crate) fn trailing(&mut self) -> &mut Self {
        self.u(1, 1);
        let rest = (8 - self.length % 8) % 8;
        self.u(rest, 0)
    }
}

/// A unit table and the header memory that it refers to.
#[derive(Default)]
pub(crate) struct UnitTable {
    pub(crate) table: Vec<u8>,
    pub(crate) header: Vec<u8>,
}

impl UnitTable {
    /// Adds a unit; a slice when it has rows. One without bits is nowhere.
    pub(crate) fn add(&mut self, bits: &Bits, rows: Option<(u16, u16)>) {
        let offset = if bits.length == 0 {
            0
        } else {
            self.header.len()
        };
        let (first, count) = rows.unwrap_or_default();
        self.table.extend([u8::from(rows.is_some()), 4, 0, 0]);
        self.table.extend((offset as u32).to_le_bytes());
        self.table.extend(bits.length.to_le_bytes());
        self.table.extend(first.to_le_bytes());
        self.table.extend(count.to_le_bytes());
        self.table.extend([0; 16]);
        self.header.extend(&bits.bytes);
    }

    /// Writes both to where the tests have them.
    pub(crate) fn fill(&self, machine: &Machine) {
        machine.fill(HEADER, &self.header);
        machine.fill(UNITS, &self.table);
    }
}

/// A picture and how to code it.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) format: u8,
    /// Bytes between the lines of the source.
    pub(crate) padding: usize,
    pub(crate) qp: u8,
    pub(crate) chroma_offset: i8,
    pub(crate) slices: u16,
    pub(crate) disable_deblocking: u8,
    /// frame_num; 0 makes an IDR picture.
    pub(crate) number: u32,
    pub(crate) all_skip: bool,
    pub(crate) forced_intra: Vec<(u32, u32)>,
    pub(crate) control: Option<Control>,
}

impl Default for Frame {
    fn default() -> Self {
        Self {
            width: 50,
            height: 36,
            format: 0,
            padding: 6,
            qp: 28,
            chroma_offset: 0,
            slices: 1,
            disable_deblocking: 0,
            number: 0,
            all_skip: false,
            forced_intra: Vec::new(),
            control: None,
        }
    }
}

impl Frame {
    pub(crate) fn width_mbs(&self) -> u16 {
        self.width.div_ceil(16)
    }

    pub(crate) fn height_mbs(&self) -> u16 {
        self.height.div_ceil(16)
    }

    pub(crate) fn recon_size(&self) -> usize {
        usize::from(self.width_mbs()) * usize::from(self.height_mbs()) * 384
    }

    /// Bytes of a line and lines of each plane.
    fn planes(&self) -> Vec<(usize, usize)> {
        let (w, h) = (usize::from(self.width), usize::from(self.height));
        match self.format {
            0 => vec![(w, h), (w, h / 2)],
            1 => vec![(w, h), (w / 2, h / 2), (w / 2, h / 2)],
            _ => vec![(2 * w, h)],
        }
    }

    fn sps(&self) -> Bits {
        let mut bits = Bits::default();
        bits.u(8, 0x67).u(8, 66).u(8, 0xc0).u(8, 40);
        bits.ue(0).ue(0).ue(2).ue(1).u(1, 0);
        bits.ue(u32::from(self.width_mbs()) - 1);
        bits.ue(u32::from(self.height_mbs()) - 1);
        bits.u(1, 1).u(1, 1).u(1, 1);
        bits.ue(0)
            .ue(u32::from(self.width_mbs() * 16 - self.width) / 2);
        bits.ue(0)
            .ue(u32::from(self.height_mbs() * 16 - self.height) / 2);
        bits.u(1, 0).trailing();
        bits
    }

    fn pps(&self) -> Bits {
        let mut bits = Bits::default();
        bits.u(8, 0x68).ue(0).ue(0).u(1, 0).u(1, 0);
        bits.ue(0).ue(0).ue(0).u(1, 0).u(2, 0);
        bits.se(0).se(0).se(self.chroma_offset.into());
        bits.u(1, 1).u(1, 0).u(1, 0).trailing();
        bits
    }

    fn slice_header(&self, first_row: u16) -> Bits {
        let mut bits = Bits::default();
        let idr = self.number == 0;
        bits.u(8, if idr { 0x65 } else { 0x41 });
        bits.ue(u32::from(first_row) * u32::from(self.width_mbs()));
        bits.ue(if idr { 7 } else { 5 }).ue(0);
        bits.u(4, self.number % 16);
        if idr {
            bits.ue(0).u(2, 0);
        } else {
            // No override, no modification, sliding window.
            bits.u(1, 0).u(1, 0).u(1, 0);
        }
        bits.se(i32::from(self.qp) - 26);
        bits.ue(self.disable_deblocking.into());
        if self.disable_deblocking != 1 {
            bits.se(0).se(0);
        }
        bits
    }

    /// First row and number of rows of each slice.
    pub(crate) fn slices(&self) -> impl Iterator<Item = (u16, u16)> + '_ {
        let row = |i| self.height_mbs() * i / self.slices;
        (0..self.slices).map(move |i| (row(i), row(i + 1) - row(i)))
    }

    /// Writes the source; returns address and stride of each plane.
    pub(crate) fn fill_source(&self, machine: &Machine, seed: u32) -> Vec<(u64, u32)> {
        let mut addr = SOURCE;
        let mut planes = Vec::new();
        for (bytes, lines) in self.planes() {
            let stride = bytes + self.padding;
            machine.fill(addr, &plane(bytes, lines, self.padding, seed + self.number));
            planes.push((addr, stride as u32));
            addr += (stride * lines) as u64 + 5;
        }
        planes
    }

    /// Writes source, headers, unit table and descriptor, and zeroes the result. Returns the
    /// descriptor, for a test to spoil.
    pub(crate) fn prepare(&self, machine: &Machine, seed: u32) -> Vec<u8> {
        let mut units = UnitTable::default();
        if self.number == 0 {
            units.add(&self.sps(), None);
            units.add(&self.pps(), None);
        }
        for (first, rows) in self.slices() {
            units.add(&self.slice_header(first), Some((first, rows)));
        }
        let (header, table) = (&units.header, &units.table);
        units.fill(machine);

        let mut out = vec![0; 256];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        put(0x00, &[1, 0, 0, 0, 1, 0, 0, 0]);
        put(0x08, &[u8::from(self.all_skip)]);
        put(0x0c, &[if self.number == 0 { 2 } else { 0 }]);
        put(0x0d, &[self.qp, self.chroma_offset as u8]);
        put(0x10, &self.width_mbs().to_le_bytes());
        put(0x12, &self.height_mbs().to_le_bytes());
        put(0x18, &[self.disable_deblocking]);
        put(0x1b, &[self.forced_intra.len() as u8]);
        put(0x1c, &((table.len() / 32) as u16).to_le_bytes());
        if !self.all_skip {
            put(0x0f, &[self.format]);
            put(0x14, &self.width.to_le_bytes());
            put(0x16, &self.height.to_le_bytes());
            for (i, (addr, stride)) in self.fill_source(machine, seed).into_iter().enumerate() {
                put(0x20 + 4 * i, &stride.to_le_bytes());
                put(0x30 + 8 * i, &addr.to_le_bytes());
            }
        }
        if self.number > 0 {
            let reference = RECON[(self.number as usize - 1) % 2];
            put(0x48, &reference.to_le_bytes());
        }
        put(0x50, &self.recon().to_le_bytes());
        put(0x58, &OUTPUT.to_le_bytes());
        put(0x60, &OUTPUT_SIZE.to_le_bytes());
        put(0x64, &(header.len() as u32).to_le_bytes());
        put(0x68, &HEADER.to_le_bytes());
        put(0x70, &UNITS.to_le_bytes());
        if let Some(control) = &self.control {
            control.fill(machine);
            put(0x78, &CONTROL.to_le_bytes());
        }
        for (i, &(first, count)) in self.forced_intra.iter().enumerate() {
            put(0x80 + 8 * i, &first.to_le_bytes());
            put(0x84 + 8 * i, &count.to_le_bytes());
        }
        machine.fill(DESCRIPTOR, &out);
        machine.fill(DESCRIPTOR + 256, &[0; 256]);
        out
    }

    pub(crate) fn recon(&self) -> u64 {
        RECON[self.number as usize % 2]
    }
}

/// A sample of a picture of gradients with some noise, so that all kinds of macroblocks are used.
pub(crate) fn sample(x: usize, y: usize, seed: u32) -> u8 {
    let shift = seed as usize;
    let wave = 3 * (x + 2 * shift) + 2 * (y + shift) + ((x / 8 + y / 8) % 2) * 40;
    let noise = (x as u32 * 7919 + y as u32 * 104_729 + seed).wrapping_mul(2_654_435_761) >> 28;
    (wave % 200) as u8 + noise as u8
}

/// The lines of a plane, each with `padding` behind it that is no part of the picture.
fn plane(line: usize, lines: usize, padding: usize, seed: u32) -> Vec<u8> {
    (0..lines)
        .flat_map(|y| {
            let picture = (0..line).map(move |x| sample(x, y, seed));
            picture.chain(std::iter::repeat_n(0xee, padding))
        })
        .collect()
}

/// A directory of one test.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// MD5 of each picture that FFmpeg decodes.
pub(crate) fn decode(directory: &Path, stream: &[u8]) -> Vec<String> {
    let file = directory.join("stream.h264");
    fs::write(&file, stream).unwrap();
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-f", "h264", "-i"])
        .arg(&file)
        .args(["-pix_fmt", "yuv420p", "-fps_mode", "passthrough"])
        .args(["-f", "framemd5", "-"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit(", ").next().unwrap().to_string())
        .collect()
}
