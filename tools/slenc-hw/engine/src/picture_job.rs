// SPDX-License-Identifier: GPL-2.0

//! What all macroblocks of a picture have in common.

use std::sync::OnceLock;

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
    /// RefPicList0 of a P picture, unless all of it is skipped.
    pub(crate) references: &'a [Reference],
    /// Pictures in RefPicList0.
    pub(crate) reference_count: usize,
    /// QP of the slices.
    pub(crate) qp: u8,
    /// transform_8x8_mode_flag.
    pub(crate) transform_8x8: bool,
    /// Tables of the QPs that macroblocks can have, from `lowest_qp` on.
    quantisers: Vec<OnceLock<Quantisers>>,
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
        reference_count: usize,
        forced_intra: &'a [bool],
    ) -> Self {
        let offsets = picture.qp_offsets.iter().copied();
        let rows = picture.in_frame.map_or(picture.qp..=picture.qp, |control| {
            control.qp_min..=control.qp_max
        });
        let lowest = offset_qp(*rows.start(), offsets.clone().min().unwrap_or(0));
        let highest = offset_qp(*rows.end(), offsets.max().unwrap_or(0));
        Self {
            picture,
            kernels,
            picture_type: picture.picture_type,
            width_mbs: picture.width_mbs,
            height_mbs: picture.height_mbs,
            source: picture.source,
            references,
            reference_count,
            qp: picture.qp,
            transform_8x8: picture.transform_8x8,
            quantisers: (lowest..=highest).map(|_| OnceLock::new()).collect(),
            lowest_qp: lowest,
            forced_intra,
        }
    }

    /// Whether the macroblock at column `x`, row `y` is forced to intra.
    pub(crate) fn is_forced_intra(&self, x: usize, y: usize) -> bool {
        self.forced_intra
            .get(y * self.width_mbs + x)
            .is_some_and(|&forced| forced)
    }

    /// Tables for the macroblock at column `x`, row `y`, of a row with a QP.
    pub(crate) fn quantisers(&self, x: usize, y: usize, row_qp: u8) -> &Quantisers {
        let offset = self.picture.qp_offsets.get(y * self.width_mbs + x);
        let qp = offset_qp(row_qp, offset.copied().unwrap_or(0));
        self.quantisers[usize::from(qp - self.lowest_qp)]
            .get_or_init(|| Quantisers::new(self.picture, qp))
    }
}

/// A QP with its offset.
fn offset_qp(qp: u8, offset: i8) -> u8 {
    (i16::from(qp) + i16::from(offset)).clamp(0, 51) as u8
}
