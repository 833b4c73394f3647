// SPDX-License-Identifier: GPL-2.0

//! Intra 4x4 prediction of luma, ITU-T H.264 clause 8.3.1.

use super::modes::{self, DC, HORIZONTAL, MODES, VERTICAL};

/// Samples around a 4x4 block.
pub(super) type Around = modes::Around<13>;

/// Where the corner is in the line; what is above follows, what is on the left precedes.
const CORNER: usize = 4;
/// Places in the table of filtered samples: three-tap values by their centre, then the lowest
/// sample itself, then two-tap values by their first sample.
const LOWEST: usize = 13;
const TWO_TAP: usize = 16;

/// For each directional mode, where in the table its samples are.
static DIRECTIONS: [[u8; 16]; 6] = {
    let mut tables = [[0; 16]; 6];
    let mut i = 0;
    while i < 16 {
        let (x, y) = (i % 4, i / 4);
        tables[0][i] = down_left(x, y) as u8;
        tables[1][i] = (CORNER + x - y) as u8;
        tables[2][i] = vertical_right(x, y) as u8;
        tables[3][i] = horizontal_down(x, y) as u8;
        tables[4][i] = vertical_left(x, y) as u8;
        tables[5][i] = horizontal_up(x, y) as u8;
        i += 1;
    }
    tables
};

const fn down_left(x: usize, y: usize) -> usize {
    CORNER + 2 + x + y
}

const fn vertical_right(x: usize, y: usize) -> usize {
    if 2 * x + 1 == y {
        CORNER
    } else if 2 * x < y {
        CORNER + 1 - y
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
        CORNER - 1 + x
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
    if z > 5 {
        LOWEST
    } else if z == 5 {
        0
    } else if z % 2 == 0 {
        TWO_TAP + 2 - y - x / 2
    } else {
        2 - y - x / 2
    }
}

/// Predicts a block in every mode; those not allowed hold anything.
#[inline(always)]
pub(crate) fn predict_all(around: &Around, to: &mut [[u8; 16]; MODES]) {
    let line = &around.line;
    let wide = |i: usize| u16::from(line[i]);
    let mut table = [0u8; 32];
    for (i, value) in table[..13].iter_mut().enumerate() {
        let (before, after) = (wide(i.max(1) - 1), wide((i + 1).min(12)));
        *value = ((before + 2 * wide(i) + after + 2) >> 2) as u8;
    }
    table[LOWEST] = line[0];
    for i in 0..12 {
        table[TWO_TAP + i] = ((wide(i) + wide(i + 1) + 1) >> 1) as u8;
    }

    let (left, above) = (&line[..4], &line[CORNER + 1..][..4]);
    let sum = |samples: &[u8]| samples.iter().map(|&s| u16::from(s)).sum::<u16>();
    let dc = match (around.left, around.above) {
        (true, true) => (sum(left) + sum(above) + 4) >> 3,
        (true, false) => (sum(left) + 2) >> 2,
        (false, true) => (sum(above) + 2) >> 2,
        (false, false) => 128,
    };
    for y in 0..4 {
        to[VERTICAL][4 * y..][..4].copy_from_slice(above);
        to[HORIZONTAL][4 * y..][..4].fill(left[3 - y]);
    }
    to[usize::from(DC)] = [dc as u8; 16];
    for (to, direction) in to[3..].iter_mut().zip(&DIRECTIONS) {
        *to = direction.map(|i| table[usize::from(i) % 32]);
    }
}

/// Whether the samples above right of the block at `x`, `y` of its macroblock are of a block coded
/// before it, if the macroblock there is (clause 6.4.11.4).
pub(crate) fn has_above_right(x: usize, y: usize) -> bool {
    y == 0 || (x != 3 && !(x == 1 && y % 2 == 1))
}
