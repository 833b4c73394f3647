// SPDX-License-Identifier: GPL-2.0

//! The structures of the C ABI: to those of [`crate::pure`], with what they may not contain
//! refused, and back.

use crate::{
    bindings as c,
    pure::{
        config::{
            Capabilities,
            Config,
            Content,
            Limits,
            Mode,
            SkipMode,
            MAX_LAYERS, //
        },
        cycle::Cycle,
        frame::{
            reason,
            Action,
            Analysis,
            FrameIn,
            FrameType,
            Judgement,
            Outcome,
            State,
            Verdict, //
        },
        hrd::Removal,
        scale::Scale,
        session::{
            Begun,
            Session, //
        }, //
    }, //
};
use kernel::prelude::*;

// What both sides have a number for.
const _: () = {
    assert!(c::V4L2_RC_MAX_OUTSTANDING as u64 == Cycle::MAX_OUTSTANDING);
    assert!(c::V4L2_RC_MAX_TEMPORAL_LAYERS as usize == MAX_LAYERS);
    assert!(c::V4L2_RC_MAX_MACROBLOCKS == Capabilities::MAX_MACROBLOCKS);
    assert!(c::V4L2_RC_MAX_BITRATE as u64 == Config::MAX_BITRATE);
    assert!(c::V4L2_RC_MAX_BITS == Config::MAX_BITS);
    assert!(c::V4L2_RC_MAX_TIME_NS == Config::MAX_NS);
    assert!(c::V4L2_RC_MAX_DURATION_NS == FrameIn::MAX_INTERVAL_NS);
    assert!(c::V4L2_RC_REASON_FIXED_QP == reason::FIXED_QP);
    assert!(c::V4L2_RC_REASON_INITIAL_QP == reason::INITIAL_QP);
    assert!(c::V4L2_RC_REASON_MIN_QP == reason::MIN_QP);
    assert!(c::V4L2_RC_REASON_MAX_QP == reason::MAX_QP);
    assert!(c::V4L2_RC_REASON_NEW_CONTENT == reason::NEW_CONTENT);
    assert!(c::V4L2_RC_REASON_CPB_FULL == reason::CPB_FULL);
    assert!(c::V4L2_RC_REASON_FLOOR == reason::FLOOR);
};

pub(crate) fn scale_of(codec: u32) -> Result<Scale> {
    match codec {
        c::v4l2_rc_codec_V4L2_RC_CODEC_H264 | c::v4l2_rc_codec_V4L2_RC_CODEC_HEVC => {
            Ok(Scale::Qp51)
        }
        c::v4l2_rc_codec_V4L2_RC_CODEC_VP8 => Ok(Scale::Index127),
        _ => Err(EINVAL),
    }
}

/// Refuses bits that mean nothing.
fn known(flags: u32, all: u32) -> Result {
    if flags & !all == 0 {
        Ok(())
    } else {
        Err(EINVAL)
    }
}

fn optional_qp(qp: i32) -> Option<i32> {
    (qp != c::V4L2_RC_NO_QP).then_some(qp)
}

pub(crate) fn capabilities_of(scale: Scale, caps: &c::v4l2_rc_caps) -> Result<Capabilities> {
    known(caps.levers, c::V4L2_RC_LEVER_ALL)?;
    if caps.max_checkpoints > c::V4L2_RC_MAX_CHECKPOINTS {
        return Err(EINVAL);
    }
    let lever = |bit| caps.levers & bit != 0;
    Ok(Capabilities {
        scale,
        macroblocks: caps.macroblocks,
        intra_floor_q8: caps.intra_floor_q8,
        hard_max: lever(c::V4L2_RC_LEVER_HARD_MAX),
        post_skip: lever(c::V4L2_RC_LEVER_POST_SKIP),
        post_drop: lever(c::V4L2_RC_LEVER_POST_DROP),
        filler: lever(c::V4L2_RC_LEVER_FILLER),
        skip_bits: caps.skip_bits,
    })
}

fn mode_of(mode: u32) -> Result<Mode> {
    Ok(match mode {
        c::v4l2_rc_mode_V4L2_RC_MODE_OFF => Mode::Fixed,
        c::v4l2_rc_mode_V4L2_RC_MODE_CBR => Mode::Cbr,
        c::v4l2_rc_mode_V4L2_RC_MODE_VBR => Mode::Vbr,
        c::v4l2_rc_mode_V4L2_RC_MODE_CQ => Mode::Quality,
        c::v4l2_rc_mode_V4L2_RC_MODE_CAPPED_CQ => Mode::CappedQuality,
        _ => return Err(EINVAL),
    })
}

fn skip_mode_of(mode: u32) -> Result<SkipMode> {
    Ok(match mode {
        c::v4l2_rc_skip_mode_V4L2_RC_SKIP_DISABLED => SkipMode::Disabled,
        c::v4l2_rc_skip_mode_V4L2_RC_SKIP_LEVEL => SkipMode::Level,
        c::v4l2_rc_skip_mode_V4L2_RC_SKIP_BUFFER => SkipMode::Buffer,
        _ => return Err(EINVAL),
    })
}

fn content_of(content: u32) -> Result<Content> {
    Ok(match content {
        c::v4l2_rc_content_V4L2_RC_CONTENT_CAMERA => Content::Camera,
        c::v4l2_rc_content_V4L2_RC_CONTENT_SCREEN => Content::Screen,
        _ => return Err(EINVAL),
    })
}

fn limits_of(limits: &c::v4l2_rc_limits) -> Limits {
    Limits {
        fixed_qp: limits.fixed_qp,
        min_qp: limits.min_qp,
        max_qp: limits.max_qp,
        max_bits: limits.max_bits.min(Config::MAX_BITS),
    }
}

pub(crate) fn config_of(config: &c::v4l2_rc_config) -> Result<Config> {
    known(config.flags, c::V4L2_RC_CONFIG_ALL)?;
    // The name of a program has an end.
    if !config.program.contains(&0) {
        return Err(EINVAL);
    }
    let flag = |bit| config.flags & bit != 0;
    let mode = mode_of(config.mode)?;
    let layers = match mode {
        // Nothing is counted for them.
        Mode::Fixed | Mode::Quality => c::V4L2_RC_MAX_TEMPORAL_LAYERS,
        _ => config.layers,
    };
    Ok(Config {
        mode,
        bitrate: config.bitrate,
        peak: config.peak_bitrate,
        window_ns: config.window_ns,
        cpb_ns: config.cpb_ns,
        cpb_bits: config.cpb_bits,
        level_cpb_bits: config.level_cpb_bits,
        initial_delay_ns: config.initial_delay_ns,
        strict: flag(c::V4L2_RC_CONFIG_STRICT),
        low_delay: flag(c::V4L2_RC_CONFIG_LOW_DELAY),
        max_delay_ns: config.max_delay_ns,
        hrd: flag(c::V4L2_RC_CONFIG_HRD),
        intra_safe: flag(c::V4L2_RC_CONFIG_INTRA_SAFE),
        filler: mode == Mode::Cbr && flag(c::V4L2_RC_CONFIG_FILLER),
        interval: (config.interval_num, config.interval_den),
        i: limits_of(&config.i),
        p: limits_of(&config.p),
        initial_qp: optional_qp(config.initial_qp),
        skip: skip_mode_of(config.skip_mode)?,
        max_skips: config.max_skips,
        layers: layers.try_into()?,
        layer_rates: config.layer_bitrates,
        content: content_of(config.content)?,
        // What no number of 8 bits can be is as much out of range as 0.
        quality: config.quality.try_into().unwrap_or(0),
    })
}

pub(crate) fn frame_of(info: &c::v4l2_rc_frame_info) -> Result<FrameIn> {
    known(info.flags, c::V4L2_RC_FRAME_ALL)?;
    let flag = |bit| info.flags & bit != 0;
    let frame_type = match info.type_ {
        c::v4l2_rc_frame_type_V4L2_RC_FRAME_I => FrameType::I,
        c::v4l2_rc_frame_type_V4L2_RC_FRAME_P => FrameType::P,
        _ => return Err(EINVAL),
    };
    let idr = flag(c::V4L2_RC_FRAME_IDR);
    if idr && frame_type != FrameType::I {
        return Err(EINVAL);
    }
    Ok(FrameIn {
        frame_type,
        idr,
        layer: info.temporal_layer.try_into()?,
        undroppable: idr || flag(c::V4L2_RC_FRAME_LONG_TERM) || flag(c::V4L2_RC_FRAME_UNDROPPABLE),
        reference: flag(c::V4L2_RC_FRAME_REFERENCE),
        discontinuity: flag(c::V4L2_RC_FRAME_DISCONTINUITY),
        interval_ns: info.duration_ns,
        distance: info.ref_distance,
        header_bits: info.header_bits,
        fixed_qp: optional_qp(info.fixed_qp),
        max_bits: info.max_bits.min(Config::MAX_BITS),
        analysis: flag(c::V4L2_RC_FRAME_ANALYSIS).then_some(Analysis {
            inter: info.inter_cost,
            intra: info.intra_cost,
        }),
    })
}

/// What is to be written when each of `count` equal parts of a picture is coded: the headers at
/// once, the rest evenly.
fn set_checkpoints(
    to: &mut [u32; c::V4L2_RC_MAX_CHECKPOINTS as usize],
    target: u64,
    header_bits: u64,
    count: u32,
) {
    *to = [0; c::V4L2_RC_MAX_CHECKPOINTS as usize];
    let Ok(target) = u32::try_from(target) else {
        return set_large_checkpoints(to, target, header_bits, count);
    };
    let headers = u32::try_from(header_bits).map_or(target, |headers| headers.min(target));
    let part = target.wrapping_sub(headers).checked_div(count).unwrap_or(0);
    let mut bits = headers;
    for checkpoint in to.iter_mut().take(count as usize) {
        // Never above the target.
        bits = bits.wrapping_add(part);
        *checkpoint = bits;
    }
}

/// The same with a target that 32 bits cannot express.
#[cold]
#[inline(never)]
fn set_large_checkpoints(
    to: &mut [u32; c::V4L2_RC_MAX_CHECKPOINTS as usize],
    target: u64,
    header_bits: u64,
    count: u32,
) {
    let headers = header_bits.min(target);
    let rest = target.saturating_sub(headers);
    let part = rest.checked_div(u64::from(count)).unwrap_or(0);
    let mut bits = headers;
    for checkpoint in to.iter_mut().take(count as usize) {
        bits = bits.saturating_add(part);
        *checkpoint = u32::try_from(bits).unwrap_or(u32::MAX);
    }
}

fn hrd_from(removal: &Removal) -> c::v4l2_rc_hrd {
    c::v4l2_rc_hrd {
        bit_rate: removal.bit_rate,
        cpb_bits: removal.cpb_bits,
        initial_removal_delay: removal.initial_delay,
        initial_removal_delay_offset: removal.initial_offset,
        removal_delay: removal.delay,
    }
}

/// What pictures with a configuration tell alike.
pub(crate) fn told_from(told: Option<(u64, u64)>) -> c::v4l2_rc_hrd {
    let (bit_rate, cpb_bits) = told.unwrap_or_default();
    c::v4l2_rc_hrd {
        bit_rate,
        cpb_bits,
        ..pin_init::zeroed()
    }
}

/// Writes what is decided where the driver reads it, each member once.
#[inline(always)]
pub(crate) fn decide(
    to: &mut c::v4l2_rc_decision,
    begun: &Begun,
    info: &c::v4l2_rc_frame_info,
    max_checkpoints: u32,
) {
    let decision = &begun.decision;
    let given = decision.reasons & reason::FIXED_QP != 0;
    let (min_qp, max_qp) = if given {
        (decision.qp, decision.qp)
    } else {
        (decision.min_qp, decision.max_qp)
    };
    let target_bits = begun.cpb.map_or(0, |_| decision.target_bits);
    let num_checkpoints = if given || target_bits == 0 || decision.action != Action::Encode {
        0
    } else {
        max_checkpoints
    };
    to.action = match decision.action {
        Action::Encode => c::v4l2_rc_action_V4L2_RC_ACTION_ENCODE,
        Action::Skip => c::v4l2_rc_action_V4L2_RC_ACTION_SKIP,
    };
    to.qp = decision.qp;
    to.min_qp = min_qp;
    to.max_qp = max_qp;
    to.target_bits = target_bits;
    to.max_bits = decision.max_bits;
    to.num_checkpoints = num_checkpoints;
    to.reasons = decision.reasons;
    to.predicted_bits = decision.predicted_bits;
    to.cpb_fill = decision.fill;
    to.cpb_bits = begun.cpb.unwrap_or(0);
    to.hrd = pin_init::zeroed();
    if let Some(removal) = &begun.removal {
        to.hrd = hrd_from(removal);
    }
    to.cookie = decision.cookie;
    set_checkpoints(
        &mut to.checkpoints,
        target_bits,
        info.header_bits,
        num_checkpoints,
    );
}

/// The bits of so many bytes; more than there can be is left to be refused.
pub(crate) fn bits_of(bytes: u64) -> u64 {
    bytes.saturating_mul(8)
}

pub(crate) fn outcome_of(result: &c::v4l2_rc_result) -> Result<Outcome> {
    known(result.valid, c::V4L2_RC_RESULT_ALL)?;
    if result.bytes == 0 {
        return Err(EINVAL);
    }
    Ok(Outcome {
        bits: bits_of(result.bytes),
        header_bits: result.header_bits,
        mean_qp_q8: (result.valid & c::V4L2_RC_RESULT_MEAN_QP != 0).then_some(result.mean_qp_q8),
        forced_skips: result.forced_skips,
    })
}

pub(crate) fn judge(to: &mut c::v4l2_rc_judgement, judgement: &Judgement) {
    to.verdict = match judgement.verdict {
        Verdict::Keep => c::v4l2_rc_verdict_V4L2_RC_VERDICT_KEEP,
        Verdict::ReplaceBySkip => c::v4l2_rc_verdict_V4L2_RC_VERDICT_REPLACE_SKIP,
        Verdict::Drop => c::v4l2_rc_verdict_V4L2_RC_VERDICT_DROP,
    };
    to.filler_bytes = judgement.filler_bytes;
    to.violation_bits = judgement.violation_bits;
    to.cpb_fill = judgement.fill;
    to.delay_ns = judgement.delay_ns;
}

pub(crate) fn state_from(session: &Session) -> c::v4l2_rc_state {
    const NOWHERE: State = State {
        fill: 0,
        cpb: 0,
        debt: 0,
        violation_bits: 0,
        delay_ns: 0,
    };
    let state = session.state().unwrap_or(NOWHERE);
    let counts = session.counts();
    c::v4l2_rc_state {
        cpb_fill: state.fill,
        cpb_bits: session.cpb().unwrap_or(0),
        delay_ns: state.delay_ns,
        debt: state.debt,
        // No more than `V4L2_RC_MAX_OUTSTANDING`.
        outstanding: session.outstanding() as u32,
        frames: counts.frames,
        bytes: counts.bits >> 3,
        skipped: counts.skipped,
        dropped: counts.dropped,
        cancelled: counts.cancelled,
        violations: counts.violations,
    }
}
