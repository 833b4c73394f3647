// SPDX-License-Identifier: GPL-2.0

//! The native encoders beside our controllers: what each makes of the same pictures.

use std::fmt::Write;

use crate::board::Run;
use crate::judge::statistics::{largest, mean};
use crate::peer::Peers;
use slenc_plots::figure;

const NATURAL: &[&str] = &["bigbuckbunny", "bikes", "carphone", "noisy"];
const STEADY: &[&str] = &["carphone", "noisy"];
const CUTS: &[&str] = &["cuts"];
const SCREEN: &[&str] = &["screen"];

/// A line of the table: over some runs of a scenario.
pub(super) struct Line {
    pub(super) title: &'static str,
    scenario: &'static str,
    contents: &'static [&'static str],
    of: fn(&Run) -> Option<f64>,
    over: fn(&[f64]) -> f64,
}

/// What is compared.
pub(super) static LINES: &[Line] = &[
    line("clips: rate error %, mean", "P1000", NATURAL, error, mean),
    line(
        "clips: rate error %, largest",
        "P1000",
        NATURAL,
        error,
        most,
    ),
    line(
        "clips: first I in b, largest",
        "P1000",
        NATURAL,
        |r| Some(r.metrics.first_i),
        most,
    ),
    line(
        "clips: queue delay ms, p50, mean",
        "P1000",
        NATURAL,
        |r| delay(r, 0),
        mean,
    ),
    line(
        "clips: queue delay ms, p95, mean",
        "P1000",
        NATURAL,
        |r| delay(r, 1),
        mean,
    ),
    line(
        "clips: queue delay ms, p99, mean",
        "P1000",
        NATURAL,
        |r| delay(r, 2),
        mean,
    ),
    line(
        "clips: queue delay ms, largest",
        "P1000",
        NATURAL,
        delay_most,
        most,
    ),
    line(
        "clips: violations, CPB 1000 ms",
        "P1000",
        NATURAL,
        violations,
        sum,
    ),
    line(
        "clips: violations, CPB 500 ms",
        "P500",
        NATURAL,
        violations,
        sum,
    ),
    line(
        "clips: violations, CPB 250 ms",
        "P250",
        NATURAL,
        violations,
        sum,
    ),
    line("clips: rate loss %, mean", "P1000", NATURAL, loss, mean),
    line("clips: rate loss %, largest", "P1000", NATURAL, loss, most),
    line("clips: dropped frames", "P1000", NATURAL, drops, sum),
    line(
        "steady: 1-s window %, lowest",
        "P1000",
        STEADY,
        |r| Some(r.metrics.window_low),
        least,
    ),
    line(
        "steady: 1-s window %, highest",
        "P1000",
        STEADY,
        |r| Some(r.metrics.window_high),
        most,
    ),
    line(
        "steady: queue delay ms, largest",
        "P1000",
        STEADY,
        delay_most,
        most,
    ),
    line("steady: rate loss %, mean", "P1000", STEADY, loss, mean),
    line(
        "cuts: 1-s overshoot %, largest",
        "P1000",
        CUTS,
        overshoot,
        most,
    ),
    line(
        "cuts: queue delay ms, largest",
        "P1000",
        CUTS,
        delay_most,
        most,
    ),
    line(
        "cuts: violations, CPB 1000 ms",
        "P1000",
        CUTS,
        violations,
        sum,
    ),
    line(
        "cuts: violations, CPB 500 ms",
        "P500",
        CUTS,
        violations,
        sum,
    ),
    line(
        "cuts: violations, CPB 250 ms",
        "P250",
        CUTS,
        violations,
        sum,
    ),
    line("cuts: rate loss %, mean", "P1000", CUTS, loss, mean),
    line("cuts: dropped frames", "P1000", CUTS, drops, sum),
    line(
        "screen: queue delay ms, p95, mean",
        "P1000",
        SCREEN,
        |r| delay(r, 1),
        mean,
    ),
    line(
        "screen: queue delay ms, largest",
        "P1000",
        SCREEN,
        delay_most,
        most,
    ),
    line(
        "screen: violations, CPB 1000 ms",
        "P1000",
        SCREEN,
        violations,
        sum,
    ),
    line(
        "screen: violations, CPB 500 ms",
        "P500",
        SCREEN,
        violations,
        sum,
    ),
    line(
        "screen: violations, CPB 250 ms",
        "P250",
        SCREEN,
        violations,
        sum,
    ),
    line("screen: dropped frames", "P1000", SCREEN, drops, sum),
    line(
        "screen: longest freeze ms",
        "P1000",
        SCREEN,
        |r| Some(r.metrics.freeze_ms),
        most,
    ),
    line("1.1 frames: violations", "P1.1", STEADY, violations, sum),
    line("1.1 frames: rate loss %, mean", "P1.1", STEADY, loss, mean),
    line(
        "1.1 frames: rate loss %, largest",
        "P1.1",
        STEADY,
        loss,
        most,
    ),
];

const fn line(
    title: &'static str,
    scenario: &'static str,
    contents: &'static [&'static str],
    of: fn(&Run) -> Option<f64>,
    over: fn(&[f64]) -> f64,
) -> Line {
    Line {
        title,
        scenario,
        contents,
        of,
        over,
    }
}

fn error(run: &Run) -> Option<f64> {
    run.metrics.rate_error.map(f64::abs)
}

fn delay(run: &Run, share: usize) -> Option<f64> {
    run.metrics.delay_percentiles_ms.get(share).copied()
}

fn delay_most(run: &Run) -> Option<f64> {
    Some(run.metrics.delay_ms)
}

fn violations(run: &Run) -> Option<f64> {
    Some(run.metrics.violations as f64)
}

fn loss(run: &Run) -> Option<f64> {
    run.metrics.loss
}

fn drops(run: &Run) -> Option<f64> {
    Some(run.metrics.drops as f64)
}

fn overshoot(run: &Run) -> Option<f64> {
    let all = run.metrics.cuts.iter().map(|cut| cut.overshoot);
    all.reduce(f64::max)
}

fn most(values: &[f64]) -> f64 {
    largest(values.iter().copied())
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().reduce(f64::min).unwrap_or(0.0)
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

/// Whose run it is: ours with levers are others than without.
pub(super) fn whose(run: &Run) -> String {
    match run.levers.as_str() {
        "blind" | "its own" => run.controller.to_owned(),
        levers => format!("{} {levers}", run.controller),
    }
}

/// Everybody that has a run: first the native encoders.
pub(super) fn columns(peers: &Peers) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for encoder in peers.encoders.iter().filter(|encoder| encoder.available) {
        all.push(encoder.name.to_owned());
    }
    for run in &peers.runs {
        let name = whose(run);
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

impl Line {
    /// The figure of one of the columns; `None` where there is no run.
    pub(super) fn value(&self, peers: &Peers, column: &str) -> Option<f64> {
        let own = peers.runs.iter().filter(|run| {
            run.scenario == self.scenario
                && self.contents.contains(&run.content)
                && whose(run) == column
        });
        let values: Vec<f64> = own.filter_map(self.of).collect();
        (!values.is_empty()).then(|| (self.over)(&values))
    }
}

/// What the program has and has not, and how it is run.
pub(super) fn notes(peers: &Peers) -> Vec<String> {
    let mut notes = vec![format!("Encoders of {}.", peers.version)];
    for encoder in &peers.encoders {
        let (name, options) = (encoder.name, &encoder.options);
        notes.push(if encoder.available {
            format!("{name}: {options}")
        } else {
            format!("{name}: this ffmpeg has no {}", encoder.encoder)
        });
    }
    notes.extend(
        peers
            .failures
            .iter()
            .map(|failure| format!("failed: {failure}")),
    );
    notes
}

/// The table for the terminal.
pub(super) fn table(peers: &Peers) -> String {
    let columns = columns(peers);
    let widths: Vec<usize> = columns.iter().map(|name| name.len().max(7)).collect();
    let titles = LINES.iter().map(|line| line.title.len());
    let first = titles.max().unwrap_or(0);
    let mut text = format!("{:first$}", "on the same pictures");
    for (name, width) in columns.iter().zip(&widths) {
        // Writing to a string cannot fail.
        let _ = write!(text, "  {name:>width$}");
    }
    text.push('\n');
    for line in LINES {
        let _ = write!(text, "{:first$}", line.title);
        for (name, width) in columns.iter().zip(&widths) {
            let value = line.value(peers, name).map_or("-".to_owned(), figure);
            let _ = write!(text, "  {value:>width$}");
        }
        text.push('\n');
    }
    text
}

/// The table, and what is to be known of it.
pub(crate) fn terminal(peers: &Peers) -> String {
    format!("\n{}\n{}\n", table(peers), notes(peers).join("\n"))
}
