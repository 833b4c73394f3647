// SPDX-License-Identifier: GPL-2.0

//! Every frame of every run, as a table for other programs.

use std::fmt::Write;

use crate::board::Board;
use crate::judge::buffer;

const HEAD: &str = "scenario,content,bitrate,controller,frame,time_ms,key,cut,layer,qp,\
    target,bits,filler,skipped,forced_skips,fill,cpb,psnr\n";

/// Comma-separated values, one line a frame.
pub(crate) fn csv(board: &Board) -> String {
    let mut text = HEAD.to_owned();
    for run in &board.runs {
        let fills = buffer::walk(&run.records, &run.configs);
        for (n, (record, fill)) in run.records.iter().zip(fills).enumerate() {
            let name = [&run.scenario, run.content, run.controller];
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{},{},{},{},{n},{},{},{},{},{},{},{},{},{},{},{:.0},{:.0},{:.2}",
                name[0],
                name[1],
                run.bitrate,
                name[2],
                record.time / 1_000_000,
                u8::from(record.key),
                u8::from(record.cut),
                record.layer,
                record.qp.map_or(String::new(), |qp| qp.to_string()),
                record.target,
                record.bits,
                record.filler_bits,
                u8::from(record.skipped),
                record.forced_skip_mbs,
                fill.bits,
                fill.size,
                record.psnr,
            );
        }
    }
    text
}
