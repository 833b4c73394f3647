// SPDX-License-Identifier: GPL-2.0

//! Constant bitrate in a loop.

use crate::plant::{Run, Scene, CAPS};
use slenc_pure::rate_control::{
    config::Config,
    frame::{FrameIn, FrameType},
    scale::Scale,
};

const TALK: Scene = Scene {
    i: 100e3,
    p: 20e3,
    noise: 0.15,
    slope: 1.2,
};
const NEVER: usize = usize::MAX;

fn cbr(bitrate: u64) -> Config {
    Config::cbr(Scale::Qp51, bitrate, 1, 25)
}

#[test]
fn the_rate_is_met_whatever_the_slope() {
    for slope in [0.8, 1.0, 1.2, 1.4] {
        for noise in [0.1, 0.2] {
            for bitrate in [250_000, 500_000, 2_000_000] {
                let mut run = Run::new(CAPS, cbr(bitrate));
                run.play(
                    &Scene {
                        slope,
                        noise,
                        ..TALK
                    },
                    750,
                    NEVER,
                );
                assert!(run.rate_error(0..750).abs() < 0.5);
                let (low, high) = run.window_errors(25, 25);
                assert!(low > -8.0 && high < 8.0, "{low} {high} {slope} {noise}");
                assert!(run.longest_queue(0..750) < 4.5);
            }
        }
    }
}

#[test]
fn key_pictures_make_no_long_queue() {
    for slope in [0.8, 1.1, 1.4] {
        let mut run = Run::new(CAPS, cbr(500_000));
        run.play(&Scene { slope, ..TALK }, 750, 60);
        assert!(run.rate_error(0..750).abs() < 0.5);
        assert!(run.longest_queue(0..750) < 7.5);
    }
}

#[test]
fn what_idles_is_made_up_for_soon() {
    for p in [1e3, 3e3, 8e3] {
        let mut run = Run::new(CAPS, cbr(500_000));
        run.play(&TALK, 250, NEVER);
        let (from, before) = (run.bits.len(), run.qps[249]);
        run.play(&Scene { p, ..TALK }, 250, NEVER);
        // Twice as fast as 1.5 QPs a picture, once half of the credit is saved.
        let wanted = before - (6.0 * (TALK.p / p).log2() / TALK.slope) as i32;
        let reached = run.qps[from..].iter().position(|&qp| qp <= wanted + 2);
        let most = 6 + (before - wanted) as usize * 2 / 5;
        assert!(reached.is_some_and(|n| n <= most), "{p} {reached:?} {most}");
        assert!(run.longest_queue(from + 30..from + 250) < 4.0);
    }
}

#[test]
fn after_stillness_a_picture_is_no_finer_than_can_be_seen() {
    let still = Scene {
        i: 30e3,
        p: 20.0,
        ..TALK
    };
    for bitrate in [250_000, 1_000_000] {
        let mut run = Run::new(CAPS, cbr(bitrate));
        run.play(&TALK, 100, NEVER);
        run.play(&still, 500, NEVER);
        // A step of 4.
        assert_eq!(*run.qps.last().unwrap(), 16);
        let from = run.bits.len();
        run.play(&TALK, 100, NEVER);
        assert_eq!(run.qps[from], 16);
    }
    // What can be seen is coded, however fine it gets.
    let mut run = Run::new(CAPS, cbr(1_000_000));
    run.play(&Scene { p: 2e3, ..TALK }, 250, NEVER);
    assert!(*run.qps.last().unwrap() < 10);
}

#[test]
fn a_guess_aims_low() {
    let mut run = Run::new(CAPS, cbr(500_000));
    run.play(&TALK, 1, NEVER);
    let frame = FrameIn::new(FrameType::P);
    let first = run.controller.begin(&frame).unwrap();
    assert!(first.target_bits < run.share() as u64 * 3 / 4);
    run.controller.cancel(first.cookie).unwrap();
    run.play(&TALK, 20, NEVER);
    let known = run.controller.begin(&frame).unwrap();
    assert!(known.target_bits > run.share() as u64 * 3 / 4);
}

#[test]
fn a_cut_is_repaid_at_once() {
    for p in [10e3, 30e3, 60e3] {
        let mut run = Run::new(CAPS, cbr(500_000));
        run.play(&TALK, 250, NEVER);
        run.play(
            &Scene {
                p,
                i: 5.0 * p,
                ..TALK
            },
            250,
            NEVER,
        );
        let cut = run.bits[250] as f64 / run.share();
        // At most 5 points above what the picture itself makes, in any second.
        let (_, high) = run.window_errors(226, 25);
        assert!(high < 100.0 * (cut - 1.0) / 25.0 + 5.0);
        assert!(run.longest_queue(250..500) < cut + 2.5);
        assert!(run.rate_error(275..500).abs() < 7.0);
    }
}

#[test]
fn a_changed_rate_is_met_in_a_few_pictures() {
    for (from, to) in [
        (500_000, 250_000),
        (500_000, 1_000_000),
        (250_000, 1_000_000),
    ] {
        let mut run = Run::new(CAPS, cbr(from));
        run.play(&TALK, 250, NEVER);
        run.configure(cbr(to));
        for _ in 0..100 {
            run.picture(&TALK, &FrameIn::new(FrameType::P), false);
        }
        for start in 253..340 {
            let error = run.rate_error(start..start + 5);
            assert!(error.abs() < 20.0, "{from} to {to}: {error} at {start}");
        }
        assert!(run.rate_error(250..350).abs() < 5.0);
    }
}

#[test]
fn qps_stay_in_their_range() {
    let mut config = cbr(500_000);
    config.p.min_qp = 30;
    config.p.max_qp = 35;
    config.i.max_qp = 25;
    let mut run = Run::new(CAPS, config);
    run.play(&TALK, 100, 50);
    run.play(&Scene { p: 200e3, ..TALK }, 100, NEVER);
    assert!(run.qps[0] <= 25 && run.qps[50] <= 25);
    assert!(run.qps[1..50].iter().all(|qp| (30..=35).contains(qp)));
    assert!(run.qps[110..].iter().all(|&qp| qp == 35));
}

#[test]
fn there_is_no_wind_up_at_the_ends() {
    let still = Scene {
        p: 300.0,
        i: 100e3,
        ..TALK
    };
    let noisy = Scene {
        p: 4e5,
        i: 9e5,
        ..TALK
    };
    let mut run = Run::new(CAPS, cbr(500_000));
    run.play(&TALK, 100, NEVER);
    // Nothing to spend anything on for 40 seconds...
    run.play(&still, 1000, NEVER);
    let from = run.bits.len();
    for _ in 0..100 {
        run.picture(&TALK, &FrameIn::new(FrameType::P), false);
    }
    // ... does not make the next seconds a feast, after the first picture.
    assert!(run.rate_error(from + 1..from + 26) < 10.0);
    // What did not fit is paid back, and no more than that. Four pictures may go on to wait for
    // the time that the channel idled, and a picture waits as it comes.
    run.play(&noisy, 10, NEVER);
    let from = run.bits.len();
    run.play(&TALK, 500, NEVER);
    let paid = from
        + run.fills[from..]
            .iter()
            .position(|&fill| fill < 100_000)
            .unwrap();
    assert!(paid < from + 200);
    assert!(run.rate_error(paid + 25..paid + 75).abs() < 10.0);
}

#[test]
fn a_picture_rate_that_is_not_the_configured_one_is_followed() {
    let mut run = Run::new(CAPS, cbr(500_000));
    run.play(&TALK, 100, NEVER);
    let slow = FrameIn {
        interval_ns: 80_000_000,
        ..FrameIn::new(FrameType::P)
    };
    for _ in 0..100 {
        run.picture(&TALK, &slow, false);
    }
    // Half as many pictures, each twice as large.
    assert!((run.rate_error(120..200) - 100.0).abs() < 10.0);
}

#[test]
fn what_is_not_sent_in_a_pause_is_not_owed() {
    let late = FrameIn {
        interval_ns: 10_000_000_000,
        ..FrameIn::new(FrameType::P)
    };
    let mut run = Run::new(CAPS, cbr(500_000));
    run.play(&TALK, 250, NEVER);
    run.picture(&TALK, &late, false);
    for _ in 0..250 {
        run.picture(&TALK, &FrameIn::new(FrameType::P), false);
    }
    assert!(run.longest_queue(250..501) < 5.0);
    // The QP hardly falls.
    let before = run.qps[200..250].iter().min().unwrap();
    assert!(run.qps[250..].iter().all(|qp| qp + 2 >= *before));
}

#[test]
fn what_does_not_fit_is_coarser_and_not_skipped() {
    // A picture a second, and a buffer of one.
    let config = Config {
        cpb_ns: 1_000_000_000,
        strict: true,
        ..Config::cbr(Scale::Qp51, 200_000, 1, 1)
    };
    for (slope, noise, change) in [(0.8, 0.1, 1.0), (0.8, 0.15, 2.0), (1.2, 0.15, 2.0)] {
        let mut run = Run::new(CAPS, config);
        for n in 0..300 {
            let scene = Scene {
                i: 200e3,
                p: if (n + 1) / 20 % 2 == 0 {
                    60e3
                } else {
                    60e3 * change
                },
                noise,
                slope,
            };
            let frame_type = if n == 0 { FrameType::I } else { FrameType::P };
            run.picture(&scene, &FrameIn::new(frame_type), false);
        }
        let skipped = run.dropped.iter().filter(|&&dropped| dropped).count();
        assert_eq!(skipped, 0, "{slope} {noise} {change}");
    }
}

#[test]
fn a_limit_of_the_size_is_aimed_below() {
    let mut config = cbr(500_000);
    config.i.max_bits = 50_000;
    let mut run = Run::new(CAPS, config);
    run.play(&TALK, 500, 50);
    for n in (50..500).step_by(50) {
        assert!(run.bits[n] < 50_000);
    }
}
