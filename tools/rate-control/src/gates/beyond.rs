// SPDX-License-Identifier: GPL-2.0

//! Gates of the scenarios beyond the reference, X1 to X14: what must hold when things happen that
//! no rate control is made for. Each is stated with its reason.

use super::own::slowest;
use super::Gates;
use crate::judge::metrics::Metrics;
use crate::scenario::Scenario;

/// The gates of a scenario.
pub(super) fn beyond(gates: &mut Gates, scenario: &Scenario, metrics: &Metrics) {
    let violations = metrics.violations as f64;
    let error = metrics.rate_error.unwrap_or(0.0).abs();
    match scenario.id {
        // What the smaller buffer forces is forced; the rest is as at a half.
        "X1" => {
            let unforced = metrics.settlings.iter().map(|s| s.violations[1]);
            let unforced = unforced.sum::<usize>() as f64;
            gates.most("X1: violations, not forced", unforced, 0.0);
            gates.most("X1: rate error %", error, 1.0);
        }
        // Nothing has changed: what was not sent in the pause is not owed. As in a GOP of 60.
        "X2" => {
            let delay = metrics.steady_delay_intervals;
            gates.most("X2: delay in intervals after a pause", delay, 7.5);
            gates.most("X2: violations", violations, 0.0);
        }
        // The rate is one of seconds, not of frames.
        "X3" => {
            gates.most("X3: rate error %", error, 1.0);
            gates.most("X3: violations", violations, 0.0);
        }
        // 150 frames to learn from instead of 750: twice that.
        "X4" => {
            gates.most("X4: rate error %", error, 2.0);
            gates.most("X4: violations", violations, 0.0);
        }
        // Two key frames half a second apart: the second is paid for as well. 350 ms is the gate of
        // a cut that is known.
        "X5" => {
            gates.most("X5: delay ms", metrics.delay_ms, 350.0);
            gates.most("X5: violations", violations, 0.0);
        }
        // Motion after stillness is a cut that nobody has marked, once a minute.
        "X6" | "X8" => {
            let name = format!("{}: violations", scenario.id);
            let minutes = scenario.seconds.div_ceil(60);
            let onsets = if scenario.id == "X6" { minutes } else { 1 };
            gates.most(&name, violations, 2.0 * onsets as f64);
        }
        // Little to spend is no excuse.
        "X7" => {
            gates.most("X7: rate error %", error, 1.0);
            gates.most("X7: violations", violations, 0.0);
        }
        // Frames are a second each, and may take as long.
        "X9" => {
            gates.most("X9: delay in intervals", metrics.delay_intervals, 4.0);
            gates.most("X9: drops", metrics.drops as f64, 0.0);
        }
        // As after a time at other QPs.
        "X10" => {
            gates.most("X10: recovered after ms", slowest(metrics), 8000.0);
            gates.most("X10: violations", violations, 0.0);
        }
        // Two frames in fifty are told wrong: as with jitter.
        "X11" => {
            let worst = metrics.window_high.max(-metrics.window_low);
            gates.most("X11: 1-s window %", worst, 16.0);
            gates.most("X11: rate error %", error, 1.0);
            gates.most("X11: violations", violations, 0.0);
        }
        // Such a frame costs no more than a key frame: as in a GOP of 60, unless there are cuts.
        "X12" if metrics.cuts.is_empty() => {
            let delay = metrics.steady_delay_intervals;
            gates.most("X12: delay in intervals", delay, 7.5);
            gates.most("X12: violations", violations, 0.0);
        }
        "X12" => gates.most("X12: violations", violations, 0.0),
        // The buffer holds a frame: what does not fit it is coarser, not skipped, but for one in a
        // hundred.
        "X13" => {
            let share = 100.0 / metrics.frames.max(1) as f64;
            gates.most("X13: drops %", share * metrics.drops as f64, 1.0);
            gates.most("X13: violations %", share * violations, 1.0);
        }
        // A stream of another size begins as any does.
        "X14" => {
            gates.most("X14: I in b", metrics.i_max, 4.5);
            gates.most("X14: rate error %", error, 1.0);
            gates.most("X14: violations", violations, 0.0);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::{gates, Reference};
    use super::*;
    use crate::judge::metrics::measure;
    use crate::judge::samples;
    use crate::scenario::list::SCENARIOS;

    #[test]
    fn each_has_a_gate_that_can_be_missed() {
        let configs = [samples::config(25_000, 3000)];
        let mut sizes = [1000; 300];
        let good = measure(&samples::records(&sizes), &configs, &[]);
        sizes[200..].fill(2500);
        let mut bad = measure(&samples::records(&sizes), &configs, &[]);
        bad.drops = 1;
        for scenario in SCENARIOS.iter().filter(|s| s.id.starts_with('X')) {
            let met = |metrics: &Metrics| -> Vec<bool> {
                let gates = gates(scenario, metrics, 25.0, &Reference::default());
                gates.iter().map(|gate| gate.met).collect()
            };
            let of_bad = met(&bad);
            assert!(of_bad.contains(&false), "{}", scenario.id);
            // Nothing recovers that has not changed.
            if scenario.id != "X10" {
                assert!(met(&good).iter().all(|&met| met), "{}", scenario.id);
            }
        }
    }
}
