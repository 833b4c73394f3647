// SPDX-License-Identifier: GPL-2.0

//! How large a picture gets at a QP.
//!
//! The size falls with a power of the quantizer step (Ma, Gao and Lu, "Rate-Distortion Analysis
//! for H.264/AVC Video Coding and its Application to Rate Control", 2005, find the exponent near
//! 1), so its logarithm falls in a straight line:
//!
//! `log2(bits) = level + log2(activity) - slope * log2(step)`
//!
//! The level follows the content. It is smoothed with the rate of Trigg and Leach ("Exponential
//! Smoothing with an Adaptive Response Rate", 1967): fast while the errors agree in sign, slow
//! while they cancel out. A noisy scene does not shake the QP that way, and a change is followed
//! at once.
//!
//! The slope is that of the content too: where the step comes near the deviation of camera noise,
//! a QP takes not an eighth of the bits but a third. It is learned from the difference between
//! two pictures in a row with different steps, which slow changes of the content do not bias, by
//! the normalised least mean squares of Nagumo and Noda ("A learning method for system
//! identification", 1967), as the updates of R-lambda models are (Li, Li, Li and Zhang, "Lambda
//! Domain Rate Control Algorithm for High Efficiency Video Coding", 2014). It holds near the last
//! step only.

use super::log2::Log2;

/// The sizes of one type of picture in one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    level: Log2,
    /// The slope near the last step, and elsewhere.
    slope: Log2,
    usual_slope: Log2,
    /// The mean error, and the mean of its size.
    bias: Log2,
    spread: Log2,
    /// Step and size, by its activity, of the last picture; nothing before one was `seen`.
    last: (Log2, Log2),
    /// Pictures since the content was new, as far as it matters.
    seen: u8,
    /// How many pictures lately were much smaller than the others.
    small: u8,
}

/// What a picture says about the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surprise {
    /// It is what it was.
    None,
    /// It has little to do with what was before.
    NewContent,
}

impl Model {
    /// How many pictures count as many.
    const MANY: u8 = 8;
    /// The spread that is assumed before there is one.
    const SPREAD: Log2 = Log2::ratio(1, 2);
    /// How fast the mean errors follow.
    const FOLLOW: Log2 = Log2::ratio(1, 5);
    /// Errors above this can be no noise...
    const LEAP: Log2 = Log2::ratio(13, 10);
    /// ... unless they are not rare: as many times the spread.
    const LEAP_SPREADS: Log2 = Log2::ratio(4, 1);
    /// No content differs by more from one picture to the next all the time.
    const LEAP_MOST: Log2 = Log2::ratio(4, 1);
    /// Steps that differ by less than this, half of a QP of H.264, say nothing of the slope.
    const APART: Log2 = Log2::ratio(1, 12);
    /// Steps within this of the last one, a QP and a half of H.264, are near.
    const NEAR: Log2 = Log2::ratio(1, 4);
    /// How fast the slope follows, and between what.
    const SLOPE_GAIN: Log2 = Log2::ratio(1, 4);
    const SLOPES: (Log2, Log2) = (Log2::ratio(4, 5), Log2::ratio(3, 1));

    /// Nothing is known but a guess.
    pub const fn guess(level: Log2, slope: Log2) -> Self {
        Self {
            level,
            slope,
            usual_slope: slope,
            bias: Log2::ZERO,
            spread: Self::SPREAD,
            last: (Log2::ZERO, Log2::ZERO),
            seen: 0,
            small: 0,
        }
    }

    /// Whether no picture has taught it anything.
    pub const fn is_guess(&self) -> bool {
        self.seen == 0
    }

    /// Whether few pictures have.
    pub const fn is_new(&self) -> bool {
        self.seen < 4
    }

    /// The mean error of the logarithm of a prediction, without sign.
    pub const fn spread(&self) -> Log2 {
        self.spread
    }

    /// The logarithm of the size at a step.
    #[inline(always)]
    pub fn size(&self, step: Log2, activity: Log2) -> Log2 {
        let near = self.level.plus(activity).minus(self.slope.times(step));
        if self.is_guess() {
            return near;
        }
        let apart = step.minus(self.last.0);
        if apart.abs() <= Self::NEAR {
            return near;
        }
        let far = apart.minus(apart.clamp(Log2::ZERO.minus(Self::NEAR), Self::NEAR));
        near.plus(self.slope.minus(self.far_slope(apart)).times(far))
    }

    /// The logarithm of the step at which a picture has a size.
    #[inline(always)]
    pub fn step(&self, size: Log2, activity: Log2) -> Log2 {
        let step = self.level.plus(activity).minus(size).over(self.slope);
        let (last, _) = self.last;
        let apart = step.minus(last);
        if self.is_guess() || apart.abs() <= Self::NEAR {
            return step;
        }
        let edge = last.plus(apart.clamp(Log2::ZERO.minus(Self::NEAR), Self::NEAR));
        edge.plus(
            self.size(edge, activity)
                .minus(size)
                .over(self.far_slope(apart)),
        )
    }

    /// The slope beyond what is near: the usual one, or a steeper one where the step gets finer.
    /// To expect more than there will be costs a few pictures, to expect less a long queue.
    fn far_slope(&self, apart: Log2) -> Log2 {
        if apart < Log2::ZERO {
            self.slope.max(self.usual_slope)
        } else {
            self.usual_slope
        }
    }

    /// A guess is replaced by a better one: the size of a picture at a step.
    pub fn expect(&mut self, step: Log2, activity: Log2, size: Log2) {
        self.level = size.minus(activity).plus(self.usual_slope.times(step));
        self.bias = Log2::ZERO;
        self.spread = self.spread.max(Self::SPREAD);
        self.slope = self.usual_slope;
        self.seen = 0;
    }

    /// Sizes are by an activity from now on, and were not before.
    pub fn divide(&mut self, activity: Log2) {
        self.level = self.level.minus(activity);
        self.last.1 = self.last.1.minus(activity);
    }

    /// A picture was coded with this step and has this size. What [`Self::size`] says of it is
    /// `usual`.
    pub fn learn(&mut self, step: Log2, activity: Log2, size: Log2, usual: Log2) -> Surprise {
        let error = size.minus(usual);
        let leap = self.leap();
        if self.seen > 1 && error > leap {
            return Surprise::NewContent;
        }
        if self.is_repeated(error, leap) {
            return Surprise::None;
        }
        self.learn_slope(step, size.minus(activity), usual.minus(activity));
        self.bias = self.bias.plus(error.minus(self.bias).times(Self::FOLLOW));
        self.spread = self
            .spread
            .plus(error.abs().minus(self.spread).times(Self::FOLLOW));
        // While there are few pictures, each of them counts as much as the guess.
        let first = match self.seen {
            0 => Log2::ratio(9, 10),
            1 => Log2::ratio(6, 10),
            2 => Log2::ratio(1, 2),
            3 => Log2::ratio(2, 5),
            _ => Log2::ratio(1, 10),
        };
        let gain = self
            .bias
            .abs()
            .over(self.spread)
            .clamp(first, Log2::ratio(9, 10));
        self.level = self.level.plus(error.times(gain));
        self.seen = self.seen.saturating_add(1).min(Self::MANY);
        Surprise::None
    }

    /// The least error that is no noise.
    fn leap(&self) -> Log2 {
        self.spread
            .times(Self::LEAP_SPREADS)
            .clamp(Self::LEAP, Self::LEAP_MOST)
    }

    /// Whether a picture is so much smaller than the others that it may show what was shown
    /// before, as those do that were put in for the sake of a frame rate: it says nothing of the
    /// others. Two in a row, or one of three for a while, are the content.
    fn is_repeated(&mut self, error: Log2, leap: Log2) -> bool {
        let is = error < Log2::ZERO.minus(leap);
        self.small = if is {
            self.small.saturating_add(2).min(Self::MANY)
        } else {
            self.small.saturating_sub(1)
        };
        is && self.small < 3 && !self.is_new()
    }

    /// The slope follows what two pictures in a row say of it; the prediction at the last step
    /// stays: what is far from one step may be near the other, so `usual` is kept.
    fn learn_slope(&mut self, step: Log2, size: Log2, usual: Log2) {
        let (last_step, last_size) = self.last;
        self.last = (step, size);
        if !self.is_new() {
            let apart = step.minus(last_step);
            if apart.abs() >= Self::APART {
                let error = size.minus(last_size).plus(apart.times(self.slope));
                // Sizes vary by the spread anyway, and two of them by more.
                let noise = self.spread.times(self.spread).times(Log2::ratio(4, 1));
                let power = apart.times(apart).plus(noise);
                let change = error.times(apart).over(power).times(Self::SLOPE_GAIN);
                let (least, most) = Self::SLOPES;
                self.slope = self.slope.minus(change).clamp(least, most);
            }
        }
        self.level = usual.plus(self.slope.times(step));
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_model))]
mod tests {
    use super::*;

    const STEP: Log2 = Log2::ratio(4, 1);

    fn learn(model: &mut Model, step: Log2, activity: Log2, size: Log2) -> Surprise {
        let usual = model.size(step, activity);
        model.learn(step, activity, size, usual)
    }

    fn taught() -> Model {
        let mut model = Model::guess(Log2::ratio(15, 1), Log2::ONE);
        for _ in 0..20 {
            assert_eq!(
                learn(&mut model, STEP, Log2::ZERO, Log2::ratio(13, 1)),
                Surprise::None
            );
        }
        model
    }

    #[test]
    fn it_learns_a_size() {
        let model = taught();
        let size = model.size(STEP, Log2::ZERO);
        assert!(size.minus(Log2::ratio(13, 1)).abs() < Log2::ratio(1, 50));
        // Twice the step, half the size; and back.
        let coarse = STEP.plus(Log2::ONE);
        assert_eq!(model.size(coarse, Log2::ZERO).plus(Log2::ONE), size);
        assert_eq!(model.step(size, Log2::ZERO).minus(STEP).abs().raw() >> 4, 0);
        // Twice the activity, twice the size.
        assert_eq!(model.size(STEP, Log2::ONE), size.plus(Log2::ONE));
    }

    #[test]
    fn noise_moves_it_less_than_a_trend() {
        let (mut noisy, mut rising) = (taught(), taught());
        let size = |model: &Model| model.size(STEP, Log2::ZERO);
        let before = size(&noisy);
        for n in 0..20 {
            let error = if n % 2 == 0 { 1 } else { -1 };
            learn(&mut noisy, STEP, Log2::ZERO, Log2::ratio(26 + error, 2));
        }
        for _ in 0..5 {
            learn(&mut rising, STEP, Log2::ZERO, Log2::ratio(27, 2));
        }
        assert!(size(&noisy).minus(before).abs() < Log2::ratio(1, 5));
        assert!(size(&rising).minus(before) > Log2::ratio(2, 5));
    }

    #[test]
    fn the_slope_near_the_last_step_is_learned() {
        let mut model = Model::guess(Log2::ratio(15, 1), Log2::ONE);
        // Twice the usual slope.
        let size = |step: Log2| Log2::ratio(13, 1).minus(step.minus(STEP).times(Log2::ratio(2, 1)));
        let fine = STEP.minus(Log2::ratio(1, 6));
        for n in 0..60 {
            let step = if n % 2 == 0 { STEP } else { fine };
            learn(&mut model, step, Log2::ZERO, size(step));
        }
        assert!(model.slope.minus(Log2::ratio(2, 1)).abs() < Log2::ratio(1, 5));
        assert!(model.size(STEP, Log2::ZERO).minus(size(STEP)).abs() < Log2::ratio(1, 20));
        // Farther away it is the usual one again, and a size has one step.
        let far = STEP.plus(Log2::ratio(2, 1));
        let fall = model
            .size(far, Log2::ZERO)
            .minus(model.size(far.plus(Log2::ONE), Log2::ZERO));
        assert_eq!(fall, Log2::ONE);
        for step in [STEP, fine, far, STEP.minus(Log2::ONE)] {
            let back = model.step(model.size(step, Log2::ZERO), Log2::ZERO);
            assert!(back.minus(step).abs() < Log2::ratio(1, 1000));
        }
        // Finer, it stays steep, and is not less steep than usual.
        let finer = STEP.minus(Log2::ratio(2, 1));
        assert!(model.size(finer, Log2::ZERO).minus(size(finer)).abs() < Log2::ratio(1, 2));
        model.slope = Log2::ratio(4, 5);
        let rise = model
            .size(finer, Log2::ZERO)
            .minus(model.size(finer.plus(Log2::ONE), Log2::ZERO));
        assert_eq!(rise, Log2::ONE);
        // New content has the usual slope.
        model.expect(STEP, Log2::ZERO, Log2::ratio(14, 1));
        assert_eq!(model.slope, Log2::ONE);
        assert_eq!(model.size(STEP, Log2::ZERO), Log2::ratio(14, 1));
    }

    #[test]
    fn a_repeated_picture_is_no_lesson() {
        let (still, usual) = (Log2::ratio(7, 1), Log2::ratio(13, 1));
        let mut model = taught();
        // One of five.
        for _ in 0..20 {
            let before = model.size(STEP, Log2::ZERO);
            learn(&mut model, STEP, Log2::ZERO, still);
            assert_eq!(model.size(STEP, Log2::ZERO), before);
            for _ in 0..4 {
                learn(&mut model, STEP, Log2::ZERO, usual);
            }
        }
        // The second one in a row is one.
        let before = model.size(STEP, Log2::ZERO);
        learn(&mut model, STEP, Log2::ZERO, still);
        assert_eq!(model.size(STEP, Log2::ZERO), before);
        learn(&mut model, STEP, Log2::ZERO, still);
        assert!(model.size(STEP, Log2::ZERO) < before.minus(Log2::ONE));
    }

    #[test]
    fn a_leap_is_no_lesson() {
        let mut model = taught();
        let before = model;
        assert_eq!(
            learn(&mut model, STEP, Log2::ZERO, Log2::ratio(16, 1)),
            Surprise::NewContent
        );
        assert_eq!(model, before);
        model.expect(STEP, Log2::ZERO, Log2::ratio(16, 1));
        assert!(model.is_guess());
        assert_eq!(
            learn(&mut model, STEP, Log2::ZERO, Log2::ratio(13, 1)),
            Surprise::None
        );
        assert!(model.size(STEP, Log2::ZERO) < Log2::ratio(14, 1));
    }

    #[test]
    fn sizes_that_vary_hide_no_leap() {
        let mut model = taught();
        for n in 0..20 {
            let size = if n % 2 == 0 { 7 } else { 14 };
            learn(&mut model, STEP, Log2::ZERO, Log2::ratio(size, 1));
        }
        for _ in 0..10 {
            learn(&mut model, STEP, Log2::ZERO, Log2::ratio(7, 1));
        }
        let leap = Log2::ratio(17, 1);
        assert_eq!(
            learn(&mut model, STEP, Log2::ZERO, leap),
            Surprise::NewContent
        );
    }

    #[test]
    fn what_is_learned_stays_bounded() {
        // Any sizes at any steps, as far as there are such.
        let (steps, sizes) = (10u32 << 16, 41u32 << 16);
        let mut model = Model::guess(Log2::ratio(30, 1), Log2::ratio(9, 10));
        let mut seed = 1u32;
        let mut below = |most: u32| {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            Log2::from_raw(((u64::from(seed) * u64::from(most)) >> 32) as i32)
        };
        for _ in 0..20_000 {
            let (step, size) = (below(steps), below(sizes));
            let activity = below(50 << 16).minus(Log2::ratio(6, 1));
            if learn(&mut model, step, activity, size) == Surprise::NewContent {
                model.expect(step, activity, size);
            }
            let bound = Log2::ratio(300, 1);
            assert!(model.level.abs() < bound);
            assert!(model.size(step, activity).abs() < bound);
            let step = model.step(size, activity);
            assert!(step.abs() < bound);
            // At this step it has this size, and at coarser ones it is no larger.
            for coarser in [Log2::ZERO, below(8 << 16)] {
                let most = size.plus(Log2::ratio(1, 100));
                assert!(model.size(step.plus(coarser), activity) < most);
            }
        }
    }
}
