// SPDX-License-Identifier: GPL-2.0

//! Macroblocks of a source picture of any format as 4:2:0, with its border repeated.

use crate::{Source, SourceFormat};

/// The samples of a macroblock.
#[derive(Clone, Debug)]
#[repr(align(32))]
pub(crate) struct Samples {
    /// 16 lines of 16.
    pub(crate) luma: [u8; 256],
    /// 8 lines of 8 of Cb and, beside them, 8 of Cr.
    pub(crate) chroma: [u8; 128],
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            luma: [0; 256],
            chroma: [0; 128],
        }
    }
}

/// Loads the macroblock at column `mb_x`, row `mb_y`.
pub(crate) fn load(source: &Source<'_>, mb_x: usize, mb_y: usize, to: &mut Samples) {
    let (x, y) = (16 * mb_x, 16 * mb_y);
    let width = (source.width - x).min(16);
    let height = (source.height - y).min(16);
    match source.format {
        SourceFormat::Nv12 => {
            load_luma(source, x, y, width, height, to);
            for line in 0..height / 2 {
                let from = &source.planes[1][(y / 2 + line) * source.strides[1] + x..][..width];
                let (cb, cr) = to.chroma[16 * line..][..16].split_at_mut(8);
                for ((pair, cb), cr) in from.chunks_exact(2).zip(cb).zip(cr) {
                    *cb = pair[0];
                    *cr = pair[1];
                }
            }
        }
        SourceFormat::I420 => {
            load_luma(source, x, y, width, height, to);
            for plane in 0..2 {
                for line in 0..height / 2 {
                    let at = (y / 2 + line) * source.strides[1 + plane] + x / 2;
                    let from = &source.planes[1 + plane][at..][..width / 2];
                    let to = &mut to.chroma[16 * line + 8 * plane..][..8];
                    match <&[u8; 8]>::try_from(from) {
                        Ok(from) => to.copy_from_slice(from),
                        Err(_) => to[..width / 2].copy_from_slice(from),
                    }
                }
            }
        }
        SourceFormat::Yuyv => load_packed::<0>(source, x, y, width, height, to),
        SourceFormat::Uyvy => load_packed::<1>(source, x, y, width, height, to),
    }
    if width < 16 || height < 16 {
        extend(width, height, to);
    }
}

fn load_luma(
    source: &Source<'_>,
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    to: &mut Samples,
) {
    for line in 0..height {
        let from = &source.planes[0][(y + line) * source.strides[0] + x..][..width];
        let to = &mut to.luma[16 * line..][..16];
        // A copy of a length known beforehand needs no call.
        match <&[u8; 16]>::try_from(from) {
            Ok(from) => to.copy_from_slice(from),
            Err(_) => to[..width].copy_from_slice(from),
        }
    }
}

/// Loads packed 4:2:2 whose luma is at byte `LUMA` of each pair.
fn load_packed<const LUMA: usize>(
    source: &Source<'_>,
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    to: &mut Samples,
) {
    let row =
        |line: usize| &source.planes[0][(y + line) * source.strides[0] + 2 * x..][..2 * width];
    for line in 0..height {
        for (to, pair) in to.luma[16 * line..]
            .iter_mut()
            .zip(row(line).chunks_exact(2))
        {
            *to = pair[LUMA];
        }
    }
    let average = |a: u8, b: u8| ((u16::from(a) + u16::from(b) + 1) >> 1) as u8;
    for line in 0..height / 2 {
        let upper = row(2 * line).chunks_exact(4);
        let lower = row(2 * line + 1).chunks_exact(4);
        let (cb, cr) = to.chroma[16 * line..][..16].split_at_mut(8);
        for (((a, b), cb), cr) in upper.zip(lower).zip(cb).zip(cr) {
            *cb = average(a[1 - LUMA], b[1 - LUMA]);
            *cr = average(a[3 - LUMA], b[3 - LUMA]);
        }
    }
}

/// Repeats the last of `width` columns and of `height` lines.
fn extend(width: usize, height: usize, to: &mut Samples) {
    for line in 0..height {
        let luma = &mut to.luma[16 * line..][..16];
        let last = luma[width - 1];
        luma[width..].fill(last);
    }
    for line in height..16 {
        to.luma
            .copy_within(16 * (height - 1)..16 * height, 16 * line);
    }
    let (width, height) = (width / 2, height / 2);
    for line in 0..height {
        for plane in to.chroma[16 * line..][..16].chunks_exact_mut(8) {
            let last = plane[width - 1];
            plane[width..].fill(last);
        }
    }
    for line in height..8 {
        to.chroma
            .copy_within(16 * (height - 1)..16 * height, 16 * line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seed: usize) -> u8 {
        (seed.wrapping_mul(2_654_435_761) >> 13) as u8
    }

    /// A picture of 18x20 in each format: the second macroblock has 2 columns, the lower 4 lines.
    #[test]
    fn formats_agree_and_borders_repeat() {
        let (width, height) = (18, 20);
        let luma: Vec<u8> = (0..width * height).map(sample).collect();
        let chroma: [Vec<u8>; 2] = [7, 11].map(|salt| {
            (0..width * height / 4)
                .map(|i| sample(i + salt * 1000))
                .collect()
        });
        let interleaved: Vec<u8> = (0..width * height / 4)
            .flat_map(|i| [chroma[0][i], chroma[1][i]])
            .collect();
        let packed = |luma_at: usize| -> Vec<u8> {
            let mut bytes = vec![0; 2 * width * height];
            for y in 0..height {
                for x in 0..width {
                    let at = 2 * (y * width + x);
                    bytes[at + luma_at] = luma[y * width + x];
                    bytes[at + 1 - luma_at] = chroma[x % 2][y / 2 * (width / 2) + x / 2];
                }
            }
            bytes
        };
        let (yuyv, uyvy) = (packed(0), packed(1));
        let source = |format, planes, strides| Source {
            format,
            width,
            height,
            planes,
            strides,
        };
        let sources = [
            source(
                SourceFormat::Nv12,
                [&luma[..], &interleaved, &[]],
                [18, 18, 0],
            ),
            source(
                SourceFormat::I420,
                [&luma[..], &chroma[0], &chroma[1]],
                [18, 9, 9],
            ),
            source(SourceFormat::Yuyv, [&yuyv[..], &[], &[]], [36, 0, 0]),
            source(SourceFormat::Uyvy, [&uyvy[..], &[], &[]], [36, 0, 0]),
        ];
        for source in &sources {
            for (mb_x, mb_y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let mut samples = Samples::default();
                load(source, mb_x, mb_y, &mut samples);
                for i in 0..256 {
                    let x = (16 * mb_x + i % 16).min(width - 1);
                    let y = (16 * mb_y + i / 16).min(height - 1);
                    assert_eq!(samples.luma[i], luma[y * width + x]);
                }
                for i in 0..128 {
                    let x = (8 * mb_x + i % 8).min(width / 2 - 1);
                    let y = (8 * mb_y + i / 16).min(height / 2 - 1);
                    let want = chroma[i / 8 % 2][y * (width / 2) + x];
                    assert_eq!(samples.chroma[i], want);
                }
            }
        }
    }

    #[test]
    fn chroma_lines_of_422_are_averaged_rounding_up() {
        let mut bytes = vec![0; 32 * 16];
        bytes[1] = 10;
        bytes[32 + 1] = 11;
        bytes[3] = 255;
        bytes[32 + 3] = 254;
        let source = Source {
            format: SourceFormat::Yuyv,
            width: 16,
            height: 16,
            planes: [&bytes, &[], &[]],
            strides: [32, 0, 0],
        };
        let mut samples = Samples::default();
        load(&source, 0, 0, &mut samples);
        assert_eq!((samples.chroma[0], samples.chroma[8]), (11, 255));
    }
}
