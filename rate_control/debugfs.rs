// SPDX-License-Identifier: GPL-2.0

//! debugfs: `v4l2-rate-control/<session>/` with the session's configuration, its state and its
//! last pictures.

use crate::{
    abi::Shared,
    bindings as c,
    convert, //
};
use kernel::{
    debugfs::{
        Dir,
        File, //
    },
    fmt,
    prelude::*,
    str::CString,
    sync::Arc, //
};

kernel::sync::global_lock! {
    // SAFETY: Initialised by `init()`, before there is a session.
    unsafe(uninit) static ROOT: Mutex<Option<Dir>> = None;
}

/// The module is loaded.
///
/// # Safety
///
/// Called once, before anything else of this file.
pub(crate) unsafe fn init() {
    // SAFETY: By the requirements of this function.
    unsafe { ROOT.init() };
    *ROOT.lock() = Some(Dir::new(c"v4l2-rate-control"));
}

/// The module is unloaded: there is no session any more.
pub(crate) fn exit() {
    *ROOT.lock() = None;
}

/// The directory of a new session.
pub(crate) fn directory(session: u64) -> Result<Dir> {
    let name = CString::try_from_fmt(fmt!("{session}"))?;
    let root = ROOT.lock();
    Ok(root.as_ref().ok_or(ENODEV)?.subdir(&name))
}

/// The files of a session, which go with it.
#[pin_data]
pub(crate) struct Files {
    #[pin]
    _config: File<Arc<Shared>>,
    #[pin]
    _state: File<Arc<Shared>>,
    #[pin]
    _frames: File<Arc<Shared>>,
}

impl Files {
    pub(crate) fn new<'a>(dir: &'a Dir, shared: &'a Arc<Shared>) -> impl PinInit<Self, Error> + 'a {
        try_pin_init!(Self {
            _config <- dir.read_callback_file(c"config", shared.clone(), &write_config),
            _state <- dir.read_callback_file(c"state", shared.clone(), &write_state),
            _frames <- dir.read_callback_file(c"frames", shared.clone(), &write_frames),
        }? Error)
    }
}

fn write_config(shared: &Arc<Shared>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let config = shared.inner.lock().session.config();
    match config {
        Some(config) => writeln!(f, "{config:#?}"),
        None => writeln!(f, "none"),
    }
}

fn write_state(shared: &Arc<Shared>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let state = convert::state_from(&shared.inner.lock().session);
    writeln!(f, "cpb fill:    {} bits", state.cpb_fill)?;
    writeln!(f, "cpb size:    {} bits", state.cpb_bits)?;
    writeln!(f, "delay:       {} ns", state.delay_ns)?;
    writeln!(f, "debt:        {} bits", state.debt)?;
    writeln!(f, "outstanding: {}", state.outstanding)?;
    writeln!(f, "frames:      {}", state.frames)?;
    writeln!(f, "bytes:       {}", state.bytes)?;
    writeln!(f, "skipped:     {}", state.skipped)?;
    writeln!(f, "dropped:     {}", state.dropped)?;
    writeln!(f, "cancelled:   {}", state.cancelled)?;
    writeln!(f, "violations:  {}", state.violations)
}

fn write_frames(shared: &Arc<Shared>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(
        f,
        "frame type action verdict qp target-bits max-bits predicted-bits bytes sent-bytes cpb-fill reasons"
    )?;
    let inner = shared.inner.lock();
    for frame in inner.history.frames() {
        writeln!(
            f,
            "{} {} {} {} {} {} {} {} {} {} {} {:#x}",
            frame.cookie,
            if frame.frame_type == c::v4l2_rc_frame_type_V4L2_RC_FRAME_I {
                "I"
            } else {
                "P"
            },
            if frame.action == c::v4l2_rc_action_V4L2_RC_ACTION_SKIP {
                "skip"
            } else {
                "encode"
            },
            match frame.verdict {
                c::v4l2_rc_verdict_V4L2_RC_VERDICT_REPLACE_SKIP => "replace",
                c::v4l2_rc_verdict_V4L2_RC_VERDICT_DROP => "drop",
                _ => "keep",
            },
            frame.qp,
            frame.target_bits,
            frame.max_bits,
            frame.predicted_bits,
            frame.bytes,
            frame.sent_bytes,
            frame.cpb_fill,
            frame.reasons,
        )?;
    }
    Ok(())
}

/// A picture that was committed.
#[derive(Clone, Copy)]
struct Entry {
    cookie: u64,
    frame_type: u32,
    action: u32,
    verdict: u32,
    qp: i32,
    target_bits: u64,
    max_bits: u64,
    predicted_bits: u64,
    bytes: u64,
    sent_bytes: u64,
    cpb_fill: u64,
    reasons: u32,
}

/// The last pictures of a session.
pub(crate) struct History {
    /// As many as are kept; those to come have the cookie 0.
    entries: KVec<Entry>,
    /// Where the next one goes.
    next: usize,
}

impl History {
    /// How many pictures there are; none where nobody can read them.
    const LENGTH: usize = if cfg!(CONFIG_DEBUG_FS) { 32 } else { 0 };

    pub(crate) fn new() -> Result<Self> {
        const TO_COME: Entry = Entry {
            cookie: 0,
            frame_type: 0,
            action: 0,
            verdict: 0,
            qp: 0,
            target_bits: 0,
            max_bits: 0,
            predicted_bits: 0,
            bytes: 0,
            sent_bytes: 0,
            cpb_fill: 0,
            reasons: 0,
        };
        Ok(Self {
            entries: KVec::from_elem(TO_COME, Self::LENGTH, GFP_KERNEL)?,
            next: 0,
        })
    }

    /// A picture is committed.
    pub(crate) fn record(&mut self, frame: &c::v4l2_rc_frame, sent_bytes: u64) {
        if let Some(entry) = self.entries.get_mut(self.next) {
            *entry = Entry {
                cookie: frame.decision.cookie,
                frame_type: frame.info.type_,
                action: frame.decision.action,
                verdict: frame.judgement.verdict,
                qp: frame.decision.qp,
                target_bits: frame.decision.target_bits,
                max_bits: frame.decision.max_bits,
                predicted_bits: frame.decision.predicted_bits,
                bytes: frame.result.bytes,
                sent_bytes,
                cpb_fill: frame.judgement.cpb_fill,
                reasons: frame.decision.reasons,
            };
            // One of `LENGTH` has just been there.
            self.next = self.next.wrapping_add(1) & Self::LENGTH.wrapping_sub(1);
        }
    }

    /// Those that there are, the oldest first.
    fn frames(&self) -> impl Iterator<Item = &Entry> {
        // The prelude has another `chain()`.
        let (newer, older) = self.entries.split_at_checked(self.next).unwrap_or_default();
        Iterator::chain(older.iter(), newer).filter(|entry| entry.cookie != 0)
    }
}

const _: () = assert!(History::LENGTH == 0 || History::LENGTH.is_power_of_two());
