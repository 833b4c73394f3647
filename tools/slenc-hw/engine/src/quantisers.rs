// SPDX-License-Identifier: GPL-2.0

//! All that depends on the QP of a macroblock.

use crate::quant::{chroma_qp, Quantiser};
use crate::quant8::Quantiser8;
use crate::Picture;

/// Rounding of levels in 64ths for the three kinds of position: a dead zone of about a third for
/// intra and of a sixth for inter prediction, as the JM reference software has them.
const INTRA_ROUNDING: [u32; 3] = [21, 21, 21];
const INTER_ROUNDING: [u32; 3] = [16, 12, 14];
/// The same of 8x8 blocks.
const INTRA_ROUNDING_8X8: u32 = 21;
const INTER_ROUNDING_8X8: u32 = 13;

/// Cost of a bit against a transformed difference by QP: 2^((QP - 12) / 6), following
/// T. Wiegand and B. Girod, "Lagrange multiplier selection in hybrid video coder control", ICIP 2001.
static LAMBDA: [u8; 52] = [
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 6, 6, 7, 8, 9,
    10, 11, 13, 14, 16, 18, 20, 23, 25, 29, 32, 36, 40, 45, 51, 57, 64, 72, 81, 91,
];

/// Tables of one QP.
#[derive(Clone, Debug)]
pub(crate) struct Quantisers {
    pub(crate) qp: u8,
    /// Cost of a bit.
    pub(crate) lambda: u32,
    /// Most differences of a macroblock that may have no levels.
    pub(crate) skip_sad: u32,
    pub(crate) intra_luma: Quantiser,
    pub(crate) inter_luma: Quantiser,
    pub(crate) intra_luma_8x8: Quantiser8,
    pub(crate) inter_luma_8x8: Quantiser8,
    /// Of Cb and of Cr.
    pub(crate) intra_chroma: [Quantiser; 2],
    pub(crate) inter_chroma: [Quantiser; 2],
}

impl Quantisers {
    pub(crate) fn new(picture: &Picture<'_>, qp: u8) -> Self {
        let inter_luma = Quantiser::new(qp, INTER_ROUNDING);
        let chroma = picture.chroma_offsets().map(|offset| chroma_qp(qp, offset));
        Self {
            qp,
            lambda: LAMBDA[usize::from(qp)].into(),
            skip_sad: inter_luma.largest_zero_sad(),
            intra_luma: Quantiser::new(qp, INTRA_ROUNDING),
            inter_luma,
            intra_luma_8x8: Quantiser8::new(qp, INTRA_ROUNDING_8X8),
            inter_luma_8x8: Quantiser8::new(qp, INTER_ROUNDING_8X8),
            intra_chroma: chroma.map(|qp| Quantiser::new(qp, INTRA_ROUNDING)),
            inter_chroma: chroma.map(|qp| Quantiser::new(qp, INTER_ROUNDING)),
        }
    }
}
