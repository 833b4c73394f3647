// SPDX-License-Identifier: GPL-2.0

//! The encoder: its memory, and the units put together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

use crate::analysis::analyse;
use crate::bits::BitWriter;
use crate::check::{check, check_analysis};
use crate::inter::reference::Reference;
use crate::macroblock::Lower;
use crate::mode::Coder;
use crate::nal::NalWriter;
use crate::picture_job::PictureJob;
use crate::row_output::RowOutput;
use crate::rows::Rows;
use crate::serial::{Record, Serial};
use crate::simd::{best, Kernels};
use crate::slice_header;
use crate::zero_words;
use crate::{Analysis, EntropyCoding, Error, Picture, PictureType, Source, Stats, MAX_REFERENCES};

/// Scratch memory and threads of an encoder.
pub struct Encoder {
    kernels: &'static Kernels,
    references: [Reference; MAX_REFERENCES],
    coders: Vec<Coder>,
    lower: Vec<OnceLock<Lower>>,
    outputs: Vec<RowOutput>,
    slice: BitWriter,
    serial: Serial,
    records: Vec<Record>,
    forced_intra: Vec<bool>,
}

impl Encoder {
    /// Creates an encoder that uses up to `threads` threads; the output does not depend on it.
    pub fn new(threads: usize) -> Self {
        Self::with_kernels(threads, best())
    }

    /// Creates an encoder that uses no instructions beyond the target's; the output is the same.
    pub fn portable(threads: usize) -> Self {
        Self::with_kernels(threads, crate::simd::portable())
    }

    fn with_kernels(threads: usize, kernels: &'static Kernels) -> Self {
        Self {
            kernels,
            references: Default::default(),
            coders: (0..threads.max(1)).map(|_| Coder::default()).collect(),
            lower: Vec::new(),
            outputs: Vec::new(),
            slice: BitWriter::default(),
            serial: Serial::default(),
            records: Vec::new(),
            forced_intra: Vec::new(),
        }
    }

    /// Encodes one picture.
    ///
    /// `references` are the reconstructions a P picture refers to, RefPicList0 in its order
    /// without a picture twice: num_ref_idx_l0_active_minus1 of the slices is one less than there
    /// are. An I picture ignores them. `recon` receives this picture's. All are in the layout
    /// of the hardware manual (luma of the coded size, then interleaved chroma). `unit_bytes`
    /// receives the size of each unit of `picture.units`.
    ///
    /// # Errors
    ///
    /// [`Error::OutputFull`] when `output` is too small; [`Error::Invalid`] when the arguments
    /// contradict each other.
    pub fn encode(
        &mut self,
        picture: &Picture<'_>,
        references: &[&[u8]],
        recon: &mut [u8],
        output: &mut [u8],
        unit_bytes: &mut [u32],
    ) -> Result<Stats, Error> {
        let never = AtomicBool::new(false);
        self.encode_unless(&never, picture, references, recon, output, unit_bytes)
    }

    /// As [`Encoder::encode`], but looks at `stop` before each row of macroblocks.
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode`], and [`Error::Stopped`] when `stop` was set in time.
    pub fn encode_unless(
        &mut self,
        stop: &AtomicBool,
        picture: &Picture<'_>,
        references: &[&[u8]],
        recon: &mut [u8],
        output: &mut [u8],
        unit_bytes: &mut [u32],
    ) -> Result<Stats, Error> {
        check(picture, references, recon, unit_bytes)?;
        self.note_forced_intra(picture);
        let serial = picture.entropy_coding != EntropyCoding::Cavlc
            || !picture.qp_offsets.is_empty()
            || picture.in_frame.is_some();
        let (mut count, mut prepared) = (0, 0);
        if picture.picture_type == PictureType::P {
            count = references.len();
        }
        if picture.source.is_some() {
            prepared = count;
            for (to, samples) in self.references[..count].iter_mut().zip(references) {
                to.prepare(samples, picture.width_mbs, picture.height_mbs, self.kernels);
            }
        }
        let job = PictureJob::new(
            self.kernels,
            picture,
            &self.references[..prepared],
            count,
            &self.forced_intra,
        );
        let mut rows = Rows {
            job: &job,
            stop,
            coders: &mut self.coders,
            lower: &mut self.lower,
            sse: [0; 3],
        };
        if serial {
            self.serial.begin_picture(&job);
            self.records
                .resize_with(picture.height_mbs, Record::default);
            match (picture.source, references) {
                (Some(_), _) => rows.code_serially(&mut self.serial, &mut self.records, recon),
                (None, [reference, ..]) => {
                    recon.copy_from_slice(reference);
                    self.serial.skip_all(&job);
                }
                (None, []) => return Err(Error::Invalid("neither source nor reference")),
            }
        } else {
            self.outputs
                .resize_with(picture.height_mbs, RowOutput::default);
            match (picture.source, references) {
                (Some(_), _) => rows.code_apart(&mut self.outputs, recon),
                (None, [reference, ..]) => {
                    // P_Skip without motion, and no edge between blocks that is filtered.
                    recon.copy_from_slice(reference);
                    for row in &mut self.outputs {
                        row.skip_all(picture.width_mbs, picture.qp);
                    }
                }
                (None, []) => return Err(Error::Invalid("neither source nor reference")),
            }
        }
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        let sse = (picture.measure_sse && picture.source.is_some()).then_some(rows.sse);
        let stats = if serial {
            write_payloads(picture, &self.serial, output, unit_bytes)?
        } else {
            self.write_units(picture, count, output, unit_bytes)?
        };
        Ok(Stats { sse, ..stats })
    }

    /// Analyses a source picture of a coded size in macroblocks, against the reconstruction of
    /// an earlier picture if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the arguments contradict each other.
    pub fn analyse(
        &mut self,
        width_mbs: usize,
        height_mbs: usize,
        source: &Source<'_>,
        reference: Option<&[u8]>,
    ) -> Result<Analysis, Error> {
        let never = AtomicBool::new(false);
        self.analyse_unless(&never, width_mbs, height_mbs, source, reference)
    }

    /// As [`Encoder::analyse`], but looks at `stop` before each row of macroblocks.
    ///
    /// # Errors
    ///
    /// As [`Encoder::analyse`], and [`Error::Stopped`] when `stop` was set in time.
    pub fn analyse_unless(
        &mut self,
        stop: &AtomicBool,
        width_mbs: usize,
        height_mbs: usize,
        source: &Source<'_>,
        reference: Option<&[u8]>,
    ) -> Result<Analysis, Error> {
        check_analysis(width_mbs, height_mbs, source, reference)?;
        if let Some(samples) = reference {
            self.references[0].prepare_full(samples, width_mbs, height_mbs);
        }
        let reference = reference.map(|_| &self.references[0]);
        let size = (width_mbs, height_mbs);
        analyse(self.kernels, stop, source, size, reference).ok_or(Error::Stopped)
    }

    fn note_forced_intra(&mut self, picture: &Picture<'_>) {
        self.forced_intra.clear();
        if !picture.forced_intra.is_empty() {
            let mbs = picture.width_mbs * picture.height_mbs;
            self.forced_intra.resize(mbs, false);
            for range in picture.forced_intra {
                self.forced_intra[range.start as usize..range.end as usize].fill(true);
            }
        }
    }

    /// Puts the units together from rows that were coded apart.
    fn write_units(
        &mut self,
        picture: &Picture<'_>,
        references: usize,
        output: &mut [u8],
        unit_bytes: &mut [u32],
    ) -> Result<Stats, Error> {
        let mut stats = Stats {
            qp_min: u8::MAX,
            ..Stats::default()
        };
        let mut writer = NalWriter::new(output);
        for (unit, bytes) in picture.units.iter().zip(unit_bytes) {
            stats.header_bits += 8 * u32::from(unit.start_code);
            let Some((first, count)) = unit.rows else {
                stats.header_bits += unit.bit_length as u32;
                let bits = &unit.bits[..unit.bit_length / 8];
                *bytes = writer.write(unit.start_code, bits)? as u32;
                continue;
            };
            self.slice.clear();
            slice_header::put(picture, unit, references, &mut self.slice);
            let header_bits = self.slice.len();
            stats.header_bits += header_bits as u32;
            let mut skips = 0;
            for row in &mut self.outputs[first..first + count] {
                skips += row.leading_skips;
                if !row.is_empty() {
                    if picture.picture_type == PictureType::P {
                        self.slice.put_ue(skips);
                    }
                    row.append_to(&mut self.slice);
                    skips = row.trailing_skips;
                }
                stats.add(&row.stats);
            }
            if skips > 0 {
                self.slice.put_ue(skips);
            }
            self.slice.put_trailing_bits();
            stats.slice_data_bits += (self.slice.len() - header_bits) as u32;
            *bytes = writer.write(unit.start_code, self.slice.finish())? as u32;
        }
        stats.bytes = writer.used() as u32;
        stats.emulation_bytes = writer.emulation();
        Ok(stats)
    }
}

/// Puts the units together from slices that were coded in order.
fn write_payloads(
    picture: &Picture<'_>,
    serial: &Serial,
    output: &mut [u8],
    unit_bytes: &mut [u32],
) -> Result<Stats, Error> {
    let mut stats = *serial.stats();
    let mut writer = NalWriter::new(output);
    let mut payloads = serial.payloads().iter();
    let mut slice_bytes = 0;
    for (unit, bytes) in picture.units.iter().zip(unit_bytes) {
        stats.header_bits += 8 * u32::from(unit.start_code);
        let Some(payload) = unit.rows.and_then(|_| payloads.next()) else {
            stats.header_bits += unit.bit_length as u32;
            let bits = &unit.bits[..unit.bit_length / 8];
            *bytes = writer.write(unit.start_code, bits)? as u32;
            continue;
        };
        stats.header_bits += payload.header_bits as u32;
        stats.slice_data_bits += (8 * payload.bytes.len() - payload.header_bits) as u32;
        *bytes = writer.write(unit.start_code, &payload.bytes)? as u32;
        slice_bytes += u64::from(*bytes) - u64::from(unit.start_code);
        if payloads.len() == 0 {
            let mbs = picture.width_mbs * picture.height_mbs;
            let words = zero_words::count(serial.bins(), slice_bytes, mbs);
            stats.slice_data_bits += 16 * words;
            *bytes += writer.write_zero_words(words)? as u32;
        }
    }
    stats.bytes = writer.used() as u32;
    stats.emulation_bytes = writer.emulation();
    Ok(stats)
}
