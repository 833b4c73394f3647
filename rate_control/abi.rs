// SPDX-License-Identifier: GPL-2.0

//! The C ABI: from pointers and numbers to [`crate::pure`], and back.
//!
//! `include/media/v4l2-rate-control.h` defines and describes it. Each function is checked at
//! compile time to have the type that its prototype declares.

use crate::{
    bindings,
    pure::{
        cycle::Cycle,
        error,
        fixed::Qps,
        frame::FrameType,
        scale::Scale,
        session::{
            self,
            Config,
            Outcome,
            Verdict, //
        }, //
    },
};
use kernel::{
    error::from_result,
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

/// What a `struct v4l2_rc_session *` points to: always the content of a box.
#[pin_data]
struct Session {
    #[pin]
    inner: Mutex<session::Session>,
}

const _: () = assert!(bindings::V4L2_RC_MAX_OUTSTANDING as u64 == Cycle::MAX_OUTSTANDING);

/// Compares the types of functions with those that bindgen has read from the header.
macro_rules! assert_prototypes {
    ($($function:ident),* $(,)?) => {
        $(const _: () = {
            if true {
                bindings::$function
            } else {
                $function
            };
        };)*
    };
}

assert_prototypes!(
    v4l2_rc_session_alloc,
    v4l2_rc_session_free,
    v4l2_rc_session_configure,
    v4l2_rc_session_reset,
    v4l2_rc_frame_begin,
    v4l2_rc_frame_end,
    v4l2_rc_frame_commit,
    v4l2_rc_frame_cancel,
);

impl From<error::Error> for Error {
    fn from(error: error::Error) -> Self {
        match error {
            error::Error::Invalid => EINVAL,
            error::Error::Busy => EBUSY,
            error::Error::Stale => ESTALE,
            error::Error::Unconfigured => ENODATA,
        }
    }
}

fn scale_of(codec: u32) -> Result<Scale> {
    match codec {
        bindings::v4l2_rc_codec_V4L2_RC_CODEC_H264 | bindings::v4l2_rc_codec_V4L2_RC_CODEC_HEVC => {
            Ok(Scale::Qp51)
        }
        bindings::v4l2_rc_codec_V4L2_RC_CODEC_VP8 => Ok(Scale::Index127),
        _ => Err(EINVAL),
    }
}

fn config_of(config: &bindings::v4l2_rc_config) -> Result<Config> {
    match config.mode {
        bindings::v4l2_rc_mode_V4L2_RC_MODE_FIXED_QP => Ok(Config::Fixed(Qps {
            i: config.i_qp,
            p: config.p_qp,
            min: config.min_qp,
            max: config.max_qp,
        })),
        _ => Err(EINVAL),
    }
}

fn frame_type_of(frame_type: u32) -> Result<FrameType> {
    match frame_type {
        bindings::v4l2_rc_frame_type_V4L2_RC_FRAME_I => Ok(FrameType::I),
        bindings::v4l2_rc_frame_type_V4L2_RC_FRAME_P => Ok(FrameType::P),
        _ => Err(EINVAL),
    }
}

/// The session that a C pointer stands for.
///
/// # Safety
///
/// `session` comes from [`v4l2_rc_session_alloc`], which did not fail, and is not freed during
/// `'a`.
unsafe fn session_of<'a>(session: *mut bindings::v4l2_rc_session) -> &'a Mutex<session::Session> {
    // SAFETY: By the contract it is what `alloc` made of a `Session`. Only shared references to
    // it are formed.
    unsafe { &(*session.cast::<Session>()).inner }
}

/// See the header.
///
/// # Safety
///
/// There is nothing to heed: a C prototype has no way to say so.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_session_alloc(
    codec: u32,
) -> *mut bindings::v4l2_rc_session {
    let alloc = || {
        let scale = scale_of(codec)?;
        KBox::pin_init(
            pin_init!(Session {
                inner <- new_mutex!(session::Session::new(scale)),
            }),
            GFP_KERNEL,
        )
    };
    match alloc() {
        Ok(session) => {
            // SAFETY: It is not moved before `v4l2_rc_session_free` makes it a pinned box again.
            let session = unsafe { Pin::into_inner_unchecked(session) };
            KBox::into_raw(session).cast()
        }
        Err(e) => e.to_ptr(),
    }
}

/// See the header.
///
/// # Safety
///
/// `session` comes from [`v4l2_rc_session_alloc`], or is NULL, and is used by nobody any more.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_session_free(session: *mut bindings::v4l2_rc_session) {
    if let Ok(session) = kernel::error::from_err_ptr(session) {
        if !session.is_null() {
            // SAFETY: By the contract it is what `v4l2_rc_session_alloc` made of a box.
            drop(Pin::from(unsafe {
                KBox::from_raw(session.cast::<Session>())
            }));
        }
    }
}

/// See the header.
///
/// # Safety
///
/// `session` comes from [`v4l2_rc_session_alloc`]; `config` points to a configuration that nobody
/// changes during the call.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_session_configure(
    session: *mut bindings::v4l2_rc_session,
    config: *const bindings::v4l2_rc_config,
) -> c_int {
    // SAFETY: By the contract.
    let session = unsafe { session_of(session) };
    // SAFETY: By the contract.
    let config = unsafe { &*config };
    from_result(|| {
        session.lock().configure(config_of(config)?)?;
        Ok(0)
    })
}

/// See the header.
///
/// # Safety
///
/// `session` comes from [`v4l2_rc_session_alloc`].
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_session_reset(session: *mut bindings::v4l2_rc_session) {
    // SAFETY: By the contract.
    unsafe { session_of(session) }.lock().reset();
}

/// See the header.
///
/// # Safety
///
/// `session` comes from [`v4l2_rc_session_alloc`]; `frame` points to a picture that nobody else
/// uses during the call.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_frame_begin(
    session: *mut bindings::v4l2_rc_session,
    frame: *mut bindings::v4l2_rc_frame,
) -> c_int {
    // SAFETY: By the contract.
    let session = unsafe { session_of(session) };
    // SAFETY: By the contract.
    let frame = unsafe { &mut *frame };
    from_result(|| {
        let frame_type = frame_type_of(frame.type_)?;
        if frame.temporal_layer >= bindings::V4L2_RC_MAX_TEMPORAL_LAYERS
            || frame.duration > bindings::V4L2_RC_MAX_DURATION_NS
        {
            return Err(EINVAL);
        }
        let own = Some(frame.fixed_qp).filter(|&qp| qp != bindings::V4L2_RC_NO_FIXED_QP);
        let decision = session.lock().begin(frame_type, own)?;
        frame.cookie = decision.cookie;
        frame.qp = decision.qp;
        Ok(0)
    })
}

/// See the header.
///
/// # Safety
///
/// As [`v4l2_rc_frame_begin`].
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_frame_end(
    session: *mut bindings::v4l2_rc_session,
    frame: *mut bindings::v4l2_rc_frame,
) -> c_int {
    // SAFETY: By the contract.
    let session = unsafe { session_of(session) };
    // SAFETY: By the contract.
    let frame = unsafe { &mut *frame };
    let outcome = Outcome {
        bytes: frame.bytes,
        header_bits: frame.header_bits,
    };
    from_result(|| {
        frame.verdict = match session.lock().end(frame.cookie, &outcome)? {
            Verdict::Keep => bindings::v4l2_rc_verdict_V4L2_RC_VERDICT_KEEP,
        };
        Ok(0)
    })
}

/// See the header.
///
/// # Safety
///
/// As [`v4l2_rc_frame_begin`].
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_frame_commit(
    session: *mut bindings::v4l2_rc_session,
    frame: *const bindings::v4l2_rc_frame,
) -> c_int {
    // SAFETY: By the contract.
    let session = unsafe { session_of(session) };
    // SAFETY: By the contract.
    let cookie = unsafe { (*frame).cookie };
    from_result(|| {
        session.lock().commit(cookie)?;
        Ok(0)
    })
}

/// See the header.
///
/// # Safety
///
/// As [`v4l2_rc_frame_begin`].
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_frame_cancel(
    session: *mut bindings::v4l2_rc_session,
    frame: *const bindings::v4l2_rc_frame,
) -> c_int {
    // SAFETY: By the contract.
    let session = unsafe { session_of(session) };
    // SAFETY: By the contract.
    let cookie = unsafe { (*frame).cookie };
    from_result(|| {
        session.lock().cancel(cookie)?;
        Ok(0)
    })
}
