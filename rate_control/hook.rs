// SPDX-License-Identifier: GPL-2.0

//! The BPF hook: programs that take part in the decisions about a session's pictures.
//!
//! C headers: `include/media/v4l2-rate-control-bpf.h`, which says what programs may do, and
//! `bpf.h`.
//!
//! The built-in controller always decides first. A program is given its decision and may change
//! it; [`crate::pure::takeover`] has the last word. A program that fails is bypassed for the
//! picture, and ejected when it fails again and again.

mod context;

use crate::{
    abi::{
        assert_prototypes,
        Shared, //
    },
    bindings as c, convert,
    pure::{
        cycle::Cycle,
        frame::FrameIn,
        session::{
            Begun,
            Session, //
        },
        takeover::{
            Budget,
            Clamped, //
        },
    },
};
pub(crate) use context::frame_of;
use core::ptr::NonNull;
use kernel::{
    bindings::{
        dentry,
        seq_file, //
    },
    jump_label::static_branch_unlikely,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};

assert_prototypes!(v4l2_rc_rust_changed, v4l2_rc_rust_show);

/// Whether programs can be attached: the kernel has what it takes.
static PRESENT: Atomic<bool> = Atomic::new(false);

/// Offers the hook to the BPF core.
///
/// Where the kernel has no type information (BTF) of this module there is no hook, and rate
/// control works without.
pub(crate) fn register() {
    // SAFETY: Called once, when the module is loaded.
    match kernel::error::to_result(unsafe { c::v4l2_rc_bpf_register() }) {
        Ok(()) => PRESENT.store(true, Relaxed),
        Err(ENOENT) => pr_info!("no BPF hook: no type information (BTF) of this module\n"),
        Err(e) => pr_err!("no BPF hook: {e:?}\n"),
    }
}

/// Takes the hook back.
pub(crate) fn unregister() {
    // SAFETY: Called when the module is unloaded: there is no session any more.
    unsafe { c::v4l2_rc_bpf_unregister() };
}

/// One more.
fn count(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}

/// Whether any session has a program, or something to do about one.
#[inline(always)]
fn active() -> bool {
    // SAFETY: `bpf_registry.c` defines it.
    unsafe { static_branch_unlikely!(c::v4l2_rc_bpf_switch, c::static_key_false_deferred, key) }
}

/// The place of a program in a session.
///
/// # Invariants
///
/// It comes from `v4l2_rc_bpf_slot_alloc()`, and is freed when this is dropped. It is only touched
/// with the session's mutex held, or where nobody else can have the session: before
/// `v4l2_rc_bpf_slot_add()` and from `v4l2_rc_bpf_slot_del()` on.
struct Slot(NonNull<c::v4l2_rc_bpf_slot>);

// SAFETY: A slot is not bound to a thread.
unsafe impl Send for Slot {}

impl Slot {
    fn get(&self) -> &c::v4l2_rc_bpf_slot {
        // SAFETY: By the type invariant; nobody changes it while it is borrowed.
        unsafe { self.0.as_ref() }
    }

    fn get_mut(&mut self) -> &mut c::v4l2_rc_bpf_slot {
        // SAFETY: By the type invariant; nobody else uses it while it is borrowed.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, and `Registration` has been dropped.
        unsafe { c::v4l2_rc_bpf_slot_free(self.0.as_ptr()) };
    }
}

/// A session that programs come and go for, as long as it is used.
pub(crate) struct Registration {
    slot: Option<NonNull<c::v4l2_rc_bpf_slot>>,
    /// Has the slot.
    _shared: Arc<Shared>,
}

impl Registration {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let slot = shared.inner.lock().hook.slot.as_ref().map(|slot| slot.0);
        if let Some(slot) = slot {
            // SAFETY: By the type invariant of `Slot`; `drop` takes it out before it gives up
            // `shared`.
            unsafe { c::v4l2_rc_bpf_slot_add(slot.as_ptr(), Arc::as_ptr(shared).cast()) };
        }
        Self {
            slot,
            _shared: shared.clone(),
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            // SAFETY: `new` has put it in, and nobody uses the session: it is about to be freed.
            unsafe { c::v4l2_rc_bpf_slot_del(slot.as_ptr()) };
        }
    }
}

/// There are other programs than before.
///
/// # Safety
///
/// `shared` is that of a [`Registration`], and nobody on this thread has its lock. `gone` is a
/// program, or NULL.
#[no_mangle]
unsafe extern "C" fn v4l2_rc_rust_changed(shared: *const c_void, gone: *const c::v4l2_rc_ops) {
    // SAFETY: By the contract.
    let shared = unsafe { &*shared.cast::<Shared>() };
    if let Some(slot) = &mut shared.inner.lock().hook.slot {
        // SAFETY: By the type invariant of `Slot`.
        unsafe { c::v4l2_rc_bpf_changed(slot.get_mut(), gone) };
    }
}

/// Makes a file in a session's directory of debugfs.
///
/// # Safety
///
/// The directory is one, or an error of debugfs, and is removed before `shared` is dropped. Nobody
/// on this thread has the lock of that.
pub(crate) unsafe fn show_in(directory: *mut dentry, shared: *const Shared) {
    // SAFETY: By the contract.
    unsafe { c::v4l2_rc_bpf_debugfs_create(directory, shared.cast()) };
}

/// The file of a session's program is read.
///
/// # Safety
///
/// `file` is a `seq_file` of this thread, and `shared` what [`show_in`] made the file with:
/// there is a reference on it during the call.
#[no_mangle]
unsafe extern "C" fn v4l2_rc_rust_show(file: *mut seq_file, shared: *const c_void) {
    // SAFETY: By the contract.
    let (file, shared) = unsafe { (SeqFile::from_raw(file), &*shared.cast::<Shared>()) };
    if let Some(slot) = &shared.inner.lock().hook.slot {
        show(file, slot.get());
    }
}

fn show(file: &SeqFile, slot: &c::v4l2_rc_bpf_slot) {
    if slot.ops.is_null() {
        seq_print!(file, "program:  builtin\n");
    } else {
        // SAFETY: A program is there as long as it is attached: as long as the slot is borrowed.
        // Only its name is referred to, which nobody changes, and which `bpf_ops.c` has ended with
        // a 0: the registry changes its list at any time.
        let name = unsafe { CStr::from_char_ptr((&raw const (*slot.ops).name).cast()) };
        seq_print!(file, "program:  {name}\n");
    }
    let counters = &slot.counters;
    seq_print!(file, "cgroup:   {}\n", slot.session.cgroup_id);
    seq_print!(file, "asked:    {}\n", counters.asked);
    seq_print!(file, "changed:  {}\n", counters.changed);
    seq_print!(file, "clamped:  {}\n", counters.clamped);
    seq_print!(file, "errors:   {}\n", counters.errors);
    seq_print!(file, "overruns: {}\n", counters.overruns);
    seq_print!(file, "ejected:  {}\n", counters.ejected);
    seq_print!(file, "calls:    {}\n", counters.calls);
    seq_print!(file, "ran_ns:   {}\n", counters.ran_ns);
}

/// What is remembered of a picture that has begun with the program that is attached.
#[derive(Clone, Copy)]
struct Note {
    /// The picture's; 0, which is none's, where there is nothing to remember.
    cookie: u64,
    builtin_qp: i32,
    clamps: u32,
}

impl Note {
    const NONE: Self = Self {
        cookie: 0,
        builtin_qp: 0,
        clamps: 0,
    };
}

/// The hook in a session.
pub(crate) struct Hook {
    slot: Option<Slot>,
    codec: u32,
    /// The program that the session asks for, with a 0 behind its name.
    wanted: [c_char; c::V4L2_RC_BPF_NAME_MAX as usize],
    /// `max_checkpoints` of the capabilities.
    pub(crate) max_checkpoints: u32,
    /// What version of the session the program sees.
    version: u64,
    /// Time between pictures, by that.
    interval_ns: u64,
    /// What the last program has made of the session has not been taken back.
    taken: bool,
    /// Pictures in a row about which it has failed.
    failures: u32,
    /// What of its budget was changed back.
    clamps: u32,
    notes: [Note; Self::NOTES],
}

impl Hook {
    const NOTES: usize = Cycle::MAX_OUTSTANDING as usize;

    /// A program that fails about as many pictures in a row is thrown out.
    const MAX_FAILURES: u32 = 8;

    /// The hook in a session that is about to be.
    pub(crate) fn new(id: u64, codec: u32) -> Result<Self> {
        let slot = if PRESENT.load(Relaxed) {
            // SAFETY: Safe to call with any argument.
            let slot = NonNull::new(unsafe { c::v4l2_rc_bpf_slot_alloc(id) }).ok_or(ENOMEM)?;
            // INVARIANT: As allocated.
            Some(Slot(slot))
        } else {
            None
        };
        Ok(Self {
            slot,
            codec,
            wanted: [0; c::V4L2_RC_BPF_NAME_MAX as usize],
            max_checkpoints: 0,
            version: 0,
            interval_ns: 0,
            taken: false,
            failures: 0,
            clamps: 0,
            notes: [Note::NONE; Self::NOTES],
        })
    }

    /// Whether programs can be attached to the session.
    pub(crate) fn is_there(&self) -> bool {
        self.slot.is_some()
    }

    /// The session asks for the program of a configuration.
    pub(crate) fn select(&mut self, config: &c::v4l2_rc_config) {
        if config.program == self.wanted {
            return;
        }
        self.wanted = config.program;
        if let Some(slot) = &mut self.slot {
            // SAFETY: By the type invariant of `Slot`, and `convert::config_of` has found a 0 in
            // the name.
            unsafe { c::v4l2_rc_bpf_select(slot.get_mut(), self.wanted.as_ptr()) };
        }
    }

    /// Decides how to code a picture.
    #[inline(always)]
    pub(crate) fn begin(
        &mut self,
        session: &mut Session,
        picture: &FrameIn,
        frame: &mut c::v4l2_rc_frame,
    ) -> Result {
        if active() {
            self.prepare(session);
        }
        // Used where it is: it has a hundred bytes, which `?` would copy.
        let begun = session.begin(picture);
        let begun = begun.as_ref().map_err(|&e| e)?;
        convert::decide(
            &mut frame.decision,
            begun,
            &frame.info,
            self.max_checkpoints,
        );
        if active() {
            self.ask(session, picture, begun, frame);
        }
        Ok(())
    }

    /// Before a picture begins: finds the program, and what it says that the session may use.
    #[cold]
    #[inline(never)]
    fn prepare(&mut self, session: &mut Session) {
        const USUAL: u32 = c::V4L2_RC_BPF_ATTACHED
            | c::V4L2_RC_BPF_END
            | c::V4L2_RC_BPF_DROP
            | c::V4L2_RC_BPF_EJECTED;
        let has = self.slot.as_ref().map_or(0, |slot| slot.get().has);
        if has & !USUAL != 0 || (has != 0 && self.version != session.version()) {
            self.prepare_anew(session);
        }
    }

    /// There is more to do than to ask about the picture.
    #[inline(never)]
    fn prepare_anew(&mut self, session: &mut Session) {
        let Some(slot) = self.slot.as_mut().map(Slot::get_mut) else {
            return;
        };
        if self.version != session.version() {
            self.version = session.version();
            self.interval_ns = session
                .configured()
                .map_or(0, |(config, _)| config.interval_ns());
            context::fill_session(&mut slot.session, session, self.codec, self.max_checkpoints);
        }
        context::update_session(&mut slot.session, session);
        context::update_budget(&mut slot.session, session);
        // SAFETY: What the program sees of the session is right.
        if slot.has & c::V4L2_RC_BPF_LOOKUP != 0 && unsafe { c::v4l2_rc_bpf_attach(slot) } {
            // What another one has left behind is none of its business.
            if core::mem::replace(&mut self.taken, true) {
                session.take_back();
            }
            context::update_session(&mut slot.session, session);
            context::update_budget(&mut slot.session, session);
            slot.overrun = false;
            self.notes = [Note::NONE; Self::NOTES];
            self.failures = 0;
            self.clamps = 0;
        }
        if slot.has & c::V4L2_RC_BPF_GONE != 0 {
            if core::mem::take(&mut self.taken) {
                session.take_back();
            }
            // SAFETY: The program is gone, and no other is due.
            unsafe { c::v4l2_rc_bpf_disarm(slot) };
        }
        if slot.has & c::V4L2_RC_BPF_BUDGET != 0 {
            self.clamps = ask_budget(slot, session);
            context::update_budget(&mut slot.session, session);
        }
    }

    /// Asks about a picture that has begun.
    #[cold]
    #[inline(never)]
    fn ask(
        &mut self,
        session: &mut Session,
        picture: &FrameIn,
        begun: &Begun,
        frame: &mut c::v4l2_rc_frame,
    ) {
        let Some(slot) = self.slot.as_mut().map(Slot::get_mut) else {
            return;
        };
        if slot.has & c::V4L2_RC_BPF_ATTACHED == 0 {
            if slot.has & c::V4L2_RC_BPF_EJECTED != 0 {
                frame.decision.reasons |= c::V4L2_RC_REASON_PROGRAM_EJECTED;
            }
            return;
        }
        slot.model = session
            .built_in()
            .map_or(core::ptr::null(), |model| core::ptr::from_ref(model).cast());
        fill(slot, session, self.interval_ns, frame);
        // SAFETY: A program is attached. The controller is not changed during the call.
        let ret = unsafe { c::v4l2_rc_bpf_call_begin(slot) };
        slot.model = core::ptr::null();

        count(&mut slot.counters.asked);
        let decision = &mut frame.decision;
        let note = Note {
            cookie: decision.cookie,
            builtin_qp: decision.qp,
            clamps: self.clamps,
        };
        decision.reasons |= c::V4L2_RC_REASON_PROGRAM;
        if let Some(place) = self.notes.get_mut(Self::place(note.cookie)) {
            *place = note;
        }
        let usual = ret == 0 && note.clamps == 0 && !slot.overrun;
        if usual && context::is_unchanged(&slot.decision, decision) {
            self.failures = 0;
        } else {
            self.heed(session, picture, begun, frame, ret);
        }
    }

    /// Takes what a program wants of a picture, or that it has failed.
    #[inline(never)]
    fn heed(
        &mut self,
        session: &mut Session,
        picture: &FrameIn,
        begun: &Begun,
        frame: &mut c::v4l2_rc_frame,
        ret: c_int,
    ) {
        let Some(slot) = self.slot.as_mut().map(Slot::get_mut) else {
            return;
        };
        let decision = &mut frame.decision;
        let builtin_qp = decision.qp;
        let mut clamps = self.clamps;
        let changed = ret == 0 && !context::is_unchanged(&slot.decision, decision);
        if changed {
            let our_target = decision.target_bits;
            let theirs = context::proposal_of(&slot.decision, decision, &begun.decision);
            let same_checkpoints = context::same_checkpoints(&slot.decision, decision);
            let (taken, clamped) = session.take_over(picture, begun, &theirs);
            convert::decide(decision, &taken, &frame.info, self.max_checkpoints);
            decision.reasons |= c::V4L2_RC_REASON_PROGRAM;
            clamps |= clamps_of(&clamped);
            if !same_checkpoints {
                clamps |= context::take_checkpoints(decision, &slot.decision, self.max_checkpoints);
            }
            decision.reasons |=
                context::reasons_within(decision, &slot.decision, our_target, same_checkpoints);
            count(&mut slot.counters.changed);
        }
        if clamps != 0 {
            decision.reasons |= c::V4L2_RC_REASON_PROGRAM_CLAMPED;
            count(&mut slot.counters.clamped);
            if let Some(note) = self.notes.get_mut(Self::place(decision.cookie)) {
                note.clamps = clamps;
            }
        }
        if ret != 0 || changed || slot.overrun {
            let (id, overrun) = (slot.session.id, slot.overrun);
            // SAFETY: `decision` is valid during the call.
            unsafe { c::rc_trace_program_frame(id, decision, builtin_qp, clamps, ret, overrun) };
        }
        if ret == 0 && !slot.overrun {
            self.failures = 0;
            return;
        }
        decision.reasons |= c::V4L2_RC_REASON_PROGRAM_FAILED;
        if self.failed(session, ret) {
            decision.reasons |= c::V4L2_RC_REASON_PROGRAM_EJECTED;
        }
    }

    /// The program has failed once more: returns whether it had to go.
    fn failed(&mut self, session: &mut Session, ret: c_int) -> bool {
        let Some(slot) = self.slot.as_mut().map(Slot::get_mut) else {
            return false;
        };
        if ret != 0 {
            count(&mut slot.counters.errors);
        }
        if core::mem::take(&mut slot.overrun) {
            count(&mut slot.counters.overruns);
        }
        self.failures = self.failures.saturating_add(1);
        let ejected = self.failures >= Self::MAX_FAILURES;
        if ejected {
            count(&mut slot.counters.ejected);
            self.failures = 0;
            // SAFETY: A program is attached.
            unsafe { c::v4l2_rc_bpf_eject(slot) };
            self.taken = false;
            session.take_back();
        }
        ejected
    }

    fn place(cookie: u64) -> usize {
        (cookie as usize) & (Self::NOTES - 1)
    }

    /// What is remembered of a picture, if the program that is attached has seen it begin.
    fn note(&self, cookie: u64) -> Option<&Note> {
        self.notes
            .get(Self::place(cookie))
            .filter(|note| note.cookie == cookie)
    }

    /// A picture is done.
    #[inline]
    pub(crate) fn commit(&mut self, session: &Session, frame: &c::v4l2_rc_frame, bytes: u64) {
        if active() {
            self.commit_hooked(session, frame, bytes);
        }
    }

    #[cold]
    #[inline(never)]
    fn commit_hooked(&mut self, session: &Session, frame: &c::v4l2_rc_frame, bytes: u64) {
        let Some(&note) = self.note(frame.decision.cookie) else {
            return;
        };
        let Some(slot) = self.slot.as_mut().map(Slot::get_mut) else {
            return;
        };
        if slot.has & c::V4L2_RC_BPF_ATTACHED == 0 {
            return;
        }
        let result = &mut slot.session.last;
        context::fill_result(result, frame, bytes);
        result.builtin_qp = note.builtin_qp;
        result.clamps = note.clamps;
        if result.type_ == c::v4l2_rc_frame_type_V4L2_RC_FRAME_I {
            slot.session.last_i = slot.session.last;
        }
        if slot.has & c::V4L2_RC_BPF_END != 0 {
            context::update_session(&mut slot.session, session);
            // SAFETY: A program with this function is attached.
            unsafe { c::v4l2_rc_bpf_call_end(slot) };
        }
    }

    /// A picture will not be.
    #[inline]
    pub(crate) fn cancel(&mut self, session: &Session, cookie: u64) {
        if active() {
            self.cancel_hooked(session, cookie);
        }
    }

    #[cold]
    #[inline(never)]
    fn cancel_hooked(&mut self, session: &Session, cookie: u64) {
        let seen = self.note(cookie).is_some();
        let Some(slot) = self.slot.as_mut().map(Slot::get_mut) else {
            return;
        };
        if seen && slot.has & c::V4L2_RC_BPF_DROP != 0 {
            context::update_session(&mut slot.session, session);
            // SAFETY: A program with this function is attached.
            unsafe { c::v4l2_rc_bpf_call_drop(slot, cookie) };
        }
    }
}

/// Writes all that a program may read when a picture begins. Not inlined: what else there is to do
/// would have no registers.
#[inline(never)]
fn fill(
    slot: &mut c::v4l2_rc_bpf_slot,
    session: &Session,
    interval_ns: u64,
    frame: &c::v4l2_rc_frame,
) {
    let (info, decision) = (&frame.info, &frame.decision);
    context::update_session(&mut slot.session, session);
    context::fill_frame(&mut slot.frame, session, interval_ns, info, decision);
    context::fill_decision(&mut slot.decision, decision);
}

/// Asks what a session may use; returns what is changed back.
fn ask_budget(slot: &mut c::v4l2_rc_bpf_slot, session: &mut Session) -> u32 {
    let Some((_, Some(all))) = session.configured() else {
        return 0;
    };
    slot.budget.bitrate = all.bitrate;
    slot.budget.cpb_bits = all.cpb_bits;
    // SAFETY: A program with this function is attached.
    if unsafe { c::v4l2_rc_bpf_call_budget(slot) } != 0 {
        count(&mut slot.counters.errors);
        return 0;
    }
    let wanted = Budget {
        bitrate: slot.budget.bitrate,
        cpb_bits: slot.budget.cpb_bits,
    };
    let counts = session.set_budget(Some(wanted)).unwrap_or(all);
    if counts == wanted {
        0
    } else {
        c::V4L2_RC_BPF_CLAMP_BUDGET
    }
}

const _: () = assert!(Hook::NOTES.is_power_of_two());

fn clamps_of(clamped: &Clamped) -> u32 {
    let bit = |set, bit| if set { bit } else { 0 };
    bit(clamped.qp, c::V4L2_RC_BPF_CLAMP_QP)
        | bit(clamped.range, c::V4L2_RC_BPF_CLAMP_RANGE)
        | bit(clamped.bits, c::V4L2_RC_BPF_CLAMP_BITS)
        | bit(clamped.action, c::V4L2_RC_BPF_CLAMP_ACTION)
}
