// SPDX-License-Identifier: GPL-2.0

//! The constant-quantizer curve of an encoder: known where its runs are, since every point of it
//! is a run.

use std::ops::RangeInclusive;

use crate::judge::quality::ConstantQp;

/// Adds points until two neighbouring quantizers have `psnr` between them, or the range ends.
/// `points` are in the order of their quantizers.
pub(super) fn surround(
    points: &mut Vec<ConstantQp>,
    psnr: f64,
    range: RangeInclusive<i32>,
    mut make: impl FnMut(i32) -> Result<ConstantQp, String>,
) -> Result<(), String> {
    while let Some(next) = missing(points, psnr, &range) {
        let point = make(next)?;
        let after = points.partition_point(|other| other.qp < next);
        points.insert(after, point);
    }
    Ok(())
}

/// The quantizer that is likely to be next to the PSNR, and is not known.
fn missing(points: &[ConstantQp], psnr: f64, range: &RangeInclusive<i32>) -> Option<i32> {
    let better = points.iter().rfind(|point| point.psnr >= psnr);
    let worse = points.iter().find(|point| point.psnr < psnr);
    match (better, worse) {
        (Some(better), Some(worse)) if worse.qp - better.qp > 1 => {
            let along = (better.psnr - psnr) / (better.psnr - worse.psnr);
            let guess = f64::from(better.qp) + along * f64::from(worse.qp - better.qp);
            Some((guess.round() as i32).clamp(better.qp + 1, worse.qp - 1))
        }
        (Some(best), None) => (best.qp < *range.end()).then_some(*range.end()),
        (None, Some(worst)) => (worst.qp > *range.start()).then_some(*range.start()),
        // They are neighbours, or the PSNR does not fall with the quantizer.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(qp: i32, psnr: f64) -> ConstantQp {
        ConstantQp {
            qp,
            sizes: vec![1],
            psnr,
        }
    }

    /// Half a decibel a quantizer, and a little more when it is coarse.
    fn psnr_of(qp: i32) -> f64 {
        60.0 - 0.5 * f64::from(qp) - 0.002 * f64::from(qp).powi(2)
    }

    fn surrounded(psnr: f64) -> (Vec<i32>, usize) {
        let mut points: Vec<ConstantQp> = [20, 40].map(|qp| point(qp, psnr_of(qp))).to_vec();
        let mut made = 0;
        let result = surround(&mut points, psnr, 1..=51, |qp| {
            made += 1;
            Ok(point(qp, psnr_of(qp)))
        });
        assert_eq!(result, Ok(()));
        (points.iter().map(|point| point.qp).collect(), made)
    }

    #[test]
    fn neighbours_are_found_in_a_few_runs() {
        for psnr in [31.0, 40.0, 44.5, 49.1] {
            let (qps, made) = surrounded(psnr);
            let above = qps.iter().rposition(|&qp| psnr_of(qp) >= psnr);
            let above = above.expect("20 or finer is better");
            assert_eq!(qps[above] + 1, qps[above + 1], "{psnr}: {qps:?}");
            assert!(made <= 4, "{psnr}: {qps:?}");
        }
    }

    #[test]
    fn the_range_ends() {
        assert_eq!(surrounded(70.0).0, [1, 20, 40]);
        assert_eq!(surrounded(10.0).0, [20, 40, 51]);
    }

    #[test]
    fn a_curve_that_rises_is_left_alone_and_errors_are_told() {
        let mut points = vec![point(20, 30.0), point(40, 35.0)];
        assert_eq!(
            surround(&mut points, 32.0, 1..=51, |_| unreachable!("no")),
            Ok(())
        );
        let failed = surround(&mut points, 50.0, 1..=51, |_| Err("no".to_owned()));
        assert_eq!((failed, points.len()), (Err("no".to_owned()), 2));
    }
}
