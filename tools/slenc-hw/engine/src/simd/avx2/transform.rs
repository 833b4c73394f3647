// SPDX-License-Identifier: GPL-2.0

//! Transforms and quantisation, four blocks side by side.

use std::arch::x86_64::*;

use super::{load_wide, narrow, store};
use crate::macroblock::raster;
use crate::quant::Quantiser;
use crate::transform::Block;

/// Four lines of four 4x4 blocks; block `i` is the `i`th 64 bits of each.
type Lines = [__m256i; 4];

/// Interleaves lines: lines 0 and 1 of the transposed blocks 0 and 2, lines 2 and 3 of them, and
/// the same of blocks 1 and 3.
///
/// # Safety
///
/// The processor has AVX2.
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
///
/// # Safety
///
/// The processor has AVX2.
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

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
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

/// Differences of 16 samples.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn difference(a: &[u8], b: &[u8]) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe { _mm256_sub_epi16(load_wide(a), load_wide(b)) }
}

/// A block's values as a vector.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn vector(block: &Block) -> __m256i {
    // SAFETY: The caller sees to AVX2. A `Block` has the size of a vector, and the load may be
    // unaligned.
    unsafe { _mm256_loadu_si256(block.as_ptr().cast()) }
}

/// Stores a vector as a block.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn set(block: &mut Block, value: __m256i) {
    // SAFETY: The caller sees to AVX2. A `Block` has the size of a vector, and the store may be
    // unaligned.
    unsafe { _mm256_storeu_si256(block.as_mut_ptr().cast(), value) }
}

/// Transforms 4 lines of 16 differences to four blocks.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn forward_strip(source: &[u8], prediction: &[u8]) -> [__m256i; 4] {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let difference = [
            difference(source, prediction),
            difference(&source[16..], &prediction[16..]),
            difference(&source[32..], &prediction[32..]),
            difference(&source[48..], &prediction[48..]),
        ];
        let [a, b, c, d] = interleave(forward_pass(lines(interleave(forward_pass(difference)))));
        [
            _mm256_permute2x128_si256(a, b, 0x20),
            _mm256_permute2x128_si256(c, d, 0x20),
            _mm256_permute2x128_si256(a, b, 0x31),
            _mm256_permute2x128_si256(c, d, 0x31),
        ]
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn forward_luma(
    source: &[u8; 256],
    prediction: &[u8; 256],
    to: &mut [Block; 16],
) {
    for y in 0..4 {
        // SAFETY: The caller sees to AVX2, which is all this needs.
        unsafe {
            let blocks = forward_strip(&source[64 * y..], &prediction[64 * y..]);
            for (x, block) in blocks.into_iter().enumerate() {
                // The order of decoding and raster order are each other's inverse.
                set(&mut to[raster(4 * y + x)], block);
            }
        }
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn forward_chroma(
    source: &[u8; 128],
    prediction: &[u8; 128],
    to: &mut [Block; 8],
) {
    for y in 0..2 {
        // SAFETY: The caller sees to AVX2, which is all this needs.
        unsafe {
            let [a, b, c, d] = forward_strip(&source[64 * y..], &prediction[64 * y..]);
            set(&mut to[2 * y], a);
            set(&mut to[2 * y + 1], b);
            set(&mut to[4 + 2 * y], c);
            set(&mut to[5 + 2 * y], d);
        }
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn quantise(blocks: &mut [Block], quantiser: &Quantiser) -> u32 {
    // SAFETY: The caller sees to AVX2. The tables have the size of a vector, and the loads may be
    // unaligned.
    unsafe {
        let factor = _mm256_loadu_si256(quantiser.factor.as_ptr().cast());
        let bias = _mm256_loadu_si256(quantiser.bias.as_ptr().cast());
        let mut mask = 0;
        for (i, block) in blocks.iter_mut().enumerate() {
            let value = vector(block);
            let size = _mm256_adds_epu16(_mm256_abs_epi16(value), bias);
            let level = _mm256_sign_epi16(_mm256_mulhi_epu16(size, factor), value);
            set(block, level);
            // Above 1: bits other than the lowest of the size.
            let size = _mm256_abs_epi16(level);
            let any = _mm256_testz_si256(size, size) == 0;
            let large = _mm256_testz_si256(size, _mm256_set1_epi16(!1)) == 0;
            mask |= (u32::from(any) << i) | (u32::from(large) << (16 + i));
        }
        mask
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn zigzag(block: &Block) -> (Block, u32) {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let block = vector(block);
        let low = _mm256_castsi256_si128(block);
        let high = _mm256_extracti128_si256(block, 1);
        // Coefficients 0 1 4 x 5 2 3 6 of the lower half, and 8 of the upper.
        let first = _mm_or_si128(
            _mm_shuffle_epi8(
                low,
                _mm_setr_epi8(0, 1, 2, 3, 8, 9, -1, -1, 10, 11, 4, 5, 6, 7, 12, 13),
            ),
            _mm_shuffle_epi8(
                high,
                _mm_setr_epi8(-1, -1, -1, -1, -1, -1, 0, 1, -1, -1, -1, -1, -1, -1, -1, -1),
            ),
        );
        // 9 12 13 10 x 11 14 15 of the upper half, and 7 of the lower.
        let second = _mm_or_si128(
            _mm_shuffle_epi8(
                high,
                _mm_setr_epi8(2, 3, 8, 9, 10, 11, 4, 5, -1, -1, 6, 7, 12, 13, 14, 15),
            ),
            _mm_shuffle_epi8(
                low,
                _mm_setr_epi8(
                    -1, -1, -1, -1, -1, -1, -1, -1, 14, 15, -1, -1, -1, -1, -1, -1,
                ),
            ),
        );
        let zero = _mm_setzero_si128();
        let zeros = _mm_packs_epi16(_mm_cmpeq_epi16(first, zero), _mm_cmpeq_epi16(second, zero));
        let mut levels = [0; 16];
        set(&mut levels, _mm256_set_m128i(second, first));
        (levels, !_mm_movemask_epi8(zeros) as u32 & 0xffff)
    }
}

/// Across four lines.
///
/// # Safety
///
/// The processor has AVX2.
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
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn add_strip(blocks: [&Block; 4], to: &mut [u8]) {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let (a, b) = (vector(blocks[0]), vector(blocks[1]));
        let (c, d) = (vector(blocks[2]), vector(blocks[3]));
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
            let sample = load_wide(line);
            store(line, narrow(_mm256_add_epi16(sample, value)));
        }
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn add_luma(blocks: &[Block; 16], mask: u32, to: &mut [u8; 256]) {
    for (y, to) in to.chunks_exact_mut(64).enumerate() {
        let first = raster(4 * y);
        // Two blocks of a quadrant, and two of the next.
        if (mask >> first) & 0x33 != 0 {
            let blocks = &blocks[first..];
            let strip = [&blocks[0], &blocks[1], &blocks[4], &blocks[5]];
            // SAFETY: The caller sees to AVX2, which is all this needs.
            unsafe { add_strip(strip, to) };
        }
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn add_chroma(blocks: &[Block; 8], mask: u32, to: &mut [u8; 128]) {
    for (y, to) in to.chunks_exact_mut(64).enumerate() {
        if (mask >> (2 * y)) & 0x33 != 0 {
            let blocks = &blocks[2 * y..];
            let strip = [&blocks[0], &blocks[1], &blocks[4], &blocks[5]];
            // SAFETY: The caller sees to AVX2, which is all this needs.
            unsafe { add_strip(strip, to) };
        }
    }
}
