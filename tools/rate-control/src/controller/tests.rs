// SPDX-License-Identifier: GPL-2.0

//! The controllers on an encoder whose sizes follow the QP exactly.

use super::*;
use crate::judge::samples;

const P: Input = Input {
    key: false,
    forced: false,
    layer: 0,
    distance: 1,
    elapsed: 40_000_000,
    duration: 40_000_000,
    refresh_mbs: 0,
    activity: None,
};

/// Sizes of the frames of `controller` when a P frame takes `bits` at QP 30.
fn sizes(controller: &mut dyn RateController, count: usize, bits: f64) -> Vec<f64> {
    let mut sizes = Vec::new();
    for n in 0..count {
        let decision = controller.begin(&Input { key: n == 0, ..P });
        let base = if n == 0 { 8.0 * bits } else { bits };
        let size = base * (-f64::from(decision.qp - 30) / 6.0).exp2();
        let coded = Coded {
            bits: size as u64,
            header_bits: 40,
            nonzero: 0,
            mean_qp: f64::from(decision.qp),
            forced_skip_mbs: 0,
            psnr: 40.0,
        };
        controller.end(&coded);
        controller.commit(coded.bits);
        sizes.push(size);
    }
    sizes
}

#[test]
fn the_sliding_budget_has_its_bias() {
    // s = 0.8 (2b - s) holds at 0.889 b; QP is whole, so that it hunts around.
    let config = samples::config(250_000, 250_000);
    let sizes = sizes(&mut SlidingBudget::new(&config), 1000, 20_000.0);
    let mean = sizes[200..].iter().sum::<f64>() / 800.0 / 10_000.0;
    assert!((0.85..0.95).contains(&mean), "{mean}");
}

#[test]
fn the_log_domain_meets_the_rate() {
    let config = samples::config(250_000, 250_000);
    for bits in [500.0, 5_000.0, 20_000.0, 60_000.0] {
        let sizes = sizes(&mut LogDomain::new(&config), 1000, bits);
        let mean = sizes[200..].iter().sum::<f64>() / 800.0 / 10_000.0;
        assert!((mean - 1.0).abs() < 0.02, "{bits}: {mean}");
    }
}

#[test]
fn limits_of_qp_hold() {
    let config = Config {
        min_qp: 28,
        max_qp: 31,
        ..samples::config(250_000, 250_000)
    };
    for kind in [Kind::Builtin, Kind::K, Kind::Log] {
        for (bits, limit) in [(100.0, 28), (1e6, 31)] {
            let mut controller = kind.create(&config);
            sizes(controller.as_mut(), 100, bits);
            assert_eq!(controller.begin(&P).qp, limit, "{}", kind.name());
        }
    }
}

#[test]
fn a_picture_that_does_not_fit_is_replaced_when_it_can_be() {
    for post_skip in [true, false] {
        let mut config = Config {
            skip: true,
            max_consecutive_skips: 2,
            ..samples::config(250_000, 125_000)
        };
        config.levers.post_skip = post_skip;
        let mut controller = LogDomain::new(&config);
        sizes(&mut controller, 100, 5_000.0);
        controller.begin(&P);
        let coded = Coded {
            bits: 130_000,
            header_bits: 40,
            nonzero: 0,
            mean_qp: 30.0,
            forced_skip_mbs: 0,
            psnr: 40.0,
        };
        assert_eq!(controller.end(&coded).replace, post_skip);
    }
}
