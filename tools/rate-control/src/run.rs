// SPDX-License-Identifier: GPL-2.0

//! A controller over an encoder, frame by frame.

use std::collections::VecDeque;

use crate::config::Config;
use crate::controller::{ConstantQpController, RateController};
use crate::frame::{Action, Decision, Input, Record};
use crate::judge::quality::{psnr, ConstantQp};
use crate::plant::resized::Resized;
use crate::plant::scale::to_h264;
use crate::plant::{Plant, Request};
use crate::scenario::timeline::{Planned, Timeline};
use crate::scenario::Scenario;

/// Runs a controller over all frames of a timeline.
pub(crate) fn run(
    scenario: &Scenario,
    timeline: &Timeline,
    plant: &mut dyn Plant,
    controller: &mut dyn RateController,
) -> Vec<Record> {
    plant.restart();
    let mut records = Vec::with_capacity(timeline.frames.len());
    let mut begun: VecDeque<(&Planned, Decision)> = VecDeque::new();
    let mut configured = 0;
    for frame in &timeline.frames {
        if frame.config != configured {
            configured = frame.config;
            controller.configure(&timeline.configs[configured]);
        }
        let config = &timeline.configs[frame.config];
        let refreshed = scenario.refresh * f64::from(config.macroblocks());
        let pre_analysis = config.levers.pre_analysis;
        let decision = controller.begin(&Input {
            key: frame.key,
            forced: frame.forced,
            layer: frame.layer,
            distance: frame.distance,
            elapsed: frame.elapsed,
            duration: frame.duration,
            refresh_mbs: if frame.key {
                0
            } else {
                refreshed.ceil() as u32
            },
            activity: pre_analysis.then(|| plant.activity(frame.position, frame.layer)),
        });
        begun.push_back((frame, decision));
        if begun.len() >= config.depth {
            if let Some((frame, decision)) = begun.pop_front() {
                let config = &timeline.configs[frame.config];
                records.push(code(scenario, frame, decision, config, plant, controller));
            }
        }
    }
    for (frame, decision) in begun {
        let config = &timeline.configs[frame.config];
        records.push(code(scenario, frame, decision, config, plant, controller));
    }
    records
}

/// Codes a frame as was decided, and has the result judged.
fn code(
    scenario: &Scenario,
    frame: &Planned,
    decision: Decision,
    config: &Config,
    plant: &mut dyn Plant,
    controller: &mut dyn RateController,
) -> Record {
    let limited = config.levers.hard_max || config.levers.checkpoints;
    let limit = decision.max_bits.filter(|_| limited);
    let request = Request {
        position: frame.position,
        key: frame.key,
        layer: frame.layer,
        back: frame.back,
        qp: to_h264(config.scale, decision.qp),
        max_bits: limit,
        expected: decision.predicted,
        refresh: if frame.key { 0.0 } else { scenario.refresh },
    };
    let (width, height) = plant.size();
    let whole = f64::from(width) * f64::from(height);
    let share = f64::from(config.width) * f64::from(config.height) / whole;
    let skip = decision.action == Action::Skip && !frame.key;
    let mut coded = if skip {
        plant.skip(&request)
    } else {
        Resized { plant, share }.encode(&request)
    };
    let verdict = controller.end(&coded);
    let replaced = verdict.replace && !skip && !frame.key;
    if replaced {
        coded = plant.skip(&request);
    } else if !skip {
        plant.commit();
    }
    controller.commit(coded.bits + verdict.filler_bits);
    Record {
        time: frame.time,
        duration: frame.duration,
        key: frame.key,
        cut: plant.is_cut(frame.position),
        layer: frame.layer,
        qp: Some(decision.qp),
        target: decision.target,
        bits: coded.bits,
        filler_bits: verdict.filler_bits,
        skipped: skip || replaced,
        forced_skip_mbs: coded.forced_skip_mbs,
        psnr: coded.psnr,
        config: frame.config,
    }
}

/// The same frames at constant QPs.
pub(crate) fn curve(
    scenario: &Scenario,
    timeline: &Timeline,
    plant: &mut dyn Plant,
    qps: impl IntoIterator<Item = i32>,
) -> Vec<ConstantQp> {
    qps.into_iter()
        .map(|qp| {
            let records = run(scenario, timeline, plant, &mut ConstantQpController(qp));
            ConstantQp {
                qp,
                sizes: records.iter().map(|record| record.bits).collect(),
                psnr: psnr(&records),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::find;
    use crate::controller::Kind;
    use crate::judge::metrics::measure;
    use crate::plant::model::{Model, ModelKind};
    use crate::scenario::list::{BASE, SCENARIOS};
    use crate::scenario::timeline::play;
    use crate::scenario::{Change, Events};

    fn simulate(
        scenario: &Scenario,
        kind: Kind,
        model: ModelKind,
        seed: u64,
    ) -> (Vec<Record>, Timeline) {
        let mut plant = Model::new(model, seed);
        let content = find("m-steady").expect("it is in the list");
        let config = scenario.config(content, 600_000, plant.size(), plant.rate());
        let timeline = play(scenario, config, |position| plant.is_cut(position));
        let mut controller = kind.create(&timeline.configs[0]);
        (
            run(scenario, &timeline, &mut plant, controller.as_mut()),
            timeline,
        )
    }

    #[test]
    fn runs_repeat_exactly() {
        for scenario in SCENARIOS.iter().step_by(4) {
            for kind in [Kind::Builtin, Kind::K, Kind::Log] {
                let run = |seed| simulate(scenario, kind, ModelKind::Cuts, seed).0;
                assert_eq!(run(1), run(1), "{}", scenario.name());
                assert_ne!(run(1), run(2), "{}", scenario.name());
            }
        }
    }

    #[test]
    fn constant_qp_loses_nothing_against_itself() {
        let scenario = Scenario { seconds: 5, ..BASE };
        let mut plant = Model::new(ModelKind::Steady, 1);
        let content = find("m-steady").expect("it is in the list");
        let config = scenario.config(content, 600_000, plant.size(), plant.rate());
        let timeline = play(&scenario, config, |_| false);
        let curve = curve(&scenario, &timeline, &mut plant, [24, 28, 32]);
        let records = run(
            &scenario,
            &timeline,
            &mut plant,
            &mut ConstantQpController(28),
        );
        let metrics = measure(&records, &timeline.configs, &curve);
        assert!(metrics.loss.is_some_and(|loss| loss.abs() < 1e-6));
        assert!(metrics.stationary);
        assert_eq!((metrics.qp_deviation, metrics.qp_step), (0.0, 0.0));
    }

    #[test]
    fn smaller_pictures_take_fewer_bits() {
        let scenario = Scenario {
            seconds: 4,
            events: Events::List(&[(2, Change::Halve)]),
            ..BASE
        };
        let mut plant = Model::new(ModelKind::Steady, 1);
        let content = find("m-steady").expect("it is in the list");
        let config = scenario.config(content, 600_000, plant.size(), plant.rate());
        let timeline = play(&scenario, config, |_| false);
        let mut controller = ConstantQpController(28);
        let records = run(&scenario, &timeline, &mut plant, &mut controller);
        let bits = |from: usize| -> f64 {
            let records = &records[from..from + 49];
            records.iter().map(|record| record.bits as f64).sum()
        };
        assert!(records[50].key);
        let ratio = bits(51) / bits(1);
        assert!((0.3..0.42).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_hard_maximum_keeps_the_buffer() {
        let name = |s: &&Scenario| s.name() == "S15 hard";
        let scenario = SCENARIOS.iter().find(name).expect("it is in the list");
        let (records, timeline) = simulate(scenario, Kind::Log, ModelKind::Cuts, 1);
        let metrics = measure(&records, &timeline.configs, &[]);
        assert_eq!(metrics.violations, 0);
        assert!(metrics.forced_skips < 50.0);
    }

    #[test]
    fn skips_show_the_picture_before() {
        let name = |s: &&Scenario| s.name() == "S15 post250";
        let scenario = SCENARIOS.iter().find(name).expect("it is in the list");
        let (records, _) = simulate(scenario, Kind::Log, ModelKind::Cuts, 1);
        let skipped = records.iter().filter(|record| record.skipped);
        assert!(skipped.clone().count() > 0);
        assert!(skipped
            .clone()
            .all(|record| record.bits < 200 && !record.key));
    }
}
