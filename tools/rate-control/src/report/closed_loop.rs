// SPDX-License-Identifier: GPL-2.0

//! The engine beside its tables, two figures a cell.

use std::fmt::Write;

use super::rate;
use crate::board::Run;
use crate::closed_loop::Pair;
use slenc_plots::figure;

type Figure = fn(&Run) -> Option<f64>;

/// What is shown of both.
const COLUMNS: &[(&str, Figure)] = &[
    ("E %", |run| run.metrics.rate_error),
    ("W+ %", |run| Some(run.metrics.window_high)),
    ("D ms", |run| Some(run.metrics.delay_ms)),
    ("N", |run| Some(run.metrics.violations as f64)),
    ("QP", |run| Some(run.metrics.qp_mean)),
    ("PSNR", |run| Some(run.metrics.psnr)),
    ("L %", |run| run.metrics.loss),
    ("forced %", |run| Some(run.metrics.forced_skips)),
];

/// The table: of each run, the engine and its tables.
pub(crate) fn table(pairs: &[Pair]) -> String {
    let mut text = format!("{:<10} {:<12} {:>5}", "scenario", "content", "rate");
    for (title, _) in COLUMNS {
        // Writing to a string cannot fail.
        let _ = write!(text, " {title:>11}");
    }
    text += "  top-bottom dB\n";
    for pair in pairs {
        let run = &pair.engine;
        let _ = write!(
            text,
            "{:<10} {:<12} {:>5}",
            run.scenario,
            run.content,
            rate(run.bitrate)
        );
        for (_, of) in COLUMNS {
            let shown = |run: &Run| of(run).map_or("-".to_owned(), figure);
            let both = format!("{}/{}", shown(&pair.engine), shown(&pair.tables));
            let _ = write!(text, " {both:>11}");
        }
        if let Some(both) = pair.top_against_bottom {
            let [coded, constant] = both.map(figure);
            let _ = write!(text, "  {coded}/{constant}");
        }
        text.push('\n');
    }
    text
}
