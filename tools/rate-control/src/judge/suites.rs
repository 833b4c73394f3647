// SPDX-License-Identifier: GPL-2.0

//! What the rate-control tests of Chromium, libvpx, libaom and WebRTC measure, restated. All
//! bits and all time count, also that at the lowest QP.

use serde::Serialize;

use super::buffer::Fill;
use super::statistics::{largest, mean};
use crate::config::{Config, SECOND};
use crate::frame::Record;

/// How full the buffer of the tests of libvpx is at first, in ms.
const FIRST_MS: f64 = 500.0;
/// Off the rate by less than this, the rate is reached (WebRTC), in percent.
const REACHED: f64 = 20.0;

/// What they look at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Suites {
    /// How far the bits are off in percent.
    pub(crate) mismatch: f64,
    /// The same of each stretch between two changes of the rate.
    pub(crate) parts: Vec<f64>,
    /// Frames above 3 and above 8 b, without the first.
    pub(crate) spikes: [usize; 2],
    /// How far libvpx's model of the buffer is below nothing when a P frame is due, in ms.
    pub(crate) underrun_ms: f64,
    /// Time until the mean rate since the first frame is within 20 % of the rate, in ms.
    pub(crate) reached_ms: Option<f64>,
    /// Mean queue delay just after a frame, in ms.
    pub(crate) delay_mean_ms: f64,
    /// Time that the largest key frame and the largest other take on the channel, in ms.
    pub(crate) key_ms: f64,
    pub(crate) delta_ms: f64,
}

/// Bits that the rate allows for a frame's time.
fn allowed(record: &Record, configs: &[Config]) -> f64 {
    configs[record.config].bitrate as f64 * record.duration as f64 / SECOND as f64
}

fn spent(record: &Record) -> f64 {
    (record.bits + record.filler_bits) as f64
}

fn off(records: &[Record], configs: &[Config]) -> f64 {
    let bits: f64 = records.iter().map(spent).sum();
    let budget: f64 = records.iter().map(|r| allowed(r, configs)).sum();
    if budget > 0.0 {
        (bits / budget - 1.0) * 100.0
    } else {
        0.0
    }
}

/// Measures a run.
pub(crate) fn suites(records: &[Record], configs: &[Config], fills: &[Fill]) -> Suites {
    let bitrate = |record: &Record| configs[record.config].bitrate;
    let parts = records.chunk_by(|a, b| bitrate(a) == bitrate(b));
    let above = |factor: f64| {
        let late = records.iter().skip(1);
        late.filter(|r| r.bits as f64 > factor * configs[r.config].frame_bits())
            .count()
    };
    let time_of = |key: bool| {
        let own = records.iter().filter(|record| record.key == key);
        largest(own.map(|r| r.bits as f64 / bitrate(r).max(1) as f64 * 1000.0))
    };
    let delays: Vec<f64> = fills.iter().map(|fill| fill.delay / 1e6).collect();
    Suites {
        mismatch: off(records, configs),
        parts: parts.map(|part| off(part, configs)).collect(),
        spikes: [3.0, 8.0].map(above),
        underrun_ms: underrun(records, configs),
        reached_ms: reached(records, configs),
        delay_mean_ms: mean(&delays),
        key_ms: time_of(true),
        delta_ms: time_of(false),
    }
}

/// The buffer of a server at a constant rate has 500 ms at first, and a frame's time when the
/// first frame is due; it has no size.
fn underrun(records: &[Record], configs: &[Config]) -> f64 {
    let Some(first) = records.first() else {
        return 0.0;
    };
    let bitrate = |record: &Record| configs[record.config].bitrate as f64;
    let mut level = FIRST_MS / 1000.0 * bitrate(first) + allowed(first, configs);
    let mut most = 0.0f64;
    for record in records {
        if !record.key && !record.skipped {
            most = most.max(-level / bitrate(record) * 1000.0);
        }
        level += allowed(record, configs) - spent(record);
    }
    most
}

fn reached(records: &[Record], configs: &[Config]) -> Option<f64> {
    let first = records.first()?;
    let mut bits = 0.0;
    records.iter().find_map(|record| {
        bits += spent(record);
        let seconds = (record.time - first.time) as f64 / SECOND as f64;
        let rate = configs[record.config].bitrate as f64;
        let off = (bits / seconds / rate - 1.0) * 100.0;
        (seconds > 0.0 && off.abs() < REACHED).then_some(seconds * 1000.0)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{buffer, samples};
    use super::*;

    fn measured(records: &[Record], configs: &[Config]) -> Suites {
        suites(records, configs, &buffer::walk(records, configs))
    }

    #[test]
    fn a_run_by_hand() {
        // 1000 bits and 40 ms a frame.
        let configs = [samples::config(25_000, 25_000)];
        let mut records = samples::records(&[5000, 200, 200, 200, 200, 3001, 9000, 200]);
        records[1].qp = Some(0);
        let suites = measured(&records, &configs);
        assert!((suites.mismatch - (18_001.0 / 8000.0 - 1.0) * 100.0).abs() < 1e-9);
        assert_eq!(suites.parts, [suites.mismatch]);
        assert_eq!(suites.spikes, [2, 1]);
        assert_eq!((suites.key_ms, suites.delta_ms), (200.0, 360.0));
        // 5400 in 80 ms are 170 % too much; 5800 in 160 ms are 45 %, 8801 in 200 ms 76 %.
        assert_eq!(suites.reached_ms, None);
        // 12500 + 1000 first; 8 frames' time less 18001 bits when all is coded.
        assert_eq!(suites.underrun_ms, 0.0);
        let delays = [200.0, 168.0, 136.0, 104.0, 72.0, 152.04, 472.04, 440.04];
        assert!((suites.delay_mean_ms - mean(&delays)).abs() < 1e-9);
    }

    #[test]
    fn the_model_of_the_buffer_runs_empty() {
        let configs = [samples::config(25_000, 25_000)];
        let mut records = samples::records(&[14_600, 1000, 1000, 1000]);
        // 13500 - 14600 + 1000: 100 bits are 4 ms.
        assert!((measured(&records, &configs).underrun_ms - 4.0).abs() < 1e-9);
        // Key frames, and those that are not sent, wait for nothing.
        records[1].key = true;
        records[2].skipped = true;
        records[3].key = true;
        assert_eq!(measured(&records, &configs).underrun_ms, 0.0);
    }

    #[test]
    fn the_rate_is_reached_and_changes() {
        let configs = [
            samples::config(25_000, 25_000),
            samples::config(50_000, 50_000),
        ];
        let mut records = samples::records(&[2000, 300, 300, 100, 2200, 2200]);
        for record in &mut records[4..] {
            record.config = 1;
        }
        let suites = measured(&records, &configs);
        // 2300 after 40 ms, 2600 after 80 ms, 2700 after 120 ms.
        assert_eq!(suites.reached_ms, Some(120.0));
        assert!((suites.parts[0] + 32.5).abs() < 1e-9);
        assert!((suites.parts[1] - 10.0).abs() < 1e-9);
        let empty = measured(&[], &configs);
        assert_eq!((empty.mismatch, empty.reached_ms), (0.0, None));
    }
}
