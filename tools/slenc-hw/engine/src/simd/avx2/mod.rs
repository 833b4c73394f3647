// SPDX-License-Identifier: GPL-2.0

//! The kernels with AVX2.
//!
//! Every function here that is `unsafe` only asks for a processor with AVX2, which
//! [`detect`] makes sure of before it hands out the set. Closures and the adapters of arrays
//! would not be compiled for AVX2 here; that is why some lines repeat.

mod deblock;
mod metric;
mod motion;
mod transform;
mod transform8;

use std::arch::x86_64::*;

use super::Kernels;

/// Makes a safe function of an unsafe one, to stand in [`KERNELS`].
macro_rules! kernel {
    ($of:path, ($($name:ident: $type:ty),*) $(-> $result:ty)?) => {{
        fn kernel($($name: $type),*) $(-> $result)? {
            // SAFETY: `KERNELS` is private, and `detect` found AVX2 before it gave it away.
            unsafe { $of($($name),*) }
        }
        kernel
    }};
}

static KERNELS: Kernels = Kernels {
    sad: kernel!(metric::sad, (a: &[u8; 256], b: &[u8; 256]) -> u32),
    sad_plane: kernel!(
        metric::sad_plane,
        (a: &[u8; 256], plane: &[u8], stride: usize) -> [u32; 4]
    ),
    satd: kernel!(
        metric::satd,
        (a: &[u8], b: &[u8], width: usize, height: usize) -> u32
    ),
    satd_chroma: kernel!(metric::satd_chroma, (a: &[u8; 128], b: &[u8; 128]) -> u32),
    satd_modes: kernel!(
        metric::satd_modes,
        (source: &[u8; 16], predictions: &[[u8; 16]; 9]) -> [u32; 9]
    ),
    forward_luma: kernel!(
        transform::forward_luma,
        (a: &[u8; 256], b: &[u8; 256], to: &mut [super::Block; 16])
    ),
    forward_chroma: kernel!(
        transform::forward_chroma,
        (a: &[u8; 128], b: &[u8; 128], to: &mut [super::Block; 8])
    ),
    quantise: kernel!(
        transform::quantise,
        (blocks: &mut [super::Block], quantiser: &super::Quantiser) -> u32
    ),
    zigzag: kernel!(transform::zigzag, (block: &super::Block) -> (super::Block, u32)),
    add_luma: kernel!(
        transform::add_luma,
        (blocks: &[super::Block; 16], mask: u32, to: &mut [u8; 256])
    ),
    add_chroma: kernel!(
        transform::add_chroma,
        (blocks: &[super::Block; 8], mask: u32, to: &mut [u8; 128])
    ),
    sa8d: kernel!(transform8::sa8d, (a: &[u8; 256], b: &[u8; 256]) -> u32),
    sa8d_modes: kernel!(
        transform8::sa8d_modes,
        (source: &[u8; 64], predictions: &[[u8; 64]; 9]) -> [u32; 9]
    ),
    forward_8x8: kernel!(
        transform8::forward_8x8,
        (source: &[u8; 64], prediction: &[u8; 64], to: &mut super::Block8)
    ),
    quantise_8x8: kernel!(
        transform8::quantise_8x8,
        (block: &mut super::Block8, quantiser: &super::Quantiser8) -> i16
    ),
    zigzag_8x8: super::portable::zigzag_8x8,
    add_8x8: kernel!(
        transform8::add_8x8,
        (block: &super::Block8, to: &mut [u8], stride: usize)
    ),
    copy: super::portable::copy,
    average: kernel!(
        motion::average,
        (from: [&[u8]; 2], stride: usize, to: &mut [u8], width: usize, height: usize)
    ),
    chroma: kernel!(
        motion::chroma,
        (
            from: &[u8],
            stride: usize,
            fraction: [u8; 2],
            to: &mut [u8],
            width: usize,
            height: usize
        )
    ),
    half_samples: kernel!(
        motion::half_samples,
        (lines: [&[u8]; 6], to: [&mut [u8]; 3], scratch: &mut [i16])
    ),
    luma_vertical: kernel!(
        deblock::luma_vertical,
        (plane: &mut [u8], stride: usize, edge: &super::Edge)
    ),
    luma_horizontal: kernel!(
        deblock::luma_horizontal,
        (p: &mut [u8], q: &mut [u8], stride: usize, edge: &super::Edge)
    ),
    chroma_vertical: kernel!(
        deblock::chroma_vertical,
        (plane: &mut [u8], stride: usize, edge: &super::Edge)
    ),
    chroma_horizontal: kernel!(
        deblock::chroma_horizontal,
        (p: &mut [u8], q: &mut [u8], stride: usize, edge: &super::Edge)
    ),
};

/// The set, if the processor has what it needs.
pub(super) fn detect() -> Option<&'static Kernels> {
    is_x86_feature_detected!("avx2").then_some(&KERNELS)
}

/// Loads 16 bytes from the beginning of a slice.
#[inline(always)]
fn load(from: &[u8]) -> __m128i {
    let from: &[u8; 16] = from.first_chunk().expect("16 samples");
    // SAFETY: SSE2 is part of x86-64, and 16 bytes are there; the load may be unaligned.
    unsafe { _mm_loadu_si128(from.as_ptr().cast()) }
}

/// Loads 8 bytes into the lower half.
#[inline(always)]
fn load_half(from: &[u8]) -> __m128i {
    let from: &[u8; 8] = from.first_chunk().expect("8 samples");
    // SAFETY: SSE2 is part of x86-64, and 8 bytes are there; the load may be unaligned.
    unsafe { _mm_loadl_epi64(from.as_ptr().cast()) }
}

/// Stores 16 bytes at the beginning of a slice.
#[inline(always)]
fn store(to: &mut [u8], value: __m128i) {
    let to: &mut [u8; 16] = to.first_chunk_mut().expect("16 samples");
    // SAFETY: SSE2 is part of x86-64, and there is room for 16 bytes; the store may be
    // unaligned.
    unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), value) }
}

/// Stores the lower 8 bytes at the beginning of a slice.
#[inline(always)]
fn store_half(to: &mut [u8], value: __m128i) {
    let to: &mut [u8; 8] = to.first_chunk_mut().expect("8 samples");
    // SAFETY: SSE2 is part of x86-64, and there is room for 8 bytes; the store may be
    // unaligned.
    unsafe { _mm_storel_epi64(to.as_mut_ptr().cast(), value) }
}

/// Loads 16 bytes, widened to 16 bits each.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_wide(from: &[u8]) -> __m256i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe { _mm256_cvtepu8_epi16(load(from)) }
}

/// Narrows 16 values to bytes with saturation.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn narrow(values: __m256i) -> __m128i {
    // SAFETY: The caller sees to AVX2, which is all this needs.
    unsafe {
        let packed = _mm256_packus_epi16(values, values);
        _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08))
    }
}
