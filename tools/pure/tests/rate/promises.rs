// SPDX-License-Identifier: GPL-2.0

//! Every course that a short stream can take: what the buffer is promised holds whatever the
//! content does to the sizes, as long as the hardware keeps its own promise.
//!
//! The bucket is counted a second time here, in whole bits, from nothing but sizes and times.

use crate::plant::{outcome, CAPS};
use slenc_pure::rate_control::{
    config::{Capabilities, Config, SkipMode},
    controller::Controller,
    cycle::Cookie,
    frame::{Action, FrameIn, FrameType, Verdict},
    scale::Scale,
};

/// Bits of a picture's time: 1 Mbit/s at 1000 pictures a second.
const SHARE: u64 = 1000;
const SHARE_NS: u64 = 1_000_000;
/// What pictures take at least: less than what drains in half of a picture's time.
const INTRA_FLOOR: u64 = 300;
const SKIP_BITS: u64 = 100;

const HARD: Capabilities = Capabilities {
    macroblocks: 100,
    intra_floor_q8: (INTRA_FLOOR << 8) as u32 / 100,
    hard_max: true,
    post_skip: false,
    post_drop: false,
    skip_bits: SKIP_BITS as u32,
    ..CAPS
};

/// A picture that has begun: what is needed to end it.
#[derive(Clone, Copy)]
struct Begun {
    cookie: Cookie,
    frame_type: FrameType,
    skip: bool,
    max_bits: u64,
    drained: u64,
}

/// A stream so far.
#[derive(Clone)]
struct Course {
    controller: Controller,
    cpb: u64,
    fill: u64,
    begun: Vec<Begun>,
    started: bool,
}

impl Course {
    fn new(caps: Capabilities, cpb: u64) -> Self {
        let mut controller = Controller::new(caps).unwrap();
        let config = Config {
            cpb_bits: cpb,
            strict: true,
            skip: SkipMode::Buffer,
            ..Config::cbr(Scale::Qp51, 1_000 * SHARE, 1, 1000)
        };
        controller.configure(&config).unwrap();
        Self {
            controller,
            cpb,
            fill: 0,
            begun: Vec::new(),
            started: false,
        }
    }

    /// A picture begins after half of a picture's time or a whole one.
    fn begin(&mut self, frame_type: FrameType, halves: u64) {
        let frame = FrameIn {
            interval_ns: halves * SHARE_NS / 2,
            ..FrameIn::new(frame_type)
        };
        let decision = self.controller.begin(&frame).unwrap();
        let drained = if self.started { halves * SHARE / 2 } else { 0 };
        self.started = true;
        self.begun.push(Begun {
            cookie: decision.cookie,
            frame_type,
            skip: decision.action == Action::Skip,
            max_bits: decision.max_bits,
            drained,
        });
    }

    /// The oldest one ends: `large` or not, within what the hardware promises.
    fn end(&mut self, large: bool, hard: bool) {
        let begun = self.begun.remove(0);
        let least = match begun.frame_type {
            FrameType::I => INTRA_FLOOR,
            FrameType::P => 8,
        };
        let bits = match (begun.skip, large) {
            (true, _) => SKIP_BITS,
            (false, false) => least,
            (false, true) if hard => begun.max_bits.max(least),
            (false, true) => 3 * self.cpb,
        };
        let judgement = self.controller.end(begun.cookie, &outcome(bits)).unwrap();
        let bits = match judgement.verdict {
            Verdict::Keep => bits,
            Verdict::ReplaceBySkip => SKIP_BITS,
            Verdict::Drop => 0,
        };
        let state = self.controller.commit(begun.cookie, bits).unwrap();
        self.fill = self.fill.saturating_sub(begun.drained) + bits;
        assert_eq!(state.fill, self.fill);
        assert!(self.fill <= self.cpb, "{} of {}", self.fill, self.cpb);
    }
}

/// All that can happen in so many pictures, up to `ahead` of them begun and not ended.
fn explore(course: &Course, left: usize, ahead: usize, streams: &mut u64) {
    if left == 0 {
        *streams += 1;
        return;
    }
    if course.begun.len() < ahead {
        for frame_type in [FrameType::I, FrameType::P] {
            for halves in [1, 2] {
                let mut next = course.clone();
                next.begin(frame_type, halves);
                explore(&next, left - 1, ahead, streams);
            }
        }
    }
    if !course.begun.is_empty() {
        for large in [false, true] {
            let mut next = course.clone();
            next.end(large, true);
            explore(&next, left - 1, ahead, streams);
        }
    }
}

#[test]
fn a_hard_maximum_keeps_any_buffer() {
    // From a single picture to several, and with several pictures in the hardware.
    for cpb in [SHARE + SHARE / 10, 3 * SHARE, 20 * SHARE] {
        let mut streams = 0;
        explore(&Course::new(HARD, cpb), 10, 1, &mut streams);
        assert_eq!(streams, 4u64.pow(5) * 2u64.pow(5));
        streams = 0;
        explore(&Course::new(HARD, cpb), 9, 3, &mut streams);
        assert!(streams > 50_000);
    }
}

#[test]
fn the_worst_hardware_can_do_keeps_the_buffer_for_long() {
    for ahead in 1..=8 {
        for cpb in [SHARE + SHARE / 10, 5 * SHARE] {
            let mut course = Course::new(HARD, cpb);
            for n in 0..2000 {
                let frame_type = if n % 50 == 0 {
                    FrameType::I
                } else {
                    FrameType::P
                };
                course.begin(frame_type, 1 + n % 2);
                if course.begun.len() == ahead {
                    course.end(n % 7 != 3, true);
                }
            }
        }
    }
}

#[test]
fn replacing_keeps_any_buffer_after_a_first_picture_that_fits() {
    let caps = Capabilities {
        hard_max: false,
        post_skip: true,
        ..HARD
    };
    for cpb in [SHARE + SHARE / 10, 4 * SHARE] {
        // Bit n: whether picture n is too large for any buffer.
        for sizes in 0..1u32 << 12 {
            let mut course = Course::new(caps, cpb);
            course.begin(FrameType::I, 2);
            course.end(false, false);
            for n in 0..12 {
                course.begin(FrameType::P, 1 + n % 2);
                course.end((sizes >> n) & 1 == 1, false);
            }
        }
    }
}
