// SPDX-License-Identifier: GPL-2.0

//! The 8x8 transforms: the portable code, which is written in lines of eight values, as the
//! compiler makes vectors of it.

use super::super::portable;
use crate::quant8::Quantiser8;
use crate::transform8::Block8;

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sa8d(a: &[u8; 256], b: &[u8; 256]) -> u32 {
    portable::sa8d(a, b)
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sa8d_modes(source: &[u8; 64], predictions: &[[u8; 64]; 9]) -> [u32; 9] {
    portable::sa8d_modes(source, predictions)
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn forward_8x8(source: &[u8; 64], prediction: &[u8; 64], to: &mut Block8) {
    portable::forward_8x8(source, prediction, to);
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn quantise_8x8(block: &mut Block8, quantiser: &Quantiser8) -> i16 {
    portable::quantise_8x8(block, quantiser)
}

/// The kernel of the same name.
///
/// # Safety
///
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn add_8x8(block: &Block8, to: &mut [u8], stride: usize) {
    portable::add_8x8(block, to, stride);
}
