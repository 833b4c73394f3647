// SPDX-License-Identifier: GPL-2.0

//! The encoders, and how they are run: as somebody would for a call, with what is known to help,
//! and on one thread, so that runs repeat.
//!
//! Key frames come at the beginning only, as ours do. Filters for the eye (adaptive quantization,
//! psychovisual decisions) are off: the judge looks at PSNR, and what they cost would be charged
//! to the rate control.

use std::ops::RangeInclusive;

use crate::config::{Config, SECOND};

/// What the stream is kept in, which must add nothing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A byte stream of H.264.
    H264,
    /// Packets of VP8 with a length.
    Ivf,
}

impl Format {
    /// As ffmpeg names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::Ivf => "ivf",
        }
    }
}

/// A native encoder.
#[derive(Debug)]
pub(crate) struct Peer {
    /// In tables.
    pub(crate) name: &'static str,
    /// ffmpeg's name of it.
    pub(crate) encoder: &'static str,
    pub(crate) format: Format,
    /// Options of all runs.
    pub(crate) common: &'static [&'static str],
    /// Options of a screen, after those.
    pub(crate) screen: &'static [&'static str],
    /// Options of the rate and of the buffer.
    rated: fn(&Config) -> Vec<String>,
    /// Options of a constant quantizer.
    constant: fn(i32) -> Vec<String>,
    /// Quantizers, and those that its curve begins with.
    pub(super) quantizers: RangeInclusive<i32>,
    pub(super) first: [i32; 3],
    /// Whether it keeps a buffer of 1.1 frames.
    pub(crate) one_frame: bool,
}

/// NAL units of type 6 are supplemental enhancement information: x264 signs its streams with 700
/// bytes, which no stream of a call has.
const NO_SIGNATURE: [&str; 2] = ["-bsf:v", "filter_units=remove_types=6"];
const NO_KEYS: &str = "100000";

/// All encoders.
pub(crate) static PEERS: &[Peer] = &[
    Peer {
        name: "x264",
        encoder: "libx264",
        format: Format::H264,
        common: &[
            "-preset",
            "veryfast",
            "-tune",
            "psnr,zerolatency",
            "-threads",
            "1",
            "-g",
            NO_KEYS,
            NO_SIGNATURE[0],
            NO_SIGNATURE[1],
        ],
        screen: &[],
        rated: |config| {
            let options = format!(
                "-x264-params scenecut=0 -b:v {0} -maxrate {0} -bufsize {1}",
                config.bitrate, config.cpb
            );
            words(&options)
        },
        constant: |qp| words(&format!("-x264-params scenecut=0:ipratio=1 -qp {qp}")),
        // 0 is lossless.
        quantizers: 1..=51,
        first: [20, 30, 40],
        one_frame: true,
    },
    Peer {
        name: "openh264",
        encoder: "libopenh264",
        format: Format::H264,
        common: OPENH264,
        // That it is a screen cannot be said through ffmpeg.
        screen: &[],
        rated: |config| openh264(config, 0),
        constant: openh264_constant,
        quantizers: 12..=51,
        first: [20, 30, 40],
        one_frame: false,
    },
    Peer {
        name: "openh264-skip",
        encoder: "libopenh264",
        format: Format::H264,
        common: OPENH264,
        screen: &[],
        rated: |config| openh264(config, 1),
        constant: openh264_constant,
        quantizers: 12..=51,
        first: [20, 30, 40],
        one_frame: false,
    },
    Peer {
        name: "libvpx",
        encoder: "libvpx",
        format: Format::Ivf,
        // A speed below 0 is fixed; others follow the load of the machine.
        common: &[
            "-deadline",
            "realtime",
            "-cpu-used",
            "-6",
            "-lag-in-frames",
            "0",
            "-static-thresh",
            "1",
            "-threads",
            "1",
            "-g",
            NO_KEYS,
            "-keyint_min",
            NO_KEYS,
        ],
        // As WebRTC shares a screen: 2 also drops a picture that is far too large.
        screen: &["-screen-content-mode", "2", "-static-thresh", "300"],
        rated: libvpx,
        constant: |quantizer| words(&format!("-b:v 2000000 -qmin {quantizer} -qmax {quantizer}")),
        quantizers: 0..=63,
        first: [12, 30, 48],
        one_frame: false,
    },
];

const OPENH264: &[&str] = &[
    "-rc_mode",
    "bitrate",
    "-threads",
    "1",
    "-g",
    NO_KEYS,
    NO_SIGNATURE[0],
    NO_SIGNATURE[1],
];

/// It knows of no buffer.
fn openh264(config: &Config, skip: u8) -> Vec<String> {
    words(&format!(
        "-allow_skip_frames {skip} -b:v {0} -maxrate {0}",
        config.bitrate
    ))
}

/// Without rate control it has one quantizer only: limits are what it takes.
fn openh264_constant(qp: i32) -> Vec<String> {
    words(&format!(
        "-allow_skip_frames 0 -b:v 2000000 -qmin {qp} -qmax {qp}"
    ))
}

/// As WebRTC sets it (modules/video_coding/codecs/vp8/libvpx_vp8_encoder.cc): frames dropped below
/// 30 % of the buffer, which begins half full, and key frames limited by a share of it.
fn libvpx(config: &Config) -> Vec<String> {
    let fps = SECOND as f64 / config.interval as f64;
    let buffer_ms = config.cpb as f64 / config.bitrate as f64 * 1000.0;
    let intra = (0.6 * buffer_ms * 0.5 * fps / 10.0).max(300.0) as u32;
    words(&format!(
        "-b:v {0} -minrate {0} -maxrate {0} -bufsize {1} -rc_init_occupancy {2} \
         -undershoot-pct 100 -overshoot-pct 15 -drop-threshold 30 -max-intra-rate {intra}",
        config.bitrate,
        config.cpb,
        config.cpb / 2
    ))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

impl Peer {
    /// What it is asked for. Of a screen it is told what ours is told.
    pub(super) fn arguments(&self, goal: &Goal<'_>, is_screen: bool) -> Vec<String> {
        let screen = if is_screen { self.screen } else { &[] };
        let mut arguments = words("-c:v");
        arguments.push(self.encoder.to_owned());
        arguments.extend(
            self.common
                .iter()
                .chain(screen)
                .map(|&word| word.to_owned()),
        );
        arguments.extend(match *goal {
            Goal::Rate(config) => (self.rated)(config),
            Goal::Quantizer(quantizer) => (self.constant)(quantizer),
        });
        arguments
    }
}

/// What an encoder is to hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal<'a> {
    /// Rate and buffer of a configuration.
    Rate(&'a Config),
    /// One quantizer.
    Quantizer(i32),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::samples;

    #[test]
    fn options_are_of_the_goal() {
        let config = samples::config(300_000, 150_000);
        for (n, peer) in PEERS.iter().enumerate() {
            let same = |other: &Peer| other.name == peer.name;
            assert_eq!(PEERS.iter().position(same), Some(n));
            let rated = peer.arguments(&Goal::Rate(&config), false);
            assert!(rated.contains(&"300000".to_owned()), "{rated:?}");
            let constant = peer.arguments(&Goal::Quantizer(33), true);
            assert!(constant.contains(&"33".to_owned()), "{constant:?}");
            let screen = peer.arguments(&Goal::Rate(&config), true);
            assert_eq!(screen.len(), rated.len() + peer.screen.len());
            assert!(peer
                .screen
                .iter()
                .all(|&word| screen.contains(&word.to_owned())));
            assert!(peer.first.iter().all(|q| peer.quantizers.contains(q)));
            // What follows an option is its value.
            for options in [rated, constant, screen] {
                assert_eq!(options.len() % 2, 0, "{options:?}");
                assert!(options.iter().step_by(2).all(|word| word.starts_with('-')));
            }
        }
    }

    #[test]
    fn whoever_can_be_told_of_a_screen_is() {
        let config = samples::config(300_000, 300_000);
        let modes = |is_screen| -> Vec<&str> {
            let told = PEERS.iter().filter(|peer| {
                let options = peer.arguments(&Goal::Rate(&config), is_screen);
                options
                    .windows(2)
                    .any(|pair| pair == ["-screen-content-mode", "2"])
            });
            told.map(|peer| peer.name).collect()
        };
        assert_eq!((modes(true), modes(false)), (vec!["libvpx"], vec![]));
    }

    #[test]
    fn key_frames_of_vp8_are_limited_by_the_buffer() {
        let intra = |cpb| {
            let options = libvpx(&samples::config(300_000, cpb));
            options.last().cloned()
        };
        // 0.6 x 1000 ms x 0.5 x 25 / 10; and the least.
        assert_eq!(intra(300_000).as_deref(), Some("750"));
        assert_eq!(intra(75_000).as_deref(), Some("300"));
    }
}
