// SPDX-License-Identifier: GPL-2.0

//! From the quantizer step that a picture should have to a QP: how fast it may change, and how
//! fractions of it are made up for.

use super::{
    log2::Log2,
    scale::Scale, //
};

/// Where the QP is and was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantizer {
    scale: Scale,
    /// Where it was to be.
    last: Option<Log2>,
    /// The QP of the last picture.
    qp: i32,
    /// By how much the QPs so far were too fine.
    carry: Log2,
    /// The next step is not bound to the last one.
    free: bool,
}

impl Quantizer {
    /// The step may become finer by this from one picture to the next: a bit more than a QP.
    const DOWN: Log2 = Log2::ratio(1, 4);
    /// A QP is kept while it is off by less than this: 0.6 of a QP.
    const HOLD: Log2 = Log2::ratio(1, 10);

    /// Nothing is known.
    pub const fn new(scale: Scale) -> Self {
        Self {
            scale,
            last: None,
            qp: 0,
            carry: Log2::ZERO,
            free: true,
        }
    }

    /// The step of the last picture, before it was made a QP.
    pub const fn last(&self) -> Option<Log2> {
        self.last
    }

    /// The content or the rate has changed: the next step is as good as any other.
    pub fn release(&mut self) {
        self.free = true;
    }

    /// A picture of another kind had this step.
    pub fn settle(&mut self, step: Log2) {
        if self.last.is_none() {
            self.last = Some(step);
        }
    }

    /// The step to a wanted one, as far as it may be: coarser at once the fuller the bucket is,
    /// in 1/16, finer a little at a time.
    pub fn approach(&self, wanted: Log2, sixteenths: u64, coarser: bool) -> Log2 {
        let Some(last) = self.last else {
            return wanted;
        };
        if self.free || (coarser && wanted > last) {
            return wanted;
        }
        let up = match sixteenths {
            0..=3 => Log2::ratio(1, 2),
            4..=7 => Log2::ratio(5, 6),
            8..=11 => Log2::ratio(5, 3),
            _ => return wanted.max(last.minus(Self::DOWN)),
        };
        wanted.max(last.minus(Self::DOWN)).min(last.plus(up))
    }

    /// The QP of a picture that should have this step.
    pub fn choose(&mut self, step: Log2) -> i32 {
        let due = step.plus(self.carry);
        let kept = self.scale.step(self.qp);
        let qp = if !self.free && due.minus(kept).abs() < Self::HOLD {
            self.qp
        } else {
            self.scale.nearest(due)
        };
        let chosen = self.scale.step(qp);
        // What the ends of the scale take is lost.
        self.carry = due
            .minus(chosen)
            .clamp(Log2::ZERO.minus(Self::HOLD), Self::HOLD);
        self.qp = qp;
        self.last = Some(step.clamp(self.scale.step(0), self.scale.step(self.scale.max())));
        self.free = false;
        qp
    }
}
