// SPDX-License-Identifier: GPL-2.0

//! A sliding size budget, in the manner of the stateless H.264 rate control proposed on
//! linux-media in May 2026, restated from its description: the frames to come get what the
//! frames before left over, and a table of ratios turns the miss into a step of QP.

use std::collections::VecDeque;

use super::{octave, RateController};
use crate::config::Config;
use crate::frame::{Action, Coded, Decision, Input, Verdict};

/// Frames behind, and frames ahead, that share a budget.
const HORIZON: usize = 25;
/// What an I and a P frame get, by the mean that is left.
const SHARE: [f64; 2] = [6.0, 0.8];
/// The largest steps of I and of P frames.
const MAX_STEP: [i32; 2] = [4, 3];
/// Frames in the mean size.
const MEAN: usize = 3;
/// QP of the first frame, in octaves of the scale.
const FIRST_QP: f64 = 28.0 / 6.0;

/// The controller.
pub(crate) struct SlidingBudget {
    config: Config,
    /// Sizes of the last frames, the newest last.
    past: VecDeque<f64>,
    /// By type, I before P.
    qp: [i32; 2],
    sizes: [VecDeque<f64>; 2],
    begun: VecDeque<bool>,
}

impl SlidingBudget {
    pub(crate) fn new(config: &Config) -> Self {
        let first = (FIRST_QP * octave(config.scale)) as i32;
        Self {
            config: config.clone(),
            past: VecDeque::new(),
            qp: [first; 2],
            sizes: [VecDeque::new(), VecDeque::new()],
            begun: VecDeque::new(),
        }
    }

    /// Mean size left for a frame ahead.
    fn budget(&self) -> f64 {
        let b = self.config.frame_bits();
        let missing = HORIZON - self.past.len();
        let spent: f64 = self.past.iter().sum::<f64>() + missing as f64 * b;
        (2.0 * HORIZON as f64 * b - spent) / HORIZON as f64
    }
}

/// Thresholds of the ratio of size to target are half way between whole steps of QP, each of
/// which is 1/6 of an octave.
fn step(ratio: f64, octave: f64, limit: i32) -> i32 {
    let exact = ratio.log2() * octave;
    (exact.round() as i32).clamp(-limit, limit)
}

impl RateController for SlidingBudget {
    fn configure(&mut self, config: &Config) {
        self.config = config.clone();
    }

    fn begin(&mut self, input: &Input) -> Decision {
        let kind = usize::from(!input.key);
        let target = (self.budget() * SHARE[kind]).max(1.0);
        let sizes = &self.sizes[kind];
        if !sizes.is_empty() {
            let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
            let limit = MAX_STEP[kind] * (octave(self.config.scale) / 6.0) as i32;
            self.qp[kind] += step(mean / target, octave(self.config.scale), limit);
        } else if kind == 1 {
            self.qp[1] = self.qp[0];
        }
        self.qp[kind] = self.qp[kind].clamp(self.config.min_qp, self.config.max_qp);
        self.begun.push_back(input.key);
        Decision {
            action: Action::Encode,
            qp: self.qp[kind],
            target: target as u64,
            predicted: 0,
            max_bits: None,
        }
    }

    fn end(&mut self, coded: &Coded) -> Verdict {
        let Some(key) = self.begun.pop_front() else {
            return Verdict::KEEP;
        };
        for (sizes, count) in [
            (&mut self.past, HORIZON),
            (&mut self.sizes[usize::from(!key)], MEAN),
        ] {
            sizes.push_back(coded.bits as f64);
            if sizes.len() > count {
                sizes.pop_front();
            }
        }
        Verdict::KEEP
    }
}
