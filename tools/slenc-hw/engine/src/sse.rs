// SPDX-License-Identifier: GPL-2.0

//! Squared differences of the source and the reconstruction.

use crate::source::{load, Samples};
use crate::Source;

/// Sums of squared differences of Y, Cb and Cr in row `y` of macroblocks, whose reconstruction is
/// `luma` and interleaved `chroma`.
pub(crate) fn of_row(source: &Source<'_>, y: usize, luma: &[u8], chroma: &[u8]) -> [u64; 3] {
    let mut sums = [0; 3];
    let stride = luma.len() / 16;
    let height = (source.height - 16 * y).min(16);
    let mut samples = Samples::default();
    for x in 0..stride / 16 {
        load(source, x, y, &mut samples);
        let width = (source.width - 16 * x).min(16);
        for (a, b) in samples
            .luma
            .chunks_exact(16)
            .zip(luma.chunks_exact(stride))
            .take(height)
        {
            let b = b[16 * x..][..width].iter();
            sums[0] += u64::from(squares(a.iter().zip(b)));
        }
        for (a, b) in samples
            .chroma
            .chunks_exact(16)
            .zip(chroma.chunks_exact(stride))
            .take(height / 2)
        {
            for plane in 0..2 {
                let b = b[16 * x + plane..][..width - plane].iter().step_by(2);
                sums[1 + plane] += u64::from(squares(a[8 * plane..].iter().zip(b)));
            }
        }
    }
    sums
}

fn squares<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> u32 {
    pairs.map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
}
