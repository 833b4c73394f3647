// SPDX-License-Identifier: GPL-2.0

//! A scenario played out: when each frame comes, of what type, and with which configuration.

use super::{Change, Clock, Events, Keys, Scenario};
use crate::config::{Config, SECOND};
use crate::plant::scale::max_qp;
use crate::random::Random;

/// Frames back to what the receiver still has.
const LOST: usize = 30;
/// Steps of the sawtooth in nanoseconds.
const SAWTOOTH_STEP: u64 = SECOND / 4;

/// A frame to come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    /// Position in the content.
    pub(crate) position: usize,
    pub(crate) time: u64,
    pub(crate) elapsed: u64,
    pub(crate) duration: u64,
    pub(crate) key: bool,
    pub(crate) forced: bool,
    pub(crate) layer: usize,
    pub(crate) distance: u32,
    /// Frames back to its reference when those between were lost; 0 when none were.
    pub(crate) back: usize,
    /// Index into the configurations.
    pub(crate) config: usize,
}

/// All frames and all configurations.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Timeline {
    pub(crate) frames: Vec<Planned>,
    pub(crate) configs: Vec<Config>,
}

/// Factor of the rate at a time of the sawtooth.
fn sawtooth(time: u64) -> f64 {
    let tooth = (time / (5 * SECOND)) as i32;
    let second = (time % (5 * SECOND)) as f64 / SECOND as f64;
    let climb = 1.08f64.powi(5 * tooth) * 1.08f64.powf(second);
    climb * 0.7f64.powi(tooth)
}

/// The first configuration with the rate changed.
fn scaled(first: &Config, now: &Config, factor: f64) -> Config {
    let scale = |value: u64| (value as f64 * factor) as u64;
    Config {
        bitrate: scale(first.bitrate),
        peak: scale(first.peak),
        cpb: scale(first.cpb),
        layers: first.layers.iter().map(|&rate| scale(rate)).collect(),
        max_bits: first.max_bits.map(|limit| limit.map(scale)),
        ..now.clone()
    }
}

/// Temporal layer of the n-th frame after a key frame, and frames back to its reference.
fn layer(layers: usize, n: usize) -> (usize, u32) {
    match (layers, n % 4) {
        (2, 1 | 3) => (1, 1),
        (2, _) => (0, 2),
        (3, 1 | 3) => (2, 1),
        (3, 2) => (1, 2),
        (3, _) => (0, 4),
        _ => (0, 1),
    }
}

/// Plays a scenario. `is_cut` says where the content's scenes begin.
pub(crate) fn play(scenario: &Scenario, first: Config, is_cut: impl Fn(usize) -> bool) -> Timeline {
    let mut random = Random::new(11);
    let end = scenario.seconds * SECOND;
    let mut timeline = Timeline {
        frames: Vec::new(),
        configs: vec![first],
    };
    let (mut time, mut elapsed, mut position, mut decimate) = (0, 0, 0, 1);
    let (mut event, mut since_key) = (0, 0);
    let mut next_forced = 2 * SECOND;
    let mut next_loss = scenario.losses * SECOND;
    let mut next_tooth = SAWTOOTH_STEP;
    while time < end {
        let mut pause = 0;
        let now = timeline.configs.len() - 1;
        let mut config = timeline.configs[now].clone();
        match scenario.events {
            Events::List(events) => {
                while let Some((_, change)) = events.get(event).filter(|e| e.0 * SECOND <= time) {
                    apply(
                        *change,
                        &timeline.configs[0],
                        &mut config,
                        &mut decimate,
                        &mut pause,
                    );
                    event += 1;
                }
            }
            Events::Sawtooth => {
                if time >= next_tooth {
                    config = scaled(&timeline.configs[0], &config, sawtooth(time));
                    next_tooth += SAWTOOTH_STEP;
                }
            }
        }
        if config != timeline.configs[now] {
            timeline.configs.push(config);
        }
        let config = timeline.configs.len() - 1;
        let size = |config: &Config| (config.width, config.height);
        let resized = size(&timeline.configs[config]) != size(&timeline.configs[now]);

        let first_frame = timeline.frames.is_empty();
        let forced = !first_frame
            && match scenario.keys {
                Keys::EveryAndForced(_) => time >= next_forced,
                Keys::PairsAndCuts => time >= next_forced || is_cut(position),
                Keys::Never | Keys::Every(_) => false,
            };
        if forced && time >= next_forced {
            let pairs = scenario.keys == Keys::PairsAndCuts;
            let short = pairs && next_forced % SECOND == 0;
            next_forced += match (pairs, short) {
                (true, true) => SECOND / 2,
                (true, false) => 4 * SECOND - SECOND / 2,
                (false, _) => SECOND / 2 + u64::from(random.below(3000)) * 1_000_000,
            };
        }
        let periodic = match scenario.keys {
            Keys::Every(period) | Keys::EveryAndForced(period) => since_key >= period,
            Keys::Never | Keys::PairsAndCuts => false,
        };
        let key = first_frame || resized || forced || periodic;
        since_key = if key { 1 } else { since_key + 1 };
        let (layer, distance) = layer(timeline.configs[config].layers.len(), since_key - 1);

        let lost = scenario.losses > 0 && time >= next_loss && !key;
        if lost {
            next_loss += scenario.losses * SECOND;
        }

        let interval = timeline.configs[config].interval;
        let jitter = (scenario.jitter * random.normal()).clamp(-0.9, 2.0);
        let duration = (interval as f64 * (1.0 + jitter)) as u64 + pause;
        timeline.frames.push(Planned {
            position,
            time,
            elapsed: told(scenario.clock, timeline.frames.len(), elapsed),
            duration,
            key,
            forced,
            layer: if key { 0 } else { layer },
            distance: if lost { LOST as u32 } else { distance },
            back: if lost { LOST } else { 0 },
            config,
        });
        time += duration;
        elapsed = duration;
        position += decimate;
    }
    timeline
}

/// What is told of the time since the frame before.
fn told(clock: Clock, frame: usize, elapsed: u64) -> u64 {
    match (clock, frame % 40, frame % 25) {
        (Clock::Faulty, 0, _) => 0,
        (Clock::Faulty, _, 0) => elapsed.min(1),
        // Unless the one before said nothing.
        (Clock::Faulty, 2.., 1) => 2 * elapsed,
        _ => elapsed,
    }
}

fn apply(
    change: Change,
    first: &Config,
    config: &mut Config,
    decimate: &mut usize,
    pause: &mut u64,
) {
    match change {
        Change::Rate(factor) => *config = scaled(first, config, factor),
        Change::Decimate(count) => {
            *decimate = count;
            config.interval = first.interval * count as u64;
        }
        Change::QpRange(low, high) => {
            let scaled = |qp: i32| qp * max_qp(config.scale) / 51;
            (config.min_qp, config.max_qp) = (scaled(low), scaled(high));
        }
        Change::Pause(seconds) => *pause = seconds * SECOND,
        Change::Mode(mode) => config.mode = mode,
        Change::Halve => {
            config.width /= 2;
            config.height /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::BASE;
    use super::*;
    use crate::judge::samples;

    fn timeline(scenario: &Scenario) -> Timeline {
        let mut config = samples::config(250_000, 250_000);
        config.layers = scenario
            .layers
            .iter()
            .map(|share| (share * 250_000.0) as u64)
            .collect();
        play(scenario, config, |position| position == 30)
    }

    #[test]
    fn key_frames_come_when_they_should() {
        let keys = |keys| {
            let timeline = timeline(&Scenario {
                seconds: 10,
                keys,
                ..BASE
            });
            let frames = timeline.frames.iter().enumerate();
            let keys: Vec<usize> = frames.filter(|(_, f)| f.key).map(|(n, _)| n).collect();
            keys
        };
        assert_eq!(keys(Keys::Never), [0]);
        assert_eq!(keys(Keys::Every(60)), [0, 60, 120, 180, 240]);
        // In pairs from 2 s on, 12.5 frames apart, and the cut.
        assert_eq!(keys(Keys::PairsAndCuts), [0, 30, 50, 63, 150, 163]);
        assert!(keys(Keys::EveryAndForced(30)).len() > 10);
    }

    #[test]
    fn another_size_begins_with_a_key_frame() {
        let timeline = timeline(&Scenario {
            seconds: 4,
            events: Events::List(&[(2, Change::Halve)]),
            ..BASE
        });
        let sizes = timeline.configs.iter().map(|c| (c.width, c.height));
        assert_eq!(sizes.collect::<Vec<_>>(), [(320, 180), (160, 90)]);
        let keys: Vec<usize> = (0..100).filter(|&n| timeline.frames[n].key).collect();
        assert_eq!(keys, [0, 50]);
        assert_eq!(timeline.frames[50].config, 1);
    }

    #[test]
    fn changes_make_configurations() {
        let timeline = timeline(&Scenario {
            seconds: 4,
            events: Events::List(&[
                (1, Change::Rate(0.5)),
                (2, Change::Decimate(2)),
                (3, Change::Pause(10)),
            ]),
            ..BASE
        });
        let rates: Vec<u64> = timeline.configs.iter().map(|c| c.bitrate).collect();
        assert_eq!(rates, [250_000, 125_000, 125_000]);
        assert_eq!(timeline.configs[1].cpb, 125_000);
        assert_eq!(timeline.frames[24].config, 0);
        assert_eq!(timeline.frames[25].config, 1);
        let last = timeline.frames.last().expect("there are frames");
        // 50 frames, 12 of every second picture, and the one before the pause.
        assert_eq!(
            (last.position, last.duration),
            (50 + 2 * 13, 10 * SECOND + 80_000_000)
        );
    }

    #[test]
    fn losses_come_when_they_should() {
        let timeline = timeline(&Scenario {
            seconds: 10,
            losses: 3,
            ..BASE
        });
        let frames = timeline.frames.iter().enumerate();
        let lost: Vec<usize> = frames.filter(|(_, f)| f.back > 0).map(|(n, _)| n).collect();
        assert_eq!(lost, [75, 150, 225]);
        assert_eq!(
            (timeline.frames[75].back, timeline.frames[75].distance),
            (30, 30)
        );
    }

    #[test]
    fn layers_follow_their_pattern() {
        let layers = |layers| -> Vec<usize> {
            let timeline = timeline(&Scenario { layers, ..BASE });
            timeline.frames[..9].iter().map(|f| f.layer).collect()
        };
        assert_eq!(layers(&[1.0]), [0; 9]);
        assert_eq!(layers(&[0.6, 0.4]), [0, 1, 0, 1, 0, 1, 0, 1, 0]);
        assert_eq!(layers(&[0.5, 0.2, 0.3]), [0, 2, 1, 2, 0, 2, 1, 2, 0]);
    }

    #[test]
    fn the_sawtooth_rises_and_falls() {
        assert_eq!(sawtooth(0), 1.0);
        assert!((sawtooth(SECOND) - 1.08).abs() < 1e-9);
        let (before, after) = (sawtooth(5 * SECOND - 1), sawtooth(5 * SECOND));
        assert!((after / before - 0.7).abs() < 1e-6);
    }

    #[test]
    fn a_faulty_clock_is_right_in_the_end() {
        let timeline = timeline(&Scenario {
            clock: Clock::Faulty,
            ..BASE
        });
        let told: Vec<u64> = timeline.frames.iter().map(|frame| frame.elapsed).collect();
        let interval = SECOND / 25;
        assert_eq!(told[24..28], [interval, 1, 2 * interval, interval]);
        assert_eq!(told[39..42], [interval, 0, interval]);
        let frames = &timeline.frames;
        assert!(frames.iter().all(|frame| frame.duration == interval));
    }

    #[test]
    fn time_adds_up_with_jitter() {
        let timeline = timeline(&Scenario {
            jitter: 0.2,
            ..BASE
        });
        for pair in timeline.frames.windows(2) {
            assert_eq!(pair[0].time + pair[0].duration, pair[1].time);
            assert_eq!(pair[0].duration, pair[1].elapsed);
        }
    }
}
