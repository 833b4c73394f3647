// SPDX-License-Identifier: GPL-2.0

//! What sessions do when pictures are cancelled, configurations wait, and verdicts are not carried
//! out.

use crate::plant::{outcome, CAPS};
use slenc_pure::rate_control::{
    config::{Capabilities, Config, Limits, Mode, SkipMode},
    error::Error,
    frame::{reason, Action, FrameIn, FrameType, Verdict},
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

/// A stream of pictures for which there is so much room, in bits, and which take so much at QP 28.
/// Returns how many of them do not fit.
fn overflows(
    session: &mut Session,
    room: u64,
    sizes: impl Iterator<Item = (FrameIn, f64)>,
) -> usize {
    let mut failed = 0;
    for (frame, size) in sizes {
        let begun = session.begin(&FrameIn {
            max_bits: room,
            ..frame
        });
        let decision = begun.unwrap().decision;
        let bits = size / 2f64.powf(f64::from(decision.qp - 28) / 6.0);
        if bits as u64 > room {
            failed += 1;
            session.end(decision.cookie, &outcome(2 * room)).unwrap();
            session.cancel(decision.cookie).unwrap();
        } else {
            session.end(decision.cookie, &outcome(bits as u64)).unwrap();
            session.commit(decision.cookie, bits as u64).unwrap();
        }
    }
    failed
}

#[test]
fn a_buffer_that_is_too_small_is_learnt_of() {
    // At QP 28 ten times what there is room for, of a small picture, and a rate that wants more.
    let fast = Config {
        bitrate: 2_000_000,
        ..CONFIG
    };
    let room = 32_768;
    let mut session = session(&fast);
    let small = Capabilities {
        macroblocks: 99,
        ..CAPS
    };
    session.start(small).unwrap();
    let retries = (0..50).map(|_| (IDR, 10.0 * 32_768.0));
    let failed = overflows(&mut session, room, retries);
    assert!((1..8).contains(&failed), "{failed} I pictures");
    // A cut in mid-stream, too.
    let play = (0..50).map(|_| (P, 4_000.0));
    assert!(overflows(&mut session, room, play) <= 2);
    let cut = (0..50).map(|_| (P, 10.0 * 32_768.0));
    let failed = overflows(&mut session, room, cut);
    assert!((1..8).contains(&failed), "{failed} P pictures");
}

#[test]
fn what_waits_for_an_idr_picture_is_only_what_it_tells() {
    let mut session = session(&TOLD);
    code(&mut session, &IDR, 40_000);
    let slower = Config {
        bitrate: 500_000,
        p: Limits {
            min_qp: 45,
            ..TOLD.p
        },
        ..TOLD
    };
    session.configure(&slower).unwrap();
    let begun = code(&mut session, &P, 20_000);
    assert!(begun.decision.qp >= 45);
    assert_eq!(begun.removal.unwrap().bit_rate, 1_000_000);
    // Without rate control the QP is the fixed one, unless the picture has its own.
    let off = Config {
        mode: Mode::Fixed,
        strict: true,
        skip: SkipMode::Buffer,
        p: Limits {
            fixed_qp: 33,
            ..TOLD.p
        },
        ..TOLD
    };
    session.configure(&off).unwrap();
    for n in 0..20 {
        // Far more than the CPB holds.
        let begun = session.begin(&P).unwrap();
        let cookie = begun.decision.cookie;
        let decision = begun.decision;
        assert_eq!((decision.qp, decision.action), (33, Action::Encode), "{n}");
        assert_eq!(begun.removal.unwrap().bit_rate, 1_000_000);
        let judgement = session.end(cookie, &outcome(900_000)).unwrap();
        assert_eq!(judgement.verdict, Verdict::Keep);
        session.commit(cookie, 900_000).unwrap();
    }
    let own = FrameIn {
        fixed_qp: Some(20),
        ..P
    };
    assert_eq!(code(&mut session, &own, 20_000).decision.qp, 20);
    // One that is cancelled tells nothing, and what has waited waits on.
    let idr = session.begin(&IDR).unwrap();
    assert!(idr.removal.is_none());
    session.cancel(idr.decision.cookie).unwrap();
    let begun = code(&mut session, &P, 20_000);
    assert_eq!(begun.decision.qp, 33);
    assert_eq!(begun.removal.unwrap().bit_rate, 1_000_000);
    assert!(code(&mut session, &IDR, 20_000).removal.is_none());
}

#[test]
fn a_replaced_picture_may_be_in_violation_too() {
    let strict = Config {
        cpb_bits: 100_000,
        strict: true,
        ..CONFIG
    };
    let mut session = session(&strict);
    code(&mut session, &IDR, 200_000);
    let cookie = session.begin(&P).unwrap().decision.cookie;
    let judgement = session.end(cookie, &outcome(5_000)).unwrap();
    assert_eq!(judgement.verdict, Verdict::ReplaceBySkip);
    // Of the 200000 bits, 40000 are gone.
    let state = session.commit(cookie, 1_000).unwrap();
    assert_eq!((state.fill, state.violation_bits), (161_000, 61_000));
    for _ in 0..3 {
        code(&mut session, &P, 1_000);
    }
    assert_eq!(session.state().unwrap().violation_bits, 0);
}

#[test]
fn filler_data_follows_a_replaced_picture() {
    let small = Config {
        cpb_bits: 44_000,
        strict: true,
        filler: true,
        ..CONFIG
    };
    let mut session = session(&small);
    code(&mut session, &IDR, 40_000);
    let cookie = session.begin(&P).unwrap().decision.cookie;
    let judgement = session.end(cookie, &outcome(60_000)).unwrap();
    assert_eq!(judgement.verdict, Verdict::ReplaceBySkip);
    // The interval has emptied the CPB: what is sent is an interval's bits again.
    assert_eq!(judgement.filler_bytes, 5_000);
    assert_eq!(session.commit(cookie, 40_000).unwrap().fill, 40_000);
}

#[test]
fn filler_data_is_no_more_than_the_cpb_holds() {
    let small = Config {
        cpb_bits: 30_000,
        filler: true,
        ..CONFIG
    };
    let mut session = session(&small);
    let cookie = session.begin(&IDR).unwrap().decision.cookie;
    let judgement = session.end(cookie, &outcome(8_000)).unwrap();
    assert_eq!((judgement.filler_bytes, judgement.fill), (2_750, 30_000));
    let state = session.commit(cookie, 30_000).unwrap();
    assert_eq!((state.fill, state.violation_bits), (30_000, 0));
}

#[test]
fn a_skip_is_predicted_with_its_headers() {
    let small = Config {
        cpb_bits: 50_000,
        skip: SkipMode::Buffer,
        ..CONFIG
    };
    let mut session = session(&small);
    code(&mut session, &IDR, 200_000);
    let decision = session
        .begin(&FrameIn {
            header_bits: 120,
            ..P
        })
        .unwrap()
        .decision;
    assert_eq!(decision.action, Action::Skip);
    assert_eq!(decision.predicted_bits, u64::from(CAPS.skip_bits) + 120);
}
