// SPDX-License-Identifier: GPL-2.0

//! What a coded picture teaches.

use super::{
    aim::{
        QUIET,
        STILL, //
    },
    config::Content,
    controller::Controller,
    cycle::Cookie,
    frame::{
        FrameType,
        Outcome,
        Verdict, //
    },
    log2::Log2,
    model::Surprise,
    pending::Pending, //
};

/// How much smaller the P pictures of new content are than its first picture: 2 bits, a factor
/// of 4. It is often more; aiming low is cheaper than aiming high.
pub(super) const I_TO_P: Log2 = Log2::ratio(2, 1);
/// The same after a cut of camera pictures, where there is a queue already.
const CUT_TO_P: Log2 = Log2::ratio(1, 1);
/// The same after the repaint of a screen, which is still again at once.
const REPAINT_TO_P: Log2 = Log2::ratio(4, 1);
/// The slope of P pictures where nothing is known.
pub(super) const P_SLOPE: Log2 = Log2::ratio(11, 10);
/// A picture with a step of at most 4 (QP 16), where nothing finer can be seen, and less than a
/// sixteenth of the usual size is still.
pub(super) const STILL_STEP: Log2 = Log2::ratio(2, 1);
pub(super) const STILL_SIZE: Log2 = Log2::ratio(4, 1);

impl Controller {
    /// Whether nothing would be gained by a finer QP: what a picture leaves is not for others.
    pub(super) fn is_still(&self, picture: &Pending, bits: u64) -> bool {
        picture.step <= STILL_STEP && Log2::of(bits).plus(STILL_SIZE) < Log2::of(self.pace)
    }

    /// The models learn from a picture.
    #[inline(always)]
    pub(super) fn learn(&mut self, cookie: Cookie, outcome: &Outcome, verdict: Verdict) {
        let Some(config) = &self.config else {
            return;
        };
        let picture = self.ring.get(cookie);
        let size = Log2::of(outcome.bits.saturating_sub(outcome.header_bits).max(1));
        let step = match outcome.mean_qp_q8 {
            None => picture.step,
            Some(q8) => self.caps.scale.step_q8(q8),
        };
        let activity = picture.activity;
        let far = picture.is(Pending::FAR);
        match picture.frame_type {
            FrameType::I => self.far.restart(),
            FrameType::P => self.far.count(far),
        }
        match picture.like {
            FrameType::I if far => {
                let picture = *picture;
                self.learn_far(&picture, step, size);
            }
            FrameType::I => {
                let usual = self.intra.size(step, activity);
                if self.intra.learn(step, activity, size, usual) == Surprise::NewContent {
                    self.intra.expect(step, activity, size);
                }
                for model in &mut self.inter {
                    if model.is_guess() && activity == Log2::ZERO {
                        model.expect(step, activity, size.minus(I_TO_P));
                    }
                }
                if picture.frame_type == FrameType::P {
                    // What it is for those after it is not known.
                    if let Some(model) = self.inter.get_mut(usize::from(picture.layer)) {
                        let size = model.size(step, Log2::ZERO);
                        model.expect(step, Log2::ZERO, size);
                    }
                } else if let Some(quantizer) = self.quantizers.first_mut() {
                    quantizer.settle(step);
                }
            }
            FrameType::P => {
                let less = match config.content {
                    Content::Camera => CUT_TO_P,
                    Content::Screen => REPAINT_TO_P,
                };
                let patience = self.plan.pace;
                let Some(model) = self.inter.get_mut(usize::from(picture.layer)) else {
                    return;
                };
                let usual = model.size(step, activity);
                if picture.is(Pending::AT_MIN) && size < usual {
                    // There is nothing finer: what is saved tells nothing of what comes.
                    return;
                }
                let analysed = picture.is(Pending::ANALYSED);
                if analysed {
                    let activity = activity.max(QUIET);
                    self.usual_activity = Some(match self.usual_activity {
                        None => activity,
                        Some(usual) => usual.plus(activity.minus(usual).times(Log2::ratio(1, 8))),
                    });
                }
                if activity == STILL {
                    // What nothing new takes is not in proportion to it.
                    return;
                }
                if verdict != Verdict::Keep {
                    model.expect(step, activity, size);
                } else if model.learn(step, activity, size, usual) == Surprise::NewContent {
                    // The next one is predicted from it: its size says what an I picture takes.
                    let next = if activity == Log2::ZERO {
                        size.minus(less).max(usual)
                    } else {
                        size
                    };
                    model.expect(step, activity, next);
                    if !analysed {
                        // What of it is new would be known.
                        let known = self.intra.size(step, activity);
                        self.intra.expect(step, activity, size.max(known));
                        if size >= known {
                            self.far.restart();
                        }
                    }
                }
                if let Some(model) = self.inter.first().filter(|_| picture.layer == 0) {
                    // At the slope of all, so that what is learned of it changes nothing.
                    let level = model.size(step, activity).plus(P_SLOPE.times(step));
                    self.steady = Some(match self.steady {
                        None => level,
                        Some(steady) => steady.plus(level.minus(steady).times(patience)),
                    });
                }
            }
        }
    }
}
