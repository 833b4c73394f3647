// SPDX-License-Identifier: GPL-2.0

//! Ioctls of a multi-planar mem2mem node.
//!
//! What has to do with buffers, controls, events and draining is done here; a driver answers for
//! formats, cropping and the frame interval. All of its functions but those that enumerate are
//! called with the queue lock of the context held, so that a format does not change while buffers
//! are being allocated.
//!
//! C header: [`include/media/v4l2-ioctl.h`](srctree/include/media/v4l2-ioctl.h)

use super::{
    event,
    format::{
        Fraction,
        FrameSizes,
        PixFormat,
        Rect, //
    }, //
};
use crate::{
    bindings as media,
    copy_str,
    m2m::{
        self,
        Context,
        Driver, //
    },
    videobuf2::Direction, //
};
use core::marker::PhantomData;
use kernel::{
    bindings,
    error::from_result,
    prelude::*, //
};

/// What a selection rectangle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectionTarget {
    /// The part of the picture that is used.
    Crop,
    /// The part that is used unless it is set.
    CropDefault,
    /// The part that can be used.
    CropBounds,
}

impl SelectionTarget {
    fn from_raw(target: u32) -> Result<Self> {
        match target {
            media::V4L2_SEL_TGT_CROP => Ok(Self::Crop),
            media::V4L2_SEL_TGT_CROP_DEFAULT => Ok(Self::CropDefault),
            media::V4L2_SEL_TGT_CROP_BOUNDS => Ok(Self::CropBounds),
            _ => Err(EINVAL),
        }
    }
}

/// How a rectangle that is set may differ from what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constraints {
    at_least: bool,
    at_most: bool,
}

impl Constraints {
    fn from_raw(flags: u32) -> Self {
        Self {
            at_least: flags & media::V4L2_SEL_FLAG_GE != 0,
            at_most: flags & media::V4L2_SEL_FLAG_LE != 0,
        }
    }

    /// Returns whether what was asked for has to lie inside of the rectangle.
    pub fn at_least(&self) -> bool {
        self.at_least
    }

    /// Returns whether the rectangle has to lie inside of what was asked for. With
    /// [`Constraints::at_least`] as well, its size has to be the one that was asked for.
    pub fn at_most(&self) -> bool {
        self.at_most
    }
}

/// Ioctls that a driver implements.
#[vtable]
pub trait Operations: m2m::Operations {
    /// Returns the four character code of format `index`, `EINVAL` after the last one.
    fn enum_fmt(context: &Context<Self>, direction: Direction, index: u32) -> Result<u32>;

    /// Returns the current format.
    fn g_fmt(context: &Context<Self>, direction: Direction) -> PixFormat;

    /// Returns the format that is nearest to `format`.
    fn try_fmt(context: &Context<Self>, direction: Direction, format: PixFormat) -> PixFormat;

    /// Sets the format that is nearest to `format`, and returns it.
    ///
    /// `EBUSY` while buffers are allocated that the format has an effect on.
    fn s_fmt(context: &Context<Self>, direction: Direction, format: PixFormat)
        -> Result<PixFormat>;

    /// Returns the sizes of pictures in `pixelformat`, `EINVAL` for unknown formats.
    fn enum_framesizes(context: &Context<Self>, pixelformat: u32) -> Result<FrameSizes>;

    /// Returns a selection rectangle.
    fn g_selection(
        _context: &Context<Self>,
        _direction: Direction,
        _target: SelectionTarget,
    ) -> Result<Rect> {
        Err(ENOTTY)
    }

    /// Sets a selection rectangle to the nearest one that the constraints allow, and returns that.
    /// `ERANGE` if there is none.
    fn s_selection(
        _context: &Context<Self>,
        _direction: Direction,
        _target: SelectionTarget,
        _rect: Rect,
        _constraints: Constraints,
    ) -> Result<Rect> {
        Err(ENOTTY)
    }

    /// Returns the time per frame.
    fn g_parm(_context: &Context<Self>, _direction: Direction) -> Result<Fraction> {
        Err(ENOTTY)
    }

    /// Sets the time per frame to the nearest possible, and returns that.
    fn s_parm(
        _context: &Context<Self>,
        _direction: Direction,
        _time_per_frame: Fraction,
    ) -> Result<Fraction> {
        Err(ENOTTY)
    }
}

/// Makes a C callback of a function on the context and the ioctl's argument, which runs with the
/// queue lock held unless it is `unlocked`.
macro_rules! callback {
    ($name:ident, $arg:ty, |$context:ident, $value:ident| $body:expr) => {
        callback!(
            $name,
            $arg,
            |$context, $value| {
                let _queue_lock = $context.lock_queues();
                $body
            },
            unlocked
        );
    };
    ($name:ident, $arg:ty, |$context:ident, $value:ident| $body:expr, unlocked) => {
        /// # Safety
        ///
        /// `file` is an open file of the video node of a `Device<T>`, and `arg` is the kernel's
        /// copy of the argument.
        unsafe extern "C" fn $name(
            file: *mut bindings::file,
            _private: *mut c_void,
            arg: *mut $arg,
        ) -> c_int {
            from_result(|| {
                // SAFETY: By the requirements of this function.
                let $context = unsafe { Context::<T>::from_file(file) };
                // SAFETY: As above; nobody else uses the copy during the call.
                let $value = unsafe { &mut *arg };
                let result: Result = $body;
                result.map(|()| 0)
            })
        }
    };
}

/// The node's ioctls for contexts of type `T`.
pub(crate) struct VTable<T: Driver>(PhantomData<T>);

impl<T: Driver> VTable<T> {
    pub(crate) const VTABLE: media::v4l2_ioctl_ops = media::v4l2_ioctl_ops {
        vidioc_querycap: Some(Self::querycap),
        vidioc_enum_fmt_vid_cap: Some(Self::enum_fmt),
        vidioc_enum_fmt_vid_out: Some(Self::enum_fmt),
        vidioc_g_fmt_vid_cap_mplane: Some(Self::g_fmt),
        vidioc_g_fmt_vid_out_mplane: Some(Self::g_fmt),
        vidioc_try_fmt_vid_cap_mplane: Some(Self::try_fmt),
        vidioc_try_fmt_vid_out_mplane: Some(Self::try_fmt),
        vidioc_s_fmt_vid_cap_mplane: Some(Self::s_fmt),
        vidioc_s_fmt_vid_out_mplane: Some(Self::s_fmt),
        vidioc_enum_framesizes: Some(Self::enum_framesizes),
        vidioc_g_selection: if T::HAS_G_SELECTION {
            Some(Self::g_selection)
        } else {
            None
        },
        vidioc_s_selection: if T::HAS_S_SELECTION {
            Some(Self::s_selection)
        } else {
            None
        },
        vidioc_g_parm: if T::HAS_G_PARM {
            Some(Self::g_parm)
        } else {
            None
        },
        vidioc_s_parm: if T::HAS_S_PARM {
            Some(Self::s_parm)
        } else {
            None
        },
        vidioc_reqbufs: Some(media::v4l2_m2m_ioctl_reqbufs),
        vidioc_querybuf: Some(media::v4l2_m2m_ioctl_querybuf),
        vidioc_qbuf: Some(media::v4l2_m2m_ioctl_qbuf),
        vidioc_dqbuf: Some(media::v4l2_m2m_ioctl_dqbuf),
        vidioc_prepare_buf: Some(media::v4l2_m2m_ioctl_prepare_buf),
        vidioc_create_bufs: Some(media::v4l2_m2m_ioctl_create_bufs),
        vidioc_remove_bufs: Some(media::v4l2_m2m_ioctl_remove_bufs),
        vidioc_expbuf: Some(media::v4l2_m2m_ioctl_expbuf),
        vidioc_streamon: Some(media::v4l2_m2m_ioctl_streamon),
        vidioc_streamoff: Some(media::v4l2_m2m_ioctl_streamoff),
        vidioc_encoder_cmd: Some(Self::encoder_cmd),
        vidioc_try_encoder_cmd: Some(media::v4l2_m2m_ioctl_try_encoder_cmd),
        vidioc_subscribe_event: Some(event::subscribe),
        vidioc_unsubscribe_event: Some(media::v4l2_event_unsubscribe),
        ..pin_init::zeroed()
    };

    callback!(
        querycap,
        media::v4l2_capability,
        |_context, cap| {
            copy_str(&mut cap.driver, T::INFO.driver);
            copy_str(&mut cap.card, T::INFO.card);
            Ok(())
        },
        unlocked
    );

    callback!(
        enum_fmt,
        media::v4l2_fmtdesc,
        |context, desc| {
            Direction::from_raw(desc.type_)
                .and_then(|direction| T::enum_fmt(context, direction, desc.index))
                .map(|pixelformat| desc.pixelformat = pixelformat)
        },
        unlocked
    );

    callback!(g_fmt, media::v4l2_format, |context, format| {
        Direction::from_raw(format.type_).map(|direction| {
            // SAFETY: The type is a multi-planar one: `pix_mp` is the member in use.
            T::g_fmt(context, direction).fill(unsafe { &mut format.fmt.pix_mp })
        })
    });

    callback!(try_fmt, media::v4l2_format, |context, format| {
        Direction::from_raw(format.type_).map(|direction| {
            // SAFETY: The type is a multi-planar one: `pix_mp` is the member in use.
            let raw = unsafe { &mut format.fmt.pix_mp };
            T::try_fmt(context, direction, PixFormat::from_raw(raw)).fill(raw)
        })
    });

    callback!(s_fmt, media::v4l2_format, |context, format| {
        Direction::from_raw(format.type_).and_then(|direction| {
            // SAFETY: The type is a multi-planar one: `pix_mp` is the member in use.
            let raw = unsafe { &mut format.fmt.pix_mp };
            T::s_fmt(context, direction, PixFormat::from_raw(raw)).map(|format| format.fill(raw))
        })
    });

    callback!(
        enum_framesizes,
        media::v4l2_frmsizeenum,
        |context, sizes| {
            if sizes.index == 0 {
                T::enum_framesizes(context, sizes.pixel_format).map(|range| {
                    sizes.type_ = media::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_STEPWISE;
                    sizes.__bindgen_anon_1.stepwise = media::v4l2_frmsize_stepwise {
                        min_width: range.min.0,
                        max_width: range.max.0,
                        step_width: range.step.0,
                        min_height: range.min.1,
                        max_height: range.max.1,
                        step_height: range.step.1,
                    };
                })
            } else {
                Err(EINVAL)
            }
        },
        unlocked
    );

    callback!(g_selection, media::v4l2_selection, |context, selection| {
        Direction::from_raw(selection.type_).and_then(|direction| {
            let target = SelectionTarget::from_raw(selection.target)?;
            store_rect(selection, T::g_selection(context, direction, target)?);
            Ok(())
        })
    });

    callback!(s_selection, media::v4l2_selection, |context, selection| {
        Direction::from_raw(selection.type_).and_then(|direction| {
            let target = SelectionTarget::from_raw(selection.target)?;
            let wanted = Rect {
                left: selection.r.left,
                top: selection.r.top,
                width: selection.r.width,
                height: selection.r.height,
            };
            let constraints = Constraints::from_raw(selection.flags);
            let rect = T::s_selection(context, direction, target, wanted, constraints)?;
            store_rect(selection, rect);
            Ok(())
        })
    });

    callback!(g_parm, media::v4l2_streamparm, |context, parm| {
        Direction::from_raw(parm.type_).and_then(|direction| {
            let time = T::g_parm(context, direction)?;
            store_interval(parm, direction, time);
            Ok(())
        })
    });

    callback!(s_parm, media::v4l2_streamparm, |context, parm| {
        Direction::from_raw(parm.type_).and_then(|direction| {
            // SAFETY: The member in use follows from the type, and all members are plain data.
            let wanted = unsafe {
                match direction {
                    Direction::Output => parm.parm.output.timeperframe,
                    Direction::Capture => parm.parm.capture.timeperframe,
                }
            };
            let wanted = Fraction {
                numerator: wanted.numerator,
                denominator: wanted.denominator,
            };
            let time = T::s_parm(context, direction, wanted)?;
            store_interval(parm, direction, time);
            Ok(())
        })
    });

    callback!(encoder_cmd, media::v4l2_encoder_cmd, |context, command| {
        context.encoder_cmd(command)
    });
}

fn store_rect(selection: &mut media::v4l2_selection, rect: Rect) {
    selection.r = media::v4l2_rect {
        left: rect.left,
        top: rect.top,
        width: rect.width,
        height: rect.height,
    };
}

fn store_interval(parm: &mut media::v4l2_streamparm, direction: Direction, time: Fraction) {
    let time = media::v4l2_fract {
        numerator: time.numerator,
        denominator: time.denominator,
    };
    match direction {
        Direction::Output => {
            parm.parm.output = media::v4l2_outputparm {
                capability: media::V4L2_CAP_TIMEPERFRAME,
                timeperframe: time,
                ..pin_init::zeroed()
            };
        }
        Direction::Capture => {
            parm.parm.capture = media::v4l2_captureparm {
                capability: media::V4L2_CAP_TIMEPERFRAME,
                timeperframe: time,
                ..pin_init::zeroed()
            };
        }
    }
}
