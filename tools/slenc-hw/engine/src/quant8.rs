// SPDX-License-Identifier: GPL-2.0

//! Quantisation of 8x8 blocks: ITU-T H.264 clauses 8.5.9 and 8.5.13.1 with flat scaling matrices.

use crate::transform8::Block8;

/// normAdjust8x8, clause 8.5.9, by the kind of position; see [`kind`].
const SCALE: [[u32; 6]; 6] = [
    [20, 18, 32, 19, 25, 24],
    [22, 19, 35, 21, 28, 26],
    [26, 23, 42, 24, 33, 31],
    [28, 25, 45, 26, 35, 33],
    [32, 28, 51, 30, 40, 38],
    [36, 32, 58, 34, 46, 43],
];

/// Squared norm of the basis functions by the kind of position, times 1024.
const NORM: [u32; 6] = [65536, 83521, 25600, 73984, 40960, 46240];

/// Kind of the position at column `x`, line `y`.
const fn kind(x: usize, y: usize) -> usize {
    match (x % 4, y % 4) {
        (0, 0) => 0,
        (1 | 3, 1 | 3) => 1,
        (2, 2) => 2,
        (0, 1 | 3) | (1 | 3, 0) => 3,
        (0, 2) | (2, 0) => 4,
        _ => 5,
    }
}

/// Tables of one QP and one kind of prediction, in raster order.
#[derive(Clone, Debug)]
#[repr(align(32))]
pub(crate) struct Quantiser8 {
    /// Level = (|coefficient| + bias) * factor >> 16.
    factor: [u16; 64],
    bias: [u16; 64],
    /// Coefficient = level * scale / 2^shift, rounded.
    scale: [i16; 64],
    shift: u32,
}

impl Quantiser8 {
    /// Tables for `qp` that round up fractions of at least 1 - `rounding` / 64.
    pub(crate) fn new(qp: u8, rounding: u32) -> Self {
        let (step, octave) = (usize::from(qp % 6), u32::from(qp / 6));
        let kind = |i: usize| kind(i % 8, i / 8);
        // Of what the inverse transform adds, scaling takes 2^2, its rounding 2^6, NORM 2^10.
        // The factor has 2^16.
        let factor: [u32; 64] = std::array::from_fn(|i| {
            let unit = SCALE[step][kind(i)] * NORM[kind(i)];
            let unit = u64::from(unit) << octave;
            (((1 << 34) + unit / 2) / unit) as u32
        });
        Self {
            factor: factor.map(|factor| factor as u16),
            bias: std::array::from_fn(|i| (rounding * 1024 / factor[i]) as u16),
            scale: std::array::from_fn(|i| (SCALE[step][kind(i)] << octave.max(2) >> 2) as i16),
            shift: 2u32.saturating_sub(octave),
        }
    }

    /// Quantises a block in place; gives the levels' sizes or-ed together.
    #[inline(always)]
    pub(crate) fn quantise(&self, block: &mut Block8) -> i16 {
        let mut any = 0;
        for ((value, &factor), &bias) in block.iter_mut().zip(&self.factor).zip(&self.bias) {
            let size = value.unsigned_abs().saturating_add(bias);
            let level = ((u32::from(size) * u32::from(factor)) >> 16) as i16;
            *value = if *value < 0 { -level } else { level };
            any |= level;
        }
        any
    }

    /// Scales levels for the inverse transform.
    #[inline(always)]
    pub(crate) fn scale(&self, levels: &Block8) -> Block8 {
        let round = (1 << self.shift) >> 1;
        std::array::from_fn(|i| {
            let value = i32::from(levels[i]) * i32::from(self.scale[i]);
            ((value + round) >> self.shift) as i16
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform8::{forward, inverse};

    #[test]
    fn factors_are_the_known_ones() {
        // Of the first QPs, as reference software prints them.
        let known = [
            [13107, 11428, 20972, 12222, 16777, 15481],
            [11916, 10826, 19174, 11058, 14980, 14290],
            [10082, 8943, 15978, 9675, 12710, 11985],
        ];
        for (qp, known) in known.iter().enumerate() {
            let quantiser = Quantiser8::new(qp as u8, 21);
            for (i, &factor) in quantiser.factor.iter().enumerate() {
                let known = known[kind(i % 8, i / 8)];
                assert!(u32::from(factor).abs_diff(known) <= known / 500, "{qp} {i}");
            }
        }
    }

    #[test]
    fn levels_give_back_the_residual_within_the_step() {
        for qp in 0..52 {
            let quantiser = Quantiser8::new(qp, 32);
            let residual: Block8 =
                std::array::from_fn(|i| ((i * i * 37 + 11 * i) % 401) as i16 - 200);
            let mut levels = forward(&residual);
            quantiser.quantise(&mut levels);
            let error: u32 = inverse(&quantiser.scale(&levels))
                .iter()
                .zip(&residual)
                .map(|(a, b)| u32::from(a.abs_diff(*b)))
                .sum();
            // The step is 0.625 at QP 0 and doubles every 6.
            let step = 0.625 * f64::from(qp).div_euclid(6.0).exp2() * 1.9;
            assert!(f64::from(error) / 64.0 <= 0.6 * step + 0.6, "{qp}: {error}");
        }
    }
}
