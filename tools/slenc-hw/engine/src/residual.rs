// SPDX-License-Identifier: GPL-2.0

//! Transform and quantisation of a predicted macroblock, and its reconstruction.

use crate::macroblock::raster;
use crate::quant::Quantiser;
use crate::quant8::Quantiser8;
use crate::simd::Kernels;
use crate::source::Samples;
use crate::syntax::Residual;
use crate::transform::{hadamard, hadamard2, Block};

/// Least costs of levels that are kept, for an 8x8 quadrant, a macroblock and a plane of chroma.
const QUADRANT_COST: u32 = 4;
const MACROBLOCK_COST: u32 = 6;
const CHROMA_COST: u32 = 7;

/// Cost of a single 1 or -1 behind a run of zeros: such a level costs many bits and gives
/// little (the coefficient cost of the JM reference software).
const RUN_COST: [u8; 16] = [3, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The same of 8x8 blocks.
const RUN_COST_8X8: [u8; 64] = {
    let mut costs = [0; 64];
    let mut run = 0;
    while run < 24 {
        costs[run] = match run {
            0..=3 => 3,
            4..=11 => 2,
            _ => 1,
        };
        run += 1;
    }
    costs
};

/// More than any threshold.
const KEEP: u32 = 9;

/// Cost of the levels of a block that are all 1 or -1, from a bit for each in coding order.
fn cost(mut nonzero: u32) -> u32 {
    let mut cost = 0;
    while nonzero != 0 {
        let run = nonzero.trailing_zeros();
        cost += u32::from(RUN_COST[run as usize]);
        nonzero = nonzero >> run >> 1;
    }
    cost
}

/// Scales the blocks of `mask`, and clears the others.
fn scale(levels: &[Block], mask: u32, quantiser: &Quantiser, to: &mut [Block]) {
    for (i, (levels, to)) in levels.iter().zip(to).enumerate() {
        *to = if (mask >> i) & 1 != 0 {
            quantiser.scale(levels)
        } else {
            [0; 16]
        };
    }
}

/// Codes luma of inter prediction. `recon` holds the prediction and becomes the reconstruction.
pub(crate) fn inter_luma(
    kernels: &Kernels,
    quantiser: &Quantiser,
    source: &[u8; 256],
    recon: &mut [u8; 256],
    residual: &mut Residual,
) {
    (kernels.forward_luma)(source, recon, &mut residual.luma);
    let mut mask = (kernels.quantise)(&mut residual.luma, quantiser);
    if mask != 0 {
        mask = decimate(kernels, &residual.luma, mask);
    }
    residual.cbp_luma = 0;
    for quadrant in 0..4 {
        residual.cbp_luma |= u8::from((mask >> (4 * quadrant)) & 0xf != 0) << quadrant;
    }
    if mask != 0 {
        let mut coefficients = [[0; 16]; 16];
        scale(&residual.luma, mask, quantiser, &mut coefficients);
        (kernels.add_luma)(&coefficients, mask, recon);
    }
}

/// Gives the blocks whose quadrants are worth their bits, from what quantising gave.
fn decimate(kernels: &Kernels, blocks: &[Block; 16], quantised: u32) -> u32 {
    let (nonzero, large) = (quantised & 0xffff, quantised >> 16);
    let (mut kept, mut total) = (0, 0);
    for quadrant in (0..4).map(|i| 0xf << (4 * i)) {
        let sum = if large & quadrant != 0 {
            KEEP
        } else {
            ones_cost(kernels, blocks, nonzero & quadrant, 0)
        };
        if sum >= QUADRANT_COST {
            kept |= quadrant;
            total += sum;
        }
    }
    if total >= MACROBLOCK_COST {
        nonzero & kept
    } else {
        0
    }
}

/// Codes luma of inter prediction with the 8x8 transform. `recon` holds the prediction and becomes
/// the reconstruction; levels end up in zig-zag order.
pub(crate) fn inter_luma_8x8(
    kernels: &Kernels,
    quantiser: &Quantiser8,
    source: &[u8; 256],
    recon: &mut [u8; 256],
    residual: &mut Residual,
) {
    let mut coefficients = [[0; 64]; 4];
    let (mut mask, mut total) = (0u8, 0);
    for (i, to) in residual
        .luma
        .as_flattened_mut()
        .chunks_exact_mut(64)
        .enumerate()
    {
        let at = 128 * (i / 2) + 8 * (i % 2);
        let block = |samples: &[u8; 256]| -> [u8; 64] {
            std::array::from_fn(|i| samples[at + i / 8 * 16 + i % 8])
        };
        let mut levels = [0; 64];
        (kernels.forward_8x8)(&block(source), &block(recon), &mut levels);
        let any = (kernels.quantise_8x8)(&mut levels, quantiser);
        if any == 0 {
            continue;
        }
        let ordered = (kernels.zigzag_8x8)(&levels);
        let cost = if any > 1 { KEEP } else { cost_8x8(&ordered) };
        if cost >= QUADRANT_COST {
            total += cost;
            mask |= 1 << i;
            coefficients[i] = quantiser.scale(&levels);
            to.copy_from_slice(&ordered);
        }
    }
    if total < MACROBLOCK_COST {
        mask = 0;
    }
    residual.cbp_luma = mask;
    for (i, coefficients) in coefficients.iter().enumerate() {
        if (mask >> i) & 1 != 0 {
            let lines = &mut recon[128 * (i / 2) + 8 * (i % 2)..];
            (kernels.add_8x8)(coefficients, lines, 16);
        }
    }
}

/// Cost of the levels of an 8x8 block in zig-zag order that are all 1 or -1.
fn cost_8x8(levels: &[i16; 64]) -> u32 {
    let (mut cost, mut run) = (0, 0);
    for &level in levels {
        if level == 0 {
            run += 1;
        } else {
            cost += u32::from(RUN_COST_8X8[run]);
            run = 0;
        }
    }
    cost
}

/// Cost of the blocks of a mask, whose levels are all 1 or -1, from coefficient `first` on.
fn ones_cost(kernels: &Kernels, blocks: &[Block], mut mask: u32, first: u32) -> u32 {
    let mut sum = 0;
    while mask != 0 {
        let i = mask.trailing_zeros();
        sum += cost((kernels.zigzag)(&blocks[i as usize]).1 >> first);
        mask &= mask - 1;
    }
    sum
}

/// Codes luma of Intra_16x16.
pub(crate) fn intra16_luma(
    kernels: &Kernels,
    quantiser: &Quantiser,
    source: &[u8; 256],
    recon: &mut [u8; 256],
    residual: &mut Residual,
) {
    (kernels.forward_luma)(source, recon, &mut residual.luma);
    let mut dc = [0; 16];
    for (i, block) in residual.luma.iter_mut().enumerate() {
        dc[raster(i)] = i32::from(block[0]);
        block[0] = 0;
    }
    residual.luma_dc = hadamard(&dc).map(|value| quantiser.quantise_dc((value + 1) >> 1));
    let mut mask = (kernels.quantise)(&mut residual.luma, quantiser) & 0xffff;
    residual.cbp_luma = if mask != 0 { 15 } else { 0 };

    let mut coefficients = [[0; 16]; 16];
    scale(&residual.luma, mask, quantiser, &mut coefficients);
    if residual.luma_dc != [0; 16] {
        let dc = hadamard(&residual.luma_dc.map(i32::from));
        for (i, block) in coefficients.iter_mut().enumerate() {
            block[0] = quantiser.scale_luma_dc(dc[raster(i)]);
        }
        mask = 0xffff;
    }
    (kernels.add_luma)(&coefficients, mask, recon);
}

/// Codes chroma. `recon` holds the prediction and becomes the reconstruction.
pub(crate) fn chroma(
    kernels: &Kernels,
    quantisers: &[Quantiser; 2],
    is_intra: bool,
    source: &[u8; 128],
    recon: &mut [u8; 128],
    residual: &mut Residual,
) {
    (kernels.forward_chroma)(source, recon, &mut residual.chroma);
    let mut dc = [[0; 4]; 2];
    for (i, block) in residual.chroma.iter_mut().enumerate() {
        dc[i / 4][i % 4] = i32::from(block[0]);
        block[0] = 0;
    }
    for ((to, dc), quantiser) in residual.chroma_dc.iter_mut().zip(dc).zip(quantisers) {
        *to = hadamard2(dc).map(|value| quantiser.quantise_dc(value));
    }
    let (cb, cr) = residual.chroma.split_at_mut(4);
    let of_cb = (kernels.quantise)(cb, &quantisers[0]);
    let of_cr = (kernels.quantise)(cr, &quantisers[1]);
    let quantised = of_cb | (of_cr << 4);
    let mut mask = quantised & 0xff;
    if !is_intra && mask != 0 {
        for plane in [0x0f, 0xf0] {
            let is_small = (quantised >> 16) & plane == 0
                && ones_cost(kernels, &residual.chroma, mask & plane, 1) < CHROMA_COST;
            if is_small {
                for (i, block) in residual.chroma.iter_mut().enumerate() {
                    if (plane >> i) & 1 != 0 {
                        *block = [0; 16];
                    }
                }
                mask &= !plane;
            }
        }
    }
    let has_dc = residual.chroma_dc != [[0; 4]; 2];
    residual.cbp_chroma = match (mask != 0, has_dc) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    };
    if residual.cbp_chroma == 0 {
        return;
    }
    let mut coefficients = [[0; 16]; 8];
    for (plane, levels) in residual.chroma_dc.iter().enumerate() {
        let quantiser = &quantisers[plane];
        let blocks = 4 * plane..4 * plane + 4;
        scale(
            &residual.chroma[blocks.clone()],
            mask >> (4 * plane),
            quantiser,
            &mut coefficients[blocks],
        );
        let dc = hadamard2(levels.map(i32::from));
        for (block, value) in coefficients[4 * plane..].iter_mut().zip(dc) {
            block[0] = quantiser.scale_chroma_dc(value);
        }
        mask |= u32::from(has_dc) * 0xff;
    }
    (kernels.add_chroma)(&coefficients, mask, recon);
}

/// Whether P_Skip loses nothing that would be coded. `recon` holds its prediction.
pub(crate) fn is_skippable(
    kernels: &Kernels,
    luma: &Quantiser,
    chroma_quantisers: &[Quantiser; 2],
    source: &Samples,
    recon: &mut Samples,
    residual: &mut Residual,
) -> bool {
    inter_luma(kernels, luma, &source.luma, &mut recon.luma, residual);
    if residual.cbp_luma != 0 {
        return false;
    }
    let (source, recon) = (&source.chroma, &mut recon.chroma);
    chroma(kernels, chroma_quantisers, false, source, recon, residual);
    residual.cbp_chroma == 0
}
