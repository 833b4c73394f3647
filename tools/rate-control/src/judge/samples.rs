// SPDX-License-Identifier: GPL-2.0

//! Runs made up for tests.

use crate::config::{Config, Levers, Mode, Scale, SECOND};
use crate::frame::Record;

/// CBR at 25 fps.
pub(crate) fn config(bitrate: u64, cpb: u64) -> Config {
    Config {
        mode: Mode::Cbr,
        bitrate,
        peak: bitrate,
        cpb,
        interval: SECOND / 25,
        width: 320,
        height: 180,
        scale: Scale::Qp51,
        min_qp: 0,
        max_qp: 51,
        quality_qp: 26,
        quality: 50,
        max_bits: [None; 2],
        skip: false,
        max_consecutive_skips: 0,
        max_delay: 0,
        filler: false,
        layers: vec![bitrate],
        screen: false,
        depth: 1,
        levers: Levers::NONE,
    }
}

/// Frames of these sizes at 25 fps.
pub(crate) fn records(sizes: &[u64]) -> Vec<Record> {
    sizes
        .iter()
        .enumerate()
        .map(|(n, &bits)| Record {
            time: n as u64 * SECOND / 25,
            duration: SECOND / 25,
            key: n == 0,
            cut: false,
            layer: 0,
            qp: Some(30),
            target: bits,
            bits,
            filler_bits: 0,
            skipped: false,
            forced_skip_mbs: 0,
            psnr: 40.0,
            config: 0,
        })
        .collect()
}
