// SPDX-License-Identifier: GPL-2.0

//! Scenarios as data: what is coded, how it is configured, and what happens on the way.

pub(crate) mod list;
pub(crate) mod timeline;

use crate::config::{Config, Levers, Mode, Scale, SECOND};
use crate::content::Content;
use crate::plant::scale::max_qp;

/// Of constant and capped quality, for controllers that take no QP: about QP 26.
const QUALITY: u8 = 50;

/// Size of the coded picture buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cpb {
    /// At the rate that fills it.
    Ms(u64),
    /// In frame intervals.
    Frames(f64),
}

/// When key frames come, besides the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Keys {
    Never,
    /// Every so many frames.
    Every(usize),
    /// The same, and forced ones at random, a few seconds apart.
    EveryAndForced(usize),
    /// Forced in pairs, half a second apart, and on every cut.
    PairsAndCuts,
}

/// Something that changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    /// The rate, by this factor of the first; the buffer keeps its length in time.
    Rate(f64),
    /// Only each so many-th picture is coded.
    Decimate(usize),
    /// Limits of QP, on the scale 0 to 51.
    QpRange(i32, i32),
    /// No frame for so many seconds.
    Pause(u64),
    /// Another mode.
    Mode(Mode),
    /// Pictures of half the width and height from here on; the first is a key frame.
    Halve,
}

/// What a controller is told of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// It is right.
    Right,
    /// Every 40th frame says nothing. Every 25th has the time of the one before, or an earlier one,
    /// of which as much as nothing is left when it is put right; the next has twice the time.
    Faulty,
}

/// What happens on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Events {
    /// At these seconds.
    List(&'static [(u64, Change)]),
    /// The rate rises by 8 % a second and falls to 70 % every 5.
    Sawtooth,
}

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// S1 to S23 of the reference, X for what is beyond.
    pub(crate) id: &'static str,
    /// What is different from others of the same id.
    pub(crate) variant: &'static str,
    pub(crate) title: &'static str,
    /// Names of content.
    pub(crate) contents: &'static [&'static str],
    pub(crate) seconds: u64,
    pub(crate) mode: Mode,
    /// By the average rate.
    pub(crate) peak: f64,
    pub(crate) cpb: Cpb,
    pub(crate) keys: Keys,
    pub(crate) events: Events,
    pub(crate) levers: Levers,
    /// Skips are allowed, so many in a row.
    pub(crate) skip: Option<u32>,
    /// Limit of I and P frames in units of b.
    pub(crate) max_frame: [Option<f64>; 2],
    /// Shares of the rate.
    pub(crate) layers: &'static [f64],
    /// Every so many seconds, frames are lost, and one predicts from 30 frames ago; 0 for never.
    pub(crate) losses: u64,
    /// Share of the macroblocks that each frame refreshes.
    pub(crate) refresh: f64,
    /// Standard deviation of intervals, as a share of them.
    pub(crate) jitter: f64,
    pub(crate) clock: Clock,
    /// Frame rate instead of the content's.
    pub(crate) fps: Option<u64>,
    pub(crate) depth: usize,
    /// In ms; 0 for any.
    pub(crate) max_delay: u64,
    pub(crate) filler: bool,
    pub(crate) scale: Scale,
    pub(crate) quality_qp: i32,
}

impl Scenario {
    /// "S19 pre".
    pub(crate) fn name(&self) -> String {
        [self.id, self.variant].join(" ").trim_end().to_owned()
    }

    /// Not longer than so many seconds.
    pub(crate) fn at_most(&self, seconds: Option<u64>) -> Self {
        Self {
            seconds: seconds.map_or(self.seconds, |most| self.seconds.min(most)),
            ..*self
        }
    }

    /// The buffer holds hardly more than a frame.
    pub(crate) fn is_one_frame(&self) -> bool {
        matches!(self.cpb, Cpb::Frames(_))
    }

    /// The configuration at the beginning.
    pub(crate) fn config(
        &self,
        content: &Content,
        bitrate: u64,
        size: (u32, u32),
        rate: (u64, u64),
    ) -> Config {
        let interval = match self.fps {
            Some(fps) => SECOND / fps,
            None => SECOND * rate.1 / rate.0,
        };
        let peak = (bitrate as f64 * self.peak) as u64;
        let b = bitrate as f64 * interval as f64 / SECOND as f64;
        let cpb = match self.cpb {
            Cpb::Ms(ms) => peak * ms / 1000,
            Cpb::Frames(frames) => (b * self.peak * frames) as u64,
        };
        let bits = |limit: Option<f64>| limit.map(|frames| (b * frames) as u64);
        Config {
            mode: self.mode,
            bitrate,
            peak,
            cpb,
            interval,
            width: size.0,
            height: size.1,
            scale: self.scale,
            min_qp: 0,
            max_qp: max_qp(self.scale),
            quality_qp: self.quality_qp,
            quality: QUALITY,
            max_bits: self.max_frame.map(bits),
            skip: self.skip.is_some(),
            max_consecutive_skips: self.skip.unwrap_or(0),
            max_delay: self.max_delay * (SECOND / 1000),
            filler: self.filler,
            layers: self
                .layers
                .iter()
                .map(|share| (bitrate as f64 * share) as u64)
                .collect(),
            screen: content.name.contains("screen"),
            depth: self.depth,
            levers: self.levers,
        }
    }
}
