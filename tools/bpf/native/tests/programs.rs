// SPDX-License-Identifier: GPL-2.0

//! What the programs decide, over content that is made up: a size at QP 28, halved by 6 QPs.

use slenc_bpf_native::{
    entries,
    set_time,
    set_weight,
    take_records,
    Program,
    Share,
    Stream, //
};
use slenc_pure::rate_control::{
    config::{
        Capabilities,
        Config,
        SkipMode, //
    },
    frame::{
        Action,
        FrameIn,
        FrameType,
        Outcome,
        Verdict, //
    },
    scale::Scale,
};

const CAPS: Capabilities = Capabilities {
    scale: Scale::Qp51,
    macroblocks: 396,
    intra_floor_q8: 8 << 8,
    hard_max: false,
    post_skip: false,
    post_drop: false,
    filler: false,
    skip_bits: 100,
};

/// Headers of each picture, in bits.
const HEADERS: u64 = 200;
/// Time between pictures.
const INTERVAL: u64 = 40_000_000;

fn config(bitrate: u64, cpb: u64) -> Config {
    Config {
        cpb_bits: cpb,
        ..Config::cbr(Scale::Qp51, bitrate, 1, 25)
    }
}

fn stream(program: Program, config: &Config) -> Stream {
    Stream::new(program, Scale::Qp51, CAPS, config).unwrap()
}

/// What became of a picture.
struct Picture {
    qp: i32,
    bits: u64,
}

/// Codes a picture that takes so many bits at QP 28.
fn code(stream: &mut Stream, frame_type: FrameType, content: u64) -> Picture {
    let mut frame = FrameIn::new(frame_type);
    frame.idr = frame_type == FrameType::I;
    frame.header_bits = HEADERS;
    let decision = stream.begin(&frame).unwrap().decision;
    let bits = match decision.action {
        Action::Encode => {
            let halves = f64::from(28 - decision.qp) / 6.0;
            8 * ((content as f64 * halves.exp2()) as u64 / 8) + HEADERS
        }
        Action::Skip => CAPS.skip_bits.into(),
    };
    let outcome = Outcome {
        bits,
        header_bits: HEADERS.min(bits),
        mean_qp_q8: Some(decision.qp * 256),
        forced_skips: 0,
    };
    let judgement = stream.end(&outcome).unwrap();
    assert_eq!(judgement.verdict, Verdict::Keep);
    stream.commit(bits).unwrap();
    Picture {
        qp: decision.qp,
        bits,
    }
}

#[test]
fn the_floor_is_a_floor() {
    let mut floored = stream(Program::QpFloor, &config(1_000_000, 500_000));
    code(&mut floored, FrameType::I, 40_000);
    // Next to nothing happens: the built-in controller alone would go on to get finer.
    let qps: Vec<i32> = (0..100)
        .map(|_| code(&mut floored, FrameType::P, 400).qp)
        .collect();
    assert!(qps.iter().all(|&qp| qp >= 26));
    assert_eq!(qps.last(), Some(&26));
}

#[test]
fn limits_stand_above_the_floor() {
    let mut limited = config(1_000_000, 500_000);
    for limits in [&mut limited.i, &mut limited.p] {
        limits.max_qp = 22;
    }
    let mut floored = stream(Program::QpFloor, &limited);
    assert_eq!(code(&mut floored, FrameType::I, 1000).qp, 22);
    assert_eq!(code(&mut floored, FrameType::P, 400).qp, 22);
}

#[test]
fn every_picture_leaves_before_the_next_one() {
    let share = 1_000_000 / 25;
    let mut low = stream(Program::LowDelay, &config(1_000_000, share));
    code(&mut low, FrameType::I, 80_000);
    let mut queue: u64 = 0;
    let mut late = 0;
    for n in 0..500u64 {
        // A scene of 50 pictures is up to 16 times another.
        let content = 5_000 << (n / 50 * 7 % 5);
        let picture = code(&mut low, FrameType::P, content);
        queue = queue.saturating_sub(share) + picture.bits;
        late += u32::from(queue > share);
        if n % 50 > 5 {
            assert!(queue <= share, "picture {n}: {queue}");
            assert!(picture.bits > share / 2, "picture {n}: {}", picture.bits);
        }
    }
    // Nothing tells of a cut before: what is four times too large takes three pictures to send.
    assert!(late <= 6 * 3, "{late} pictures are late");
}

#[test]
fn a_still_screen_gets_fine_and_a_repaint_does_not() {
    let mut screen = stream(Program::Screen, &config(1_000_000, 500_000));
    code(&mut screen, FrameType::I, 100_000);
    let still: Vec<i32> = (0..40)
        .map(|_| code(&mut screen, FrameType::P, 300).qp)
        .collect();
    assert_eq!(still.last(), Some(&20));
    for pair in still[4..].windows(2) {
        assert!(pair[0] == pair[1] || pair[0] == pair[1] + 1, "{still:?}");
    }
    code(&mut screen, FrameType::P, 150_000);
    assert!(code(&mut screen, FrameType::P, 150_000).qp > 20);
}

#[test]
fn an_uplink_is_shared_by_need() {
    let uplink = 4_000_000;
    let whole = config(3_000_000, 3_000_000);
    // Two that take all they get, and one that is nearly still.
    let mut streams: Vec<Stream> = (0..3).map(|_| stream(Program::FairShare, &whole)).collect();
    let mut budgets = [0; 3];
    for n in 0..200u64 {
        set_time((n + 1) * INTERVAL);
        let frame_type = if n == 0 { FrameType::I } else { FrameType::P };
        for (i, stream) in streams.iter_mut().enumerate() {
            let content = if i == 2 { 50 } else { 100_000 };
            code(stream, frame_type, content);
            budgets[i] = stream.budget().unwrap().bitrate;
        }
        if n > 100 {
            let sum: u64 = budgets.iter().sum();
            assert!(sum <= uplink * 21 / 20, "{budgets:?}");
            assert!(sum >= uplink * 4 / 5, "{budgets:?}");
            assert!(budgets[2] < uplink / 4, "{budgets:?}");
            let apart = budgets[0].abs_diff(budgets[1]);
            assert!(apart < budgets[0] / 4, "{budgets:?}");
        }
    }
    // One goes: the others have it.
    streams.remove(0);
    for n in 200..400u64 {
        set_time((n + 1) * INTERVAL);
        for (stream, content) in streams.iter_mut().zip([100_000, 50]) {
            code(stream, FrameType::P, content);
        }
    }
    assert!(streams[0].budget().unwrap().bitrate > 2_500_000);
    assert_eq!(entries(), 2);
    streams.clear();
    assert_eq!(entries(), 0);
}

/// Streams that take all they get, and what they are given; `late` begin after 4 s.
fn shares(weights: &[(u64, Option<u32>)], late: usize) -> Vec<u64> {
    let whole = config(4_000_000, 4_000_000);
    let mut streams: Vec<Stream> = weights
        .iter()
        .map(|_| stream(Program::FairShare, &whole))
        .collect();
    for (stream, (cgroup, weight)) in streams.iter_mut().zip(weights) {
        stream.set_cgroup(*cgroup);
        if let Some(weight) = weight {
            set_weight(Share::Session(stream.id()), *weight);
        }
    }
    let first = streams.len() - late;
    for n in 0..300u64 {
        set_time((n + 1) * INTERVAL);
        for (i, stream) in streams.iter_mut().enumerate() {
            if i >= first && n < 100 {
                continue;
            }
            let begins = n == if i < first { 0 } else { 100 };
            let frame_type = if begins { FrameType::I } else { FrameType::P };
            code(stream, frame_type, 200_000);
        }
    }
    let given = |stream: &Stream| stream.budget().unwrap().bitrate;
    streams.iter().map(given).collect()
}

/// Whether streams have parts of 4 Mbit/s, in percent, within one.
fn has_parts(given: &[u64], parts: &[u64]) -> bool {
    given
        .iter()
        .zip(parts)
        .all(|(given, part)| given.abs_diff(part * 40_000) <= 40_000)
}

#[test]
fn an_uplink_is_shared_by_weight() {
    let given = shares(&[(1, Some(3)), (1, None)], 0);
    assert!(has_parts(&given, &[75, 25]), "{given:?}");
    // Of a cgroup, where a session has none; 0 is none as well.
    set_weight(Share::Cgroup(7), 2);
    let given = shares(&[(7, None), (7, Some(4)), (1, None), (1, Some(0))], 0);
    assert!(has_parts(&given, &[25, 50, 12, 12]), "{given:?}");
    // Those of sessions go with them.
    assert_eq!(entries(), 1);
}

#[test]
fn who_comes_late_gets_as_much() {
    for late in 1..3 {
        let given = shares(&[(1, None), (1, None), (1, None)], late);
        assert!(has_parts(&given, &[33, 33, 33]), "{given:?}");
    }
}

#[test]
fn weight_is_no_need() {
    // What is still keeps what it needs, and a large weight gets it no more.
    set_weight(Share::Cgroup(7), 1000);
    let whole = config(4_000_000, 4_000_000);
    let mut streams: Vec<Stream> = (0..2).map(|_| stream(Program::FairShare, &whole)).collect();
    streams[1].set_cgroup(7);
    for n in 0..300u64 {
        set_time((n + 1) * INTERVAL);
        let frame_type = if n == 0 { FrameType::I } else { FrameType::P };
        for (stream, content) in streams.iter_mut().zip([200_000, 50]) {
            code(stream, frame_type, content);
        }
    }
    let given: Vec<u64> = streams
        .iter()
        .map(|stream| stream.budget().unwrap().bitrate)
        .collect();
    assert!(given[0] > 3_500_000 && given[1] < 500_000, "{given:?}");
}

#[test]
fn every_picture_is_told_of() {
    let mut told = stream(Program::Telemetry, &config(1_000_000, 500_000));
    let mut sizes = vec![code(&mut told, FrameType::I, 80_000).bits / 8];
    sizes.extend((0..9).map(|_| code(&mut told, FrameType::P, 20_000).bits / 8));
    let records = take_records();
    let word = |record: &[u8], n: usize| {
        let bytes = record.get(8 * n..8 * n + 8).unwrap();
        u64::from_ne_bytes(bytes.try_into().unwrap())
    };
    assert!(records.iter().all(|record| record.len() == 152));
    // Session, cgroup, number, time, size.
    let numbers: Vec<u64> = records.iter().map(|record| word(record, 2)).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<u64>>());
    let told: Vec<u64> = records.iter().map(|record| word(record, 4)).collect();
    assert_eq!(told, sizes);
}

#[test]
fn a_stream_takes_its_memory_with_it() {
    for program in [Program::LowDelay, Program::Screen, Program::FairShare] {
        let mut one = stream(program, &config(1_000_000, 500_000));
        code(&mut one, FrameType::I, 80_000);
        assert_eq!(entries(), 1);
        drop(one);
        assert_eq!(entries(), 0);
    }
}

#[test]
fn programs_keep_to_the_limits_over_anything() {
    let mut limited = config(500_000, 100_000);
    limited.skip = SkipMode::Buffer;
    for limits in [&mut limited.i, &mut limited.p] {
        (limits.min_qp, limits.max_qp) = (15, 45);
    }
    for program in [
        Program::QpFloor,
        Program::LowDelay,
        Program::Screen,
        Program::FairShare,
        Program::Telemetry,
    ] {
        let mut any = stream(program, &limited);
        let mut seed = 1u64;
        for n in 0..3000u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            set_time(n * INTERVAL);
            let frame_type = if n % 250 == 0 {
                FrameType::I
            } else {
                FrameType::P
            };
            let picture = code(&mut any, frame_type, 1 << (seed >> 60));
            assert!((15..=45).contains(&picture.qp));
        }
    }
}
