// SPDX-License-Identifier: GPL-2.0

//! Rate control, shared by encoder drivers.
//!
//! C header: `include/media/v4l2-rate-control.h`, which describes what the calls do and when they
//! fail.

use crate::{
    bindings as c,
    v4l2::ctrl::FrameControls, //
};
use core::ptr::NonNull;
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*, //
};

/// The most bits that anything has.
const MAX_BITS: u64 = c::V4L2_RC_MAX_BITS;

/// Codec of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// H.264 with 8 bits a sample.
    H264,
}

/// What the hardware, and its driver, can do for a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Macroblocks of a picture.
    pub macroblocks: u32,
    /// [`Verdict::ReplaceSkip`] can be carried out.
    pub post_skip: bool,
    /// Filler data can be appended.
    pub filler: bool,
    /// No picture exceeds its [`Frame::max_bits`].
    pub hard_max: bool,
    /// At how many points within a picture QP can change.
    pub checkpoints: u32,
    /// Bits that a macroblock of an I picture takes at the least, times 256.
    pub intra_floor_q8: u32,
    /// Most bits of a P picture that only skips, without its headers.
    pub skip_bits: u32,
}

/// The parameters of a session.
#[derive(Clone, Copy)]
pub struct Config(pub(crate) c::v4l2_rc_config);

impl Config {
    /// Whether a bit of `V4L2_RC_CONFIG_*` is set.
    fn has(&self, flag: u32) -> bool {
        self.0.flags & flag != 0
    }

    /// Sets how long a picture lasts, in seconds: at the least 1 ms, at the most 1001 s.
    ///
    /// With another interval, which is brought into this range, the stream must not describe the
    /// decoder's buffer: it counts in the intervals that it says, and they are not those of the
    /// rate control.
    pub fn set_interval(&mut self, numerator: u32, denominator: u32) {
        let (num, den) = (u64::from(numerator), u64::from(denominator));
        let limit = if num.saturating_mul(1000) < den {
            Some((1, 1000))
        } else if den.saturating_mul(1001) < num {
            Some((1001, 1))
        } else {
            None
        };
        if limit.is_some() {
            self.0.flags &= !c::V4L2_RC_CONFIG_HRD;
        }
        let (num, den) = limit.unwrap_or((numerator, denominator));
        self.0.interval_num = num;
        self.0.interval_den = den;
    }

    /// Rate and size of the coded picture buffer, if the stream is to say them: rounded as those of
    /// [`Removal`] are.
    pub fn buffer(&self) -> Result<Option<(u64, u64)>> {
        let mut hrd = pin_init::zeroed::<c::v4l2_rc_hrd>();
        // SAFETY: Both are valid during the call.
        to_result(unsafe { c::v4l2_rc_config_hrd(&self.0, &mut hrd) })?;
        Ok(non_zero(hrd.bit_rate).map(|rate| (rate, hrd.cpb_bits)))
    }

    /// Sets the largest coded picture buffer that the level of the stream allows.
    pub fn set_level_cpb(&mut self, bits: u64) {
        self.0.level_cpb_bits = bits;
    }

    /// There is nothing that filler data can be written with.
    pub fn forbid_filler(&mut self) {
        self.0.flags &= !c::V4L2_RC_CONFIG_FILLER;
    }

    /// Whether sizes follow from a rate: it helps then to know what a picture costs.
    pub fn has_rate(&self) -> bool {
        matches!(
            self.0.mode,
            c::v4l2_rc_mode_V4L2_RC_MODE_CBR
                | c::v4l2_rc_mode_V4L2_RC_MODE_VBR
                | c::v4l2_rc_mode_V4L2_RC_MODE_CAPPED_CQ
        )
    }

    /// Whether bits are to enter the decoder's buffer all the time.
    pub fn is_constant_rate(&self) -> bool {
        self.0.mode == c::v4l2_rc_mode_V4L2_RC_MODE_CBR && self.has(c::V4L2_RC_CONFIG_FILLER)
    }

    /// Whether a picture may reach a decoder late.
    pub fn is_low_delay(&self) -> bool {
        self.has(c::V4L2_RC_CONFIG_LOW_DELAY)
    }
}

/// Type of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// Intra only.
    I,
    /// Predicted from other pictures.
    P,
}

/// What a picture costs, in units that stay the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// How much it differs from the best prediction that a P picture has.
    pub inter: u64,
    /// How much from intra prediction.
    pub intra: u64,
}

/// What is known of a picture before it is coded.
#[derive(Clone, Copy, Debug)]
pub struct FrameInfo {
    /// Type.
    pub frame_type: FrameType,
    /// It is an IDR picture.
    pub idr: bool,
    /// Later pictures may refer to it.
    pub reference: bool,
    /// It becomes a long-term reference, or marks others.
    pub long_term: bool,
    /// How many pictures back the newest of its references is; 0 where it has none.
    pub ref_distance: u32,
    /// Upper bound of everything that is no slice data.
    pub header_bits: u64,
    /// Bytes that there is room for.
    pub room: usize,
    /// What its controls say.
    pub controls: FrameControls,
    /// What it costs, where it was measured.
    pub analysis: Option<Analysis>,
}

/// How a picture is to be coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// As it is.
    Encode,
    /// All of it is skipped.
    Skip,
}

/// What the stream tells decoders about the coded picture buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Bits a second.
    pub bit_rate: u64,
    /// Size of the buffer.
    pub cpb_bits: u64,
    /// initial_cpb_removal_delay and its offset, if a buffering period begins here.
    pub initial_delay: (u32, u32),
    /// cpb_removal_delay.
    pub removal_delay: u32,
}

/// How a picture was coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Size of the access unit.
    pub bytes: u32,
    /// How much of it are headers.
    pub header_bits: u32,
    /// Mean QP of the macroblocks, times 256.
    pub mean_qp_q8: u32,
    /// Transform coefficient levels that are not 0.
    pub nonzero: u32,
    /// Intra macroblocks.
    pub intra_mbs: u32,
    /// Skipped macroblocks.
    pub skip_mbs: u32,
    /// Sum of absolute differences of source and prediction, luma, where there is a source.
    pub sad: Option<u64>,
    /// Sum of absolute differences of source and the mean of its macroblock, likewise.
    pub mad: Option<u64>,
    /// Sum of squared errors of luma, where it is known.
    pub sse: Option<u64>,
    /// Macroblocks that the hardware coded with the fewest bits for want of room.
    pub forced_skips: u32,
}

/// What is to be done with a coded picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The application gets it.
    Keep,
    /// A picture that only skips takes its place.
    ReplaceSkip,
}

/// What a BPF program had to do with a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// It was asked.
    pub asked: bool,
    /// Some of what it wanted was changed back.
    pub clamped: bool,
    /// It gave an error or took too long.
    pub failed: bool,
    /// It is not asked any more.
    pub ejected: bool,
}

/// What a BPF program wants of the bits within a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramTarget<'a> {
    /// The size to aim at; 0 for none.
    pub bits: u64,
    /// Where it has changed these: what is to be written, headers included, after each of as many
    /// equal parts of the picture. Without any, QP is to be the same for all of it.
    pub checkpoints: Option<&'a [u32]>,
}

/// What the coded picture buffer holds after a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpb {
    /// What is coded and not sent.
    pub fill: u64,
    /// Its size.
    pub bits: u64,
    /// By how much the picture exceeds it.
    pub violation: u64,
}

/// A picture that has begun.
///
/// It is ended and committed, or cancelled. One that is merely dropped holds up those that began
/// after it until the session is reset.
#[must_use]
pub struct Frame(KBox<c::v4l2_rc_frame>);

impl Frame {
    /// What is to be done.
    pub fn action(&self) -> Action {
        match self.0.decision.action {
            c::v4l2_rc_action_V4L2_RC_ACTION_SKIP => Action::Skip,
            _ => Action::Encode,
        }
    }

    /// QP that the picture starts with.
    pub fn qp(&self) -> i32 {
        self.0.decision.qp
    }

    /// The lowest and the highest QP of any block.
    pub fn qps(&self) -> (i32, i32) {
        (self.0.decision.min_qp, self.0.decision.max_qp)
    }

    /// The size above which the picture violates the CPB, and no less than is aimed at, if its QP
    /// may change for that.
    pub fn room(&self) -> Option<u64> {
        let decision = &self.0.decision;
        let room = decision.cpb_bits.saturating_sub(decision.cpb_fill);
        // What is aimed at may be more when a queue may be longer than the CPB, or already is.
        (decision.num_checkpoints != 0).then_some(room.max(decision.target_bits))
    }

    /// The size that is aimed at, if any is.
    pub fn target_bits(&self) -> Option<u64> {
        non_zero(self.0.decision.target_bits)
    }

    /// The size that the picture probably has, if there is a target.
    pub fn predicted_bits(&self) -> Option<u64> {
        self.target_bits()?;
        non_zero(self.0.decision.predicted_bits)
    }

    /// The size that is allowed, if that is limited.
    pub fn max_bits(&self) -> Option<u64> {
        non_zero(self.0.decision.max_bits)
    }

    /// What the stream tells decoders, if it does.
    pub fn removal(&self) -> Option<Removal> {
        let hrd = &self.0.decision.hrd;
        (hrd.bit_rate != 0).then_some(Removal {
            bit_rate: hrd.bit_rate,
            cpb_bits: hrd.cpb_bits,
            initial_delay: (hrd.initial_removal_delay, hrd.initial_removal_delay_offset),
            removal_delay: hrd.removal_delay,
        })
    }

    /// Size of the filler data that is to follow the picture, once it has ended; less the size of the
    /// picture that takes its place.
    pub fn filler_bytes(&self) -> u64 {
        self.0.judgement.filler_bytes
    }

    /// What a BPF program wants within the picture, where it has changed some of that.
    pub fn program_target(&self) -> Option<ProgramTarget<'_>> {
        let decision = &self.0.decision;
        let has = |bit| decision.reasons & bit != 0;
        let checkpoints = has(c::V4L2_RC_REASON_PROGRAM_CHECKPOINTS).then(|| {
            let count = usize::try_from(decision.num_checkpoints).unwrap_or(0);
            decision.checkpoints.get(..count).unwrap_or_default()
        });
        let any = checkpoints.is_some() || has(c::V4L2_RC_REASON_PROGRAM_TARGET);
        any.then_some(ProgramTarget {
            bits: decision.target_bits,
            checkpoints,
        })
    }

    /// What a BPF program had to do with the picture.
    pub fn program(&self) -> Program {
        let has = |bit| self.0.decision.reasons & bit != 0;
        Program {
            asked: has(c::V4L2_RC_REASON_PROGRAM),
            clamped: has(c::V4L2_RC_REASON_PROGRAM_CLAMPED),
            failed: has(c::V4L2_RC_REASON_PROGRAM_FAILED),
            ejected: has(c::V4L2_RC_REASON_PROGRAM_EJECTED),
        }
    }

    /// The coded picture buffer, if there is one, once the picture is committed.
    pub fn cpb(&self) -> Option<Cpb> {
        let bits = non_zero(self.0.decision.cpb_bits)?;
        let judgement = &self.0.judgement;
        Some(Cpb {
            fill: judgement.cpb_fill,
            bits,
            violation: judgement.violation_bits,
        })
    }
}

fn non_zero(bits: u64) -> Option<u64> {
    (bits != 0).then_some(bits)
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
    /// Allocates a session. It has to be started and configured before its first picture.
    pub fn new(codec: Codec) -> Result<Self> {
        let codec = match codec {
            Codec::H264 => c::v4l2_rc_codec_V4L2_RC_CODEC_H264,
        };
        // SAFETY: The function has no preconditions.
        let session = from_err_ptr(unsafe { c::v4l2_rc_session_alloc(codec) })?;
        // INVARIANT: As allocated.
        NonNull::new(session).map(Self).ok_or(ENOMEM)
    }

    /// A stream starts: pictures that have begun are forgotten.
    pub fn start(&self, caps: &Caps) -> Result {
        let levers = [
            (caps.post_skip, c::V4L2_RC_LEVER_POST_SKIP),
            (caps.filler, c::V4L2_RC_LEVER_FILLER),
            (caps.hard_max, c::V4L2_RC_LEVER_HARD_MAX),
        ];
        let caps = c::v4l2_rc_caps {
            macroblocks: caps.macroblocks,
            levers: bits(&levers),
            max_checkpoints: caps.checkpoints,
            intra_floor_q8: caps.intra_floor_q8,
            skip_bits: caps.skip_bits,
        };
        // SAFETY: By the type invariant, and `caps` is valid during the call.
        to_result(unsafe { c::v4l2_rc_session_start(self.0.as_ptr(), &caps) })
    }

    /// Sets what applies to the pictures that begin from now on.
    pub fn configure(&self, config: &Config) -> Result {
        // SAFETY: By the type invariant, and `config` is valid during the call.
        to_result(unsafe { c::v4l2_rc_session_configure(self.0.as_ptr(), &config.0) })
    }

    /// Pictures that have begun are forgotten, and what was learnt.
    pub fn reset(&self) {
        // SAFETY: By the type invariant.
        unsafe { c::v4l2_rc_session_reset(self.0.as_ptr()) }
    }

    /// Decides how to code a picture.
    pub fn begin(&self, info: &FrameInfo) -> Result<Frame> {
        let controls = &info.controls;
        let flags = [
            (info.idr, c::V4L2_RC_FRAME_IDR),
            (info.reference, c::V4L2_RC_FRAME_REFERENCE),
            (info.long_term, c::V4L2_RC_FRAME_LONG_TERM),
            (controls.undroppable, c::V4L2_RC_FRAME_UNDROPPABLE),
            (controls.discontinuity, c::V4L2_RC_FRAME_DISCONTINUITY),
            (info.analysis.is_some(), c::V4L2_RC_FRAME_ANALYSIS),
        ];
        // Boxed: it is large for a stack.
        let mut frame = Frame(KBox::init(pin_init::init_zeroed(), GFP_KERNEL)?);
        frame.0.info = c::v4l2_rc_frame_info {
            type_: match info.frame_type {
                FrameType::I => c::v4l2_rc_frame_type_V4L2_RC_FRAME_I,
                FrameType::P => c::v4l2_rc_frame_type_V4L2_RC_FRAME_P,
            },
            flags: bits(&flags),
            fixed_qp: controls.fixed_qp.unwrap_or(c::V4L2_RC_NO_QP),
            temporal_layer: controls.temporal_layer,
            duration_ns: match controls.duration {
                Some(duration) => duration.as_nanos().try_into()?,
                None => 0,
            },
            header_bits: info.header_bits,
            max_bits: u64::try_from(info.room)?.saturating_mul(8).min(MAX_BITS),
            inter_cost: info.analysis.map_or(0, |analysis| analysis.inter),
            intra_cost: info.analysis.map_or(0, |analysis| analysis.intra),
            ref_distance: info.ref_distance,
        };
        // SAFETY: By the type invariant, and `frame` is ours.
        to_result(unsafe { c::v4l2_rc_frame_begin(self.0.as_ptr(), &mut *frame.0) })?;
        Ok(frame)
    }

    /// Judges a coded picture.
    pub fn end(&self, frame: &mut Frame, outcome: &Outcome) -> Result<Verdict> {
        let valid = [
            (true, c::V4L2_RC_RESULT_MEAN_QP),
            (true, c::V4L2_RC_RESULT_NONZERO),
            (outcome.sad.is_some(), c::V4L2_RC_RESULT_SAD),
            (outcome.mad.is_some(), c::V4L2_RC_RESULT_MAD),
            (true, c::V4L2_RC_RESULT_MBS),
            (outcome.sse.is_some(), c::V4L2_RC_RESULT_SSE),
        ];
        frame.0.result = c::v4l2_rc_result {
            valid: bits(&valid),
            bytes: outcome.bytes.into(),
            header_bits: outcome.header_bits.into(),
            mean_qp_q8: outcome.mean_qp_q8.try_into()?,
            forced_skips: outcome.forced_skips,
            nonzero: outcome.nonzero,
            intra_mbs: outcome.intra_mbs,
            skip_mbs: outcome.skip_mbs,
            sad: outcome.sad.unwrap_or(0),
            mad: outcome.mad.unwrap_or(0),
            sse: outcome.sse.unwrap_or(0),
        };
        // SAFETY: By the type invariant, and `frame` is borrowed exclusively.
        to_result(unsafe { c::v4l2_rc_frame_end(self.0.as_ptr(), &mut *frame.0) })?;
        match frame.0.judgement.verdict {
            c::v4l2_rc_verdict_V4L2_RC_VERDICT_KEEP => Ok(Verdict::Keep),
            c::v4l2_rc_verdict_V4L2_RC_VERDICT_REPLACE_SKIP => Ok(Verdict::ReplaceSkip),
            // Of a lever that nobody was told of.
            _ => Err(EINVAL),
        }
    }

    /// A picture takes more than the `bytes` that there is room for. It is then to be cancelled, and
    /// what is learnt here stays: the next one is smaller.
    pub fn end_too_large(&self, frame: &mut Frame, bytes: u32) -> Result {
        frame.0.result = c::v4l2_rc_result {
            // How much more is not known.
            bytes: u64::from(bytes).saturating_mul(2).clamp(1, MAX_BITS / 8),
            ..pin_init::zeroed()
        };
        // SAFETY: By the type invariant, and `frame` is borrowed exclusively.
        to_result(unsafe { c::v4l2_rc_frame_end(self.0.as_ptr(), &mut *frame.0) })
    }

    /// The verdict on a picture has been carried out: so many bytes go to the application.
    pub fn commit(&self, frame: &mut Frame, bytes: u64) -> Result {
        // SAFETY: By the type invariant, and `frame` is borrowed exclusively.
        to_result(unsafe { c::v4l2_rc_frame_commit(self.0.as_ptr(), &mut *frame.0, bytes) })
    }

    /// A picture will not be.
    pub fn cancel(&self, frame: Frame) -> Result {
        // SAFETY: By the type invariant, and `frame` is ours.
        to_result(unsafe { c::v4l2_rc_frame_cancel(self.0.as_ptr(), &*frame.0) })
    }
}

/// The flags that are to be set.
fn bits(flags: &[(bool, u32)]) -> u32 {
    flags
        .iter()
        .filter(|(set, _)| *set)
        .fold(0, |all, (_, flag)| all | flag)
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; nothing can use it any more.
        unsafe { c::v4l2_rc_session_free(self.0.as_ptr()) }
    }
}
