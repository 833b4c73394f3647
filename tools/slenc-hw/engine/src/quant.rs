// SPDX-License-Identifier: GPL-2.0

//! Quantisation: ITU-T H.264 clause 8.5.9 and 8.5.12.1 for scaling, and the matching multiplication
//! factors of H. S. Malvar et al., "Low-complexity transform and quantization in H.264/AVC",
//! IEEE Trans. Circuits Syst. Video Technol. 13(7), 2003.

use crate::transform::Block;

/// normAdjust4x4, clause 8.5.9, at positions (even, even), (odd, odd) and others.
const SCALE: [[i16; 3]; 6] = [
    [10, 16, 13],
    [11, 18, 14],
    [13, 20, 16],
    [14, 23, 18],
    [16, 25, 20],
    [18, 29, 23],
];

/// Multiplication factors to divide by the above, scaled by 2^15 (Malvar et al., Table IV).
const FACTOR: [[u32; 3]; 6] = [
    [13107, 5243, 8066],
    [11916, 4660, 7490],
    [10082, 4194, 6554],
    [9362, 3647, 5825],
    [8192, 3355, 5243],
    [7282, 2893, 4559],
];

/// QPC of qPI from 30 on, Table 8-15.
const CHROMA_QP: [u8; 22] = [
    29, 30, 31, 32, 32, 33, 34, 34, 35, 35, 36, 36, 37, 37, 37, 38, 38, 38, 39, 39, 39, 39,
];

/// QPC for a luma QP.
pub(crate) fn chroma_qp(qp: u8, offset: i8) -> u8 {
    let index = (qp as i8 + offset).clamp(0, 51) as u8;
    match index {
        0..=29 => index,
        _ => CHROMA_QP[usize::from(index - 30)],
    }
}

/// Tables of one QP and one kind of prediction, in raster order.
#[derive(Clone, Debug)]
#[repr(align(32))]
pub(crate) struct Quantiser {
    /// Level = (|coefficient| + bias) * factor >> 16.
    pub(crate) factor: [u16; 16],
    /// See `factor`.
    pub(crate) bias: [u16; 16],
    /// Coefficient = level * scale.
    pub(crate) scale: [i16; 16],
}

impl Quantiser {
    /// Tables for `qp` that round up fractions of at least 1 - `rounding` / 64.
    pub(crate) fn new(qp: u8, rounding: [u32; 3]) -> Self {
        let (step, octave) = (usize::from(qp % 6), u32::from(qp / 6));
        let kind = |i: usize| match (i / 4 % 2, i % 2) {
            (0, 0) => 0,
            (1, 1) => 1,
            _ => 2,
        };
        let factor: [u32; 16] = std::array::from_fn(|i| (2 * FACTOR[step][kind(i)]) >> octave);
        Self {
            factor: factor.map(|f| f as u16),
            bias: std::array::from_fn(|i| (rounding[kind(i)] * 1024 / factor[i]) as u16),
            scale: std::array::from_fn(|i| SCALE[step][kind(i)] << octave),
        }
    }

    /// Quantises a block in place; gives the largest level or some value above 1 for one above 1.
    #[inline(always)]
    pub(crate) fn quantise(&self, block: &mut Block) -> i16 {
        let mut any = 0;
        for ((value, &factor), &bias) in block.iter_mut().zip(&self.factor).zip(&self.bias) {
            let size = value.unsigned_abs().saturating_add(bias);
            let level = ((u32::from(size) * u32::from(factor)) >> 16) as i16;
            *value = if *value < 0 { -level } else { level };
            any |= level;
        }
        any
    }

    /// About the largest sum of absolute differences of a macroblock that has no levels: a few
    /// times that of an even difference just below the first level of DC, since other differences
    /// are spread over the coefficients.
    pub(crate) fn largest_zero_sad(&self) -> u32 {
        const SPREAD: u32 = 2;
        SPREAD * 256 * (1 << 16) / (16 * u32::from(self.factor[0]))
    }

    /// Scales levels for the inverse transform.
    #[inline(always)]
    pub(crate) fn scale(&self, levels: &Block) -> Block {
        std::array::from_fn(|i| levels[i].wrapping_mul(self.scale[i]))
    }

    /// Quantises a DC coefficient that went through a second transform, whose gain is 2.
    #[inline(always)]
    pub(crate) fn quantise_dc(&self, value: i32) -> i16 {
        let size = value.unsigned_abs() + 2 * u32::from(self.bias[0]);
        let level = ((size * u32::from(self.factor[0])) >> 17) as i16;
        if value < 0 {
            -level
        } else {
            level
        }
    }

    /// Scales a luma DC value after its inverse transform, clause 8.5.10.
    #[inline(always)]
    pub(crate) fn scale_luma_dc(&self, value: i32) -> i16 {
        // Two bits less than LevelScale * 4, of which none is lost: scale holds 2^(qp / 6).
        ((value * i32::from(self.scale[0]) + 2) >> 2) as i16
    }

    /// Scales a chroma DC value after its inverse transform, clause 8.5.11.2.
    #[inline(always)]
    pub(crate) fn scale_chroma_dc(&self, value: i32) -> i16 {
        ((value * i32::from(self.scale[0])) >> 1) as i16
    }
}
