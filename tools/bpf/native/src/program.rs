// SPDX-License-Identifier: GPL-2.0

//! The programs there are, and calls of their functions.

use crate::bindings as c;

#[allow(non_upper_case_globals)]
extern "C" {
    static qp_floor: c::v4l2_rc_ops;
    static low_delay: c::v4l2_rc_ops;
    static screen: c::v4l2_rc_ops;
    static fair_share: c::v4l2_rc_ops;
    static telemetry: c::v4l2_rc_ops;
}

/// A program that comes with slenc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// No picture is finer than a QP.
    QpFloor,
    /// A whole controller for a buffer of about one picture.
    LowDelay,
    /// For desktops and slides.
    Screen,
    /// Streams share an uplink.
    FairShare,
    /// Tells about every picture.
    Telemetry,
}

impl Program {
    fn ops(self) -> &'static c::v4l2_rc_ops {
        // SAFETY: The programs define them, and nothing changes them.
        unsafe {
            match self {
                Self::QpFloor => &qp_floor,
                Self::LowDelay => &low_delay,
                Self::Screen => &screen,
                Self::FairShare => &fair_share,
                Self::Telemetry => &telemetry,
            }
        }
    }

    /// Whether the program takes the session.
    pub(crate) fn init(self, session: &mut c::v4l2_rc_bpf_session) -> bool {
        match self.ops().init {
            // SAFETY: The program takes a session.
            Some(init) => unsafe { init(session) == 0 },
            None => true,
        }
    }

    pub(crate) fn exit(self, session: &mut c::v4l2_rc_bpf_session) {
        if let Some(exit) = self.ops().exit {
            // SAFETY: The program takes a session.
            unsafe { exit(session) }
        }
    }

    /// Whether the program says what the session may use.
    pub(crate) fn budget(
        self,
        session: &mut c::v4l2_rc_bpf_session,
        budget: &mut c::v4l2_rc_bpf_budget,
    ) -> bool {
        match self.ops().budget {
            // SAFETY: The program takes a session and its budget.
            Some(ask) => unsafe { ask(session, budget) == 0 },
            None => false,
        }
    }

    /// Whether the program has decided.
    pub(crate) fn begin(
        self,
        session: &mut c::v4l2_rc_bpf_session,
        frame: &c::v4l2_rc_bpf_frame,
        decision: &mut c::v4l2_rc_bpf_decision,
    ) -> bool {
        match self.ops().frame_begin {
            // SAFETY: The program takes a session, a picture and a decision.
            Some(ask) => unsafe { ask(session, frame, decision) == 0 },
            None => false,
        }
    }

    pub(crate) fn end(self, session: &mut c::v4l2_rc_bpf_session) {
        if let Some(tell) = self.ops().frame_end {
            let result = session.last;
            // SAFETY: The program takes a session and a result.
            unsafe { tell(session, &result) }
        }
    }
}
