// SPDX-License-Identifier: GPL-2.0

//! Pictures that are not coded: which, and how many in a row.

use crate::plant::CAPS;
use slenc_pure::rate_control::{
    config::{Capabilities, Config, SkipMode},
    controller::Controller,
    frame::{Action, FrameIn, FrameType, Outcome, Verdict},
    scale::Scale,
    session::Session,
};

const I: FrameIn = FrameIn::new(FrameType::I);
const P: FrameIn = FrameIn::new(FrameType::P);

fn cbr(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::cbr(Scale::Qp51, 100_000, 1, 25);
    change(&mut config);
    config
}

fn outcome(bits: u64) -> Outcome {
    Outcome {
        bits,
        header_bits: 0,
        mean_qp_q8: None,
        forced_skips: 0,
    }
}

fn code(controller: &mut Controller, frame: &FrameIn, bits: u64) -> Action {
    let decision = controller.begin(frame).unwrap();
    let bits = match decision.action {
        Action::Encode => bits,
        Action::Skip => u64::from(CAPS.skip_bits),
    };
    controller.end(decision.cookie, &outcome(bits)).unwrap();
    controller.commit(decision.cookie, bits).unwrap();
    decision.action
}

/// Pictures take two CPBs at any QP: none of type P is coded, however many were skipped, and
/// whoever gives the QP.
#[test]
fn a_strict_buffer_without_levers_comes_before_the_limit_of_skips() {
    for fixed_qp in [None, Some(51)] {
        let frame = FrameIn { fixed_qp, ..P };
        let mut controller = Controller::new(CAPS).unwrap();
        // They teach what is to come.
        controller.configure(&cbr(|_| ())).unwrap();
        code(&mut controller, &I, 20_000);
        for _ in 0..20 {
            code(&mut controller, &P, 100_000);
        }
        let config = cbr(|config| {
            config.strict = true;
            config.cpb_bits = 50_000;
            config.max_skips = 1;
        });
        controller.configure(&config).unwrap();
        for n in 0..200 {
            let action = code(&mut controller, &frame, 100_000);
            assert_eq!(action, Action::Skip, "picture {n}, QP {fixed_qp:?}");
        }
    }
}

#[test]
fn pictures_that_are_open_count_as_skipped() {
    let config = cbr(|config| {
        config.skip = SkipMode::Buffer;
        config.max_skips = 2;
    });
    let mut controller = Controller::new(CAPS).unwrap();
    controller.configure(&config).unwrap();
    // The CPB is full for longer than they take.
    code(&mut controller, &I, 1_000_000);
    let actions: Vec<_> = (0..8)
        .map(|_| controller.begin(&P).unwrap().action)
        .collect();
    let (skip, encode) = (Action::Skip, Action::Encode);
    let expected = [skip, skip, encode, skip, skip, encode, skip, skip];
    assert_eq!(actions, expected);
}

/// A driver that could not replace a picture has sent it.
#[test]
fn what_was_sent_against_the_verdict_was_not_skipped() {
    let caps = Capabilities {
        post_skip: true,
        ..CAPS
    };
    let config = cbr(|config| {
        config.strict = true;
        config.max_skips = 1;
    });
    for carried_out in [true, false] {
        let mut session = Session::new(Scale::Qp51);
        session.start(caps).unwrap();
        session.configure(&config).unwrap();
        let mut judge = |frame: &FrameIn, bits: u64, carries_out: bool| {
            let begun = session.begin(frame).unwrap().decision;
            let verdict = session.end(begun.cookie, &outcome(bits)).unwrap().verdict;
            let sent = match verdict {
                Verdict::ReplaceBySkip if carries_out => 100,
                _ => bits,
            };
            session.commit(begun.cookie, sent).unwrap();
            (verdict, begun.reasons)
        };
        judge(&I, 10_000, true);
        let (verdict, _) = judge(&P, 150_000, carried_out);
        assert_eq!(verdict, Verdict::ReplaceBySkip);
        // The next one has the content of a picture to bring that nobody saw.
        let (_, reasons) = judge(&P, 1_000, true);
        let anew = reasons & slenc_pure::rate_control::frame::reason::NEW_CONTENT != 0;
        assert_eq!(anew, carried_out);
    }
}

/// A hard maximum may leave a picture nothing but skips: what takes its place has the same size.
#[test]
fn what_has_the_size_of_a_skip_is_one() {
    let caps = Capabilities {
        hard_max: true,
        post_skip: true,
        ..CAPS
    };
    let config = cbr(|config| {
        config.skip = SkipMode::Buffer;
        config.max_skips = 2;
    });
    let mut session = Session::new(Scale::Qp51);
    session.start(caps).unwrap();
    session.configure(&config).unwrap();
    let skip = u64::from(CAPS.skip_bits);
    let verdicts: Vec<_> = [200_000, skip, skip, skip]
        .into_iter()
        .enumerate()
        .map(|(n, bits)| {
            let cookie = match n {
                0 => session.begin(&I),
                _ => session.begin(&FrameIn {
                    fixed_qp: Some(51),
                    ..P
                }),
            };
            let cookie = cookie.unwrap().decision.cookie;
            let verdict = session.end(cookie, &outcome(bits)).unwrap().verdict;
            session.commit(cookie, bits).unwrap();
            verdict
        })
        .collect();
    let (keep, skipped) = (Verdict::Keep, Verdict::ReplaceBySkip);
    assert_eq!(verdicts, [keep, skipped, skipped, keep]);
}
