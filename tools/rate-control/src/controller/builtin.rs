// SPDX-License-Identifier: GPL-2.0

//! The controller of the kernel module, from the module's own files.

use std::collections::VecDeque;

use slenc_pure::rate_control as core;
use slenc_pure::rate_control::error::Error;
use slenc_pure::rate_control::frame::FrameType;

use super::RateController;
use crate::config::{Config, Mode, Scale, SECOND};
use crate::frame::{Action, Coded, Decision, Input, Verdict};
use crate::plant::{HEADER_BITS, SKIP_BITS};

/// Bits of a macroblock of an I picture at least, by 256: about 8 with CAVLC.
const INTRA_FLOOR_Q8: u32 = 8 << 8;

/// The built-in controller behind the interface of all.
pub(crate) struct Builtin {
    controller: core::controller::Controller,
    macroblocks: u32,
    begun: VecDeque<u64>,
    /// The hardware tells the mean QP of a picture, on the scale of H.264.
    tells_qp: bool,
    /// Ended, and not committed.
    ended: Option<u64>,
}

/// Scenarios keep to what the controller takes.
pub(super) fn expect<T>(result: Result<T, Error>) -> T {
    result.expect("the calls come in order and in range")
}

pub(super) fn scale(scale: Scale) -> core::scale::Scale {
    match scale {
        Scale::Qp51 => core::scale::Scale::Qp51,
        Scale::Index127 => core::scale::Scale::Index127,
    }
}

pub(super) fn translate(config: &Config) -> core::config::Config {
    let limits = |kind: usize| core::config::Limits {
        fixed_qp: config.quality_qp,
        min_qp: config.min_qp,
        max_qp: config.max_qp,
        max_bits: config.max_bits[kind].unwrap_or(0),
    };
    let mut layer_rates = [0; core::config::MAX_LAYERS];
    layer_rates[..config.layers.len()].copy_from_slice(&config.layers);
    let base = core::config::Config::cbr(scale(config.scale), config.bitrate, 1, 25);
    core::config::Config {
        mode: match config.mode {
            Mode::Cbr => core::config::Mode::Cbr,
            Mode::Vbr => core::config::Mode::Vbr,
            Mode::Quality => core::config::Mode::Quality,
            Mode::CappedQuality => core::config::Mode::CappedQuality,
        },
        peak: config.peak,
        cpb_bits: config.cpb,
        strict: true,
        filler: config.filler,
        max_delay_ns: config.max_delay,
        intra_safe: config.levers.intra_safe,
        interval: (config.interval as u32, SECOND as u32),
        i: limits(0),
        p: limits(1),
        skip: if config.skip {
            core::config::SkipMode::Buffer
        } else {
            core::config::SkipMode::Disabled
        },
        max_skips: config.max_consecutive_skips,
        layers: config.layers.len() as u8,
        layer_rates,
        content: if config.screen {
            core::config::Content::Screen
        } else {
            core::config::Content::Camera
        },
        quality: config.quality,
        ..base
    }
}

pub(super) fn capabilities(config: &Config) -> core::config::Capabilities {
    core::config::Capabilities {
        scale: scale(config.scale),
        macroblocks: config.macroblocks(),
        intra_floor_q8: INTRA_FLOOR_Q8,
        hard_max: config.levers.hard_max,
        post_skip: config.levers.post_skip && config.skip,
        post_drop: false,
        filler: true,
        skip_bits: SKIP_BITS as u32,
    }
}

pub(super) fn frame_of(input: &Input) -> core::frame::FrameIn {
    let frame_type = if input.key {
        FrameType::I
    } else {
        FrameType::P
    };
    core::frame::FrameIn {
        layer: input.layer as u8,
        interval_ns: input.elapsed,
        distance: input.distance,
        header_bits: HEADER_BITS[usize::from(!input.key)],
        analysis: input.activity.map(|activity| core::frame::Analysis {
            inter: activity.inter.min(activity.intra),
            intra: activity.intra,
        }),
        ..core::frame::FrameIn::new(frame_type)
    }
}

pub(super) fn decision_from(decision: &core::frame::Decision) -> Decision {
    Decision {
        action: match decision.action {
            core::frame::Action::Encode => Action::Encode,
            core::frame::Action::Skip => Action::Skip,
        },
        qp: decision.qp,
        target: decision.target_bits,
        predicted: decision.predicted_bits,
        max_bits: (decision.max_bits > 0).then_some(decision.max_bits),
    }
}

/// With the mean QP, if it is on the scale of the controller.
pub(super) fn outcome_of(coded: &Coded, tells_qp: bool) -> core::frame::Outcome {
    core::frame::Outcome {
        bits: coded.bits,
        header_bits: coded.header_bits,
        mean_qp_q8: tells_qp.then_some((coded.mean_qp * 256.0) as i32),
        forced_skips: coded.forced_skip_mbs,
    }
}

pub(super) fn verdict_from(judgement: &core::frame::Judgement) -> Verdict {
    let replace = judgement.verdict == core::frame::Verdict::ReplaceBySkip;
    let skip_bits = if replace { SKIP_BITS } else { 0 };
    Verdict {
        replace,
        filler_bits: (8 * judgement.filler_bytes).saturating_sub(skip_bits),
    }
}

impl Builtin {
    pub(crate) fn new(config: &Config) -> Self {
        let mut controller = expect(core::controller::Controller::new(capabilities(config)));
        expect(controller.configure(&translate(config)));
        Self {
            controller,
            macroblocks: config.macroblocks(),
            begun: VecDeque::new(),
            tells_qp: config.scale == Scale::Qp51,
            ended: None,
        }
    }
}

impl RateController for Builtin {
    fn configure(&mut self, config: &Config) {
        if config.macroblocks() != self.macroblocks {
            // As a driver that starts to stream again.
            self.macroblocks = config.macroblocks();
            expect(self.controller.restart(capabilities(config)));
        }
        expect(self.controller.configure(&translate(config)));
    }

    fn begin(&mut self, input: &Input) -> Decision {
        let decision = expect(self.controller.begin(&frame_of(input)));
        self.begun.push_back(decision.cookie);
        decision_from(&decision)
    }

    fn end(&mut self, coded: &Coded) -> Verdict {
        let cookie = self.begun.pop_front();
        self.ended = cookie;
        let outcome = outcome_of(coded, self.tells_qp);
        verdict_from(&expect(self.controller.end(cookie.unwrap_or(0), &outcome)))
    }

    fn commit(&mut self, bits: u64) {
        expect(self.controller.commit(self.ended.take().unwrap_or(0), bits));
    }
}
