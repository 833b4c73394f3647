// SPDX-License-Identifier: GPL-2.0

//! QP of rows of macroblocks, from the bits of the rows before.
//!
//! Bits halve with every 6 QPs. What the coded rows would have had at the picture's QP, against the
//! plan, tells what the others will have; the plan itself counts for some more rows. Their
//! expected size against what is left of the target, or of the maximum, gives QP.

use crate::in_frame::{Checkpoint, Correction, InFrame};

/// Weight of the plan against what was measured: a part of the target.
const PRIOR_SHIFT: u32 = 4;

/// Parts of the expected rest and of the maximum that are kept in reserve below the maximum.
const REST_RESERVE_SHIFT: u32 = 4;
const MAX_RESERVE_SHIFT: u32 = 6;

/// Difference of QP in 256ths below which nothing is corrected: steps to and fro cost more than
/// they gain.
const DEAD_ZONE: i64 = 180;

/// Bits of a row where there is no plan, which only stand for their ratio.
const UNPLANNED_ROW: u64 = 1 << 10;

/// 2^(i/6) in 4096ths.
const SIXTHS: [u64; 6] = [4096, 4598, 5161, 5793, 6502, 7298];

/// The QP of rows of a picture.
#[derive(Clone, Debug)]
pub(crate) struct RowControl {
    height: u32,
    /// QP of the picture.
    base: u8,
    /// QP of the row.
    qp: u8,
    /// Bits coded before the row.
    coded: u64,
    /// Planned bits of the rows that were measured.
    planned: u64,
    /// Their bits as they would be with the picture's QP.
    measured: u64,
}

impl RowControl {
    /// Begins a picture with its QP.
    pub(crate) fn new(qp: u8, height_mbs: usize) -> Self {
        Self {
            height: height_mbs as u32,
            base: qp,
            qp,
            coded: 0,
            planned: 0,
            measured: 0,
        }
    }

    /// Gives the QP of row `y`, before which `coded` bits were coded. The row before tells nothing
    /// about the others if it was `cut` by the maximum.
    pub(crate) fn next(&mut self, control: &InFrame<'_>, y: u32, coded: u64, cut: bool) -> u8 {
        let Some(before) = y.checked_sub(1) else {
            return self.qp;
        };
        if !cut {
            let bits = coded.saturating_sub(self.coded);
            self.planned += self.plan(control, y) - self.plan(control, before);
            self.measured += at_other_qp(bits, self.qp, self.base);
        }
        self.coded = coded;
        let is_due = match control.correction {
            Correction::Rows => true,
            Correction::Checkpoints => control.checkpoints.iter().any(|point| point.row == y),
        };
        if is_due {
            self.correct(control, y);
        }
        self.qp
    }

    fn correct(&mut self, control: &InFrame<'_>, y: u32) {
        let rest = self.expected_rest(control, y);
        if rest == 0 {
            return;
        }
        let base = 256 * i64::from(self.base);
        let left = |of: u32| u64::from(of).saturating_sub(self.coded);
        let mut wanted = base;
        if control.target_bits > 0 {
            let gain = i64::from(control.gain);
            wanted += qp_of_ratio(rest, left(control.target_bits)) * gain / 256;
        }
        let step = 256 * i64::from(control.max_step);
        let present = 256 * i64::from(self.qp);
        wanted = wanted.clamp(present - step, present + step);
        if control.max_bits > 0 {
            let rest = rest + (rest >> REST_RESERVE_SHIFT);
            let max = control.max_bits - (control.max_bits >> MAX_RESERVE_SHIFT);
            wanted = wanted.max(base + qp_of_ratio(rest, left(max)));
        }
        if (wanted - present).abs() >= DEAD_ZONE {
            let range = i64::from(control.qp_min)..=i64::from(control.qp_max);
            self.qp = ((wanted + 128) >> 8).clamp(*range.start(), *range.end()) as u8;
        }
    }

    /// Bits of row `y` and those after it as they would be with the picture's QP.
    fn expected_rest(&self, control: &InFrame<'_>, y: u32) -> u64 {
        let prior = u64::from(control.target_bits >> PRIOR_SHIFT);
        let planned = self.planned + prior;
        if planned == 0 {
            return 0;
        }
        let rest = self.plan(control, self.height) - self.plan(control, y);
        let rest = u128::from(rest) * u128::from(self.measured + prior) / u128::from(planned);
        u64::try_from(rest).unwrap_or(u64::MAX).min(1 << 40)
    }

    /// Bits planned before row `y`.
    fn plan(&self, control: &InFrame<'_>, y: u32) -> u64 {
        if control.target_bits == 0 {
            return UNPLANNED_ROW * u64::from(y);
        }
        let end = Checkpoint {
            row: self.height,
            bits: control.target_bits,
        };
        let mut before = Checkpoint::default();
        for &point in control.checkpoints.iter().chain([&end]) {
            if y <= point.row {
                let rows = u64::from(point.row - before.row).max(1);
                let bits = u64::from(point.bits - before.bits);
                return u64::from(before.bits) + bits * u64::from(y - before.row) / rows;
            }
            before = point;
        }
        end.bits.into()
    }
}

/// Bits of what has `bits` with a QP, with another.
fn at_other_qp(bits: u64, qp: u8, other: u8) -> u64 {
    let difference = i32::from(qp) - i32::from(other);
    let scaled = (bits * SIXTHS[difference.rem_euclid(6) as usize]) >> 12;
    match difference.div_euclid(6) {
        octaves @ 0.. => scaled << octaves,
        octaves => scaled >> -octaves,
    }
}

/// Difference of QP in 256ths that makes `have` out of `want`: 6 log2(want / have), 60 at most.
fn qp_of_ratio(want: u64, have: u64) -> i64 {
    let have = have.max(want >> 10).max(1);
    6 * (log2(want.max(1)) - log2(have))
}

/// log2 in 256ths, of 1 at least.
fn log2(value: u64) -> i64 {
    let whole = value.ilog2();
    // The part behind the highest bit in 256ths, and the parabola that fits it to a fiftieth.
    let part = (((u128::from(value) << 8) >> whole) & 255) as i64;
    256 * i64::from(whole) + part + ((part * (256 - part) * 88) >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: [Checkpoint; 2] = [
        Checkpoint { row: 2, bits: 1000 },
        Checkpoint { row: 8, bits: 7000 },
    ];

    fn control() -> InFrame<'static> {
        InFrame {
            correction: Correction::Rows,
            checkpoints: &POINTS,
            target_bits: 8000,
            qp_min: 10,
            qp_max: 45,
            max_step: 4,
            gain: 256,
            ..InFrame::default()
        }
    }

    /// Codes ten rows whose bits at QP 30 are given; gives their QPs and the sum of their bits.
    fn run(control: &InFrame<'_>, at_30: impl Fn(u32) -> u64) -> (Vec<u8>, u64) {
        let mut rows = RowControl::new(30, 10);
        let mut coded = 0;
        let qps = (0..10)
            .map(|y| {
                let qp = rows.next(control, y, coded, false);
                coded += at_other_qp(at_30(y), 30, qp);
                qp
            })
            .collect();
        (qps, coded)
    }

    /// What [`control`] plans.
    fn planned(y: u32) -> u64 {
        match y {
            0..2 => 500,
            2..8 => 1000,
            _ => 500,
        }
    }

    #[test]
    fn logarithms() {
        for value in 1..100_000u64 {
            let exact = 256.0 * (value as f64).log2();
            assert!((log2(value) as f64 - exact).abs() < 5.0, "{value}");
        }
        assert_eq!(qp_of_ratio(400, 100), 12 * 256);
        assert_eq!(qp_of_ratio(100, 400), -12 * 256);
        assert_eq!(qp_of_ratio(1 << 20, 0), 60 * 256);
    }

    #[test]
    fn bits_halve_in_six() {
        assert_eq!(at_other_qp(1000, 24, 30), 500);
        assert_eq!(at_other_qp(1000, 36, 30), 2000);
        assert_eq!(at_other_qp(1000, 31, 30), 1122);
        assert_eq!(at_other_qp(1000, 0, 51), 2);
    }

    #[test]
    fn what_goes_to_plan_is_not_corrected() {
        let (qps, coded) = run(&control(), planned);
        assert_eq!((qps, coded), (vec![30; 10], 8000));
    }

    #[test]
    fn the_target_is_met() {
        for (times, error) in [(2, 1200), (4, 3000)] {
            let (qps, coded) = run(&control(), |y| times * planned(y));
            assert!(coded.abs_diff(8000) < error, "{qps:?} {coded}");
            assert!(qps.windows(2).all(|pair| pair[0].abs_diff(pair[1]) <= 4));
        }
        let (qps, coded) = run(&control(), |y| planned(y) / 2);
        assert!(coded.abs_diff(8000) < 1200, "{qps:?} {coded}");
    }

    #[test]
    fn gain_is_a_share() {
        let control = InFrame {
            gain: 0,
            ..control()
        };
        assert_eq!(run(&control, |y| 4 * planned(y)).0, [30; 10]);
    }

    #[test]
    fn checkpoints_are_where_qp_changes() {
        let control = InFrame {
            correction: Correction::Checkpoints,
            ..control()
        };
        let (qps, _) = run(&control, |y| 2 * planned(y));
        let changes: Vec<usize> = (1..10).filter(|&y| qps[y] != qps[y - 1]).collect();
        assert_eq!(changes, [2, 8]);
    }

    #[test]
    fn the_maximum_is_kept_in_larger_steps() {
        let control = InFrame {
            gain: 0,
            max_step: 1,
            max_bits: 9000,
            ..control()
        };
        assert_eq!(run(&control, planned).0, [30; 10]);
        let (qps, coded) = run(&control, |y| 4 * planned(y));
        assert!(coded < 9000, "{qps:?} {coded}");
    }

    #[test]
    fn without_a_plan_rows_count_alike() {
        let control = InFrame {
            target_bits: 0,
            checkpoints: &[],
            max_bits: 9000,
            ..control()
        };
        assert_eq!(run(&control, |_| 800).0, [30; 10]);
        let (qps, coded) = run(&control, |_| 2000);
        assert!(coded < 9000, "{qps:?} {coded}");
    }

    #[test]
    fn limits_of_qp_are_kept() {
        let control = control();
        assert_eq!(run(&control, |_| 1 << 20).0[9], 45);
        assert_eq!(run(&control, |_| 1).0[9], 10);
    }

    #[test]
    fn rows_that_were_cut_tell_nothing() {
        let control = control();
        let mut rows = RowControl::new(30, 10);
        assert_eq!(rows.next(&control, 0, 0, false), 30);
        assert_eq!(rows.next(&control, 1, 500, false), 30);
        assert_eq!(rows.next(&control, 3, 500, true), 28);
        assert_eq!(rows.planned, 500);
    }
}
