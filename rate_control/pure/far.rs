// SPDX-License-Identifier: GPL-2.0

//! Pictures whose references are far away.
//!
//! After a loss, a picture that predicts from what the receiver still has takes the place of a key
//! frame (Fukunaga, Nakai and Inoue, "Error resilient video coding by dynamic replacing of
//! reference pictures", 1996). It has the changes of all pictures in between to code: more than
//! those take, and no more than an I picture, as intra prediction is there for what nothing else
//! predicts. Changes that have nothing to do with each other add up as energy does, so that the
//! size grows with the root of the distance; by how much that is wrong, the last picture like it
//! says. Nothing else is learned from it, as those that come after it predict from the picture
//! before again.

use super::{
    controller::Controller,
    frame::{
        FrameIn,
        FrameType, //
    },
    lesson::P_SLOPE,
    log2::Log2,
    model::Surprise,
    pending::Pending, //
};

/// A picture this many times as far from its reference as is usual is far from it: its size is as
/// much above that of others as new content is to a model.
const FAR: u32 = 6;
/// After so many in a row it is usual that references are far away, and they are P pictures.
const USUAL: u8 = 2;
/// What an I picture takes is not known any more after so many pictures without one.
const LONG: u8 = 250;
/// No picture is expected to be off by more than the one before was.
const OFF: Log2 = Log2::ratio(3, 1);

/// What is known of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Far {
    /// By how much their sizes differ from what changes add up to.
    bias: Log2,
    /// How many there were in a row.
    run: u8,
    /// Pictures since one said what an I picture takes.
    since: u8,
}

impl Far {
    /// Before there is one.
    pub const NEW: Self = Self {
        bias: Log2::ZERO,
        run: 0,
        since: 0,
    };

    /// An I picture was coded.
    pub(super) fn restart(&mut self) {
        self.since = 0;
    }

    /// A P picture was coded.
    pub(super) fn count(&mut self, far: bool) {
        self.run = if far { self.run.saturating_add(1) } else { 0 };
        self.since = self.since.saturating_add(1);
    }
}

impl Controller {
    /// Whether the references of a picture are far away.
    pub(super) fn is_far(&self, frame: &FrameIn) -> bool {
        let layers = self.config.as_ref().map_or(1, |config| config.layers);
        // The lowest layer has one of two pictures, or of four.
        let usual = u32::from(layers).saturating_sub(1);
        frame.distance.wrapping_shr(usual) > FAR && frame.frame_type == FrameType::P
    }

    /// The logarithm of a picture's size by that of an I picture, if its references are far away
    /// and those of others are not.
    pub(super) fn far_activity(&self, frame: &FrameIn) -> Option<Log2> {
        if frame.discontinuity || self.far.run >= USUAL {
            return None;
        }
        let layer = usize::from(frame.layer);
        let (Some(model), Some(quantizer)) = (self.inter.get(layer), self.quantizers.get(layer))
        else {
            return None;
        };
        let Some(step) = quantizer.last() else {
            return Some(Log2::ZERO);
        };
        let intra = self.intra.size(step, Log2::ZERO);
        let least = model.size(step, Log2::ZERO);
        // What is still now may have moved in between.
        let usual = self
            .steady
            .map_or(least, |steady| steady.minus(P_SLOPE.times(step)).max(least));
        let root = Log2::of(frame.distance.min(LONG.into()).into()).times(Log2::ratio(1, 2));
        let size = usual.plus(root).plus(self.far.bias).max(least);
        let size = if self.far.since < LONG {
            size.min(intra.max(least))
        } else {
            size
        };
        Some(size.minus(intra))
    }

    /// A picture with far references, which are not usual, was coded with this step and has this
    /// size.
    pub(super) fn learn_far(&mut self, picture: &Pending, step: Log2, size: Log2) {
        let off = size.minus(self.intra.size(step, picture.activity));
        // To expect less than there will be costs a long queue.
        let off = if off < Log2::ZERO {
            off.times(Log2::ratio(1, 2))
        } else {
            off
        };
        self.far.bias = self.far.bias.plus(off).clamp(Log2::ZERO.minus(OFF), OFF);
        let most = self.intra.size(step, Log2::ZERO);
        if size > most {
            if self.intra.learn(step, Log2::ZERO, size, most) == Surprise::NewContent {
                self.intra.expect(step, Log2::ZERO, size);
            }
            self.far.restart();
        }
        if let Some(quantizer) = self.quantizers.get_mut(usize::from(picture.layer)) {
            quantizer.settle(step);
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_far))]
mod tests {
    use super::{
        super::{
            config::{
                Capabilities,
                Config, //
            },
            frame::{
                Analysis,
                Outcome, //
            },
            scale::Scale, //
        },
        *,
    };

    const CAPS: Capabilities = Capabilities {
        scale: Scale::Qp51,
        macroblocks: 396,
        intra_floor_q8: 8 << 8,
        hard_max: false,
        post_skip: false,
        post_drop: false,
        filler: false,
        skip_bits: 100,
    };
    const P: FrameIn = FrameIn::new(FrameType::P);
    const AWAY: FrameIn = FrameIn { distance: 30, ..P };
    /// Bits of an I and of a P picture at QP 28, and of one in between.
    const SIZES: [u64; 3] = [200_000, 20_000, 50_000];

    fn controller(layers: u8) -> Controller {
        let mut controller = Controller::new(CAPS).unwrap();
        let config = Config {
            layers,
            ..Config::cbr(Scale::Qp51, 1_000_000, 1, 25)
        };
        controller.configure(&config).unwrap();
        controller
    }

    /// Codes a picture, which takes `size` at QP 28. Returns the size that was predicted and the
    /// one that it has.
    fn code(controller: &mut Controller, frame: &FrameIn, size: u64) -> (u64, u64) {
        let decision = controller.begin(frame).unwrap();
        let step = Scale::Qp51.step(decision.qp).minus(Scale::Qp51.step(28));
        let bits = Log2::of(size).minus(step).exp();
        let outcome = Outcome {
            bits,
            header_bits: 0,
            mean_qp_q8: None,
            forced_skips: 0,
        };
        assert!(controller.end(decision.cookie, &outcome).is_ok());
        assert!(controller.commit(decision.cookie, bits).is_ok());
        (decision.predicted_bits, bits)
    }

    fn play(controller: &mut Controller, pictures: usize) {
        for _ in 0..pictures {
            code(controller, &P, SIZES[1]);
        }
    }

    fn steady() -> Controller {
        let mut controller = controller(1);
        code(&mut controller, &FrameIn::new(FrameType::I), SIZES[0]);
        play(&mut controller, 60);
        controller
    }

    #[test]
    fn it_is_no_larger_than_can_be_sent() {
        let mut controller = steady();
        let share = controller.plan.share;
        // What 30 changes add up to.
        let (predicted, bits) = code(&mut controller, &AWAY, 110_000);
        assert!(bits > 2 * share && bits < 5 * share);
        assert!(predicted.abs_diff(bits) < bits / 4);
    }

    #[test]
    fn it_is_an_i_picture_at_most_while_that_is_known() {
        let mut controller = controller(1);
        code(&mut controller, &FrameIn::new(FrameType::I), 2 * SIZES[1]);
        play(&mut controller, 60);
        let intra = controller.far_activity(&AWAY);
        assert_eq!(intra, Some(Log2::ZERO));
        play(&mut controller, LONG.into());
        assert!(controller.far_activity(&AWAY) > Some(Log2::ONE));
        code(&mut controller, &FrameIn::new(FrameType::I), 2 * SIZES[1]);
        assert_eq!(controller.far_activity(&AWAY), Some(Log2::ZERO));
    }

    #[test]
    fn what_was_in_between_counts() {
        let (mut quiet, mut lately) = (steady(), steady());
        for n in 0..60 {
            let size = if n < 50 { SIZES[1] } else { SIZES[1] / 8 };
            code(&mut lately, &P, size);
            code(&mut quiet, &P, SIZES[1] / 8);
        }
        let more = |controller: &Controller| {
            let step = controller.quantizers[0].last().unwrap();
            let size = controller
                .intra
                .size(step, controller.far_activity(&AWAY).unwrap());
            size.minus(controller.inter[0].size(step, Log2::ZERO))
        };
        assert!(more(&lately) > more(&quiet).plus(Log2::ONE));
    }

    #[test]
    fn it_is_taken_for_what_the_last_one_was() {
        let mut controller = steady();
        for away in 0..6 {
            let (predicted, bits) = code(&mut controller, &AWAY, SIZES[2]);
            // It is not known before, and then it is.
            let off = predicted.abs_diff(bits) * 100 / bits;
            assert!(match away {
                0 => off > 50,
                1 | 2 => true,
                _ => off < 20,
            });
            play(&mut controller, 40);
        }
    }

    #[test]
    fn those_after_it_are_what_they_were() {
        let mut controller = steady();
        let before = controller.inter[0];
        code(&mut controller, &AWAY, SIZES[2]);
        assert_eq!(controller.inter[0], before);
        let (predicted, bits) = code(&mut controller, &P, SIZES[1]);
        assert!(predicted.abs_diff(bits) < bits / 10);
    }

    #[test]
    fn what_is_larger_than_an_i_picture_says_what_that_takes() {
        let mut controller = steady();
        for _ in 0..2 {
            code(&mut controller, &AWAY, 8 * SIZES[0]);
            play(&mut controller, 40);
        }
        let (predicted, bits) = code(&mut controller, &FrameIn::new(FrameType::I), 8 * SIZES[0]);
        assert!(predicted.abs_diff(bits) < bits / 3);
    }

    #[test]
    fn a_cut_says_what_an_i_picture_takes() {
        let mut controller = steady();
        play(&mut controller, LONG.into());
        assert!(controller.far.since >= LONG);
        code(&mut controller, &P, 4 * SIZES[0]);
        assert!(controller.far.since < LONG);
    }

    #[test]
    fn what_always_is_far_away_is_usual() {
        let mut controller = steady();
        for _ in 0..USUAL {
            assert!(controller.outlook(&AWAY).large);
            code(&mut controller, &AWAY, SIZES[2]);
        }
        for _ in 0..40 {
            assert!(!controller.outlook(&AWAY).large);
            code(&mut controller, &AWAY, SIZES[2]);
        }
        let (predicted, bits) = code(&mut controller, &AWAY, SIZES[2]);
        assert!(predicted.abs_diff(bits) < bits / 10);
        // And no more so.
        code(&mut controller, &P, SIZES[1]);
        assert!(controller.outlook(&AWAY).large);
    }

    #[test]
    fn near_is_what_layers_make_it() {
        let far = |layers, distance| {
            let frame = FrameIn { distance, ..P };
            controller(layers).is_far(&frame)
        };
        for layers in 1..=3 {
            let usual = 1 << (layers - 1);
            for distance in [0, 1, usual, 6 * usual] {
                assert!(!far(layers, distance));
            }
            for distance in [7 * usual, 32, u32::MAX] {
                assert!(far(layers, distance));
            }
        }
        let key = FrameIn {
            distance: 30,
            ..FrameIn::new(FrameType::I)
        };
        assert!(!controller(1).is_far(&key));
    }

    #[test]
    fn what_was_measured_comes_first() {
        let controller = steady();
        let measured = FrameIn {
            analysis: Some(Analysis {
                inter: 100_000,
                intra: 1_600_000,
            }),
            ..AWAY
        };
        let outlook = controller.outlook(&measured);
        assert!(outlook.like == FrameType::P && !outlook.far);
        let cut = FrameIn {
            discontinuity: true,
            ..AWAY
        };
        assert_eq!(controller.far_activity(&cut), None);
    }
}
