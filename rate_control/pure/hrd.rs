// SPDX-License-Identifier: GPL-2.0

//! What a stream tells decoders about the CPB: the syntax elements of ITU-T H.264 clauses D.2.2,
//! D.2.3 and E.2.2.
//!
//! They count time in ticks. A tick is half of the interval between pictures, as for decoders two
//! fields are a picture.

use super::{
    config::Config,
    frame::Decision,
    math::mul_div,
    plan::Plan, //
};

/// Ticks of an interval.
const TICKS: u64 = 2;
const NS: u64 = 1_000_000_000;

/// The highest rate of `bit_rate_value_minus1` with `bit_rate_scale` 0 that is not above `rate`.
pub fn expressible_rate(rate: u64) -> u64 {
    (rate & !63).max(64)
}

/// The largest size of `cpb_size_value_minus1` with `cpb_size_scale` 0 that is not above `bits`.
pub fn expressible_size(bits: u64) -> u64 {
    (bits & !15).max(16)
}

/// `BitRate` and `CpbSize` that a stream of this configuration tells, if it does.
pub fn told(config: &Config) -> Option<(u64, u64)> {
    if !config.hrd {
        return None;
    }
    let plan = Plan::of(config);
    (plan.rate != 0).then_some((plan.peak, plan.cpb))
}

/// The ticks that are closest to a time in ns, at least one; 0 ns stands for the interval.
fn ticks(config: &Config, ns: u64) -> u64 {
    if ns == 0 {
        return TICKS;
    }
    let (num, den) = config.interval;
    let unit = u64::from(num).saturating_mul(NS);
    let halves = mul_div(ns, u64::from(den).saturating_mul(2 * TICKS), unit);
    (halves.saturating_add(1) >> 1).max(1)
}

/// The same as a fraction of seconds.
pub fn time(config: &Config, ns: u64) -> (u64, u64) {
    let (num, den) = config.interval;
    (
        u64::from(num).saturating_mul(ticks(config, ns)),
        u64::from(den).saturating_mul(TICKS),
    )
}

/// What a picture tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    /// `BitRate`.
    pub bit_rate: u64,
    /// `CpbSize`.
    pub cpb_bits: u64,
    /// `initial_cpb_removal_delay`, in 1/90000 s.
    pub initial_delay: u32,
    /// `initial_cpb_removal_delay_offset`, in 1/90000 s.
    pub initial_offset: u32,
    /// `cpb_removal_delay`, in ticks since the buffering period before this one started.
    pub delay: u32,
}

/// The time since the last IDR picture.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    ticks: u32,
    started: bool,
}

impl Clock {
    /// No picture yet.
    pub const NEW: Self = Self {
        ticks: 0,
        started: false,
    };

    /// A picture begins.
    pub fn advance(&mut self, config: &Config, ns: u64, idr: bool) -> u32 {
        if self.started {
            // What it is in the stream is its value modulo 2^32.
            self.ticks = self.ticks.wrapping_add(ticks(config, ns) as u32);
        }
        self.started = true;
        let now = self.ticks;
        if idr {
            self.ticks = 0;
        }
        now
    }

    /// The last IDR picture will not be: the buffering period before it, which was so long, goes
    /// on.
    pub fn undo_idr(&mut self, before: u32) {
        self.ticks = self.ticks.wrapping_add(before);
    }
}

impl Removal {
    /// Of a picture that begins, so many ticks after the last IDR picture.
    ///
    /// The decoder's buffer fills up for as long as the picture before has been complete: that is
    /// clause C.1.1 for `cbr_flag` 0, and with 1 the equation of clause C.3, conformance point 2.
    pub fn of(plan: &Plan, decision: &Decision, delay: u32) -> Self {
        let clock = |bits| u32::try_from(mul_div(bits, 90_000, plan.peak)).unwrap_or(u32::MAX);
        let full = clock(plan.cpb).max(1);
        let initial = clock(plan.cpb.saturating_sub(decision.fill)).max(1);
        Self {
            bit_rate: plan.peak,
            cpb_bits: plan.cpb,
            initial_delay: initial,
            initial_offset: full.saturating_sub(initial),
            delay,
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_hrd))]
mod tests {
    use super::{
        super::{
            config::Mode,
            cycle::Cookie,
            frame::Action,
            scale::Scale, //
        },
        *,
    };

    const CONFIG: Config = Config {
        hrd: true,
        ..Config::cbr(Scale::Qp51, 1_000_000, 1, 25)
    };

    fn decision(fill: u64) -> Decision {
        const COOKIE: Cookie = 1;
        Decision {
            cookie: COOKIE,
            action: Action::Encode,
            qp: 0,
            min_qp: 0,
            max_qp: 0,
            target_bits: 0,
            max_bits: 0,
            predicted_bits: 0,
            fill,
            reasons: 0,
        }
    }

    #[test]
    fn rates_and_sizes_are_what_can_be_written() {
        assert_eq!(expressible_rate(1), 64);
        assert_eq!(expressible_rate(127), 64);
        assert_eq!(expressible_rate(128), 128);
        assert_eq!(expressible_size(1), 16);
        assert_eq!(expressible_size(47), 32);
    }

    #[test]
    fn rate_and_size_are_told_where_there_is_a_buffer() {
        let told = |mode, hrd| {
            told(&Config {
                mode,
                hrd,
                bitrate: 1_000_001,
                peak: 3_000_063,
                cpb_ns: 500_000_000,
                ..CONFIG
            })
        };
        let peak = Some((3_000_000, 1_500_000));
        assert_eq!(told(Mode::Cbr, true), Some((1_000_000, 500_000)));
        assert_eq!(told(Mode::Vbr, true), peak);
        assert_eq!(told(Mode::CappedQuality, true), peak);
        assert_eq!(told(Mode::Fixed, true), None);
        assert_eq!(told(Mode::Quality, true), None);
        assert_eq!(told(Mode::Cbr, false), None);
    }

    #[test]
    fn times_become_ticks() {
        assert_eq!(time(&CONFIG, 0), (2, 50));
        assert_eq!(time(&CONFIG, 40_000_000), (2, 50));
        assert_eq!(time(&CONFIG, 29_999_999), (1, 50));
        assert_eq!(time(&CONFIG, 30_000_001), (2, 50));
        assert_eq!(time(&CONFIG, 1), (1, 50));
        assert_eq!(time(&CONFIG, 1_000_000_000), (50, 50));
    }

    #[test]
    fn the_clock_counts_from_idr_pictures() {
        let mut clock = Clock::NEW;
        assert_eq!(clock.advance(&CONFIG, 0, true), 0);
        assert_eq!(clock.advance(&CONFIG, 0, false), 2);
        assert_eq!(clock.advance(&CONFIG, 80_000_000, false), 6);
        // An IDR picture counts from the one before it, as it starts at its own removal.
        assert_eq!(clock.advance(&CONFIG, 0, true), 8);
        assert_eq!(clock.advance(&CONFIG, 0, false), 2);
        assert_eq!(clock.advance(&CONFIG, 0, true), 4);
        clock.undo_idr(4);
        assert_eq!(clock.advance(&CONFIG, 0, false), 6);
    }

    #[test]
    fn delays_are_what_the_buffer_lacks() {
        let plan = Plan::of(&CONFIG);
        let removal = Removal::of(&plan, &decision(0), 7);
        assert_eq!((removal.bit_rate, removal.cpb_bits), (1_000_000, 1_000_000));
        assert_eq!((removal.initial_delay, removal.initial_offset), (90_000, 0));
        assert_eq!(removal.delay, 7);
        let removal = Removal::of(&plan, &decision(250_000), 0);
        assert_eq!(
            (removal.initial_delay, removal.initial_offset),
            (67_500, 22_500)
        );
        // 0 is no delay.
        assert_eq!(Removal::of(&plan, &decision(u64::MAX), 0).initial_delay, 1);
    }
}
