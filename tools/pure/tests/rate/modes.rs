// SPDX-License-Identifier: GPL-2.0

//! The other modes, and what hardware and policies add.

use crate::plant::{Run, Scene, CAPS};
use slenc_pure::rate_control::{
    config::{Capabilities, Config, Mode, SkipMode},
    frame::{Analysis, FrameIn, FrameType},
    scale::Scale,
};

const TALK: Scene = Scene {
    i: 100e3,
    p: 20e3,
    noise: 0.15,
    slope: 1.2,
};
const NEVER: usize = usize::MAX;
const BITRATE: u64 = 500_000;

fn config(mode: Mode) -> Config {
    Config {
        mode,
        ..Config::cbr(Scale::Qp51, BITRATE, 1, 25)
    }
}

/// Scenes of three costs, two seconds each.
fn changing(run: &mut Run, scenes: usize) {
    for n in 0..scenes {
        let p = [10e3, 40e3, 20e3][n % 3];
        run.play(
            &Scene {
                p,
                i: 4.0 * p,
                ..TALK
            },
            50,
            NEVER,
        );
    }
}

#[test]
fn a_variable_rate_is_met_on_average_with_a_steadier_qp() {
    let mut vbr = Run::new(
        CAPS,
        Config {
            peak: 2 * BITRATE,
            ..config(Mode::Vbr)
        },
    );
    let mut cbr = Run::new(CAPS, config(Mode::Cbr));
    changing(&mut vbr, 30);
    changing(&mut cbr, 30);
    let error = vbr.rate_error(0..1500);
    assert!(error > -5.0 && error < 2.0, "{error}");
    assert!(vbr.qp_deviation(250) < 0.75 * cbr.qp_deviation(250));
    let cpb = 2 * BITRATE;
    assert!(vbr.fills.iter().all(|&fill| fill <= cpb));
}

#[test]
fn constant_quality_is_constant_and_100_is_best() {
    let mut last = 52;
    for quality in [1, 25, 50, 75, 100] {
        let mut run = Run::new(
            CAPS,
            Config {
                quality,
                bitrate: 0,
                ..config(Mode::Quality)
            },
        );
        changing(&mut run, 3);
        assert!(run.qps.iter().all(|&qp| qp == run.qps[0]));
        assert!(run.qps[0] < last);
        last = run.qps[0];
    }
    assert_eq!(last, 0);
}

#[test]
fn a_quality_that_is_asked_for_is_coded_in_stillness_too() {
    let still = Scene { p: 20.0, ..TALK };
    for quality in [80, 100] {
        let capped = Config {
            peak: BITRATE,
            quality,
            ..config(Mode::CappedQuality)
        };
        let mut run = Run::new(CAPS, capped);
        run.play(&still, 100, NEVER);
        let asked = i32::from(100 - quality) * 51 / 99;
        assert!(asked < 16);
        assert_eq!(*run.qps.last().unwrap(), asked);
    }
}

#[test]
fn a_cap_holds_only_where_it_must() {
    let capped = Config {
        quality: 50,
        bitrate: 0,
        peak: BITRATE,
        ..config(Mode::CappedQuality)
    };
    let mut run = Run::new(CAPS, capped);
    let easy = Scene {
        p: 5e3,
        i: 40e3,
        ..TALK
    };
    run.play(&easy, 100, NEVER);
    let quality = run.qps[50];
    assert!(run.qps[10..].iter().all(|&qp| qp == quality));
    run.play(
        &Scene {
            p: 100e3,
            i: 300e3,
            ..TALK
        },
        300,
        NEVER,
    );
    run.config.bitrate = BITRATE;
    assert!(run.rate_error(150..400).abs() < 5.0);
    run.play(&easy, 100, NEVER);
    assert!(run.qps[450..].iter().all(|&qp| qp == quality));
}

/// The worst of all: stillness and repaints.
fn screen(run: &mut Run, repaints: usize) {
    let still = Scene {
        p: 600.0,
        i: 150e3,
        noise: 0.3,
        slope: 1.0,
    };
    run.play(&still, 100, NEVER);
    for n in 0..repaints {
        run.picture(
            &Scene {
                i: 250e3 + 60e3 * n as f64,
                ..still
            },
            &FrameIn::new(FrameType::P),
            true,
        );
        run.play(
            &Scene {
                p: 3e3,
                i: 3e3,
                ..still
            },
            40,
            NEVER,
        );
    }
}

#[test]
fn hardware_with_a_hard_maximum_keeps_a_strict_buffer() {
    for cpb_ns in [44_000_000, 250_000_000, 1_000_000_000] {
        let caps = Capabilities {
            hard_max: true,
            ..CAPS
        };
        let mut run = Run::new(
            caps,
            Config {
                strict: true,
                cpb_ns,
                ..config(Mode::Cbr)
            },
        );
        screen(&mut run, 10);
        changing(&mut run, 10);
        let cpb = BITRATE * cpb_ns / 1_000_000_000;
        assert!(run.fills.iter().all(|&fill| fill <= cpb));
    }
}

#[test]
fn replacing_what_does_not_fit_keeps_a_strict_buffer() {
    for cpb_ns in [500_000_000, 1_000_000_000] {
        let caps = Capabilities {
            post_skip: true,
            ..CAPS
        };
        let mut run = Run::new(
            caps,
            Config {
                strict: true,
                cpb_ns,
                ..config(Mode::Cbr)
            },
        );
        screen(&mut run, 10);
        let cpb = BITRATE * cpb_ns / 1_000_000_000;
        assert!(run.fills.iter().all(|&fill| fill <= cpb));
        let dropped = run.dropped.iter().filter(|&&d| d).count();
        assert!(dropped > 0 && dropped <= 25, "{dropped}");
        assert!(!run.dropped.windows(3).any(|w| w.iter().all(|&d| d)));
    }
}

#[test]
fn a_full_buffer_skips_where_it_may() {
    for post_skip in [false, true] {
        let mut run = Run::new(
            Capabilities { post_skip, ..CAPS },
            Config {
                skip: SkipMode::Buffer,
                max_skips: 4,
                cpb_ns: 250_000_000,
                ..config(Mode::Cbr)
            },
        );
        run.play(
            &Scene {
                p: 1e6,
                i: 3e6,
                ..TALK
            },
            200,
            NEVER,
        );
        let skipped = run.dropped.iter().filter(|&&d| d).count();
        assert!(skipped > 0);
        // Before they are coded or afterwards: it is the same to who watches.
        assert!(!run.dropped.windows(5).any(|w| w.iter().all(|&d| d)));
    }
}

#[test]
fn filler_keeps_the_channel_busy() {
    let mut run = Run::new(
        CAPS,
        Config {
            filler: true,
            ..config(Mode::Cbr)
        },
    );
    run.play(
        &Scene {
            p: 300.0,
            i: 50e3,
            ..TALK
        },
        500,
        NEVER,
    );
    assert!(run.rate_error(0..500).abs() < 0.5);
    // There is always a picture's worth left to send, but for what is too small for filler.
    assert!(run
        .fills
        .iter()
        .all(|&fill| fill + 48 >= run.share() as u64));
}

#[test]
fn temporal_layers_have_their_rates() {
    for (layers, pattern) in [(2, &[0, 1][..]), (3, &[0, 2, 1, 2][..])] {
        let mut run = Run::new(
            CAPS,
            Config {
                layers,
                ..config(Mode::Cbr)
            },
        );
        for n in 0..1000 {
            let layer = pattern[n % pattern.len()];
            let frame = FrameIn {
                layer,
                reference: layer + 1 < layers,
                ..FrameIn::new(if n == 0 { FrameType::I } else { FrameType::P })
            };
            // The further away the reference, the larger the picture.
            let p = 20e3 * f64::from(1 << (layers - 1 - layer));
            run.picture(&Scene { p, ..TALK }, &frame, false);
        }
        let rates: &[f64] = match layers {
            2 => &[0.6, 0.4],
            _ => &[0.4, 0.2, 0.4],
        };
        for (layer, rate) in rates.iter().enumerate() {
            let bits: u64 = (0..1000)
                .filter(|n| usize::from(pattern[n % pattern.len()]) == layer)
                .map(|n| run.bits[n])
                .sum();
            let error = bits as f64 / (rate * 40.0 * BITRATE as f64) - 1.0;
            assert!(error.abs() < 0.03, "layer {layer} of {layers}: {error}");
        }
    }
}

/// The same scene costs the same, whether that is known before or not.
#[test]
fn analysis_begins_and_ends_in_mid_stream() {
    const INTRA: u64 = (CAPS.macroblocks as u64) << 13;
    const SCENE: Scene = Scene {
        noise: 0.05,
        ..TALK
    };
    let known = Some(Analysis {
        inter: INTRA / 16,
        intra: INTRA,
    });
    let mut run = Run::new(CAPS, config(Mode::Cbr));
    run.play(&SCENE, 100, NEVER);
    for analysis in [known, None, known] {
        let before = run.qps.len();
        for _ in 0..50 {
            let frame = FrameIn {
                analysis,
                ..FrameIn::new(FrameType::P)
            };
            run.picture(&SCENE, &frame, false);
        }
        let usual = *run.qps[..before].last().unwrap();
        let off = run.qps[before..].iter().map(|qp| qp.abs_diff(usual)).max();
        assert!(off <= Some(2), "{:?}", &run.qps[before - 1..]);
    }
}

/// What nothing new takes says nothing of what something new will.
#[test]
fn a_repaint_is_foreseen_after_stillness() {
    const INTRA: u64 = (CAPS.macroblocks as u64) << 13;
    let scene = |inter: u64| Scene {
        p: TALK.i * inter as f64 / INTRA as f64,
        noise: 0.05,
        ..TALK
    };
    let picture = |run: &mut Run, frame_type, inter| {
        let frame = FrameIn {
            analysis: Some(Analysis {
                inter,
                intra: INTRA,
            }),
            ..FrameIn::new(frame_type)
        };
        run.picture(&scene(inter), &frame, false);
    };
    let mut run = Run::new(CAPS, config(Mode::Cbr));
    picture(&mut run, FrameType::I, INTRA);
    for _ in 0..50 {
        picture(&mut run, FrameType::P, INTRA / 8);
    }
    for _ in 0..20 {
        for _ in 0..100 {
            picture(&mut run, FrameType::P, 0);
        }
        // As sharp as it can be seen, and no more.
        assert_eq!(*run.qps.last().unwrap(), 16);
        picture(&mut run, FrameType::P, INTRA / 2);
        let size = *run.bits.last().unwrap() as f64;
        assert!(size < 5.0 * run.share(), "{size} of {}", run.share());
    }
}
