// SPDX-License-Identifier: GPL-2.0

//! How fast the rate follows a change.

use serde::Serialize;

use super::buffer::Fill;
use super::rate;
use crate::config::{Config, SECOND};
use crate::frame::Record;

/// How far off a window may be in percent.
const TOLERANCE: f64 = 15.0;
/// Frames of the short mean.
const FRAMES: u64 = 5;

/// What follows a change of the rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Settling {
    /// New rate by old.
    pub(crate) factor: f64,
    /// S: time until all windows of 500 ms in the next second are within 15 %, in ms.
    pub(crate) settle_ms: Option<f64>,
    /// Frames until the mean of 5 is within 15 % and stays.
    pub(crate) frames: Option<usize>,
    /// The largest delay from 500 ms after the change on, in ms.
    pub(crate) late_delay_ms: f64,
    /// Violations before the buffer could have drained to its new size, and later.
    pub(crate) violations: [usize; 2],
}

/// Looks at every change of the average rate, each up to the next one.
pub(crate) fn settlings(records: &[Record], configs: &[Config], fills: &[Fill]) -> Vec<Settling> {
    let changes: Vec<usize> = (1..records.len())
        .filter(|&n| {
            let rate = |n: usize| configs[records[n].config].bitrate;
            rate(n) != rate(n - 1)
        })
        .collect();
    let mut settlings = Vec::new();
    for (i, &begin) in changes.iter().enumerate() {
        let end = changes.get(i + 1).copied().unwrap_or(records.len());
        let config = &configs[records[begin].config];
        let before = &configs[records[begin - 1].config];
        let excess = (fills[begin - 1].bits - config.cpb as f64).max(0.0);
        settlings.push(Settling {
            factor: config.bitrate as f64 / before.bitrate as f64,
            settle_ms: settle_ms(&records[begin..end], configs),
            frames: settle_frames(&records[begin..end], configs),
            late_delay_ms: late_delay(&records[begin..end], &fills[begin..end]),
            violations: violations(&records[begin..end], &fills[begin..end], excess, config),
        });
    }
    settlings
}

fn settle_ms(records: &[Record], configs: &[Config]) -> Option<f64> {
    let errors = rate::windows(records, configs, SECOND / 2);
    let first = records.first()?.time;
    (0..errors.len()).find_map(|from| {
        let begin = records[from].time;
        // Windows that begin in the first half of the second end in it.
        let inside = errors[from..]
            .iter()
            .zip(&records[from..])
            .take_while(|(_, record)| record.time <= begin + SECOND / 2)
            .all(|(error, _)| error.abs() <= TOLERANCE);
        inside.then(|| (begin - first) as f64 / 1e6)
    })
}

fn settle_frames(records: &[Record], configs: &[Config]) -> Option<usize> {
    let interval = records.first()?.duration;
    // Half an interval less, since a window is at least as long as asked for.
    let errors = rate::windows(records, configs, FRAMES * interval - interval / 2);
    let last_out = errors.iter().rposition(|error| error.abs() > TOLERANCE);
    let from = last_out.map_or(0, |n| n + 1);
    (from < errors.len()).then_some(from + FRAMES as usize)
}

fn late_delay(records: &[Record], fills: &[Fill]) -> f64 {
    let begin = records.first().map_or(0, |record| record.time);
    let late = records.iter().zip(fills);
    late.filter(|(record, _)| record.time >= begin + SECOND / 2)
        .map(|(_, fill)| fill.delay / 1e6)
        .fold(0.0, f64::max)
}

/// `excess` is what the buffer held above its new size; draining it takes a while, and all
/// violations in that time are forced.
fn violations(records: &[Record], fills: &[Fill], excess: f64, config: &Config) -> [usize; 2] {
    let begin = records.first().map_or(0, |record| record.time);
    let forced_until = begin as f64 + excess / config.drain() as f64 * SECOND as f64;
    let mut counts = [0; 2];
    for (record, fill) in records.iter().zip(fills) {
        if fill.violates {
            counts[usize::from(record.time as f64 > forced_until)] += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::super::{buffer, samples};
    use super::*;

    /// The rate halves at frame 50; the frames follow after `late` more.
    fn halving(late: usize) -> (Vec<Record>, Vec<Config>) {
        let configs = vec![
            samples::config(25_000, 25_000),
            samples::config(12_500, 12_500),
        ];
        let mut records = samples::records(&[1000; 150]);
        for (n, record) in records.iter_mut().enumerate() {
            record.config = usize::from(n >= 50);
            record.bits = if n >= 50 + late { 500 } else { 1000 };
        }
        (records, configs)
    }

    #[test]
    fn followed_at_once_and_late() {
        for late in [0, 3, 10] {
            let (records, configs) = halving(late);
            let fills = buffer::walk(&records, &configs);
            let settlings = settlings(&records, &configs, &fills);
            assert_eq!(settlings.len(), 1);
            let settling = settlings[0];
            assert_eq!(settling.factor, 0.5);
            // One frame of twice the size in 5 is 20 % too much.
            assert_eq!(settling.frames, Some(late + 5));
            // One in 13 is 8 %, two are 15.4 %.
            let expected = if late == 0 {
                0.0
            } else {
                (late as f64 - 1.0) * 40.0
            };
            assert_eq!(settling.settle_ms, Some(expected));
        }
    }

    #[test]
    fn never_settled() {
        let (records, configs) = halving(100);
        let fills = buffer::walk(&records, &configs);
        let settling = settlings(&records, &configs, &fills)[0];
        assert_eq!((settling.frames, settling.settle_ms), (None, None));
        // 99 frames of 1000 against 500 a frame, and the last: 99 x 500 + 1000 bits at 12.5 kbit/s.
        assert!((settling.late_delay_ms - 50_500.0 / 12.5).abs() < 1e-6);
    }

    #[test]
    fn the_smaller_buffer_forces_violations() {
        let (mut records, mut configs) = halving(0);
        configs[1].cpb = 2_000;
        records[49].bits = 4000;
        for record in &mut records[50..60] {
            record.bits = 100;
        }
        records[90].bits = 2100;
        records[91].bits = 300;
        let fills = buffer::walk(&records, &configs);
        // 3100, 2700, 2300, 1900 after the change: three above 2000 while 2000 drain. The other
        // is not forced.
        assert_eq!(settlings(&records, &configs, &fills)[0].violations, [3, 1]);
    }
}
