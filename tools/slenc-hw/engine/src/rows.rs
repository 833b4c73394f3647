// SPDX-License-Identifier: GPL-2.0

//! The rows of a picture, shared out to threads, coded and filtered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::deblock::{Deblocker, Row};
use crate::macroblock::{Lower, MbInfo, Neighbours};
use crate::mode::{Coder, Decided};
use crate::picture_job::PictureJob;
use crate::row::{code_row, Alarm, RowTarget, Sink};
use crate::row_output::RowOutput;
use crate::serial::{Record, Serial};
use crate::sse;
use crate::syntax::TooLarge;
use crate::Source;

/// Pictures of fewer macroblocks are coded by one thread: starting another takes longer.
const THREADED_MBS: usize = 200;

/// What the rows of a picture are coded with.
pub(crate) struct Rows<'a> {
    pub(crate) job: &'a PictureJob<'a>,
    /// Ends the work before the next row.
    pub(crate) stop: &'a AtomicBool,
    pub(crate) coders: &'a mut [Coder],
    pub(crate) lower: &'a mut Vec<OnceLock<Lower>>,
    /// Squared differences of the picture, if it asks for them.
    pub(crate) sse: [u64; 3],
}

impl Rows<'_> {
    /// Codes rows that do not depend on each other but for their samples and vectors.
    pub(crate) fn code_apart(&mut self, outputs: &mut [RowOutput], recon: &mut [u8]) {
        let threads = self.threads();
        // Nothing is left to be coded, and so nothing is too large.
        let _ = self.code(outputs, recon, threads, |_, _, _| Ok(()));
    }

    /// Codes rows whose entropy coding goes from one macroblock to the next: with several
    /// threads, decisions are recorded and coded when it is their turn. Rate control within the
    /// picture leaves no row to a second thread.
    pub(crate) fn code_serially(
        &mut self,
        serial: &mut Serial,
        records: &mut [Record],
        recon: &mut [u8],
    ) {
        let job = self.job;
        // The QP of a row and the room for each macroblock depend on the bits of all before.
        let threads = match job.picture.in_frame {
            Some(_) => 1,
            None => self.threads(),
        };
        if threads > 1 {
            let coded = self.code(records, recon, threads, |record, above, infos| {
                serial.put_row(job, record, above, infos)
            });
            if coded.is_ok() {
                return;
            }
            // A macroblock has to be I_PCM, which those decided on since did not know. That is
            // rare enough to begin anew, with each macroblock coded before the next decision.
            serial.begin_picture(job);
        }
        let serial = Mutex::new(serial);
        let mut rows: Vec<_> = (0..self.job.height_mbs).map(|_| Direct(&serial)).collect();
        // All is coded by the sink.
        let _ = self.code(&mut rows, recon, 1, |_, _, _| Ok(()));
    }

    fn threads(&self) -> usize {
        let (width, height) = (self.job.width_mbs, self.job.height_mbs);
        if width * height < THREADED_MBS {
            1
        } else {
            self.coders.len().min(height)
        }
    }

    /// Decides on all rows, and has them finished in order: by `finish`, which gets a row's sink, the
    /// macroblocks above it in its slice and its own, and then by the deblocking filter.
    fn code<S: Sink + Send>(
        &mut self,
        sinks: &mut [S],
        recon: &mut [u8],
        threads: usize,
        finish: impl FnMut(&mut S, Option<&[MbInfo]>, &mut [MbInfo]) -> Result<(), TooLarge> + Send,
    ) -> Result<(), TooLarge> {
        let (job, stop) = (self.job, self.stop);
        let (width, height) = (job.width_mbs, job.height_mbs);
        let mbs = width * height;
        self.lower
            .iter_mut()
            .for_each(|cell| *cell = OnceLock::new());
        self.lower.resize_with(mbs, OnceLock::new);
        let lower = &*self.lower;

        let mut slice_starts = vec![false; height];
        for (first, _) in job.picture.units.iter().filter_map(|unit| unit.rows) {
            slice_starts[first] = true;
        }
        let (failed, too_large) = (AtomicBool::new(false), AtomicBool::new(false));
        let (luma, chroma) = recon.split_at_mut(mbs * 256);
        let targets = luma
            .chunks_exact_mut(width * 256)
            .zip(chroma.chunks_exact_mut(width * 128))
            .zip(sinks)
            .enumerate()
            .map(|(y, ((luma, chroma), sink))| {
                let target = RowTarget {
                    y,
                    luma,
                    chroma,
                    above: (!slice_starts[y]).then(|| &lower[(y - 1) * width..y * width]),
                    own: &lower[y * width..(y + 1) * width],
                    failed: &failed,
                };
                (target, sink)
            });
        let targets = Mutex::new(targets);
        let finisher = Mutex::new(Finisher {
            deblocker: Deblocker {
                parameters: job.picture.deblocking,
                chroma_offsets: job.picture.chroma_offsets(),
                kernels: job.kernels,
                width_mbs: width,
            },
            slice_starts: &slice_starts,
            rows: (0..height).map(|_| None).collect(),
            done: 0,
            finish,
            too_large: &too_large,
            measured: job.source.as_ref().filter(|_| job.picture.measure_sse),
            sse: [0; 3],
        });

        // A row that is taken needs the rows above, which were taken before: stopping leaves
        // none waiting.
        let work = |coder: &mut Coder| {
            while !stop.load(Ordering::Relaxed) && !too_large.load(Ordering::Relaxed) {
                let next = targets
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .next();
                let Some((mut target, sink)) = next else {
                    break;
                };
                let _alarm = Alarm(&failed);
                let infos = code_row(job, coder, &mut target, sink);
                let row = Row {
                    luma: target.luma,
                    chroma: target.chroma,
                    infos,
                };
                let mut finisher = finisher.lock().unwrap_or_else(PoisonError::into_inner);
                finisher.add(target.y, row, sink);
            }
        };
        let mut coders = self.coders.iter_mut().take(threads);
        std::thread::scope(|scope| {
            let own = coders.next();
            for coder in coders {
                scope.spawn(|| work(coder));
            }
            own.map(work);
        });
        if too_large.load(Ordering::Relaxed) {
            return Err(TooLarge);
        }
        let finisher = finisher
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        self.sse = finisher.sse;
        Ok(())
    }
}

/// A row that is coded while it is decided on.
struct Direct<'a>(&'a Mutex<&'a mut Serial>);

impl<'a> Direct<'a> {
    fn serial(&self) -> MutexGuard<'a, &'a mut Serial> {
        // Never shared: there is one thread.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Direct<'_> {
    fn begin(&mut self, job: &PictureJob<'_>, y: usize) -> u8 {
        self.serial().begin(job, y)
    }

    fn put(
        &mut self,
        job: &PictureJob<'_>,
        coder: &mut Coder,
        decided: Decided,
        neighbours: Neighbours<'_>,
    ) -> MbInfo {
        self.serial().put(job, coder, decided, neighbours)
    }
}

/// Rows on their way through entropy coding and the deblocking filter, which take them in order.
struct Finisher<'a, S, F> {
    deblocker: Deblocker<'a>,
    slice_starts: &'a [bool],
    rows: Vec<Option<(Row<'a>, &'a mut S)>>,
    done: usize,
    finish: F,
    too_large: &'a AtomicBool,
    /// The source, if squared differences are wanted.
    measured: Option<&'a Source<'a>>,
    sse: [u64; 3],
}

impl<S, F> Finisher<'_, S, F> {
    /// Adds up squared differences of rows that the filter is through with: the last but one, and
    /// in the end the last.
    fn measure(&mut self) {
        if let Some(y) = self.done.checked_sub(2) {
            self.measure_row(y);
        }
        if self.done == self.rows.len() {
            self.measure_row(self.done - 1);
        }
    }

    fn measure_row(&mut self, y: usize) {
        if let (Some(source), Some((row, _))) = (self.measured, &self.rows[y]) {
            let sums = sse::of_row(source, y, row.luma, row.chroma);
            for (to, sum) in self.sse.iter_mut().zip(sums) {
                *to += sum;
            }
        }
    }
}

impl<'a, S, F> Finisher<'a, S, F>
where
    F: FnMut(&mut S, Option<&[MbInfo]>, &mut [MbInfo]) -> Result<(), TooLarge>,
{
    fn add(&mut self, y: usize, row: Row<'a>, sink: &'a mut S) {
        self.rows[y] = Some((row, sink));
        let idc = self.deblocker.parameters.disable_idc;
        while let Some((above, [Some((row, sink)), ..])) = self.rows.split_at_mut_checked(self.done)
        {
            let is_start = self.slice_starts[self.done];
            let mut above = above.last_mut().and_then(Option::as_mut);
            let in_slice = above.as_ref().filter(|_| !is_start);
            let infos = in_slice.map(|(above, _)| &above.infos[..]);
            if (self.finish)(sink, infos, &mut row.infos).is_err() {
                self.too_large.store(true, Ordering::Relaxed);
            }
            if self.too_large.load(Ordering::Relaxed) {
                return;
            }
            if idc != 1 {
                let within = idc == 0 || !is_start;
                let above = above.as_mut().map(|(above, _)| above);
                self.deblocker.filter_row(row, above.filter(|_| within));
            }
            self.done += 1;
            self.measure();
        }
    }
}
