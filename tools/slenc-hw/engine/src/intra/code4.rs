// SPDX-License-Identifier: GPL-2.0

//! Mode decision and coding of Intra_4x4, block by block: each predicts from those before it.

use super::canvas::Canvas;
use super::luma4::predict_all;
use super::modes::{self, block_at, set_block, DC, MODES};
use super::Edges;
use crate::macroblock::{raster, Neighbours};
use crate::quant::Quantiser;
use crate::simd::Kernels;
use crate::transform::{forward, inverse, Block};

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
        let around = canvas.around4(x, y, edges);
        predict_all(&around, &mut predictions);
        // Clause 8.3.1.1.
        let predicted =
            modes::predicted(neighbours.around(raster(i), &to.modes, |info| &info.modes));

        let at = 64 * y + 4 * x;
        let original = block_at::<4, 16>(source, at);
        let distortion = (kernels.satd_modes)(&original, &predictions);
        let (best, cost) = around.choose(&distortion, predicted, lambda);
        total += cost;
        if total >= limit {
            return None;
        }
        to.modes[raster(i)] = best;
        to.remaining[i] = modes::remaining(best, predicted);

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
        canvas.set::<4>(x, y, &recon);
        set_block::<4>(&mut to.prediction, at, prediction);
        set_block::<4>(&mut to.recon, at, &recon);
    }
    to.cbp = (0..4)
        .map(|i| u8::from((nonzero >> (4 * i)) & 0xf != 0) << i)
        .sum();
    Some(total)
}
