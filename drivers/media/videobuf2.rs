// SPDX-License-Identifier: GPL-2.0

//! The two buffer queues of a context, in contiguous memory.
//!
//! C header: [`include/media/videobuf2-core.h`](srctree/include/media/videobuf2-core.h)

mod memory;
mod queue;

pub(crate) use self::{
    memory::plane_size,
    queue::{
        init_queues,
        RawBuffer, //
    }, //
};

use crate::{
    bindings as media,
    m2m::{
        self,
        Context, //
    },
    v4l2::format::MAX_PLANES, //
};
use kernel::prelude::*;

/// One of the queues of a mem2mem context, as user space names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What user space gives to the device: raw pictures, of an encoder.
    Output,
    /// What user space gets from the device: coded pictures, of an encoder.
    Capture,
}

impl Direction {
    /// The queue that a buffer type stands for. Selections come with the single-planar types.
    pub(crate) fn from_raw(buf_type: u32) -> Result<Self> {
        match buf_type {
            media::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT
            | media::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE => Ok(Self::Output),
            media::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE
            | media::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE => Ok(Self::Capture),
            _ => Err(EINVAL),
        }
    }

    pub(crate) fn as_raw(self) -> u32 {
        match self {
            Self::Output => media::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE,
            Self::Capture => media::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
        }
    }
}

/// Sizes of the planes of a buffer.
#[derive(Clone, Copy, Debug)]
pub struct PlaneSizes {
    sizes: [u32; MAX_PLANES],
    count: usize,
}

impl PlaneSizes {
    /// Makes it of at most [`MAX_PLANES`] sizes; what is over is not taken.
    pub fn new(sizes: impl IntoIterator<Item = u32>) -> Self {
        let mut result = Self {
            sizes: [0; MAX_PLANES],
            count: 0,
        };
        for (to, from) in result.sizes.iter_mut().zip(sizes) {
            *to = from;
            result.count = result.count.saturating_add(1);
        }
        result
    }

    /// Returns the sizes.
    pub fn as_slice(&self) -> &[u32] {
        self.sizes.get(..self.count).unwrap_or(&self.sizes)
    }
}

/// What a driver does with its queues. Called with the queue lock held.
#[vtable]
pub trait Operations: m2m::Operations {
    /// Returns what the planes of a buffer need in the current format.
    fn queue_setup(context: &Context<Self>, direction: Direction) -> PlaneSizes;

    /// A queue starts to stream; no job runs before both do.
    fn start_streaming(context: &Context<Self>, direction: Direction) -> Result;

    /// A queue stops to stream; no job runs, and all buffers are returned after it.
    fn stop_streaming(context: &Context<Self>, direction: Direction);

    /// A CAPTURE buffer goes back to user space, with the data that its job left in it. Not called
    /// for buffers without a job.
    fn buf_finish(context: &Context<Self>, data: &Self::BufferData);
}
