// SPDX-License-Identifier: GPL-2.0

//! The engine itself beside its tables: the same frames, the same controller, once with
//! reconstructions of its own and rows that keep a limit, once by table. A few runs are enough to
//! see whether what the tables say holds.

use serde::Serialize;

use crate::board::{Job, PlantKind, Run};
use crate::content::find;
use crate::controller::{ConstantQpController, Kind};
use crate::judge::metrics::measure;
use crate::plant::engine::GENERATION_2;
use crate::plant::Plant;
use crate::run::run;
use crate::scenario::list::called;
use crate::scenario::timeline::play;
use crate::scenario::Scenario;
use crate::shelf::Shelf;

/// Scenario, content, and which of its rates.
const SHORT: &[(&str, &str, usize)] = &[
    ("S1", "carphone", 0),
    ("S1", "bigbuckbunny", 1),
    ("S1", "noisy", 0),
    ("S4 hard", "carphone", 1),
    ("S7", "carphone", 1),
    ("S15 post", "cuts", 0),
    ("S15 hard", "cuts", 0),
    ("S17", "carphone", 0),
    ("S19 pre", "cuts", 1),
    ("S19 screen", "screen", 0),
];

/// The same run twice.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) engine: Run,
    pub(crate) tables: Run,
    /// By how much the upper half of the pictures is better than the lower, in dB: as they were
    /// coded, and at a constant QP. `None` without control within the picture.
    pub(crate) top_against_bottom: Option<[f64; 2]>,
}

/// Runs the short form.
pub(crate) fn pairs(
    job: &Job,
    shelf: &mut Shelf<'_>,
    progress: &dyn Fn(&str),
) -> Result<Vec<Pair>, String> {
    let mut pairs = Vec::new();
    for &(name, content, rate) in SHORT {
        let wanted = job.contents.is_empty() || job.contents.iter().any(|c| c == content);
        if wanted {
            let scenario = called(name)?;
            progress(&format!("engine: {}: {content}", scenario.name()));
            pairs.push(pair(job, scenario, content, rate, shelf)?);
        }
    }
    Ok(pairs)
}

fn pair(
    job: &Job,
    scenario: &Scenario,
    name: &str,
    rate: usize,
    shelf: &mut Shelf<'_>,
) -> Result<Pair, String> {
    let content = find(name).ok_or_else(|| format!("no content {name}"))?;
    let scenario = scenario.at_most(job.seconds);
    let missing = || format!("{name} has no pictures");
    let mut tables = shelf
        .plant(PlantKind::Trace, content)?
        .ok_or_else(missing)?;
    let mut engine = shelf.engine(content, &GENERATION_2)?.ok_or_else(missing)?;
    let bitrate = content.rates[rate];
    let config = scenario.config(content, bitrate, tables.size(), tables.rate());
    let timeline = play(&scenario, config, |position| tables.is_cut(position));
    // At a constant QP of the tables' grid, both are the same.
    let (kind, plant) = (PlantKind::Trace, tables.as_mut());
    let curve = shelf
        .curves
        .of(kind, content.name, &scenario, &timeline, plant);
    let run_over = |plant: &mut dyn Plant| {
        let kind = Kind::Builtin;
        let mut controller = kind.create(&timeline.configs[0]);
        let records = run(&scenario, &timeline, plant, controller.as_mut());
        Run {
            scenario: scenario.name(),
            title: scenario.title,
            levers: scenario.levers.names(),
            content: content.name,
            bitrate,
            controller: kind.name(),
            metrics: measure(&records, &timeline.configs, &curve),
            gates: Vec::new(),
            records,
            configs: timeline.configs.clone(),
        }
    };
    let tables = run_over(tables.as_mut());
    let of_engine = run_over(&mut engine);
    let top_against_bottom = scenario.levers.hard_max.then(|| {
        let as_coded = engine.top_against_bottom();
        let qp = of_engine.metrics.qp_mean.round() as i32;
        let mut constant = ConstantQpController(qp);
        run(&scenario, &timeline, &mut engine, &mut constant);
        [as_coded, engine.top_against_bottom()]
    });
    Ok(Pair {
        engine: of_engine,
        tables,
        top_against_bottom,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_run_exists() {
        for &(name, content, rate) in SHORT {
            let scenario = called(name).expect("it is in the list");
            assert!(scenario.contents.contains(&content), "{name} {content}");
            let content = find(content).expect("it is in the list");
            assert!(content.rates.get(rate).is_some());
        }
    }
}
