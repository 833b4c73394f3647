// SPDX-License-Identifier: GPL-2.0

//! Measures of difference.

use std::arch::x86_64::*;

use super::{load, load_half, load_wide};

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn pair(upper: &[u8], lower: &[u8]) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe { _mm256_inserti128_si256(_mm256_castsi128_si256(load(upper)), load(lower), 1) }
}

/// Sums of the left and the right 8 columns, from sums of 64-bit parts of two lines.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn halves(sums: __m256i) -> [u32; 2] {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let sum = _mm_add_epi64(
            _mm256_castsi256_si128(sums),
            _mm256_extracti128_si256(sums, 1),
        );
        [
            _mm_cvtsi128_si32(sum) as u32,
            _mm_extract_epi32(sum, 2) as u32,
        ]
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sad(a: &[u8; 256], b: &[u8; 256]) -> u32 {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let mut sums = _mm256_setzero_si256();
        for (a, b) in a.chunks_exact(32).zip(b.chunks_exact(32)) {
            let difference = _mm256_sad_epu8(pair(a, &a[16..]), pair(b, &b[16..]));
            sums = _mm256_add_epi64(sums, difference);
        }
        halves(sums).iter().sum()
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sad_plane(source: &[u8; 256], plane: &[u8], stride: usize) -> [u32; 4] {
    assert!(plane.len() >= 15 * stride + 16);
    let mut quadrants = [0; 4];
    for (half, sums) in quadrants.chunks_exact_mut(2).enumerate() {
        // SAFETY: The caller sees to AVX2. Line 15 of the plane, the furthest, has 16 samples, as
        // asserted above, and the source has 16 lines of 16. The loads may be unaligned.
        unsafe {
            let mut total = _mm256_setzero_si256();
            for lines in 0..4 {
                let y = 8 * half + 2 * lines;
                let a = _mm256_loadu_si256(source.as_ptr().add(16 * y).cast());
                let upper = plane.as_ptr().add(y * stride);
                let b = _mm256_castsi128_si256(_mm_loadu_si128(upper.cast()));
                let lower = _mm_loadu_si128(upper.add(stride).cast());
                let b = _mm256_inserti128_si256(b, lower, 1);
                total = _mm256_add_epi64(total, _mm256_sad_epu8(a, b));
            }
            sums.copy_from_slice(&halves(total));
        }
    }
    quadrants
}

/// Sums and differences of neighbouring 16-bit values, in place of each pair; the signs of
/// the differences do not matter here.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn butterfly_16(x: __m256i) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let swapped = _mm256_or_si256(_mm256_slli_epi32(x, 16), _mm256_srli_epi32(x, 16));
        _mm256_blend_epi16(
            _mm256_add_epi16(x, swapped),
            _mm256_sub_epi16(x, swapped),
            0xaa,
        )
    }
}

/// The last step of a Hadamard transform across pairs of 32 bits, and the absolute values: the
/// larger of two stands for half of |a + b| + |a - b|, and comes twice.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn last_32(x: __m256i) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let x = _mm256_abs_epi16(x);
        _mm256_max_epi16(x, _mm256_shuffle_epi32(x, 0xb1))
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

/// Absolute sums of four 4x4 blocks beside each other, in 16-bit parts that stay below 8192.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn transformed([a, b, c, d]: [__m256i; 4]) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let (s, t) = (_mm256_add_epi16(a, b), _mm256_sub_epi16(a, b));
        let (u, v) = (_mm256_add_epi16(c, d), _mm256_sub_epi16(c, d));
        let e = last_32(butterfly_16(_mm256_add_epi16(s, u)));
        let f = last_32(butterfly_16(_mm256_sub_epi16(s, u)));
        let g = last_32(butterfly_16(_mm256_add_epi16(t, v)));
        let h = last_32(butterfly_16(_mm256_sub_epi16(t, v)));
        _mm256_add_epi16(_mm256_add_epi16(e, f), _mm256_add_epi16(g, h))
    }
}

/// Sums of absolute transformed differences of the left and the right 8 columns of 4 lines, in
/// 16-bit parts.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn strip(a: &[u8], b: &[u8]) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        transformed([
            difference(a, b),
            difference(&a[16..], &b[16..]),
            difference(&a[32..], &b[32..]),
            difference(&a[48..], &b[48..]),
        ])
    }
}

/// Adds up 16-bit parts of the left and the right 8 columns.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn columns(sums: __m256i) -> [u32; 2] {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let sums = _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
        let sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32(sums, 0x4e));
        let sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32(sums, 0xb1));
        [
            _mm256_extract_epi32(sums, 0) as u32,
            _mm256_extract_epi32(sums, 4) as u32,
        ]
    }
}

/// Differences of 8 samples of a line and of the fourth line below it.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn difference_8(a: &[u8], b: &[u8]) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let a = _mm_unpacklo_epi64(load_half(a), load_half(&a[64..]));
        let b = _mm_unpacklo_epi64(load_half(b), load_half(&b[64..]));
        _mm256_sub_epi16(_mm256_cvtepu8_epi16(a), _mm256_cvtepu8_epi16(b))
    }
}

/// Sums of absolute transformed differences of 8 columns of 8 lines, in 16-bit parts.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn square(a: &[u8], b: &[u8]) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        transformed([
            difference_8(a, b),
            difference_8(&a[16..], &b[16..]),
            difference_8(&a[32..], &b[32..]),
            difference_8(&a[48..], &b[48..]),
        ])
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn satd(a: &[u8], b: &[u8], width: usize, height: usize) -> u32 {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let mut sums = _mm256_setzero_si256();
        if width == 16 {
            for y in 0..height / 4 {
                sums = _mm256_add_epi16(sums, strip(&a[64 * y..], &b[64 * y..]));
            }
        } else {
            for y in 0..height / 8 {
                sums = _mm256_add_epi16(sums, square(&a[128 * y..], &b[128 * y..]));
            }
        }
        let [left, right] = columns(sums);
        (left + right) / 2
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn satd_chroma(a: &[u8; 128], b: &[u8; 128]) -> u32 {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    let [cb, cr] = unsafe { columns(_mm256_add_epi16(strip(a, b), strip(&a[64..], &b[64..]))) };
    (cb + cr) / 2
}

/// Absolute sums of a 4x4 block, in 32-bit parts. Lines are 64 bits each.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn block(source: __m256i, prediction: &[u8; 16]) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let x = _mm256_sub_epi16(source, load_wide(prediction));
        let other = _mm256_shuffle_epi32(x, 0x4e);
        let (sum, difference) = (_mm256_add_epi16(x, other), _mm256_sub_epi16(x, other));
        let x = _mm256_blend_epi16(sum, difference, 0xf0);
        let other = _mm256_permute4x64_epi64(x, 0x4e);
        let (sum, difference) = (_mm256_add_epi16(x, other), _mm256_sub_epi16(x, other));
        let x = _mm256_blend_epi32(sum, difference, 0xf0);
        _mm256_madd_epi16(last_32(butterfly_16(x)), _mm256_set1_epi16(1))
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn satd_modes(source: &[u8; 16], predictions: &[[u8; 16]; 9]) -> [u32; 9] {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let source = load_wide(source);
        let mut costs = [0; 9];
        for (costs, modes) in costs.chunks_exact_mut(4).zip(predictions.chunks_exact(4)) {
            let ab = _mm256_hadd_epi32(block(source, &modes[0]), block(source, &modes[1]));
            let cd = _mm256_hadd_epi32(block(source, &modes[2]), block(source, &modes[3]));
            let all = _mm256_hadd_epi32(ab, cd);
            let all = _mm_add_epi32(
                _mm256_castsi256_si128(all),
                _mm256_extracti128_si256(all, 1),
            );
            costs[0] = _mm_extract_epi32(all, 0) as u32 / 2;
            costs[1] = _mm_extract_epi32(all, 1) as u32 / 2;
            costs[2] = _mm_extract_epi32(all, 2) as u32 / 2;
            costs[3] = _mm_extract_epi32(all, 3) as u32 / 2;
        }
        let last = block(source, &predictions[8]);
        let last = _mm_add_epi32(
            _mm256_castsi256_si128(last),
            _mm256_extracti128_si256(last, 1),
        );
        let last = _mm_add_epi32(last, _mm_shuffle_epi32(last, 0x4e));
        let last = _mm_add_epi32(last, _mm_shuffle_epi32(last, 0xb1));
        costs[8] = _mm_cvtsi128_si32(last) as u32 / 2;
        costs
    }
}
