// SPDX-License-Identifier: GPL-2.0

//! Sample and coefficient kernels, chosen once for the processor at hand.
//!
//! Every set gives the same results bit for bit: the portable one defines them.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

use crate::deblock::Edge;
use crate::quant::Quantiser;
use crate::quant8::Quantiser8;
use crate::transform::Block;
use crate::transform8::Block8;

type Average = fn([&[u8]; 2], usize, &mut [u8], usize, usize);
type Chroma = fn(&[u8], usize, [u8; 2], &mut [u8], usize, usize);
type HalfSamples = fn([&[u8]; 6], [&mut [u8]; 3], &mut [i16]);

/// A set of kernels.
///
/// Luma is 16 lines of 16, chroma 8 lines of 8 of Cb beside 8 of Cr. Blocks are in the order
/// of decoding: luma by 8x8 quadrants, Cb before Cr. Slices into planes begin at the first sample
/// used; a kernel panics when they are too short.
pub(crate) struct Kernels {
    /// Sum of absolute differences of luma.
    pub(crate) sad: fn(&[u8; 256], &[u8; 256]) -> u32,
    /// Sums of absolute differences of each quadrant of luma and a plane with a stride.
    pub(crate) sad_plane: fn(&[u8; 256], &[u8], usize) -> [u32; 4],
    /// Halved sum of absolute Hadamard-transformed 4x4 differences of luma in lines of 16, of a
    /// width and height of 8 or 16.
    pub(crate) satd: fn(&[u8], &[u8], usize, usize) -> u32,
    /// The same of all chroma.
    pub(crate) satd_chroma: fn(&[u8; 128], &[u8; 128]) -> u32,
    /// The same of a 4x4 block and each of nine predictions.
    pub(crate) satd_modes: fn(&[u8; 16], &[[u8; 16]; 9]) -> [u32; 9],
    /// Transforms source minus prediction of luma.
    pub(crate) forward_luma: fn(&[u8; 256], &[u8; 256], &mut [Block; 16]),
    /// Transforms source minus prediction of chroma.
    pub(crate) forward_chroma: fn(&[u8; 128], &[u8; 128], &mut [Block; 8]),
    /// Quantises blocks; gives a bit for each that has a level, and 16 bits above that one for
    /// each that has a level beyond 1.
    pub(crate) quantise: fn(&mut [Block], &Quantiser) -> u32,
    /// Puts a block into zig-zag order; gives a bit for each position that has a level.
    pub(crate) zigzag: fn(&Block) -> (Block, u32),
    /// Adds the inverse transform of the blocks of a mask to luma.
    pub(crate) add_luma: fn(&[Block; 16], u32, &mut [u8; 256]),
    /// Adds the inverse transform of the blocks of a mask to chroma.
    pub(crate) add_chroma: fn(&[Block; 8], u32, &mut [u8; 128]),
    /// Halved sum of absolute Hadamard-transformed 8x8 differences of luma, in the scale of the one
    /// of 4x4 differences.
    pub(crate) sa8d: fn(&[u8; 256], &[u8; 256]) -> u32,
    /// The same of an 8x8 block and each of nine predictions.
    pub(crate) sa8d_modes: fn(&[u8; 64], &[[u8; 64]; 9]) -> [u32; 9],
    /// Transforms source minus prediction of an 8x8 block.
    pub(crate) forward_8x8: fn(&[u8; 64], &[u8; 64], &mut Block8),
    /// Quantises an 8x8 block; gives the sizes of its levels or-ed together.
    pub(crate) quantise_8x8: fn(&mut Block8, &Quantiser8) -> i16,
    /// Puts an 8x8 block into zig-zag order.
    pub(crate) zigzag_8x8: fn(&Block8) -> Block8,
    /// Adds the inverse transform of an 8x8 block to samples with a stride.
    pub(crate) add_8x8: fn(&Block8, &mut [u8], usize),
    /// Copies a plane's block of a width (8 or 16) and height into lines of 16.
    pub(crate) copy: fn(&[u8], usize, &mut [u8], usize, usize),
    /// Averages two such blocks, rounding up.
    pub(crate) average: Average,
    /// Interpolates a block of interleaved chroma at an eighth-sample position.
    pub(crate) chroma: Chroma,
    /// Half-sample lines between full ones: from the six lines around, the horizontal, vertical
    /// and diagonal ones, shorter than the lines by 5.
    pub(crate) half_samples: HalfSamples,
    /// Deblocks a vertical luma edge; the plane begins 4 samples left of it.
    pub(crate) luma_vertical: fn(&mut [u8], usize, &Edge),
    /// Deblocks a horizontal luma edge; the planes begin 4 lines above and right below it.
    pub(crate) luma_horizontal: fn(&mut [u8], &mut [u8], usize, &Edge),
    /// Deblocks a vertical edge of interleaved chroma; the plane begins 2 samples left of it.
    pub(crate) chroma_vertical: fn(&mut [u8], usize, &Edge),
    /// Deblocks a horizontal edge of interleaved chroma; the planes begin 2 lines above and
    /// right below it.
    pub(crate) chroma_horizontal: fn(&mut [u8], &mut [u8], usize, &Edge),
}

/// The best set for this processor.
pub(crate) fn best() -> &'static Kernels {
    #[cfg(target_arch = "x86_64")]
    if let Some(kernels) = avx2::detect() {
        return kernels;
    }
    portable()
}

/// The set that needs nothing beyond the target's instructions.
pub(crate) fn portable() -> &'static Kernels {
    &portable::KERNELS
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
