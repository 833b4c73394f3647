// SPDX-License-Identifier: GPL-2.0

//! Rate control within a picture, as it is asked for.

/// Most checkpoints of a picture.
pub const MAX_CHECKPOINTS: usize = 16;

/// A point of the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Row of macroblocks, not the first.
    pub row: u32,
    /// Bits of slice data that the rows before it are expected to have.
    pub bits: u32,
}

/// Where QP is corrected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Correction {
    /// At the rows of the checkpoints.
    #[default]
    Checkpoints,
    /// At every row.
    Rows,
}

/// Rate control within a picture: QP of rows of macroblocks, and a size that the picture may not
/// exceed.
///
/// Sizes are of slice data, in bits: what follows the slice headers, with trailing bits, without
/// NAL units that are no slices. Only `hard_max` counts emulation prevention bytes, of the slices with
/// their headers, and cabac_zero_words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFrame<'a> {
    /// Where QP is corrected.
    pub correction: Correction,
    /// The plan of the way from nothing to `target_bits`, straight between its points. Rows rise,
    /// bits do not fall.
    pub checkpoints: &'a [Checkpoint],
    /// Size that the picture is expected to have at its QP, and that correction aims at; 0 when there is
    /// no plan: rows count alike then, and nothing is aimed at but `max_bits`.
    pub target_bits: u32,
    /// Lowest QP of a row, at most the picture's. QP offsets of macroblocks come on top.
    pub qp_min: u8,
    /// Highest QP of a row, at least the picture's.
    pub qp_max: u8,
    /// Most that one correction for the target changes QP, 1..=51.
    pub max_step: u8,
    /// Share of the expected deviation from the target that correction makes up for, in 256ths,
    /// 0..=256.
    pub gain: u16,
    /// Size that correction keeps the picture below as far as QP can, whatever the gain; 0 for none.
    pub max_bits: u32,
    /// `max_bits` is never exceeded: macroblocks that do not fit are coded as P_Skip, and in I
    /// pictures as Intra_16x16 with DC prediction and no residual. What that takes at least is
    /// the floor; `max_bits` below it is raised to it.
    pub hard_max: bool,
}

/// What comes of rate control within a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFrameStats {
    /// Macroblocks coded as hardly anything so that the picture keeps to its maximum.
    pub forced_skips: u32,
    /// The maximum in force: `max_bits`, or the floor if that is higher; 0 without `hard_max`.
    pub max_bits: u32,
    /// `max_bits` was raised to the floor.
    pub max_raised: bool,
    /// Bits of slice data coded before the row of each checkpoint.
    pub checkpoint_bits: [u32; MAX_CHECKPOINTS],
}
