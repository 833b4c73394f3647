// SPDX-License-Identifier: GPL-2.0

//! Sessions, with calls in any order.

use crate::{
    plant::{outcome, CAPS},
    random::Random,
};
use slenc_pure::rate_control::{
    config::{Config, Limits, Mode},
    cycle::Cycle,
    error::Error,
    frame::{FrameIn, FrameType},
    scale::Scale,
    session::Session,
};
use std::collections::VecDeque;

#[test]
fn sessions_keep_their_order() {
    let mut random = Random::new(6);
    let limits = Limits {
        fixed_qp: 25,
        min_qp: 5,
        max_qp: 45,
        max_bits: 0,
    };
    let config = Config {
        mode: Mode::Fixed,
        i: limits,
        p: limits,
        ..Config::cbr(Scale::Qp51, 1, 1, 25)
    };
    for _ in 0..500 {
        let mut session = Session::new(Scale::Qp51);
        session.start(CAPS).unwrap();
        session.configure(&config).unwrap();
        // Cookie and whether it has ended.
        let mut open: VecDeque<(u64, bool)> = VecDeque::new();
        let mut last = 0u64;
        for _ in 0..200 {
            let cookie = match random.below(6) {
                0 => random.next(),
                1 => last.saturating_sub(random.below(10)),
                _ => open.front().map_or(last, |c| c.0),
            };
            let turn = open.front().copied().filter(|front| front.0 == cookie);
            let closed = |c: u64| c != 0 && c <= last && open.iter().all(|o| o.0 != c);
            let error = if closed(cookie) {
                Error::Stale
            } else {
                Error::Invalid
            };
            match random.below(5) {
                0 | 1 => {
                    let own = random.one_in(2).then(|| random.below(60) as i32);
                    let began = session.begin(&FrameIn {
                        fixed_qp: own,
                        ..FrameIn::new(FrameType::P)
                    });
                    if own.is_some_and(|qp| qp > 51) {
                        assert_eq!(began.err(), Some(Error::Invalid));
                    } else if open.len() as u64 == Cycle::MAX_OUTSTANDING {
                        assert_eq!(began.err(), Some(Error::Busy));
                    } else {
                        let decision = began.unwrap().decision;
                        assert_eq!(decision.cookie, last + 1);
                        assert_eq!(decision.qp, own.unwrap_or(25).clamp(5, 45));
                        last = decision.cookie;
                        open.push_back((last, false));
                    }
                }
                2 => {
                    let ended = session.end(cookie, &outcome(800));
                    match turn {
                        Some((_, false)) => {
                            assert!(ended.is_ok());
                            open[0].1 = true;
                        }
                        _ => assert_eq!(ended, Err(error)),
                    }
                }
                3 => {
                    let committed = session.commit(cookie, 800);
                    match turn {
                        Some((_, true)) => {
                            assert!(committed.is_ok());
                            open.pop_front();
                        }
                        _ => assert_eq!(committed, Err(error)),
                    }
                }
                _ if random.one_in(10) => {
                    session.reset();
                    open.clear();
                }
                _ => {
                    let cancelled = session.cancel(cookie);
                    if turn.is_some() {
                        assert!(cancelled.is_ok());
                        open.pop_front();
                    } else {
                        assert_eq!(cancelled, Err(error));
                    }
                }
            }
        }
    }
}
