// SPDX-License-Identifier: GPL-2.0

//! A macroblock while its blocks are predicted from each other.

use super::luma4::{self, has_above_right};
use super::{luma8, Edges};

/// Samples of a macroblock and around it: a line above, and a column on the left.
pub(super) struct Canvas([u8; 17 * Self::STRIDE]);

impl Canvas {
    const STRIDE: usize = 32;
    /// The macroblock's first sample.
    const ORIGIN: usize = Self::STRIDE + 8;

    pub(super) fn new(edges: &Edges) -> Self {
        let mut canvas = Self([0; 17 * Self::STRIDE]);
        canvas.0[7] = edges.luma_corner;
        canvas.0[8..32].copy_from_slice(&edges.luma_above);
        for (y, &sample) in edges.luma_left.iter().enumerate() {
            canvas.0[Self::ORIGIN + y * Self::STRIDE - 1] = sample;
        }
        canvas
    }

    /// What surrounds the 4x4 block at column `x`, line `y` of blocks.
    pub(super) fn around4(&self, x: usize, y: usize, edges: &Edges) -> luma4::Around {
        let at = Self::ORIGIN + 4 * y * Self::STRIDE + 4 * x;
        let above_at = at - Self::STRIDE;
        let mut line = [0; 13];
        for i in 0..4 {
            line[3 - i] = self.0[at + i * Self::STRIDE - 1];
        }
        line[4..].copy_from_slice(&self.0[above_at - 1..above_at + 8]);
        let above_right = has_above_right(x, y) && (x < 3 || edges.above_right);
        if !above_right {
            let last = line[8];
            line[9..].fill(last);
        }
        luma4::Around {
            line,
            left: x > 0 || edges.left,
            above: y > 0 || edges.above,
        }
    }

    /// What surrounds the 8x8 block at column `x`, line `y` of blocks.
    pub(super) fn around8(&self, x: usize, y: usize, edges: &Edges) -> luma8::Around {
        let at = Self::ORIGIN + 8 * y * Self::STRIDE + 8 * x;
        let above_at = at - Self::STRIDE;
        let mut line = [0; 25];
        for i in 0..8 {
            line[7 - i] = self.0[at + i * Self::STRIDE - 1];
        }
        line[8..17].copy_from_slice(&self.0[above_at - 1..above_at + 8]);
        let above_right = match (x, y) {
            (0, _) => true,
            (_, 0) => edges.above_right,
            _ => false,
        };
        if above_right {
            line[17..].copy_from_slice(&self.0[above_at + 8..above_at + 16]);
        } else {
            let last = line[16];
            line[17..].fill(last);
        }
        luma8::Around {
            line,
            left: x > 0 || edges.left,
            above: y > 0 || edges.above,
        }
    }

    /// Sets a block of `N` lines.
    pub(super) fn set<const N: usize>(&mut self, x: usize, y: usize, block: &[u8]) {
        let at = Self::ORIGIN + N * y * Self::STRIDE + N * x;
        for (i, line) in block.chunks_exact(N).enumerate() {
            self.0[at + i * Self::STRIDE..][..N].copy_from_slice(line);
        }
    }
}
