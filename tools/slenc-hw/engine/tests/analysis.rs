// SPDX-License-Identifier: GPL-2.0

//! What the analysis of a source picture finds.

mod support;

use std::sync::atomic::AtomicBool;

use slenc_engine::{Analysis, Encoder, Error};
use support::{Random, Settings};

const WIDTH: usize = 112;
const HEIGHT: usize = 80;

fn analyse(samples: &[u8], reference: Option<&[u8]>) -> Analysis {
    let settings = Settings::new(WIDTH, HEIGHT, 0);
    let source = settings.source(samples);
    let found = Encoder::new(1).analyse(7, 5, &source, reference);
    let portable = Encoder::portable(1).analyse(7, 5, &source, reference);
    assert_eq!(found, portable);
    found.expect("the source is valid")
}

/// NV12 is the layout of a reference, too, at a whole number of macroblocks.
fn noise(seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let sample = |_| random.next() as u8;
    (0..WIDTH * HEIGHT * 3 / 2).map(sample).collect()
}

/// Noise of 8x8 samples each, moved to the left.
fn moved(by: usize) -> Vec<u8> {
    let value = |x: usize, y: usize| {
        let block = (x / 8 * 101 + y / 8 * 57) as u32;
        block.wrapping_mul(2_654_435_761) >> 24
    };
    (0..WIDTH * HEIGHT * 3 / 2)
        .map(|i| value(i % WIDTH + by, i / WIDTH) as u8)
        .collect()
}

#[test]
fn flat_pictures_cost_nothing() {
    let flat = vec![128; WIDTH * HEIGHT * 3 / 2];
    let found = analyse(&flat, Some(&flat));
    assert_eq!((found.variance, found.intra_cost), (0, 0));
    let motion = found.motion.expect("there was a reference");
    assert_eq!(
        (motion.zero_sad, motion.motion_sad, motion.inter_mbs),
        (0, 0, 0)
    );
    assert_eq!(analyse(&flat, None).motion, None);
}

#[test]
fn sums_are_those_of_their_definitions() {
    let (samples, reference) = (noise(1), noise(2));
    let found = analyse(&samples, Some(&reference));
    let luma = WIDTH * HEIGHT;
    let sad: u64 = samples[..luma]
        .iter()
        .zip(&reference)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    let motion = found.motion.expect("there was a reference");
    assert_eq!(motion.zero_sad, sad);
    assert!(motion.motion_sad <= sad);
    let mut variance = 0.0;
    for at in (0..35).map(|i| i / 7 * 16 * WIDTH + i % 7 * 16) {
        let samples: Vec<f64> = (0..256)
            .map(|i| samples[at + i / 16 * WIDTH + i % 16].into())
            .collect();
        let mean = samples.iter().sum::<f64>() / 256.0;
        let deviations = samples.iter().map(|s| (s - mean).powi(2));
        variance += deviations.sum::<f64>().floor();
    }
    assert_eq!(found.variance, variance as u64);
}

#[test]
fn motion_is_found() {
    let found = analyse(&moved(3), Some(&moved(0)));
    let motion = found.motion.expect("there was a reference");
    // Only the column that comes in is not in the reference.
    assert!(4 * motion.motion_sad < motion.zero_sad, "{found:?}");
    assert!(motion.inter_mbs >= 25, "{found:?}");
}

#[test]
fn contradictory_arguments_are_refused() {
    let (settings, samples) = (Settings::new(WIDTH, HEIGHT, 0), noise(3));
    let source = settings.source(&samples);
    let mut encoder = Encoder::new(1);
    let mut analyse = |width, height, reference| encoder.analyse(width, height, &source, reference);
    for result in [
        analyse(6, 5, None),
        analyse(7, 6, None),
        analyse(0, 5, None),
        analyse(usize::MAX, 5, None),
        analyse(7, 5, Some(&samples[1..])),
    ] {
        assert!(matches!(result, Err(Error::Invalid(_))), "{result:?}");
    }
}

#[test]
fn an_analysis_can_be_stopped() {
    let (settings, samples) = (Settings::new(WIDTH, HEIGHT, 0), noise(3));
    let source = settings.source(&samples);
    let mut encoder = Encoder::new(1);
    let stop = AtomicBool::new(true);
    let stopped = encoder.analyse_unless(&stop, 7, 5, &source, Some(&samples));
    assert_eq!(stopped, Err(Error::Stopped));
    let again = encoder.analyse(7, 5, &source, Some(&samples));
    assert_eq!(again, Ok(analyse(&samples, Some(&samples))));
}
