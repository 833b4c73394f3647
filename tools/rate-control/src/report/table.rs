// SPDX-License-Identifier: GPL-2.0

//! Tables for the terminal.

use std::fmt::Write;

use super::rate;
use crate::board::{Board, Run, Score};
use slenc_plots::figure;

/// A column of the table of runs.
pub(super) struct Column {
    pub(super) title: &'static str,
    /// What it says, in a few words.
    pub(super) about: &'static str,
    pub(super) value: fn(&Run) -> Option<f64>,
}

/// The metrics that are shown of each run.
pub(super) static COLUMNS: &[Column] = &[
    Column {
        title: "E %",
        about: "error of the rate, without time at the lowest QP",
        value: |run| run.metrics.rate_error,
    },
    Column {
        title: "W-",
        about: "lowest window of one second, % off the rate",
        value: |run| Some(run.metrics.window_low),
    },
    Column {
        title: "W+",
        about: "highest window of one second, % off the rate",
        value: |run| Some(run.metrics.window_high),
    },
    Column {
        title: "D ms",
        about: "largest queue delay",
        value: |run| Some(run.metrics.delay_ms),
    },
    Column {
        title: "D95",
        about: "95th percentile of the queue delay in ms",
        value: |run| Some(run.metrics.delay_percentiles_ms[1]),
    },
    Column {
        title: "N",
        about: "frames that violate the buffer",
        value: |run| Some(run.metrics.violations as f64),
    },
    Column {
        title: "I/b",
        about: "largest I frame by the mean size",
        value: |run| Some(run.metrics.i_max),
    },
    Column {
        title: "P/b",
        about: "largest P frame by the mean size",
        value: |run| Some(run.metrics.p_max),
    },
    Column {
        title: "QP sd",
        about: "standard deviation of QP",
        value: |run| Some(run.metrics.qp_deviation),
    },
    Column {
        title: "|dQP|",
        about: "mean step of QP from P to P frame",
        value: |run| Some(run.metrics.qp_step),
    },
    Column {
        title: "PSNR",
        about: "mean PSNR of luma in dB",
        value: |run| Some(run.metrics.psnr),
    },
    Column {
        title: "L %",
        about: "rate lost against constant QP at equal PSNR",
        value: |run| run.metrics.loss,
    },
    Column {
        title: "drops",
        about: "pictures skipped",
        value: |run| Some(run.metrics.drops as f64),
    },
];

/// The gates, a column for each controller: the worst value, its limit, and how many runs meet it.
pub(crate) fn gates(board: &Board) -> String {
    let (names, width) = names(&board.gates);
    let mut text = format!("{:width$}", "gate");
    for (controller, _) in &board.gates {
        let _ = write!(text, "  {controller:>9} {:<8} {:>7}", "(limit)", "met");
    }
    text.push('\n');
    for name in names {
        let _ = write!(text, "{name:width$}");
        for (_, summaries) in &board.gates {
            match summaries.iter().find(|summary| summary.name == name) {
                Some(s) => {
                    let limit = format!("({})", figure(s.limit));
                    let met = format!("{}/{}", s.met, s.runs);
                    let mark = if s.met == s.runs { '+' } else { '-' };
                    let value = figure(s.value);
                    let _ = write!(text, "  {value:>9} {limit:<8} {met:>6}{mark}");
                }
                None => {
                    let _ = write!(text, "  {:>9} {:<8} {:>7}", "n/a", "", "");
                }
            }
        }
        text.push('\n');
    }
    for score in &board.gates {
        text += &total(score);
    }
    text
}

/// The gates of the BPF programs beside those of the first controller, which they run over: the
/// worst value, and whether all runs meet its limit.
pub(crate) fn programs(board: &Board) -> String {
    if board.programs.is_empty() {
        return String::new();
    }
    let scores: Vec<&Score> = board.gates.iter().take(1).chain(&board.programs).collect();
    let (names, width) = names(&board.programs);
    let mut text = format!("{:width$}", "gate");
    for (controller, _) in &scores {
        let _ = write!(text, " {controller:>10}");
    }
    text.push('\n');
    for name in names {
        let _ = write!(text, "{name:width$}");
        for (_, summaries) in &scores {
            let of_gate = summaries.iter().find(|summary| summary.name == name);
            let shown = of_gate.map_or("n/a ".to_owned(), |s| {
                figure(s.value) + if s.met == s.runs { "+" } else { "-" }
            });
            let _ = write!(text, " {shown:>10}");
        }
        text.push('\n');
    }
    for score in &board.programs {
        text += &total(score);
    }
    text
}

/// The gates that any of them has, and the width of their column.
pub(super) fn names(scores: &[Score]) -> (Vec<&str>, usize) {
    let mut names: Vec<&str> = Vec::new();
    for summary in scores.iter().flat_map(|(_, summaries)| summaries) {
        if !names.contains(&summary.name.as_str()) {
            names.push(&summary.name);
        }
    }
    let widths = names.iter().map(|name| name.len());
    let width = widths.max().unwrap_or(0).max(4);
    (names, width)
}

/// How many gates a controller meets.
fn total((controller, summaries): &Score) -> String {
    let met = summaries.iter().filter(|s| s.met == s.runs).count();
    format!("{controller}: {met} of {} gates met\n", summaries.len())
}

/// Every run.
pub(crate) fn runs(board: &Board) -> String {
    let mut text = format!(
        "{:<12} {:<12} {:>5} {:<8}",
        "scenario", "content", "rate", ""
    );
    for column in COLUMNS {
        let _ = write!(text, " {:>6}", column.title);
    }
    text.push('\n');
    for run in &board.runs {
        let _ = write!(
            text,
            "{:<12} {:<12} {:>5} {:<8}",
            run.scenario,
            run.content,
            rate(run.bitrate),
            run.controller
        );
        for column in COLUMNS {
            let value = (column.value)(run).map_or("-".to_owned(), figure);
            let _ = write!(text, " {value:>6}");
        }
        let missed: Vec<&str> = run
            .gates
            .iter()
            .filter(|gate| !gate.met)
            .map(|gate| gate.name.as_str())
            .collect();
        if !missed.is_empty() {
            let _ = write!(text, "  missed: {}", missed.join("; "));
        }
        text.push('\n');
    }
    text
}
