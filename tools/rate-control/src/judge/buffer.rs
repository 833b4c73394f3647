// SPDX-License-Identifier: GPL-2.0

//! The leaky bucket of ITU-T H.264 annex C, seen from the encoder:
//! F(n) = max(0, F(n-1) - R dt) + bits(n), and F > B is a violation.
//!
//! The arithmetic is exact: fullness is counted in bits times nanoseconds of a second.

use crate::config::{Config, SECOND};
use crate::frame::Record;

/// The bucket just after a frame was added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fill {
    /// F in bits.
    pub(crate) bits: f64,
    /// B in bits.
    pub(crate) size: f64,
    /// Time the last bit waits: F / R in nanoseconds.
    pub(crate) delay: f64,
    /// F > B.
    pub(crate) violates: bool,
    /// How long the channel was idle before the frame, in nanoseconds.
    pub(crate) idle: f64,
}

/// Runs the frames through the bucket that their configurations describe.
pub(crate) fn walk(records: &[Record], configs: &[Config]) -> Vec<Fill> {
    walk_with(records, |record| {
        let config = &configs[record.config];
        (config.drain(), config.cpb)
    })
}

/// Runs the frames of the layers up to `layer` through their bucket: it drains at the sum of
/// their rates, and its size is in proportion.
pub(crate) fn walk_layers(records: &[Record], configs: &[Config], layer: usize) -> Vec<Fill> {
    let mut merged: Vec<Record> = Vec::new();
    for record in records {
        if record.layer <= layer {
            merged.push(record.clone());
        } else if let Some(last) = merged.last_mut() {
            last.duration += record.duration;
        }
    }
    walk_with(&merged, |record| {
        let config = &configs[record.config];
        let rate: u64 = config.layers.iter().take(layer + 1).sum();
        let size = u128::from(config.cpb) * u128::from(rate) / u128::from(config.bitrate);
        (rate, size as u64)
    })
}

/// `bucket` gives rate and size that hold from a frame on.
fn walk_with(records: &[Record], bucket: impl Fn(&Record) -> (u64, u64)) -> Vec<Fill> {
    let unit = u128::from(SECOND);
    let mut full: u128 = 0;
    let mut idle = 0.0;
    records
        .iter()
        .map(|record| {
            let (rate, size) = bucket(record);
            full += u128::from(record.bits + record.filler_bits) * unit;
            let fill = Fill {
                bits: full as f64 / unit as f64,
                size: size as f64,
                delay: full as f64 / rate as f64,
                violates: full > u128::from(size) * unit,
                idle,
            };
            let drained = u128::from(rate) * u128::from(record.duration);
            idle = drained.saturating_sub(full) as f64 / rate as f64;
            full = full.saturating_sub(drained);
            fill
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples;
    use super::*;

    /// 25 kbit/s at 25 fps: 1000 bits drain between frames.
    #[test]
    fn fullness_by_hand() {
        let configs = [samples::config(25_000, 3000)];
        let fills = walk(
            &samples::records(&[2500, 1500, 0, 900, 2101, 1000]),
            &configs,
        );
        let bits: Vec<f64> = fills.iter().map(|fill| fill.bits).collect();
        // 2500; 1500 + 1500; 2000; 1000 + 900; 900 + 2101; 2001 + 1000.
        assert_eq!(bits, [2500.0, 3000.0, 2000.0, 1900.0, 3001.0, 3001.0]);
        let violates: Vec<bool> = fills.iter().map(|fill| fill.violates).collect();
        // A full bucket is no violation yet.
        assert_eq!(violates, [false, false, false, false, true, true]);
        assert_eq!(fills[0].delay, 100e6);
    }

    #[test]
    fn the_channel_is_idle_when_all_is_sent() {
        let configs = [samples::config(25_000, 3000)];
        let fills = walk(&samples::records(&[250, 100, 1000, 500]), &configs);
        let idle: Vec<f64> = fills.iter().map(|fill| fill.idle / 1e6).collect();
        assert_eq!(idle, [0.0, 30.0, 36.0, 0.0]);
        assert_eq!(fills[1].bits, 100.0);
    }

    #[test]
    fn a_new_rate_holds_from_its_frame_on() {
        let configs = [samples::config(25_000, 3000), samples::config(50_000, 2000)];
        let mut records = samples::records(&[3000, 1000, 1000]);
        records[1].config = 1;
        records[2].config = 1;
        let fills = walk(&records, &configs);
        assert_eq!((fills[1].bits, fills[1].violates), (3000.0, true));
        assert_eq!((fills[2].bits, fills[2].violates), (2000.0, false));
        assert_eq!(fills[1].delay, 60e6);
    }

    #[test]
    fn odd_intervals_do_not_drift() {
        // 30000/1001 fps: no whole number of nanoseconds.
        let mut configs = [samples::config(30_000, 2000)];
        configs[0].interval = 33_366_666;
        let mut records = samples::records(&[1000; 3000]);
        for (n, record) in records.iter_mut().enumerate() {
            let at = |n: usize| n as u64 * 1_001_000_000_000 / 30_000;
            record.time = at(n);
            record.duration = at(n + 1) - at(n);
        }
        let fills = walk(&records, &configs);
        // 1001 bits drain in each interval of 1/29.97 s, so that nothing is left.
        assert!(fills.iter().all(|fill| fill.bits == 1000.0));
        assert!((fills[2999].idle - 1e9 / 30_000.0).abs() < 2.0);
    }

    #[test]
    fn layers_have_their_own_bucket() {
        let mut configs = [samples::config(25_000, 3000)];
        configs[0].layers = vec![15_000, 10_000];
        let mut records = samples::records(&[1800, 700, 1200, 300]);
        records[1].layer = 1;
        records[3].layer = 1;
        let fills = walk_layers(&records, &configs, 0);
        // 1200 bits drain from one base frame to the next.
        let bits: Vec<f64> = fills.iter().map(|fill| fill.bits).collect();
        assert_eq!(bits, [1800.0, 1800.0]);
        assert_eq!((fills[0].size, fills[0].violates), (1800.0, false));
        assert_eq!(walk_layers(&records, &configs, 1), walk(&records, &configs));
    }

    #[test]
    fn filler_fills() {
        let configs = [samples::config(25_000, 3000)];
        let mut records = samples::records(&[400, 1000]);
        records[0].filler_bits = 600;
        assert_eq!(walk(&records, &configs)[1].idle, 0.0);
        assert_eq!(walk(&records, &configs)[0].bits, 1000.0);
    }

    proptest! {
        /// What has come in is in the bucket or has gone out, and what has gone out took its time.
        #[test]
        fn no_bit_is_lost(
            frames in prop::collection::vec((0u64..5_000_000, 1u64..2_000_000_000), 1..50),
            rate in 1u64..1 << 31,
        ) {
            let configs = [samples::config(rate, rate)];
            let sizes: Vec<u64> = frames.iter().map(|frame| frame.0).collect();
            let mut records = samples::records(&sizes);
            for (record, frame) in records.iter_mut().zip(&frames) {
                record.duration = frame.1;
            }
            let fills = walk(&records, &configs);
            let idle: f64 = fills.iter().map(|fill| fill.idle).sum();
            let last = frames.len() - 1;
            let time: u64 = frames[..last].iter().map(|frame| frame.1).sum();
            let sent = (time as f64 - idle) * rate as f64 / SECOND as f64;
            let all = sizes.iter().sum::<u64>() as f64;
            prop_assert!((all - sent - fills[last].bits).abs() < 1.0 + 1e-9 * (all + sent));
            for (fill, &size) in fills.iter().zip(&sizes) {
                prop_assert!(fill.bits >= size as f64);
                prop_assert_eq!(fill.violates, fill.bits > rate as f64);
            }
        }
    }
}
