// SPDX-License-Identifier: GPL-2.0

//! The C ABI: from pointers and numbers to [`crate::pure`], and back.
//!
//! `include/media/v4l2-rate-control.h` defines and describes it. Each function is checked at
//! compile time to have the type that its prototype declares.

use crate::{
    bindings,
    convert,
    debugfs::{
        Files,
        History, //
    },
    hook::{
        Hook,
        Registration, //
    },
    pure::{
        error,
        hrd,
        session, //
    },
    trace, //
};
use kernel::{
    error::from_result,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        lock::{
            mutex::MutexBackend,
            Guard, //
        },
        Arc,
        Mutex, //
    },
};

/// What a `struct v4l2_rc_session *` points to: always the content of a box.
struct Session {
    id: u64,
    _files: Files,
    _registration: Registration,
    shared: Arc<Shared>,
}

/// What debugfs shows too.
#[pin_data]
pub(crate) struct Shared {
    #[pin]
    pub(crate) inner: Mutex<Inner>,
}

pub(crate) struct Inner {
    pub(crate) session: session::Session,
    pub(crate) hook: Hook,
    pub(crate) history: History,
}

/// The number of the session that was allocated last.
static LAST_ID: Atomic<u64> = Atomic::new(0);

/// Compares the types of functions with those that bindgen has read from the header.
macro_rules! assert_prototypes {
    ($($function:ident),* $(,)?) => {
        $(const _: () = {
            if true {
                $crate::bindings::$function
            } else {
                $function
            };
        };)*
    };
}
pub(crate) use assert_prototypes;

assert_prototypes!(
    v4l2_rc_session_alloc,
    v4l2_rc_session_free,
    v4l2_rc_session_start,
    v4l2_rc_session_configure,
    v4l2_rc_session_reset,
    v4l2_rc_config_hrd,
    v4l2_rc_session_state,
    v4l2_rc_session_id,
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

/// The session that a C pointer stands for.
///
/// # Safety
///
/// `session` comes from [`v4l2_rc_session_alloc`], which did not fail, and is not freed during
/// `'a`.
unsafe fn session_of<'a>(session: *const bindings::v4l2_rc_session) -> &'a Session {
    // SAFETY: By the contract it is what `alloc` made of a `Session`. Only shared references to
    // it are formed.
    unsafe { &*session.cast::<Session>() }
}

impl Session {
    fn lock(&self) -> Guard<'_, Inner, MutexBackend> {
        self.shared.inner.lock()
    }
}

/// See the header.
///
/// # Safety
///
/// Safe to call with any argument; `unsafe` only because bindgen declares it so.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_session_alloc(
    codec: u32,
) -> *mut bindings::v4l2_rc_session {
    let alloc = || -> Result<KBox<Session>> {
        let scale = convert::scale_of(codec)?;
        let id = LAST_ID.fetch_add(1, Relaxed).wrapping_add(1);
        let inner = Inner {
            session: session::Session::new(scale),
            hook: Hook::new(id, codec)?,
            history: History::new()?,
        };
        let shared = Arc::pin_init(
            pin_init!(Shared {
                inner <- new_mutex!(inner),
            }),
            GFP_KERNEL,
        )?;
        let session = Session {
            id,
            _files: Files::new(id, &shared),
            _registration: Registration::new(&shared),
            shared,
        };
        Ok(KBox::new(session, GFP_KERNEL)?)
    };
    match alloc() {
        Ok(session) => KBox::into_raw(session).cast(),
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
            drop(unsafe { KBox::from_raw(session.cast::<Session>()) });
        }
    }
}

/// See the header.
///
/// # Safety
///
/// `session` comes from [`v4l2_rc_session_alloc`]; `caps` points to capabilities that nobody
/// changes during the call.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_session_start(
    session: *mut bindings::v4l2_rc_session,
    caps: *const bindings::v4l2_rc_caps,
) -> c_int {
    // SAFETY: By the contract.
    let session = unsafe { session_of(session) };
    // SAFETY: By the contract.
    let caps = unsafe { &*caps };
    from_result(|| {
        let mut inner = session.lock();
        let Inner { session, hook, .. } = &mut *inner;
        let able = convert::capabilities_of(session.scale(), caps)?;
        session.start(able)?;
        hook.max_checkpoints = caps.max_checkpoints;
        hook.renew(session);
        Ok(0)
    })
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
        let pure = convert::config_of(config)?;
        let mut inner = session.lock();
        let Inner { session, hook, .. } = &mut *inner;
        session.configure(&pure)?;
        hook.renew(session);
        hook.select(config);
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
    unsafe { session_of(session) }.lock().session.reset();
}

/// See the header.
///
/// # Safety
///
/// `config` points to a configuration that nobody changes during the call; `told` can be written
/// to.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_config_hrd(
    config: *const bindings::v4l2_rc_config,
    told: *mut bindings::v4l2_rc_hrd,
) -> c_int {
    // SAFETY: By the contract.
    let config = unsafe { &*config };
    from_result(|| {
        let config = convert::config_of(config)?;
        // SAFETY: By the contract.
        unsafe { told.write(convert::told_from(hrd::told(&config))) };
        Ok(0)
    })
}

/// See the header.
///
/// # Safety
///
/// `session` comes from [`v4l2_rc_session_alloc`]; `state` can be written to.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_session_state(
    session: *mut bindings::v4l2_rc_session,
    state: *mut bindings::v4l2_rc_state,
) {
    // SAFETY: By the contract.
    let now = convert::state_from(&unsafe { session_of(session) }.lock().session);
    // SAFETY: By the contract.
    unsafe { state.write(now) };
}

/// See the header.
///
/// # Safety
///
/// `session` comes from [`v4l2_rc_session_alloc`].
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_session_id(
    session: *const bindings::v4l2_rc_session,
) -> u64 {
    // SAFETY: By the contract.
    unsafe { session_of(session) }.id
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
        let picture = convert::frame_of(&frame.info)?;
        Hook::begin(&mut session.lock(), &picture, frame)?;
        trace::frame_begin(&session.id, frame);
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
    from_result(|| {
        let outcome = convert::outcome_of(&frame.result)?;
        {
            // Used where it is, which `?` would copy.
            let judgement = session.lock().session.end(frame.decision.cookie, &outcome);
            let judgement = judgement.as_ref().map_err(|&e| e)?;
            convert::judge(&mut frame.judgement, judgement);
        }
        trace::frame_end(&session.id, frame);
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
    frame: *mut bindings::v4l2_rc_frame,
    bytes: u64,
) -> c_int {
    // SAFETY: By the contract.
    let session = unsafe { session_of(session) };
    // SAFETY: By the contract.
    let frame = unsafe { &mut *frame };
    from_result(|| {
        let mut inner = session.lock();
        let Inner {
            session,
            hook,
            history,
        } = &mut *inner;
        let state = session.commit(frame.decision.cookie, convert::bits_of(bytes));
        let state = state.as_ref().map_err(|&e| e)?;
        frame.judgement.cpb_fill = state.fill;
        frame.judgement.violation_bits = state.violation_bits;
        frame.judgement.delay_ns = state.delay_ns;
        // The hook first: what is to be found again after a call to it is needed there anyway.
        hook.commit(session, frame, bytes);
        history.record(frame, bytes);
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
    let cookie = unsafe { (*frame).decision.cookie };
    from_result(|| {
        let mut inner = session.lock();
        let Inner { session, hook, .. } = &mut *inner;
        session.cancel(cookie)?;
        hook.cancel(session, cookie);
        Ok(0)
    })
}
