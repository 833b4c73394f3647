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
    bindings::dentry,
    jump_label::static_branch_unlikely,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

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
        Err(e) => pr_info!("no BPF hook: no type information of this module ({e:?})\n"),
    }
}

/// One more.
fn count(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}

/// Whether any session has a program, or something to do about one.
#[inline(always)]
fn active() -> bool {
    // SAFETY: `bpf_registry.c` defines it.
    unsafe { static_branch_unlikely!(c::v4l2_rc_bpf_switch, c::v4l2_rc_bpf_switch, key) }
}

/// The place of a program in a session.
///
/// # Invariants
///
/// It comes from `v4l2_rc_bpf_slot_alloc()`, and is freed when this is dropped.
struct Slot(NonNull<c::v4l2_rc_bpf_slot>);

// SAFETY: A slot is not bound to a thread.
unsafe impl Send for Slot {}

impl Drop for Slot {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, and nobody has entered it.
        unsafe { c::v4l2_rc_bpf_slot_free(self.0.as_ptr()) };
    }
}

/// A slot that has been entered: nobody else uses it.
///
/// # Invariants
///
/// `v4l2_rc_bpf_enter()` has found `has`, which is not 0, or `v4l2_rc_bpf_look()` thereafter.
struct Entered {
    slot: NonNull<c::v4l2_rc_bpf_slot>,
    has: u32,
}

impl Entered {
    /// Enters a slot, if there is something to do.
    fn new(slot: &Slot) -> Option<Self> {
        // SAFETY: By the type invariant of `Slot`.
        let has = unsafe { c::v4l2_rc_bpf_enter(slot.0.as_ptr()) };
        // INVARIANT: As returned.
        (has != 0).then_some(Self { slot: slot.0, has })
    }

    fn has(&self, bit: u32) -> bool {
        self.has & bit != 0
    }

    /// What programs see.
    fn context(&mut self) -> &mut c::v4l2_rc_bpf_slot {
        // SAFETY: By the type invariant nobody else uses it.
        unsafe { self.slot.as_mut() }
    }

    /// Takes the program that the session asks for.
    fn look(&mut self) {
        // SAFETY: By the type invariant; nothing refers to the context.
        // INVARIANT: As returned.
        self.has = unsafe { c::v4l2_rc_bpf_look(self.slot.as_ptr()) };
    }

    /// There is no program any more.
    fn rest(self) {
        // SAFETY: By the type invariant.
        unsafe { c::v4l2_rc_bpf_rest(self.slot.as_ptr()) };
    }

    /// Throws the program out.
    fn eject(&mut self) {
        // SAFETY: By the type invariant; nothing refers to the context.
        unsafe { c::v4l2_rc_bpf_eject(self.slot.as_ptr()) };
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { c::v4l2_rc_bpf_leave(self.slot.as_ptr()) };
    }
}

/// What is remembered of a picture that has begun.
#[derive(Clone, Copy)]
struct Note {
    cookie: u64,
    /// Which program has seen it begin.
    program: u64,
    builtin_qp: i32,
    clamps: u32,
}

impl Note {
    const NONE: Self = Self {
        cookie: 0,
        program: 0,
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
    /// Counts the programs that were attached.
    program: u64,
    /// What the last of them has made of the session has not been taken back.
    taken: bool,
    /// Pictures in a row about which it has failed.
    failures: u32,
    notes: [Note; Self::NOTES],
}

impl Hook {
    const NOTES: usize = Cycle::MAX_OUTSTANDING as usize;

    /// A program that fails about as many pictures in a row is thrown out.
    const MAX_FAILURES: u32 = 8;

    /// The hook in a session that is about to be.
    pub(crate) fn new(id: u64, codec: u32) -> Result<Self> {
        let slot = if PRESENT.load(Relaxed) {
            // SAFETY: There is nothing to heed.
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
            program: 0,
            taken: false,
            failures: 0,
            notes: [Note::NONE; Self::NOTES],
        })
    }

    /// Makes a file in the session's directory of debugfs.
    ///
    /// # Safety
    ///
    /// The directory is one, or an error of debugfs, and is removed before `self` is dropped.
    pub(crate) unsafe fn show_in(&self, directory: *mut dentry) {
        if let Some(slot) = &self.slot {
            // SAFETY: By the type invariant of `Slot`, and by the contract.
            unsafe { c::v4l2_rc_bpf_debugfs_create(directory, slot.0.as_ptr()) };
        }
    }

    /// The session asks for the program of a configuration.
    pub(crate) fn select(&mut self, config: &c::v4l2_rc_config) {
        if config.program == self.wanted {
            return;
        }
        self.wanted = config.program;
        if let Some(slot) = &self.slot {
            // SAFETY: By the type invariant of `Slot`, and `convert::config_of` has found a 0 in
            // the name.
            unsafe { c::v4l2_rc_bpf_select(slot.0.as_ptr(), self.wanted.as_ptr()) };
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
            return self.begin_hooked(session, picture, frame);
        }
        let begun = session.begin(picture)?;
        frame.decision = convert::decision_from(&begun, &frame.info, self.max_checkpoints);
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn begin_hooked(
        &mut self,
        session: &mut Session,
        picture: &FrameIn,
        frame: &mut c::v4l2_rc_frame,
    ) -> Result {
        let mut entered = self.slot.as_ref().and_then(Entered::new);
        if let Some(program) = &mut entered {
            self.prepare(program, session);
        }
        match entered {
            Some(mut program) if program.has(c::V4L2_RC_BPF_ATTACHED) => {
                let clamps = if program.has(c::V4L2_RC_BPF_BUDGET) {
                    Self::ask_budget(&mut program, session)
                } else {
                    0
                };
                let begun = session.begin(picture)?;
                self.ask(&mut program, session, picture, &begun, frame, clamps);
            }
            gone => {
                if let Some(gone) = gone {
                    self.take_back(session);
                    gone.rest();
                }
                let begun = session.begin(picture)?;
                frame.decision = convert::decision_from(&begun, &frame.info, self.max_checkpoints);
            }
        }
        Ok(())
    }

    /// Makes what programs see of the session what it is, and finds the program.
    fn prepare(&mut self, program: &mut Entered, session: &mut Session) {
        if self.version != session.version() {
            self.version = session.version();
            self.interval_ns = session
                .configured()
                .map_or(0, |(config, _)| config.interval_ns());
            context::fill_session(
                &mut program.context().session,
                session,
                self.codec,
                self.max_checkpoints,
            );
        }
        context::update_session(&mut program.context().session, session);
        if program.has(c::V4L2_RC_BPF_LOOK) {
            program.look();
            if program.has(c::V4L2_RC_BPF_FRESH) {
                // What another one has left behind is none of its business.
                self.take_back(session);
                context::update_session(&mut program.context().session, session);
                self.taken = true;
                self.program = self.program.wrapping_add(1);
                self.failures = 0;
            }
        }
    }

    /// The built-in controller goes on alone, if it has not.
    fn take_back(&mut self, session: &mut Session) {
        if core::mem::take(&mut self.taken) {
            session.take_back();
        }
    }

    /// Asks what the session may use; returns what is changed back.
    fn ask_budget(program: &mut Entered, session: &mut Session) -> u32 {
        let Some((_, Some(all))) = session.configured() else {
            return 0;
        };
        let slot = program.context();
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
        slot.session.budget_bitrate = counts.bitrate;
        slot.session.budget_cpb_bits = counts.cpb_bits;
        if counts == wanted {
            0
        } else {
            c::V4L2_RC_BPF_CLAMP_BUDGET
        }
    }

    /// Asks about a picture that has begun.
    fn ask(
        &mut self,
        program: &mut Entered,
        session: &mut Session,
        picture: &FrameIn,
        begun: &Begun,
        frame: &mut c::v4l2_rc_frame,
        clamps: u32,
    ) {
        let info = &frame.info;
        let decision = &mut frame.decision;
        *decision = convert::decision_from(begun, info, self.max_checkpoints);
        let (cookie, builtin_qp) = (decision.cookie, decision.qp);
        let slot = program.context();
        context::fill_frame(&mut slot.frame, session, self.interval_ns, info, decision);
        context::fill_decision(&mut slot.decision, decision);
        slot.model = session
            .built_in()
            .map_or(core::ptr::null(), |model| core::ptr::from_ref(model).cast());
        // SAFETY: A program is attached. The controller is not changed during the call.
        let ret = unsafe { c::v4l2_rc_bpf_call_begin(slot) };
        slot.model = core::ptr::null();

        count(&mut slot.counters.asked);
        let mut note = Note {
            cookie,
            program: self.program,
            builtin_qp,
            clamps,
        };
        let changed = ret == 0 && !context::is_unchanged(&slot.decision, decision);
        if ret != 0 {
            count(&mut slot.counters.errors);
        }
        if changed {
            let ours = *decision;
            let theirs = context::proposal_of(&slot.decision, &ours, &begun.decision);
            let (taken, clamped) = session.take_over(picture, begun, &theirs);
            *decision = convert::decision_from(&taken, info, self.max_checkpoints);
            note.clamps |= clamps_of(&clamped);
            note.clamps |=
                context::take_checkpoints(decision, &slot.decision, &ours, self.max_checkpoints);
            count(&mut slot.counters.changed);
        }
        if note.clamps != 0 {
            count(&mut slot.counters.clamped);
        }
        if ret != 0 || changed {
            let id = slot.session.id;
            // SAFETY: `decision` is valid during the call.
            unsafe { c::rc_trace_program_frame(id, decision, builtin_qp, note.clamps, ret) };
        }
        let overrun = core::mem::take(&mut slot.overrun);
        if overrun {
            count(&mut slot.counters.overruns);
        }
        decision.reasons |= c::V4L2_RC_REASON_PROGRAM;
        if note.clamps != 0 {
            decision.reasons |= c::V4L2_RC_REASON_PROGRAM_CLAMPED;
        }
        if ret != 0 || overrun {
            decision.reasons |= c::V4L2_RC_REASON_PROGRAM_FAILED;
            if self.failed(program, session) {
                decision.reasons |= c::V4L2_RC_REASON_PROGRAM_EJECTED;
            }
        } else {
            self.failures = 0;
        }
        if let Some(place) = self.notes.get_mut(Self::place(cookie)) {
            *place = note;
        }
    }

    /// The program has failed once more: returns whether it had to go.
    fn failed(&mut self, program: &mut Entered, session: &mut Session) -> bool {
        self.failures = self.failures.saturating_add(1);
        let ejected = self.failures >= Self::MAX_FAILURES;
        if ejected {
            count(&mut program.context().counters.ejected);
            self.failures = 0;
            program.eject();
            self.take_back(session);
        }
        ejected
    }

    fn place(cookie: u64) -> usize {
        (cookie as usize) & (Self::NOTES - 1)
    }

    fn note(&self, cookie: u64) -> Note {
        match self.notes.get(Self::place(cookie)) {
            Some(note) if note.cookie == cookie => *note,
            _ => Note::NONE,
        }
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
        let Some(mut program) = self.slot.as_ref().and_then(Entered::new) else {
            return;
        };
        let note = self.note(frame.decision.cookie);
        if !program.has(c::V4L2_RC_BPF_ATTACHED) || note.program != self.program {
            return;
        }
        let end = program.has(c::V4L2_RC_BPF_END);
        let slot = program.context();
        let result = &mut slot.session.last;
        context::fill_result(result, frame, bytes);
        result.builtin_qp = note.builtin_qp;
        result.clamps = note.clamps;
        if result.type_ == c::v4l2_rc_frame_type_V4L2_RC_FRAME_I {
            slot.session.last_i = slot.session.last;
        }
        if end {
            context::update_session(&mut slot.session, session);
            // SAFETY: A program with this function is attached.
            unsafe { c::v4l2_rc_bpf_call_end(slot) };
        }
    }

    /// A picture will not be.
    #[inline]
    pub(crate) fn cancel(&mut self, cookie: u64) {
        if active() {
            self.cancel_hooked(cookie);
        }
    }

    #[cold]
    #[inline(never)]
    fn cancel_hooked(&mut self, cookie: u64) {
        let Some(mut program) = self.slot.as_ref().and_then(Entered::new) else {
            return;
        };
        if program.has(c::V4L2_RC_BPF_DROP) && self.note(cookie).program == self.program {
            // SAFETY: A program with this function is attached.
            unsafe { c::v4l2_rc_bpf_call_drop(program.context(), cookie) };
        }
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
