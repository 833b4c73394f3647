// SPDX-License-Identifier: GPL-2.0

//! A page that needs nothing else.

use std::fmt::Write;

use super::plots::plots;
use super::rate;
use super::table::COLUMNS;
use crate::board::{Board, Run};
use slenc_plots::{escape, figure, head};

/// The whole page.
pub(crate) fn page(board: &Board) -> String {
    let mut text = head("Rate control scoreboard");
    text.push_str(
        "<p>Controllers over one identical encoder. A gate shows the worst of its runs, the limit \
         of that run, and how many runs meet it.</p>",
    );
    gates(board, &mut text);
    legend(&mut text);
    let mut last = "";
    for (n, run) in board.runs.iter().enumerate() {
        if run.scenario != last {
            if n > 0 {
                text.push_str("</table>");
            }
            last = &run.scenario;
            header(run, &mut text);
        }
        row(run, &mut text);
    }
    text.push_str("</table></html>\n");
    text
}

fn gates(board: &Board, text: &mut String) {
    let mut names: Vec<&str> = Vec::new();
    for summary in board.gates.iter().flat_map(|(_, summaries)| summaries) {
        if !names.contains(&summary.name.as_str()) {
            names.push(&summary.name);
        }
    }
    text.push_str("<h2>Gates</h2><table><tr><th>gate");
    for (controller, _) in &board.gates {
        let _ = write!(text, "<th>{controller}");
    }
    for name in names {
        let _ = write!(text, "<tr><td>{}", escape(name));
        for (_, summaries) in &board.gates {
            let Some(s) = summaries.iter().find(|summary| summary.name == name) else {
                text.push_str("<td class=\"none\">not applicable");
                continue;
            };
            let class = if s.met == s.runs { "met" } else { "missed" };
            let _ = write!(
                text,
                "<td class=\"{class}\">{} <small>({}) {}/{}</small>",
                figure(s.value),
                figure(s.limit),
                s.met,
                s.runs
            );
        }
    }
    text.push_str("</table>");
}

fn legend(text: &mut String) {
    text.push_str("<p><small>");
    for column in COLUMNS {
        let _ = write!(
            text,
            "<b>{}</b> {}. ",
            escape(column.title),
            escape(column.about)
        );
    }
    text.push_str(
        "b is the mean size of a frame. Dashed vertical lines are cuts and changes of the \
         configuration.</small></p>",
    );
}

fn header(run: &Run, text: &mut String) {
    let _ = write!(
        text,
        "<h2>{}: {}</h2><p>Levers: {}.</p><table><tr><th>content, rate, controller",
        escape(&run.scenario),
        escape(run.title),
        run.levers
    );
    for column in COLUMNS {
        let _ = write!(
            text,
            "<th title=\"{}\">{}",
            column.about,
            escape(column.title)
        );
    }
}

fn row(run: &Run, text: &mut String) {
    let missed = run.gates.iter().any(|gate| !gate.met);
    let class = match (run.gates.is_empty(), missed) {
        (true, _) => "none",
        (false, true) => "missed",
        (false, false) => "met",
    };
    let _ = write!(
        text,
        "<tr><td class=\"{class}\">{} {} {}",
        run.content,
        rate(run.bitrate),
        run.controller
    );
    for column in COLUMNS {
        let value = (column.value)(run).map_or("&ndash;".to_owned(), figure);
        let _ = write!(text, "<td>{value}");
    }
    let _ = write!(
        text,
        "<tr><td colspan=\"{}\"><details><summary>plots and gates</summary>",
        COLUMNS.len() + 1
    );
    for gate in &run.gates {
        let class = if gate.met { "met" } else { "missed" };
        let _ = write!(
            text,
            "<div class=\"{class}\">{}: {} ({})</div>",
            escape(&gate.name),
            figure(gate.value),
            figure(gate.limit)
        );
    }
    let _ = write!(text, "{}</details>", plots(run));
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;
    use crate::board::PlantKind;
    use crate::gates::{Gate, Summary};
    use crate::judge::metrics::measure;
    use crate::judge::samples;

    fn board() -> Board {
        let configs = vec![samples::config(25_000, 4000)];
        let records = samples::records(&[1000; 100]);
        Board {
            plant: PlantKind::Trace,
            gates: vec![(
                "log",
                vec![Summary {
                    name: "a <gate>".to_owned(),
                    runs: 2,
                    met: 1,
                    value: 7.5,
                    limit: 5.0,
                }],
            )],
            runs: vec![Run {
                scenario: "S1".to_owned(),
                title: "a & b",
                levers: "blind".to_owned(),
                content: "bikes",
                bitrate: 25_000,
                controller: "log",
                metrics: measure(&records, &configs, &[]),
                gates: vec![Gate {
                    name: "a <gate>".to_owned(),
                    value: 7.5,
                    limit: 5.0,
                    met: false,
                }],
                records,
                configs,
            }],
        }
    }

    #[test]
    fn the_page_is_whole() {
        let page = page(&board());
        assert!(page.contains("a &lt;gate&gt;") && page.contains("a &amp; b"));
        assert!(page.contains("class=\"missed\">7.50 <small>(5) 1/2</small>"));
        assert_eq!(page.matches("<svg").count(), 5);
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        assert_eq!(
            page.matches("<table").count(),
            page.matches("</table>").count()
        );
        assert!(!page.contains("http"));
    }

    #[test]
    fn the_terminal_says_the_same() {
        let board = board();
        let gates = table::gates(&board);
        assert!(
            gates.contains("7.50 (5)") && gates.contains("1/2-"),
            "{gates}"
        );
        assert!(gates.contains("log: 0 of 1 gates met"));
        let runs = table::runs(&board);
        assert!(runs.contains("missed: a <gate>"), "{runs}");
    }
}
