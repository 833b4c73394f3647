// SPDX-License-Identifier: GPL-2.0

//! What a controller is told about the stream before its first frame, and when that changes.

use serde::Serialize;

/// Nanoseconds of a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// What the controller holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// The rate, in every second.
    Cbr,
    /// The rate on average, and the peak in the buffer.
    Vbr,
    /// The quality.
    Quality,
    /// The quality unless the peak forbids it.
    CappedQuality,
}

/// The scale that QPs are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scale {
    /// H.264 and HEVC, 0 to 51.
    Qp51,
    /// VP8's quantizer index, 0 to 127.
    Index127,
}

/// What the hardware and the driver offer beyond one QP a frame (rate-control model, section 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Levers {
    /// (a) Activity of the coming frame is known.
    pub(crate) pre_analysis: bool,
    /// (b1) The hardware looks at its bits at some rows of a picture, and corrects QP.
    pub(crate) checkpoints: bool,
    /// (b2) The hardware never exceeds a maximum size.
    pub(crate) hard_max: bool,
    /// (c) A coded P picture can be replaced by an all-skip one.
    pub(crate) post_skip: bool,
    /// (d) P frames are coded so that a repaint at their QP fits into the buffer.
    pub(crate) intra_safe: bool,
}

impl Levers {
    /// The hardware has none.
    pub(crate) const NONE: Self = Self {
        pre_analysis: false,
        checkpoints: false,
        hard_max: false,
        post_skip: false,
        intra_safe: false,
    };

    /// Short names of what is there.
    pub(crate) fn names(self) -> String {
        let all = [
            (self.pre_analysis, "a"),
            (self.checkpoints, "b1"),
            (self.hard_max, "b2"),
            (self.post_skip, "c"),
            (self.intra_safe, "d"),
        ];
        let names: Vec<&str> = all.iter().filter(|l| l.0).map(|l| l.1).collect();
        if names.is_empty() {
            "blind".to_owned()
        } else {
            names.join("+")
        }
    }
}

/// The configuration of a controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Config {
    pub(crate) mode: Mode,
    /// Average rate in bit/s.
    pub(crate) bitrate: u64,
    /// Rate at which the buffer is filled, in bit/s.
    pub(crate) peak: u64,
    /// Size of the coded picture buffer in bits.
    pub(crate) cpb: u64,
    /// Nominal frame interval in nanoseconds.
    pub(crate) interval: u64,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) scale: Scale,
    pub(crate) min_qp: i32,
    pub(crate) max_qp: i32,
    /// QP of constant and capped quality.
    pub(crate) quality_qp: i32,
    /// The same as a quality of 1 to 100, for controllers that take one.
    pub(crate) quality: u8,
    /// Limit of I and of P frames in bits.
    pub(crate) max_bits: [Option<u64>; 2],
    /// Frames may be skipped to keep the buffer.
    pub(crate) skip: bool,
    pub(crate) max_consecutive_skips: u32,
    /// The longest time in the channel in ns that a frame that can be replaced may take; 0 for any.
    pub(crate) max_delay: u64,
    /// Empty time of the buffer is filled up.
    pub(crate) filler: bool,
    /// Rate of each temporal layer in bit/s; one entry without layers.
    pub(crate) layers: Vec<u64>,
    pub(crate) screen: bool,
    /// Frames that begin before the first of them ends.
    pub(crate) depth: usize,
    pub(crate) levers: Levers,
}

impl Config {
    /// Bits of a frame interval at the average rate: b.
    pub(crate) fn frame_bits(&self) -> f64 {
        self.bitrate as f64 * self.interval as f64 / SECOND as f64
    }

    /// Macroblocks of a picture.
    pub(crate) fn macroblocks(&self) -> u32 {
        self.width.div_ceil(16) * self.height.div_ceil(16)
    }

    /// The rate that drains the buffer.
    pub(crate) fn drain(&self) -> u64 {
        match self.mode {
            Mode::Cbr | Mode::Quality => self.bitrate,
            Mode::Vbr | Mode::CappedQuality => self.peak,
        }
    }
}
