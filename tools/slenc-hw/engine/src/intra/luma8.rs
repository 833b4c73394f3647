// SPDX-License-Identifier: GPL-2.0

//! Intra 8x8 prediction of luma, ITU-T H.264 clause 8.3.2.

use super::modes::{self, DC, HORIZONTAL, MODES, VERTICAL};

/// Samples around an 8x8 block.
pub(super) type Around = modes::Around<25>;

/// Where the corner is in the line; what is above follows, what is on the left precedes.
const CORNER: usize = 8;
/// Places in the table of filtered samples: three-tap values by their centre, then the lowest
/// sample itself, then two-tap values by their first sample.
const LOWEST: usize = 25;
const TWO_TAP: usize = 26;

/// For each directional mode, where in the table its samples are.
static DIRECTIONS: [[u8; 64]; 6] = {
    let mut tables = [[0; 64]; 6];
    let mut i = 0;
    while i < 64 {
        let (x, y) = (i % 8, i / 8);
        tables[0][i] = (CORNER + 2 + x + y) as u8;
        tables[1][i] = (CORNER + x - y) as u8;
        tables[2][i] = vertical_right(x, y) as u8;
        tables[3][i] = horizontal_down(x, y) as u8;
        tables[4][i] = vertical_left(x, y) as u8;
        tables[5][i] = horizontal_up(x, y) as u8;
        i += 1;
    }
    tables
};

const fn vertical_right(x: usize, y: usize) -> usize {
    if 2 * x + 1 == y {
        CORNER
    } else if 2 * x < y {
        CORNER + 1 + 2 * x - y
    } else if y % 2 == 0 {
        TWO_TAP + CORNER + x - y / 2
    } else {
        CORNER + x - y / 2
    }
}

const fn horizontal_down(x: usize, y: usize) -> usize {
    if 2 * y + 1 == x {
        CORNER
    } else if 2 * y < x {
        CORNER - 1 + x - 2 * y
    } else if x % 2 == 0 {
        TWO_TAP + CORNER - 1 + x / 2 - y
    } else {
        CORNER + x / 2 - y
    }
}

const fn vertical_left(x: usize, y: usize) -> usize {
    if y % 2 == 0 {
        TWO_TAP + CORNER + 1 + x + y / 2
    } else {
        CORNER + 2 + x + y / 2
    }
}

const fn horizontal_up(x: usize, y: usize) -> usize {
    let z = x + 2 * y;
    if z > 13 {
        LOWEST
    } else if z == 13 {
        0
    } else if z % 2 == 0 {
        TWO_TAP + 6 - y - x / 2
    } else {
        6 - y - x / 2
    }
}

/// Filters the samples around a block, clause 8.3.2.2.1. At the ends of what is available the
/// last sample stands in for the next.
fn filter(around: &Around) -> [u8; 25] {
    let line = &around.line;
    let first = if around.left { 0 } else { CORNER + 1 };
    let last = if around.above { 24 } else { CORNER - 1 };
    std::array::from_fn(|i| {
        let (before, after) = (i.max(first + 1) - 1, (i + 1).min(last));
        let sum = u16::from(line[before]) + 2 * u16::from(line[i]) + u16::from(line[after]);
        ((sum + 2) >> 2) as u8
    })
}

/// Predicts a block in every mode; those not allowed hold anything.
#[inline(always)]
pub(crate) fn predict_all(around: &Around, to: &mut [[u8; 64]; MODES]) {
    let line = filter(around);
    let wide = |i: usize| u16::from(line[i]);
    let mut table = [0u8; 64];
    for (i, value) in table[..25].iter_mut().enumerate() {
        let (before, after) = (wide(i.max(1) - 1), wide((i + 1).min(24)));
        *value = ((before + 2 * wide(i) + after + 2) >> 2) as u8;
    }
    table[LOWEST] = line[0];
    for i in 0..24 {
        table[TWO_TAP + i] = ((wide(i) + wide(i + 1) + 1) >> 1) as u8;
    }

    let (left, above) = (&line[..8], &line[CORNER + 1..][..8]);
    let sum = |samples: &[u8]| samples.iter().map(|&s| u16::from(s)).sum::<u16>();
    let dc = match (around.left, around.above) {
        (true, true) => (sum(left) + sum(above) + 8) >> 4,
        (true, false) => (sum(left) + 4) >> 3,
        (false, true) => (sum(above) + 4) >> 3,
        (false, false) => 128,
    };
    for y in 0..8 {
        to[VERTICAL][8 * y..][..8].copy_from_slice(above);
        to[HORIZONTAL][8 * y..][..8].fill(left[7 - y]);
    }
    to[usize::from(DC)] = [dc as u8; 64];
    for (to, direction) in to[3..].iter_mut().zip(&DIRECTIONS) {
        *to = direction.map(|i| table[usize::from(i) % 64]);
    }
}
