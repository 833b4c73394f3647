// SPDX-License-Identifier: GPL-2.0

//! What is kept of a coded macroblock for those after it and for the deblocking filter.

use crate::inter::vectors::Motion;
use crate::inter::Mv;
use crate::intra::modes;

/// How a macroblock is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Skip,
    Inter,
    /// Intra_4x4 or Intra_8x8.
    IntraNxN,
    Intra16,
    Pcm,
}

impl Kind {
    /// Whether it is predicted from its own picture, or not at all.
    pub(crate) fn is_intra(self) -> bool {
        !matches!(self, Self::Skip | Self::Inter)
    }
}

/// A coded macroblock. Its 4x4 blocks are in raster order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MbInfo {
    /// How it is coded.
    pub(crate) kind: Kind,
    /// QPY as the deblocking filter sees it.
    pub(crate) qp: u8,
    /// Blocks with transform coefficient levels.
    pub(crate) nonzero: u16,
    /// Vectors of the quadrants, of an inter macroblock.
    pub(crate) mv: [Mv; 4],
    /// Reference indices of the quadrants.
    pub(crate) refs: [u8; 4],
    /// Intra4x4PredMode or Intra8x8PredMode, or what stands in for it.
    pub(crate) modes: [u8; 16],
    /// Levels of each luma block.
    pub(crate) total: [u8; 16],
    /// Levels of each chroma block, Cb and then Cr.
    pub(crate) total_chroma: [u8; 8],
    /// transform_size_8x8_flag.
    pub(crate) transform_8x8: bool,
}

impl MbInfo {
    /// A macroblock without levels.
    pub(crate) fn new(kind: Kind, qp: u8) -> Self {
        Self {
            kind,
            qp,
            nonzero: 0,
            mv: [Mv::default(); 4],
            refs: [0; 4],
            modes: [modes::DC; 16],
            total: [0; 16],
            total_chroma: [0; 8],
            transform_8x8: false,
        }
    }

    /// I_PCM, clauses 9.2.1 and 8.7.2.2.
    pub(crate) fn pcm() -> Self {
        Self {
            total: [16; 16],
            total_chroma: [16; 8],
            ..Self::new(Kind::Pcm, 0)
        }
    }

    /// The motion of a quadrant.
    pub(crate) fn motion(&self, quadrant: usize) -> Motion {
        if self.kind.is_intra() {
            Motion::Intra
        } else {
            Motion::Inter(self.mv[quadrant], self.refs[quadrant])
        }
    }
}

/// The lowest line of a macroblock before deblocking, and what else the line below needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lower {
    pub(crate) info: MbInfo,
    pub(crate) luma: [u8; 16],
    /// Cb, then Cr.
    pub(crate) chroma: [u8; 16],
}

/// Raster index in its macroblock of the 4x4 luma block with number `i` in decoding order,
/// clause 6.4.3.
pub(crate) const fn raster(i: usize) -> usize {
    (i & 1) | ((i >> 1) & 2) | ((i << 1) & 4) | (i & 8)
}

/// Neighbours of a macroblock in its slice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Neighbours<'a> {
    pub(crate) left: Option<&'a MbInfo>,
    pub(crate) above: Option<&'a MbInfo>,
}

impl Neighbours<'_> {
    /// A property of the luma blocks left of and above block `at` of a macroblock, where
    /// `own` are those of the macroblock itself.
    #[inline(always)]
    pub(crate) fn around(
        &self,
        at: usize,
        own: &[u8; 16],
        of: impl Fn(&MbInfo) -> &[u8; 16],
    ) -> (Option<u8>, Option<u8>) {
        let left = if at % 4 > 0 {
            Some(own[at - 1])
        } else {
            self.left.map(|info| of(info)[at + 3])
        };
        let above = if at >= 4 {
            Some(own[at - 4])
        } else {
            self.above.map(|info| of(info)[at + 12])
        };
        (left, above)
    }
}

#[cfg(test)]
mod tests {
    use super::raster;

    #[test]
    fn blocks_are_numbered_by_quadrants() {
        let order: [usize; 16] = std::array::from_fn(raster);
        assert_eq!(
            order,
            [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15]
        );
    }
}
