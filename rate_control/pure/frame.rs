// SPDX-License-Identifier: GPL-2.0

//! What goes in and comes out for each picture.

use super::cycle::Cookie;

/// Type of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// Intra only.
    I,
    /// Predicted from earlier pictures.
    P,
}

/// What is known of the source before it is coded. Any units will do, as long as they stay the
/// same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// Sum of the smallest differences between macroblocks and their predictions, whatever
    /// prediction a P picture has.
    pub inter: u64,
    /// The same with intra prediction alone.
    pub intra: u64,
}

/// A picture that is to be coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameIn {
    /// Its type.
    pub frame_type: FrameType,
    /// It starts a sequence.
    pub idr: bool,
    /// Temporal layer, below `Config::layers`.
    pub layer: u8,
    /// It can be neither skipped nor replaced: it starts a sequence, or marks references.
    pub undroppable: bool,
    /// Later pictures may refer to it.
    pub reference: bool,
    /// What came before has nothing to do with it.
    pub discontinuity: bool,
    /// Time since the previous picture in ns, at most [`Self::MAX_INTERVAL_NS`]; 0 for
    /// `Config::interval`.
    pub interval_ns: u64,
    /// How many pictures back the newest of its references is: 0 and 1 are the one before.
    pub distance: u32,
    /// Upper bound of all headers in bits.
    pub header_bits: u64,
    /// The QP that it has to have, within limits.
    pub fixed_qp: Option<i32>,
    /// The most bits that it may take; 0 for no limit.
    pub max_bits: u64,
    /// What is known of it.
    pub analysis: Option<Analysis>,
}

impl FrameIn {
    /// The longest time between pictures: what fits 31 bits in microseconds.
    pub const MAX_INTERVAL_NS: u64 = (i32::MAX as u64) * 1000;

    /// A reference picture without anything special.
    pub const fn new(frame_type: FrameType) -> Self {
        Self {
            frame_type,
            idr: false,
            layer: 0,
            undroppable: matches!(frame_type, FrameType::I),
            reference: true,
            discontinuity: false,
            interval_ns: 0,
            distance: 0,
            header_bits: 0,
            fixed_qp: None,
            max_bits: 0,
            analysis: None,
        }
    }
}

/// What is to be done with a picture that is not coded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is coded.
    Encode,
    /// A picture that only skips is coded in its place.
    Skip,
}

/// Why a decision is what it is: bits of [`Decision::reasons`].
pub mod reason {
    /// The QP is given.
    pub const FIXED_QP: u32 = 1 << 0;
    /// The QP is that of the first picture.
    pub const INITIAL_QP: u32 = 1 << 1;
    /// The lowest QP.
    pub const MIN_QP: u32 = 1 << 2;
    /// The highest QP.
    pub const MAX_QP: u32 = 1 << 3;
    /// A picture much larger than the others is expected.
    pub const NEW_CONTENT: u32 = 1 << 4;
    /// Skipped: there is no room.
    pub const CPB_FULL: u32 = 1 << 5;
    /// The maximum is the least that a picture takes.
    pub const FLOOR: u32 = 1 << 6;
}

/// How to code a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Names the picture.
    pub cookie: Cookie,
    /// Whether to code it.
    pub action: Action,
    /// QP of the picture.
    pub qp: i32,
    /// The lowest QP in the picture.
    pub min_qp: i32,
    /// The highest QP in the picture.
    pub max_qp: i32,
    /// Size to aim at in bits, for hardware that can.
    pub target_bits: u64,
    /// Size not to exceed in bits, for hardware that can; 0 for any.
    pub max_bits: u64,
    /// The size that it probably has at `qp`.
    pub predicted_bits: u64,
    /// What is in the CPB before it.
    pub fill: u64,
    /// Bits of [`reason`].
    pub reasons: u32,
}

/// How a picture was coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Size of the access unit.
    pub bits: u64,
    /// How much of it are headers.
    pub header_bits: u64,
    /// Mean QP of the macroblocks times 256, where it is known and differs from the decision's.
    pub mean_qp_q8: Option<i32>,
    /// Macroblocks that the hardware skipped to meet `Decision::max_bits`.
    pub forced_skips: u32,
}

/// What is to be done with a coded picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The application gets it.
    Keep,
    /// A picture that only skips takes its place, and its reconstruction is not used.
    ReplaceBySkip,
    /// It never was.
    Drop,
}

/// What has become of a coded picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What is to be done with it.
    pub verdict: Verdict,
    /// Bytes of filler data to append; with [`Verdict::ReplaceBySkip`], less the size of the picture
    /// in its place.
    pub filler_bytes: u64,
    /// By how many bits the picture exceeds the CPB if it is kept.
    pub violation_bits: u64,
    /// What is in the CPB with it and its filler data.
    pub fill: u64,
    /// How long the channel takes to deliver that, in ns.
    pub delay_ns: u64,
}

/// Where the session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Bits in the CPB that the channel has not delivered yet.
    pub fill: u64,
    /// Size of the CPB in bits.
    pub cpb: u64,
    /// By how many bits the bitrate is exceeded so far; what has expired is not in it.
    pub debt: i64,
    /// By how many bits that exceeds the CPB.
    pub violation_bits: u64,
    /// How long the channel takes to deliver `fill`, in ns.
    pub delay_ns: u64,
}
