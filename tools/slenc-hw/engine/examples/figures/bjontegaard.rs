// SPDX-License-Identifier: GPL-2.0

//! The mean difference of bit rate at equal PSNR: G. Bjontegaard, "Calculation of average PSNR
//! differences between RD-curves", VCEG-M33, 2001.

/// A point of a rate-distortion curve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) kbps: f64,
    pub(crate) psnr: f64,
}

/// Rate of `curve` relative to `anchor`, in percent; negative when it needs fewer bits.
pub(crate) fn bd_rate(anchor: &[Point; 4], curve: &[Point; 4]) -> f64 {
    let bounds = |points: &[Point; 4]| {
        let psnr = points.map(|point| point.psnr);
        let low = psnr.into_iter().fold(f64::INFINITY, f64::min);
        (low, psnr.into_iter().fold(f64::NEG_INFINITY, f64::max))
    };
    let ((a_low, a_high), (low, high)) = (bounds(anchor), bounds(curve));
    let (low, high) = (a_low.max(low), a_high.min(high));
    let mean = (integral(curve, low, high) - integral(anchor, low, high)) / (high - low);
    (mean.exp() - 1.0) * 100.0
}

/// Integral of the cubic through the points, logarithm of rate over PSNR. Simpson's rule is
/// exact for it.
fn integral(points: &[Point; 4], low: f64, high: f64) -> f64 {
    let middle = (low + high) / 2.0;
    let sum = cubic(points, low) + 4.0 * cubic(points, middle) + cubic(points, high);
    sum * (high - low) / 6.0
}

fn cubic(points: &[Point; 4], psnr: f64) -> f64 {
    points
        .iter()
        .enumerate()
        .map(|(i, point)| {
            let others = points.iter().enumerate().filter(|&(j, _)| j != i);
            let weight: f64 = others
                .map(|(_, other)| (psnr - other.psnr) / (point.psnr - other.psnr))
                .product();
            weight * point.kbps.ln()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_ratio_is_found() {
        let anchor = [(900.0, 41.0), (400.0, 38.0), (200.0, 35.5), (110.0, 33.0)]
            .map(|(kbps, psnr)| Point { kbps, psnr });
        let half = anchor.map(|point| Point {
            kbps: point.kbps / 2.0,
            ..point
        });
        assert!((bd_rate(&anchor, &half) + 50.0).abs() < 1e-9);
        assert!((bd_rate(&half, &anchor) - 100.0).abs() < 1e-9);
    }
}
