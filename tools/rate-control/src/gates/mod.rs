// SPDX-License-Identifier: GPL-2.0

//! Which of the gates a run meets.
//!
//! Those of S1 to S8, S11 to S15 and S19 are the project's. The others are the scoreboard's own;
//! each is stated with its reason. Those of F1 to F7 are the public suites'.

mod beyond;
mod floor;
mod own;

use serde::Serialize;

use crate::board::QUALITY_QP;
use crate::config::{Levers, Mode};
use crate::judge::cuts::Cut;
use crate::judge::metrics::Metrics;
use crate::judge::statistics::{largest, mean};
use crate::scenario::{Cpb, Keys, Scenario};

/// A value held against its limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Gate {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) limit: f64,
    pub(crate) met: bool,
}

/// The gates of one run.
#[derive(Default)]
struct Gates(Vec<Gate>);

impl Gates {
    /// `value` must not exceed `limit`.
    fn most(&mut self, name: &str, value: f64, limit: f64) {
        self.0.push(Gate {
            name: name.to_owned(),
            value,
            limit,
            // Limits are given in decimal figures, and values are quotients.
            met: value <= limit + 1e-9,
        });
    }

    /// The largest excess of the cuts over their limits, which depend on each one's size.
    fn cuts(&mut self, name: &str, cuts: &[Cut], of: impl Fn(&Cut) -> (f64, f64)) {
        let worst = cuts.iter().map(of);
        let worst = worst.max_by(|a, b| (a.0 - a.1).total_cmp(&(b.0 - b.1)));
        if let Some((value, limit)) = worst {
            self.most(name, value, limit);
        }
    }
}

/// The largest queue delay of x264 on screen content in ms that is known, where it was not run.
const SCREEN_DELAY_MS: f64 = 915.0;

/// What x264 makes of the same content at the same rate and with the same buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reference {
    /// L in percent, against its own constant QP.
    pub(crate) loss: Option<f64>,
    pub(crate) delay_ms: Option<f64>,
}

/// All gates that apply to a run. `fps` is the frame rate at its beginning.
pub(crate) fn gates(
    scenario: &Scenario,
    metrics: &Metrics,
    fps: f64,
    reference: &Reference,
) -> Vec<Gate> {
    let mut gates = Gates::default();
    let violations = metrics.violations as f64;
    let cuts = metrics.cuts.as_slice();
    match scenario.id {
        "S1" => {
            stationary(&mut gates, scenario, metrics);
            let name = match scenario.levers {
                Levers::NONE => "violations, CPB 1000 ms".to_owned(),
                levers => format!("violations ({}), CPB 1000 ms", levers.names()),
            };
            gates.most(&name, violations, 0.0);
        }
        "S2" => {
            let allowed = 2 * cuts.len();
            gates.most("violations, CPB 500 ms", violations, allowed as f64);
        }
        "S4" => {
            if scenario.levers.hard_max {
                // Key frames included: their limit is above the floor in all of them.
                gates.most("frames outside of 1.1 b", violations, 0.0);
                gates.most("forced skips % at 1.1 b", metrics.forced_skips, 1.0);
            } else {
                let outside = metrics.p_outside;
                gates.most("P frames outside of 1.1 b % (b1)", outside, 1.0);
                // A picture that is skipped is inside, and all of its macroblocks are skipped.
                let skipped = metrics.drops as f64 / metrics.frames.max(1) as f64 * 100.0;
                gates.most("pictures skipped % at 1.1 b (b1)", skipped, 1.0);
            }
            // x264 was run with a single key frame.
            let alike = scenario.keys == Keys::Never;
            if let Some(loss) = reference.loss.filter(|_| alike) {
                let own = metrics.loss.unwrap_or(f64::INFINITY);
                let name = format!(
                    "rate loss % at 1.1 b, against x264's ({})",
                    scenario.levers.names()
                );
                gates.most(&name, own, loss + 1.0);
            }
        }
        "S5" => {
            gates.most("violations, key frames", violations, 0.0);
            // The key frames are periodic here, not forced.
            if metrics.steady {
                let delay = metrics.delay_intervals;
                gates.most("delay in intervals, GOP 60", delay, 7.5);
            }
        }
        "S6" => gates.most("violations, key frames", violations, 0.0),
        "S7" | "S8" => settling(&mut gates, metrics),
        // What VBR is compared with.
        "S11" if scenario.mode == Mode::Cbr => {
            gates.most("violations, CPB 1000 ms", violations, 0.0);
        }
        "S11" if scenario.levers.hard_max => {
            gates.most("VBR violations, hard maximum", violations, 0.0);
        }
        "S11" => {
            gates.most("VBR violations", violations, 0.0);
            let error = metrics.rate_error.unwrap_or(0.0);
            gates.most("VBR mean above %", error, 2.0);
            gates.most("VBR mean below %", -error, 5.0);
        }
        // Constant quality is one QP; without a rate there is no buffer.
        "S12" if scenario.mode == Mode::Quality => {
            gates.most("constant quality, QP sd", metrics.qp_deviation, QUALITY_QP);
        }
        "S12" => {
            let name = match scenario.levers.hard_max {
                true => "capped quality: violations, hard maximum",
                false => "capped quality: violations",
            };
            gates.most(name, violations, 0.0);
        }
        "S13" | "S14" => {
            let worst = largest(metrics.layer_errors.iter().map(|error| error.abs()));
            gates.most("rate of a layer %", worst, 3.0);
            let buckets = metrics.layer_violations.iter().sum::<usize>();
            gates.most("violations of cumulative buckets", buckets as f64, 0.0);
        }
        "S15" if scenario.variant == "screen" => {
            gates.most("screen (c): violations", violations, 0.0);
            gates.most("screen (c): drops", metrics.drops as f64, 25.0);
            gates.most("screen (c): freeze ms", metrics.freeze_ms, 500.0);
            gates.cuts("screen (c): sharp after ms", cuts, |cut| {
                (cut.quality_ms.unwrap_or(f64::INFINITY), 1500.0)
            });
        }
        "S15" if scenario.levers == Levers::NONE => {
            // Skips decided before coding promise nothing: reported.
        }
        "S15" => {
            let lever = scenario.levers.names();
            gates.most(&format!("violations ({lever})"), violations, 0.0);
            if scenario.levers.post_skip {
                gates.cuts("drops a cut (c)", cuts, |cut| (cut.drops as f64, 2.0));
                gates.most("drops in a row (c)", metrics.consecutive_drops as f64, 2.0);
            }
            // A smaller buffer keeps the delay below this limit by itself, as does an option that
            // asks for less.
            if scenario.cpb == Cpb::Ms(1000) {
                cuts_with_a_lever(&mut gates, cuts, &lever);
            }
            if scenario.max_delay > 0 {
                let name = format!("cut delay ms, {} asked for ({lever})", scenario.max_delay);
                gates.cuts(&name, cuts, |cut| (cut.delay_ms, scenario.max_delay as f64));
            }
        }
        "S19" if scenario.variant == "screen" => {
            gates.most("screen (a+b2): violations", violations, 0.0);
            gates.most("screen (a+b2): drops", metrics.drops as f64, 0.0);
            let limit = reference.delay_ms.unwrap_or(SCREEN_DELAY_MS);
            gates.most("screen (a+b2): delay ms", metrics.delay_ms, limit);
        }
        "S19" if scenario.levers.intra_safe => {
            // Each cut is a repaint that it is to fit: as with two frames a cut.
            let allowed = 2 * cuts.len();
            gates.most(
                "cut violations with (d), CPB 250 ms",
                violations,
                allowed as f64,
            );
        }
        "S19" if scenario.levers == Levers::NONE => {
            gates.cuts("cut overshoot % blind", cuts, |cut| {
                (cut.overshoot, (cut.size_b - 1.0) / fps * 100.0 + 5.0)
            });
            gates.cuts("cut delay ms blind", cuts, |cut| {
                (cut.delay_ms, cut.size_b / fps * 1000.0 + 100.0)
            });
            // The QP before a cut is that of the scene before: what it makes of the first frame
            // is the bound of a controller that knows nothing of it.
            gates.cuts("cut overshoot % blind, by its own size", cuts, |cut| {
                (cut.overshoot, (cut.own_b - 1.0) / fps * 100.0 + 5.0)
            });
            gates.cuts("cut delay ms blind, by its own size", cuts, |cut| {
                (cut.delay_ms, cut.own_b / fps * 1000.0 + 100.0)
            });
        }
        "S19" => {
            gates.most("cut violations with (a)", violations, 0.0);
            cuts_with_a_lever(&mut gates, cuts, &scenario.levers.names());
        }
        _ => own::own(&mut gates, scenario, metrics),
    }
    beyond::beyond(&mut gates, scenario, metrics);
    floor::floor(&mut gates, scenario, metrics);
    gates.0
}

/// The rates of all clips, with these levers, by their errors in percent without signs.
///
/// A lever is to change how a rate is met, and not whether it is. What pictures are expected to take
/// is by what was measured of them then, which without it is not looked at: an error there took 7 %
/// of the rate of a clip once, and no other gate saw it.
pub(crate) fn rates(levers: Levers, errors: &[f64]) -> Vec<Gate> {
    let mut gates = Gates::default();
    if !errors.is_empty() {
        let name = match levers {
            Levers::NONE => "rate error %".to_owned(),
            levers => format!("rate error % ({})", levers.names()),
        };
        gates.most(&format!("{name}, mean"), mean(errors), 0.5);
        gates.most(&format!("{name}, largest"), largest(errors.to_vec()), 1.0);
    }
    gates.0
}

/// Each lever by itself.
fn cuts_with_a_lever(gates: &mut Gates, cuts: &[Cut], lever: &str) {
    gates.cuts(&format!("cut overshoot % with ({lever})"), cuts, |cut| {
        (cut.overshoot, 20.0)
    });
    gates.cuts(&format!("cut delay ms with ({lever})"), cuts, |cut| {
        (cut.delay_ms, 350.0)
    });
}

/// Control within the picture may cost a percent more.
fn stationary(gates: &mut Gates, scenario: &Scenario, metrics: &Metrics) {
    let levers = match scenario.levers {
        Levers::NONE => String::new(),
        levers => format!(" ({})", levers.names()),
    };
    let loss_limit = if scenario.levers.hard_max { 1.5 } else { 0.5 };
    let mut most = |name: &str, value, limit| gates.most(&format!("{name}{levers}"), value, limit);
    most("first I in b", metrics.first_i, 4.5);
    if !metrics.stationary {
        return;
    }
    let worst = metrics.window_high.max(-metrics.window_low);
    most("1-s window %, stationary", worst, 8.0);
    most(
        "delay in intervals, stationary",
        metrics.delay_intervals,
        4.5,
    );
    if let Some(loss) = metrics.loss {
        most("rate loss %, stationary", loss, loss_limit);
    }
}

fn settling(gates: &mut Gates, metrics: &Metrics) {
    for settling in &metrics.settlings {
        let halved = settling.factor < 1.0;
        if metrics.stationary {
            let frames = settling
                .frames
                .map_or(f64::INFINITY, |frames| frames as f64);
            let name = if halved {
                "settle x0.5, frames"
            } else {
                "settle x2, frames"
            };
            gates.most(name, frames, 8.0);
        }
        if halved {
            gates.most("delay ms 500 ms after x0.5", settling.late_delay_ms, 200.0);
        }
        let unforced = settling.violations[1] as f64;
        gates.most("violations after a change, not forced", unforced, 0.0);
    }
}

/// A gate over several runs of a controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) name: String,
    /// Runs that it applies to, and that meet it.
    pub(crate) runs: usize,
    pub(crate) met: usize,
    /// Value and limit of the run that is worst by their difference.
    pub(crate) value: f64,
    pub(crate) limit: f64,
}

/// Adds a gate to those of the same name.
pub(crate) fn summarize<'a>(gates: impl IntoIterator<Item = &'a Gate>) -> Vec<Summary> {
    let mut summaries: Vec<Summary> = Vec::new();
    for gate in gates {
        let known = summaries
            .iter_mut()
            .find(|summary| summary.name == gate.name);
        let Some(summary) = known else {
            summaries.push(Summary {
                name: gate.name.clone(),
                runs: 1,
                met: usize::from(gate.met),
                value: gate.value,
                limit: gate.limit,
            });
            continue;
        };
        summary.runs += 1;
        summary.met += usize::from(gate.met);
        if gate.value - gate.limit > summary.value - summary.limit {
            (summary.value, summary.limit) = (gate.value, gate.limit);
        }
    }
    summaries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::metrics::measure;
    use crate::judge::samples;
    use crate::scenario::list::{BASE, SCENARIOS};

    #[test]
    fn gates_are_met_and_missed() {
        let configs = [samples::config(25_000, 4000)];
        let s1 = Scenario { id: "S1", ..BASE };
        let verdict = |sizes: &[u64]| -> Vec<(String, bool)> {
            let metrics = measure(&samples::records(sizes), &configs, &[]);
            let gates = gates(&s1, &metrics, 25.0, &Reference::default());
            gates
                .into_iter()
                .map(|gate| (gate.name, gate.met))
                .collect()
        };
        let names = ["first I in b", "violations, CPB 1000 ms"].map(str::to_owned);
        let expected =
            |met: [bool; 2]| -> Vec<(String, bool)> { names.iter().cloned().zip(met).collect() };
        assert_eq!(verdict(&[3000, 1000, 1000]), expected([true, true]));
        assert_eq!(verdict(&[4600, 100, 100]), expected([false, false]));
        assert_eq!(verdict(&[4000, 1001, 1000]), expected([true, false]));
    }

    #[test]
    fn the_limit_of_a_blind_cut_depends_on_its_size() {
        let configs = [samples::config(25_000, 25_000)];
        let mut records = samples::records(&[1000; 100]);
        records[60].bits = 6000;
        records[60].cut = true;
        let curve = [crate::judge::quality::ConstantQp {
            qp: 30,
            sizes: records.iter().map(|record| record.bits).collect(),
            psnr: 40.0,
        }];
        let metrics = measure(&records, &configs, &curve);
        let s19 = Scenario { id: "S19", ..BASE };
        let gates = gates(&s19, &metrics, 25.0, &Reference::default());
        // C = 6: (6 - 1) / 25 + 5 points, and 6 / 25 s + 100 ms.
        assert_eq!(gates.len(), 4);
        assert!((gates[0].value - 20.0).abs() < 1e-9 && (gates[0].limit - 25.0).abs() < 1e-9);
        assert!((gates[1].value - 240.0).abs() < 1e-9 && (gates[1].limit - 340.0).abs() < 1e-9);
        // Coded at that QP, it has its own size.
        assert!((gates[2].limit - 25.0).abs() < 1e-9 && (gates[3].limit - 340.0).abs() < 1e-9);
    }

    #[test]
    fn what_x264_does_is_a_limit() {
        let configs = [samples::config(25_000, 25_000)];
        let mut metrics = measure(&samples::records(&[1000; 100]), &configs, &[]);
        let gate = |id, variant, metrics: &Metrics, reference, name: &str| {
            let scenario = Scenario {
                id,
                variant,
                levers: Levers {
                    hard_max: true,
                    ..Levers::NONE
                },
                ..BASE
            };
            let gates = gates(&scenario, metrics, 25.0, &reference);
            let gate = gates.into_iter().find(|gate| gate.name.contains(name));
            gate.map(|gate| (gate.limit, gate.met))
        };
        let known = Reference {
            loss: Some(2.0),
            delay_ms: Some(30.0),
        };
        let unknown = Reference::default();
        assert_eq!(gate("S4", "hard", &metrics, unknown, "rate loss"), None);
        // A run that has no equal at constant QP does not meet it.
        let missed = Some((3.0, false));
        assert_eq!(gate("S4", "hard", &metrics, known, "rate loss"), missed);
        metrics.loss = Some(2.9);
        let met = Some((3.0, true));
        assert_eq!(gate("S4", "hard", &metrics, known, "rate loss"), met);
        // One P frame in a hundred with checkpoints.
        let (mut points, named) = (metrics.clone(), |s: &&Scenario| s.name() == "S4 points");
        let scenario = SCENARIOS.iter().find(named).expect("it is in the list");
        for (outside, met) in [(1.0, true), (1.01, false)] {
            points.p_outside = outside;
            let gates = gates(scenario, &points, 25.0, &unknown);
            assert_eq!((gates.len(), gates[0].met, gates[1].met), (2, met, true));
        }
        points.drops = 2;
        assert!(!gates(scenario, &points, 25.0, &unknown)[1].met);
        // A key frame counts as any other does.
        let outside = |metrics| gate("S4", "hard", metrics, known, "outside");
        assert_eq!(outside(&metrics), Some((0.0, true)));
        let mut keys = samples::records(&[1000; 100]);
        keys[60].key = true;
        keys[60].bits = 26_000;
        let large = measure(&keys, &configs, &[]);
        assert_eq!(outside(&large), Some((0.0, false)));
        let delay = |reference| gate("S19", "screen", &metrics, reference, "delay");
        assert_eq!(delay(unknown), Some((915.0, true)));
        assert_eq!(delay(known), Some((30.0, false)));
    }

    #[test]
    fn rows_may_lose_a_percent_more() {
        let configs = [samples::config(25_000, 25_000)];
        let curve = [(28, 2000, 42.0), (32, 1000, 40.0)].map(|(qp, size, psnr)| {
            crate::judge::quality::ConstantQp {
                qp,
                sizes: vec![size; 100],
                psnr,
            }
        });
        let losses = |variant: &str| -> Vec<(f64, bool)> {
            let named = |s: &&Scenario| s.id == "S1" && s.variant == variant;
            let scenario = SCENARIOS.iter().find(named).expect("it is in the list");
            let judged = [1004, 1014, 1016].map(|size| {
                let metrics = measure(&samples::records(&[size; 100]), &configs, &curve);
                let gates = gates(scenario, &metrics, 25.0, &Reference::default());
                let loss = gates
                    .iter()
                    .find(|gate| gate.name.starts_with("rate loss %"));
                loss.map(|gate| (gate.limit, gate.met))
            });
            judged.into_iter().flatten().collect()
        };
        assert_eq!(losses(""), [(0.5, true), (0.5, false), (0.5, false)]);
        assert_eq!(losses("hard"), [(1.5, true), (1.5, true), (1.5, false)]);
    }

    #[test]
    fn key_frames_are_judged_where_the_content_is_steady() {
        let configs = [samples::config(25_000, 25_000)];
        let mut records = samples::records(&[1000; 100]);
        records[60].key = true;
        records[60].bits = 9000;
        let curve = [crate::judge::quality::ConstantQp {
            qp: 30,
            sizes: vec![1000; 100],
            psnr: 40.0,
        }];
        let s5 = Scenario { id: "S5", ..BASE };
        let met = |curve: &[_]| -> Vec<bool> {
            let metrics = measure(&records, &configs, curve);
            let gates = gates(&s5, &metrics, 25.0, &Reference::default());
            gates.iter().map(|gate| gate.met).collect()
        };
        // 9 intervals, of 7.5; and what is not steady has no limit but the buffer.
        assert_eq!(met(&curve), [true, false]);
        assert_eq!(met(&[]), [true]);
    }

    #[test]
    fn each_lever_is_judged_where_it_can_fail() {
        let configs = [samples::config(25_000, 25_000)];
        let mut records = samples::records(&[1000; 100]);
        records[60].bits = 10_000;
        records[60].cut = true;
        let metrics = measure(&records, &configs, &[]);
        let mut judged = Vec::new();
        for scenario in SCENARIOS.iter().filter(|s| s.contents.contains(&"cuts")) {
            let gates = gates(scenario, &metrics, 25.0, &Reference::default());
            for gate in gates.iter().filter(|gate| gate.name.contains("with (")) {
                if gate.name.starts_with("cut overshoot") || gate.name.starts_with("cut delay") {
                    // 9000 bits too much in 25000, and 400 ms.
                    assert!(!gate.met, "{}", scenario.name());
                    assert_eq!(scenario.cpb, Cpb::Ms(1000), "{}", scenario.name());
                    assert_eq!(scenario.max_delay, 0, "{}", scenario.name());
                    judged.push(gate.name.clone());
                }
            }
        }
        judged.sort();
        let expected = ["delay ms", "overshoot %"]
            .map(|what| ["a", "b2", "c"].map(|lever| format!("cut {what} with ({lever})")));
        assert_eq!(judged, expected.concat());
    }

    #[test]
    fn the_worst_run_stands_for_all() {
        let gate = |name: &str, value: f64| Gate {
            name: name.to_owned(),
            value,
            limit: 2.0,
            met: value <= 2.0,
        };
        let all = [
            gate("a", 1.0),
            gate("b", 1.5),
            gate("a", 3.0),
            gate("a", 2.0),
        ];
        let summaries = summarize(&all);
        assert_eq!(summaries.len(), 2);
        assert_eq!((summaries[0].runs, summaries[0].met), (3, 2));
        assert_eq!((summaries[0].value, summaries[0].limit), (3.0, 2.0));
    }
}
