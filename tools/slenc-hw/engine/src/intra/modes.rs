// SPDX-License-Identifier: GPL-2.0

//! What Intra_4x4 and Intra_8x8 have in common: the modes of a block and the choice among them,
//! ITU-T H.264 clauses 8.3.1 and 8.3.2.

/// Number of prediction modes.
pub(crate) const MODES: usize = 9;

/// Intra4x4PredMode and Intra8x8PredMode of DC, Tables 8-2 and 8-3.
pub(crate) const DC: u8 = 2;

pub(super) const VERTICAL: usize = 0;
pub(super) const HORIZONTAL: usize = 1;

/// Bits of prev_intra4x4_pred_mode_flag, and of rem_intra4x4_pred_mode with it; those of 8x8 have
/// the same.
const SAME_BITS: u32 = 1;
const OTHER_BITS: u32 = 4;

/// Samples around a block.
///
/// In one line: from the lowest on the left, over the corner, to the last above right. The
/// directional modes then read along it. The corner is available if both sides are, since slices
/// are whole rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<const SAMPLES: usize> {
    /// The line of samples; those not available hold anything.
    pub(crate) line: [u8; SAMPLES],
    /// The samples on the left are available.
    pub(crate) left: bool,
    /// The samples above are available; those above right are then, or repeat the last.
    pub(crate) above: bool,
}

impl<const SAMPLES: usize> Around<SAMPLES> {
    /// Modes whose samples are available, a bit each.
    fn allowed(&self) -> u16 {
        const DC_BIT: u16 = 1 << DC;
        match (self.left, self.above) {
            (true, true) => 0x1ff,
            (true, false) => DC_BIT | (1 << HORIZONTAL) | (1 << 8),
            (false, true) => DC_BIT | (1 << VERTICAL) | (1 << 3) | (1 << 7),
            (false, false) => DC_BIT,
        }
    }

    /// The mode that costs least by the distortion of each and its bits, and that cost.
    #[inline(always)]
    pub(super) fn choose(
        &self,
        distortion: &[u32; MODES],
        predicted: u8,
        lambda: u32,
    ) -> (u8, u32) {
        let allowed = self.allowed();
        let (mut best, mut cost) = (DC, u32::MAX);
        for mode in (0..MODES as u8).filter(|mode| (allowed >> mode) & 1 != 0) {
            let bits = if mode == predicted {
                SAME_BITS
            } else {
                OTHER_BITS
            };
            let with_bits = distortion[usize::from(mode)] + lambda * bits;
            if with_bits < cost {
                (best, cost) = (mode, with_bits);
            }
        }
        (best, cost)
    }
}

/// The mode predicted from those of the blocks on the left and above.
pub(super) fn predicted(around: (Option<u8>, Option<u8>)) -> u8 {
    match around {
        (Some(left), Some(above)) => left.min(above),
        _ => DC,
    }
}

/// rem_intra4x4_pred_mode or rem_intra8x8_pred_mode of a mode that is not the predicted one.
pub(super) fn remaining(mode: u8, predicted: u8) -> Option<u8> {
    (mode != predicted).then(|| mode - u8::from(mode > predicted))
}

/// The block of `SIDE` columns at `at` of a macroblock's luma.
pub(super) fn block_at<const SIDE: usize, const SAMPLES: usize>(
    samples: &[u8; 256],
    at: usize,
) -> [u8; SAMPLES] {
    std::array::from_fn(|i| samples[at + i / SIDE * 16 + i % SIDE])
}

/// Puts a block of `SIDE` columns at `at` of a macroblock's luma.
pub(super) fn set_block<const SIDE: usize>(samples: &mut [u8; 256], at: usize, block: &[u8]) {
    for (i, line) in block.chunks_exact(SIDE).enumerate() {
        samples[at + 16 * i..][..SIDE].copy_from_slice(line);
    }
}

#[cfg(test)]
mod tests {
    use super::{predicted, remaining, Around, DC};

    #[test]
    fn the_cheapest_mode_that_is_available() {
        let mut around = Around {
            line: [0; 13],
            left: true,
            above: true,
        };
        let distortion = [10, 20, 30, 40, 5, 60, 70, 80, 9];
        assert_eq!(around.choose(&distortion, 0, 0), (4, 5));
        // Three bits more are worth more than the difference.
        assert_eq!(around.choose(&distortion, 0, 2), (0, 12));
        around.above = false;
        assert_eq!(around.choose(&distortion, 0, 1), (8, 13));
        around.left = false;
        assert_eq!(around.choose(&distortion, DC, 1), (DC, 31));
    }

    #[test]
    fn modes_as_the_syntax_has_them() {
        assert_eq!(predicted((Some(4), Some(1))), 1);
        assert_eq!(predicted((None, Some(1))), DC);
        assert_eq!(remaining(3, 3), None);
        assert_eq!(remaining(2, 3), Some(2));
        assert_eq!(remaining(8, 3), Some(7));
    }
}
