// SPDX-License-Identifier: GPL-2.0

//! The same QP for every frame: what all others are compared with.

use super::RateController;
use crate::config::Config;
use crate::frame::{Action, Coded, Decision, Input, Verdict};

/// Codes all frames at one QP.
pub(crate) struct ConstantQpController(pub(crate) i32);

impl RateController for ConstantQpController {
    fn configure(&mut self, _config: &Config) {}

    fn begin(&mut self, _input: &Input) -> Decision {
        Decision {
            action: Action::Encode,
            qp: self.0,
            target: 0,
            predicted: 0,
            max_bits: None,
        }
    }

    fn end(&mut self, _coded: &Coded) -> Verdict {
        Verdict::KEEP
    }
}
