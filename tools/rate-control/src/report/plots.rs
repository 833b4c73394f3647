// SPDX-License-Identifier: GPL-2.0

//! What is plotted of a run.

use crate::board::Run;
use crate::config::SECOND;
use crate::frame::Record;
use crate::judge::{buffer, rate};
use crate::plant::scale::max_qp;
use slenc_plots::{pack, Line, Plot};

/// All plots of a run, as an element.
pub(super) fn plots(run: &Run) -> String {
    let records = &run.records;
    let seconds = |record: &Record| record.time as f64 / SECOND as f64;
    let line = |class, value: &dyn Fn(usize) -> f64| Line {
        class,
        points: (0..records.len())
            .map(|n| (seconds(&records[n]), value(n)))
            .collect(),
    };
    let config = |n: usize| &run.configs[records[n].config];
    let cuts = records.iter().filter(|record| record.cut);
    let cuts: Vec<f64> = cuts.map(seconds).filter(|&time| time > 0.0).collect();
    let changes: Vec<f64> = (1..records.len())
        .filter(|&n| records[n].config != records[n - 1].config)
        .map(|n| seconds(&records[n]))
        .take(100)
        .collect();
    let marks: Vec<f64> = cuts.into_iter().chain(changes).collect();

    let fills = buffer::walk(records, &run.configs);
    let windows = rate::windows(records, &run.configs, SECOND);
    let window_line = windows.iter().enumerate().map(|(n, error)| {
        let kbps = config(n).bitrate as f64 * (1.0 + error / 100.0) / 1000.0;
        // At the end of the window, as one sees it.
        (seconds(&records[n]) + 1.0, kbps)
    });
    let top_qp = run
        .configs
        .first()
        .map_or(51, |config| max_qp(config.scale));
    let plot = |title: &str, range, lines| {
        Some(Plot {
            title: title.to_owned(),
            lines,
            range,
            marks: marks.clone(),
        })
    };
    // Some encoders do not say.
    let qps = records.iter().filter_map(|record| {
        let qp = f64::from(record.qp?);
        Some((seconds(record), qp))
    });
    let qps: Vec<(f64, f64)> = qps.collect();
    let qp = if qps.is_empty() {
        None
    } else {
        let line = Line {
            class: "qp",
            points: qps,
        };
        plot("QP", (0.0, f64::from(top_qp)), vec![line])
    };
    let psnr = |n: usize| records[n].psnr;
    let lowest = (0..records.len()).map(psnr).fold(f64::INFINITY, f64::min);
    let all = [
        plot(
            "frame size and target, kbit",
            (0.0, 0.0),
            vec![
                line("bits", &|n| {
                    (records[n].bits + records[n].filler_bits) as f64 / 1000.0
                }),
                line("target", &|n| records[n].target as f64 / 1000.0),
            ],
        ),
        qp,
        plot(
            "fullness and size of the CPB, kbit",
            (0.0, 0.0),
            vec![
                line("fill", &|n| fills[n].bits / 1000.0),
                line("limit", &|n| fills[n].size / 1000.0),
            ],
        ),
        plot(
            "rate of the last second, and the rate asked for, kbit/s",
            (0.0, 0.0),
            vec![
                Line {
                    class: "rate",
                    points: window_line.collect(),
                },
                line("limit", &|n| config(n).bitrate as f64 / 1000.0),
            ],
        ),
        plot(
            "PSNR, dB",
            (lowest, lowest + 5.0),
            vec![line("psnr", &psnr)],
        ),
    ];
    let all: Vec<Plot> = all.into_iter().flatten().collect();
    pack(&all)
}
