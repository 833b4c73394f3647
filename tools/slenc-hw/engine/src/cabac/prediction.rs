// SPDX-License-Identifier: GPL-2.0

//! mb_type, mb_pred(), sub_mb_pred() and coded_block_pattern: how a macroblock is predicted.

use super::residual::put_exp_golomb;
use super::{Cabac, Known};
use crate::inter::{Mv, Shape};
use crate::intra::chroma;
use crate::picture_job::PictureJob;
use crate::syntax::{Macroblock, Prediction};
use crate::PictureType;

impl Cabac {
    fn put(&mut self, context: usize, bin: bool) {
        self.arithmetic.encode(&mut self.contexts[context], bin);
    }

    /// Writes everything before mb_qp_delta.
    pub(super) fn put_prediction(
        &mut self,
        job: &PictureJob<'_>,
        above: &Known,
        macroblock: &Macroblock<'_>,
        known: &mut Known,
    ) {
        let has_8x8 = job.transform_8x8;
        match macroblock.prediction {
            Prediction::Inter(shape, mvd, refs) => {
                known.not_nxn = true;
                self.put_inter(job, above, (*shape, mvd, refs), known);
                self.put_coded_block_pattern(above, known);
                if has_8x8 && known.cbp_luma > 0 {
                    self.put_transform_size(above, macroblock.transform_8x8, known);
                }
            }
            Prediction::Intra16(mode, chroma_mode) => {
                known.not_nxn = true;
                self.put_intra_prefix(job.picture_type, above, true);
                // Contexts behind the prefix, Table 9-39.
                let (ac, chroma, kind) = match job.picture_type {
                    PictureType::I => (6, [7, 8], [9, 10]),
                    PictureType::P => (18, [19, 19], [20, 20]),
                };
                self.arithmetic.terminate(false);
                self.put(ac, known.cbp_luma > 0);
                self.put(chroma[0], known.cbp_chroma > 0);
                if known.cbp_chroma > 0 {
                    self.put(chroma[1], known.cbp_chroma > 1);
                }
                let mode = *mode as u8;
                self.put(kind[0], mode & 2 != 0);
                self.put(kind[1], mode & 1 != 0);
                self.put_chroma_mode(above, *chroma_mode, known);
            }
            Prediction::Intra4(modes, chroma_mode) => {
                self.put_nxn(job, above, macroblock.transform_8x8, known);
                self.put_modes(modes);
                self.put_chroma_mode(above, *chroma_mode, known);
                self.put_coded_block_pattern(above, known);
            }
            Prediction::Intra8(modes, chroma_mode) => {
                self.put_nxn(job, above, macroblock.transform_8x8, known);
                self.put_modes(modes);
                self.put_chroma_mode(above, *chroma_mode, known);
                self.put_coded_block_pattern(above, known);
            }
        }
    }

    /// Writes the bins of mb_type of I macroblocks up to the one that tells I_NxN from others.
    pub(super) fn put_intra_prefix(
        &mut self,
        picture_type: PictureType,
        above: &Known,
        not_nxn: bool,
    ) {
        match picture_type {
            PictureType::I => {
                let increment = usize::from(self.left.not_nxn) + usize::from(above.not_nxn);
                self.put(3 + increment, not_nxn);
            }
            PictureType::P => {
                self.put(14, true);
                self.put(17, not_nxn);
            }
        }
    }

    /// Writes mb_type I_NxN and transform_size_8x8_flag.
    fn put_nxn(
        &mut self,
        job: &PictureJob<'_>,
        above: &Known,
        transform_8x8: bool,
        known: &mut Known,
    ) {
        self.put_intra_prefix(job.picture_type, above, false);
        if job.transform_8x8 {
            self.put_transform_size(above, transform_8x8, known);
        }
    }

    fn put_transform_size(&mut self, above: &Known, transform_8x8: bool, known: &mut Known) {
        let increment = usize::from(self.left.transform_8x8) + usize::from(above.transform_8x8);
        self.put(399 + increment, transform_8x8);
        known.transform_8x8 = transform_8x8;
    }

    /// Writes the modes of blocks: whether each is as predicted, and else which it is.
    fn put_modes(&mut self, modes: &[Option<u8>]) {
        for mode in modes {
            self.put(68, mode.is_none());
            if let Some(mode) = mode {
                for i in 0..3 {
                    self.put(69, (mode >> i) & 1 != 0);
                }
            }
        }
    }

    fn put_chroma_mode(&mut self, above: &Known, mode: chroma::Mode, known: &mut Known) {
        let mode = mode as usize;
        let increment = usize::from(self.left.chroma_mode) + usize::from(above.chroma_mode);
        self.put(64 + increment, mode > 0);
        if mode > 0 {
            self.put(67, mode > 1);
        }
        if mode > 1 {
            self.put(67, mode > 2);
        }
        known.chroma_mode = mode > 0;
    }

    fn put_coded_block_pattern(&mut self, above: &Known, known: &Known) {
        let (left, own) = (self.left, known.cbp_luma);
        let clear = |pattern: u8, quadrant: usize| usize::from((pattern >> quadrant) & 1 == 0);
        let around = [
            (clear(left.cbp_luma, 1), clear(above.cbp_luma, 2)),
            (clear(own, 0), clear(above.cbp_luma, 3)),
            (clear(left.cbp_luma, 3), clear(own, 0)),
            (clear(own, 2), clear(own, 1)),
        ];
        for (quadrant, (left, above)) in around.into_iter().enumerate() {
            self.put(73 + left + 2 * above, (own >> quadrant) & 1 != 0);
        }
        let own = known.cbp_chroma;
        let at_least = |pattern: u8| {
            usize::from(left.cbp_chroma >= pattern) + 2 * usize::from(above.cbp_chroma >= pattern)
        };
        self.put(77 + at_least(1), own > 0);
        if own > 0 {
            self.put(81 + at_least(2), own > 1);
        }
    }

    /// Writes mb_type of P macroblocks, sub_mb_type, reference indices and vectors.
    fn put_inter(
        &mut self,
        job: &PictureJob<'_>,
        above: &Known,
        (shape, mvd, refs): (Shape, &[Mv; 4], &[u8; 4]),
        known: &mut Known,
    ) {
        self.put(14, false);
        let halves = matches!(shape, Shape::Rows | Shape::Columns);
        self.put(15, halves);
        self.put(
            16 + usize::from(halves),
            matches!(shape, Shape::Quarters | Shape::Rows),
        );
        if shape == Shape::Quarters {
            // Four times sub_mb_type P_L0_8x8.
            for _ in 0..4 {
                self.put(21, true);
            }
        }
        let left = self.left;
        if job.references.len() > 1 {
            for (&partition, &index) in shape.partitions().iter().zip(refs) {
                let (x, y) = (partition.x, partition.y);
                let of = |mask: u8, quadrant: usize| usize::from((mask >> quadrant) & 1);
                let a = match x {
                    0 => of(left.refs, 2 * y + 1),
                    _ => of(known.refs, 2 * y),
                };
                let b = match y {
                    0 => of(above.refs, 2 + x),
                    _ => of(known.refs, x),
                };
                self.put_reference(a + 2 * b, index);
                if index > 0 {
                    for quadrant in partition.quadrants() {
                        known.refs |= 1 << quadrant;
                    }
                }
            }
        }
        for (&partition, mvd) in shape.partitions().iter().zip(mvd) {
            let (x, y) = (partition.x, partition.y);
            let a = match x {
                0 => left.mvd[2 * y + 1],
                _ => known.mvd[2 * y],
            };
            let b = match y {
                0 => above.mvd[2 + x],
                _ => known.mvd[x],
            };
            let sum = |i: usize| u32::from(a[i]) + u32::from(b[i]);
            self.put_difference(40, sum(0), mvd.x);
            self.put_difference(47, sum(1), mvd.y);
            let size = [mvd.x, mvd.y].map(|value| value.unsigned_abs().min(255) as u8);
            for quadrant in partition.quadrants() {
                known.mvd[quadrant] = size;
            }
        }
    }

    /// Writes ref_idx_l0.
    fn put_reference(&mut self, increment: usize, index: u8) {
        let mut context = 54 + increment;
        for i in 0..index {
            self.put(context, true);
            context = if i == 0 { 58 } else { 59 };
        }
        self.put(context, false);
    }

    /// Writes a component of a vector difference, given the sum of those around it.
    fn put_difference(&mut self, first: usize, around: u32, value: i16) {
        /// Longest prefix, and order of the suffix.
        const PREFIX: u32 = 9;
        const ORDER: u32 = 3;
        let increment = match around {
            0..=2 => 0,
            3..=32 => 1,
            _ => 2,
        };
        let size = u32::from(value.unsigned_abs());
        self.put(first + increment, size > 0);
        if size == 0 {
            return;
        }
        let mut context = first + 3;
        for _ in 1..size.min(PREFIX) {
            self.put(context, true);
            context = (context + 1).min(first + 6);
        }
        if size < PREFIX {
            self.put(context, false);
        } else {
            put_exp_golomb(&mut self.arithmetic, ORDER, size - PREFIX);
        }
        self.arithmetic.bypass(value < 0);
    }
}
