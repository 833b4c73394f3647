// SPDX-License-Identifier: GPL-2.0

//! What all macroblocks of a picture have in common.

use crate::inter::reference::Reference;
use crate::quant::{chroma_qp, Quantiser};
use crate::simd::Kernels;
use crate::{Picture, PictureType, Source};

/// Rounding of levels in 64ths for the three kinds of position: a dead zone of about a third for
/// intra and of a sixth for inter prediction, as the JM reference software has them.
const INTRA_ROUNDING: [u32; 3] = [21, 21, 21];
const INTER_ROUNDING: [u32; 3] = [16, 12, 14];

/// Cost of a bit against a transformed difference by QP: 2^((QP - 12) / 6), following
/// T. Wiegand and B. Girod, "Lagrange multiplier selection in hybrid video coder control", ICIP 2001.
static LAMBDA: [u8; 52] = [
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 6, 6, 7, 8, 9,
    10, 11, 13, 14, 16, 18, 20, 23, 25, 29, 32, 36, 40, 45, 51, 57, 64, 72, 81, 91,
];

/// A picture to code, checked and prepared.
pub(crate) struct PictureJob<'a> {
    pub(crate) picture: &'a Picture<'a>,
    pub(crate) kernels: &'static Kernels,
    pub(crate) picture_type: PictureType,
    pub(crate) width_mbs: usize,
    pub(crate) height_mbs: usize,
    /// None of an all-skip picture.
    pub(crate) source: Option<Source<'a>>,
    /// RefPicList0 of a P picture.
    pub(crate) references: &'a [Reference],
    pub(crate) qp: u8,
    /// transform_8x8_mode_flag.
    pub(crate) transform_8x8: bool,
    /// Cost of a bit.
    pub(crate) lambda: u32,
    /// Most differences of a macroblock that may have no levels.
    pub(crate) skip_sad: u32,
    pub(crate) intra_luma: Quantiser,
    pub(crate) intra_chroma: Quantiser,
    pub(crate) inter_luma: Quantiser,
    pub(crate) inter_chroma: Quantiser,
    /// Whether each macroblock is forced to intra; empty when none is.
    pub(crate) forced_intra: &'a [bool],
}

impl<'a> PictureJob<'a> {
    /// Prepares a picture.
    pub(crate) fn new(
        kernels: &'static Kernels,
        picture: &'a Picture<'a>,
        references: &'a [Reference],
        forced_intra: &'a [bool],
    ) -> Self {
        let inter_luma = Quantiser::new(picture.qp, INTER_ROUNDING);
        let chroma = chroma_qp(picture.qp, picture.chroma_qp_index_offset);
        Self {
            picture,
            kernels,
            picture_type: picture.picture_type,
            width_mbs: picture.width_mbs,
            height_mbs: picture.height_mbs,
            source: picture.source,
            references,
            qp: picture.qp,
            transform_8x8: false,
            lambda: LAMBDA[usize::from(picture.qp)].into(),
            skip_sad: inter_luma.largest_zero_sad(),
            intra_luma: Quantiser::new(picture.qp, INTRA_ROUNDING),
            intra_chroma: Quantiser::new(chroma, INTRA_ROUNDING),
            inter_luma,
            inter_chroma: Quantiser::new(chroma, INTER_ROUNDING),
            forced_intra,
        }
    }

    /// Whether the macroblock at column `x`, row `y` is forced to intra.
    pub(crate) fn is_forced_intra(&self, x: usize, y: usize) -> bool {
        self.forced_intra
            .get(y * self.width_mbs + x)
            .is_some_and(|&forced| forced)
    }
}
