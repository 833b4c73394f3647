// SPDX-License-Identifier: GPL-2.0

//! Motion-compensated prediction, ITU-T H.264 clause 8.4.2.2.

use super::reference::Reference;
use super::{Mv, Partition};
use crate::simd::Kernels;

/// A plane of the reference, and how far right and down in it.
type Tap = (u8, u8, u8);

const FULL: Tap = (0, 0, 0);
const FULL_RIGHT: Tap = (0, 1, 0);
const FULL_BELOW: Tap = (0, 0, 1);
const HORIZONTAL: Tap = (1, 0, 0);
const HORIZONTAL_BELOW: Tap = (1, 0, 1);
const VERTICAL: Tap = (2, 0, 0);
const VERTICAL_RIGHT: Tap = (2, 1, 0);
const DIAGONAL: Tap = (3, 0, 0);

/// What is averaged at each quarter-sample position, by 4 * y + x (Table 8-12).
static QUARTERS: [(Tap, Option<Tap>); 16] = [
    (FULL, None),
    (FULL, Some(HORIZONTAL)),
    (HORIZONTAL, None),
    (FULL_RIGHT, Some(HORIZONTAL)),
    (FULL, Some(VERTICAL)),
    (HORIZONTAL, Some(VERTICAL)),
    (HORIZONTAL, Some(DIAGONAL)),
    (HORIZONTAL, Some(VERTICAL_RIGHT)),
    (VERTICAL, None),
    (VERTICAL, Some(DIAGONAL)),
    (DIAGONAL, None),
    (DIAGONAL, Some(VERTICAL_RIGHT)),
    (FULL_BELOW, Some(VERTICAL)),
    (VERTICAL, Some(HORIZONTAL_BELOW)),
    (DIAGONAL, Some(HORIZONTAL_BELOW)),
    (HORIZONTAL_BELOW, Some(VERTICAL_RIGHT)),
];

/// Predicts luma of a partition of the macroblock whose first sample is at `x`, `y`.
pub(crate) fn luma(
    kernels: &Kernels,
    reference: &Reference,
    (x, y): (usize, usize),
    partition: Partition,
    mv: Mv,
    to: &mut [u8; 256],
) {
    let x = (x + 8 * partition.x) as i32 + i32::from(mv.x >> 2);
    let y = (y + 8 * partition.y) as i32 + i32::from(mv.y >> 2);
    let plane = |(plane, right, below): Tap| {
        reference.luma(plane.into(), x + i32::from(right), y + i32::from(below))
    };
    let to = &mut to[128 * partition.y + 8 * partition.x..];
    let (width, height) = (8 * partition.width, 8 * partition.height);
    let position = usize::from(((mv.y as u16 & 3) << 2) | (mv.x as u16 & 3));
    match QUARTERS[position] {
        (tap, None) => (kernels.copy)(plane(tap), reference.stride(), to, width, height),
        (a, Some(b)) => {
            let from = [plane(a), plane(b)];
            (kernels.average)(from, reference.stride(), to, width, height);
        }
    }
}

/// Predicts chroma of a partition.
pub(crate) fn chroma(
    kernels: &Kernels,
    reference: &Reference,
    (x, y): (usize, usize),
    partition: Partition,
    mv: Mv,
    to: &mut [u8; 128],
) {
    let x = (x / 2 + 4 * partition.x) as i32 + i32::from(mv.x >> 3);
    let y = (y / 2 + 4 * partition.y) as i32 + i32::from(mv.y >> 3);
    (kernels.chroma)(
        reference.chroma(x, y),
        reference.stride(),
        [(mv.x & 7) as u8, (mv.y & 7) as u8],
        &mut to[64 * partition.y + 4 * partition.x..],
        4 * partition.width,
        4 * partition.height,
    );
}
