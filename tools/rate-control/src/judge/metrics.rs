// SPDX-License-Identifier: GPL-2.0

//! All numbers of a run.

use serde::Serialize;

use super::buffer::{walk, walk_layers, Fill};
use super::cuts::{cuts, Cut};
use super::pulse::pulse;
use super::quality::{self, ConstantQp};
use super::rate;
use super::settle::{settlings, Settling};
use super::stationary::is_stationary;
use super::statistics::{deviation, largest, mean, percentile};
use super::suites::{suites, Suites};
use crate::config::{Config, SECOND};
use crate::frame::Record;

/// 50, 95, 99 and 99.9 %.
const SHARES: [f64; 4] = [0.5, 0.95, 0.99, 0.999];

/// The metrics of section 4 of the rate-control reference, and what else is reported.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Metrics {
    pub(crate) frames: usize,
    /// The content is steady, whatever was made of it, and all but the first are P frames.
    pub(crate) stationary: bool,
    /// The content is steady, between key frames where there are any.
    pub(crate) steady: bool,
    /// E in percent.
    pub(crate) rate_error: Option<f64>,
    /// W- and W+ in percent.
    pub(crate) window_low: f64,
    pub(crate) window_high: f64,
    /// Error of the first second in percent.
    pub(crate) first_second: f64,
    /// D in ms, its percentiles, and D in frame intervals.
    pub(crate) delay_ms: f64,
    pub(crate) delay_percentiles_ms: [f64; 4],
    pub(crate) delay_intervals: f64,
    /// The same without the first two seconds: what the first frame costs is another matter.
    pub(crate) steady_delay_intervals: f64,
    /// N, and the largest excess in bits.
    pub(crate) violations: usize,
    pub(crate) violation_bits: f64,
    /// P frames that violate the buffer, in percent of them.
    pub(crate) p_outside: f64,
    /// In units of b.
    pub(crate) first_i: f64,
    pub(crate) i_max: f64,
    pub(crate) p_max: f64,
    pub(crate) size_percentiles: [f64; 4],
    /// Standard deviation of QP, mean of it, and mean step from P to P.
    pub(crate) qp_mean: f64,
    pub(crate) qp_deviation: f64,
    pub(crate) qp_step: f64,
    pub(crate) psnr: f64,
    pub(crate) psnr_min: f64,
    pub(crate) psnr_p5: f64,
    pub(crate) psnr_deviation: f64,
    /// Time until the PSNR is within 1 dB of the run's, in ms.
    pub(crate) psnr_settled_ms: Option<f64>,
    /// L in percent.
    pub(crate) loss: Option<f64>,
    /// All-skip pictures sent, and the most in a row.
    pub(crate) drops: usize,
    pub(crate) consecutive_drops: usize,
    pub(crate) freeze_ms: f64,
    pub(crate) delivered_fps: f64,
    /// Share of macroblocks that the hard maximum skipped, in percent.
    pub(crate) forced_skips: f64,
    /// Share of the bits that are filler, and of the time that the channel idles, in percent.
    pub(crate) filler: f64,
    pub(crate) idle: f64,
    /// Share of the time in which the channel sends, in percent.
    pub(crate) utilisation: f64,
    /// Mean step of PSNR at key frames in dB.
    pub(crate) pulse: Option<f64>,
    /// I and P frames above the limit of their size, in percent of those that have one.
    pub(crate) above_limit: [Option<f64>; 2],
    /// Time after each change of the configuration until the delay stays below 7.5 frame intervals
    /// up to the next one, in ms; `None` where it never does. What limits QP holds the delay where
    /// it is, and has none.
    pub(crate) recoveries_ms: Vec<Option<f64>>,
    pub(crate) settlings: Vec<Settling>,
    pub(crate) cuts: Vec<Cut>,
    /// Error of each layer's rate in percent, and violations of its cumulative bucket.
    pub(crate) layer_errors: Vec<f64>,
    pub(crate) layer_violations: Vec<usize>,
    pub(crate) suites: Suites,
}

/// Measures a run. `curve` holds runs at constant QPs over the same frames.
pub(crate) fn measure(records: &[Record], configs: &[Config], curve: &[ConstantQp]) -> Metrics {
    let fills = walk(records, configs);
    let config_of = |record: &Record| &configs[record.config];
    let in_b = |record: &Record| record.bits as f64 / config_of(record).frame_bits();
    let coded: Vec<&Record> = records.iter().filter(|r| !r.skipped).collect();
    let p_frames: Vec<&Record> = coded.iter().filter(|r| !r.key).copied().collect();
    let delays: Vec<f64> = fills.iter().map(|fill| fill.delay / 1e6).collect();
    let in_intervals =
        |(record, fill): (&Record, &Fill)| fill.delay / config_of(record).interval as f64;
    let psnrs: Vec<f64> = records.iter().map(|record| record.psnr).collect();
    let known = coded.iter().filter_map(|record| record.qp);
    let qps: Vec<f64> = known.map(f64::from).collect();
    let steps: Vec<f64> = p_frames
        .windows(2)
        .filter_map(|pair| Some(f64::from((pair[1].qp? - pair[0].qp?).abs())))
        .collect();
    let sizes: Vec<f64> = records.iter().map(in_b).collect();
    let bits: f64 = records.iter().map(|record| record.bits as f64).sum();
    let filler: f64 = records.iter().map(|record| record.filler_bits as f64).sum();
    let psnr = mean(&psnrs);
    let settled = records.iter().find(|record| record.psnr >= psnr - 1.0);
    let (window_low, window_high) = rate::worst_windows(records, configs);
    let duration = records.iter().map(|record| record.duration).sum::<u64>() as f64;
    let (consecutive_drops, freeze) = longest_freeze(records);
    let first_second = rate::windows(records, configs, SECOND).first().copied();
    let layers = configs.iter().map(|config| config.layers.len()).max();
    let idle = fills.iter().map(|fill| fill.idle).sum::<f64>() / duration * 100.0;

    let steady = steady(records, configs, curve);
    let keys = records.iter().skip(1).any(|record| record.key);

    Metrics {
        frames: records.len(),
        stationary: steady && !keys,
        steady,
        rate_error: rate::error(records, configs),
        window_low,
        window_high,
        first_second: first_second.unwrap_or(0.0),
        delay_ms: largest(delays.iter().copied()),
        delay_percentiles_ms: SHARES.map(|share| percentile(&delays, share)),
        delay_intervals: largest(records.iter().zip(&fills).map(in_intervals)),
        steady_delay_intervals: largest(
            records
                .iter()
                .zip(&fills)
                .filter(|(record, _)| record.time >= 2 * SECOND)
                .map(in_intervals),
        ),
        violations: fills.iter().filter(|fill| fill.violates).count(),
        violation_bits: largest(fills.iter().map(|fill| fill.bits - fill.size)).max(0.0),
        p_outside: p_outside(records, &fills),
        first_i: records.first().map_or(0.0, in_b),
        i_max: largest(coded.iter().filter(|r| r.key).map(|r| in_b(r))),
        p_max: largest(p_frames.iter().map(|r| in_b(r))),
        size_percentiles: SHARES.map(|share| percentile(&sizes, share)),
        qp_mean: mean(&qps),
        qp_deviation: deviation(&qps),
        qp_step: mean(&steps),
        psnr,
        psnr_min: psnrs.iter().copied().reduce(f64::min).unwrap_or(0.0),
        psnr_p5: percentile(&psnrs, 0.05),
        psnr_deviation: deviation(&psnrs),
        psnr_settled_ms: settled.map(|record| record.time as f64 / 1e6),
        loss: quality::loss(bits, psnr, curve),
        drops: records.len() - coded.len(),
        consecutive_drops,
        freeze_ms: freeze,
        delivered_fps: coded.len() as f64 / duration * SECOND as f64,
        forced_skips: forced_skips(records, configs),
        filler: filler / (bits + filler) * 100.0,
        idle,
        utilisation: 100.0 - idle,
        pulse: pulse(records),
        above_limit: [true, false].map(|key| above_limit(&coded, configs, key)),
        recoveries_ms: recoveries(records, configs, &fills),
        settlings: settlings(records, configs, &fills),
        cuts: cuts(records, configs, &fills, curve),
        layer_errors: rate::layer_errors(records, configs),
        layer_violations: (0..layers.unwrap_or(0))
            .map(|layer| {
                let fills = walk_layers(records, configs, layer);
                fills.iter().filter(|fill| fill.violates).count()
            })
            .collect(),
        suites: suites(records, configs, &fills),
    }
}

/// Judged by the P frames at the QP of the curve that is nearest to the rate: what a controller made
/// of them decides nothing.
fn steady(records: &[Record], configs: &[Config], curve: &[ConstantQp]) -> bool {
    let budget = |record: &Record| {
        let bitrate = configs[record.config].bitrate as f64;
        bitrate * record.duration as f64 / SECOND as f64
    };
    let bits: f64 = records.iter().map(budget).sum();
    let distance = |point: &ConstantQp| (point.bits() / bits).ln().abs();
    let Some(nearest) = curve
        .iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
    else {
        return false;
    };
    let p_sizes: Vec<u64> = records
        .iter()
        .zip(&nearest.sizes)
        .filter(|(record, _)| !record.key)
        .map(|(_, &size)| size)
        .collect();
    let interval = configs.first().map_or(SECOND, |config| config.interval);
    is_stationary(&p_sizes, SECOND as f64 / interval as f64)
}

fn recoveries(records: &[Record], configs: &[Config], fills: &[Fill]) -> Vec<Option<f64>> {
    let late = |n: &usize| {
        let interval = configs[records[*n].config].interval as f64;
        fills[*n].delay > 7.5 * interval
    };
    let changes: Vec<usize> = (1..records.len())
        .filter(|&n| records[n].config != records[n - 1].config)
        .collect();
    let qps = |config: usize| (configs[config].min_qp, configs[config].max_qp);
    let mut recoveries = Vec::new();
    for (i, &change) in changes.iter().enumerate() {
        let end = changes.get(i + 1).copied().unwrap_or(records.len());
        if qps(records[change].config) != qps(0) {
            continue;
        }
        let from = (change..end).rfind(late).map_or(change, |n| n + 1);
        let recovered = (from < end).then(|| records[from].time - records[change].time);
        recoveries.push(recovered.map(|time| time as f64 / 1e6));
    }
    recoveries
}

fn p_outside(records: &[Record], fills: &[Fill]) -> f64 {
    let (mut all, mut outside) = (0_u32, 0_u32);
    for (_, fill) in records.iter().zip(fills).filter(|(record, _)| !record.key) {
        all += 1;
        outside += u32::from(fill.violates);
    }
    f64::from(outside) / f64::from(all.max(1)) * 100.0
}

/// The most all-skip pictures in a row, and for how long a picture is shown at most, in ms.
fn longest_freeze(records: &[Record]) -> (usize, f64) {
    let (mut run, mut shown, mut most, mut longest) = (0, 0, 0, 0);
    for record in records {
        if record.skipped {
            run += 1;
            shown += record.duration;
        } else {
            run = 0;
            shown = record.duration;
        }
        most = most.max(run);
        longest = longest.max(shown);
    }
    (most, longest as f64 / 1e6)
}

fn forced_skips(records: &[Record], configs: &[Config]) -> f64 {
    let (mut skipped, mut all) = (0, 0);
    for record in records {
        skipped += u64::from(record.forced_skip_mbs);
        all += u64::from(configs[record.config].macroblocks());
    }
    skipped as f64 / all as f64 * 100.0
}

/// `None` where no frame of the type has a limit.
fn above_limit(coded: &[&Record], configs: &[Config], key: bool) -> Option<f64> {
    let (mut limited, mut above) = (0, 0);
    for record in coded.iter().filter(|record| record.key == key) {
        if let Some(limit) = configs[record.config].max_bits[usize::from(!key)] {
            limited += 1;
            above += usize::from(record.bits > limit);
        }
    }
    (limited > 0).then(|| above as f64 / limited as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_run_by_hand() {
        let mut configs = [samples::config(25_000, 3900)];
        configs[0].max_bits = [None, Some(1000)];
        let mut records = samples::records(&[4500, 500, 500, 100, 100, 1100, 1000, 200]);
        records[3].skipped = true;
        records[4].skipped = true;
        records[5].qp = Some(33);
        records[0].psnr = 32.0;
        let metrics = measure(&records, &configs, &[]);
        assert_eq!(metrics.frames, 8);
        assert_eq!((metrics.violations, metrics.violation_bits), (2, 600.0));
        // One of seven.
        assert!((metrics.p_outside - 100.0 / 7.0).abs() < 1e-9);
        assert_eq!(
            (metrics.first_i, metrics.i_max, metrics.p_max),
            (4.5, 4.5, 1.1)
        );
        assert_eq!((metrics.delay_ms, metrics.delay_intervals), (180.0, 4.5));
        assert_eq!((metrics.drops, metrics.consecutive_drops), (2, 2));
        assert_eq!((metrics.freeze_ms, metrics.delivered_fps), (120.0, 18.75));
        // 30 30 33 30 30 from P to P: 0, 3, 3, 0.
        assert_eq!((metrics.qp_step, metrics.qp_mean), (1.5, 30.5));
        assert_eq!((metrics.psnr, metrics.psnr_min), (39.0, 32.0));
        assert_eq!(metrics.psnr_settled_ms, Some(40.0));
        assert_eq!(metrics.above_limit, [None, Some(20.0)]);
        configs[0].max_bits = [Some(4499), Some(1100)];
        let metrics = measure(&records, &configs, &[]);
        assert_eq!(metrics.above_limit, [Some(100.0), Some(0.0)]);
        assert!(!metrics.stationary && metrics.loss.is_none());
    }

    #[test]
    fn recovery_ends_when_the_delay_stays_low() {
        let mut configs = [25_000, 24_000, 23_000].map(|cpb| samples::config(25_000, cpb));
        let mut records = samples::records(&[1000; 60]);
        for record in &mut records[20..] {
            record.config = 1;
        }
        let recoveries =
            |records: &[Record], configs: &[Config]| measure(records, configs, &[]).recoveries_ms;
        assert_eq!(recoveries(&records[..20], &configs), []);
        assert_eq!(recoveries(&records, &configs), [Some(0.0)]);
        // 9 b, of which half a b is repaid by each frame: 7.5 b are left after three.
        records[19].bits = 9000;
        for record in &mut records[20..] {
            record.bits = 500;
        }
        assert_eq!(recoveries(&records, &configs), [Some(80.0)]);
        // Each change up to the next; not while QP is limited.
        records[35].bits = 9000;
        for record in &mut records[36..] {
            record.config = 2;
        }
        for record in &mut records[56..] {
            record.config = 1;
        }
        configs[2].min_qp = 40;
        assert_eq!(recoveries(&records, &configs), [None, Some(0.0)]);
        configs[2].min_qp = 0;
        assert_eq!(
            recoveries(&records, &configs),
            [None, Some(120.0), Some(0.0)]
        );
    }

    #[test]
    fn loss_and_stationarity_come_from_the_curve() {
        let configs = [samples::config(25_000, 4000)];
        let records = samples::records(&[1010; 100]);
        let curve =
            [(28, 2000, 42.0), (32, 1000, 40.0), (36, 500, 38.0)].map(|(qp, size, psnr)| {
                ConstantQp {
                    qp,
                    sizes: vec![size; 100],
                    psnr,
                }
            });
        let metrics = measure(&records, &configs, &curve);
        assert!(metrics.stationary);
        assert!(metrics.loss.is_some_and(|loss| (loss - 1.0).abs() < 1e-9));
        let mut keys = records.clone();
        keys[50].key = true;
        let metrics = measure(&keys, &configs, &curve);
        assert!(metrics.steady && !metrics.stationary);
    }

    #[test]
    fn what_was_made_of_the_content_decides_nothing() {
        let configs = [samples::config(25_000, 4000)];
        let mut sizes = vec![1000; 100];
        // At a coarse QP some pictures have next to nothing to code.
        let uneven: Vec<u64> = (0..100)
            .map(|n| if n % 2 == 0 { 100 } else { 900 })
            .collect();
        let curve = [(30, sizes.clone()), (36, uneven)].map(|(qp, sizes)| ConstantQp {
            qp,
            sizes,
            psnr: 40.0,
        });
        // A picture of four shares, and a rate that is missed by half.
        sizes[40] = 4000;
        assert!(measure(&samples::records(&sizes), &configs, &curve).steady);
        sizes.fill(500);
        assert!(measure(&samples::records(&sizes), &configs, &curve).steady);
    }
}
