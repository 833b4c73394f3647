// SPDX-License-Identifier: GPL-2.0

//! The floor with CAVLC: the most bits of a run of macroblocks that take their least.

use crate::bits::ue_bits;
use crate::budget::Floor;

/// rbsp_trailing_bits().
const TRAILING: u64 = 8;

/// mb_type, intra_chroma_pred_mode, mb_qp_delta and coeff_token of Intra_16x16 with DC prediction
/// and no levels around it.
const INTRA: u64 = 5 + 1 + 1 + 1;

/// What the longest coeff_token of no levels has more, where there are many around (Table 9-5).
const LONG_TOKEN: u64 = 6 - 1;

/// The floor of the next `mbs` macroblocks of a P slice behind `skips` that are skipped and not
/// written yet, and the end of the slice.
pub(crate) fn of_p(skips: usize, mbs: usize) -> Floor {
    let run = match skips + mbs {
        0 => 0,
        run => ue_bits(run as u32),
    };
    Floor {
        bits: u64::from(run) + TRAILING,
        ..Floor::default()
    }
}

/// The floor of the next `mbs` macroblocks of an I slice, `near` of which are next to some with
/// levels, and the end of the slice.
///
/// The longest run of zeros is that of four in coeff_token, which is not enough for a byte.
pub(crate) fn of_i(mbs: usize, near: usize) -> Floor {
    Floor {
        bits: INTRA * mbs as u64 + LONG_TOKEN * near.min(mbs) as u64 + TRAILING,
        no_zeros: true,
        ..Floor::default()
    }
}
