// SPDX-License-Identifier: GPL-2.0

//! Rate control, shared by encoder drivers.
//!
//! C header: `include/media/v4l2-rate-control.h`, which describes what the calls do and when they
//! fail.

use crate::bindings as c;
use core::ptr::NonNull;
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    time::Delta, //
};

/// Codec of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// H.264 with 8 bits a sample.
    H264,
}

/// The parameters of a session.
#[derive(Clone, Copy)]
pub struct Config(pub(crate) c::v4l2_rc_config);

/// Type of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// Intra only.
    I,
    /// Predicted from one picture.
    P,
}

/// What is known of a picture before it is coded.
#[derive(Clone, Copy, Debug)]
pub struct FrameInfo {
    /// Type.
    pub frame_type: FrameType,
    /// QP that the application gives it, if it does.
    pub own_qp: Option<i32>,
    /// Temporal layer, 0 is the base.
    pub temporal_layer: u8,
    /// How long it is shown, if that is known.
    pub duration: Option<Delta>,
}

/// Configuration of a session in the mode that gives each type of picture its QP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedQp {
    /// Of I pictures.
    pub i_qp: i32,
    /// Of P pictures.
    pub p_qp: i32,
    /// The lowest of any picture.
    pub min_qp: i32,
    /// The highest of any picture. It wins over `min_qp`.
    pub max_qp: i32,
}

impl From<&FixedQp> for Config {
    fn from(qps: &FixedQp) -> Self {
        let limits = |fixed_qp| c::v4l2_rc_limits {
            fixed_qp,
            min_qp: qps.min_qp,
            max_qp: qps.max_qp,
            max_bits: 0,
        };
        Self(c::v4l2_rc_config {
            mode: c::v4l2_rc_mode_V4L2_RC_MODE_OFF,
            interval_num: 1,
            interval_den: 25,
            i: limits(qps.i_qp),
            p: limits(qps.p_qp),
            initial_qp: c::V4L2_RC_NO_QP,
            ..pin_init::zeroed()
        })
    }
}

/// What is to be done with a coded picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The application gets it.
    Keep,
}

/// A picture that has begun.
///
/// It is ended and committed, or cancelled. One that is merely dropped holds up those that began
/// after it until the session is reset.
#[must_use]
pub struct Frame(c::v4l2_rc_frame);

impl Frame {
    /// QP of every block.
    pub fn qp(&self) -> i32 {
        self.0.decision.qp
    }
}

/// `struct v4l2_rc_session`: the rate control of one stream.
///
/// All calls sleep.
///
/// # Invariants
///
/// The pointer comes from `v4l2_rc_session_alloc()`, and is freed when this is dropped.
pub struct Session(NonNull<c::v4l2_rc_session>);

// SAFETY: A session is not bound to a thread.
unsafe impl Send for Session {}
// SAFETY: The functions of the C interface may be called concurrently.
unsafe impl Sync for Session {}

impl Session {
    /// Allocates a session. It has to be configured before its first picture.
    pub fn new(codec: Codec) -> Result<Self> {
        let codec = match codec {
            Codec::H264 => c::v4l2_rc_codec_V4L2_RC_CODEC_H264,
        };
        // SAFETY: The function has no preconditions.
        let session = from_err_ptr(unsafe { c::v4l2_rc_session_alloc(codec) })?;
        // INVARIANT: As allocated.
        NonNull::new(session).map(Self).ok_or(ENOMEM)
    }

    /// A stream of pictures with so many macroblocks starts.
    pub fn start(&self, macroblocks: u32) -> Result {
        let caps = c::v4l2_rc_caps {
            macroblocks,
            ..pin_init::zeroed()
        };
        // SAFETY: By the type invariant, and `caps` is valid during the call.
        to_result(unsafe { c::v4l2_rc_session_start(self.0.as_ptr(), &caps) })
    }

    /// Sets what applies to the pictures that begin from now on.
    pub fn configure(&self, config: &Config) -> Result {
        // SAFETY: By the type invariant, and `config` is valid during the call.
        to_result(unsafe { c::v4l2_rc_session_configure(self.0.as_ptr(), &config.0) })
    }

    /// A new stream starts: pictures that have begun are forgotten.
    pub fn reset(&self) {
        // SAFETY: By the type invariant.
        unsafe { c::v4l2_rc_session_reset(self.0.as_ptr()) }
    }

    /// Decides how to code a picture.
    pub fn begin(&self, info: &FrameInfo) -> Result<Frame> {
        let mut frame = Frame(c::v4l2_rc_frame {
            info: c::v4l2_rc_frame_info {
                type_: match info.frame_type {
                    FrameType::I => c::v4l2_rc_frame_type_V4L2_RC_FRAME_I,
                    FrameType::P => c::v4l2_rc_frame_type_V4L2_RC_FRAME_P,
                },
                fixed_qp: info.own_qp.unwrap_or(c::V4L2_RC_NO_QP),
                temporal_layer: info.temporal_layer.into(),
                duration_ns: match info.duration {
                    Some(duration) => duration.as_nanos().try_into()?,
                    None => 0,
                },
                ..pin_init::zeroed()
            },
            ..pin_init::zeroed()
        });
        // SAFETY: By the type invariant, and `frame` is ours.
        to_result(unsafe { c::v4l2_rc_frame_begin(self.0.as_ptr(), &mut frame.0) })?;
        Ok(frame)
    }

    /// Judges a coded picture of so many bytes, `header_bits` of which are headers.
    pub fn end(&self, frame: &mut Frame, bytes: u32, header_bits: u32) -> Result<Verdict> {
        frame.0.result.bytes = u64::from(bytes);
        frame.0.result.header_bits = u64::from(header_bits);
        // SAFETY: By the type invariant, and `frame` is borrowed exclusively.
        to_result(unsafe { c::v4l2_rc_frame_end(self.0.as_ptr(), &mut frame.0) })?;
        match frame.0.judgement.verdict {
            c::v4l2_rc_verdict_V4L2_RC_VERDICT_KEEP => Ok(Verdict::Keep),
            _ => Err(EINVAL),
        }
    }

    /// The verdict on a picture has been carried out.
    pub fn commit(&self, mut frame: Frame) -> Result {
        let bytes = frame.0.result.bytes;
        // SAFETY: By the type invariant, and `frame` is ours.
        to_result(unsafe { c::v4l2_rc_frame_commit(self.0.as_ptr(), &mut frame.0, bytes) })
    }

    /// A picture will not be.
    pub fn cancel(&self, frame: Frame) -> Result {
        // SAFETY: By the type invariant, and `frame` is ours.
        to_result(unsafe { c::v4l2_rc_frame_cancel(self.0.as_ptr(), &frame.0) })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; nothing can use it any more.
        unsafe { c::v4l2_rc_session_free(self.0.as_ptr()) }
    }
}
