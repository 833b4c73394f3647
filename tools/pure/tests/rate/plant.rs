// SPDX-License-Identifier: GPL-2.0

//! An encoder without pictures: sizes that fall with the quantizer step, and noise.

use crate::random::Random;
use slenc_pure::rate_control::{
    config::{Capabilities, Config},
    controller::Controller,
    frame::{Action, FrameIn, FrameType, Outcome, Verdict},
    scale::Scale,
};

/// 640x360.
pub(crate) const CAPS: Capabilities = Capabilities {
    scale: Scale::Qp51,
    macroblocks: 40 * 23,
    intra_floor_q8: 8 << 8,
    hard_max: false,
    post_skip: false,
    post_drop: false,
    filler: true,
    skip_bits: 160,
};

/// A picture of so many bits, of which nothing else is known.
pub(crate) fn outcome(bits: u64) -> Outcome {
    Outcome {
        bits,
        header_bits: 0,
        mean_qp_q8: None,
        forced_skips: 0,
    }
}

/// A scene: what a picture takes at QP 28, in bits.
#[derive(Clone, Copy)]
pub(crate) struct Scene {
    pub(crate) i: f64,
    pub(crate) p: f64,
    /// Standard deviation of the logarithm.
    pub(crate) noise: f64,
    /// Bits that a factor of 2 in the step saves, as a logarithm.
    pub(crate) slope: f64,
}

/// A stream being coded.
pub(crate) struct Run {
    pub(crate) controller: Controller,
    pub(crate) caps: Capabilities,
    pub(crate) config: Config,
    random: Random,
    drift: f64,
    /// Sizes and QPs of the pictures sent.
    pub(crate) bits: Vec<u64>,
    pub(crate) qps: Vec<i32>,
    pub(crate) fills: Vec<u64>,
    pub(crate) dropped: Vec<bool>,
}

impl Run {
    pub(crate) fn new(caps: Capabilities, config: Config) -> Self {
        let mut controller = Controller::new(caps).unwrap();
        controller.configure(&config).unwrap();
        Self {
            controller,
            caps,
            config,
            random: Random::new(7),
            drift: 0.0,
            bits: Vec::new(),
            qps: Vec::new(),
            fills: Vec::new(),
            dropped: Vec::new(),
        }
    }

    pub(crate) fn configure(&mut self, config: Config) {
        self.controller.configure(&config).unwrap();
        self.config = config;
    }

    fn normal(&mut self) -> f64 {
        (0..12)
            .map(|_| self.random.below(1 << 20) as f64 / f64::from(1 << 20))
            .sum::<f64>()
            - 6.0
    }

    /// Codes a picture; `cut` when the reference is of no use to it.
    pub(crate) fn picture(&mut self, scene: &Scene, frame: &FrameIn, cut: bool) {
        let decision = self.controller.begin(frame).unwrap();
        let step = 2f64.powf(f64::from(decision.qp - 28) / 6.0);
        // Half of the noise stays for a while, as it does in nature.
        let noise = self.normal() * scene.noise;
        self.drift = 0.8 * self.drift + 0.42 * noise;
        let noise = self.drift + 0.7 * noise;
        let base = if frame.frame_type == FrameType::I || cut || self.missed() {
            scene.i
        } else {
            scene.p
        };
        let floor = self.caps.skip_bits as f64;
        let mut bits = (base * step.powf(-scene.slope) * noise.exp2() + floor) as u64;
        let mut forced_skips = 0;
        if self.caps.hard_max && decision.max_bits != 0 && bits > decision.max_bits {
            bits = decision.max_bits;
            forced_skips = 10;
        }
        if decision.action == Action::Skip {
            bits = u64::from(self.caps.skip_bits);
        }
        let outcome = Outcome {
            header_bits: 40,
            forced_skips,
            ..outcome(bits)
        };
        let judgement = self.controller.end(decision.cookie, &outcome).unwrap();
        let kept = judgement.verdict == Verdict::Keep && decision.action == Action::Encode;
        let sent = match judgement.verdict {
            Verdict::Keep => bits + 8 * judgement.filler_bytes,
            Verdict::ReplaceBySkip => u64::from(self.caps.skip_bits),
            Verdict::Drop => 0,
        };
        let state = self.controller.commit(decision.cookie, sent).unwrap();
        self.bits.push(sent);
        self.qps.push(decision.qp);
        self.fills.push(state.fill);
        // A cut that is not sent is still to come.
        self.dropped.push(!kept);
    }

    fn missed(&self) -> bool {
        self.dropped.last().copied().unwrap_or(false)
    }

    /// Pictures of a scene, an I picture first every `gop`.
    pub(crate) fn play(&mut self, scene: &Scene, pictures: usize, gop: usize) {
        for n in 0..pictures {
            let frame_type = if n % gop == 0 && (n > 0 || self.bits.is_empty()) {
                FrameType::I
            } else {
                FrameType::P
            };
            let cut = n == 0 && !self.bits.is_empty();
            self.picture(scene, &FrameIn::new(frame_type), cut);
        }
    }

    /// Bits of a picture on average.
    pub(crate) fn share(&self) -> f64 {
        self.config.bitrate as f64 * f64::from(self.config.interval.0)
            / f64::from(self.config.interval.1)
    }

    /// Error of the mean rate of pictures, in percent.
    pub(crate) fn rate_error(&self, range: std::ops::Range<usize>) -> f64 {
        let bits = &self.bits[range];
        100.0 * (bits.iter().sum::<u64>() as f64 / bits.len() as f64 / self.share() - 1.0)
    }

    /// The lowest and highest error of the rate over windows of a number of pictures.
    pub(crate) fn window_errors(&self, from: usize, window: usize) -> (f64, f64) {
        let mut range = (f64::MAX, f64::MIN);
        for start in from..=self.bits.len() - window {
            let error = self.rate_error(start..start + window);
            range = (range.0.min(error), range.1.max(error));
        }
        range
    }

    /// The longest queue in units of the mean picture.
    pub(crate) fn longest_queue(&self, range: std::ops::Range<usize>) -> f64 {
        self.fills[range].iter().copied().max().unwrap() as f64 / self.share()
    }

    /// Standard deviation of the QP.
    pub(crate) fn qp_deviation(&self, from: usize) -> f64 {
        let qps = &self.qps[from..];
        let n = qps.len() as f64;
        let mean = qps.iter().map(|&q| f64::from(q)).sum::<f64>() / n;
        (qps.iter()
            .map(|&q| (f64::from(q) - mean).powi(2))
            .sum::<f64>()
            / n)
            .sqrt()
    }
}
