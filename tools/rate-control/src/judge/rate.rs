// SPDX-License-Identifier: GPL-2.0

//! How well the rate is met: over all, in windows, and in each layer.

use crate::config::{Config, SECOND};
use crate::frame::Record;

/// Frame intervals that a frame's time counts for at most: nobody can fill a pause.
const LONGEST: u64 = 4;

/// The part of a frame's time that counts.
fn counted(record: &Record, configs: &[Config]) -> u64 {
    let most = LONGEST * configs[record.config].interval;
    record.duration.min(most)
}

/// Bits that the average rate allows for a frame's time.
fn allowed(record: &Record, configs: &[Config]) -> f64 {
    let bitrate = configs[record.config].bitrate as f64;
    bitrate * counted(record, configs) as f64 / SECOND as f64
}

/// Bits that a frame takes.
fn spent(record: &Record) -> f64 {
    (record.bits + record.filler_bits) as f64
}

fn at_min_qp(record: &Record, configs: &[Config]) -> bool {
    let min_qp = configs[record.config].min_qp;
    !record.skipped && record.qp.is_some_and(|qp| qp <= min_qp)
}

/// E: how far the bits are off in percent. Time at the lowest QP is left out; `None` when that
/// is all of it.
pub(crate) fn error(records: &[Record], configs: &[Config]) -> Option<f64> {
    let counted: Vec<&Record> = records
        .iter()
        .filter(|record| !at_min_qp(record, configs))
        .collect();
    let bits: f64 = counted.iter().map(|record| spent(record)).sum();
    let budget: f64 = counted.iter().map(|record| allowed(record, configs)).sum();
    (budget > 0.0).then(|| (bits / budget - 1.0) * 100.0)
}

/// The error in percent of the window that begins with each frame and is `length` nanoseconds
/// long, or up to one frame more; up to the last that is complete.
pub(crate) fn windows(records: &[Record], configs: &[Config], length: u64) -> Vec<f64> {
    let mut errors = Vec::new();
    let (mut bits, mut budget, mut time, mut end) = (0.0, 0.0, 0, 0);
    for record in records {
        while time < length {
            let Some(next) = records.get(end) else {
                return errors;
            };
            bits += spent(next);
            budget += allowed(next, configs);
            time += counted(next, configs);
            end += 1;
        }
        errors.push((bits / budget - 1.0) * 100.0);
        bits -= spent(record);
        budget -= allowed(record, configs);
        time -= counted(record, configs);
    }
    errors
}

/// W- and W+: the worst error in percent of a window of one second, after the first second. A
/// window that touches the lowest QP cannot be too low.
pub(crate) fn worst_windows(records: &[Record], configs: &[Config]) -> (f64, f64) {
    let errors = windows(records, configs, SECOND);
    let (mut low, mut high) = (0.0f64, 0.0f64);
    for (begin, error) in errors.into_iter().enumerate() {
        let from = records[begin].time;
        if from < SECOND {
            continue;
        }
        let saturated = records[begin..]
            .iter()
            .take_while(|record| record.time < from + SECOND)
            .any(|record| at_min_qp(record, configs));
        high = high.max(error);
        if !saturated {
            low = low.min(error);
        }
    }
    (low, high)
}

/// The error of each layer's own rate in percent.
pub(crate) fn layer_errors(records: &[Record], configs: &[Config]) -> Vec<f64> {
    let layers = configs.iter().map(|config| config.layers.len()).max();
    (0..layers.unwrap_or(0))
        .map(|layer| {
            let own = records.iter().filter(|record| record.layer == layer);
            let bits: f64 = own.map(spent).sum();
            let rate = |record: &Record| configs[record.config].layers.get(layer).copied();
            let budget: f64 = records
                .iter()
                .map(|r| rate(r).unwrap_or(0) as f64 * r.duration as f64 / SECOND as f64)
                .sum();
            (bits / budget - 1.0) * 100.0
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_error_leaves_the_lowest_qp_out() {
        let mut configs = [samples::config(25_000, 3000)];
        let mut records = samples::records(&[1100, 1200, 1000, 100]);
        let near = |expected: f64| move |error: f64| (error - expected).abs() < 1e-9;
        assert!(error(&records, &configs).is_some_and(near(-15.0)));
        configs[0].min_qp = 20;
        records[3].qp = Some(20);
        assert!(error(&records, &configs).is_some_and(near(10.0)));
        for record in &mut records {
            record.qp = Some(20);
        }
        assert_eq!(error(&records, &configs), None);
    }

    #[test]
    fn windows_slide_by_a_frame() {
        let configs = [samples::config(25_000, 3000)];
        let mut sizes = [1000; 100];
        sizes[50] = 3500;
        sizes[10] = 9000;
        let records = samples::records(&sizes);
        let errors = windows(&records, &configs, SECOND);
        assert_eq!(errors.len(), 76);
        assert!(errors[11].abs() < 1e-9 && (errors[10] - 32.0).abs() < 1e-9);
        // The first second does not count.
        let (low, high) = worst_windows(&records, &configs);
        assert!(
            low.abs() < 1e-9 && (high - 10.0).abs() < 1e-9,
            "{low} {high}"
        );
    }

    #[test]
    fn a_pause_is_left_out() {
        let configs = [samples::config(25_000, 3000)];
        let mut records = samples::records(&[1000; 100]);
        records[40].duration = 10 * SECOND;
        for record in &mut records[41..] {
            record.time += 10 * SECOND;
        }
        // Four intervals instead of one: 3 of 103 have no bits.
        let error = error(&records, &configs);
        assert!(error.is_some_and(|error| (error + 300.0 / 103.0).abs() < 1e-9));
        assert!(worst_windows(&records, &configs).0 > -15.0);
    }

    #[test]
    fn a_low_window_counts_unless_the_qp_is_lowest() {
        let configs = [samples::config(25_000, 3000)];
        let mut records = samples::records(&[800; 100]);
        assert!((worst_windows(&records, &configs).0 + 20.0).abs() < 1e-9);
        for record in &mut records {
            record.qp = Some(0);
        }
        assert_eq!(worst_windows(&records, &configs), (0.0, 0.0));
    }

    #[test]
    fn each_layer_has_its_rate() {
        let mut configs = [samples::config(25_000, 3000)];
        configs[0].layers = vec![15_000, 10_000];
        let mut records = samples::records(&[1200, 880, 1200, 880]);
        records[1].layer = 1;
        records[3].layer = 1;
        let errors = layer_errors(&records, &configs);
        assert!(errors[0].abs() < 1e-9 && (errors[1] - 10.0).abs() < 1e-9);
    }
}
