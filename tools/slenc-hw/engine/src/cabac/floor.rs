// SPDX-License-Identifier: GPL-2.0

//! Most bits of a run of macroblocks that take their least.
//!
//! Each of their contexts then sees one value only. A bin costs log2 of what the range becomes
//! less (clause 9.3.4.2), which is at most that of the worst range in the quarter; with each
//! bin the context comes nearer to the state where that value costs least. So many macroblocks
//! cost that least each, and once what each context costs on its way there.

use super::arithmetic::NEXT;
use super::tables::{CONTEXTS, RANGE_LPS};
use super::{Cabac, Context};
use crate::budget::Floor;
use crate::PictureType;

/// Fractions of a bit.
const ONE: u32 = 1 << 12;

/// Most bits of a bin that is not 0 or 1 by context: end_of_slice_flag, or the bin of mb_type that
/// tells of I_PCM.
const TERMINATE: u32 = cost(256, 254);

/// Bits up to the end of a slice: those of a last terminating bin and of flushing (clause 9.3.4.5),
/// a fraction of one, and up to a whole byte.
const END: u64 = 7 + 2 + 1 + 7;

/// log2(from / to), rounded up.
const fn cost(from: u32, to: u32) -> u32 {
    // Squaring doubles the logarithm: bit by bit.
    let (mut whole, mut to) = (0, to);
    while 2 * to <= from {
        to *= 2;
        whole += 1;
    }
    // from / to as 1.31, rounded up.
    let mut ratio = ((from as u64) << 31).div_ceil(to as u64);
    let mut fraction = 0;
    let mut i = 0;
    while i < 12 {
        ratio = (ratio * ratio).div_ceil(1 << 31);
        fraction *= 2;
        if ratio >= 1 << 32 {
            ratio = ratio.div_ceil(2);
            fraction += 1;
        }
        i += 1;
    }
    whole * ONE + fraction + 1
}

/// Most bits of a bin that is 1, by context; of 0 it is that of the other value of valMPS.
static COST: [u32; 128] = {
    let mut costs = [0; 128];
    let mut context = 0;
    while context < 128 {
        let mut quarter = 0;
        while quarter < 4 {
            let lowest = 256 + 64 * quarter as u32;
            let lps = RANGE_LPS[context >> 1][quarter] as u32;
            let of_quarter = match context & 1 {
                1 => cost(lowest, lowest - lps),
                _ => cost(lowest + 63, lps),
            };
            if of_quarter > costs[context] {
                costs[context] = of_quarter;
            }
            quarter += 1;
        }
        context += 1;
    }
    costs
};

/// What a bin that is 1 costs least.
const LEAST: u32 = COST[2 * 62 + 1];

/// Most bits that a run of bins of 1 costs more than its least, by the context it begins with.
static WAY: [u32; 128] = {
    let mut ways = [0; 128];
    let mut begin = 0;
    while begin < 126 {
        let mut context = begin;
        while context != 2 * 62 + 1 {
            ways[begin] += COST[context] - LEAST;
            context = NEXT[1][context] as usize;
        }
        begin += 1;
    }
    ways
};

/// Contexts and values of the bins of P_Skip: mb_skip_flag.
const OF_P: [(usize, bool); 3] = [(11, true), (12, true), (13, true)];
/// Bins that each P_Skip has, with end_of_slice_flag, and how many of them are terminating.
const BINS_OF_P: (u64, u64) = (2, 1);

/// The same of Intra_16x16 with DC prediction in an I slice: mb_type, intra_chroma_pred_mode, mb_qp_delta
/// and coded_block_flag.
const OF_I: [(usize, bool); 16] = [
    (3, true),
    (4, true),
    (5, true),
    (6, false),
    (7, false),
    (9, true),
    (10, false),
    (64, false),
    (65, false),
    (66, false),
    (60, false),
    (61, false),
    (85, false),
    (86, false),
    (87, false),
    (88, false),
];
/// One for each group of contexts, the bin that tells of I_PCM and end_of_slice_flag.
const BINS_OF_I: (u64, u64) = (10, 2);

/// The floor of `mbs` macroblocks and the end of the slice.
fn floor(contexts: &[Context; CONTEXTS], picture_type: PictureType, mbs: usize) -> Floor {
    let (used, (bins, terminating)) = match picture_type {
        PictureType::P => (&OF_P[..], BINS_OF_P),
        PictureType::I => (&OF_I[..], BINS_OF_I),
    };
    let mbs = mbs as u64;
    let each = (bins - terminating) * u64::from(LEAST) + terminating * u64::from(TERMINATE);
    let way = used
        .iter()
        .map(|&(at, bin)| u64::from(WAY[usize::from(contexts[at] ^ u8::from(!bin))]));
    let way: u64 = if mbs > 0 { way.sum() } else { 0 };
    Floor {
        bits: (mbs * each + way).div_ceil(ONE.into()) + END,
        bins: mbs * bins,
        no_zeros: false,
    }
}

impl Cabac {
    /// The floor of the next `mbs` macroblocks and the end of the slice.
    pub(crate) fn floor(&self, picture_type: PictureType, mbs: usize) -> Floor {
        floor(&self.contexts, picture_type, mbs)
    }

    /// The floor of a slice of `mbs` macroblocks.
    pub(crate) fn floor_of_slice(init_idc: Option<u8>, qp: u8, mbs: usize) -> Floor {
        let picture_type = match init_idc {
            Some(_) => PictureType::P,
            None => PictureType::I,
        };
        let contexts = super::initial_contexts(init_idc, qp);
        let mut floor = floor(&contexts, picture_type, mbs);
        // cabac_alignment_one_bit.
        floor.bits += 7;
        floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_logarithms() {
        for (from, to) in [(256, 254), (256, 128), (510, 6), (383, 27), (300, 299)] {
            let exact = f64::from(ONE) * (f64::from(from) / f64::from(to)).log2();
            let bound = f64::from(cost(from, to));
            assert!(bound >= exact && bound < exact + 3.0, "{from} {to}");
        }
    }

    #[test]
    fn least_is_least() {
        assert!(COST[..126].iter().all(|&cost| cost >= LEAST));
        assert_eq!(WAY[125], 0);
        assert!(WAY[124] > 6 * ONE);
    }

    /// Floors are what the manual says, with an emulation prevention byte for two others.
    #[test]
    fn floors_are_small() {
        let whole = |floor: Floor| (floor.bits + 16) * 3 / 2;
        for qp in 0..=51 {
            for mbs in [1, 99, 36_864] {
                let i = whole(Cabac::floor_of_slice(None, qp, mbs));
                assert!(i <= mbs as u64 / 2 + 1200, "{qp} {mbs} {i}");
                for idc in 0..3 {
                    let p = whole(Cabac::floor_of_slice(Some(idc), qp, mbs));
                    assert!(p <= mbs as u64 * 7 / 100 + 400, "{qp} {idc} {mbs} {p}");
                }
            }
        }
    }

    /// From any context, a run costs no more than is said.
    #[test]
    fn runs_keep_to_their_floor() {
        for begin in 0..126u8 {
            for range in [256, 300, 384, 447, 510] {
                for mbs in [1, 2, 7, 40, 400] {
                    let mut cabac = Cabac::default();
                    cabac.begin(&[], mbs, Some(0), 26);
                    cabac.arithmetic.set_range(range);
                    for (at, _) in OF_P {
                        cabac.contexts[at] = begin;
                    }
                    let floor = cabac.floor(PictureType::P, mbs);
                    for x in 0..mbs {
                        cabac.put_skip_flag(x, true);
                        cabac.end_macroblock(x + 1 == mbs);
                    }
                    let bits = 8 * cabac.bytes().len() as u64;
                    assert!(
                        bits <= floor.bits,
                        "{begin} {range} {mbs}: {bits} {floor:?}"
                    );
                    assert_eq!(cabac.bins(), floor.bins);
                }
            }
        }
    }
}
