// SPDX-License-Identifier: GPL-2.0

//! Intra prediction, ITU-T H.264 clause 8.3.

mod canvas;
pub(crate) mod chroma;
pub(crate) mod code4;
pub(crate) mod code8;
pub(crate) mod luma16;
mod luma4;
mod luma8;
pub(crate) mod modes;

/// Samples around a macroblock before deblocking, of neighbours in the same slice.
///
/// Slices are whole rows, so that the neighbour above left exists when both others do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edges {
    /// The macroblock on the left is available.
    pub(crate) left: bool,
    /// The macroblock above is available.
    pub(crate) above: bool,
    /// The macroblock above right is available.
    pub(crate) above_right: bool,
    /// Luma on the left from top to bottom.
    pub(crate) luma_left: [u8; 16],
    /// Luma above, and above right.
    pub(crate) luma_above: [u8; 24],
    /// Luma above left.
    pub(crate) luma_corner: u8,
    /// Cb and Cr on the left.
    pub(crate) chroma_left: [[u8; 8]; 2],
    /// Cb and Cr above.
    pub(crate) chroma_above: [[u8; 8]; 2],
    /// Cb and Cr above left.
    pub(crate) chroma_corner: [u8; 2],
}

/// Parameters a, b and c of plane prediction of `N` columns and lines, clauses 8.3.3.4 and
/// 8.3.4.4, as the value at the first sample, still scaled by 32, and the two slopes.
fn plane<const N: usize>(left: &[u8; N], above: &[u8], corner: u8) -> (i32, i32, i32) {
    let half = N / 2;
    let gradient = |line: &[u8]| -> i32 {
        (1..=half)
            .map(|i| {
                let far = i32::from(line[half - 1 + i]);
                let near = if i == half {
                    corner
                } else {
                    line[half - 1 - i]
                };
                i as i32 * (far - i32::from(near))
            })
            .sum()
    };
    let slope = |gradient: i32| match N {
        16 => (5 * gradient + 32) >> 6,
        _ => (34 * gradient + 32) >> 6,
    };
    let (b, c) = (slope(gradient(above)), slope(gradient(left)));
    let a = 16 * (i32::from(left[N - 1]) + i32::from(above[N - 1]));
    let middle = half as i32 - 1;
    (a - middle * (b + c) + 16, b, c)
}
