// SPDX-License-Identifier: GPL-2.0

//! The ioctls of formats, cropping and the frame interval: when what may be changed.

use super::{
    raw::{
        Raw,
        RAW_FORMATS, //
    },
    says_colours,
    valid_interval, //
};
use crate::{
    context::Encoder,
    pure::crop, //
};
use kernel::prelude::*;
use media::{
    m2m::Context,
    uapi as v4l2,
    v4l2::{
        format::{
            Fraction,
            FrameSizes,
            PixFormat,
            Rect, //
        },
        ioctl::{
            self,
            Constraints,
            SelectionTarget, //
        }, //
    },
    videobuf2::Direction, //
};

/// Returns how large CAPTURE buffers may be in the format: as the smallest one that there is.
///
/// # Safety
///
/// The queue lock of the context is held.
#[expect(unsafe_code, reason = "a promise on the lock of the queues")]
unsafe fn room(context: &Context<Encoder>) -> u32 {
    // SAFETY: By the requirements of this function.
    unsafe { context.smallest_plane(Direction::Capture) }.unwrap_or(u32::MAX)
}

#[vtable]
impl ioctl::Operations for Encoder {
    fn enum_fmt(context: &Context<Self>, direction: Direction, index: u32) -> Result<u32> {
        let index = usize::try_from(index)?;
        let capabilities = context.device().capabilities();
        match direction {
            Direction::Output => RAW_FORMATS
                .iter()
                .filter(|raw| capabilities.supports(raw.source))
                .nth(index)
                .map(|raw| raw.pixelformat)
                .ok_or(EINVAL),
            Direction::Capture if index == 0 => Ok(v4l2::V4L2_PIX_FMT_H264_SLICE),
            Direction::Capture => Err(EINVAL),
        }
    }

    fn g_fmt(context: &Context<Self>, direction: Direction) -> PixFormat {
        context.formats.lock().get(direction)
    }

    fn try_fmt(context: &Context<Self>, direction: Direction, format: PixFormat) -> PixFormat {
        let formats = context.formats.lock();
        match direction {
            Direction::Output => formats.try_output(format, context.device().capabilities()),
            Direction::Capture => {
                formats.try_capture(format.planes.first().map_or(0, |plane| plane.sizeimage))
            }
        }
    }

    #[expect(unsafe_code, reason = "a promise on the lock of the queues")]
    fn s_fmt(
        context: &Context<Self>,
        direction: Direction,
        format: PixFormat,
    ) -> Result<PixFormat> {
        let colours_are_known = says_colours(&format);
        let asked = format.planes.first().map_or(0, |plane| plane.sizeimage);
        let format = Self::try_fmt(context, direction, format);
        if context.is_busy(direction) {
            return Err(EBUSY);
        }
        // SAFETY: The ioctls that set something are called with the queue lock held.
        let room = unsafe { room(context) };
        let mut formats = context.formats.lock();
        match direction {
            Direction::Output => {
                let size = (formats.output.width, formats.output.height);
                if size != (format.width, format.height) && context.is_streaming(Direction::Capture)
                {
                    return Err(EBUSY);
                }
                let before = *formats;
                formats.set_output(format, colours_are_known);
                if formats.coded_size() > room {
                    *formats = before;
                    return Err(EBUSY);
                }
            }
            Direction::Capture => formats.set_capture(asked),
        }
        Ok(format)
    }

    fn enum_framesizes(context: &Context<Self>, pixelformat: u32) -> Result<FrameSizes> {
        let capabilities = context.device().capabilities();
        if pixelformat != v4l2::V4L2_PIX_FMT_H264_SLICE
            && Raw::find(pixelformat, capabilities).is_none()
        {
            return Err(EINVAL);
        }
        let formats = context.formats.lock();
        Ok(FrameSizes {
            min: formats.min,
            max: formats.max,
            step: (2, 2),
        })
    }

    fn g_selection(
        context: &Context<Self>,
        direction: Direction,
        target: SelectionTarget,
    ) -> Result<Rect> {
        if direction != Direction::Output {
            return Err(EINVAL);
        }
        let formats = context.formats.lock();
        Ok(match target {
            SelectionTarget::Crop => formats.crop,
            SelectionTarget::CropDefault | SelectionTarget::CropBounds => formats.bounds(),
        })
    }

    #[expect(unsafe_code, reason = "a promise on the lock of the queues")]
    fn s_selection(
        context: &Context<Self>,
        direction: Direction,
        target: SelectionTarget,
        wanted: Rect,
        constraints: Constraints,
    ) -> Result<Rect> {
        if direction != Direction::Output || target != SelectionTarget::Crop {
            return Err(EINVAL);
        }
        if context.is_streaming(Direction::Output) || context.is_streaming(Direction::Capture) {
            return Err(EBUSY);
        }
        // SAFETY: The ioctls that set something are called with the queue lock held.
        let room = unsafe { room(context) };
        let mut formats = context.formats.lock();
        let limits = crop::Limits {
            at_least: constraints.at_least(),
            at_most: constraints.at_most(),
        };
        let rect = formats.try_crop(&wanted, limits).ok_or(ERANGE)?;
        let before = core::mem::replace(&mut formats.crop, rect);
        if formats.coded_size() > room {
            formats.crop = before;
            return Err(EBUSY);
        }
        Ok(rect)
    }

    fn g_parm(context: &Context<Self>, _direction: Direction) -> Result<Fraction> {
        Ok(context.formats.lock().interval)
    }

    fn s_parm(
        context: &Context<Self>,
        direction: Direction,
        time_per_frame: Fraction,
    ) -> Result<Fraction> {
        let mut formats = context.formats.lock();
        // The interval of coded pictures is that of the source.
        if direction == Direction::Output {
            formats.interval = valid_interval(time_per_frame);
        }
        Ok(formats.interval)
    }
}
