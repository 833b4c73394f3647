// SPDX-License-Identifier: GPL-2.0

//! Mode decision and coding of Intra_4x4, block by block: each predicts from those before it.

use super::luma4::{allowed, has_above_right, predict_all, Around, DC, MODES};
use super::Edges;
use crate::macroblock::{raster, Neighbours};
use crate::quant::Quantiser;
use crate::simd::Kernels;
use crate::transform::{forward, inverse, Block};

/// Bits of prev_intra4x4_pred_mode_flag, and of rem_intra4x4_pred_mode with it.
const SAME_BITS: u32 = 1;
const OTHER_BITS: u32 = 4;

/// A macroblock coded as Intra_4x4.
#[derive(Clone, Debug)]
#[repr(align(32))]
pub(crate) struct Coded4 {
    /// Modes in raster order.
    pub(crate) modes: [u8; 16],
    /// The modes in coding order as the syntax has them.
    pub(crate) remaining: [Option<u8>; 16],
    /// Levels in coding order.
    pub(crate) levels: [Block; 16],
    /// Quadrants with levels.
    pub(crate) cbp: u8,
    pub(crate) prediction: [u8; 256],
    pub(crate) recon: [u8; 256],
}

impl Default for Coded4 {
    fn default() -> Self {
        Self {
            modes: [DC; 16],
            remaining: [None; 16],
            levels: [[0; 16]; 16],
            cbp: 0,
            prediction: [0; 256],
            recon: [0; 256],
        }
    }
}

/// Samples of a macroblock and around it: a line above, and a column on the left.
struct Canvas([u8; 17 * Self::STRIDE]);

impl Canvas {
    const STRIDE: usize = 32;
    /// The macroblock's first sample.
    const ORIGIN: usize = Self::STRIDE + 8;

    fn new(edges: &Edges) -> Self {
        let mut canvas = Self([0; 17 * Self::STRIDE]);
        canvas.0[7] = edges.luma_corner;
        canvas.0[8..28].copy_from_slice(&edges.luma_above);
        for (y, &sample) in edges.luma_left.iter().enumerate() {
            canvas.0[Self::ORIGIN + y * Self::STRIDE - 1] = sample;
        }
        canvas
    }

    /// What surrounds the block at column `x`, line `y` of blocks.
    fn around(&self, x: usize, y: usize, edges: &Edges) -> Around {
        let at = Self::ORIGIN + 4 * y * Self::STRIDE + 4 * x;
        let above_at = at - Self::STRIDE;
        let mut line = [0; 13];
        for i in 0..4 {
            line[3 - i] = self.0[at + i * Self::STRIDE - 1];
        }
        line[4..].copy_from_slice(&self.0[above_at - 1..above_at + 8]);
        let above_right = has_above_right(x, y) && (x < 3 || edges.above_right);
        if !above_right {
            let last = line[8];
            line[9..].fill(last);
        }
        Around {
            line,
            left: x > 0 || edges.left,
            above: y > 0 || edges.above,
        }
    }

    fn set(&mut self, x: usize, y: usize, block: &[u8; 16]) {
        let at = Self::ORIGIN + 4 * y * Self::STRIDE + 4 * x;
        for (i, line) in block.chunks_exact(4).enumerate() {
            self.0[at + i * Self::STRIDE..][..4].copy_from_slice(line);
        }
    }
}

fn block_at(samples: &[u8; 256], at: usize) -> [u8; 16] {
    std::array::from_fn(|i| samples[at + i / 4 * 16 + i % 4])
}

fn set_block(samples: &mut [u8; 256], at: usize, block: &[u8; 16]) {
    for (i, line) in block.chunks_exact(4).enumerate() {
        samples[at + 16 * i..][..4].copy_from_slice(line);
    }
}

/// Codes luma of a macroblock, and gives the cost of its prediction with the modes' bits;
/// `None`, without a result, as soon as that reaches `limit`.
pub(crate) fn code(
    kernels: &Kernels,
    quantiser: &Quantiser,
    source: &[u8; 256],
    (edges, neighbours): (&Edges, Neighbours<'_>),
    (lambda, limit): (u32, u32),
    to: &mut Coded4,
) -> Option<u32> {
    let mut canvas = Canvas::new(edges);
    let mut total = 0;
    let mut nonzero = 0u32;
    let mut predictions = [[0; 16]; MODES];
    for i in 0..16 {
        let (x, y) = (raster(i) % 4, raster(i) / 4);
        let around = canvas.around(x, y, edges);
        predict_all(&around, &mut predictions);
        // Clause 8.3.1.1.
        let predicted = match neighbours.around(raster(i), &to.modes, |info| &info.modes) {
            (Some(left), Some(above)) => left.min(above),
            _ => DC,
        };

        let at = 64 * y + 4 * x;
        let original = block_at(source, at);
        let distortion = (kernels.satd_modes)(&original, &predictions);
        let allowed = allowed(&around);
        let (mut best, mut cost) = (DC, u32::MAX);
        for mode in (0..MODES as u8).filter(|mode| (allowed >> mode) & 1 != 0) {
            let bits = if mode == predicted {
                SAME_BITS
            } else {
                OTHER_BITS
            };
            let with_bits = distortion[usize::from(mode)] + lambda * bits;
            if with_bits < cost {
                (best, cost) = (mode, with_bits);
            }
        }
        total += cost;
        if total >= limit {
            return None;
        }
        to.modes[raster(i)] = best;
        to.remaining[i] = (best != predicted).then(|| best - u8::from(best > predicted));

        let prediction = &predictions[usize::from(best)];
        let difference = std::array::from_fn(|i| i16::from(original[i]) - i16::from(prediction[i]));
        let mut levels = forward(&difference);
        let mut recon = *prediction;
        if quantiser.quantise(&mut levels) != 0 {
            nonzero |= 1 << i;
            let change = inverse(&quantiser.scale(&levels));
            for (sample, change) in recon.iter_mut().zip(change) {
                *sample = (i16::from(*sample) + change).clamp(0, 255) as u8;
            }
        }
        to.levels[i] = levels;
        canvas.set(x, y, &recon);
        set_block(&mut to.prediction, at, prediction);
        set_block(&mut to.recon, at, &recon);
    }
    to.cbp = (0..4)
        .map(|i| u8::from((nonzero >> (4 * i)) & 0xf != 0) << i)
        .sum();
    Some(total)
}
