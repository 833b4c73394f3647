// SPDX-License-Identifier: GPL-2.0

//! Slice data coded one macroblock after the other: CABAC, whose contexts know all that came
//! before, and CAVLC where each mb_qp_delta depends on the macroblock before.

mod control;
mod record;

use crate::bits::BitWriter;
use crate::budget::Budget;
use crate::cabac::Cabac;
use crate::macroblock::{Kind, MbInfo, Neighbours};
use crate::mode::{Coder, Decided};
use crate::picture_job::PictureJob;
use crate::row::Sink;
use crate::row_control::RowControl;
use crate::slice_header;
use crate::source::Samples;
use crate::syntax::{
    put_macroblock, put_pcm_samples, put_pcm_type, Macroblock, Residual, TooLarge,
};
use crate::{EntropyCoding, PictureType, Stats, Unit};

pub(crate) use record::Record;

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
    /// Column and row of the next macroblock.
    x: usize,
    y: usize,
    /// First row behind the slice.
    slice_end: usize,
    payloads: Vec<Payload>,
    used: usize,
    /// Bins of the picture.
    bins: u64,
    /// Bits of slice data of the slices that are ended.
    coded: u64,
    rows: Option<RowControl>,
    /// What keeps the picture to a maximum.
    budget: Option<Budget>,
    /// Macroblocks coded as their least before the row.
    forced_before: u32,
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
    pub(crate) fn begin_picture(&mut self, job: &PictureJob<'_>) {
        self.used = 0;
        self.bins = 0;
        self.coded = 0;
        self.forced_before = 0;
        self.stats = Stats {
            qp_min: u8::MAX,
            ..Stats::default()
        };
        let control = job.picture.in_frame;
        self.rows = control.map(|_| RowControl::new(job.qp, job.height_mbs));
        self.budget = None;
        if let Some(control) = control.filter(|control| control.hard_max) {
            self.begin_budget(job, &control);
        }
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

    /// Begins a row, and gives its QP.
    fn begin_row(&mut self, job: &PictureJob<'_>, y: usize) -> u8 {
        let slices = job.picture.units.iter();
        let mut slices = slices.filter_map(|unit| unit.rows.map(|rows| (unit, rows)));
        if let Some((unit, (_, rows))) = slices.find(|(_, (first, _))| *first == y) {
            self.slice_end = y + rows;
            self.begin_slice(job, unit, rows);
        }
        (self.x, self.y) = (0, y);
        self.cabac.begin_row();
        self.control_row(job)
    }

    /// Bits of the slice so far with its header.
    fn slice_bits(&self, is_cabac: bool) -> usize {
        if is_cabac {
            self.cabac.len()
        } else {
            self.writer.len()
        }
    }

    fn put_header(&mut self, job: &PictureJob<'_>, unit: &Unit<'_>) {
        self.writer.clear();
        slice_header::put(job.picture, unit, job.reference_count, &mut self.writer);
    }

    fn begin_slice(&mut self, job: &PictureJob<'_>, unit: &Unit<'_>, rows: usize) {
        self.qp = job.qp;
        self.skips = 0;
        self.put_header(job, unit);
        if self.used == self.payloads.len() {
            self.payloads.push(Payload::default());
        }
        let header_bits = self.writer.len();
        self.payloads[self.used].header_bits = header_bits;
        self.begin_budget_of_slice(job, rows);
        if let EntropyCoding::Cabac { init_idc } = job.picture.entropy_coding {
            self.writer.align_one();
            let header = self.writer.finish();
            let idc = init_idc_of(job.picture_type, init_idc);
            self.cabac.begin(header, job.width_mbs, idc, job.qp);
        }
    }

    fn end_slice(&mut self, is_cabac: bool) {
        let payload = &mut self.payloads[self.used];
        payload.bytes.clear();
        let mut bins = 0;
        if is_cabac {
            payload.bytes.extend_from_slice(self.cabac.bytes());
            bins = self.cabac.bins();
        } else {
            if self.skips > 0 {
                self.writer.put_ue(self.skips);
            }
            self.writer.put_trailing_bits();
            payload.bytes.extend_from_slice(self.writer.finish());
        }
        if let Some(budget) = &mut self.budget {
            budget.end_slice(&payload.bytes, payload.header_bits, bins);
        }
        self.bins += bins;
        self.coded += (8 * payload.bytes.len() - payload.header_bits) as u64;
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
        let info = self.put_one(job, &next, samples)?;
        self.end_macroblock(job);
        Ok(info)
    }

    fn put_one(
        &mut self,
        job: &PictureJob<'_>,
        next: &Next<'_>,
        samples: Option<&Samples>,
    ) -> Result<MbInfo, TooLarge> {
        let is_cabac = is_cabac(job);
        let info = match &next.decided.prediction {
            None => self.put_skipped(is_cabac, &next.decided),
            Some(_) => self.put_coded(job, next, samples, is_cabac)?,
        };
        self.stats.note_decision(&next.decided);
        self.stats.note_qp(self.qp);
        Ok(info)
    }

    /// Goes on to the next macroblock, when the present one stays.
    fn end_macroblock(&mut self, job: &PictureJob<'_>) {
        let is_cabac = is_cabac(job);
        self.x += 1;
        let is_last = self.y + 1 == self.slice_end && self.x == job.width_mbs;
        if is_cabac {
            self.cabac.end_macroblock(is_last);
        }
        if is_last {
            self.end_slice(is_cabac);
        }
    }

    /// Codes the next macroblock, as I_PCM if it does not fit its limits.
    fn put_direct(
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
            .put_one(job, &next, Some(&coder.source))
            .unwrap_or(decided.info);
        if info.kind == Kind::Pcm {
            coder.recon.clone_from(&coder.source);
        }
        info
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
    fn begin(&mut self, job: &PictureJob<'_>, y: usize) -> u8 {
        self.begin_row(job, y)
    }

    fn put(
        &mut self,
        job: &PictureJob<'_>,
        coder: &mut Coder,
        decided: Decided,
        neighbours: Neighbours<'_>,
    ) -> MbInfo {
        let info = match self.budget {
            Some(_) => self.put_within(job, coder, decided, neighbours),
            None => self.put_direct(job, coder, decided, neighbours),
        };
        self.end_macroblock(job);
        self.settle(job);
        info
    }
}

fn is_cabac(job: &PictureJob<'_>) -> bool {
    job.picture.entropy_coding != EntropyCoding::Cavlc
}

/// cabac_init_idc, which I slices do not have.
fn init_idc_of(picture_type: PictureType, init_idc: u8) -> Option<u8> {
    (picture_type == PictureType::P).then_some(init_idc)
}
