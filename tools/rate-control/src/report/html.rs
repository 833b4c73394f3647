// SPDX-License-Identifier: GPL-2.0

//! A page that needs nothing else.

use std::fmt::Write;

use super::plots::plots;
use super::rate;
use super::table::COLUMNS;
use super::{also, closed_loop, peers, table};
use crate::board::{Board, Run};
use crate::peer::Peers;
use slenc_plots::{escape, figure, head, script};

/// The whole page.
pub(crate) fn page(board: &Board) -> String {
    let mut text = head("Rate control scoreboard") + &script();
    text.push_str(
        "<p>Controllers over one identical encoder. A gate shows the worst of its runs, the limit \
         of that run, and how many runs meet it.</p>",
    );
    gates(board, &mut text);
    if let Some(all) = &board.peers {
        native(all, &mut text);
    }
    besides(board, &mut text);
    legend(&mut text);
    runs(&board.runs, &mut text);
    if let Some(all) = &board.peers {
        runs(&all.runs, &mut text);
    }
    for pair in &board.closed_loop {
        let over = |what: &str, run: &Run| Run {
            levers: format!("{}, over {what}", run.levers),
            ..run.clone()
        };
        let both = [
            over("the engine", &pair.engine),
            over("its tables", &pair.tables),
        ];
        runs(&both, &mut text);
    }
    text.push_str("</html>\n");
    text
}

/// Tables of text.
fn besides(board: &Board, text: &mut String) {
    let tables = [
        ("BPF programs", table::programs(board)),
        (
            "Besides the gates",
            also::table(board) + "\n" + &also::legend(),
        ),
        (
            "The engine / its tables",
            closed_loop::table(&board.closed_loop),
        ),
    ];
    let shown = tables.iter().filter(|(_, table)| !table.is_empty());
    for (title, table) in shown {
        let _ = write!(text, "<h2>{title}</h2><pre>{}</pre>", escape(table));
    }
}

/// A table for each scenario.
fn runs(runs: &[Run], text: &mut String) {
    for group in runs.chunk_by(|a, b| a.scenario == b.scenario) {
        header(&group[0], text);
        for run in group {
            row(run, text);
        }
        text.push_str("</table>");
    }
}

/// The native encoders and our controllers on the same pictures.
fn native(all: &Peers, text: &mut String) {
    let columns = peers::columns(all);
    text.push_str("<h2>Native encoders</h2><table><tr><th>on the same pictures");
    for name in &columns {
        let _ = write!(text, "<th>{}", escape(name));
    }
    for line in peers::LINES {
        let _ = write!(text, "<tr><td>{}", escape(line.title));
        for name in &columns {
            let value = line.value(all, name);
            let value = value.map_or("&ndash;".to_owned(), figure);
            let _ = write!(text, "<td>{value}");
        }
    }
    text.push_str("</table>");
    for note in peers::notes(all) {
        let _ = write!(text, "<div><small>{}</small></div>", escape(&note));
    }
}

fn gates(board: &Board, text: &mut String) {
    let (names, _) = table::names(&board.gates);
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
        escape(&run.levers)
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
        escape(&peers::whose(run))
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
    if run.records.is_empty() {
        text.push_str("no pictures were kept</details>");
    } else {
        let _ = write!(text, "{}</details>", plots(run));
    }
}

#[cfg(test)]
mod tests {
    use super::super::rst;
    use super::*;
    use crate::board::PlantKind;
    use crate::closed_loop::Pair;
    use crate::gates::{Gate, Summary};
    use crate::judge::metrics::measure;
    use crate::judge::samples;
    use crate::peer::Encoder;

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
            programs: Vec::new(),
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
            peers: None,
            closed_loop: Vec::new(),
        }
    }

    /// Plots of runs, packed.
    fn plots(page: &str) -> usize {
        let packed = page.split("<script type=\"text/plain\">").skip(1);
        let texts = packed.filter_map(|text| text.split("</script>").next());
        texts.map(|text| text.trim().split("\n\n").count()).sum()
    }

    fn with_peers() -> Board {
        let mut board = board();
        let mut native = board.runs[0].clone();
        native.scenario = "P1000".to_owned();
        native.levers = "its own".to_owned();
        native.controller = "x264";
        native.gates.clear();
        for record in &mut native.records {
            record.qp = None;
        }
        let mut own = native.clone();
        own.levers = "a+b2".to_owned();
        own.controller = "builtin";
        own.metrics.rate_error = Some(-2.5);
        board.peers = Some(Peers {
            version: "ffmpeg <9>".to_owned(),
            encoders: vec![Encoder {
                name: "openh264",
                encoder: "libopenh264",
                available: false,
                options: String::new(),
            }],
            runs: vec![native, own],
            failures: vec!["x264 on bikes: & so on".to_owned()],
        });
        board
    }

    #[test]
    fn the_engine_is_beside_its_tables() {
        let mut board = board();
        let mut engine = board.runs[0].clone();
        engine.metrics.rate_error = Some(0.25);
        board.closed_loop = vec![Pair {
            engine,
            tables: board.runs[0].clone(),
            top_against_bottom: Some([-1.5, 0.25]),
        }];
        let page = page(&board);
        assert!(page.contains("Levers: blind, over the engine."));
        assert_eq!(plots(&page), 3 * 5);
        let figures = rst::figures(&board);
        let line = figures.lines().find(|line| line.contains("0.25/0"));
        assert!(line.is_some_and(|line| line.ends_with("-1.50/0.25")));
    }

    #[test]
    fn programs_are_beside_what_they_run_over() {
        let mut board = board();
        let (_, mut summaries) = board.gates[0].clone();
        summaries[0].value = 3.25;
        summaries[0].met = 2;
        board.programs = vec![("screen", summaries)];
        let mut run = board.runs[0].clone();
        run.controller = "screen";
        run.records.clear();
        board.runs.push(run);
        let figures = rst::figures(&board);
        let line = figures.lines().find(|line| line.contains("3.25+"));
        assert!(
            line.is_some_and(|line| line.contains(" 7.50-")),
            "{figures}"
        );
        assert!(figures.contains("screen: 1 of 1 gates met"));
        let page = page(&board);
        assert!(page.contains("3.25+"));
        // Without plots.
        assert!(page.contains("bikes 25k screen"));
        assert_eq!(plots(&page), 5);
    }

    #[test]
    fn what_is_reported_besides_is_in_the_documentation() {
        let figures = rst::figures(&board());
        let below = figures.split("Besides the gates, of ``log``").nth(1);
        let line = below.and_then(|text| text.lines().find(|line| line.contains("S1 ")));
        let words: Vec<&str> = line
            .expect("a scenario is a line")
            .split_whitespace()
            .collect();
        // Each frame takes the time of one to be sent; there is one key frame, and no filler.
        assert_eq!(words[1..6], ["40", "40", "40", "40", "100"]);
        assert_eq!(words[words.len() - 4..], ["-", "40", "25", "0"]);
        assert!(figures.contains("D50      median of the queue delay in ms"));
    }

    #[test]
    fn native_encoders_are_on_the_page() {
        let page = page(&with_peers());
        assert!(page.contains("<th>x264<th>builtin a+b2"));
        assert!(page.contains("rate error %, largest<td>0<td>2.50"));
        assert!(page.contains("Encoders of ffmpeg &lt;9&gt;."));
        assert!(page.contains("openh264: this ffmpeg has no libopenh264"));
        assert!(page.contains("failed: x264 on bikes: &amp; so on"));
        // Those of an encoder that does not tell its quantizers have no plot of them.
        assert_eq!(plots(&page), 5 + 4 + 4);
        assert_eq!(
            page.matches("<table").count(),
            page.matches("</table>").count()
        );
    }

    #[test]
    fn native_encoders_are_in_the_terminal() {
        let board = with_peers();
        let all = board.peers.as_ref().expect("they were put there");
        let text = peers::table(all);
        let line = text
            .lines()
            .find(|l| l.starts_with("clips: rate error %, largest"));
        let words: Vec<&str> = line.expect("it is a line").split_whitespace().collect();
        assert_eq!(words[words.len() - 2..], ["0", "2.50"]);
        // Nothing of that scenario was run.
        let line = text
            .lines()
            .find(|l| l.starts_with("clips: violations, CPB 500 ms"));
        assert!(line.is_some_and(|line| line.ends_with('-')));
        let figures = rst::figures(&board);
        assert!(figures.contains("openh264: this ffmpeg has no libopenh264"));
        assert!(figures.contains("clips: rate error %, largest"));
    }

    #[test]
    fn the_page_is_whole() {
        let page = page(&board());
        assert!(page.contains("a &lt;gate&gt;") && page.contains("a &amp; b"));
        assert!(page.contains("class=\"missed\">7.50 <small>(5) 1/2</small>"));
        assert_eq!(plots(&page), 5);
        let scripts = page.matches("<script").count();
        assert_eq!(scripts, page.matches("</script>").count());
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
