// SPDX-License-Identifier: GPL-2.0

//! Gates of the scenarios of the reference that the project states none for: the scoreboard's own,
//! each with its reason.

use super::Gates;
use crate::judge::metrics::Metrics;
use crate::scenario::Scenario;

/// The gates of a scenario.
pub(super) fn own(gates: &mut Gates, scenario: &Scenario, metrics: &Metrics) {
    let violations = metrics.violations as f64;
    let error = metrics.rate_error.unwrap_or(0.0).abs();
    match scenario.id {
        // An estimator that sees its packets late by more than this backs off again.
        "S9" => {
            gates.most("S9: delay ms", metrics.delay_ms, 300.0);
            gates.most("S9: rate error %", error, 3.0);
        }
        // The rate is per second, whatever the frames: twice the gate of steady ones.
        "S10" => {
            let worst = metrics.window_high.max(-metrics.window_low);
            gates.most("S10: 1-s window %", worst, 16.0);
            gates.most("S10: violations", violations, 0.0);
        }
        // A promise with the lever; else one in a hundred, as with checkpoints of 1.1 frames. Of
        // the I frames of half a minute that is none.
        "S3" | "S16" => {
            let (limit, lever) = match scenario.levers.hard_max {
                true => (0.0, ", hard maximum"),
                false => (1.0, ""),
            };
            for (kind, above) in ["I", "P"].into_iter().zip(metrics.above_limit) {
                if let Some(above) = above {
                    let name = format!("{}: {kind} frames above their limit %{lever}", scenario.id);
                    gates.most(&name, above, limit);
                }
            }
        }
        // Refresh replaces the key frames, and with them the peaks.
        "S17" => gates.most(
            "S17: delay in intervals",
            metrics.steady_delay_intervals,
            4.5,
        ),
        // A second at a QP that is too fine owes a few seconds; they are repaid, and nothing is
        // built up meanwhile.
        "S18" => {
            gates.most("S18: recovered after ms", slowest(metrics), 8000.0);
        }
        // Eight frames late costs at most eight frames more. What is not stationary is coded
        // for eight frames as if nothing had happened: its violations are reported.
        "S20" => {
            gates.most("S20: rate error %", error, 2.0);
            if metrics.stationary {
                gates.most("S20: violations", violations, 0.0);
                let delay = metrics.steady_delay_intervals;
                gates.most("S20: delay in intervals", delay, 12.5);
            }
        }
        // The channel never idles: less than a filler unit is carried over.
        "S21" => {
            gates.most("S21: idle %", metrics.idle, 0.1);
            gates.most("S21: violations", violations, 0.0);
        }
        // Noise after black is the largest cut there is: as a blind cut at CPB 500 ms.
        "S22" => gates.most(
            "S22: violations",
            violations,
            2.0 * metrics.cuts.len() as f64,
        ),
        // Another scale is no excuse.
        "S23" => {
            gates.most("S23: rate error %", error, 1.0);
            gates.most("S23: violations", violations, 0.0);
        }
        _ => {}
    }
}

/// The longest time after a change until the delay is low again, in ms.
pub(super) fn slowest(metrics: &Metrics) -> f64 {
    let times = metrics.recoveries_ms.iter();
    let slowest = times.map(|time| time.unwrap_or(f64::INFINITY));
    // A run without a change has recovered from nothing.
    slowest.reduce(f64::max).unwrap_or(f64::INFINITY)
}
