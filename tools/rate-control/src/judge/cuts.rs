// SPDX-License-Identifier: GPL-2.0

//! What a scene cut does to rate and delay.

use serde::Serialize;

use super::buffer::Fill;
use super::quality::{size_at_rate, ConstantQp};
use super::rate;
use crate::config::{Config, SECOND};
use crate::frame::Record;

/// One cut.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Cut {
    /// Time of the first frame of the new scene in seconds.
    pub(crate) at_s: f64,
    /// C: its size at the constant QP of the same rate, in units of b, and that of others less
    /// than a second away, each without the b that it has anyway.
    pub(crate) size_b: f64,
    /// The same of the sizes as they were coded: what nobody can help who does not know of it.
    pub(crate) own_b: f64,
    /// The worst window of one second that holds it, in percent above the rate.
    pub(crate) overshoot: f64,
    /// The largest delay up to the next cut, in ms.
    pub(crate) delay_ms: f64,
    /// Time until the delay is again what it was at most in the second before, in ms.
    pub(crate) repay_ms: Option<f64>,
    /// Violations up to the next cut.
    pub(crate) violations: usize,
    /// All-skip pictures up to the next cut.
    pub(crate) drops: usize,
    /// Time after it until the PSNR is within 1 dB of the mean of the scene's last quarter, in ms.
    pub(crate) quality_ms: Option<f64>,
}

/// Looks at every cut after the first second, each up to the next one.
pub(crate) fn cuts(
    records: &[Record],
    configs: &[Config],
    fills: &[Fill],
    curve: &[ConstantQp],
) -> Vec<Cut> {
    let starts: Vec<usize> = (0..records.len()).filter(|&n| records[n].cut).collect();
    let windows = rate::windows(records, configs, SECOND);
    let total: f64 = records
        .iter()
        .map(|r| configs[r.config].bitrate as f64 * r.duration as f64 / SECOND as f64)
        .sum();
    let mut cuts = Vec::new();
    for (i, &begin) in starts.iter().enumerate() {
        let time = records[begin].time;
        if time < SECOND {
            continue;
        }
        let end = starts.get(i + 1).copied().unwrap_or(records.len());
        let scene = &fills[begin..end];
        let second_before = records[..begin]
            .iter()
            .rposition(|record| record.time + SECOND < time)
            .map_or(0, |n| n + 1);
        let delay = |fills: &[Fill]| fills.iter().map(|fill| fill.delay).fold(0.0, f64::max);
        let usual = delay(&fills[second_before..begin]);
        let overshoot = (second_before..=begin)
            .filter_map(|n| windows.get(n).copied())
            .reduce(f64::max);
        let b = configs[records[begin].config].frame_bits();
        // What other cuts less than a second away bring is in the same windows, and waits in the
        // same queue.
        let near = starts
            .iter()
            .filter(|&&n| records[n].time.abs_diff(time) < SECOND);
        let sum = |size: &dyn Fn(usize) -> f64| {
            1.0 + near.clone().map(|&n| size(n) / b - 1.0).sum::<f64>()
        };
        // What counts is when the highest delay is over: the first frames may be short.
        let highest = scene
            .iter()
            .position(|fill| fill.delay == delay(scene))
            .unwrap_or(0);
        let repaid = scene[highest..]
            .iter()
            .position(|fill| fill.delay <= usual)
            .map(|n| n + highest);
        let since = |n: usize| (records[begin + n].time - time) as f64 / 1e6;
        cuts.push(Cut {
            at_s: time as f64 / SECOND as f64,
            size_b: sum(&|n| size_at_rate(total, n, curve)),
            own_b: sum(&|n| records[n].bits as f64),
            overshoot: overshoot.unwrap_or(0.0),
            delay_ms: delay(scene) / 1e6,
            repay_ms: repaid.map(since),
            violations: scene.iter().filter(|fill| fill.violates).count(),
            drops: records[begin..end].iter().filter(|r| r.skipped).count(),
            quality_ms: within_a_decibel(&records[begin..end]).map(since),
        });
    }
    cuts
}

/// PSNR above which nothing better can be seen, in dB.
const PERFECT: f64 = 45.0;

/// The first frame whose PSNR is at most 1 dB below the mean of the last quarter, or beyond what
/// can be seen.
fn within_a_decibel(scene: &[Record]) -> Option<usize> {
    let last = &scene[scene.len() * 3 / 4..];
    let steady = super::quality::psnr(last).min(PERFECT);
    scene.iter().position(|record| record.psnr >= steady - 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::{buffer, samples};
    use super::*;

    #[test]
    fn a_cut_by_hand() {
        let configs = [samples::config(25_000, 5000)];
        let mut sizes = [1000; 150];
        // 6 b in one frame, repaid by 10 frames of half the size.
        sizes[60] = 6000;
        sizes[61..71].fill(500);
        let mut records = samples::records(&sizes);
        records[60].cut = true;
        records[60].psnr = 30.0;
        records[61].psnr = 38.9;
        records[62].psnr = 39.1;
        let curve = [ConstantQp {
            qp: 30,
            sizes: sizes.to_vec(),
            psnr: 40.0,
        }];
        let fills = buffer::walk(&records, &configs);
        let cuts = cuts(&records, &configs, &fills, &curve);
        assert_eq!(cuts.len(), 1);
        let cut = cuts[0];
        assert_eq!((cut.at_s, cut.size_b), (2.4, 6.0));
        // A window that ends with the cut: 30 kbit instead of 25.
        assert!((cut.overshoot - 20.0).abs() < 1e-9);
        assert_eq!(cut.delay_ms, 240.0);
        // 6000, and then 5000 + 500.
        assert_eq!((cut.violations, cut.drops), (2, 0));
        // 5000 bits too much, 500 repaid by each of 10 frames.
        assert_eq!(cut.repay_ms, Some(400.0));
        assert_eq!(cut.quality_ms, Some(80.0));
    }

    #[test]
    fn cuts_in_the_first_second_do_not_count() {
        let configs = [samples::config(25_000, 5000)];
        let mut records = samples::records(&[1000; 50]);
        records[10].cut = true;
        let fills = buffer::walk(&records, &configs);
        assert!(cuts(&records, &configs, &fills, &[]).is_empty());
    }
}
