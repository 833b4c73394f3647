// SPDX-License-Identifier: GPL-2.0

//! Rate control within a picture as its macroblocks are coded: the QP of each row, and macroblocks
//! that are taken back because they leave too little room.

use super::{init_idc_of, is_cabac, Serial};
use crate::bits;
use crate::budget::{Budget, Floor, Progress};
use crate::cabac::{self, Cabac};
use crate::floor;
use crate::in_frame::InFrame;
use crate::macroblock::{Kind, MbInfo, Neighbours};
use crate::mode::{Coder, Decided};
use crate::picture_job::PictureJob;
use crate::{EntropyCoding, PictureType, Stats};

/// A slice before a macroblock, to go back to.
struct Mark {
    code: MarkOfCode,
    skips: u32,
    qp: u8,
    stats: Stats,
}

enum MarkOfCode {
    Cavlc(bits::Mark),
    Cabac(Box<cabac::Mark>),
}

impl Serial {
    /// Begins the budget of a picture with a hard maximum.
    pub(super) fn begin_budget(&mut self, job: &PictureJob<'_>, control: &InFrame<'_>) {
        let mut budget = Budget::new(job.width_mbs * job.height_mbs);
        for unit in job.picture.units {
            if let Some((_, rows)) = unit.rows {
                self.put_header(job, unit);
                let bits = self.writer.len();
                let floor = floor_of_slice(job, rows);
                budget.add_slice(self.writer.finish(), bits, &floor);
            }
        }
        let stats = &mut self.stats.in_frame;
        stats.max_bits = u32::try_from(budget.set_max(control.max_bits.into())).unwrap_or(u32::MAX);
        stats.max_raised = stats.max_bits > control.max_bits;
        self.budget = Some(budget);
    }

    /// Begins a slice of so many rows, whose header is written.
    pub(super) fn begin_budget_of_slice(&mut self, job: &PictureJob<'_>, rows: usize) {
        if let Some(budget) = &mut self.budget {
            let floor = floor_of_slice(job, rows);
            let bits = self.writer.len();
            // Finished, the header could not go on.
            budget.begin_slice(self.writer.clone().finish(), bits, &floor);
        }
    }

    /// Corrects QP for a row.
    pub(super) fn control_row(&mut self, job: &PictureJob<'_>) -> u8 {
        let coded = self.coded_bits(job);
        let (Some(rows), Some(control)) = (&mut self.rows, &job.picture.in_frame) else {
            return job.qp;
        };
        let stats = &mut self.stats.in_frame;
        for (point, bits) in control.checkpoints.iter().zip(&mut stats.checkpoint_bits) {
            if point.row as usize == self.y {
                *bits = coded as u32;
            }
        }
        let was_cut = stats.forced_skips > self.forced_before;
        self.forced_before = stats.forced_skips;
        rows.next(control, self.y as u32, coded, was_cut)
    }

    /// Bits of slice data so far.
    fn coded_bits(&self, job: &PictureJob<'_>) -> u64 {
        let header_bits = self.payloads[self.used].header_bits;
        self.coded + (self.slice_bits(is_cabac(job)) - header_bits) as u64
    }

    fn mark(&self, is_cabac: bool) -> Mark {
        Mark {
            code: match is_cabac {
                true => MarkOfCode::Cabac(Box::new(self.cabac.mark(self.x))),
                false => MarkOfCode::Cavlc(self.writer.mark()),
            },
            skips: self.skips,
            qp: self.qp,
            stats: self.stats,
        }
    }

    fn rewind(&mut self, mark: Mark) {
        match mark.code {
            MarkOfCode::Cavlc(mark) => self.writer.rewind(mark),
            MarkOfCode::Cabac(mark) => self.cabac.rewind(self.x, &mark),
        }
        self.skips = mark.skips;
        self.qp = mark.qp;
        self.stats = mark.stats;
    }

    /// Whether all macroblocks behind the one just coded still fit if they take their least.
    fn fits(&self, job: &PictureJob<'_>) -> bool {
        let Some(budget) = &self.budget else {
            return true;
        };
        let rest = (self.slice_end - self.y) * job.width_mbs - self.x - 1;
        let is_cabac = is_cabac(job);
        let (floor, settled, bins) = if is_cabac {
            // Its end_of_slice_flag is one bin more.
            let mut floor = self.cabac.floor(job.picture_type, rest);
            floor.bits += 1;
            floor.bins += 1;
            (floor, self.cabac.settled(), self.cabac.bins())
        } else {
            let floor = match job.picture_type {
                PictureType::P => floor::of_p(self.skips as usize, rest),
                PictureType::I => floor::of_i(rest, job.width_mbs),
            };
            (floor, self.writer.settled(), 0)
        };
        let progress = Progress {
            bits: self.slice_bits(is_cabac),
            settled,
            bins,
            floor,
        };
        budget.fits(&progress, self.payloads[self.used].header_bits)
    }

    /// Codes the next macroblock within the budget: as its least if otherwise those after it
    /// had no room.
    pub(super) fn put_within(
        &mut self,
        job: &PictureJob<'_>,
        coder: &mut Coder,
        decided: Decided,
        neighbours: Neighbours<'_>,
    ) -> MbInfo {
        let is_cabac = is_cabac(job);
        let mark = self.mark(is_cabac);
        let info = self.put_direct(job, coder, decided, neighbours);
        // P_Skip is the least.
        if info.kind == Kind::Skip || self.fits(job) {
            return info;
        }
        self.rewind(mark);
        let least = coder.give_up(job, (self.x, self.y), self.qp, decided.mad);
        self.stats.in_frame.forced_skips += 1;
        self.put_direct(job, coder, least, neighbours)
    }

    /// Takes note of what was coded.
    pub(super) fn settle(&mut self, job: &PictureJob<'_>) {
        if let Some(budget) = &mut self.budget {
            budget.settle(match is_cabac(job) {
                true => self.cabac.settled(),
                false => self.writer.settled(),
            });
        }
    }
}

/// The floor of a slice of so many rows.
fn floor_of_slice(job: &PictureJob<'_>, rows: usize) -> Floor {
    let mbs = rows * job.width_mbs;
    match (job.picture.entropy_coding, job.picture_type) {
        (EntropyCoding::Cabac { init_idc }, picture_type) => {
            Cabac::floor_of_slice(init_idc_of(picture_type, init_idc), job.qp, mbs)
        }
        (EntropyCoding::Cavlc, PictureType::P) => floor::of_p(0, mbs),
        (EntropyCoding::Cavlc, PictureType::I) => floor::of_i(mbs, 0),
    }
}
