// SPDX-License-Identifier: GPL-2.0

//! A stream with a program: what `hook.rs` of the module does, with one program for ever.

use crate::{
    bindings as c, context, helpers,
    program::Program,
    pure::{
        config::{
            Capabilities,
            Config, //
        },
        error::Error,
        frame::{
            Action,
            FrameIn,
            FrameType,
            Judgement,
            Outcome,
            Verdict, //
        },
        scale::Scale,
        session::{
            Begun,
            Session, //
        },
        takeover::Budget,
    },
};
use std::{
    cell::Cell,
    collections::VecDeque, //
};

thread_local! {
    static LAST_ID: Cell<u64> = const { Cell::new(0) };
}

/// The built-in controller and a program that has the last word but one.
pub struct Stream {
    program: Program,
    session: Session,
    seen: c::v4l2_rc_bpf_session,
    /// Pictures that have begun.
    open: VecDeque<(c::v4l2_rc_frame, i32)>,
    begun: bool,
}

impl Stream {
    /// A stream that is configured, and whose program comes with its first picture.
    ///
    /// # Errors
    ///
    /// As of a session.
    pub fn new(
        program: Program,
        scale: Scale,
        caps: Capabilities,
        config: &Config,
    ) -> Result<Self, Error> {
        let mut session = Session::new(scale);
        session.start(caps)?;
        session.configure(config)?;
        let id = LAST_ID.get() + 1;
        LAST_ID.set(id);
        let seen = c::v4l2_rc_bpf_session {
            id,
            ..Default::default()
        };
        Ok(Self {
            program,
            session,
            seen,
            open: VecDeque::new(),
            begun: false,
        })
    }

    /// The number that programs know the session by.
    pub fn id(&self) -> u64 {
        self.seen.id
    }

    /// Puts the session into a cgroup, before its first picture.
    pub fn set_cgroup(&mut self, id: u64) {
        self.seen.cgroup_id = id;
    }

    /// Starts again, with other pictures; none is open.
    ///
    /// # Errors
    ///
    /// As of a session.
    pub fn start(&mut self, caps: Capabilities) -> Result<(), Error> {
        self.session.start(caps)
    }

    /// Changes the configuration.
    ///
    /// # Errors
    ///
    /// As of a session.
    pub fn configure(&mut self, config: &Config) -> Result<(), Error> {
        self.session.configure(config)
    }

    /// What the program lets it use.
    pub fn budget(&self) -> Option<Budget> {
        self.session.budget()
    }

    /// Decides how to code a picture.
    ///
    /// # Errors
    ///
    /// As of a session.
    pub fn begin(&mut self, frame: &FrameIn) -> Result<Begun, Error> {
        context::fill_session(
            &mut self.seen,
            &self.session,
            c::v4l2_rc_codec_V4L2_RC_CODEC_H264,
            0,
        );
        context::update_session(&mut self.seen, &self.session);
        context::update_budget(&mut self.seen, &self.session);
        if !self.begun {
            assert!(self.program.init(&mut self.seen), "a map is full");
            self.begun = true;
        }
        self.ask_budget();
        let interval_ns = self
            .session
            .configured()
            .map_or(0, |(config, _)| config.interval_ns());
        let begun = self.session.begin(frame)?;
        let ours = decision_of(&begun);
        let mut picture = c::v4l2_rc_frame {
            info: info_of(frame),
            decision: ours,
            ..Default::default()
        };
        let mut seen = c::v4l2_rc_bpf_frame::default();
        let mut decision = c::v4l2_rc_bpf_decision::default();
        if let Some(model) = self.session.built_in() {
            context::fill_frame(&mut seen, model, interval_ns, &picture);
        }
        context::fill_decision(&mut decision, &ours);
        let decided = helpers::with_model(self.session.built_in(), &seen, || {
            self.program.begin(&mut self.seen, &seen, &mut decision)
        });
        let mut taken = begun;
        if decided && !context::is_unchanged(&decision, &ours) {
            let theirs = context::proposal_of(&decision, &ours, &begun.decision);
            taken = self.session.take_over(frame, &begun, &theirs).0;
            let mut known = decision_of(&taken);
            let same = context::same_checkpoints(&decision, &ours);
            if !same {
                // There are none, whatever a program wants.
                context::take_checkpoints(&mut known, &decision, 0);
            }
            known.reasons |= context::reasons_within(&known, &decision, ours.target_bits, same);
            picture.decision = known;
        }
        self.open.push_back((picture, ours.qp));
        Ok(taken)
    }

    fn ask_budget(&mut self) {
        let Some((_, Some(all))) = self.session.configured() else {
            return;
        };
        let mut budget = c::v4l2_rc_bpf_budget {
            bitrate: all.bitrate,
            cpb_bits: all.cpb_bits,
            ..Default::default()
        };
        if self.program.budget(&mut self.seen, &mut budget) {
            let wanted = Budget {
                bitrate: budget.bitrate,
                cpb_bits: budget.cpb_bits,
            };
            self.session.set_budget(Some(wanted));
            context::update_budget(&mut self.seen, &self.session);
        }
    }

    /// Judges the oldest picture that has begun and not ended.
    ///
    /// # Errors
    ///
    /// As of a session.
    pub fn end(&mut self, outcome: &Outcome) -> Result<Judgement, Error> {
        let (frame, _) = self.open.front_mut().ok_or(Error::Invalid)?;
        let judgement = self.session.end(frame.decision.cookie, outcome)?;
        frame.result.bytes = outcome.bits / 8;
        frame.result.header_bits = outcome.header_bits;
        frame.result.forced_skips = outcome.forced_skips;
        if let Some(mean) = outcome.mean_qp_q8 {
            frame.result.mean_qp_q8 = mean;
            frame.result.valid |= c::V4L2_RC_RESULT_MEAN_QP;
        }
        frame.judgement.verdict = match judgement.verdict {
            Verdict::Keep => c::v4l2_rc_verdict_V4L2_RC_VERDICT_KEEP,
            Verdict::ReplaceBySkip => c::v4l2_rc_verdict_V4L2_RC_VERDICT_REPLACE_SKIP,
            Verdict::Drop => c::v4l2_rc_verdict_V4L2_RC_VERDICT_DROP,
        };
        frame.judgement.filler_bytes = judgement.filler_bytes;
        Ok(judgement)
    }

    /// So much of the picture that has ended goes to the application.
    ///
    /// # Errors
    ///
    /// As of a session.
    pub fn commit(&mut self, bits: u64) -> Result<(), Error> {
        let (mut frame, builtin_qp) = self.open.pop_front().ok_or(Error::Invalid)?;
        let state = self.session.commit(frame.decision.cookie, bits)?;
        frame.judgement.cpb_fill = state.fill;
        frame.judgement.delay_ns = state.delay_ns;
        frame.judgement.violation_bits = state.violation_bits;
        context::fill_result(&mut self.seen.last, &frame, bits / 8);
        self.seen.last.builtin_qp = builtin_qp;
        if frame.info.type_ == c::v4l2_rc_frame_type_V4L2_RC_FRAME_I {
            self.seen.last_i = self.seen.last;
        }
        context::update_session(&mut self.seen, &self.session);
        self.program.end(&mut self.seen);
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.begun {
            self.program.exit(&mut self.seen);
        }
    }
}

fn info_of(frame: &FrameIn) -> c::v4l2_rc_frame_info {
    let flag = |set, bit| if set { bit } else { 0 };
    let analysis = frame.analysis;
    c::v4l2_rc_frame_info {
        type_: match frame.frame_type {
            FrameType::I => c::v4l2_rc_frame_type_V4L2_RC_FRAME_I,
            FrameType::P => c::v4l2_rc_frame_type_V4L2_RC_FRAME_P,
        },
        flags: flag(frame.idr, c::V4L2_RC_FRAME_IDR)
            | flag(frame.undroppable, c::V4L2_RC_FRAME_UNDROPPABLE)
            | flag(frame.discontinuity, c::V4L2_RC_FRAME_DISCONTINUITY)
            | flag(analysis.is_some(), c::V4L2_RC_FRAME_ANALYSIS),
        temporal_layer: frame.layer.into(),
        duration_ns: frame.interval_ns,
        header_bits: frame.header_bits,
        max_bits: frame.max_bits,
        inter_cost: analysis.map_or(0, |analysis| analysis.inter),
        intra_cost: analysis.map_or(0, |analysis| analysis.intra),
        ref_distance: frame.distance,
        fixed_qp: frame.fixed_qp.unwrap_or(c::V4L2_RC_NO_QP),
    }
}

fn decision_of(begun: &Begun) -> c::v4l2_rc_decision {
    let decision = &begun.decision;
    c::v4l2_rc_decision {
        action: match decision.action {
            Action::Encode => c::v4l2_rc_action_V4L2_RC_ACTION_ENCODE,
            Action::Skip => c::v4l2_rc_action_V4L2_RC_ACTION_SKIP,
        },
        qp: decision.qp,
        min_qp: decision.min_qp,
        max_qp: decision.max_qp,
        target_bits: begun.cpb.map_or(0, |_| decision.target_bits),
        max_bits: decision.max_bits,
        predicted_bits: decision.predicted_bits,
        reasons: decision.reasons,
        cpb_fill: decision.fill,
        cpb_bits: begun.cpb.unwrap_or(0),
        cookie: decision.cookie,
        ..Default::default()
    }
}
