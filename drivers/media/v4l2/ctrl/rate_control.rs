// SPDX-License-Identifier: GPL-2.0

//! The controls of rate control, which its module makes and reads.
//!
//! C header: `include/media/v4l2-rate-control.h`.

use super::{
    Builder,
    VTable, //
    Values,
};
use crate::{
    bindings as c,
    m2m::Driver,
    rate_control::Config, //
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*,
    time::Delta, //
};

/// What an application of an H.264 encoder can choose, beside what needs nothing of the driver.
#[derive(Clone, Copy, Debug)]
pub struct RateControls {
    /// The driver appends filler data.
    pub filler: bool,
    /// The driver tells decoders about the CPB.
    pub hrd: bool,
    /// Most temporal layers.
    pub layers: u32,
    /// Default bitrate, in bits a second.
    pub bitrate: u32,
    /// Default QP of I pictures without rate control.
    pub i_qp: i32,
    /// Default QP of P pictures without rate control.
    pub p_qp: i32,
}

impl RateControls {
    fn as_raw(&self) -> c::v4l2_rc_ctrls_params {
        let flag = |has, bit| if has { bit } else { 0 };
        let modes = [
            c::v4l2_rc_mode_V4L2_RC_MODE_CBR,
            c::v4l2_rc_mode_V4L2_RC_MODE_VBR,
            c::v4l2_rc_mode_V4L2_RC_MODE_CQ,
            c::v4l2_rc_mode_V4L2_RC_MODE_CAPPED_CQ,
        ];
        c::v4l2_rc_ctrls_params {
            codec: c::v4l2_rc_codec_V4L2_RC_CODEC_H264,
            modes: modes.iter().fold(0, |all, mode| all | 1 << mode),
            flags: c::V4L2_RC_CONFIG_STRICT
                | c::V4L2_RC_CONFIG_LOW_DELAY
                | c::V4L2_RC_CONFIG_INTRA_SAFE
                | flag(self.filler, c::V4L2_RC_CONFIG_FILLER)
                | flag(self.hrd, c::V4L2_RC_CONFIG_HRD),
            layers: self.layers,
            bitrate: self.bitrate,
            // What a control can have.
            max_bitrate: 0,
            i_qp: self.i_qp,
            p_qp: self.p_qp,
        }
    }
}

/// What the controls say of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameControls {
    /// QP that the application gives it, if it does.
    pub fixed_qp: Option<i32>,
    /// Temporal layer: one that the configuration has.
    pub temporal_layer: u32,
    /// How long it is shown, if that is known.
    pub duration: Option<Delta>,
    /// It is not skipped.
    pub undroppable: bool,
    /// Its content has nothing to do with what came before.
    pub discontinuity: bool,
}

impl<T: Driver> Builder<'_, T> {
    /// Creates all controls of rate control.
    pub fn rate_control(&mut self, controls: &RateControls) -> Result {
        let mut made: c::v4l2_rc_ctrls = pin_init::zeroed();
        // SAFETY: The handler is initialised, and `made` is written.
        to_result(unsafe {
            c::v4l2_rc_ctrls_init(
                &mut made,
                self.handler.as_ptr(),
                &VTable::<T>::VTABLE,
                &controls.as_raw(),
            )
        })?;
        for ctrl in made.ctrls {
            if let Some(ctrl) = NonNull::new(ctrl) {
                self.controls.push(ctrl, GFP_KERNEL)?;
            }
        }
        self.rate = Some(made);
        Ok(())
    }
}

impl Values<'_> {
    /// Returns what the controls say of the rate control, at 25 pictures a second.
    pub fn rate_control(&self) -> Result<Config> {
        let rate = self.handler.rate.as_ref().ok_or(EINVAL)?;
        let mut config = c::v4l2_rc_config {
            interval_num: 1,
            interval_den: 25,
            ..pin_init::zeroed()
        };
        // SAFETY: By the invariants of the handler, which is locked, and of the request's.
        unsafe { c::v4l2_rc_ctrls_config(rate, self.request_handler(), &mut config) };
        Ok(Config(config))
    }

    /// Returns what the controls say of a picture.
    pub fn rate_control_frame(&self) -> Result<FrameControls> {
        let rate = self.handler.rate.as_ref().ok_or(EINVAL)?;
        let mut info: c::v4l2_rc_frame_info = pin_init::zeroed();
        // SAFETY: By the invariants of the handler, which is locked, and of the request's.
        unsafe { c::v4l2_rc_ctrls_frame(rate, self.request_handler(), &mut info) };
        Ok(FrameControls {
            fixed_qp: Some(info.fixed_qp).filter(|&qp| qp >= 0),
            temporal_layer: info.temporal_layer,
            duration: match info.duration_ns {
                0 => None,
                ns => Some(Delta::from_nanos(ns.try_into()?)),
            },
            undroppable: info.flags & c::V4L2_RC_FRAME_UNDROPPABLE != 0,
            discontinuity: info.flags & c::V4L2_RC_FRAME_DISCONTINUITY != 0,
        })
    }
}
