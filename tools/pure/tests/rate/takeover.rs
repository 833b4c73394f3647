// SPDX-License-Identifier: GPL-2.0

//! Another controller that decides at random: what comes out keeps within the limits.

use crate::{
    plant::{outcome, CAPS},
    random::Random,
};
use slenc_pure::rate_control::{
    config::{Capabilities, Config},
    frame::{Action, FrameIn, FrameType, Outcome, Verdict},
    scale::Scale,
    session::Session,
    takeover::{Budget, Proposal},
};

/// Decisions of each run.
const DECISIONS: u64 = 10_000;

fn any(random: &mut Random) -> u64 {
    match random.below(5) {
        0 => 0,
        1 => u64::MAX,
        2 => random.below(200_000),
        3 => random.next() >> random.below(64),
        _ => u64::from(random.edgy_u32()),
    }
}

fn proposal(random: &mut Random) -> Proposal {
    let qp = |random: &mut Random| match random.below(3) {
        0 => any(random) as i32,
        _ => random.below(52) as i32,
    };
    Proposal {
        action: if random.one_in(8) {
            Action::Skip
        } else {
            Action::Encode
        },
        qp: qp(random),
        min_qp: qp(random),
        max_qp: qp(random),
        target_bits: any(random),
        max_bits: any(random),
    }
}

/// The size that content of no relation to the one before has at a QP.
fn size(random: &mut Random, frame_type: FrameType, qp: i32) -> u64 {
    let base = match frame_type {
        FrameType::I => 160_000.0,
        FrameType::P => 40_000.0,
    };
    let luck = 0.25 + random.below(1000) as f64 / 250.0;
    (base * luck * (f64::from(28 - qp) / 6.0).exp2()) as u64 + 300
}

/// The decoder's buffer as the configuration has it, whatever the budget.
struct Decoder {
    fill: u64,
    drain: u64,
}

impl Decoder {
    fn pass(&mut self) {
        self.fill = self.fill.saturating_sub(self.drain);
    }
}

/// Codes pictures, and returns how many violate the buffer: of type I, and others.
fn run(caps: Capabilities, config: Config, seed: u64) -> (u64, u64) {
    let mut random = Random::new(seed);
    let mut session = Session::new(Scale::Qp51);
    session.start(caps).unwrap();
    session.configure(&config).unwrap();
    let mut decoder = Decoder {
        fill: 0,
        drain: config.bitrate / 25,
    };
    let (mut late_i, mut late_p) = (0, 0);
    for n in 0..DECISIONS {
        let mut frame = FrameIn::new(if n % 50 == 0 {
            FrameType::I
        } else {
            FrameType::P
        });
        frame.idr = n % 50 == 0;
        frame.header_bits = 200;
        if random.one_in(10) {
            session.set_budget(Some(Budget {
                bitrate: any(&mut random),
                cpb_bits: any(&mut random),
            }));
        }
        if random.one_in(100) {
            session.take_back();
        }
        let ours = session.begin(&frame).unwrap();
        let (taken, _) = session.take_over(&frame, &ours, &proposal(&mut random));
        let decision = taken.decision;
        let limits = config.limits(frame.frame_type);
        let allowed = limits.min_qp..=limits.max_qp;
        for qp in [decision.qp, decision.min_qp, decision.max_qp] {
            assert!(allowed.contains(&qp), "QP {qp}");
        }
        assert!(decision.min_qp <= decision.qp && decision.qp <= decision.max_qp);
        if decision.action == Action::Encode {
            assert!(limits.max_bits == 0 || (1..=limits.max_bits).contains(&decision.max_bits));
            assert!(decision.max_bits == 0 || decision.target_bits <= decision.max_bits);
        } else {
            assert_eq!(frame.frame_type, FrameType::P);
        }

        if n != 0 {
            decoder.pass();
        }
        let (bits, forced_skips) = match decision.action {
            Action::Skip => (u64::from(caps.skip_bits), 0),
            Action::Encode => {
                let bits = size(&mut random, frame.frame_type, decision.qp);
                match decision.max_bits {
                    max if max != 0 && caps.hard_max && bits > max => (max, 1),
                    _ => (bits, 0),
                }
            }
        };
        let outcome = Outcome {
            header_bits: 200.min(bits),
            forced_skips,
            ..outcome(bits)
        };
        let judgement = session.end(decision.cookie, &outcome).unwrap();
        let sent = match judgement.verdict {
            Verdict::Keep => bits,
            Verdict::ReplaceBySkip => u64::from(caps.skip_bits),
            Verdict::Drop => 0,
        };
        session.commit(decision.cookie, sent).unwrap();
        decoder.fill += sent;
        let whole = decision.action == Action::Encode && judgement.verdict == Verdict::Keep;
        if decoder.fill > config.cpb_bits && whole {
            match frame.frame_type {
                FrameType::I => late_i += 1,
                FrameType::P => late_p += 1,
            }
        }
    }
    (late_i, late_p)
}

fn strict() -> Config {
    let mut config = Config {
        strict: true,
        cpb_bits: 500_000,
        ..Config::cbr(Scale::Qp51, 1_000_000, 1, 25)
    };
    for limits in [&mut config.i, &mut config.p] {
        limits.min_qp = 12;
        limits.max_qp = 47;
        limits.max_bits = 200_000;
    }
    config
}

#[test]
fn a_hard_maximum_keeps_every_promise() {
    for seed in 1..=3 {
        let caps = Capabilities {
            hard_max: true,
            ..CAPS
        };
        assert_eq!(run(caps, strict(), seed), (0, 0));
    }
}

#[test]
fn a_verdict_keeps_the_promise_for_p_pictures() {
    for seed in 1..=3 {
        let caps = Capabilities {
            post_skip: true,
            ..CAPS
        };
        assert_eq!(run(caps, strict(), seed).1, 0);
    }
}

#[test]
fn without_levers_the_qps_are_kept_at_least() {
    let mut config = strict();
    config.strict = false;
    run(CAPS, config, 4);
}

/// What decoders are told changes with an IDR picture: until then, what was saved and owed goes by
/// what was before.
#[test]
fn a_budget_that_waits_changes_nothing() {
    let config = Config {
        hrd: true,
        ..Config::cbr(Scale::Qp51, 1_000_000, 1, 25)
    };
    let mut session = Session::new(Scale::Qp51);
    session.start(CAPS).unwrap();
    session.configure(&config).unwrap();
    let debt = |session: &Session| session.built_in().unwrap().fill_and_debt().1;
    let code = |session: &mut Session, frame_type, bits| {
        let frame = FrameIn {
            idr: frame_type == FrameType::I,
            ..FrameIn::new(frame_type)
        };
        let cookie = session.begin(&frame).unwrap().decision.cookie;
        let before = debt(session);
        let outcome = Outcome {
            bits,
            header_bits: 0,
            mean_qp_q8: None,
            forced_skips: 0,
        };
        session.end(cookie, &outcome).unwrap();
        session.commit(cookie, bits).unwrap();
        before
    };
    code(&mut session, FrameType::I, 100_000);
    code(&mut session, FrameType::P, 100_000);
    let owed = debt(&session);
    assert!(owed > 100_000);
    session.set_budget(Some(Budget {
        bitrate: 500_000,
        cpb_bits: 500_000,
    }));
    assert_eq!(code(&mut session, FrameType::P, 40_000), owed);
    // Nor does one that is taken back before.
    let half = session.budget();
    session.set_budget(None);
    let owed = debt(&session);
    assert_eq!(code(&mut session, FrameType::P, 40_000), owed);
    // The IDR picture that brings it is cancelled: the next one brings it.
    session.set_budget(half);
    let idr = FrameIn {
        idr: true,
        ..FrameIn::new(FrameType::I)
    };
    let cookie = session.begin(&idr).unwrap().decision.cookie;
    assert_eq!(debt(&session), 0);
    session.cancel(cookie).unwrap();
    code(&mut session, FrameType::P, 200_000);
    assert!(debt(&session) > 100_000);
    assert_eq!(code(&mut session, FrameType::I, 40_000), 0);
}
