// SPDX-License-Identifier: GPL-2.0

//! How long the rate control takes for a picture on this machine: the begin and the end of each
//! of many are timed.
//!
//! Usage: `cost JSON`. What it takes to read the clock is measured between the pictures, and its
//! median is left out of the times. What else the machine does is in them: it moves the 99th
//! percentile, and the median hardly.

use std::collections::VecDeque;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use slenc_pure::rate_control::{
    config::{Capabilities, Config, Mode},
    frame::{Analysis, FrameIn, FrameType, Outcome, Verdict},
    scale::Scale,
    session::Session,
};

/// Pictures that are timed, after some that are not.
const PICTURES: usize = 200_000;
const WARM: usize = 2_000;

/// How pictures are coded.
#[derive(Clone, Copy)]
struct Stream {
    name: &'static str,
    caps: Capabilities,
    config: Config,
    analysis: Option<Analysis>,
    /// Pictures that have begun when the first of them ends.
    ahead: usize,
}

fn streams() -> [Stream; 4] {
    let cbr = Stream {
        name: "CBR",
        caps: Capabilities {
            scale: Scale::Qp51,
            macroblocks: 1620,
            intra_floor_q8: 8 << 8,
            hard_max: false,
            post_skip: false,
            post_drop: false,
            filler: false,
            skip_bits: 100,
        },
        config: Config::cbr(Scale::Qp51, 1_000_000, 1, 25),
        analysis: None,
        ahead: 1,
    };
    [
        cbr,
        Stream {
            name: "VBR, hard maximum, strict CPB",
            caps: Capabilities {
                hard_max: true,
                ..cbr.caps
            },
            config: Config {
                mode: Mode::Vbr,
                peak: 2_000_000,
                strict: true,
                ..cbr.config
            },
            ..cbr
        },
        Stream {
            name: "CBR, pre-analysis",
            analysis: Some(Analysis {
                inter: 400_000,
                intra: 1_000_000,
            }),
            ..cbr
        },
        Stream {
            name: "CBR, 8 pictures ahead",
            ahead: 8,
            ..cbr
        },
    ]
}

/// What a call returns, and how many ns it takes.
fn timed<T>(call: impl FnOnce() -> T) -> (T, u64) {
    let start = Instant::now();
    let result = black_box(call());
    (result, start.elapsed().as_nanos() as u64)
}

/// Begin and end of each picture in ns, sorted, and so what reading the clock takes for both.
fn times(stream: &Stream) -> (Vec<u64>, Vec<u64>) {
    let mut session = Session::new(Scale::Qp51);
    session.start(stream.caps).expect("the hardware can be");
    session.configure(&stream.config).expect("it is in range");
    let (mut times, mut clock) = (Vec::new(), Vec::new());
    let mut open = VecDeque::new();
    let mut seed = 1u32;
    for n in 0..WARM + PICTURES {
        let kind = if n == 0 { FrameType::I } else { FrameType::P };
        let frame = FrameIn {
            idr: n == 0,
            header_bits: 64,
            analysis: stream.analysis,
            ..FrameIn::new(kind)
        };
        let (begun, begin) = timed(|| session.begin(black_box(&frame)));
        let decision = begun.expect("there is room for it").decision;
        // An eighth less for each QP, and noise of a tenth.
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let usual = 640_000.0 * 0.5f64.powf(f64::from(decision.qp) / 6.0);
        let bits = usual * (0.9 + 0.2 * f64::from(seed >> 8) / f64::from(1 << 24));
        open.push_back((decision.cookie, 64 + bits as u64));
        if open.len() < stream.ahead {
            continue;
        }
        let (cookie, bits) = open.pop_front().expect("it was pushed");
        let outcome = Outcome {
            bits,
            header_bits: 64,
            mean_qp_q8: None,
            forced_skips: 0,
        };
        let (judged, end) = timed(|| session.end(cookie, black_box(&outcome)));
        let judgement = judged.expect("it is its turn");
        assert_eq!(judgement.verdict, Verdict::Keep);
        session.commit(cookie, bits).expect("it has ended");
        if n >= WARM {
            times.push(begin + end);
            clock.push(timed(|| ()).1 + timed(|| ()).1);
        }
    }
    times.sort_unstable();
    clock.sort_unstable();
    (times, clock)
}

fn main() {
    let json = std::env::args().nth(1).expect("usage: cost JSON");
    let mut rows = String::new();
    println!("begin and end of a picture, native, in ns");
    for stream in &streams() {
        let (times, clock) = times(stream);
        let of =
            |share: usize| times[times.len() * share / 100].saturating_sub(clock[clock.len() / 2]);
        let (median, p99, clock) = (of(50), of(99), clock[clock.len() / 2]);
        println!(
            "{:30} median {median:5}  p99 {p99:5}  clock {clock:4}",
            stream.name
        );
        let comma = if rows.is_empty() { "" } else { ",\n" };
        write!(
            rows,
            "{comma}    {{\"stream\": \"{}\", \"median_ns\": {median}, \"p99_ns\": {p99}, \"clock_ns\": {clock}}}",
            stream.name
        )
        .expect("a string has room");
    }
    let what = "ns for begin and end of a picture, without reading the clock";
    let text = format!("{{\n  \"what\": \"{what}\",\n  \"rows\": [\n{rows}\n  ]\n}}\n");
    std::fs::write(json, text).expect("the file can be written");
}
