// SPDX-License-Identifier: GPL-2.0

//! Slice data coded one macroblock after the other: CABAC, whose contexts know all that came
//! before, and CAVLC where each mb_qp_delta depends on the macroblock before.

use crate::bits::BitWriter;
use crate::cabac::Cabac;
use crate::macroblock::{Kind, MbInfo, Neighbours};
use crate::mode::{Coder, Decided};
use crate::picture_job::PictureJob;
use crate::row::Sink;
use crate::slice_header;
use crate::source::Samples;
use crate::syntax::{
    put_macroblock, put_pcm_samples, put_pcm_type, Macroblock, Residual, TooLarge,
};
use crate::{EntropyCoding, PictureType, Stats};

/// The slices of a picture on their way.
#[derive(Default)]
pub(crate) struct Serial {
    cabac: Cabac,
    /// Slice header, and slice data of CAVLC.
    writer: BitWriter,
    /// Skipped macroblocks since the last coded one, of CAVLC.
    skips: u32,
    /// QPY of the macroblock before.
    qp: u8,
    /// Column of the next macroblock.
    x: usize,
    /// The row ends its slice.
    ends_slice: bool,
    payloads: Vec<Payload>,
    used: usize,
    /// Bins of the picture.
    bins: u64,
    /// Counts of the picture; nothing of headers.
    stats: Stats,
}

/// A slice without emulation prevention.
#[derive(Default)]
pub(crate) struct Payload {
    pub(crate) bytes: Vec<u8>,
    /// Bits of NAL unit header and slice header.
    pub(crate) header_bits: usize,
}

/// What a slice needs of a macroblock.
struct Next<'a> {
    decided: Decided,
    residual: &'a Residual,
    neighbours: Neighbours<'a>,
}

impl Serial {
    /// Begins a picture.
    pub(crate) fn begin_picture(&mut self) {
        self.used = 0;
        self.bins = 0;
        self.stats = Stats {
            qp_min: u8::MAX,
            ..Stats::default()
        };
    }

    /// The slices of the picture.
    pub(crate) fn payloads(&self) -> &[Payload] {
        &self.payloads[..self.used]
    }

    /// Bins of all slices.
    pub(crate) fn bins(&self) -> u64 {
        self.bins
    }

    /// Counts of all slices.
    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    fn begin_row(&mut self, job: &PictureJob<'_>, y: usize) {
        let slices = job.picture.units.iter();
        let mut slices = slices.filter_map(|unit| unit.rows.map(|rows| (unit, rows)));
        if let Some((unit, _)) = slices.clone().find(|(_, (first, _))| *first == y) {
            self.begin_slice(job, unit);
        }
        self.ends_slice = slices.any(|(_, (first, count))| first + count == y + 1);
        self.x = 0;
        self.cabac.begin_row();
    }

    fn begin_slice(&mut self, job: &PictureJob<'_>, unit: &crate::Unit<'_>) {
        self.qp = job.qp;
        self.skips = 0;
        self.writer.clear();
        slice_header::put(job.picture, unit, job.reference_count, &mut self.writer);
        if self.used == self.payloads.len() {
            self.payloads.push(Payload::default());
        }
        self.payloads[self.used].header_bits = self.writer.len();
        if let EntropyCoding::Cabac { init_idc } = job.picture.entropy_coding {
            self.writer.align_one();
            let idc = (job.picture_type == PictureType::P).then_some(init_idc);
            let header = self.writer.finish();
            self.cabac.begin(header, job.width_mbs, idc, job.qp);
        }
    }

    fn end_slice(&mut self, is_cabac: bool) {
        let payload = &mut self.payloads[self.used].bytes;
        payload.clear();
        if is_cabac {
            payload.extend_from_slice(self.cabac.bytes());
            self.bins += self.cabac.bins();
        } else {
            if self.skips > 0 {
                self.writer.put_ue(self.skips);
            }
            self.writer.put_trailing_bits();
            payload.extend_from_slice(self.writer.finish());
        }
        self.used += 1;
    }

    /// Codes the next macroblock, as I_PCM of `samples` if it does not fit its limits and there
    /// are any.
    fn put_next(
        &mut self,
        job: &PictureJob<'_>,
        next: Next<'_>,
        samples: Option<&Samples>,
    ) -> Result<MbInfo, TooLarge> {
        let is_cabac = job.picture.entropy_coding != EntropyCoding::Cavlc;
        let info = match &next.decided.prediction {
            None => self.put_skipped(is_cabac, &next.decided),
            Some(_) => self.put_coded(job, &next, samples, is_cabac)?,
        };
        self.stats.note_decision(&next.decided);
        self.stats.note_qp(self.qp);
        self.x += 1;
        let is_last = self.ends_slice && self.x == job.width_mbs;
        if is_cabac {
            self.cabac.end_macroblock(is_last);
        }
        if is_last {
            self.end_slice(is_cabac);
        }
        Ok(info)
    }

    fn put_skipped(&mut self, is_cabac: bool, decided: &Decided) -> MbInfo {
        if is_cabac {
            self.cabac.put_skip_flag(self.x, true);
        } else {
            self.skips += 1;
        }
        self.stats.skip_mbs += 1;
        MbInfo {
            qp: self.qp,
            ..decided.info
        }
    }

    fn put_coded(
        &mut self,
        job: &PictureJob<'_>,
        next: &Next<'_>,
        samples: Option<&Samples>,
        is_cabac: bool,
    ) -> Result<MbInfo, TooLarge> {
        let mut info = next.decided.info;
        let Some(prediction) = &next.decided.prediction else {
            return Ok(info);
        };
        if job.picture_type == PictureType::P {
            if is_cabac {
                self.cabac.put_skip_flag(self.x, false);
            } else {
                self.writer.put_ue(std::mem::take(&mut self.skips));
            }
        }
        // QPY is modulo 52, and mb_qp_delta from -26 to 25; clause 7.4.5.
        let delta = (i32::from(info.qp) - i32::from(self.qp) + 26).rem_euclid(52) - 26;
        let macroblock = Macroblock {
            prediction,
            residual: next.residual,
            transform_8x8: info.transform_8x8,
            qp_delta: delta,
        };
        let written = if is_cabac {
            self.cabac
                .put_macroblock(job, self.x, &macroblock, &mut info)
        } else {
            put_macroblock(
                &mut self.writer,
                job,
                &macroblock,
                next.neighbours,
                &mut info,
            )
        };
        let levels = match (written, samples) {
            (Ok(levels), _) => levels,
            (Err(TooLarge), None) => return Err(TooLarge),
            (Err(TooLarge), Some(samples)) => {
                return Ok(self.put_pcm(job.picture_type, samples, is_cabac));
            }
        };
        if macroblock.has_residual() {
            self.qp = info.qp;
        } else {
            info.qp = self.qp;
        }
        self.stats.intra_mbs += u32::from(info.kind.is_intra());
        self.stats.nonzero += levels;
        Ok(info)
    }

    fn put_pcm(&mut self, picture_type: PictureType, samples: &Samples, is_cabac: bool) -> MbInfo {
        if is_cabac {
            self.cabac.put_pcm(self.x, picture_type, samples);
        } else {
            put_pcm_type(&mut self.writer, picture_type);
            self.writer.align_zero();
            put_pcm_samples(&mut self.writer, samples);
        }
        self.stats.intra_mbs += 1;
        self.stats.pcm_mbs += 1;
        MbInfo::pcm()
    }

    /// Codes a row that was recorded, and completes what is known of its macroblocks. Stops at one
    /// that has to be I_PCM: those after it were decided on without knowing.
    pub(crate) fn put_row(
        &mut self,
        job: &PictureJob<'_>,
        record: &Record,
        above: Option<&[MbInfo]>,
        infos: &mut [MbInfo],
    ) -> Result<(), TooLarge> {
        self.begin_row(job, record.y);
        let mut residuals = record.residuals.iter();
        let none = Residual::default();
        for (x, &decided) in record.decisions.iter().enumerate() {
            let (before, rest) = infos.split_at_mut(x);
            let residual = match decided.prediction {
                Some(_) => residuals.next().unwrap_or(&none),
                None => &none,
            };
            let next = Next {
                decided,
                residual,
                neighbours: Neighbours {
                    left: before.last(),
                    above: above.map(|above| &above[x]),
                },
            };
            rest[0] = self.put_next(job, next, None)?;
        }
        Ok(())
    }

    /// Codes a picture whose macroblocks are all skipped.
    pub(crate) fn skip_all(&mut self, job: &PictureJob<'_>) {
        let none = Residual::default();
        for y in 0..job.height_mbs {
            self.begin_row(job, y);
            for _ in 0..job.width_mbs {
                let next = Next {
                    decided: Decided::skipped(job.qp),
                    residual: &none,
                    neighbours: Neighbours::default(),
                };
                // A skipped macroblock is never too large.
                let _ = self.put_next(job, next, None);
            }
        }
    }
}

/// Coding each macroblock right after the decision on it, for one thread.
impl Sink for Serial {
    fn begin(&mut self, job: &PictureJob<'_>, y: usize) {
        self.begin_row(job, y);
    }

    fn put(
        &mut self,
        job: &PictureJob<'_>,
        coder: &mut Coder,
        decided: Decided,
        neighbours: Neighbours<'_>,
    ) -> MbInfo {
        let next = Next {
            decided,
            residual: &coder.residual,
            neighbours,
        };
        let info = self
            .put_next(job, next, Some(&coder.source))
            .unwrap_or(decided.info);
        if info.kind == Kind::Pcm {
            coder.recon.clone_from(&coder.source);
        }
        info
    }
}

/// The decisions on a row, to be coded when it is its turn.
#[derive(Default)]
pub(crate) struct Record {
    y: usize,
    decisions: Vec<Decided>,
    /// Of the macroblocks that are not skipped.
    residuals: Vec<Residual>,
}

impl Sink for Record {
    fn begin(&mut self, _job: &PictureJob<'_>, y: usize) {
        self.y = y;
        self.decisions.clear();
        self.residuals.clear();
    }

    fn put(
        &mut self,
        _job: &PictureJob<'_>,
        coder: &mut Coder,
        decided: Decided,
        _neighbours: Neighbours<'_>,
    ) -> MbInfo {
        if decided.prediction.is_some() {
            self.residuals.push(coder.residual.clone());
        }
        self.decisions.push(decided);
        decided.info
    }
}
