// SPDX-License-Identifier: GPL-2.0

//! The scoreboard: every run, and the gates that need several of them.

use std::path::PathBuf;

use serde::Serialize;

use crate::closed_loop::{self, Pair};
use crate::config::{Config, SECOND};
use crate::content::{find, Content};
use crate::controller::Kind;
use crate::curves::Curves;
use crate::frame::Record;
use crate::gates::{gates, rates, summarize, Gate, Reference, Summary};
use crate::judge::buffer::walk;
use crate::judge::metrics::{measure, Metrics};
use crate::judge::quality::ConstantQp;
use crate::judge::statistics::mean;
use crate::peer::{self, Peers};
use crate::plant::engine::GENERATION_1;
use crate::plant::Plant;
use crate::run::run;
use crate::scenario::list::SCENARIOS;
use crate::scenario::timeline::{play, Timeline};
use crate::scenario::Scenario;
use crate::shelf::Shelf;

/// How far from constant quality a mean QP, or the QPs of constant quality themselves, may be.
pub(crate) const QUALITY_QP: f64 = 0.5;

/// What the controllers run over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PlantKind {
    /// Tables of sizes made with the engine, and models
    Trace,
    /// The engine in a closed loop
    Engine,
}

/// What is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) scenarios: Vec<&'static Scenario>,
    pub(crate) controllers: Vec<Kind>,
    /// Controllers of which only what was measured is kept.
    pub(crate) programs: &'static [Kind],
    pub(crate) plant: PlantKind,
    /// Only these contents; all of the scenario if empty.
    pub(crate) contents: Vec<String>,
    /// Not longer than this, in seconds.
    pub(crate) seconds: Option<u64>,
    /// Directory of the clips.
    pub(crate) clips: PathBuf,
    /// Directory of the tables.
    pub(crate) tables: PathBuf,
    /// The program that has the native encoders, if they are to be run too.
    pub(crate) ffmpeg: Option<PathBuf>,
    /// A few runs over the engine are to stand beside those over its tables.
    pub(crate) closed_loop: bool,
}

/// A run and what was measured of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) scenario: String,
    pub(crate) title: &'static str,
    pub(crate) levers: String,
    pub(crate) content: &'static str,
    pub(crate) bitrate: u64,
    pub(crate) controller: &'static str,
    pub(crate) metrics: Metrics,
    pub(crate) gates: Vec<Gate>,
    #[serde(skip)]
    pub(crate) records: Vec<Record>,
    #[serde(skip)]
    pub(crate) configs: Vec<Config>,
}

impl Run {
    /// Its gates, some of which are held against a native encoder.
    fn judge(&self, scenario: &Scenario, reference: &Reference) -> Vec<Gate> {
        let interval = self
            .configs
            .first()
            .map_or(SECOND, |config| config.interval);
        let fps = SECOND as f64 / interval as f64;
        gates(scenario, &self.metrics, fps, reference)
    }
}

/// A controller and its gates.
pub(crate) type Score = (&'static str, Vec<Summary>);

/// All runs, and the gates by controller.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Board {
    pub(crate) plant: PlantKind,
    pub(crate) gates: Vec<Score>,
    /// Of the BPF programs.
    pub(crate) programs: Vec<Score>,
    pub(crate) runs: Vec<Run>,
    pub(crate) peers: Option<Peers>,
    /// The engine beside its tables.
    pub(crate) closed_loop: Vec<Pair>,
}

/// Runs everything.
pub(crate) fn score(job: &Job, progress: &dyn Fn(&str)) -> Result<Board, String> {
    let mut shelf = Shelf::new(job, progress);
    let peers = match &job.ffmpeg {
        Some(ffmpeg) => Some(peer::score(job, ffmpeg, &mut shelf, progress)?),
        None => None,
    };
    let closed_loop = if job.closed_loop {
        closed_loop::pairs(job, &mut shelf, progress)?
    } else {
        Vec::new()
    };
    let mut runs = Vec::new();
    for (n, &scenario) in job.scenarios.iter().enumerate() {
        let scenario = scenario.at_most(job.seconds);
        for name in scenario.contents {
            if !job.contents.is_empty() && !job.contents.iter().any(|content| content == name) {
                continue;
            }
            progress(&format!(
                "{} ({}/{}): {name}",
                scenario.name(),
                n + 1,
                job.scenarios.len()
            ));
            let content = find(name).ok_or_else(|| format!("no content {name}"))?;
            let kind = match scenario.levers.checkpoints {
                true => PlantKind::Trace,
                false => job.plant,
            };
            if let Some(mut plant) = shelf.plant(kind, content)? {
                let mut of_content = match scenario.levers.checkpoints {
                    true => with_checkpoints(job, &scenario, content, plant.as_mut(), &mut shelf)?,
                    false => {
                        let kinds = [&job.controllers, job.programs].concat();
                        let plant = plant.as_mut();
                        runs_of(job, &kinds, &scenario, content, plant, &mut shelf.curves)
                    }
                };
                for run in &mut of_content {
                    let reference = peers.as_ref().map(|peers| peers.reference(run));
                    run.gates = run.judge(&scenario, &reference.unwrap_or_default());
                    // Those of constant and capped quality are compared, picture by picture.
                    if scenario.id != "S12" && is_program(job, run) {
                        run.records.clear();
                    }
                }
                runs.extend(of_content);
            }
        }
    }
    let scores = |kinds: &[Kind]| {
        kinds
            .iter()
            .map(|kind| score_of(kind.name(), &runs))
            .collect()
    };
    let (gates, programs) = (scores(&job.controllers), scores(job.programs));
    for run in runs.iter_mut().filter(|run| is_program(job, run)) {
        run.records.clear();
    }
    Ok(Board {
        plant: job.plant,
        gates,
        programs,
        runs,
        peers,
        closed_loop,
    })
}

/// Whether only what was measured is kept.
fn is_program(job: &Job, run: &Run) -> bool {
    let mut programs = job.programs.iter();
    programs.any(|kind| kind.name() == run.controller)
}

/// The gates of a controller.
fn score_of(name: &'static str, runs: &[Run]) -> Score {
    let own: Vec<&Run> = runs.iter().filter(|run| run.controller == name).collect();
    let mut all = over_runs(&own);
    all.extend(own.iter().flat_map(|run| run.gates.clone()));
    (name, summarize(&all))
}

/// These controllers at both rates, not judged yet.
pub(crate) fn runs_of(
    job: &Job,
    controllers: &[Kind],
    scenario: &Scenario,
    content: &'static Content,
    plant: &mut dyn Plant,
    curves: &mut Curves,
) -> Vec<Run> {
    let mut runs = Vec::new();
    for bitrate in content.rates {
        let timeline = timeline_of(scenario, content, bitrate, plant);
        let curve = curves.of(job.plant, content.name, scenario, &timeline, plant);
        for &kind in controllers {
            runs.push(run_of(kind, scenario, content, &timeline, plant, &curve));
        }
    }
    runs
}

/// The frames of a scenario at a rate.
fn timeline_of(
    scenario: &Scenario,
    content: &Content,
    bitrate: u64,
    plant: &dyn Plant,
) -> Timeline {
    let config = scenario.config(content, bitrate, plant.size(), plant.rate());
    play(scenario, config, |position| plant.is_cut(position))
}

/// A controller over a timeline, not judged yet.
fn run_of(
    kind: Kind,
    scenario: &Scenario,
    content: &'static Content,
    timeline: &Timeline,
    plant: &mut dyn Plant,
    curve: &[ConstantQp],
) -> Run {
    let mut controller = kind.create(&timeline.configs[0]);
    let records = run(scenario, timeline, plant, controller.as_mut());
    Run {
        scenario: scenario.name(),
        title: scenario.title,
        levers: scenario.levers.names(),
        content: content.name,
        bitrate: timeline.configs[0].bitrate,
        controller: kind.name(),
        gates: Vec::new(),
        metrics: measure(&records, &timeline.configs, curve),
        records,
        configs: timeline.configs.clone(),
    }
}

/// What checkpoints do within a picture no table knows: these runs are the engine's. At a constant
/// QP it makes what the tables say, which have the curve.
fn with_checkpoints(
    job: &Job,
    scenario: &Scenario,
    content: &'static Content,
    tables: &mut dyn Plant,
    shelf: &mut Shelf<'_>,
) -> Result<Vec<Run>, String> {
    let mut runs = Vec::new();
    let Some(mut engine) = shelf.engine(content, &GENERATION_1)? else {
        return Ok(runs);
    };
    for bitrate in content.rates {
        let timeline = timeline_of(scenario, content, bitrate, tables);
        let (name, curves) = (content.name, &mut shelf.curves);
        let curve = curves.of(PlantKind::Trace, name, scenario, &timeline, tables);
        for &kind in &job.controllers {
            let run = run_of(kind, scenario, content, &timeline, &mut engine, &curve);
            runs.push(run);
        }
    }
    Ok(runs)
}

/// Gates that compare or average runs of one controller.
fn over_runs(runs: &[&Run]) -> Vec<Gate> {
    let most = |name: &str, value: f64, limit: f64| Gate {
        name: name.to_owned(),
        value,
        limit,
        met: value <= limit,
    };
    let of = |name: &str| -> Vec<&&Run> {
        let named = runs.iter().filter(|run| run.scenario == name);
        named.collect()
    };
    let mut gates = Vec::new();
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.id == "S1") {
        let named = of(&scenario.name());
        let errors = named.iter().filter_map(|run| run.metrics.rate_error);
        let errors: Vec<f64> = errors.map(f64::abs).collect();
        gates.extend(rates(scenario.levers, &errors));
    }
    let pairs = |a: &str, b: &str| -> Vec<(&Run, &Run)> {
        let same = |a: &Run, b: &Run| a.content == b.content && a.bitrate == b.bitrate;
        let others = of(b);
        of(a)
            .into_iter()
            .filter_map(|&run| others.iter().find(|o| same(run, o)).map(|&&o| (run, o)))
            .collect()
    };
    // The same pictures: a minute of both. Stationary content has nothing to gain.
    let moving = pairs("S11", "S11 cbr")
        .into_iter()
        .filter(|(_, cbr)| !cbr.metrics.stationary);
    for (vbr, cbr) in moving {
        let limit = 0.75 * cbr.metrics.psnr_deviation;
        let deviation = vbr.metrics.psnr_deviation;
        gates.push(most("VBR PSNR sd by CBR's", deviation, limit));
    }
    for (capped, free) in pairs("S12 capped", "S12 cq") {
        // What has no quality to hold cannot depart from it.
        let holds = free.metrics.qp_deviation <= QUALITY_QP;
        let apart = holds.then(|| uncapped_apart(capped, free)).flatten();
        if let Some(apart) = apart {
            gates.push(most("capped quality, QP from CQ's", apart, QUALITY_QP));
        }
    }
    gates
}

/// By how much the mean QP of a run of capped quality is off that of constant quality, over the
/// pictures that the cap leaves alone: in the buffer that the peak drains, constant quality would
/// fill less than half. `None` if they are fewer than those of a second.
fn uncapped_apart(capped: &Run, free: &Run) -> Option<f64> {
    let fills = walk(&free.records, &capped.configs);
    let mut qps: [Vec<f64>; 2] = Default::default();
    for ((fill, a), b) in fills.iter().zip(&capped.records).zip(&free.records) {
        if let (Some(a), Some(b), true) = (a.qp, b.qp, 2.0 * fill.bits <= fill.size) {
            qps[0].push(f64::from(a));
            qps[1].push(f64::from(b));
        }
    }
    let second = SECOND / capped.configs.first()?.interval;
    let enough = qps[0].len() as u64 >= second;
    enough.then(|| (mean(&qps[0]) - mean(&qps[1])).abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::samples;
    use crate::scenario::list::select;

    fn job(scenarios: &[&str], contents: &[&str]) -> Job {
        let strings = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let scenarios: Vec<String> = strings(scenarios);
        Job {
            scenarios: select(&scenarios).expect("they are in the list"),
            controllers: vec![Kind::K, Kind::Log],
            programs: &[],
            plant: PlantKind::Trace,
            contents: strings(contents),
            seconds: Some(10),
            clips: PathBuf::from("/nowhere"),
            tables: PathBuf::from("/nowhere"),
            ffmpeg: None,
            closed_loop: false,
        }
    }

    #[test]
    fn models_need_no_clips_and_repeat_exactly() {
        let job = job(&["S1", "S7", "S11", "S19"], &["m-steady", "m-cuts"]);
        let board = score(&job, &|_| ()).expect("models need nothing");
        // Three of S1 and three of S11 have both, S7 has one, S19 blind, pre and safe the other.
        assert_eq!(board.runs.len(), (3 * 2 + 1 + 3 * 2 + 3) * 2 * 2);
        let text = serde_json::to_string(&board).expect("it is plain data");
        let again = score(&job, &|_| ()).expect("models need nothing");
        assert_eq!(
            serde_json::to_string(&again).expect("it is plain data"),
            text
        );
        let (name, summaries) = &board.gates[0];
        assert_eq!(*name, "k");
        assert!(summaries
            .iter()
            .any(|s| s.name == "VBR PSNR sd by CBR's" && s.runs == 1));
        assert!(summaries
            .iter()
            .any(|s| s.name == "rate error %, mean" && s.met == 0));
        for name in ["rate error % (a), mean", "rate error % (a+b2), largest"] {
            assert!(summaries.iter().any(|s| s.name == name), "{name}");
        }
    }

    /// Models take no clips and few seconds: what holds over them is to go on to hold.
    #[test]
    fn gates_hold_over_models() {
        let names = [
            "S1",
            "S2",
            "S4",
            "S5",
            "S9",
            "S10",
            "S11-hard",
            "S12",
            "S13",
            "S14",
            "S15",
            "S16-hard",
            "S16-keys-hard",
            "S17",
            "S18",
            "S19-pre",
            "S19-screen",
            "S21",
            "S23",
        ];
        let contents = ["m-steady", "m-noise", "m-cuts", "m-screen"];
        let job = Job {
            controllers: vec![Kind::Builtin],
            seconds: None,
            ..job(&names, &contents)
        };
        let board = score(&job, &|_| ()).expect("models need nothing");
        // Pre-analysis of models: the results say why.
        let known = [
            ("S1 pre", "first I in b (a)"),
            ("S1 pre", "delay in intervals, stationary (a)"),
            ("S1 pre", "rate loss %, stationary (a)"),
            ("S1 hard", "first I in b (a+b2)"),
            ("S1 hard", "delay in intervals, stationary (a+b2)"),
        ];
        for run in &board.runs {
            for gate in &run.gates {
                let is_known = known.contains(&(run.scenario.as_str(), gate.name.as_str()));
                let run = (&run.scenario, run.content, run.bitrate);
                assert!(
                    gate.met || is_known,
                    "{run:?}: {} {} of {}",
                    gate.name,
                    gate.value,
                    gate.limit
                );
            }
        }
        let (_, summaries) = &board.gates[0];
        assert!(summaries.len() > 30);
    }

    /// A run of QPs and sizes in a buffer of a second at 25 kbit/s.
    fn quality_run(scenario: &str, pictures: impl Iterator<Item = (i32, u64)>) -> Run {
        let configs = vec![samples::config(25_000, 25_000)];
        let (qps, sizes): (Vec<i32>, Vec<u64>) = pictures.unzip();
        let mut records = samples::records(&sizes);
        for (record, qp) in records.iter_mut().zip(qps) {
            record.qp = Some(qp);
        }
        Run {
            scenario: scenario.to_owned(),
            title: "",
            levers: String::new(),
            content: "m-steady",
            bitrate: 25_000,
            controller: "builtin",
            metrics: measure(&records, &configs, &[]),
            gates: Vec::new(),
            records,
            configs,
        }
    }

    #[test]
    fn capped_quality_is_that_of_constant_where_the_cap_is_not() {
        // 26 pictures of twice the rate fill more than half of the buffer after eleven.
        let size = |n: i32| if n < 60 { 900 } else { 2000 };
        let free = quality_run("S12 cq", (0..86).map(|n| (25, size(n))));
        let apart = |qp: fn(i32) -> i32| {
            let capped = quality_run("S12 capped", (0..86).map(|n| (qp(n), 900)));
            let gates = over_runs(&[&capped, &free]);
            gates.iter().map(|gate| (gate.value, gate.met)).next()
        };
        assert_eq!(apart(|n| if n < 71 { 25 } else { 40 }), Some((0.0, true)));
        // A QP too coarse for half of the time, and all of it where the quality is its own.
        let half = apart(|n| if n % 2 == 0 { 25 } else { 27 });
        assert!(half.is_some_and(|(value, met)| value > 0.5 && !met));
        // What has no constant quality is not compared.
        let free = quality_run("S12 cq", (0..86).map(|n| (20 + n % 10, 900)));
        let capped = quality_run("S12 capped", (0..86).map(|n| (20 + n % 10, 900)));
        assert_eq!(over_runs(&[&capped, &free]), []);
        // Nor is a second that is hardly uncapped.
        let free = quality_run("S12 cq", (0..86).map(|_| (25, 2000)));
        assert_eq!(uncapped_apart(&capped, &free), None);
    }

    #[test]
    fn missing_clips_are_an_error() {
        assert!(score(&job(&["S1"], &["bikes"]), &|_| ()).is_err());
    }
}
