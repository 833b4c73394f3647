// SPDX-License-Identifier: GPL-2.0

//! A plain controller in the logarithmic domain: log2(bits) = c - k QP for each type of frame,
//! with c followed by exponential smoothing, and a target that repays the debt over a while.

use std::collections::VecDeque;

use super::{octave, RateController};
use crate::config::{Config, Mode, SECOND};
use crate::frame::{Action, Coded, Decision, Input, Verdict};

/// Binary orders of size an octave of the quantizer: 0.165 a QP.
const SLOPE: f64 = 0.99;
/// How much of a miss is believed: upward, downward, at the first and at a second spike.
const GAIN_UP: f64 = 0.45;
const GAIN_DOWN: f64 = 0.3;
const GAIN_SPIKE: [f64; 2] = [0.4, 0.8];
/// A miss by more binary orders is a spike.
const SPIKE: f64 = 1.3;
/// Seconds over which the debt is repaid.
const REPAY: f64 = 0.6;
/// A change of QP by less is not made.
const HOLD: f64 = 0.7;
/// Largest step downward, and upward by fullness below a third, two thirds, and above.
const STEP_DOWN: f64 = 1.2;
const STEP_UP: [f64; 3] = [3.0, 5.0, 10.0];
/// What a sample takes in an I and in a P frame before anything is known, at QP 26.
const FIRST_BITS: [f64; 2] = [0.6, 0.1];
/// An I frame gets this many frames' bits when the buffer has room.
const I_SHARE: f64 = 4.0;

/// A frame that has begun.
struct Begun {
    key: bool,
    skip: bool,
    qp: f64,
    duration: u64,
}

/// The controller.
pub(crate) struct LogDomain {
    config: Config,
    /// c of I and of P frames.
    level: [f64; 2],
    known: [bool; 2],
    last_was_spike: bool,
    /// Last QP of I and of P frames.
    qp: [f64; 2],
    /// Signed, in bits.
    debt: f64,
    /// F in bits.
    full: f64,
    skips: u32,
    begun: VecDeque<Begun>,
}

impl LogDomain {
    pub(crate) fn new(config: &Config) -> Self {
        let samples = f64::from(config.width) * f64::from(config.height);
        // 26 of 51 is between the finest and the coarsest step on any scale.
        let middle = SLOPE * 26.0 / 6.0;
        Self {
            config: config.clone(),
            level: FIRST_BITS.map(|bits| (bits * samples).log2() + middle),
            known: [false; 2],
            last_was_spike: false,
            qp: [0.0; 2],
            debt: 0.0,
            full: 0.0,
            skips: 0,
            begun: VecDeque::new(),
        }
    }

    /// Where the frames that have begun will bring the buffer.
    fn outlook(&self) -> (f64, f64) {
        let (mut full, mut debt) = (self.full, self.debt);
        for begun in &self.begun {
            let bits = if begun.skip {
                0.0
            } else {
                self.predict(begun.key, begun.qp)
            };
            self.add(&mut full, &mut debt, bits, begun.duration);
        }
        (full, debt)
    }

    fn predict(&self, key: bool, qp: f64) -> f64 {
        let kind = usize::from(!key);
        (self.level[kind] - SLOPE / octave(self.config.scale) * qp).exp2()
    }

    /// A frame, and the time to the next.
    fn add(&self, full: &mut f64, debt: &mut f64, bits: f64, duration: u64) {
        let time = duration as f64 / SECOND as f64;
        let limit = 2.0 * self.config.frame_bits();
        *full = (*full + bits - self.config.drain() as f64 * time).max(0.0);
        *debt = (*debt + bits - self.config.bitrate as f64 * time).max(-limit);
    }

    fn target(&self, key: bool, full: f64, debt: f64) -> f64 {
        let b = self.config.frame_bits();
        let room = 0.6 * (0.8 * self.config.cpb as f64 - full);
        let share = if key { I_SHARE * b } else { b };
        let interval = self.config.interval as f64 / SECOND as f64;
        let repaid = debt * interval / REPAY;
        let limit =
            self.config.max_bits[usize::from(!key)].map_or(f64::INFINITY, |max| 0.8 * max as f64);
        (share - repaid).min(room).max(0.2 * b).min(limit)
    }

    /// QP for a target, near the last of its type.
    fn choose(&mut self, key: bool, target: f64, full: f64) -> f64 {
        let kind = usize::from(!key);
        let unit = octave(self.config.scale) / 6.0;
        let wanted = (self.level[kind] - target.log2()) / SLOPE * octave(self.config.scale);
        let mut qp = wanted;
        if self.known[kind] {
            let last = self.qp[kind];
            let third = (3.0 * full / self.config.cpb as f64).clamp(0.0, 2.0) as usize;
            qp = wanted.clamp(last - STEP_DOWN * unit, last + STEP_UP[third] * unit);
            if (qp - last).abs() < HOLD * unit {
                qp = last;
            }
        }
        let (min, max) = (self.config.min_qp, self.config.max_qp);
        let qp = qp.round().clamp(f64::from(min), f64::from(max));
        self.qp[kind] = qp;
        qp
    }

    fn learn(&mut self, begun: &Begun, coded: &Coded) {
        let kind = usize::from(!begun.key);
        let bits = (coded.bits.max(1) as f64).log2();
        let slope = SLOPE / octave(self.config.scale);
        let miss = bits - (self.level[kind] - slope * begun.qp);
        if !self.known[kind] {
            self.known[kind] = true;
            self.level[kind] += miss;
            if kind == 0 && !self.known[1] {
                self.level[1] += miss;
            }
            return;
        }
        let spike = miss > SPIKE;
        let gain = match (spike, self.last_was_spike) {
            (true, again) => GAIN_SPIKE[usize::from(again)],
            (false, _) if miss > 0.0 => GAIN_UP,
            _ => GAIN_DOWN,
        };
        self.last_was_spike = spike;
        self.level[kind] += gain * miss;
    }
}

impl RateController for LogDomain {
    fn configure(&mut self, config: &Config) {
        self.config = config.clone();
    }

    fn begin(&mut self, input: &Input) -> Decision {
        let (full, debt) = self.outlook();
        let target = self.target(input.key, full, debt);
        let held = matches!(self.config.mode, Mode::Quality);
        let qp = if held {
            f64::from(self.config.quality_qp)
        } else {
            self.choose(input.key, target, full)
        };
        let quality = f64::from(self.config.quality_qp);
        let qp = match self.config.mode {
            Mode::CappedQuality => qp.max(quality),
            _ => qp,
        };
        let may_skip =
            self.config.skip && !input.key && self.skips < self.config.max_consecutive_skips;
        let skip = may_skip && full > 0.9 * self.config.cpb as f64;
        self.begun.push_back(Begun {
            key: input.key,
            skip,
            qp,
            duration: input.duration,
        });
        let room = (self.config.cpb as f64 - full).max(0.0) as u64;
        let limit = self.config.max_bits[usize::from(!input.key)];
        Decision {
            action: if skip { Action::Skip } else { Action::Encode },
            qp: qp as i32,
            target: target as u64,
            predicted: target as u64,
            max_bits: Some(limit.map_or(room, |limit| limit.min(room))),
        }
    }

    fn end(&mut self, coded: &Coded) -> Verdict {
        let Some(begun) = self.begun.pop_front() else {
            return Verdict::KEEP;
        };
        let mut bits = coded.bits as f64;
        let mut verdict = Verdict::KEEP;
        if !begun.skip {
            self.learn(&begun, coded);
            let may_replace = self.config.skip
                && self.config.levers.post_skip
                && !begun.key
                && self.begun.is_empty()
                && self.skips < self.config.max_consecutive_skips;
            if may_replace && self.full + bits > self.config.cpb as f64 {
                // Its content is still to be coded: what it took is believed at once.
                self.level[1] = (coded.bits.max(1) as f64).log2()
                    + SLOPE / octave(self.config.scale) * begun.qp;
                bits = coded.header_bits as f64;
                verdict.replace = true;
            }
        }
        self.skips = if begun.skip || verdict.replace {
            self.skips + 1
        } else {
            0
        };
        if self.config.filler {
            let time = begun.duration as f64 / SECOND as f64;
            let missing = self.config.drain() as f64 * time - self.full - bits;
            if missing >= 1.0 {
                // Filler is whole bytes, six at least with its start code.
                verdict.filler_bits = (missing / 8.0).ceil().max(6.0) as u64 * 8;
            }
            bits += verdict.filler_bits as f64;
        }
        let (mut full, mut debt) = (self.full, self.debt);
        self.add(&mut full, &mut debt, bits, begun.duration);
        (self.full, self.debt) = (full, debt);
        verdict
    }
}
