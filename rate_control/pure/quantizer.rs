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
    /// By how much the QPs so far were too fine.
    carry: Log2,
    /// The next step is not bound to the last one.
    free: bool,
}

impl Quantizer {
    /// The step may become finer by this from one picture to the next: a bit more than a QP.
    const DOWN: Log2 = Log2::ratio(1, 4);
    /// The same before there is a picture of the kind.
    const FAST_DOWN: Log2 = Log2::ratio(1, 2);
    /// The same while the channel idles: there is nothing to lose by it.
    const IDLE_DOWN: Log2 = Log2::ratio(5, 6);
    /// What fractions may add up to: half of a QP.
    const CARRY: Log2 = Log2::ratio(1, 12);

    /// Nothing is known.
    pub const fn new(scale: Scale) -> Self {
        Self {
            scale,
            last: None,
            carry: Log2::ZERO,
            free: true,
        }
    }

    /// The step of the last picture, before it was made a QP.
    pub const fn last(&self) -> Option<Log2> {
        self.last
    }

    /// The rate has changed: the next step is as good as any other.
    pub fn release(&mut self) {
        self.free = true;
    }

    /// A picture of another kind, that those to come are predicted from, had this step. Where it
    /// is coarser than the last one, to be as fine at once would cost as much as that picture.
    pub fn settle(&mut self, step: Log2) {
        if self.last.is_none_or(|last| last < step) {
            self.last = Some(step);
            self.free = false;
        }
    }

    /// The picture has this step, whatever was to be.
    pub fn seed(&mut self, step: Log2) {
        self.last = Some(step);
        self.carry = Log2::ZERO;
        self.free = false;
    }

    /// The step to a wanted one, as far as it may be: coarser at once the fuller the bucket is,
    /// in 1/16, or if nothing is known of the content; finer a little at a time, and faster while
    /// the channel is idle.
    #[inline(always)]
    pub fn approach(&self, wanted: Log2, sixteenths: u64, unknown: bool, idle: bool) -> Log2 {
        let Some(last) = self.last.filter(|_| !self.free) else {
            return wanted;
        };
        let down = match (unknown, idle) {
            (true, _) => Self::FAST_DOWN,
            (_, true) => Self::IDLE_DOWN,
            _ => Self::DOWN,
        };
        let finest = last.minus(down);
        if unknown {
            return wanted.max(finest);
        }
        let up = match sixteenths {
            0..=3 => Log2::ratio(1, 2),
            4..=7 => Log2::ratio(5, 6),
            8..=11 => Log2::ratio(5, 3),
            _ => return wanted.max(finest),
        };
        wanted.max(finest).min(last.plus(up))
    }

    /// The QP of a picture that should have this step.
    #[inline(always)]
    pub fn choose(&mut self, step: Log2) -> i32 {
        let due = step.plus(self.carry);
        let qp = self.scale.nearest(due);
        let chosen = self.scale.step(qp);
        // What the ends of the scale take is lost.
        self.carry = due
            .minus(chosen)
            .clamp(Log2::ZERO.minus(Self::CARRY), Self::CARRY);
        self.last = Some(self.scale.within(step));
        self.free = false;
        qp
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_quantizer))]
mod tests {
    use super::*;

    fn at(step: Log2) -> Quantizer {
        let mut quantizer = Quantizer::new(Scale::Qp51);
        quantizer.choose(step);
        quantizer
    }

    #[test]
    fn fractions_are_made_up_for() {
        let mut quantizer = Quantizer::new(Scale::Qp51);
        // A third of a QP above 28.
        let step = Log2::ratio(4, 1).plus(Log2::ratio(1, 18));
        let mut sum = 0;
        for _ in 0..300 {
            let qp = quantizer.choose(step);
            assert!(qp == 28 || qp == 29);
            sum += qp;
        }
        assert!((8499..=8501).contains(&sum));
    }

    #[test]
    fn it_gets_coarser_faster_than_finer() {
        let step = Log2::ratio(4, 1);
        let (fine, coarse) = (Log2::ZERO, Log2::ratio(8, 1));
        let quantizer = at(step);
        let down = step.minus(quantizer.approach(fine, 0, false, false));
        let mut last = down;
        for sixteenths in [0, 4, 8, 12] {
            let up = quantizer
                .approach(coarse, sixteenths, false, false)
                .minus(step);
            assert!(up > last);
            last = up;
        }
        assert_eq!(quantizer.approach(coarse, 0, true, false), coarse);
        let fast = quantizer.approach(fine, 0, true, false);
        assert!(fast < step.minus(down));
        // What an idle channel has no use for is lost.
        assert!(quantizer.approach(fine, 0, false, true) < fast);
        let up = |idle| quantizer.approach(coarse, 4, false, idle);
        assert_eq!(up(true), up(false));
    }

    #[test]
    fn a_released_step_is_bound_to_nothing() {
        let mut quantizer = at(Log2::ratio(4, 1));
        quantizer.release();
        assert_eq!(quantizer.approach(Log2::ZERO, 0, false, false), Log2::ZERO);
        quantizer.choose(Log2::ZERO);
        assert!(quantizer.approach(Log2::ratio(4, 1), 0, false, false) < Log2::ONE);
    }

    #[test]
    fn after_a_coarse_picture_it_gets_finer_a_little_at_a_time() {
        let step = Log2::ratio(4, 1);
        let mut quantizer = at(step);
        let down = step.minus(quantizer.approach(Log2::ZERO, 0, false, false));
        let coarse = step.plus(Log2::ONE);
        quantizer.settle(coarse);
        assert_eq!(
            quantizer.approach(step, 0, false, false),
            coarse.minus(down)
        );
        // A finer one is a gift.
        quantizer.settle(step);
        assert_eq!(
            quantizer.approach(step, 0, false, false),
            coarse.minus(down)
        );
    }

    #[test]
    fn nothing_winds_up_beyond_the_scale() {
        let mut quantizer = Quantizer::new(Scale::Qp51);
        for _ in 0..100 {
            assert_eq!(quantizer.choose(Log2::ratio(100, 1)), 51);
        }
        assert_eq!(quantizer.last(), Some(Scale::Qp51.step(51)));
        quantizer.release();
        assert_eq!(quantizer.choose(Log2::ratio(4, 1)), 28);
    }
}
