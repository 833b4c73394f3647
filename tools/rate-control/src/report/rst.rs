// SPDX-License-Identifier: GPL-2.0

//! The gates as part of a page of the documentation: the table, and every run that misses one.

use std::fmt::Write;

use super::{also, closed_loop, peers, rate, table};
use crate::board::Board;
use slenc_plots::figure;

/// What the page includes.
pub(crate) fn figures(board: &Board) -> String {
    let mut text = ".. SPDX-License-Identifier: GPL-2.0\n\n".to_owned();
    text +=
        "The worst value of each gate, its limit, and how many runs meet it, by controller::\n\n";
    block(&mut text, &table::gates(board));
    let Some((first, _)) = board.gates.first() else {
        return text;
    };
    let mut missed = String::new();
    for run in board.runs.iter().filter(|run| run.controller == *first) {
        for gate in run.gates.iter().filter(|gate| !gate.met) {
            // Writing to a string cannot fail.
            let _ = writeln!(
                missed,
                "{:<12} {:<8} {:<13} {:>5}  {:>7} ({})  {}",
                run.scenario,
                run.levers,
                run.content,
                rate(run.bitrate),
                figure(gate.value),
                figure(gate.limit),
                gate.name,
            );
        }
    }
    let _ = write!(text, "\nThe runs of ``{first}`` that miss a gate::\n\n");
    block(
        &mut text,
        if missed.is_empty() { "none\n" } else { &missed },
    );
    let _ = write!(
        text,
        "\nBesides the gates, of ``{first}``; means of the runs, or the worst::\n\n"
    );
    block(&mut text, &also::table(board));
    text += "\nThese are::\n\n";
    block(&mut text, &also::legend());
    if !board.programs.is_empty() {
        text += "\nThe BPF programs as controllers of their own, over the built-in one: the worst value of \
                 each gate, and a plus where all runs meet it::\n\n";
        block(&mut text, &table::programs(board));
    }
    if let Some(all) = &board.peers {
        text += "\nNative encoders and ``builtin`` on the same pictures::\n\n";
        block(&mut text, &peers::table(all));
        text += "\nHow they were run::\n\n";
        block(&mut text, &peers::notes(all).join("\n"));
    }
    if !board.closed_loop.is_empty() {
        text += "\nThe engine in a closed loop, and by its tables::\n\n";
        block(&mut text, &closed_loop::table(&board.closed_loop));
    }
    text
}

/// A literal block.
fn block(text: &mut String, lines: &str) {
    for line in lines.lines() {
        let _ = writeln!(text, "    {}", line.trim_end());
    }
}
