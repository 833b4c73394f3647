// SPDX-License-Identifier: GPL-2.0

//! Intra 16x16 prediction of luma, ITU-T H.264 clause 8.3.3.

use super::Edges;

/// Intra16x16PredMode, Table 8-4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Vertical = 0,
    Horizontal = 1,
    Dc = 2,
    Plane = 3,
}

/// The modes that the neighbours allow.
pub(crate) fn modes(edges: &Edges) -> &'static [Mode] {
    match (edges.left, edges.above) {
        (true, true) => &[Mode::Dc, Mode::Vertical, Mode::Horizontal, Mode::Plane],
        (true, false) => &[Mode::Dc, Mode::Horizontal],
        (false, true) => &[Mode::Dc, Mode::Vertical],
        (false, false) => &[Mode::Dc],
    }
}

/// Predicts a macroblock.
pub(crate) fn predict(mode: Mode, edges: &Edges, to: &mut [u8; 256]) {
    let above = &edges.luma_above[..16];
    match mode {
        Mode::Vertical => {
            for line in to.chunks_exact_mut(16) {
                line.copy_from_slice(above);
            }
        }
        Mode::Horizontal => {
            for (line, &left) in to.chunks_exact_mut(16).zip(&edges.luma_left) {
                line.fill(left);
            }
        }
        Mode::Dc => {
            let sum = |samples: &[u8]| samples.iter().map(|&s| u32::from(s)).sum::<u32>();
            let dc = match (edges.left, edges.above) {
                (true, true) => (sum(&edges.luma_left) + sum(above) + 16) >> 5,
                (true, false) => (sum(&edges.luma_left) + 8) >> 4,
                (false, true) => (sum(above) + 8) >> 4,
                (false, false) => 128,
            };
            to.fill(dc as u8);
        }
        Mode::Plane => {
            let (mut start, b, c) = super::plane(&edges.luma_left, above, edges.luma_corner);
            for line in to.chunks_exact_mut(16) {
                for (x, sample) in line.iter_mut().enumerate() {
                    *sample = ((start + b * x as i32) >> 5).clamp(0, 255) as u8;
                }
                start += c;
            }
        }
    }
}
