// SPDX-License-Identifier: GPL-2.0

//! PSNR, and the rate lost against constant QP.

use super::statistics::mean;
use crate::frame::Record;

/// A run at a constant QP.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ConstantQp {
    /// On the scale of the controllers.
    pub(crate) qp: i32,
    /// Size of each frame in bits.
    pub(crate) sizes: Vec<u64>,
    /// Mean PSNR in dB.
    pub(crate) psnr: f64,
}

impl ConstantQp {
    /// Bits of all frames.
    pub(crate) fn bits(&self) -> f64 {
        self.sizes.iter().sum::<u64>() as f64
    }
}

/// Mean PSNR of the frames.
pub(crate) fn psnr(records: &[Record]) -> f64 {
    let all: Vec<f64> = records.iter().map(|record| record.psnr).collect();
    mean(&all)
}

/// L: bits of a run of this mean PSNR above those of constant QP, in percent. The curve is
/// interpolated linearly in the logarithm of the bits; `None` outside of it.
pub(crate) fn loss(bits: f64, psnr: f64, curve: &[ConstantQp]) -> Option<f64> {
    let mut points: Vec<(f64, f64)> = curve.iter().map(|p| (p.psnr, p.bits().ln())).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.windows(2).find_map(|pair| {
        let ((low, low_bits), (high, high_bits)) = (pair[0], pair[1]);
        if !(low <= psnr && psnr <= high && low < high) {
            return None;
        }
        let along = (psnr - low) / (high - low);
        let equal = low_bits + along * (high_bits - low_bits);
        Some(((bits.ln() - equal).exp() - 1.0) * 100.0)
    })
}

/// Size of frame `n` at the constant QP, between two of the curve's, that gives `bits` in all;
/// the nearest end of the curve outside of it.
pub(crate) fn size_at_rate(bits: f64, n: usize, curve: &[ConstantQp]) -> f64 {
    let mut points: Vec<&ConstantQp> = curve.iter().collect();
    points.sort_by_key(|point| -point.qp);
    let size = |point: &ConstantQp| point.sizes[n].max(1) as f64;
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return 0.0;
    };
    let inside = points.windows(2).find_map(|pair| {
        let (low, high) = (pair[0].bits(), pair[1].bits());
        if !(low <= bits && bits <= high && low < high) {
            return None;
        }
        let along = (bits.ln() - low.ln()) / (high.ln() - low.ln());
        Some((size(pair[0]).ln() * (1.0 - along) + size(pair[1]).ln() * along).exp())
    });
    inside.unwrap_or_else(|| size(if bits < first.bits() { first } else { last }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve() -> Vec<ConstantQp> {
        [(20, 1600, 42.0), (26, 800, 38.0), (32, 400, 34.0)]
            .map(|(qp, size, psnr)| ConstantQp {
                qp,
                sizes: vec![3 * size, size],
                psnr,
            })
            .to_vec()
    }

    #[test]
    fn loss_by_hand() {
        let curve = curve();
        assert!(loss(3200.0, 38.0, &curve).is_some_and(|l| l.abs() < 1e-9));
        assert!(loss(3360.0, 38.0, &curve).is_some_and(|l| (l - 5.0).abs() < 1e-9));
        // Half way in PSNR is the geometric mean in bits.
        let half = 3200.0 * 2f64.sqrt();
        assert!(loss(half, 40.0, &curve).is_some_and(|l| l.abs() < 1e-9));
        assert_eq!(loss(3200.0, 50.0, &curve), None);
        assert_eq!(loss(3200.0, 30.0, &curve), None);
    }

    #[test]
    fn size_at_a_rate_by_hand() {
        let curve = curve();
        assert!((size_at_rate(3200.0, 0, &curve) - 2400.0).abs() < 1e-6);
        let half = 3200.0 * 2f64.sqrt();
        assert!((size_at_rate(half, 1, &curve) - 800.0 * 2f64.sqrt()).abs() < 1e-6);
        assert_eq!(size_at_rate(1.0, 1, &curve), 400.0);
        assert_eq!(size_at_rate(1e9, 1, &curve), 1600.0);
    }
}
