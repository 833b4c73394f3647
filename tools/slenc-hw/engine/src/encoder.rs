// SPDX-License-Identifier: GPL-2.0

//! The encoder: rows of macroblocks shared out to threads, and the units put together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::bits::BitWriter;
use crate::check::check;
use crate::deblock::{Deblocker, Row};
use crate::inter::reference::Reference;
use crate::macroblock::Lower;
use crate::mode::Coder;
use crate::nal::NalWriter;
use crate::picture_job::PictureJob;
use crate::row::{code_row, Alarm, RowOutput, RowTarget};
use crate::simd::{best, Kernels};
use crate::{Error, Picture, PictureType, Source, Stats, MAX_REFERENCES};

/// Pictures of fewer macroblocks are coded by one thread: starting another takes longer.
const THREADED_MBS: usize = 200;

/// Scratch memory and threads of an encoder.
pub struct Encoder {
    kernels: &'static Kernels,
    references: [Reference; MAX_REFERENCES],
    coders: Vec<Coder>,
    lower: Vec<OnceLock<Lower>>,
    outputs: Vec<RowOutput>,
    slice: BitWriter,
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
        self.outputs
            .resize_with(picture.height_mbs, RowOutput::default);
        match (picture.source, references) {
            (Some(source), _) => self.code_rows(stop, picture, source, references, recon),
            (None, [reference, ..]) => {
                // P_Skip without motion, and no edge between blocks that is filtered.
                recon.copy_from_slice(reference);
                for row in &mut self.outputs {
                    row.skip_all(picture.width_mbs, picture.qp);
                }
            }
            (None, []) => return Err(Error::Invalid("neither source nor reference")),
        }
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        self.write_units(picture, output, unit_bytes)
    }

    /// Codes all rows and filters them.
    fn code_rows(
        &mut self,
        stop: &AtomicBool,
        picture: &Picture<'_>,
        source: Source<'_>,
        references: &[&[u8]],
        recon: &mut [u8],
    ) {
        let (width, height) = (picture.width_mbs, picture.height_mbs);
        let mbs = width * height;
        self.lower
            .iter_mut()
            .for_each(|cell| *cell = OnceLock::new());
        self.lower.resize_with(mbs, OnceLock::new);
        self.forced_intra.clear();
        if !picture.forced_intra.is_empty() {
            self.forced_intra.resize(mbs, false);
            for range in picture.forced_intra {
                self.forced_intra[range.start as usize..range.end as usize].fill(true);
            }
        }
        let mut count = 0;
        if picture.picture_type == PictureType::P {
            count = references.len();
            for (to, samples) in self.references.iter_mut().zip(references) {
                to.prepare(samples, width, height, self.kernels);
            }
        }
        let references = &self.references[..count];
        let job = PictureJob::new(
            self.kernels,
            picture,
            source,
            references,
            &self.forced_intra,
        );

        let mut slice_starts = vec![false; height];
        for (first, _) in picture.units.iter().filter_map(|unit| unit.rows) {
            slice_starts[first] = true;
        }
        let failed = AtomicBool::new(false);
        let (luma, chroma) = recon.split_at_mut(mbs * 256);
        let targets = luma
            .chunks_exact_mut(width * 256)
            .zip(chroma.chunks_exact_mut(width * 128))
            .zip(&mut self.outputs)
            .enumerate()
            .map(|(y, ((luma, chroma), output))| RowTarget {
                y,
                luma,
                chroma,
                above: (!slice_starts[y]).then(|| &self.lower[(y - 1) * width..y * width]),
                own: &self.lower[y * width..(y + 1) * width],
                output,
                failed: &failed,
            });
        let targets = Mutex::new(targets);
        let filter = Mutex::new(Filter {
            deblocker: Deblocker {
                parameters: picture.deblocking,
                chroma_qp_index_offset: picture.chroma_qp_index_offset,
                kernels: self.kernels,
                width_mbs: width,
            },
            slice_starts: &slice_starts,
            rows: (0..height).map(|_| None).collect(),
            done: 0,
        });

        // A row that is taken needs the rows above, which were taken before: stopping leaves
        // none waiting.
        let work = |coder: &mut Coder| {
            while !stop.load(Ordering::Relaxed) {
                let next = targets
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .next();
                let Some(mut target) = next else { break };
                let _alarm = Alarm(&failed);
                let infos = code_row(&job, coder, &mut target);
                let row = Row {
                    luma: target.luma,
                    chroma: target.chroma,
                    infos,
                };
                let mut filter = filter.lock().unwrap_or_else(PoisonError::into_inner);
                filter.add(target.y, row);
            }
        };
        let threads = if mbs < THREADED_MBS { 1 } else { height };
        let mut coders = self.coders.iter_mut().take(threads);
        std::thread::scope(|scope| {
            let own = coders.next();
            for coder in coders {
                scope.spawn(|| work(coder));
            }
            own.map(work);
        });
    }

    /// Puts the units together.
    fn write_units(
        &mut self,
        picture: &Picture<'_>,
        output: &mut [u8],
        unit_bytes: &mut [u32],
    ) -> Result<Stats, Error> {
        let mut stats = Stats {
            qp_min: u8::MAX,
            ..Stats::default()
        };
        let mut writer = NalWriter::new(output);
        for (unit, bytes) in picture.units.iter().zip(unit_bytes) {
            stats.header_bits += 8 * u32::from(unit.start_code) + unit.bit_length as u32;
            let Some((first, count)) = unit.rows else {
                let bits = &unit.bits[..unit.bit_length / 8];
                *bytes = writer.write(unit.start_code, bits)? as u32;
                continue;
            };
            self.slice.clear();
            self.slice.put_bits_of(unit.bits, unit.bit_length);
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
                add(&mut stats, &row.stats);
            }
            if skips > 0 {
                self.slice.put_ue(skips);
            }
            self.slice.put_trailing_bits();
            stats.slice_data_bits += (self.slice.len() - unit.bit_length) as u32;
            *bytes = writer.write(unit.start_code, self.slice.finish())? as u32;
        }
        stats.bytes = writer.used() as u32;
        stats.emulation_bytes = writer.emulation();
        Ok(stats)
    }
}

/// Adds the counts of a row.
fn add(sum: &mut Stats, row: &Stats) {
    sum.qp_sum += row.qp_sum;
    sum.qp_min = sum.qp_min.min(row.qp_min);
    sum.qp_max = sum.qp_max.max(row.qp_max);
    sum.nonzero += row.nonzero;
    sum.intra_mbs += row.intra_mbs;
    sum.skip_mbs += row.skip_mbs;
    sum.pcm_mbs += row.pcm_mbs;
    sum.sad_sum += row.sad_sum;
    sum.mad_sum += row.mad_sum;
}

/// Rows on their way through the deblocking filter, which takes them in order.
struct Filter<'a> {
    deblocker: Deblocker<'a>,
    slice_starts: &'a [bool],
    rows: Vec<Option<Row<'a>>>,
    done: usize,
}

impl<'a> Filter<'a> {
    fn add(&mut self, y: usize, row: Row<'a>) {
        self.rows[y] = Some(row);
        let idc = self.deblocker.parameters.disable_idc;
        while let Some((above, [Some(row), ..])) = self.rows.split_at_mut_checked(self.done) {
            let within = idc == 0 || !self.slice_starts[self.done];
            if idc != 1 {
                let above = above.last_mut().and_then(Option::as_mut);
                self.deblocker.filter_row(row, above.filter(|_| within));
            }
            self.done += 1;
        }
    }
}
