// SPDX-License-Identifier: GPL-2.0

//! Raw formats: what an OUTPUT queue takes, and how a picture lies in its buffers.

use crate::pure::picture::{
    Capabilities,
    SourceFormat, //
};
use media::{
    uapi as v4l2,
    v4l2::format::{
        PlaneFormat,
        MAX_PLANES, //
    }, //
};

/// A source format of an OUTPUT queue.
pub(super) struct Raw {
    pub(super) pixelformat: u32,
    pub(super) source: SourceFormat,
    /// Planes with memory of their own; without, one follows the other in the first.
    pub(super) split: bool,
}

/// What the OUTPUT queue offers, in this order, if the hardware has it.
pub(super) const RAW_FORMATS: [Raw; 6] = [
    Raw {
        pixelformat: v4l2::V4L2_PIX_FMT_NV12M,
        source: SourceFormat::Nv12,
        split: true,
    },
    Raw {
        pixelformat: v4l2::V4L2_PIX_FMT_NV12,
        source: SourceFormat::Nv12,
        split: false,
    },
    Raw {
        pixelformat: v4l2::V4L2_PIX_FMT_YUV420M,
        source: SourceFormat::Planar420,
        split: true,
    },
    Raw {
        pixelformat: v4l2::V4L2_PIX_FMT_YUV420,
        source: SourceFormat::Planar420,
        split: false,
    },
    Raw {
        pixelformat: v4l2::V4L2_PIX_FMT_YUYV,
        source: SourceFormat::Yuyv,
        split: false,
    },
    Raw {
        pixelformat: v4l2::V4L2_PIX_FMT_UYVY,
        source: SourceFormat::Uyvy,
        split: false,
    },
];

/// Lines begin at multiples of this many bytes, unless the application says otherwise.
const STRIDE_ALIGN: u32 = 16;
/// Longest line that an application may ask for.
const MAX_STRIDE: u32 = 32768;

impl Raw {
    pub(super) fn find(pixelformat: u32, capabilities: &Capabilities) -> Option<&'static Self> {
        RAW_FORMATS
            .iter()
            .find(|raw| raw.pixelformat == pixelformat && capabilities.supports(raw.source))
    }

    /// Lines of plane `plane` in a picture of `height` lines.
    pub(super) fn lines(&self, plane: usize, height: u32) -> u32 {
        match (self.source, plane) {
            (SourceFormat::Nv12 | SourceFormat::Planar420, 1..) => height.div_ceil(2),
            _ => height,
        }
    }

    /// Bytes from line to line of plane `plane`, with `stride` in the first one.
    pub(super) fn stride(&self, plane: usize, stride: u32) -> u32 {
        match (self.source, plane) {
            (SourceFormat::Planar420, 1..) => stride / 2,
            _ => stride,
        }
    }

    /// Bytes of plane `plane`.
    pub(super) fn plane_size(&self, plane: usize, stride: u32, height: u32) -> u32 {
        self.stride(plane, stride)
            .saturating_mul(self.lines(plane, height))
    }

    /// Planes of memory for a picture of this size; `asked` is the wanted stride of the first.
    pub(super) fn memory(
        &self,
        width: u32,
        height: u32,
        asked: u32,
    ) -> (u8, [PlaneFormat; MAX_PLANES]) {
        let line = self.source.line_bytes(0, width);
        let stride = if (line..=MAX_STRIDE).contains(&asked) {
            asked & !1
        } else {
            line.div_ceil(STRIDE_ALIGN).saturating_mul(STRIDE_ALIGN)
        };
        let mut planes = [PlaneFormat::default(); MAX_PLANES];
        let mut count: u8 = 0;
        for plane in 0..self.source.planes() {
            let size = self.plane_size(plane, stride, height);
            let memory = if self.split { plane } else { 0 };
            if let Some(format) = planes.get_mut(memory) {
                if format.sizeimage == 0 {
                    format.bytesperline = self.stride(plane, stride);
                    count = count.saturating_add(1);
                }
                format.sizeimage = format.sizeimage.saturating_add(size);
            }
        }
        (count, planes)
    }
}
