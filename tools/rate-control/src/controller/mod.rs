// SPDX-License-Identifier: GPL-2.0

//! Rate controllers: the built-in one and the baselines to compare it with.

mod builtin;
mod constant;
mod log_domain;
mod program;
mod sliding;

use crate::config::{Config, Scale};
use crate::frame::{Coded, Decision, Input, Verdict};
use slenc_bpf_native::Program;

use builtin::Builtin;
pub(crate) use constant::ConstantQpController;
use log_domain::LogDomain;
use program::Programmed;
use sliding::SlidingBudget;

/// A rate controller. Frames begin in order and end in the same order; up to
/// [`Config::depth`] of them have begun and not ended.
pub(crate) trait RateController {
    /// Sets what applies to the frames that begin from now on.
    fn configure(&mut self, config: &Config);

    /// Decides how to code a frame.
    fn begin(&mut self, input: &Input) -> Decision;

    /// Learns of the oldest frame that has begun: its size as it was coded or, when the
    /// decision was to skip, that of the all-skip picture.
    fn end(&mut self, coded: &Coded) -> Verdict;

    /// The verdict has been carried out, and so many bits are sent, filler included.
    fn commit(&mut self, _bits: u64) {}
}

/// The controllers by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The kernel module's
    Builtin,
    /// The sliding-budget baseline
    K,
    /// The plain log-domain baseline
    Log,
    /// The BPF program low_delay
    LowDelay,
    /// The BPF program screen
    Screen,
    /// The BPF program qp_floor
    QpFloor,
    /// The BPF program fair_share, alone on its uplink
    FairShare,
    /// The BPF program telemetry
    Telemetry,
}

impl Kind {
    /// The BPF programs.
    pub(crate) const PROGRAMS: &[Self] = &[
        Self::LowDelay,
        Self::Screen,
        Self::QpFloor,
        Self::FairShare,
        Self::Telemetry,
    ];

    /// As on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::K => "k",
            Self::Log => "log",
            Self::LowDelay => "low_delay",
            Self::Screen => "screen",
            Self::QpFloor => "qp_floor",
            Self::FairShare => "fair_share",
            Self::Telemetry => "telemetry",
        }
    }

    /// A new controller.
    pub(crate) fn create(self, config: &Config) -> Box<dyn RateController> {
        match self {
            Self::Builtin => Box::new(Builtin::new(config)),
            Self::K => Box::new(SlidingBudget::new(config)),
            Self::Log => Box::new(LogDomain::new(config)),
            Self::LowDelay => Box::new(Programmed::new(Program::LowDelay, config)),
            Self::Screen => Box::new(Programmed::new(Program::Screen, config)),
            Self::QpFloor => Box::new(Programmed::new(Program::QpFloor, config)),
            Self::FairShare => Box::new(Programmed::new(Program::FairShare, config)),
            Self::Telemetry => Box::new(Programmed::new(Program::Telemetry, config)),
        }
    }
}

/// QP steps that double the quantizer's step size.
fn octave(scale: Scale) -> f64 {
    match scale {
        Scale::Qp51 => 6.0,
        // Its range of 4 to 284 (RFC 6386 section 14.1) is about 6 octaves.
        Scale::Index127 => 20.0,
    }
}

#[cfg(test)]
mod tests;
