// SPDX-License-Identifier: GPL-2.0

//! Transforms and quantisation, four blocks side by side.
//!
//! # Safety
//!
//! All functions need AVX2.

use std::arch::x86_64::*;

use super::{load, load_wide, narrow, store};
use crate::macroblock::raster;
use crate::quant::Quantiser;
use crate::transform::Block;

/// Four lines of four 4x4 blocks; block `i` is the `i`th 64 bits of each.
type Lines = [__m256i; 4];

/// Interleaves lines: lines 0 and 1 of the transposed blocks 0 and 2, lines 2 and 3 of them, and
/// the same of blocks 1 and 3.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn interleave([a, b, c, d]: Lines) -> Lines {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let (ab_low, ab_high) = (_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_epi16(c, d), _mm256_unpackhi_epi16(c, d));
        [
            _mm256_unpacklo_epi32(ab_low, cd_low),
            _mm256_unpackhi_epi32(ab_low, cd_low),
            _mm256_unpacklo_epi32(ab_high, cd_high),
            _mm256_unpackhi_epi32(ab_high, cd_high),
        ]
    }
}

/// Lines of blocks from what [`interleave`] gives.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn lines([a, b, c, d]: Lines) -> Lines {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        [
            _mm256_unpacklo_epi64(a, c),
            _mm256_unpackhi_epi64(a, c),
            _mm256_unpacklo_epi64(b, d),
            _mm256_unpackhi_epi64(b, d),
        ]
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn forward_pass([a, b, c, d]: Lines) -> Lines {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let (s03, d03) = (_mm256_add_epi16(a, d), _mm256_sub_epi16(a, d));
        let (s12, d12) = (_mm256_add_epi16(b, c), _mm256_sub_epi16(b, c));
        [
            _mm256_add_epi16(s03, s12),
            _mm256_add_epi16(_mm256_add_epi16(d03, d03), d12),
            _mm256_sub_epi16(s03, s12),
            _mm256_sub_epi16(d03, _mm256_add_epi16(d12, d12)),
        ]
    }
}

/// Transforms 4 lines of 16 differences to four blocks.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn forward_strip(source: &[u8], prediction: &[u8]) -> [Block; 4] {
    // SAFETY: The caller sees to AVX2, which is all this needs. A `Block` has the size of a vector.
    unsafe {
        let difference = [0, 16, 32, 48]
            .map(|at| _mm256_sub_epi16(load_wide(&source[at..]), load_wide(&prediction[at..])));
        let [a, b, c, d] = interleave(forward_pass(lines(interleave(forward_pass(difference)))));
        [
            _mm256_permute2x128_si256(a, b, 0x20),
            _mm256_permute2x128_si256(c, d, 0x20),
            _mm256_permute2x128_si256(a, b, 0x31),
            _mm256_permute2x128_si256(c, d, 0x31),
        ]
        .map(|block| std::mem::transmute::<__m256i, Block>(block))
    }
}

#[target_feature(enable = "avx2")]
pub(super) unsafe fn forward_luma(
    source: &[u8; 256],
    prediction: &[u8; 256],
    to: &mut [Block; 16],
) {
    for y in 0..4 {
        // SAFETY: The caller sees to AVX2, which is all this needs.
        let blocks = unsafe { forward_strip(&source[64 * y..], &prediction[64 * y..]) };
        for (x, block) in blocks.into_iter().enumerate() {
            // The order of decoding and raster order are each other's inverse.
            to[raster(4 * y + x)] = block;
        }
    }
}

#[target_feature(enable = "avx2")]
pub(super) unsafe fn forward_chroma(
    source: &[u8; 128],
    prediction: &[u8; 128],
    to: &mut [Block; 8],
) {
    for y in 0..2 {
        // SAFETY: The caller sees to AVX2, which is all this needs.
        let blocks = unsafe { forward_strip(&source[64 * y..], &prediction[64 * y..]) };
        [to[2 * y], to[2 * y + 1], to[4 + 2 * y], to[5 + 2 * y]] = blocks;
    }
}

#[target_feature(enable = "avx2")]
pub(super) unsafe fn quantise(blocks: &mut [Block], quantiser: &Quantiser) -> u32 {
    // SAFETY: The caller sees to AVX2, which is all this needs. Blocks and tables have the size of
    // a vector; loads and stores may be unaligned.
    unsafe {
        let factor = _mm256_loadu_si256(quantiser.factor.as_ptr().cast());
        let bias = _mm256_loadu_si256(quantiser.bias.as_ptr().cast());
        let mut mask = 0;
        for (i, block) in blocks.iter_mut().enumerate() {
            let value = _mm256_loadu_si256(block.as_ptr().cast());
            let size = _mm256_adds_epu16(_mm256_abs_epi16(value), bias);
            let level = _mm256_sign_epi16(_mm256_mulhi_epu16(size, factor), value);
            _mm256_storeu_si256(block.as_mut_ptr().cast(), level);
            mask |= u32::from(_mm256_testz_si256(level, level) == 0) << i;
        }
        mask
    }
}

/// Across four lines.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn inverse_pass([a, b, c, d]: Lines) -> Lines {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let (e, f) = (_mm256_add_epi16(a, c), _mm256_sub_epi16(a, c));
        let g = _mm256_sub_epi16(_mm256_srai_epi16(b, 1), d);
        let h = _mm256_add_epi16(b, _mm256_srai_epi16(d, 1));
        [
            _mm256_add_epi16(e, h),
            _mm256_add_epi16(f, g),
            _mm256_sub_epi16(f, g),
            _mm256_sub_epi16(e, h),
        ]
    }
}

/// Adds the inverse transform of four blocks to 4 lines of 16.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn add_strip(blocks: [&Block; 4], to: &mut [u8]) {
    // SAFETY: The caller sees to AVX2, which is all this needs. A `Block` has the size of a vector;
    // the load may be unaligned.
    unsafe {
        let [a, b, c, d] = blocks.map(|block| _mm256_loadu_si256(block.as_ptr().cast()));
        let rows = lines([
            _mm256_permute2x128_si256(a, c, 0x20),
            _mm256_permute2x128_si256(a, c, 0x31),
            _mm256_permute2x128_si256(b, d, 0x20),
            _mm256_permute2x128_si256(b, d, 0x31),
        ]);
        let columns = inverse_pass(lines(interleave(rows)));
        let residual = inverse_pass(lines(interleave(columns)));
        for (line, value) in to.chunks_exact_mut(16).zip(residual) {
            let value = _mm256_srai_epi16(_mm256_add_epi16(value, _mm256_set1_epi16(32)), 6);
            let sample = _mm256_cvtepu8_epi16(load(line));
            store(line, narrow(_mm256_add_epi16(sample, value)));
        }
    }
}

#[target_feature(enable = "avx2")]
pub(super) unsafe fn add_luma(blocks: &[Block; 16], mask: u32, to: &mut [u8; 256]) {
    for (y, to) in to.chunks_exact_mut(64).enumerate() {
        let order = [0, 1, 2, 3].map(|x| raster(4 * y + x));
        if order.iter().any(|i| (mask >> i) & 1 != 0) {
            // SAFETY: The caller sees to AVX2, which is all this needs.
            unsafe { add_strip(order.map(|i| &blocks[i]), to) };
        }
    }
}

#[target_feature(enable = "avx2")]
pub(super) unsafe fn add_chroma(blocks: &[Block; 8], mask: u32, to: &mut [u8; 128]) {
    for (y, to) in to.chunks_exact_mut(64).enumerate() {
        let order = [0, 1, 4, 5].map(|i| i + 2 * y);
        if order.iter().any(|i| (mask >> i) & 1 != 0) {
            // SAFETY: The caller sees to AVX2, which is all this needs.
            unsafe { add_strip(order.map(|i| &blocks[i]), to) };
        }
    }
}
