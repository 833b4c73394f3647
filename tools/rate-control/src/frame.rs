// SPDX-License-Identifier: GPL-2.0

//! What passes between a controller, an encoder and the judge for each frame.

use serde::Serialize;

/// Activity of a source picture: sums over luma samples of what is left by prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Activity {
    /// By prediction from the reference, or where there are only sources, from the one before.
    pub(crate) inter: u64,
    /// By prediction from the picture itself.
    pub(crate) intra: u64,
}

/// A frame, before it is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// An IDR picture.
    pub(crate) key: bool,
    /// The application asked for the key frame.
    pub(crate) forced: bool,
    /// Temporal layer.
    pub(crate) layer: usize,
    /// Frames from the reference to this one.
    pub(crate) distance: u32,
    /// Time since the frame before in nanoseconds.
    pub(crate) elapsed: u64,
    /// Time to the next frame in nanoseconds.
    pub(crate) duration: u64,
    /// Macroblocks that intra refresh forces.
    pub(crate) refresh_mbs: u32,
    /// With pre-analysis.
    pub(crate) activity: Option<Activity>,
}

/// What is to be done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    /// Code it.
    Encode,
    /// Code an all-skip picture in its place.
    Skip,
}

/// How a frame is to be coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) action: Action,
    /// On the configuration's scale.
    pub(crate) qp: i32,
    /// Size aimed at in bits, to be shown.
    pub(crate) target: u64,
    /// Size that it probably has; 0 when that is not known.
    pub(crate) predicted: u64,
    /// Limit that hardware with a hard maximum keeps.
    pub(crate) max_bits: Option<u64>,
}

/// A coded frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Coded {
    /// The whole access unit.
    pub(crate) bits: u64,
    /// Headers in it.
    pub(crate) header_bits: u64,
    /// Nonzero levels.
    pub(crate) nonzero: u64,
    /// Mean QP of the macroblocks, on the scale 0 to 51.
    pub(crate) mean_qp: f64,
    /// Macroblocks skipped by the hard maximum.
    pub(crate) forced_skip_mbs: u32,
    /// Of luma in dB.
    pub(crate) psnr: f64,
}

/// What becomes of a coded frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Put an all-skip picture in its place.
    pub(crate) replace: bool,
    /// Filler behind it, in bits.
    pub(crate) filler_bits: u64,
}

impl Verdict {
    /// It goes to the application as it is.
    pub(crate) const KEEP: Self = Self {
        replace: false,
        filler_bits: 0,
    };
}

/// All that the judge sees of a frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// When it is due, in nanoseconds from the start.
    pub(crate) time: u64,
    /// Time to the next frame in nanoseconds.
    pub(crate) duration: u64,
    pub(crate) key: bool,
    /// The first frame of another scene.
    pub(crate) cut: bool,
    pub(crate) layer: usize,
    /// On the configuration's scale; `None` of an encoder that does not say.
    pub(crate) qp: Option<i32>,
    pub(crate) target: u64,
    /// What goes out, without filler.
    pub(crate) bits: u64,
    pub(crate) filler_bits: u64,
    /// An all-skip picture was sent.
    pub(crate) skipped: bool,
    pub(crate) forced_skip_mbs: u32,
    pub(crate) psnr: f64,
    /// Index into the configurations of the run.
    pub(crate) config: usize,
}
