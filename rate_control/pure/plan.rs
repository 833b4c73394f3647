// SPDX-License-Identifier: GPL-2.0

//! A configuration in bits: what the rates and times in it come to for each picture.

use super::{
    bucket::{
        Bucket,
        Savings, //
    },
    config::{
        Config,
        Mode,
        SkipMode,
        MAX_LAYERS, //
    },
    hrd,
    log2::Log2,
    math::mul_div, //
};

const NS: u64 = 1_000_000_000;

/// The numbers that a configuration means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Bits a second on average.
    pub rate: u64,
    /// Bits a second that leave the bucket.
    pub peak: u64,
    /// Size of the bucket in bits.
    pub cpb: u64,
    /// The most that the bucket may hold: its size, or more with low delay.
    pub limit: u64,
    /// What is not to be exceeded, if that is possible: the limit, or less where the delay is to
    /// be shorter.
    pub promise: u64,
    /// The most that it may hold before pictures are skipped.
    pub skip_limit: u64,
    /// What the bucket holds before the first picture.
    pub initial_fill: u64,
    /// Bits of a picture on average.
    pub share: u64,
    /// The same of each temporal layer.
    pub layer_shares: [u64; MAX_LAYERS],
    /// Bits of the time in which a debt is paid.
    pub horizon: u64,
    /// Bits that can be saved.
    pub savings: Savings,
    /// Part of the averaging window, which is two horizons, that a picture is.
    pub pace: Log2,
}

impl Plan {
    /// Of a configuration that is in range.
    pub fn of(config: &Config) -> Self {
        let (rate, peak) = match config.mode {
            Mode::Fixed | Mode::Quality => return Self::UNLIMITED,
            Mode::Cbr => (config.bitrate, config.bitrate),
            Mode::Vbr => (config.bitrate, config.peak.max(config.bitrate)),
            Mode::CappedQuality => (config.peak, config.peak),
        };
        let (rate, peak) = if config.hrd {
            let peak = hrd::expressible_rate(peak);
            (rate.min(peak), peak)
        } else {
            (rate, peak)
        };
        let (num, den) = config.interval;
        let share = mul_div(rate, u64::from(num), u64::from(den)).max(1);
        let cpb = match (config.cpb_bits, config.cpb_ns) {
            (0, 0) => peak,
            (0, ns) => mul_div(peak, ns.min(Config::MAX_NS), NS),
            (bits, _) => bits,
        }
        .clamp(1, Config::MAX_BITS);
        let cpb = if config.hrd {
            hrd::expressible_size(cpb)
        } else {
            cpb
        };
        let queue = mul_div(peak, config.max_delay_ns.min(Config::MAX_NS), NS);
        let queue = queue.min(Config::MAX_BITS);
        let limit = if config.low_delay {
            cpb.max(queue)
        } else {
            cpb
        };
        let promise = match config.max_delay_ns {
            0 => limit,
            _ => limit.min(queue.max(share)),
        };
        let skip_limit = match (config.skip, config.level_cpb_bits) {
            (SkipMode::Level, 1..) => config.level_cpb_bits.min(Config::MAX_BITS),
            _ => promise,
        };
        let initial_fill = match config.initial_delay_ns {
            0 => 0,
            ns => cpb.saturating_sub(mul_div(peak, ns, NS)),
        };
        let (horizon, savings) = match config.mode {
            Mode::Vbr => {
                let window = match config.window_ns {
                    0 => 10 * NS,
                    ns => ns.min(Config::MAX_NS),
                };
                let window = mul_div(rate, window, NS);
                let savings = Savings {
                    credit: window >> 2,
                    owed: 0,
                    standing: Config::MAX_BITS,
                };
                (window >> 1, savings)
            }
            // What is paid in less than a second and saved in a few pictures is hardly seen in
            // a second.
            _ => {
                // An idle channel cannot be made up for but by a queue that goes on to wait: the
                // longer it is the later is everything, the shorter the more is lost of the rate.
                let idle = (share.saturating_mul(11) >> 3).min(cpb >> 3);
                let savings = Savings {
                    credit: share.saturating_mul(3) >> 1,
                    owed: cpb >> 3,
                    standing: initial_fill.saturating_add(idle),
                };
                (mul_div(rate, 3, 4), savings)
            }
        };
        // Sizes vary from picture to picture: fewer would make the QP follow them.
        let horizon = horizon.max(share.saturating_mul(6));
        Self {
            rate,
            peak,
            cpb,
            limit,
            promise,
            skip_limit,
            initial_fill,
            share,
            layer_shares: layer_shares(config, rate),
            horizon,
            savings,
            pace: Log2::from_raw(mul_div(share, 1 << 15, horizon) as i32),
        }
    }

    /// There is neither a rate nor a bucket that could overflow.
    pub const UNLIMITED: Self = Self {
        rate: 0,
        peak: 0,
        cpb: Config::MAX_BITS,
        limit: Config::MAX_BITS,
        promise: Config::MAX_BITS,
        skip_limit: Config::MAX_BITS,
        initial_fill: 0,
        share: 0,
        layer_shares: [0; MAX_LAYERS],
        horizon: 1,
        savings: Savings {
            credit: 0,
            owed: 0,
            standing: Config::MAX_BITS,
        },
        pace: Log2::ZERO,
    };

    /// What a picture may have to pay a debt within a horizon: `share` is what it has without one.
    ///
    /// What is saved is spent twice as fast, before the channel idles for want of it. No more than
    /// twice the share, as what comes next is not known; and a third of it at least, less only
    /// where the bucket gets full: `sixteenths` of it are.
    pub fn due(debt: i64, horizon: u64, share: u64, sixteenths: u64) -> u64 {
        let part = mul_div(debt.unsigned_abs(), share, horizon.max(1));
        let due = if debt > 0 {
            share.saturating_sub(part)
        } else {
            share.saturating_add(part.saturating_mul(2))
        };
        let least = match sixteenths {
            0..=7 => share / 3,
            8..=11 => share / 5,
            _ => share / 16,
        };
        due.max(least).min(share.saturating_mul(2))
    }

    /// The bits of a picture that hold the bucket at half its size: `share` is what leaves.
    ///
    /// Three times that while it is empty, and less and less above.
    pub fn ceiling(&self, bucket: &Bucket, share: u64) -> u64 {
        let quarters = mul_div(bucket.fill, share.saturating_mul(4), self.cpb.max(1));
        share
            .saturating_mul(3)
            .saturating_sub(quarters)
            .max(share / 8)
    }

    /// The bits that a picture may have without filling the bucket, when sizes are off by
    /// `spread`: half of the room, so that the next one finds some too, and all but the usual
    /// error of it where there is room for a few pictures only. It matters less if there is a
    /// `hard` maximum.
    pub fn room(&self, bucket: &Bucket, share: u64, spread: Log2, hard: bool) -> u64 {
        let room = self.cpb.min(self.promise).saturating_sub(bucket.fill);
        if room > share.saturating_mul(4) {
            room >> 1
        } else {
            let usual = if hard { spread } else { spread.plus(spread) };
            Log2::of(room).minus(usual.min(Log2::ONE)).exp()
        }
    }

    /// The bits of a picture that cannot help being large: without it the queue is short, with it
    /// no longer than so many `halves` of a share.
    pub fn burst(&self, bucket: &Bucket, share: u64, halves: u64) -> u64 {
        (share.saturating_mul(halves) >> 1)
            .saturating_sub(bucket.fill)
            .max(share.saturating_mul(2))
    }

    /// How long the channel takes for so many bits, in ns.
    pub fn delay_ns(&self, bits: u64) -> u64 {
        if self.peak == 0 {
            0
        } else {
            mul_div(bits, NS, self.peak)
        }
    }

    /// How much of the bucket is full, in 1/16.
    pub fn sixteenths(&self, bucket: &Bucket) -> u64 {
        mul_div(bucket.fill, 16, self.cpb.max(1))
    }

    /// The bits by which the bucket overflows.
    pub fn violation(&self, bucket: &Bucket) -> u64 {
        bucket.fill.saturating_sub(self.limit)
    }
}

/// What a picture of each layer has on average.
///
/// A layer has twice as many pictures as the ones below it together, the lowest as many as the
/// next. Where the configuration gives no rates, the lower ones get more than their number: they
/// are what the others are predicted from.
fn layer_shares(config: &Config, rate: u64) -> [u64; MAX_LAYERS] {
    let percent: [u64; MAX_LAYERS] = match config.layers {
        2 => [60, 40, 0],
        3 => [40, 20, 40],
        _ => [100, 0, 0],
    };
    let (num, den) = config.interval;
    let given = config.layers > 1 && config.layer_rates.iter().any(|&rate| rate != 0);
    let mut shares = [0; MAX_LAYERS];
    for (n, share) in shares.iter_mut().enumerate() {
        let rate = if given {
            let rate = config.layer_rates.get(n).map_or(0, |&rate| rate);
            rate.min(Config::MAX_BITRATE)
        } else {
            mul_div(rate, percent.get(n).map_or(0, |&part| part), 100)
        };
        // One of so many pictures is of this layer.
        let spacing = u32::from(config.layers)
            .saturating_sub(n as u32)
            .min(u32::from(config.layers).saturating_sub(1));
        let interval = u64::from(num).wrapping_shl(spacing);
        *share = mul_div(rate, interval, u64::from(den)).max(1);
    }
    shares
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_plan))]
mod tests {
    use super::{super::scale::Scale, *};

    const CONFIG: Config = Config::cbr(Scale::Qp51, 1_000_000, 1, 25);

    fn bucket(fill: u64) -> Bucket {
        Bucket {
            fill,
            ..Bucket::default()
        }
    }

    #[test]
    fn times_become_bits() {
        let plan = Plan::of(&CONFIG);
        assert_eq!(
            (plan.share, plan.cpb, plan.initial_fill),
            (40_000, 1_000_000, 0)
        );
        let plan = Plan::of(&Config {
            cpb_ns: 500_000_000,
            initial_delay_ns: 200_000_000,
            ..CONFIG
        });
        assert_eq!((plan.cpb, plan.initial_fill), (500_000, 300_000));
        let plan = Plan::of(&Config {
            mode: Mode::Vbr,
            peak: 2_000_000,
            ..CONFIG
        });
        assert_eq!(
            (plan.rate, plan.peak, plan.cpb),
            (1_000_000, 2_000_000, 2_000_000)
        );
        // 10 s of 25 pictures, if nothing else is asked for.
        assert_eq!(plan.pace, Log2::ratio(1, 250));
        assert_eq!(plan.delay_ns(2_000_000), 1_000_000_000);
    }

    #[test]
    fn a_debt_is_paid_within_bounds() {
        let plan = Plan::of(&CONFIG);
        let due = |debt, fill| {
            let sixteenths = plan.sixteenths(&bucket(fill));
            Plan::due(debt, plan.horizon, plan.share, sixteenths)
        };
        assert_eq!(due(0, 0), 40_000);
        assert!(due(75_000, 0) == 36_000 && due(-75_000, 0) == 48_000);
        assert_eq!(due(i64::MIN, 0), 80_000);
        assert_eq!(due(i64::MAX, 0), 13_333);
        // A full bucket leaves next to nothing.
        assert_eq!(due(i64::MAX, 1_000_000), 2_500);
    }

    #[test]
    fn the_ceiling_falls_while_the_bucket_fills() {
        let plan = Plan::of(&CONFIG);
        assert_eq!(plan.ceiling(&bucket(0), 40_000), 120_000);
        assert_eq!(plan.ceiling(&bucket(500_000), 40_000), 40_000);
        assert_eq!(plan.ceiling(&bucket(u64::MAX), 40_000), 5_000);
        assert_eq!(plan.violation(&bucket(1_000_001)), 1);
        assert_eq!(plan.violation(&bucket(1_000_000)), 0);
    }

    #[test]
    fn a_queue_may_exceed_the_bucket_with_low_delay() {
        let low_delay = |max_delay_ns| {
            Plan::of(&Config {
                cpb_ns: 40_000_000,
                low_delay: true,
                max_delay_ns,
                ..CONFIG
            })
        };
        let plan = low_delay(200_000_000);
        assert_eq!((plan.cpb, plan.limit), (40_000, 200_000));
        assert_eq!(plan.violation(&bucket(200_000)), 0);
        assert_eq!(plan.violation(&bucket(200_010)), 10);
        assert_eq!(plan.promise, plan.limit);
        // No shorter than the CPB, and no longer than anything.
        assert_eq!(low_delay(1).limit, 40_000);
        assert_eq!(low_delay(u64::MAX).limit, 1_000_000_000);
    }

    #[test]
    fn a_level_has_a_bucket_of_its_own() {
        let level = |skip| {
            let plan = Plan::of(&Config {
                skip,
                level_cpb_bits: 3_000_000,
                ..CONFIG
            });
            (plan.limit, plan.skip_limit)
        };
        assert_eq!(level(SkipMode::Level), (1_000_000, 3_000_000));
        assert_eq!(level(SkipMode::Buffer), (1_000_000, 1_000_000));
    }

    #[test]
    fn a_queue_may_be_kept_shorter_than_the_bucket() {
        let short = |max_delay_ns| {
            Plan::of(&Config {
                max_delay_ns,
                skip: SkipMode::Buffer,
                ..CONFIG
            })
        };
        let plan = short(240_000_000);
        assert_eq!((plan.limit, plan.promise), (1_000_000, 240_000));
        assert_eq!(plan.skip_limit, 240_000);
        assert_eq!(plan.violation(&bucket(240_001)), 0);
        assert_eq!(short(2_000_000_000).promise, 1_000_000);
        // No shorter than a picture.
        assert_eq!((short(0).promise, short(1).promise), (1_000_000, 40_000));
    }

    #[test]
    fn what_decoders_are_told_is_what_counts() {
        let plan = Plan::of(&Config {
            bitrate: 1_000_001,
            cpb_bits: 500_009,
            hrd: true,
            ..CONFIG
        });
        assert_eq!(
            (plan.rate, plan.peak, plan.cpb),
            (1_000_000, 1_000_000, 500_000)
        );
    }

    #[test]
    fn layers_share_the_rate() {
        for layers in 1..=3 {
            let plan = Plan::of(&Config { layers, ..CONFIG });
            // Of four pictures, as many are of each layer.
            let counts: [u64; 3] = match layers {
                1 => [4, 0, 0],
                2 => [2, 2, 0],
                _ => [1, 1, 2],
            };
            let bits: u64 = plan
                .layer_shares
                .iter()
                .zip(counts)
                .map(|(a, b)| a * b)
                .sum();
            assert_eq!(bits, 160_000);
        }
    }
}
