// SPDX-License-Identifier: GPL-2.0

//! Raw pictures: their formats, and where their samples are in memory.

use crate::v4l2::{
    sys::{
        mapping::Mapping,
        video, //
    },
    uapi::*,
};
use clap::ValueEnum;
use std::fmt;

/// Layout of the samples of a raw picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// 4:2:0, luma, then Cb and Cr interleaved.
    Nv12,
    /// 4:2:0, luma, then Cb, then Cr.
    I420,
    /// 4:2:2, packed as Y Cb Y Cr.
    Yuyv,
    /// 4:2:2, packed as Cb Y Cr Y.
    Uyvy,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Nv12 => "nv12",
            Format::I420 => "i420",
            Format::Yuyv => "yuyv",
            Format::Uyvy => "uyvy",
        })
    }
}

/// Bytes of a line and number of lines of one component of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// Bytes of a line.
    pub line: usize,
    /// How many lines.
    pub lines: usize,
}

impl Format {
    /// The components in the order they are stored. Chroma of an odd size is
    /// rounded up.
    pub fn components(self, width: u32, height: u32) -> Vec<Component> {
        let (w, h) = (width as usize, height as usize);
        let (half_w, half_h) = (w.div_ceil(2), h.div_ceil(2));
        let component = |line, lines| Component { line, lines };
        match self {
            Format::Nv12 => vec![component(w, h), component(2 * half_w, half_h)],
            Format::I420 => vec![
                component(w, h),
                component(half_w, half_h),
                component(half_w, half_h),
            ],
            Format::Yuyv | Format::Uyvy => vec![component(4 * half_w, h)],
        }
    }

    /// Bytes of a picture without padding.
    pub fn frame_bytes(self, width: u32, height: u32) -> usize {
        self.components(width, height)
            .iter()
            .map(|c| c.line * c.lines)
            .sum()
    }

    /// The V4L2 formats that hold it, those with a buffer for each component
    /// first.
    pub fn fourccs(self) -> &'static [u32] {
        match self {
            Format::Nv12 => &[V4L2_PIX_FMT_NV12M, V4L2_PIX_FMT_NV12],
            Format::I420 => &[V4L2_PIX_FMT_YUV420M, V4L2_PIX_FMT_YUV420],
            Format::Yuyv => &[V4L2_PIX_FMT_YUYV],
            Format::Uyvy => &[V4L2_PIX_FMT_UYVY],
        }
    }

    /// Appends the luma samples of a picture without padding to `out`.
    pub fn luma(self, frame: &[u8], width: u32, height: u32, out: &mut Vec<u8>) {
        let luma = self.components(width, height)[0];
        let lines = frame.chunks_exact(luma.line).take(luma.lines);
        let width = width as usize;
        match self {
            Format::Nv12 | Format::I420 => lines.for_each(|line| out.extend_from_slice(line)),
            Format::Yuyv => lines.for_each(|line| out.extend(line.iter().step_by(2).take(width))),
            Format::Uyvy => {
                lines.for_each(|line| out.extend(line.iter().skip(1).step_by(2).take(width)));
            }
        }
    }
}

/// Where a component is in the planes of a V4L2 buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    plane: usize,
    offset: usize,
    stride: usize,
}

/// Where a picture's components are in the buffers of a V4L2 format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    components: Vec<(Component, Place)>,
    bytes_used: Vec<u32>,
}

impl Layout {
    /// The layout of a visible size within a format that the driver has set;
    /// `None` when the driver's strides or sizes cannot hold it.
    pub fn new(format: Format, (width, height): (u32, u32), set: &video::Format) -> Option<Self> {
        let planes = set.planes();
        let full = set.height() as usize;
        let components = format.components(width, height);
        let contiguous = planes.len() == 1;
        if !contiguous && planes.len() != components.len() {
            return None;
        }
        let mut offset = 0;
        let mut places = Vec::new();
        for (i, &component) in components.iter().enumerate() {
            let plane = if contiguous { 0 } else { i };
            let mut stride = planes[plane].bytes_per_line as usize;
            let mut lines = full;
            if i > 0 {
                lines = full.div_ceil(2);
                if contiguous && format == Format::I420 {
                    stride /= 2;
                }
            }
            let end = (offset + stride * lines) as u64;
            if stride < component.line
                || lines < component.lines
                || end > planes[plane].size_image.into()
            {
                return None;
            }
            places.push((
                component,
                Place {
                    plane,
                    offset,
                    stride,
                },
            ));
            if contiguous {
                offset += stride * lines;
            }
        }
        Some(Self {
            components: places,
            bytes_used: planes.iter().map(|plane| plane.size_image).collect(),
        })
    }

    /// Bytes to announce for each plane.
    pub fn bytes_used(&self) -> &[u32] {
        &self.bytes_used
    }

    /// Whether mapped planes are as large as the format says.
    pub fn fits(&self, planes: &[Mapping]) -> bool {
        planes.len() == self.bytes_used.len()
            && planes
                .iter()
                .zip(&self.bytes_used)
                .all(|(plane, &bytes)| plane.len() >= bytes as usize)
    }

    /// Copies a picture without padding into the planes.
    pub fn fill(&self, frame: &[u8], planes: &mut [Mapping]) {
        self.copy(frame, |plane, offset, bytes| {
            planes[plane].write(offset, bytes);
        });
    }

    fn copy(&self, mut frame: &[u8], mut write: impl FnMut(usize, usize, &[u8])) {
        for (component, place) in &self.components {
            let (data, rest) = frame.split_at(component.line * component.lines);
            frame = rest;
            if place.stride == component.line {
                write(place.plane, place.offset, data);
                continue;
            }
            for (i, line) in data.chunks_exact(component.line).enumerate() {
                write(place.plane, place.offset + i * place.stride, line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A format as a driver would set it.
    fn set(fourcc: u32, width: u32, height: u32, planes: &[(u32, u32)]) -> video::Format {
        video::Format::for_test(fourcc, width, height, planes)
    }

    #[test]
    fn odd_sizes_round_chroma_up() {
        assert_eq!(Format::I420.frame_bytes(5, 3), 15 + 2 * 3 * 2);
        assert_eq!(Format::Nv12.frame_bytes(5, 3), 15 + 6 * 2);
        assert_eq!(Format::Yuyv.frame_bytes(5, 3), 12 * 3);
        assert_eq!(Format::Uyvy.frame_bytes(1920, 1080), 1920 * 1080 * 2);
    }

    #[test]
    fn luma_is_taken_from_packed_pictures() {
        let mut out = Vec::new();
        Format::Yuyv.luma(&[1, 9, 2, 9, 3, 9, 4, 9], 2, 2, &mut out);
        Format::Uyvy.luma(&[9, 5, 9, 6], 2, 1, &mut out);
        // An odd width has a padding sample at the end of each line.
        Format::Yuyv.luma(&[7, 9, 0, 9, 8, 9, 0, 9], 1, 2, &mut out);
        assert_eq!(out, [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn contiguous_planes_follow_each_other() {
        let format = set(V4L2_PIX_FMT_YUV420, 4, 4, &[(8, 48)]);
        let layout = Layout::new(Format::I420, (4, 4), &format).unwrap();
        let mut memory = [0; 48];
        let frame: Vec<u8> = (1..=24).collect();
        layout.copy(&frame, |_, offset, bytes| {
            memory[offset..offset + bytes.len()].copy_from_slice(bytes)
        });
        assert_eq!(memory[..4], [1, 2, 3, 4]);
        assert_eq!(memory[8..12], [5, 6, 7, 8]);
        assert_eq!(memory[32..38], [17, 18, 0, 0, 19, 20]);
        assert_eq!(memory[40..46], [21, 22, 0, 0, 23, 24]);
    }

    #[test]
    fn formats_that_do_not_fit_are_refused() {
        let short_stride = set(V4L2_PIX_FMT_NV12, 4, 4, &[(3, 48)]);
        assert_eq!(Layout::new(Format::Nv12, (4, 4), &short_stride), None);
        let short_plane = set(V4L2_PIX_FMT_NV12M, 4, 4, &[(4, 16), (4, 7)]);
        assert_eq!(Layout::new(Format::Nv12, (4, 4), &short_plane), None);
        let low = set(V4L2_PIX_FMT_NV12M, 4, 2, &[(4, 16), (4, 8)]);
        assert_eq!(Layout::new(Format::Nv12, (4, 4), &low), None);
        let planes = set(V4L2_PIX_FMT_YUV420M, 4, 4, &[(4, 16), (4, 8)]);
        assert_eq!(Layout::new(Format::I420, (4, 4), &planes), None);
    }

    proptest! {
        /// Each byte of a frame arrives once, inside of its plane.
        #[test]
        fn every_byte_arrives(
            width in 1u32..40,
            height in 1u32..40,
            pad in 0u32..9,
            pad_lines in 0u32..5,
            split: bool,
            which in 0usize..4,
        ) {
            let format = Format::value_variants()[which];
            let full = height + pad_lines;
            let rows = |i: usize| if i == 0 { full } else { full.div_ceil(2) };
            let strides: Vec<u32> = format
                .components(width, height)
                .iter()
                .map(|c| c.line as u32 + pad)
                .collect();
            let planes: Vec<(u32, u32)> = if split {
                strides.iter().enumerate().map(|(i, &s)| (s, s * rows(i))).collect()
            } else {
                let stride = 2 * strides[0];
                let chroma = if strides.len() > 1 { stride * rows(1) } else { 0 };
                vec![(stride, stride * full + chroma)]
            };
            let set = set(format.fourccs()[0], width, full, &planes);
            let layout = Layout::new(format, (width, height), &set).unwrap();
            let mut memory: Vec<Vec<u8>> =
                planes.iter().map(|&(_, size)| vec![0; size as usize]).collect();
            let frame = vec![1; format.frame_bytes(width, height)];
            layout.copy(&frame, |plane, offset, bytes| {
                for (to, from) in memory[plane][offset..offset + bytes.len()].iter_mut().zip(bytes) {
                    *to += from;
                }
            });
            let written: usize = memory.iter().flatten().map(|&n| usize::from(n)).sum();
            prop_assert_eq!(written, frame.len());
            prop_assert!(memory.iter().flatten().all(|&n| n <= 1));
        }
    }
}
