// SPDX-License-Identifier: GPL-2.0

//! `slenc bpf watch`: every picture, as the program `telemetry` sees it.

use crate::{
    cli::WatchArgs,
    error::{
        Context,
        Error,
        Result, //
    },
    place,
    telemetry::Picture, //
};
use libbpf_rs::{
    MapHandle,
    RingBufferBuilder, //
};
use std::{
    io::{
        self,
        Write, //
    },
    time::Duration,
};

/// The program that sends the pictures, and its map.
const PROGRAM: &str = "telemetry";
const MAP: &str = "pictures";

/// Width of the bar that shows the CPB.
const BAR: u64 = 20;

fn mode(number: u32, names: &[&'static str]) -> &'static str {
    names.get(number as usize).copied().unwrap_or("?")
}

/// How full the CPB is.
fn bar(picture: &Picture) -> String {
    if picture.cpb_bits == 0 {
        return String::new();
    }
    let full =
        (u128::from(picture.cpb_fill) * u128::from(BAR)).div_ceil(u128::from(picture.cpb_bits));
    let full = usize::try_from(full)
        .unwrap_or(usize::MAX)
        .min(BAR as usize);
    format!("{}{}", "#".repeat(full), ".".repeat(BAR as usize - full))
}

fn line(picture: &Picture) -> String {
    let qp = match picture.mean_qp_q8 {
        Some(q8) => format!("{:.1}", f64::from(q8) / 256.0),
        None => picture.qp.to_string(),
    };
    format!(
        "{:>5} {:>7} {:<4} {:>3} {:>8} {:>5} {:>8} {:>8} {:>7.1} {:>6} {}",
        picture.session,
        picture.number,
        match picture.action {
            0 => mode(picture.frame_type, &["I", "P"]),
            _ => "skip",
        },
        picture.layer,
        picture.builtin_qp,
        qp,
        picture.target_bits / 8,
        picture.bytes,
        picture.delay_ns as f64 / 1e6,
        match picture.verdict {
            0 if picture.violation_bits != 0 => "late",
            verdict => mode(verdict, &["", "skip", "drop"]),
        },
        bar(picture),
    )
}

fn json(picture: &Picture) -> String {
    format!(
        "{{\"session\":{},\"cgroup\":{},\"number\":{},\"time_ns\":{},\"type\":\"{}\",\"layer\":{},\
         \"action\":\"{}\",\"verdict\":\"{}\",\"builtin_qp\":{},\"qp\":{},\"target_bits\":{},\
         \"predicted_bits\":{},\"coded_bytes\":{},\"bytes\":{},\"bitrate\":{},\"debt\":{},\
         \"cpb_fill\":{},\"cpb_bits\":{},\"delay_ns\":{},\"violation_bits\":{}}}",
        picture.session,
        picture.cgroup,
        picture.number,
        picture.time_ns,
        mode(picture.frame_type, &["I", "P"]),
        picture.layer,
        mode(picture.action, &["encode", "skip"]),
        mode(picture.verdict, &["keep", "replace", "drop"]),
        picture.builtin_qp,
        picture.qp,
        picture.target_bits,
        picture.predicted_bits,
        picture.coded_bytes,
        picture.bytes,
        picture.bitrate,
        picture.debt,
        picture.cpb_fill,
        picture.cpb_bits,
        picture.delay_ns,
        picture.violation_bits,
    )
}

/// Shows pictures until there were enough, or the reader of the output is gone.
pub(crate) fn run(args: &WatchArgs) -> Result<()> {
    let pin = place::pins(PROGRAM).join(MAP);
    let map = MapHandle::from_pinned_path(&pin).map_err(|_| {
        Error::new(format!("{PROGRAM} is not loaded")).remedy(format!(
            "run slenc bpf load {PROGRAM} and slenc bpf attach {PROGRAM} before"
        ))
    })?;
    let mut out = io::stdout().lock();
    let mut left = args.frames.unwrap_or(u64::MAX);
    let mut result = Ok(());
    if !args.json {
        writeln!(
            out,
            "{:>5} {:>7} {:<4} {:>3} {:>8} {:>5} {:>8} {:>8} {:>7} {:>6} CPB",
            "STRM", "PICTURE", "TYPE", "LYR", "BUILT-IN", "QP", "TARGET", "BYTES", "MS", "",
        )
        .context("standard output")?;
    }
    let done = std::cell::Cell::new(left == 0);
    {
        let mut builder = RingBufferBuilder::new();
        builder
            .add(&map, |record| {
                let Some(picture) = Picture::parse(record) else {
                    return 0;
                };
                if done.get() || args.session.is_some_and(|id| id != picture.session) {
                    return 0;
                }
                let text = if args.json {
                    json(&picture)
                } else {
                    line(&picture)
                };
                result = writeln!(out, "{text}").and_then(|()| out.flush());
                left -= 1;
                done.set(left == 0 || result.is_err());
                0
            })
            .context("the ring buffer")?;
        let ring = builder.build().context("the ring buffer")?;
        while !done.get() {
            ring.poll(Duration::from_millis(200))
                .context("the ring buffer")?;
        }
    }
    match result {
        // Whoever read it has seen enough.
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_never_too_long() {
        let full = |fill| {
            bar(&Picture {
                cpb_fill: fill,
                cpb_bits: 1000,
                ..Picture::default()
            })
        };
        assert_eq!(full(0), "....................");
        assert_eq!(full(1), "#...................");
        assert_eq!(full(500), "##########..........");
        assert_eq!(full(u64::MAX), "####################");
        assert_eq!(bar(&Picture::default()), "");
    }
}
