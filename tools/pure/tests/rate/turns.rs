// SPDX-License-Identifier: GPL-2.0

//! What sessions do when pictures are cancelled, configurations wait, and verdicts are not carried
//! out.

use crate::plant::CAPS;
use slenc_pure::rate_control::{
    config::{Capabilities, Config, Limits},
    error::Error,
    frame::{reason, FrameIn, FrameType, Outcome, Verdict},
    scale::Scale,
    session::{Begun, Session},
};

const CONFIG: Config = Config::cbr(Scale::Qp51, 1_000_000, 1, 25);
const TOLD: Config = Config {
    hrd: true,
    ..CONFIG
};
const P: FrameIn = FrameIn::new(FrameType::P);
const IDR: FrameIn = FrameIn {
    idr: true,
    ..FrameIn::new(FrameType::I)
};

fn session(config: &Config) -> Session {
    let mut session = Session::new(Scale::Qp51);
    let caps = Capabilities {
        post_skip: true,
        ..CAPS
    };
    session.start(caps).unwrap();
    session.configure(config).unwrap();
    session
}

fn outcome(bits: u64) -> Outcome {
    Outcome {
        bits,
        header_bits: 0,
        mean_qp_q8: None,
        forced_skips: 0,
    }
}

fn code(session: &mut Session, frame: &FrameIn, bits: u64) -> Begun {
    let begun = session.begin(frame).unwrap();
    let cookie = begun.decision.cookie;
    session.end(cookie, &outcome(bits)).unwrap();
    session.commit(cookie, bits).unwrap();
    begun
}

#[test]
fn idr_pictures_are_cancelled_in_a_row() {
    let faster = Config {
        bitrate: 2_000_000,
        ..TOLD
    };
    let begin = |session: &mut Session, frame| {
        let begun = session.begin(frame).unwrap();
        let removal = begun.removal.unwrap();
        (begun.decision.cookie, removal.bit_rate, removal.delay)
    };
    for kept in [0, 1, 2] {
        let mut session = session(&TOLD);
        code(&mut session, &IDR, 40_000);
        session.configure(&faster).unwrap();
        let (first, ..) = begin(&mut session, &IDR);
        let (second, rate, delay) = begin(&mut session, &IDR);
        assert_eq!((rate, delay), (2_000_000, 2));
        // Nothing that could not be taken back.
        session.configure(&TOLD).unwrap();
        let (third, rate, _) = begin(&mut session, &IDR);
        assert_eq!(rate, 2_000_000);
        session.configure(&faster).unwrap();
        for (n, cookie) in [first, second, third].into_iter().enumerate() {
            if n + 1 == kept {
                session.end(cookie, &outcome(40_000)).unwrap();
                session.commit(cookie, 40_000).unwrap();
            } else {
                session.cancel(cookie).unwrap();
            }
        }
        // What the SPS that decoders have says, and the time since they got it.
        let (_, rate, delay) = begin(&mut session, &P);
        let expected = match kept {
            0 => (1_000_000, 8),
            1 => (2_000_000, 6),
            _ => (2_000_000, 4),
        };
        assert_eq!((rate, delay), expected);
        // The configuration comes in the end.
        let (_, rate, _) = begin(&mut session, &IDR);
        assert_eq!(rate, 2_000_000);
    }
}

#[test]
fn layers_wait_with_their_configuration() {
    let mut session = session(&TOLD);
    code(&mut session, &IDR, 40_000);
    let layered = Config {
        bitrate: 2_000_000,
        layers: 2,
        ..TOLD
    };
    session.configure(&layered).unwrap();
    let above = FrameIn { layer: 1, ..P };
    let begun = code(&mut session, &above, 40_000);
    assert_eq!(begun.removal.unwrap().bit_rate, 1_000_000);
    let none = FrameIn { layer: 2, ..P };
    assert_eq!(session.begin(&none).err(), Some(Error::Invalid));
    code(&mut session, &IDR, 40_000);
    code(&mut session, &above, 40_000);
}

#[test]
fn a_verdict_that_was_not_carried_out_counts_as_what_was_done() {
    let small = Config {
        cpb_bits: 50_000,
        strict: true,
        ..CONFIG
    };
    let mut session = session(&small);
    code(&mut session, &IDR, 40_000);
    let cookie = session.begin(&P).unwrap().decision.cookie;
    let judgement = session.end(cookie, &outcome(90_000)).unwrap();
    assert_eq!(judgement.verdict, Verdict::ReplaceBySkip);
    session.commit(cookie, 90_000).unwrap();
    let counts = session.counts();
    assert_eq!((counts.skipped, counts.violations), (0, 1));
}

#[test]
fn a_stream_starts_with_the_first_picture_that_stays() {
    let config = Config {
        initial_qp: Some(33),
        initial_delay_ns: 400_000_000,
        ..CONFIG
    };
    let mut session = session(&config);
    let before = session.begin(&IDR).unwrap().decision;
    assert_eq!((before.qp, before.fill), (33, 600_000));
    session.cancel(before.cookie).unwrap();
    let again = session.begin(&IDR).unwrap().decision;
    assert_eq!((again.qp, again.fill), (33, 600_000));
    // One that has been sent is the first one, whatever comes then.
    session.end(again.cookie, &outcome(40_000)).unwrap();
    session.commit(again.cookie, 40_000).unwrap();
    let next = session.begin(&P).unwrap().decision;
    assert_ne!(next.reasons & reason::INITIAL_QP, reason::INITIAL_QP);
    session.cancel(next.cookie).unwrap();
    let next = session.begin(&P).unwrap().decision;
    assert!(next.reasons & reason::INITIAL_QP == 0 && next.fill < 600_000);
}

#[test]
fn a_limit_that_can_be_kept_is_not_raised() {
    let limited = |max_bits| {
        let config = Config {
            p: Limits {
                max_bits,
                ..CONFIG.p
            },
            ..CONFIG
        };
        let mut session = session(&config);
        code(&mut session, &IDR, 40_000);
        let decision = session.begin(&P).unwrap().decision;
        (decision.max_bits, decision.reasons & reason::FLOOR != 0)
    };
    let floor = u64::from(CAPS.skip_bits);
    assert_eq!(limited(floor - 1), (floor, true));
    assert_eq!(limited(floor), (floor, false));
    assert_eq!(limited(0), (0, false));
}
