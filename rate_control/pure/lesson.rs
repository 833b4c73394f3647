// SPDX-License-Identifier: GPL-2.0

//! What a coded picture teaches.

use super::{
    config::{
        Config,
        Content, //
    },
    controller::Controller,
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

impl Controller {
    /// The models learn from a picture.
    pub(super) fn learn(
        &mut self,
        config: &Config,
        picture: &Pending,
        outcome: &Outcome,
        verdict: Verdict,
    ) {
        let size = Log2::of(outcome.bits.saturating_sub(outcome.header_bits).max(1));
        let step = match outcome.mean_qp_q8 {
            None => picture.step,
            Some(q8) => self.caps.scale.step_q8(q8),
        };
        let activity = picture.activity;
        match picture.frame_type {
            FrameType::I => {
                let level = self.intra.level_of(step, activity, size);
                if self.intra.learn(step, activity, size) == Surprise::NewContent {
                    self.intra.expect(level);
                }
                for model in &mut self.inter {
                    if model.is_guess() && activity == Log2::ZERO {
                        let level = size.minus(I_TO_P).plus(model.slope().times(step));
                        model.expect(level);
                    }
                }
                if let Some(quantizer) = self.quantizers.first_mut() {
                    quantizer.settle(step);
                }
            }
            FrameType::P => {
                let intra = self.intra;
                let less = match config.content {
                    Content::Camera => CUT_TO_P,
                    Content::Screen => REPAINT_TO_P,
                };
                let patience = self.plan.pace;
                let Some(model) = self.inter.get_mut(usize::from(picture.layer)) else {
                    return;
                };
                let error = model.error(step, activity, size);
                if picture.at_min && error < Log2::ZERO {
                    // There is nothing finer: what is saved tells nothing of what comes.
                    return;
                }
                let level = model.level_of(step, activity, size);
                let usual = model.level();
                if verdict != Verdict::Keep {
                    model.expect(level);
                } else if model.learn(step, activity, size) == Surprise::NewContent {
                    // The next one is predicted from it: its size says what an I picture takes.
                    model.expect(if activity == Log2::ZERO {
                        level.minus(less).max(usual)
                    } else {
                        level
                    });
                    self.intra
                        .expect(intra.level_of(step, activity, size).max(intra.level()));
                }
                if let Some(model) = self.inter.first().filter(|_| picture.layer == 0) {
                    let level = model.level().plus(activity);
                    self.steady = Some(match self.steady {
                        None => level,
                        Some(steady) => steady.plus(level.minus(steady).times(patience)),
                    });
                }
                if activity != Log2::ZERO {
                    let change = activity.minus(self.usual_activity);
                    self.usual_activity = if self.usual_activity == Log2::ZERO {
                        activity
                    } else {
                        self.usual_activity.plus(change.times(Log2::ratio(1, 8)))
                    };
                }
            }
        }
    }
}
