// SPDX-License-Identifier: GPL-2.0

//! Intra prediction of chroma, ITU-T H.264 clause 8.3.4.

use super::Edges;

/// intra_chroma_pred_mode, Table 8-5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Dc = 0,
    Horizontal = 1,
    Vertical = 2,
    Plane = 3,
}

/// The modes that the neighbours allow.
pub(crate) fn modes(edges: &Edges) -> &'static [Mode] {
    match (edges.left, edges.above) {
        (true, true) => &[Mode::Dc, Mode::Horizontal, Mode::Vertical, Mode::Plane],
        (true, false) => &[Mode::Dc, Mode::Horizontal],
        (false, true) => &[Mode::Dc, Mode::Vertical],
        (false, false) => &[Mode::Dc],
    }
}

/// Predicts Cb and Cr of a macroblock, side by side.
pub(crate) fn predict(mode: Mode, edges: &Edges, to: &mut [u8; 128]) {
    for plane in 0..2 {
        let (left, above) = (&edges.chroma_left[plane], &edges.chroma_above[plane]);
        let lines = to.chunks_exact_mut(16).map(|l| &mut l[8 * plane..][..8]);
        match mode {
            Mode::Dc => {
                let dc = dc(edges.left.then_some(left), edges.above.then_some(above));
                for (y, line) in lines.enumerate() {
                    line[..4].fill(dc[y / 4][0]);
                    line[4..].fill(dc[y / 4][1]);
                }
            }
            Mode::Horizontal => lines.zip(left).for_each(|(line, &left)| line.fill(left)),
            Mode::Vertical => lines.for_each(|line| line.copy_from_slice(above)),
            Mode::Plane => {
                let (mut start, b, c) = super::plane(left, above, edges.chroma_corner[plane]);
                for line in lines {
                    for (x, sample) in line.iter_mut().enumerate() {
                        *sample = ((start + b * x as i32) >> 5).clamp(0, 255) as u8;
                    }
                    start += c;
                }
            }
        }
    }
}

/// DC of the four blocks of a plane: those off the diagonal prefer the nearer neighbour.
fn dc(left: Option<&[u8; 8]>, above: Option<&[u8; 8]>) -> [[u8; 2]; 2] {
    let sum = |samples: &[u8; 8], half: usize| -> u32 {
        samples[4 * half..][..4].iter().map(|&s| u32::from(s)).sum()
    };
    let block = |x: usize, y: usize| {
        let left = left.map(|samples| sum(samples, y));
        let above = above.map(|samples| sum(samples, x));
        let value = match (left, above) {
            (Some(left), Some(above)) if x == y => (left + above + 4) >> 3,
            (Some(left), Some(_)) if x < y => (left + 2) >> 2,
            (_, Some(above)) => (above + 2) >> 2,
            (Some(left), None) => (left + 2) >> 2,
            (None, None) => 128,
        };
        value as u8
    };
    [[block(0, 0), block(1, 0)], [block(0, 1), block(1, 1)]]
}
