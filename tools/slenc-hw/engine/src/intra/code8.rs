// SPDX-License-Identifier: GPL-2.0

//! Mode decision and coding of Intra_8x8, block by block: each predicts from those before it.

use super::canvas::Canvas;
use super::luma8::predict_all;
use super::modes::{self, block_at, set_block, DC, MODES};
use super::Edges;
use crate::macroblock::Neighbours;
use crate::quant8::Quantiser8;
use crate::simd::Kernels;
use crate::transform8::Block8;

/// A macroblock coded as Intra_8x8.
#[derive(Clone, Debug)]
#[repr(align(32))]
pub(crate) struct Coded8 {
    /// Modes in raster order of 4x4 blocks.
    pub(crate) modes: [u8; 16],
    /// The modes in coding order as the syntax has them.
    pub(crate) remaining: [Option<u8>; 4],
    /// Levels in coding order, each block in zig-zag order.
    pub(crate) levels: [Block8; 4],
    /// Blocks with levels.
    pub(crate) cbp: u8,
    pub(crate) prediction: [u8; 256],
    pub(crate) recon: [u8; 256],
}

impl Default for Coded8 {
    fn default() -> Self {
        Self {
            modes: [DC; 16],
            remaining: [None; 4],
            levels: [[0; 64]; 4],
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
    quantiser: &Quantiser8,
    source: &[u8; 256],
    (edges, neighbours): (&Edges, Neighbours<'_>),
    (lambda, limit): (u32, u32),
    to: &mut Coded8,
) -> Option<u32> {
    let mut canvas = Canvas::new(edges);
    let mut total = 0;
    let mut predictions = [[0; 64]; MODES];
    to.cbp = 0;
    for i in 0..4 {
        let (x, y) = (i % 2, i / 2);
        let around = canvas.around8(x, y, edges);
        predict_all(&around, &mut predictions);
        // Clause 8.3.2.1: the upper right 4x4 block on the left counts, and the lower left
        // one above.
        let block = 8 * y + 2 * x;
        let predicted = modes::predicted(neighbours.around(block, &to.modes, |info| &info.modes));

        let at = 128 * y + 8 * x;
        let original = block_at::<8, 64>(source, at);
        let distortion = (kernels.sa8d_modes)(&original, &predictions);
        let (best, cost) = around.choose(&distortion, predicted, lambda);
        total += cost;
        if total >= limit {
            return None;
        }
        for at in [0, 1, 4, 5] {
            to.modes[block + at] = best;
        }
        to.remaining[i] = modes::remaining(best, predicted);

        let prediction = &predictions[usize::from(best)];
        let mut recon = *prediction;
        let levels = &mut to.levels[i];
        (kernels.forward_8x8)(&original, prediction, levels);
        if (kernels.quantise_8x8)(levels, quantiser) != 0 {
            to.cbp |= 1 << i;
            (kernels.add_8x8)(&quantiser.scale(levels), &mut recon, 8);
            *levels = (kernels.zigzag_8x8)(levels);
        }
        canvas.set::<8>(x, y, &recon);
        set_block::<8>(&mut to.prediction, at, prediction);
        set_block::<8>(&mut to.recon, at, &recon);
    }
    Some(total)
}
