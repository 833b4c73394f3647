// SPDX-License-Identifier: GPL-2.0

//! Whether content is stationary, judged by its frames at a constant QP.

use super::statistics::{deviation, percentile};

/// P sizes of a standard deviation of at most half a binary order, none above 3 times the
/// median, at 20 fps or more. `sizes` are those of P frames at a constant QP.
pub(crate) fn is_stationary(sizes: &[u64], fps: f64) -> bool {
    let logs: Vec<f64> = sizes.iter().map(|&s| (s.max(1) as f64).log2()).collect();
    let median = percentile(&logs, 0.5);
    fps >= 20.0
        && !logs.is_empty()
        && deviation(&logs) <= 0.5
        && logs.iter().all(|&log| log <= median + 3f64.log2() + 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert!(is_stationary(&[100; 10], 25.0));
        assert!(!is_stationary(&[100; 10], 15.0));
        assert!(!is_stationary(&[], 25.0));
        // +-0.5 binary orders.
        assert!(is_stationary(&[1000, 1998, 1000, 1998], 25.0));
        assert!(!is_stationary(&[1000, 2100, 1000, 2100], 25.0));
        let mut one_high = [1000; 100];
        one_high[50] = 3000;
        assert!(is_stationary(&one_high, 25.0));
        one_high[50] = 3100;
        assert!(!is_stationary(&one_high, 25.0));
    }
}
