// SPDX-License-Identifier: GPL-2.0

//! How large a picture gets at a QP.
//!
//! The size falls with a power of the quantizer step (Ma, Gao and Lu, "Rate-Distortion Analysis
//! for H.264/AVC Video Coding and its Application to Rate Control", 2005, find the exponent near
//! 1), so its logarithm falls in a straight line:
//!
//! `log2(bits) = level + log2(activity) - slope * log2(step)`
//!
//! The slope hardly changes, the level follows the content. It is smoothed with the rate of Trigg
//! and Leach ("Exponential Smoothing with an Adaptive Response Rate", 1967): fast while the errors
//! agree in sign, slow while they cancel out. A noisy scene does not shake the QP that way, and a
//! change is followed at once.

use super::log2::Log2;

/// The sizes of one type of picture in one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    level: Log2,
    slope: Log2,
    /// The mean error, and the mean of its size.
    bias: Log2,
    spread: Log2,
    /// Pictures since the content was new, as far as it matters.
    seen: u8,
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

    /// Nothing is known but a guess.
    pub const fn guess(level: Log2, slope: Log2) -> Self {
        Self {
            level,
            slope,
            bias: Log2::ZERO,
            spread: Self::SPREAD,
            seen: 0,
        }
    }

    /// Whether no picture has taught it anything.
    pub const fn is_guess(&self) -> bool {
        self.seen == 0
    }

    /// The level: the logarithm of the size at a step of 1.
    pub const fn level(&self) -> Log2 {
        self.level
    }

    /// The slope: how much the logarithm of the size falls with that of the step.
    pub const fn slope(&self) -> Log2 {
        self.slope
    }

    /// The level at which a picture would have been no surprise.
    pub fn level_of(&self, step: Log2, activity: Log2, size: Log2) -> Log2 {
        size.minus(activity).plus(self.slope.times(step))
    }

    /// The mean error of the logarithm of a prediction, without sign.
    pub const fn spread(&self) -> Log2 {
        self.spread
    }

    /// The logarithm of the size at a step.
    pub fn size(&self, step: Log2, activity: Log2) -> Log2 {
        self.level.plus(activity).minus(self.slope.times(step))
    }

    /// The logarithm of the step at which a picture has a size.
    pub fn step(&self, size: Log2, activity: Log2) -> Log2 {
        self.level.plus(activity).minus(size).over(self.slope)
    }

    /// A guess is replaced by a better one.
    pub fn expect(&mut self, level: Log2) {
        self.level = level;
        self.bias = Log2::ZERO;
        self.spread = self.spread.max(Self::SPREAD);
        self.seen = 0;
    }

    /// The error of the prediction of a size.
    pub fn error(&self, step: Log2, activity: Log2, size: Log2) -> Log2 {
        size.minus(self.size(step, activity))
    }

    /// A picture was coded with this step and has this size.
    pub fn learn(&mut self, step: Log2, activity: Log2, size: Log2) -> Surprise {
        let error = self.error(step, activity, size);
        if self.seen > 1 && error > Self::LEAP && error > self.spread.times(Self::LEAP_SPREADS) {
            return Surprise::NewContent;
        }
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
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_model))]
mod tests {
    use super::*;

    const STEP: Log2 = Log2::ratio(4, 1);

    fn taught() -> Model {
        let mut model = Model::guess(Log2::ratio(15, 1), Log2::ONE);
        for _ in 0..20 {
            assert_eq!(
                model.learn(STEP, Log2::ZERO, Log2::ratio(13, 1)),
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
        let level = noisy.level();
        for n in 0..20 {
            let error = if n % 2 == 0 { 1 } else { -1 };
            noisy.learn(STEP, Log2::ZERO, Log2::ratio(26 + error, 2));
        }
        for _ in 0..5 {
            rising.learn(STEP, Log2::ZERO, Log2::ratio(27, 2));
        }
        assert!(noisy.level().minus(level).abs() < Log2::ratio(1, 5));
        assert!(rising.level().minus(level) > Log2::ratio(2, 5));
    }

    #[test]
    fn a_leap_is_no_lesson() {
        let mut model = taught();
        let before = model;
        assert_eq!(
            model.learn(STEP, Log2::ZERO, Log2::ratio(16, 1)),
            Surprise::NewContent
        );
        assert_eq!(model, before);
        model.expect(Log2::ratio(20, 1));
        assert!(model.is_guess());
        assert_eq!(
            model.learn(STEP, Log2::ZERO, Log2::ratio(13, 1)),
            Surprise::None
        );
        assert!(model.size(STEP, Log2::ZERO) < Log2::ratio(14, 1));
    }

    #[test]
    fn nothing_overflows() {
        let extremes = [i32::MIN, -1, 0, 1, i32::MAX].map(Log2::from_raw);
        for level in extremes {
            for step in extremes {
                for size in extremes {
                    let mut model = Model::guess(level, Log2::ONE);
                    model.learn(step, size, size);
                    model.learn(step, level, size);
                    model.step(size, step);
                    let mut flat = Model::guess(level, Log2::ZERO);
                    flat.learn(step, size, size);
                    assert_eq!(flat.step(size, step), Log2::ZERO);
                }
            }
        }
    }
}
