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
        Inner,
        Shared, //
    },
    bindings as c, convert,
    pure::{
        cycle::{
            Cookie,
            Cycle, //
        },
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

/// What is remembered of a picture about which the program that is attached and the kernel have
/// not left all as it was.
#[derive(Clone, Copy)]
struct Note {
    /// The picture's; 0, which is none's, where there is nothing to remember.
    cookie: Cookie,
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
    /// The first picture that the program which is attached was asked about; the highest number
    /// before there is one.
    since: Cookie,
    /// The last picture that there is a note of.
    noted: Cookie,
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
            since: Cookie::MAX,
            noted: 0,
            notes: [Note::NONE; Self::NOTES],
        })
    }

    /// Whether programs can be attached to the session.
    pub(crate) fn is_there(&self) -> bool {
        self.slot.is_some()
    }

    /// The session's hardware or its configuration may be another than before.
    pub(crate) fn renew(&mut self, session: &Session) {
        if let Some(slot) = self.slot.as_mut().map(Slot::get_mut) {
            if slot.has != 0 && self.version != session.version() {
                slot.has |= c::V4L2_RC_BPF_STALE;
            }
        }
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
        inner: &mut Inner,
        picture: &FrameIn,
        frame: &mut c::v4l2_rc_frame,
    ) -> Result {
        if active() {
            Self::prepare(inner);
        }
        // Used where it is: it has a hundred bytes, which `?` would copy.
        let begun = inner.session.begin(picture);
        let begun = begun.as_ref().map_err(|&e| e)?;
        convert::decide(
            &mut frame.decision,
            begun,
            &frame.info,
            inner.hook.max_checkpoints,
        );
        if active() {
            if let Some(ret) = Self::ask(inner, frame) {
                Self::heed(inner, picture, begun, frame, ret);
            }
        }
        Ok(())
    }

    /// Before a picture begins: finds the program, and what it says that the session may use.
    #[cold]
    #[inline(never)]
    fn prepare(inner: &mut Inner) {
        const USUAL: u32 = c::V4L2_RC_BPF_ATTACHED
            | c::V4L2_RC_BPF_END
            | c::V4L2_RC_BPF_DROP
            | c::V4L2_RC_BPF_EJECTED;
        let Inner { session, hook, .. } = inner;
        if let Some(slot) = &hook.slot {
            if slot.get().has & !USUAL != 0 {
                hook.prepare_anew(session);
            }
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
        slot.has &= !c::V4L2_RC_BPF_STALE;
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
            slot.notice = c::V4L2_RC_BPF_NEW;
            self.since = Cookie::MAX;
            self.noted = 0;
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
            slot.notice &= !c::V4L2_RC_BPF_CLAMPED;
            if self.clamps != 0 {
                slot.notice |= c::V4L2_RC_BPF_CLAMPED;
            }
            context::update_budget(&mut slot.session, session);
        }
    }

    /// Asks about a picture that has begun. Where there is more to see to than that, returns what
    /// the program has returned.
    #[cold]
    #[inline(never)]
    fn ask(inner: &mut Inner, frame: &mut c::v4l2_rc_frame) -> Option<c_int> {
        let Inner { session, hook, .. } = inner;
        let slot = hook.slot.as_mut().map(Slot::get_mut)?;
        if slot.has & c::V4L2_RC_BPF_ATTACHED == 0 {
            if slot.has & c::V4L2_RC_BPF_EJECTED != 0 {
                frame.decision.reasons |= c::V4L2_RC_REASON_PROGRAM_EJECTED;
            }
            return None;
        }
        let model = session.built_in()?;
        slot.model = core::ptr::from_ref(model).cast();
        context::update_state(&mut slot.session, session.counts(), model);
        context::fill_frame(&mut slot.frame, model, hook.interval_ns, frame);
        context::fill_decision(&mut slot.decision, &frame.decision);
        // SAFETY: A program is attached. The controller is not changed during the call.
        let ret = unsafe { c::v4l2_rc_bpf_call_begin(slot) };
        weigh(slot, frame, ret)
    }

    /// Takes what a program wants of a picture, or that it has failed.
    #[inline(never)]
    fn heed(
        inner: &mut Inner,
        picture: &FrameIn,
        begun: &Begun,
        frame: &mut c::v4l2_rc_frame,
        ret: c_int,
    ) {
        let Inner { session, hook, .. } = inner;
        let Some(slot) = hook.slot.as_mut().map(Slot::get_mut) else {
            return;
        };
        let decision = &mut frame.decision;
        let builtin_qp = decision.qp;
        let mut clamps = hook.clamps;
        if slot.notice & c::V4L2_RC_BPF_NEW != 0 {
            hook.since = decision.cookie;
        }
        let changed = ret == 0 && !context::is_unchanged(&slot.decision, decision);
        if changed {
            let our_target = decision.target_bits;
            let theirs = context::proposal_of(&slot.decision, decision, &begun.decision);
            let same_checkpoints = context::same_checkpoints(&slot.decision, decision);
            let (taken, clamped) = session.take_over(picture, begun, &theirs);
            convert::decide(decision, &taken, &frame.info, hook.max_checkpoints);
            decision.reasons |= c::V4L2_RC_REASON_PROGRAM;
            clamps |= clamps_of(&clamped);
            if !same_checkpoints {
                clamps |= context::take_checkpoints(decision, &slot.decision, hook.max_checkpoints);
            }
            decision.reasons |=
                context::reasons_within(decision, &slot.decision, our_target, same_checkpoints);
            count(&mut slot.counters.changed);
        }
        if clamps != 0 {
            decision.reasons |= c::V4L2_RC_REASON_PROGRAM_CLAMPED;
            count(&mut slot.counters.clamped);
        }
        if changed || clamps != 0 {
            hook.noted = decision.cookie;
            if let Some(place) = hook.notes.get_mut(Self::place(decision.cookie)) {
                *place = Note {
                    cookie: decision.cookie,
                    builtin_qp,
                    clamps,
                };
            }
        }
        let overrun = slot.notice & c::V4L2_RC_BPF_OVERRUN != 0;
        if ret != 0 || changed || overrun {
            let id = slot.session.id;
            // SAFETY: `decision` is valid during the call.
            unsafe { c::rc_trace_program_frame(id, decision, builtin_qp, clamps, ret, overrun) };
        }
        slot.notice &= c::V4L2_RC_BPF_CLAMPED;
        if ret == 0 && !overrun {
            hook.failures = 0;
            return;
        }
        slot.notice |= c::V4L2_RC_BPF_FAILING;
        decision.reasons |= c::V4L2_RC_REASON_PROGRAM_FAILED;
        if hook.failed(session, ret, overrun) {
            decision.reasons |= c::V4L2_RC_REASON_PROGRAM_EJECTED;
        }
    }

    /// The program has failed once more: returns whether it had to go.
    fn failed(&mut self, session: &mut Session, ret: c_int, overrun: bool) -> bool {
        let Some(slot) = self.slot.as_mut().map(Slot::get_mut) else {
            return false;
        };
        if ret != 0 {
            count(&mut slot.counters.errors);
        }
        if overrun {
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

    /// What is remembered of a picture.
    #[inline(never)]
    fn note(&self, cookie: Cookie) -> Option<&Note> {
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
        let Some(slot) = self.slot.as_mut().map(Slot::get_mut) else {
            return;
        };
        let cookie = frame.decision.cookie;
        if slot.has & c::V4L2_RC_BPF_ATTACHED == 0 || cookie < self.since {
            return;
        }
        context::fill_result(&mut slot.session.last, frame, bytes);
        let noted = cookie <= self.noted;
        let end = slot.has & c::V4L2_RC_BPF_END != 0;
        if noted || end || frame.info.type_ == c::v4l2_rc_frame_type_V4L2_RC_FRAME_I {
            self.commit_more(session, frame);
        }
    }

    /// There is more to do about a picture that is done than to show it to the program.
    #[inline(never)]
    fn commit_more(&mut self, session: &Session, frame: &c::v4l2_rc_frame) {
        let note = self.note(frame.decision.cookie).copied();
        let Some(slot) = self.slot.as_mut().map(Slot::get_mut) else {
            return;
        };
        if let Some(note) = note {
            slot.session.last.builtin_qp = note.builtin_qp;
            slot.session.last.clamps = note.clamps;
        }
        if frame.info.type_ == c::v4l2_rc_frame_type_V4L2_RC_FRAME_I {
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
        let seen = cookie >= self.since;
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

/// A program has been asked, and has returned something: looks what there is to see to. Not
/// inlined: nothing of the decision is to be kept over the program's call.
#[inline(never)]
fn weigh(
    slot: &mut c::v4l2_rc_bpf_slot,
    frame: &mut c::v4l2_rc_frame,
    ret: c_int,
) -> Option<c_int> {
    slot.model = core::ptr::null();
    count(&mut slot.counters.asked);
    frame.decision.reasons |= c::V4L2_RC_REASON_PROGRAM;
    let usual = ret == 0 && slot.notice == 0;
    if usual && context::is_unchanged(&slot.decision, &frame.decision) {
        None
    } else {
        Some(ret)
    }
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
