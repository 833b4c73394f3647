// SPDX-License-Identifier: GPL-2.0

//! The deblocking filter across an edge, ITU-T H.264 clauses 8.7.2.2 to 8.7.2.4.

use std::arch::x86_64::*;

use super::{load_half, load_wide, narrow, store, store_half};
use crate::deblock::Edge;

/// All ones where |a - b| < limit.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn closer(a: __m256i, b: __m256i, limit: __m256i) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe { _mm256_cmpgt_epi16(limit, _mm256_abs_epi16(_mm256_sub_epi16(a, b))) }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn clamp(value: __m256i, limit: __m256i) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let low = _mm256_sub_epi16(_mm256_setzero_si256(), limit);
        _mm256_max_epi16(low, _mm256_min_epi16(value, limit))
    }
}

/// tC0 of each of 16 samples, and all ones where there is one.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn strengths(edge: &Edge) -> (__m256i, __m256i) {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let quarter = |i: usize| match edge.tc0[i] {
            Some(tc0) => i64::from(tc0) * 0x0001_0001_0001_0001,
            None => -1,
        };
        let tc0 = _mm256_set_epi64x(quarter(3), quarter(2), quarter(1), quarter(0));
        (tc0, _mm256_cmpgt_epi16(tc0, _mm256_set1_epi16(-1)))
    }
}

/// Samples where the edge is filtered at all.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn filtered(edge: &Edge, [p1, p0, q0, q1]: [__m256i; 4], on: __m256i) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let alpha = _mm256_set1_epi16(edge.alpha.into());
        let beta = _mm256_set1_epi16(edge.beta.into());
        _mm256_and_si256(
            _mm256_and_si256(closer(p0, q0, alpha), on),
            _mm256_and_si256(closer(p1, p0, beta), closer(q1, q0, beta)),
        )
    }
}

/// The change of p0 and, reversed, of q0 before it is limited.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn delta([p1, p0, q0, q1]: [__m256i; 4]) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let sum = _mm256_add_epi16(
            _mm256_slli_epi16(_mm256_sub_epi16(q0, p0), 2),
            _mm256_sub_epi16(p1, q1),
        );
        _mm256_srai_epi16(_mm256_add_epi16(sum, _mm256_set1_epi16(4)), 3)
    }
}

/// (a + 2 * b + c + d + 2) >> 2 and the like: a sum, rounded and shifted.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn mean<const SHIFT: i32, const N: usize>(values: [__m256i; N]) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let mut sum = _mm256_set1_epi16(1 << (SHIFT - 1));
        for value in values {
            sum = _mm256_add_epi16(sum, value);
        }
        _mm256_srai_epi16(sum, SHIFT)
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn select(old: __m256i, new: __m256i, mask: __m256i) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe { _mm256_blendv_epi8(old, new, mask) }
}

/// Filters a side of an edge with bS 4: s3 to s0 on it, and t0 and t1 beyond it. Gives s2 to s0.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn strong_side(
    [s3, s2, s1, s0]: [__m256i; 4],
    [t0, t1]: [__m256i; 2],
    on: __m256i,
    flat: __m256i,
) -> [__m256i; 3] {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let near = select(s0, mean::<2, 4>([s1, s1, s0, t1]), on);
        [
            select(s2, mean::<3, 8>([s3, s3, s2, s2, s2, s1, s0, t0]), flat),
            select(s1, mean::<2, 4>([s2, s1, s0, t0]), flat),
            select(near, mean::<3, 8>([s2, s1, s1, s0, s0, t0, t0, t1]), flat),
        ]
    }
}

/// Filters the second sample on a side of an edge, with the mean of the two at the edge.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn second(
    s2: __m256i,
    s1: __m256i,
    middle: __m256i,
    tc0: __m256i,
    flat: __m256i,
) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let sum = _mm256_add_epi16(s2, _mm256_sub_epi16(middle, _mm256_slli_epi16(s1, 1)));
        let change = clamp(_mm256_srai_epi16(sum, 1), tc0);
        _mm256_add_epi16(s1, _mm256_and_si256(change, flat))
    }
}

/// Filters lines of samples p3 to q3; gives p2 to q2.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn luma(edge: &Edge, samples: [__m256i; 8]) -> [__m256i; 6] {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let [p3, p2, p1, p0, q0, q1, q2, q3] = samples;
        let beta = _mm256_set1_epi16(edge.beta.into());
        if edge.strong {
            let on = filtered(edge, [p1, p0, q0, q1], _mm256_set1_epi16(-1));
            let small = closer(p0, q0, _mm256_set1_epi16(i16::from(edge.alpha >> 2) + 2));
            let small = _mm256_and_si256(small, on);
            let p_flat = _mm256_and_si256(closer(p2, p0, beta), small);
            let q_flat = _mm256_and_si256(closer(q2, q0, beta), small);
            let p = strong_side([p3, p2, p1, p0], [q0, q1], on, p_flat);
            let q = strong_side([q3, q2, q1, q0], [p0, p1], on, q_flat);
            return [p[0], p[1], p[2], q[2], q[1], q[0]];
        }
        let (tc0, on) = strengths(edge);
        let on = filtered(edge, [p1, p0, q0, q1], on);
        let p_flat = _mm256_and_si256(closer(p2, p0, beta), on);
        let q_flat = _mm256_and_si256(closer(q2, q0, beta), on);
        // All ones are -1.
        let tc = _mm256_sub_epi16(_mm256_sub_epi16(tc0, p_flat), q_flat);
        let change = _mm256_and_si256(clamp(delta([p1, p0, q0, q1]), tc), on);
        let middle = _mm256_avg_epu16(p0, q0);
        [
            p2,
            second(p2, p1, middle, tc0, p_flat),
            _mm256_add_epi16(p0, change),
            _mm256_sub_epi16(q0, change),
            second(q2, q1, middle, tc0, q_flat),
            q2,
        ]
    }
}

/// Filters lines of samples p1 to q1; gives p0 and q0.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn chroma(edge: &Edge, samples: [__m256i; 4]) -> [__m256i; 2] {
    let [p1, p0, q0, q1] = samples;
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let (tc0, on) = strengths(edge);
        let on = filtered(edge, samples, on);
        if edge.strong {
            return [
                select(p0, mean::<2, 4>([p1, p1, p0, q1]), on),
                select(q0, mean::<2, 4>([q1, q1, q0, p1]), on),
            ];
        }
        let tc = _mm256_add_epi16(tc0, _mm256_set1_epi16(1));
        let change = _mm256_and_si256(clamp(delta(samples), tc), on);
        [_mm256_add_epi16(p0, change), _mm256_sub_epi16(q0, change)]
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn luma_horizontal(p: &mut [u8], q: &mut [u8], stride: usize, edge: &Edge) {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let samples = [
            load_wide(p),
            load_wide(&p[stride..]),
            load_wide(&p[2 * stride..]),
            load_wide(&p[3 * stride..]),
            load_wide(q),
            load_wide(&q[stride..]),
            load_wide(&q[2 * stride..]),
            load_wide(&q[3 * stride..]),
        ];
        let [p2, p1, p0, q0, q1, q2] = luma(edge, samples);
        store(&mut p[stride..], narrow(p2));
        store(&mut p[2 * stride..], narrow(p1));
        store(&mut p[3 * stride..], narrow(p0));
        store(q, narrow(q0));
        store(&mut q[stride..], narrow(q1));
        store(&mut q[2 * stride..], narrow(q2));
    }
}

/// Transposes eight lines of eight bytes to pairs of columns: 0 and 1, 2 and 3 and so on.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn transpose_8x8(lines: [__m128i; 8]) -> [__m128i; 4] {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let [a, b, c, d, e, f, g, h] = lines;
        let (ae, bf) = (_mm_unpacklo_epi8(a, e), _mm_unpacklo_epi8(b, f));
        let (cg, dh) = (_mm_unpacklo_epi8(c, g), _mm_unpacklo_epi8(d, h));
        let (aceg_low, aceg_high) = (_mm_unpacklo_epi8(ae, cg), _mm_unpackhi_epi8(ae, cg));
        let (bdfh_low, bdfh_high) = (_mm_unpacklo_epi8(bf, dh), _mm_unpackhi_epi8(bf, dh));
        [
            _mm_unpacklo_epi8(aceg_low, bdfh_low),
            _mm_unpackhi_epi8(aceg_low, bdfh_low),
            _mm_unpacklo_epi8(aceg_high, bdfh_high),
            _mm_unpackhi_epi8(aceg_high, bdfh_high),
        ]
    }
}

/// Loads the 8 columns around an edge for 8 lines from `first` on, as pairs of columns.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_columns(plane: &[u8], first: usize, stride: usize) -> [__m128i; 4] {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        transpose_8x8([
            load_half(&plane[first * stride..]),
            load_half(&plane[(first + 1) * stride..]),
            load_half(&plane[(first + 2) * stride..]),
            load_half(&plane[(first + 3) * stride..]),
            load_half(&plane[(first + 4) * stride..]),
            load_half(&plane[(first + 5) * stride..]),
            load_half(&plane[(first + 6) * stride..]),
            load_half(&plane[(first + 7) * stride..]),
        ])
    }
}

/// Stores pairs of lines of 8 bytes from line `first` on.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store_pairs<const N: usize>(
    plane: &mut [u8],
    first: usize,
    stride: usize,
    pairs: [__m128i; N],
) {
    for (i, pair) in pairs.into_iter().enumerate() {
        store_half(&mut plane[(first + 2 * i) * stride..], pair);
        // SAFETY: The caller sees to AVX2, which is all this needs.
        let second = unsafe { _mm_unpackhi_epi64(pair, pair) };
        store_half(&mut plane[(first + 2 * i + 1) * stride..], second);
    }
}

/// The upper half of a vector in the lower.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn upper(value: __m128i) -> __m128i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe { _mm_unpackhi_epi64(value, value) }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn luma_vertical(plane: &mut [u8], stride: usize, edge: &Edge) {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let [a, b, c, d] = load_columns(plane, 0, stride);
        let [e, f, g, h] = load_columns(plane, 8, stride);
        let (p3, p2) = (_mm_unpacklo_epi64(a, e), _mm_unpackhi_epi64(a, e));
        let (p1, p0) = (_mm_unpacklo_epi64(b, f), _mm_unpackhi_epi64(b, f));
        let (q0, q1) = (_mm_unpacklo_epi64(c, g), _mm_unpackhi_epi64(c, g));
        let (q2, q3) = (_mm_unpacklo_epi64(d, h), _mm_unpackhi_epi64(d, h));
        let samples = [
            _mm256_cvtepu8_epi16(p3),
            _mm256_cvtepu8_epi16(p2),
            _mm256_cvtepu8_epi16(p1),
            _mm256_cvtepu8_epi16(p0),
            _mm256_cvtepu8_epi16(q0),
            _mm256_cvtepu8_epi16(q1),
            _mm256_cvtepu8_epi16(q2),
            _mm256_cvtepu8_epi16(q3),
        ];
        let [p2, p1, p0, q0, q1, q2] = luma(edge, samples);
        let (p2, p1, p0) = (narrow(p2), narrow(p1), narrow(p0));
        let (q0, q1, q2) = (narrow(q0), narrow(q1), narrow(q2));
        store_pairs(
            plane,
            0,
            stride,
            transpose_8x8([p3, p2, p1, p0, q0, q1, q2, q3]),
        );
        let lower = [
            upper(p3),
            upper(p2),
            upper(p1),
            upper(p0),
            upper(q0),
            upper(q1),
            upper(q2),
            upper(q3),
        ];
        store_pairs(plane, 8, stride, transpose_8x8(lower));
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn chroma_horizontal(p: &mut [u8], q: &mut [u8], stride: usize, edge: &Edge) {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let lines = [
            load_wide(p),
            load_wide(&p[stride..]),
            load_wide(q),
            load_wide(&q[stride..]),
        ];
        let [p0, q0] = chroma(edge, lines);
        store(&mut p[stride..], narrow(p0));
        store(q, narrow(q0));
    }
}

/// Transposes four lines of four 16-bit values to pairs of columns.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn transpose_4x4([a, b, c, d]: [__m128i; 4]) -> [__m128i; 2] {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let (ab, cd) = (_mm_unpacklo_epi16(a, b), _mm_unpacklo_epi16(c, d));
        [_mm_unpacklo_epi32(ab, cd), _mm_unpackhi_epi32(ab, cd)]
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn chroma_vertical(plane: &mut [u8], stride: usize, edge: &Edge) {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let [a, b] = transpose_4x4([
            load_half(plane),
            load_half(&plane[stride..]),
            load_half(&plane[2 * stride..]),
            load_half(&plane[3 * stride..]),
        ]);
        let [c, d] = transpose_4x4([
            load_half(&plane[4 * stride..]),
            load_half(&plane[5 * stride..]),
            load_half(&plane[6 * stride..]),
            load_half(&plane[7 * stride..]),
        ]);
        let (p1, p0) = (_mm_unpacklo_epi64(a, c), _mm_unpackhi_epi64(a, c));
        let (q0, q1) = (_mm_unpacklo_epi64(b, d), _mm_unpackhi_epi64(b, d));
        let samples = [
            _mm256_cvtepu8_epi16(p1),
            _mm256_cvtepu8_epi16(p0),
            _mm256_cvtepu8_epi16(q0),
            _mm256_cvtepu8_epi16(q1),
        ];
        let [p0, q0] = chroma(edge, samples);
        let (p0, q0) = (narrow(p0), narrow(q0));
        store_pairs(plane, 0, stride, transpose_4x4([p1, p0, q0, q1]));
        let lower = [upper(p1), upper(p0), upper(q0), upper(q1)];
        store_pairs(plane, 4, stride, transpose_4x4(lower));
    }
}
