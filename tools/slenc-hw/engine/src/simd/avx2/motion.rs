// SPDX-License-Identifier: GPL-2.0

//! Interpolation.

use std::arch::x86_64::*;

use super::{load, load_half, narrow, store, store_half};

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn average(
    [a, b]: [&[u8]; 2],
    stride: usize,
    to: &mut [u8],
    width: usize,
    height: usize,
) {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let last = (height - 1) * stride + width;
        let (a, b) = (&a[..last], &b[..last]);
        for y in 0..height {
            let (a, b, to) = (&a[y * stride..], &b[y * stride..], &mut to[16 * y..]);
            if width == 16 {
                store(to, _mm_avg_epu8(load(a), load(b)));
            } else {
                store_half(to, _mm_avg_epu8(load_half(a), load_half(b)));
            }
        }
    }
}

/// Interpolates 8 bytes of interleaved chroma between columns, as 16-bit values.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn between_columns(line: &[u8], weights: __m128i) -> __m128i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let pairs = _mm_unpacklo_epi8(load_half(line), load_half(&line[2..]));
        _mm_maddubs_epi16(pairs, weights)
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn chroma(
    from: &[u8],
    stride: usize,
    [dx, dy]: [u8; 2],
    to: &mut [u8],
    width: usize,
    height: usize,
) {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let weights = _mm_set1_epi16((i16::from(dx) << 8) | i16::from(8 - dx));
        let above = _mm_set1_epi16(i16::from(8 - dy));
        let below = _mm_set1_epi16(i16::from(dy));
        // Cb to the lower and Cr to the upper four of eight bytes.
        let split = _mm_set1_epi64x(0x0705_0301_0604_0200);
        for part in 0..width / 4 {
            let from = &from[8 * part..];
            let mut upper = between_columns(from, weights);
            for y in 0..height {
                let lower = between_columns(&from[(y + 1) * stride..], weights);
                let sum =
                    _mm_add_epi16(_mm_mullo_epi16(upper, above), _mm_mullo_epi16(lower, below));
                let value = _mm_srli_epi16(_mm_add_epi16(sum, _mm_set1_epi16(32)), 6);
                let bytes = _mm_shuffle_epi8(_mm_packus_epi16(value, value), split);
                let bytes = (_mm_cvtsi128_si64(bytes) as u64).to_le_bytes();
                let to = &mut to[16 * y + 4 * part..][..12];
                to[..4].copy_from_slice(&bytes[..4]);
                to[8..].copy_from_slice(&bytes[4..]);
                upper = lower;
            }
        }
    }
}

/// The six-tap filter over 16-bit values.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn six_taps([a, b, c, d, e, f]: [__m256i; 6]) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let (af, be, cd) = (
            _mm256_add_epi16(a, f),
            _mm256_add_epi16(b, e),
            _mm256_add_epi16(c, d),
        );
        let middle = _mm256_sub_epi16(_mm256_slli_epi16(cd, 2), be);
        _mm256_add_epi16(af, _mm256_add_epi16(middle, _mm256_slli_epi16(middle, 2)))
    }
}

/// The same of sums, whose result needs 32 bits, rounded to samples.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn six_taps_of_sums([a, b, c, d, e, f]: [__m256i; 6]) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let (af, be, cd) = (
            _mm256_add_epi16(a, f),
            _mm256_add_epi16(b, e),
            _mm256_add_epi16(c, d),
        );
        let outer = _mm256_set1_epi32((-5 << 16) | 1);
        // 512 rounds.
        let inner = _mm256_set1_epi32((512 << 16) | 20);
        let one = _mm256_set1_epi16(1);
        let low = _mm256_add_epi32(
            _mm256_madd_epi16(_mm256_unpacklo_epi16(af, be), outer),
            _mm256_madd_epi16(_mm256_unpacklo_epi16(cd, one), inner),
        );
        let high = _mm256_add_epi32(
            _mm256_madd_epi16(_mm256_unpackhi_epi16(af, be), outer),
            _mm256_madd_epi16(_mm256_unpackhi_epi16(cd, one), inner),
        );
        _mm256_packs_epi32(_mm256_srai_epi32(low, 10), _mm256_srai_epi32(high, 10))
    }
}

/// Rounds sums of one filter to samples.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn rounded(sum: __m256i) -> __m128i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let sum = _mm256_add_epi16(sum, _mm256_set1_epi16(16));
        narrow(_mm256_srai_epi16(sum, 5))
    }
}

/// 16 neighbours of samples, widened, from each of six places.
///
/// # Safety
///
/// The processor has AVX2, and 16 samples are at each place.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_six(places: [*const u8; 6]) -> [__m256i; 6] {
    let [a, b, c, d, e, f] = places;
    // SAFETY: By the contract; the loads may be unaligned.
    unsafe {
        [
            _mm256_cvtepu8_epi16(_mm_loadu_si128(a.cast())),
            _mm256_cvtepu8_epi16(_mm_loadu_si128(b.cast())),
            _mm256_cvtepu8_epi16(_mm_loadu_si128(c.cast())),
            _mm256_cvtepu8_epi16(_mm_loadu_si128(d.cast())),
            _mm256_cvtepu8_epi16(_mm_loadu_si128(e.cast())),
            _mm256_cvtepu8_epi16(_mm_loadu_si128(f.cast())),
        ]
    }
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn half_samples(lines: [&[u8]; 6], to: [&mut [u8]; 3], scratch: &mut [i16]) {
    let length = to[0].len();
    let vectors = length / 16;
    let [a, b, c, d, e, f] = lines;
    let needed = length + 5;
    let (a, b, c) = (&a[..needed], &b[..needed], &c[..needed]);
    let (d, e, f) = (&d[..needed], &e[..needed], &f[..needed]);
    let scratch = &mut scratch[..length + 5];
    let [horizontal, vertical, diagonal] = to;
    let vertical = &mut vertical[..length];
    let diagonal = &mut diagonal[..length];
    for vector in 0..vectors {
        let x = 16 * vector;
        // SAFETY: The caller sees to AVX2. x + 16 <= length, and all slices are at least as
        // long. The store may be unaligned.
        unsafe {
            let sum = six_taps(load_six([
                a.as_ptr().add(x),
                b.as_ptr().add(x),
                c.as_ptr().add(x),
                d.as_ptr().add(x),
                e.as_ptr().add(x),
                f.as_ptr().add(x),
            ]));
            _mm256_storeu_si256(scratch.as_mut_ptr().add(x).cast(), sum);
        }
    }
    for x in 16 * vectors..length + 5 {
        let outer = i16::from(a[x]) + i16::from(f[x]);
        let (near, middle) = (
            i16::from(b[x]) + i16::from(e[x]),
            i16::from(c[x]) + i16::from(d[x]),
        );
        scratch[x] = outer - 5 * near + 20 * middle;
    }
    for vector in 0..vectors {
        let x = 16 * vector;
        // SAFETY: The caller sees to AVX2. x + 16 <= length, and line and scratch have 5 more
        // values than that. The loads may be unaligned.
        unsafe {
            let near = c.as_ptr().add(x);
            let near = load_six([
                near,
                near.add(1),
                near.add(2),
                near.add(3),
                near.add(4),
                near.add(5),
            ]);
            store(&mut horizontal[x..], rounded(six_taps(near)));
            let sums = scratch.as_ptr().add(x);
            let sums = [
                _mm256_loadu_si256(sums.cast()),
                _mm256_loadu_si256(sums.add(1).cast()),
                _mm256_loadu_si256(sums.add(2).cast()),
                _mm256_loadu_si256(sums.add(3).cast()),
                _mm256_loadu_si256(sums.add(4).cast()),
                _mm256_loadu_si256(sums.add(5).cast()),
            ];
            store(&mut vertical[x..], rounded(sums[2]));
            store(&mut diagonal[x..], narrow(six_taps_of_sums(sums)));
        }
    }
    let x = 16 * vectors;
    super::super::portable::half_samples(
        [&a[x..], &b[x..], &c[x..], &d[x..], &e[x..], &f[x..]],
        [&mut horizontal[x..], &mut vertical[x..], &mut diagonal[x..]],
        &mut scratch[x..],
    );
}
