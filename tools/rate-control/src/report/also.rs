// SPDX-License-Identifier: GPL-2.0

//! What is reported besides the gates, one line for each scenario of a controller.

use std::fmt::Write;

use crate::board::{Board, Run};
use crate::judge::statistics::{largest, mean};
use slenc_plots::figure;

/// A column over the runs of a scenario.
struct Column {
    title: &'static str,
    about: &'static str,
    of: fn(&Run) -> Option<f64>,
    over: fn(&[f64]) -> f64,
}

const fn column(
    title: &'static str,
    about: &'static str,
    of: fn(&Run) -> Option<f64>,
    over: fn(&[f64]) -> f64,
) -> Column {
    Column {
        title,
        about,
        of,
        over,
    }
}

fn most(values: &[f64]) -> f64 {
    largest(values.iter().copied())
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().reduce(f64::min).unwrap_or(0.0)
}

/// Means of the runs where nothing else is said.
static COLUMNS: &[Column] = &[
    column(
        "D50",
        "median of the queue delay in ms",
        |r| Some(r.metrics.delay_percentiles_ms[0]),
        mean,
    ),
    column(
        "D95",
        "its 95th percentile",
        |r| Some(r.metrics.delay_percentiles_ms[1]),
        mean,
    ),
    column(
        "D99",
        "its 99th percentile",
        |r| Some(r.metrics.delay_percentiles_ms[2]),
        mean,
    ),
    column(
        "D99.9",
        "its 99.9th percentile",
        |r| Some(r.metrics.delay_percentiles_ms[3]),
        mean,
    ),
    column(
        "use %",
        "share of the time in which the channel sends",
        |r| Some(r.metrics.utilisation),
        mean,
    ),
    column(
        "b50",
        "median of the frame sizes in b",
        |r| Some(r.metrics.size_percentiles[0]),
        mean,
    ),
    column(
        "b95",
        "their 95th percentile",
        |r| Some(r.metrics.size_percentiles[1]),
        mean,
    ),
    column(
        "b99",
        "their 99th percentile",
        |r| Some(r.metrics.size_percentiles[2]),
        mean,
    ),
    column(
        "b99.9",
        "their 99.9th percentile",
        |r| Some(r.metrics.size_percentiles[3]),
        mean,
    ),
    column(
        "I/b",
        "largest first I frame in b",
        |r| Some(r.metrics.first_i),
        most,
    ),
    column(
        "1st s %",
        "largest excess of the first second",
        |r| Some(r.metrics.first_second),
        most,
    ),
    column(
        "1 dB ms",
        "longest time until the PSNR is within 1 dB of the run's mean",
        |r| r.metrics.psnr_settled_ms,
        most,
    ),
    column("PSNR", "mean PSNR in dB", |r| Some(r.metrics.psnr), mean),
    column(
        "p5",
        "lowest 5th percentile of the PSNR",
        |r| Some(r.metrics.psnr_p5),
        least,
    ),
    column(
        "pulse",
        "largest mean step of PSNR at key frames in dB",
        |r| r.metrics.pulse,
        most,
    ),
    column(
        "freeze",
        "longest time in ms for which a picture is shown",
        |r| Some(r.metrics.freeze_ms),
        most,
    ),
    column(
        "fps",
        "fewest frames a second that are delivered",
        |r| Some(r.metrics.delivered_fps),
        least,
    ),
    column(
        "fill %",
        "share of the bits that are filler",
        |r| Some(r.metrics.filler),
        mean,
    ),
];

/// What the columns say, a line each.
pub(crate) fn legend() -> String {
    let mut text = String::new();
    for column in COLUMNS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<8} {}", column.title, column.about);
    }
    text
}

/// The table of the first controller.
pub(crate) fn table(board: &Board) -> String {
    let mut text = format!("{:<12}", "scenario");
    for column in COLUMNS {
        // Writing to a string cannot fail.
        let _ = write!(text, " {:>7}", column.title);
    }
    text.push('\n');
    let first = board.gates.first().map_or("", |(name, _)| name);
    let groups = board.runs.chunk_by(|a, b| a.scenario == b.scenario);
    for group in groups {
        let own: Vec<&Run> = group.iter().filter(|r| r.controller == first).collect();
        let Some(run) = own.first() else {
            continue;
        };
        let _ = write!(text, "{:<12}", run.scenario);
        for column in COLUMNS {
            let values: Vec<f64> = own.iter().filter_map(|run| (column.of)(run)).collect();
            let shown = if values.is_empty() {
                "-".to_owned()
            } else {
                figure((column.over)(&values))
            };
            let _ = write!(text, " {shown:>7}");
        }
        text.push('\n');
    }
    text
}
