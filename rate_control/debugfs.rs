// SPDX-License-Identifier: GPL-2.0

//! debugfs: `v4l2-rate-control/<session>/` with the session's configuration, its state and its
//! last pictures. `debugfs.c` makes the files.

use crate::{
    abi::{
        assert_prototypes,
        Shared, //
    },
    bindings as c,
    convert,
    hook, //
};
use kernel::{
    bindings,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::Arc, //
};

/// The files of a session, while they are there.
pub(crate) struct Files {
    /// Or what debugfs says of its failure, which it takes as well.
    directory: *mut bindings::dentry,
    _shared: Arc<Shared>,
}

impl Files {
    /// Makes the files of a new session.
    pub(crate) fn new(session: u64, shared: &Arc<Shared>) -> Self {
        // SAFETY: `shared` is valid until `drop` has removed the files.
        let directory = unsafe { c::rc_debugfs_create(session, Arc::as_ptr(shared).cast()) };
        // Not with the lock held: debugfs takes others, and allocates memory.
        let hooked = shared.inner.lock().hook.is_there();
        if hooked {
            // SAFETY: `drop` removes the directory before it gives up `shared`.
            unsafe { hook::show_in(directory, Arc::as_ptr(shared)) };
        }
        Self {
            directory,
            _shared: shared.clone(),
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // SAFETY: It comes from `rc_debugfs_create`, and is removed once. This waits for those who
        // read.
        unsafe { c::rc_debugfs_remove(self.directory) };
    }
}

/// Gives C a function that shows what a session shares in a file.
macro_rules! show {
    ($function:ident, $write:ident) => {
        /// The file is read.
        ///
        /// # Safety
        ///
        /// `file` is a `seq_file` of this thread, and `shared` what [`Files::new`] made the file
        /// with: there is a reference on it during the call.
        #[no_mangle]
        unsafe extern "C" fn $function(file: *mut bindings::seq_file, shared: *const c_void) {
            // SAFETY: By the requirements of this function.
            let file = unsafe { SeqFile::from_raw(file) };
            // SAFETY: Likewise.
            $write(file, unsafe { &*shared.cast::<Shared>() });
        }
    };
}

show!(rc_debugfs_show_config, show_config);
show!(rc_debugfs_show_state, show_state);
show!(rc_debugfs_show_frames, show_frames);

assert_prototypes!(
    rc_debugfs_show_config,
    rc_debugfs_show_state,
    rc_debugfs_show_frames,
);

fn show_config(file: &SeqFile, shared: &Shared) {
    let config = shared.inner.lock().session.config();
    match config {
        Some(config) => seq_print!(file, "{config:#?}\n"),
        None => seq_print!(file, "none\n"),
    }
}

fn show_state(file: &SeqFile, shared: &Shared) {
    let state = convert::state_from(&shared.inner.lock().session);
    seq_print!(file, "cpb fill:    {} bits\n", state.cpb_fill);
    seq_print!(file, "cpb size:    {} bits\n", state.cpb_bits);
    seq_print!(file, "delay:       {} ns\n", state.delay_ns);
    seq_print!(file, "debt:        {} bits\n", state.debt);
    seq_print!(file, "outstanding: {}\n", state.outstanding);
    seq_print!(file, "frames:      {}\n", state.frames);
    seq_print!(file, "bytes:       {}\n", state.bytes);
    seq_print!(file, "skipped:     {}\n", state.skipped);
    seq_print!(file, "dropped:     {}\n", state.dropped);
    seq_print!(file, "cancelled:   {}\n", state.cancelled);
    seq_print!(file, "violations:  {}\n", state.violations);
}

fn show_frames(file: &SeqFile, shared: &Shared) {
    seq_print!(
        file,
        "frame type action verdict qp target-bits max-bits predicted-bits bytes sent-bytes cpb-fill reasons\n"
    );
    let inner = shared.inner.lock();
    for frame in inner.history.frames() {
        let frame_type = match frame.frame_type {
            c::v4l2_rc_frame_type_V4L2_RC_FRAME_I => "I",
            _ => "P",
        };
        let action = match frame.action {
            c::v4l2_rc_action_V4L2_RC_ACTION_SKIP => "skip",
            _ => "encode",
        };
        let verdict = match frame.verdict {
            c::v4l2_rc_verdict_V4L2_RC_VERDICT_REPLACE_SKIP => "replace",
            c::v4l2_rc_verdict_V4L2_RC_VERDICT_DROP => "drop",
            _ => "keep",
        };
        seq_print!(
            file,
            "{} {} {} {} {} {} {} {} {} {} {} {:#x}\n",
            frame.cookie,
            frame_type,
            action,
            verdict,
            frame.qp,
            frame.target_bits,
            frame.max_bits,
            frame.predicted_bits,
            frame.bytes,
            frame.sent_bytes,
            frame.cpb_fill,
            frame.reasons,
        );
    }
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
            // One by one, as there are more of them than registers.
            entry.cookie = frame.decision.cookie;
            entry.frame_type = frame.info.type_;
            entry.action = frame.decision.action;
            entry.verdict = frame.judgement.verdict;
            entry.qp = frame.decision.qp;
            entry.target_bits = frame.decision.target_bits;
            entry.max_bits = frame.decision.max_bits;
            entry.predicted_bits = frame.decision.predicted_bits;
            entry.bytes = frame.result.bytes;
            entry.sent_bytes = sent_bytes;
            entry.cpb_fill = frame.judgement.cpb_fill;
            entry.reasons = frame.decision.reasons;
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
