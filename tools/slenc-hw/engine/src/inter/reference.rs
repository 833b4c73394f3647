// SPDX-License-Identifier: GPL-2.0

//! The reference picture with a border and with its half-sample planes.

use crate::simd::Kernels;

/// Samples around the picture: what a vector reaches outside, and the interpolation around that.
pub(crate) const BORDER: usize = 40;

/// Lines and columns that the six-tap filter needs before and behind a sample.
const BEFORE: usize = 2;
const BEHIND: usize = 3;

/// A reference picture, prepared for motion compensation.
#[derive(Default)]
pub(crate) struct Reference {
    width: usize,
    height: usize,
    /// Full samples, then those half a sample to the right, below, and both.
    luma: [Vec<u8>; 4],
    /// Interleaved chroma.
    chroma: Vec<u8>,
    scratch: Vec<i16>,
}

impl Reference {
    /// Bytes from line to line of all planes.
    pub(crate) fn stride(&self) -> usize {
        self.width + 2 * BORDER
    }

    /// A luma plane from the sample at `x`, `y` on, which may be outside of the picture.
    #[inline(always)]
    pub(crate) fn luma(&self, plane: usize, x: i32, y: i32) -> &[u8] {
        let at = (y + BORDER as i32) as usize * self.stride() + (x + BORDER as i32) as usize;
        &self.luma[plane][at..]
    }

    /// Interleaved chroma from the sample at `x`, `y` on.
    #[inline(always)]
    pub(crate) fn chroma(&self, x: i32, y: i32) -> &[u8] {
        let border = BORDER as i32 / 2;
        let at = (y + border) as usize * self.stride() + 2 * (x + border) as usize;
        &self.chroma[at..]
    }

    /// Prepares a picture of a coded size in macroblocks.
    pub(crate) fn prepare(
        &mut self,
        picture: &[u8],
        width_mbs: usize,
        height_mbs: usize,
        kernels: &Kernels,
    ) {
        self.prepare_full(picture, width_mbs, height_mbs);
        self.interpolate(kernels);
    }

    /// Prepares a picture for vectors of full samples only.
    pub(crate) fn prepare_full(&mut self, picture: &[u8], width_mbs: usize, height_mbs: usize) {
        (self.width, self.height) = (16 * width_mbs, 16 * height_mbs);
        let stride = self.stride();
        let size = stride * (self.height + 2 * BORDER);
        for plane in &mut self.luma {
            plane.resize(size, 0);
        }
        self.chroma.resize(stride * (self.height / 2 + BORDER), 0);
        let (luma, chroma) = picture.split_at(self.width * self.height);
        extend::<1>(luma, self.width, BORDER, &mut self.luma[0]);
        extend::<2>(chroma, self.width, BORDER / 2, &mut self.chroma);
    }

    fn interpolate(&mut self, kernels: &Kernels) {
        let stride = self.stride();
        let lines = self.height + 2 * BORDER;
        let [full, horizontal, vertical, diagonal] = &mut self.luma;
        self.scratch.resize(stride, 0);
        for y in BEFORE..lines - BEHIND {
            let around = [0, 1, 2, 3, 4, 5].map(|i| &full[(y + i - BEFORE) * stride..][..stride]);
            let at = y * stride + BEFORE;
            let length = stride - BEFORE - BEHIND;
            let to = [
                &mut horizontal[at..][..length],
                &mut vertical[at..][..length],
                &mut diagonal[at..][..length],
            ];
            (kernels.half_samples)(around, to, &mut self.scratch);
        }
    }
}

/// Copies lines of `width` bytes, samples of `N` bytes, and repeats those at the edges.
fn extend<const N: usize>(from: &[u8], width: usize, lines: usize, to: &mut [u8]) {
    let border = BORDER;
    let stride = width + 2 * border;
    let height = from.len() / width;
    for (line, to) in from
        .chunks_exact(width)
        .zip(to[lines * stride..].chunks_exact_mut(stride))
    {
        let (left, rest) = to.split_at_mut(border);
        let (middle, right) = rest.split_at_mut(width);
        middle.copy_from_slice(line);
        for sample in left.chunks_exact_mut(N) {
            sample.copy_from_slice(&line[..N]);
        }
        for sample in right.chunks_exact_mut(N) {
            sample.copy_from_slice(&line[width - N..]);
        }
    }
    let last = lines + height - 1;
    for line in 0..lines {
        to.copy_within(lines * stride..(lines + 1) * stride, line * stride);
        to.copy_within(
            last * stride..(last + 1) * stride,
            (last + 1 + line) * stride,
        );
    }
}
