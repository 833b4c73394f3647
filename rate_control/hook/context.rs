// SPDX-License-Identifier: GPL-2.0

//! What BPF programs see and return, and what it is in this module.

use crate::{
    bindings as c,
    pure::{
        config::{
            Content,
            Limits,
            Mode,
            SkipMode, //
        },
        controller::Controller,
        frame::{
            Action,
            Analysis,
            Decision,
            FrameIn,
            FrameType, //
        },
        session::{
            Counts,
            Session, //
        },
        takeover::{
            Budget,
            Proposal, //
        },
    },
};
use core::mem::offset_of;

// The layout is the interface: nothing moves. `bpf_ops.c` asserts the same.
const _: () = {
    assert!(size_of::<c::v4l2_rc_bpf_limits>() == 16);
    assert!(size_of::<c::v4l2_rc_bpf_result>() == 208);
    assert!(offset_of!(c::v4l2_rc_bpf_result, valid) == 112);
    assert!(size_of::<c::v4l2_rc_bpf_session>() == 704);
    assert!(offset_of!(c::v4l2_rc_bpf_session, codec) == 128);
    assert!(offset_of!(c::v4l2_rc_bpf_session, last) == 224);
    assert!(size_of::<c::v4l2_rc_bpf_frame>() == 112);
    assert!(offset_of!(c::v4l2_rc_bpf_frame, type_) == 64);
    assert!(offset_of!(c::v4l2_rc_bpf_frame, ref_distance) == 80);
    assert!(size_of::<c::v4l2_rc_bpf_decision>() == 152);
    assert!(offset_of!(c::v4l2_rc_bpf_decision, predicted_bits) == 104);
    assert!(size_of::<c::v4l2_rc_bpf_budget>() == 48);
    assert!(offset_of!(c::v4l2_rc_ops, name) == 52);
    assert!(c::V4L2_RC_BPF_NAME_MAX == c::V4L2_RC_PROGRAM_MAX);
    assert!(c::V4L2_RC_BPF_MAX_CHECKPOINTS == c::V4L2_RC_MAX_CHECKPOINTS);
};

fn limits_from(limits: &Limits) -> c::v4l2_rc_bpf_limits {
    c::v4l2_rc_bpf_limits {
        // The highest wins.
        min_qp: limits.min_qp.min(limits.max_qp),
        max_qp: limits.max_qp,
        max_bits: limits.max_bits,
    }
}

/// What of a session changes with its hardware and its configuration.
pub(super) fn fill_session(
    to: &mut c::v4l2_rc_bpf_session,
    session: &Session,
    codec: u32,
    max_checkpoints: u32,
) {
    let flag = |set, bit| if set { bit } else { 0 };
    to.config_seq = session.version();
    to.codec = codec;
    to.codec_max_qp = session.scale().max();
    if let Some(controller) = session.built_in() {
        let caps = controller.capabilities();
        to.macroblocks = caps.macroblocks;
        to.intra_floor_q8 = caps.intra_floor_q8;
        to.skip_bits = caps.skip_bits;
        to.max_checkpoints = max_checkpoints;
        to.levers = flag(caps.hard_max, c::V4L2_RC_LEVER_HARD_MAX)
            | flag(caps.post_skip, c::V4L2_RC_LEVER_POST_SKIP)
            | flag(caps.post_drop, c::V4L2_RC_LEVER_POST_DROP)
            | flag(caps.filler, c::V4L2_RC_LEVER_FILLER);
    }
    let Some((config, budget)) = session.configured() else {
        return;
    };
    let all = budget.unwrap_or(Budget {
        bitrate: 0,
        cpb_bits: 0,
    });
    to.bitrate = all.bitrate;
    to.peak_bitrate = session.drain().unwrap_or(0);
    to.cpb_bits = all.cpb_bits;
    to.max_delay_ns = config.max_delay_ns;
    to.layer_bitrates = config.layer_rates;
    to.i = limits_from(&config.i);
    to.p = limits_from(&config.p);
    to.mode = match config.mode {
        Mode::Fixed => c::v4l2_rc_mode_V4L2_RC_MODE_OFF,
        Mode::Cbr => c::v4l2_rc_mode_V4L2_RC_MODE_CBR,
        Mode::Vbr => c::v4l2_rc_mode_V4L2_RC_MODE_VBR,
        Mode::Quality => c::v4l2_rc_mode_V4L2_RC_MODE_CQ,
        Mode::CappedQuality => c::v4l2_rc_mode_V4L2_RC_MODE_CAPPED_CQ,
    };
    to.flags = flag(config.strict, c::V4L2_RC_CONFIG_STRICT)
        | flag(config.low_delay, c::V4L2_RC_CONFIG_LOW_DELAY)
        | flag(config.filler, c::V4L2_RC_CONFIG_FILLER)
        | flag(config.intra_safe, c::V4L2_RC_CONFIG_INTRA_SAFE)
        | flag(config.hrd, c::V4L2_RC_CONFIG_HRD);
    to.skip_mode = match config.skip {
        SkipMode::Disabled => c::v4l2_rc_skip_mode_V4L2_RC_SKIP_DISABLED,
        SkipMode::Level => c::v4l2_rc_skip_mode_V4L2_RC_SKIP_LEVEL,
        SkipMode::Buffer => c::v4l2_rc_skip_mode_V4L2_RC_SKIP_BUFFER,
    };
    to.content = match config.content {
        Content::Camera => c::v4l2_rc_content_V4L2_RC_CONTENT_CAMERA,
        Content::Screen => c::v4l2_rc_content_V4L2_RC_CONTENT_SCREEN,
    };
    to.quality = config.quality.into();
    to.layers = config.layers.into();
    (to.interval_num, to.interval_den) = config.interval;
}

/// What of a session changes with programs, and with its configuration.
pub(super) fn update_budget(to: &mut c::v4l2_rc_bpf_session, session: &Session) {
    (to.budget_bitrate, to.budget_cpb_bits) = session
        .budget()
        .map_or((0, 0), |budget| (budget.bitrate, budget.cpb_bits));
}

/// What of a session changes with its pictures.
pub(super) fn update_session(to: &mut c::v4l2_rc_bpf_session, session: &Session) {
    if let Some(model) = session.built_in() {
        update_state(to, session.counts(), model);
    }
}

/// The same, of one that has started.
pub(super) fn update_state(to: &mut c::v4l2_rc_bpf_session, counts: &Counts, model: &Controller) {
    to.frames = counts.frames;
    to.bits = counts.bits;
    (to.cpb_fill, to.debt) = model.fill_and_debt();
}

/// A picture that begins.
///
/// Here and below, neighbours in both structures are read before they are written, which makes
/// one access of two.
pub(super) fn fill_frame(
    to: &mut c::v4l2_rc_bpf_frame,
    model: &Controller,
    interval_ns: u64,
    frame: &c::v4l2_rc_frame,
) {
    let (info, decision) = (&frame.info, &frame.decision);
    to.number = decision.cookie;
    to.duration_ns = match info.duration_ns {
        0 => interval_ns,
        ns => ns,
    };
    to.header_bits = info.header_bits;
    to.max_bits = info.max_bits;
    to.inter_cost = info.inter_cost;
    to.intra_cost = info.intra_cost;
    to.cpb_fill = decision.cpb_fill;
    to.share_bits = model.share();
    (to.type_, to.flags) = (info.type_, info.flags);
    to.temporal_layer = info.temporal_layer;
    to.fixed_qp = info.fixed_qp;
    to.ref_distance = info.ref_distance;
}

/// As much of a picture as the built-in model asks about.
pub(crate) fn frame_of(frame: &c::v4l2_rc_bpf_frame) -> FrameIn {
    FrameIn {
        layer: frame.temporal_layer.try_into().unwrap_or(0),
        discontinuity: frame.flags & c::V4L2_RC_FRAME_DISCONTINUITY != 0,
        distance: frame.ref_distance,
        analysis: (frame.flags & c::V4L2_RC_FRAME_ANALYSIS != 0).then_some(Analysis {
            inter: frame.inter_cost,
            intra: frame.intra_cost,
        }),
        ..FrameIn::new(match frame.type_ {
            c::v4l2_rc_frame_type_V4L2_RC_FRAME_I => FrameType::I,
            _ => FrameType::P,
        })
    }
}

/// The built-in decision.
pub(super) fn fill_decision(to: &mut c::v4l2_rc_bpf_decision, from: &c::v4l2_rc_decision) {
    to.qp = from.qp;
    to.action = from.action;
    (to.min_qp, to.max_qp) = (from.min_qp, from.max_qp);
    to.target_bits = from.target_bits;
    to.max_bits = from.max_bits;
    (to.num_checkpoints, to.reserved0) = (from.num_checkpoints, 0);
    // What a program has left in those that are not used is nothing to see for the next picture.
    to.checkpoints = from.checkpoints;
    to.predicted_bits = from.predicted_bits;
    to.reasons = from.reasons;
}

type Checkpoints = [u32; c::V4L2_RC_MAX_CHECKPOINTS as usize];

/// Whether a program has left the checkpoints of a decision alone.
#[inline(always)]
pub(super) fn same_checkpoints(
    theirs: &c::v4l2_rc_bpf_decision,
    ours: &c::v4l2_rc_decision,
) -> bool {
    theirs.num_checkpoints == ours.num_checkpoints
        && (ours.num_checkpoints == 0 || same_points(&theirs.checkpoints, &ours.checkpoints))
}

/// Compares two at a time: a call for so few costs more.
#[inline(always)]
fn same_points(theirs: &Checkpoints, ours: &Checkpoints) -> bool {
    let (theirs, ours) = (theirs.as_ptr().cast::<u64>(), ours.as_ptr().cast::<u64>());
    let mut differ = 0;
    for n in 0..size_of::<Checkpoints>() / size_of::<u64>() {
        // SAFETY: There are so many pairs in each, which are plain numbers.
        differ |= unsafe { theirs.add(n).read_unaligned() ^ ours.add(n).read_unaligned() };
    }
    differ == 0
}

/// Two numbers as one.
#[inline(always)]
fn wide(numbers: &[u32]) -> u64 {
    let numbers = numbers.iter().rev();
    numbers.fold(0, |wide, &number| (wide << 32) | u64::from(number))
}

/// Whether a program has left a decision alone.
#[inline(always)]
pub(super) fn is_unchanged(theirs: &c::v4l2_rc_bpf_decision, ours: &c::v4l2_rc_decision) -> bool {
    let range = |min_qp: i32, max_qp: i32| wide(&[min_qp as u32, max_qp as u32]);
    theirs.qp == ours.qp
        && theirs.action == ours.action
        && range(theirs.min_qp, theirs.max_qp) == range(ours.min_qp, ours.max_qp)
        && theirs.target_bits == ours.target_bits
        && theirs.max_bits == ours.max_bits
        && same_checkpoints(theirs, ours)
}

/// What a program wants of a picture about which `begun` was decided, and shown to it as `ours`.
/// What is no action is the usual one.
pub(super) fn proposal_of(
    theirs: &c::v4l2_rc_bpf_decision,
    ours: &c::v4l2_rc_decision,
    begun: &Decision,
) -> Proposal {
    // Of a picture with a given QP another range is shown.
    let or = |theirs, ours, begun| if theirs == ours { begun } else { theirs };
    Proposal {
        action: match theirs.action {
            c::v4l2_rc_action_V4L2_RC_ACTION_SKIP => Action::Skip,
            _ => Action::Encode,
        },
        qp: theirs.qp,
        min_qp: or(theirs.min_qp, ours.min_qp, begun.min_qp),
        max_qp: or(theirs.max_qp, ours.max_qp, begun.max_qp),
        target_bits: theirs.target_bits,
        max_bits: theirs.max_bits,
    }
}

/// The checkpoints of a program, where it has changed them, in a picture that has some or could.
///
/// Returns what the kernel has changed back.
pub(super) fn take_checkpoints(
    decision: &mut c::v4l2_rc_decision,
    theirs: &c::v4l2_rc_bpf_decision,
    max_checkpoints: u32,
) -> u32 {
    if decision.action != c::v4l2_rc_action_V4L2_RC_ACTION_ENCODE {
        return 0;
    }
    // A given QP is that of all of the picture.
    let most = if decision.reasons & c::V4L2_RC_REASON_FIXED_QP != 0 {
        0
    } else {
        max_checkpoints
    };
    let count = theirs.num_checkpoints.min(most);
    let mut clamped = count != theirs.num_checkpoints;
    decision.num_checkpoints = count;
    // They are cumulative: none is below the one before.
    let mut bits = 0;
    for (to, from) in decision
        .checkpoints
        .iter_mut()
        .zip(theirs.checkpoints)
        .take(count as usize)
    {
        clamped |= from < bits;
        bits = from.max(bits);
        *to = bits;
    }
    if clamped {
        c::V4L2_RC_BPF_CLAMP_CHECKPOINTS
    } else {
        0
    }
}

/// What of the bits within a picture that is coded is a program's: reasons.
pub(super) fn reasons_within(
    decision: &c::v4l2_rc_decision,
    theirs: &c::v4l2_rc_bpf_decision,
    our_target: u64,
    same_checkpoints: bool,
) -> u32 {
    let given = decision.reasons & c::V4L2_RC_REASON_FIXED_QP != 0;
    if given || decision.action != c::v4l2_rc_action_V4L2_RC_ACTION_ENCODE {
        return 0;
    }
    let reason = |set, bit| if set { bit } else { 0 };
    reason(
        theirs.target_bits != our_target && decision.target_bits != our_target,
        c::V4L2_RC_REASON_PROGRAM_TARGET,
    ) | reason(!same_checkpoints, c::V4L2_RC_REASON_PROGRAM_CHECKPOINTS)
}

/// A picture that is done, of which `bytes` went to the application, and about which all is as the
/// built-in controller has decided.
pub(super) fn fill_result(to: &mut c::v4l2_rc_bpf_result, frame: &c::v4l2_rc_frame, bytes: u64) {
    let (info, decision) = (&frame.info, &frame.decision);
    let (result, judgement) = (&frame.result, &frame.judgement);
    to.number = decision.cookie;
    to.bytes = bytes;
    to.coded_bytes = result.bytes;
    to.header_bits = result.header_bits;
    to.target_bits = decision.target_bits;
    to.max_bits = decision.max_bits;
    to.predicted_bits = decision.predicted_bits;
    to.cpb_fill = judgement.cpb_fill;
    to.cpb_bits = decision.cpb_bits;
    to.delay_ns = judgement.delay_ns;
    to.violation_bits = judgement.violation_bits;
    to.sad = result.sad;
    to.mad = result.mad;
    to.sse = result.sse;
    to.valid = result.valid;
    (to.type_, to.flags) = (info.type_, info.flags);
    to.temporal_layer = info.temporal_layer;
    to.action = decision.action;
    to.verdict = judgement.verdict;
    to.qp = decision.qp;
    to.builtin_qp = decision.qp;
    to.mean_qp_q8 = result.mean_qp_q8;
    to.reasons = decision.reasons;
    to.clamps = 0;
    (to.forced_skips, to.nonzero) = (result.forced_skips, result.nonzero);
    (to.intra_mbs, to.skip_mbs) = (result.intra_mbs, result.skip_mbs);
    to.filler_bytes = judgement.filler_bytes;
}
