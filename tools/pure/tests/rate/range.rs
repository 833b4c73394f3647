// SPDX-License-Identifier: GPL-2.0

//! The whole range of all parameters: nothing overflows, divides by 0 or panics.

use crate::{
    plant::{outcome, CAPS},
    random::Random,
};
use slenc_pure::rate_control::{
    config::{Capabilities, Config, Content, Limits, Mode, SkipMode, MAX_LAYERS},
    controller::Controller,
    cycle::Cycle,
    error::Error,
    frame::{Analysis, FrameIn, FrameType, Outcome},
    scale::Scale,
};
use std::collections::VecDeque;

fn edgy(random: &mut Random) -> u64 {
    match random.below(6) {
        0 => 0,
        1 => u64::MAX,
        2 => random.next(),
        3 => random.next() >> random.below(64),
        _ => u64::from(random.edgy_u32()),
    }
}

/// Mostly one that is accepted.
fn config(random: &mut Random, scale: Scale) -> Config {
    let limits = |random: &mut Random| {
        let mut qp = || match random.below(50) {
            0 => random.next() as i32,
            _ => random.below(scale.max() as u64 + 1) as i32,
        };
        Limits {
            fixed_qp: qp(),
            min_qp: qp(),
            max_qp: qp(),
            max_bits: 0,
        }
    };
    let rate = |random: &mut Random| match random.below(4) {
        0 => 1 << random.below(32),
        1 => Config::MAX_BITRATE - random.below(3),
        _ => 1 + random.below(20_000_000),
    };
    let mut i = limits(random);
    i.max_bits = edgy(random);
    let mut p = limits(random);
    p.max_bits = edgy(random);
    Config {
        mode: [
            Mode::Fixed,
            Mode::Cbr,
            Mode::Vbr,
            Mode::Quality,
            Mode::CappedQuality,
        ][random.below(5) as usize],
        bitrate: rate(random),
        peak: rate(random),
        window_ns: edgy(random),
        cpb_ns: edgy(random),
        cpb_bits: edgy(random),
        level_cpb_bits: edgy(random),
        initial_delay_ns: edgy(random),
        strict: random.one_in(2),
        low_delay: random.one_in(2),
        max_delay_ns: edgy(random),
        hrd: random.one_in(2),
        intra_safe: random.one_in(2),
        filler: random.one_in(2),
        interval: match random.below(4) {
            0 => (random.next() as u32, random.next() as u32),
            1 => (1001, 1),
            2 => (1, 1000),
            _ => (1001, 30_000 + random.below(30_000) as u32),
        },
        i,
        p,
        initial_qp: random.one_in(3).then_some(scale.max() / 2),
        skip: [SkipMode::Disabled, SkipMode::Level, SkipMode::Buffer][random.below(3) as usize],
        max_skips: random.below(4) as u32,
        layers: 1 + random.below(MAX_LAYERS as u64) as u8,
        layer_rates: [edgy(random), edgy(random), edgy(random)],
        content: [Content::Camera, Content::Screen][random.below(2) as usize],
        quality: 1 + random.below(100) as u8,
    }
}

fn frame(random: &mut Random) -> FrameIn {
    FrameIn {
        idr: random.one_in(8),
        layer: random.below(3) as u8,
        undroppable: random.one_in(2),
        reference: random.one_in(2),
        discontinuity: random.one_in(5),
        interval_ns: if random.one_in(2) { 0 } else { edgy(random) },
        distance: random.edgy_u32(),
        header_bits: if random.one_in(2) { 300 } else { edgy(random) },
        fixed_qp: random.one_in(8).then(|| random.below(130) as i32 - 1),
        max_bits: if random.one_in(2) { 0 } else { edgy(random) },
        analysis: random.one_in(3).then(|| Analysis {
            inter: edgy(random),
            intra: edgy(random),
        }),
        ..FrameIn::new(if random.one_in(5) {
            FrameType::I
        } else {
            FrameType::P
        })
    }
}

#[test]
fn any_stream_of_calls() {
    let mut random = Random::new(0x5eed);
    for _ in 0..3000 {
        let scale = [Scale::Qp51, Scale::Index127][random.below(2) as usize];
        let caps = Capabilities {
            scale,
            macroblocks: 1 + random.below(u64::from(Capabilities::MAX_MACROBLOCKS)) as u32,
            intra_floor_q8: random.edgy_u32(),
            hard_max: random.one_in(2),
            post_skip: random.one_in(2),
            post_drop: random.one_in(2),
            filler: random.one_in(2),
            skip_bits: random.edgy_u32(),
        };
        let mut controller = Controller::new(caps).unwrap();
        let mut limits = None;
        let mut open = VecDeque::new();
        for _ in 0..200 {
            match random.below(12) {
                0 => {
                    let config = config(&mut random, scale);
                    if controller.configure(&config).is_ok() {
                        limits = Some((config.i, config.p));
                    }
                }
                1 if random.one_in(10) => {
                    controller.reset();
                    open.clear();
                }
                2 if !open.is_empty() => {
                    assert_eq!(controller.cancel(open.pop_front().unwrap()), Ok(()));
                }
                3..=7 => {
                    let frame = frame(&mut random);
                    match controller.begin(&frame) {
                        Ok(decision) => {
                            let (i, p) = limits.unwrap();
                            let limits = if frame.frame_type == FrameType::I {
                                i
                            } else {
                                p
                            };
                            assert!(scale.contains(decision.qp));
                            assert!(decision.qp <= limits.max_qp);
                            assert!(decision.qp >= limits.min_qp.min(limits.max_qp));
                            let max = decision.max_bits;
                            assert!(max == 0 || decision.target_bits <= max);
                            open.push_back(decision.cookie);
                        }
                        Err(Error::Busy) => {
                            assert_eq!(open.len() as u64, Cycle::MAX_OUTSTANDING);
                        }
                        Err(Error::Unconfigured) => assert!(limits.is_none()),
                        Err(error) => assert_eq!(error, Error::Invalid),
                    }
                }
                _ => {
                    let Some(&cookie) = open.front() else {
                        continue;
                    };
                    let outcome = Outcome {
                        bits: edgy(&mut random),
                        header_bits: edgy(&mut random),
                        mean_qp_q8: random.one_in(3).then(|| random.edgy_u32() as i32),
                        forced_skips: random.edgy_u32(),
                    };
                    if let Ok(judgement) = controller.end(cookie, &outcome) {
                        let filler = judgement.filler_bytes;
                        assert!(filler == 0 || filler >= 6);
                        let bits = outcome.bits + 8 * filler;
                        assert!(controller.commit(cookie, bits).is_ok());
                        open.pop_front();
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_out_of_range_is_refused() {
    let good = Config::cbr(Scale::Qp51, 1_000_000, 1, 25);
    let mut controller = Controller::new(CAPS).unwrap();
    assert_eq!(controller.configure(&good), Ok(()));
    for bad in [
        Config { bitrate: 0, ..good },
        Config {
            bitrate: Config::MAX_BITRATE + 1,
            ..good
        },
        Config {
            interval: (0, 1),
            ..good
        },
        Config {
            interval: (1, 0),
            ..good
        },
        Config {
            interval: (1, 1001),
            ..good
        },
        Config {
            interval: (1002, 1),
            ..good
        },
        Config { layers: 0, ..good },
        Config { layers: 4, ..good },
        Config {
            initial_qp: Some(52),
            ..good
        },
        Config {
            mode: Mode::Quality,
            quality: 0,
            ..good
        },
        Config {
            mode: Mode::Quality,
            quality: 101,
            ..good
        },
        Config {
            mode: Mode::CappedQuality,
            peak: 0,
            ..good
        },
        Config {
            mode: Mode::Vbr,
            peak: Config::MAX_BITRATE + 1,
            ..good
        },
    ] {
        assert_eq!(controller.configure(&bad), Err(Error::Invalid), "{bad:?}");
    }
    for bad in [
        Capabilities {
            macroblocks: 0,
            ..CAPS
        },
        Capabilities {
            macroblocks: Capabilities::MAX_MACROBLOCKS + 1,
            ..CAPS
        },
    ] {
        assert!(Controller::new(bad).is_err());
    }
    let p = FrameIn::new(FrameType::P);
    for bad in [
        FrameIn { layer: 1, ..p },
        FrameIn {
            fixed_qp: Some(52),
            ..p
        },
        FrameIn {
            fixed_qp: Some(-1),
            ..p
        },
        FrameIn {
            interval_ns: u64::MAX,
            ..p
        },
    ] {
        assert_eq!(controller.begin(&bad), Err(Error::Invalid));
    }
    // None of them took a cookie.
    assert!(controller.begin(&p).is_ok_and(|d| d.cookie == 1));
}

#[test]
fn a_cancelled_picture_leaves_nothing_in_the_bucket() {
    let mut controller = Controller::new(CAPS).unwrap();
    let config = Config::cbr(Scale::Qp51, 1_000_000, 1, 25);
    assert_eq!(controller.configure(&config), Ok(()));
    for _ in 0..1000 {
        let cookies: Vec<_> = (0..8)
            .map(|_| {
                controller
                    .begin(&FrameIn::new(FrameType::P))
                    .unwrap()
                    .cookie
            })
            .collect();
        for cookie in cookies {
            assert_eq!(controller.cancel(cookie), Ok(()));
        }
    }
    assert_eq!(controller.state().fill, 0);
    // All that is left of it is the credit.
    assert!(controller.state().debt >= -60_000);
}

#[test]
fn pictures_ahead_count_as_predicted() {
    let mut controller = Controller::new(CAPS).unwrap();
    let config = Config::cbr(Scale::Qp51, 500_000, 1, 25);
    assert_eq!(controller.configure(&config), Ok(()));
    let mut open = VecDeque::new();
    let mut bits = 0u64;
    for n in 0..1000 {
        let frame_type = if n == 0 { FrameType::I } else { FrameType::P };
        let decision = controller.begin(&FrameIn::new(frame_type)).unwrap();
        open.push_back(decision);
        if open.len() == 8 {
            let decision = open.pop_front().unwrap();
            // Half the size per 6 QPs.
            let base = if decision.cookie == 1 {
                100_000.0
            } else {
                20_000.0
            };
            let size = (base * 2f64.powf(f64::from(28 - decision.qp) / 6.0)) as u64;
            assert!(controller.end(decision.cookie, &outcome(size)).is_ok());
            assert!(controller.commit(decision.cookie, size).is_ok());
            bits += size;
        }
    }
    let error = bits as f64 / (993.0 * 20_000.0) - 1.0;
    assert!(error.abs() < 0.01, "{error}");
    // The channel idled while the first eight were all by a guess: one picture more than usual may
    // wait for each of those ahead.
    assert!(controller.state().fill < 60_000 + 7 * 20_000);
}

/// Pictures that are minutes apart have a share of many CPBs: none is aimed at more than one.
#[test]
fn slow_pictures_fit_the_buffer() {
    for mode in [Mode::Cbr, Mode::Vbr, Mode::CappedQuality] {
        for interval in [(1, 1000), (1, 25), (1, 1), (10, 1), (60, 1), (1001, 1)] {
            let config = Config {
                mode,
                peak: 100_000,
                quality: 100,
                ..Config::cbr(Scale::Qp51, 100_000, interval.0, interval.1)
            };
            let mut controller = Controller::new(CAPS).unwrap();
            controller.configure(&config).unwrap();
            for n in 0..20 {
                let frame = FrameIn::new(match n % 5 {
                    0 => FrameType::I,
                    _ => FrameType::P,
                });
                let decision = controller.begin(&frame).unwrap();
                let target = decision.target_bits;
                assert!(
                    target <= 100_000,
                    "{mode:?}, {interval:?}: picture {n} aims at {target}"
                );
                let bits = target.min(100_000);
                let outcome = Outcome {
                    bits,
                    header_bits: 0,
                    mean_qp_q8: None,
                    forced_skips: 0,
                };
                controller.end(decision.cookie, &outcome).unwrap();
                controller.commit(decision.cookie, bits).unwrap();
            }
        }
    }
}
