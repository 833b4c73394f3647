// SPDX-License-Identifier: GPL-2.0

//! Context-adaptive variable-length coding of transform coefficient levels, ITU-T H.264
//! clause 9.2.

mod tables;

use crate::bits::BitWriter;
use tables::{Code, COEFF_TOKEN, COEFF_TOKEN_CHROMA_DC, RUN_BEFORE};
use tables::{TOTAL_ZEROS, TOTAL_ZEROS_CHROMA_DC};

/// Raster index of each coefficient in zig-zag order, Table 8-2 (frame).
pub(crate) const ZIGZAG: [u8; 16] = [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15];

/// Raster index of each coefficient of an 8x8 block in zig-zag order, Table 8-3 (frame).
pub(crate) const ZIGZAG_8X8: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// A level needs a level_prefix above 15, which Baseline does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LevelRange;

/// nC of a block with `left` and `above` it so many levels, where there are such blocks.
#[inline(always)]
pub(crate) fn number_context(left: Option<u8>, above: Option<u8>) -> u8 {
    match (left, above) {
        (Some(a), Some(b)) => (a + b + 1) >> 1,
        (Some(n), None) | (None, Some(n)) => n,
        (None, None) => 0,
    }
}

#[inline(always)]
fn put(writer: &mut BitWriter, code: Code) {
    debug_assert!(code.length > 0);
    writer.put(code.length.into(), code.bits.into());
}

/// Writes residual_block_cavlc() of up to 16 levels in coding order, except chroma DC, where
/// `nonzero` has a bit for each that is not zero. Gives TotalCoeff.
pub(crate) fn put_block(
    writer: &mut BitWriter,
    levels: &[i16],
    nonzero: u32,
    number_context: u8,
) -> Result<u8, LevelRange> {
    const TABLE: [u8; 17] = [0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3];
    let tokens = &COEFF_TOKEN[usize::from(TABLE[usize::from(number_context)])];
    put_levels(writer, levels, nonzero, tokens, |total| {
        &TOTAL_ZEROS[total - 1]
    })
}

/// Writes residual_block_cavlc() of the four DC levels of a chroma plane.
pub(crate) fn put_chroma_dc(writer: &mut BitWriter, levels: &[i16; 4]) -> Result<u8, LevelRange> {
    let mut nonzero = 0;
    for (i, &level) in levels.iter().enumerate() {
        nonzero |= u32::from(level != 0) << i;
    }
    put_levels(writer, levels, nonzero, &COEFF_TOKEN_CHROMA_DC, |total| {
        &TOTAL_ZEROS_CHROMA_DC[total - 1]
    })
}

#[inline(always)]
fn put_levels<'t>(
    writer: &mut BitWriter,
    levels: &[i16],
    nonzero: u32,
    tokens: &[Code],
    total_zeros: impl Fn(usize) -> &'t [Code],
) -> Result<u8, LevelRange> {
    if nonzero == 0 {
        put(writer, tokens[0]);
        return Ok(0);
    }
    let total = nonzero.count_ones() as usize;

    // Levels from the highest frequency down, each with the zeros below it.
    let mut found = [(0i32, 0u32); 16];
    let mut rest = nonzero;
    for slot in &mut found[..total] {
        let at = rest.ilog2();
        rest ^= 1 << at;
        let run = if rest > 0 { at - rest.ilog2() - 1 } else { 0 };
        *slot = (i32::from(levels[at as usize]), run);
    }
    let found = &found[..total];

    let trailing_ones = found
        .iter()
        .take(3)
        .take_while(|(level, _)| level.abs() == 1)
        .count();
    put(writer, tokens[4 * total + trailing_ones]);
    for &(level, _) in &found[..trailing_ones] {
        writer.put(1, u32::from(level < 0));
    }
    put_remaining_levels(writer, found, trailing_ones)?;

    let mut zeros = nonzero.ilog2() + 1 - total as u32;
    if total < levels.len() {
        put(writer, total_zeros(total)[zeros as usize]);
    }
    for &(_, run) in &found[..total - 1] {
        if zeros == 0 {
            break;
        }
        put(writer, RUN_BEFORE[zeros.min(7) as usize - 1][run as usize]);
        zeros -= run;
    }
    Ok(total as u8)
}

/// Writes level_prefix and level_suffix of the levels that are no trailing ones, the
/// reverse of clause 9.2.2.1.
#[inline(always)]
fn put_remaining_levels(
    writer: &mut BitWriter,
    found: &[(i32, u32)],
    trailing_ones: usize,
) -> Result<(), LevelRange> {
    let mut suffix_length = u32::from(found.len() > 10 && trailing_ones < 3);
    for (i, &(level, _)) in found.iter().enumerate().skip(trailing_ones) {
        let size = level.unsigned_abs();
        let mut code = 2 * size - 2 + u32::from(level < 0);
        if i == trailing_ones && trailing_ones < 3 {
            code -= 2;
        }
        let escape = if suffix_length == 0 {
            30
        } else {
            15 << suffix_length
        };
        if code >= escape {
            if code - escape >= 1 << 12 {
                return Err(LevelRange);
            }
            writer.put(28, (1 << 12) | (code - escape));
        } else if suffix_length == 0 {
            if code < 14 {
                writer.put(code + 1, 1);
            } else {
                writer.put(19, (1 << 4) | (code - 14));
            }
        } else {
            let suffix = code & ((1 << suffix_length) - 1);
            let prefix = code >> suffix_length;
            writer.put(prefix + 1 + suffix_length, (1 << suffix_length) | suffix);
        }
        suffix_length = suffix_length.max(1);
        if size > 3 << (suffix_length - 1) && suffix_length < 6 {
            suffix_length += 1;
        }
    }
    Ok(())
}
