// SPDX-License-Identifier: GPL-2.0

//! What all macroblocks of a picture have in common.

use crate::inter::reference::Reference;
use crate::quantisers::Quantisers;
use crate::simd::Kernels;
use crate::{Picture, PictureType, Source};

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
    /// QP of the slices.
    pub(crate) qp: u8,
    /// transform_8x8_mode_flag.
    pub(crate) transform_8x8: bool,
    /// Tables of the QPs that macroblocks have, from `lowest_qp` on.
    quantisers: Vec<Quantisers>,
    lowest_qp: u8,
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
        Self {
            picture,
            kernels,
            picture_type: picture.picture_type,
            width_mbs: picture.width_mbs,
            height_mbs: picture.height_mbs,
            source: picture.source,
            references,
            qp: picture.qp,
            transform_8x8: picture.transform_8x8,
            quantisers: vec![Quantisers::new(picture, picture.qp)],
            lowest_qp: picture.qp,
            forced_intra,
        }
    }

    /// Whether the macroblock at column `x`, row `y` is forced to intra.
    pub(crate) fn is_forced_intra(&self, x: usize, y: usize) -> bool {
        self.forced_intra
            .get(y * self.width_mbs + x)
            .is_some_and(|&forced| forced)
    }

    /// Tables for the macroblock at column `x`, row `y`.
    pub(crate) fn quantisers(&self, _x: usize, _y: usize) -> &Quantisers {
        &self.quantisers[usize::from(self.qp - self.lowest_qp)]
    }
}
