// SPDX-License-Identifier: GPL-2.0

//! residual_block_cabac(), ITU-T H.264 clauses 7.3.5.3.3 and 9.3.

use super::arithmetic::{Arithmetic, Context};
use super::tables::{CONTEXTS, LAST_8X8, SIGNIFICANT_8X8};

/// First contexts of coded_block_flag, significant_coeff_flag, last_significant_coeff_flag and
/// coeff_abs_level_minus1, Table 9-34 with the offsets of Table 9-40.
#[derive(Clone, Copy)]
pub(super) struct Category {
    coded: usize,
    significant: usize,
    last: usize,
    level: usize,
    /// Contexts of levels above 1, beyond the first.
    large: u32,
}

const fn category(coded: usize, map: usize, level: usize, large: u32) -> Category {
    Category {
        coded: 85 + coded,
        significant: 105 + map,
        last: 166 + map,
        level: 227 + level,
        large,
    }
}

pub(super) const LUMA_DC: Category = category(0, 0, 0, 4);
pub(super) const LUMA_AC: Category = category(4, 15, 10, 4);
pub(super) const LUMA: Category = category(8, 29, 20, 4);
pub(super) const CHROMA_DC: Category = category(12, 44, 30, 3);
pub(super) const CHROMA_AC: Category = category(16, 47, 39, 4);
/// Has no coded_block_flag in 4:2:0.
const LUMA_8X8: Category = Category {
    coded: 0,
    significant: 402,
    last: 417,
    level: 426,
    large: 4,
};

type Contexts = [Context; CONTEXTS];

/// Writes coded_block_flag, given that of the blocks on the left and above, and the levels of
/// a block in coding order. `nonzero` has a bit for each that is not zero.
#[inline(always)]
pub(super) fn put_block(
    arithmetic: &mut Arithmetic,
    contexts: &mut Contexts,
    category: Category,
    (left, above): (bool, bool),
    levels: &[i16],
    nonzero: u32,
) {
    let increment = usize::from(left) + 2 * usize::from(above);
    arithmetic.encode(&mut contexts[category.coded + increment], nonzero != 0);
    if nonzero == 0 {
        return;
    }
    let last = nonzero.ilog2() as usize;
    for i in 0..(last + 1).min(levels.len() - 1) {
        let significant = (nonzero >> i) & 1 != 0;
        arithmetic.encode(&mut contexts[category.significant + i], significant);
        if significant {
            arithmetic.encode(&mut contexts[category.last + i], i == last);
        }
    }
    put_levels(arithmetic, contexts, category, levels, nonzero.into());
}

/// Writes the levels of an 8x8 block, at least one of which is not zero.
pub(super) fn put_block_8x8(
    arithmetic: &mut Arithmetic,
    contexts: &mut Contexts,
    levels: &[i16],
    nonzero: u64,
) {
    let last = nonzero.ilog2() as usize;
    let tables = SIGNIFICANT_8X8.iter().zip(&LAST_8X8);
    for (i, (&significant_at, &last_at)) in tables.enumerate().take(last + 1) {
        let significant = (nonzero >> i) & 1 != 0;
        let at = LUMA_8X8.significant + usize::from(significant_at);
        arithmetic.encode(&mut contexts[at], significant);
        if significant {
            let at = LUMA_8X8.last + usize::from(last_at);
            arithmetic.encode(&mut contexts[at], i == last);
        }
    }
    put_levels(arithmetic, contexts, LUMA_8X8, levels, nonzero);
}

/// Writes coeff_abs_level_minus1 and coeff_sign_flag of the levels, the last one first.
#[inline(always)]
fn put_levels(
    arithmetic: &mut Arithmetic,
    contexts: &mut Contexts,
    category: Category,
    levels: &[i16],
    mut nonzero: u64,
) {
    /// The longest prefix of the binarisation of clause 9.3.2.3.
    const PREFIX: u32 = 14;
    let (mut ones, mut larger) = (0u32, 0u32);
    while nonzero != 0 {
        let at = nonzero.ilog2();
        nonzero ^= 1 << at;
        let level = levels[at as usize];
        let rest = u32::from(level.unsigned_abs()) - 1;
        let first = if larger > 0 { 0 } else { (1 + ones).min(4) };
        let first = &mut contexts[category.level + first as usize];
        arithmetic.encode(first, rest > 0);
        if rest > 0 {
            let at = category.level + 5 + larger.min(category.large) as usize;
            let context = &mut contexts[at];
            for _ in 1..rest.min(PREFIX) {
                arithmetic.encode(context, true);
            }
            if rest < PREFIX {
                arithmetic.encode(context, false);
            } else {
                put_exp_golomb(arithmetic, 0, rest - PREFIX);
            }
            larger += 1;
        } else {
            ones += 1;
        }
        arithmetic.bypass(level < 0);
    }
}

/// Writes the suffix of clause 9.3.2.3, Exp-Golomb of order `order`.
pub(super) fn put_exp_golomb(arithmetic: &mut Arithmetic, order: u32, value: u32) {
    let value = value + (1 << order);
    let bits = value.ilog2();
    // A one for each bit more than the order has, then a zero and the value below its
    // highest bit.
    for _ in order..bits {
        arithmetic.bypass(true);
    }
    arithmetic.bypass(false);
    arithmetic.bypass_bits(bits, value & ((1 << bits) - 1));
}
