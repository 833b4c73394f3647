// SPDX-License-Identifier: GPL-2.0

//! What hardware may have beyond Constrained Baseline: CABAC of Main profile, the 8x8
//! transform of High profile, and several references for a picture. Where it has not,
//! the streams show that the parameters are adapted.

use super::{
    recorder::{
        keep,
        Picture,
        Recorder, //
    },
    Test, //
};
use crate::{
    encoder::{
        idr,
        predicted,
        Encoder,
        Params,
        SIZE, //
    },
    expect::{
        ensure,
        equal, //
    },
    references::{
        long_term,
        named,
        plain, //
    },
};
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    h264,
    v4l2::{
        sys::control::{
            ExtControl,
            Which, //
        },
        uapi::*, //
    },
};

pub(super) const TESTS: &[Test] = &[
    (
        "CABAC of Main profile, where the hardware has it, in all its initial states",
        main_profile,
    ),
    (
        "the 8x8 transform of High profile, where the hardware has it, with CAVLC and CABAC",
        high_profile,
    ),
    (
        "High profile without the 8x8 transform has a chroma QP offset for Cr",
        chroma_offsets,
    ),
    (
        "CABAC and CAVLC in turns, by picture parameter sets",
        entropy_coding_in_turns,
    ),
    (
        "as many references for a picture as the hardware takes, in any order",
        several_references,
    ),
];

const SPS: u8 = 0x67;
const PPS: u8 = 0x68;

fn sps() -> v4l2_ctrl_h264_sps {
    v4l2_ctrl_h264_sps {
        profile_idc: 77,
        max_num_ref_frames: 4,
        ..h264::sps(SIZE.0, SIZE.1, (25, 1))
    }
}

fn cabac() -> v4l2_ctrl_h264_pps {
    let pps = h264::pps();
    v4l2_ctrl_h264_pps {
        flags: pps.flags | V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE as u16,
        ..pps
    }
}

/// The first byte after the header of a parameter set.
fn first_byte(picture: &Picture, header: u8) -> Result<u8> {
    picture
        .bytes
        .windows(5)
        .find(|bytes| bytes[..4] == [0, 0, 1, header])
        .map(|bytes| bytes[4])
        .ok_or_else(|| Error::new(format!("there is no NAL unit {header:#x}")))
}

fn main_profile() -> Result<()> {
    let mut recorder = Recorder::with(SIZE, &sps(), &cabac())?;
    let main = recorder.encoder.codes_main();
    let mut pictures = vec![recorder.code(&idr(), &plain(), &mut [])?];
    let profile_idc = first_byte(&pictures[0], SPS)?;
    equal("profile_idc", profile_idc, if main { 77 } else { 66 })?;
    // Both ids are 0, a bit each.
    let entropy_coding_mode_flag = first_byte(&pictures[0], PPS)? & 0x20 != 0;
    equal("entropy_coding_mode_flag", entropy_coding_mode_flag, main)?;
    for qp in [0, 14, 28, 40, 51] {
        for (cabac_init_idc, slice_mbs) in [(0, 99), (1, 22), (2, 11)] {
            let params = Params {
                cabac_init_idc,
                ..predicted()
            };
            let mut values = [
                ExtControl::int(V4L2_CID_STATELESS_ENC_FRAME_QP, qp),
                ExtControl::int(
                    V4L2_CID_MPEG_VIDEO_MULTI_SLICE_MODE,
                    V4L2_MPEG_VIDEO_MULTI_SLICE_MODE_MAX_MB as i32,
                ),
                ExtControl::int(V4L2_CID_MPEG_VIDEO_MULTI_SLICE_MAX_MB, slice_mbs),
            ];
            pictures.push(recorder.code(&params, &plain(), &mut values)?);
        }
        let mut value = [ExtControl::int(V4L2_CID_STATELESS_ENC_FRAME_QP, qp)];
        pictures.push(recorder.code(&idr(), &plain(), &mut value)?);
    }
    keep("main", &pictures)
}

/// What High profile has: the flags of its PPS but for CABAC, and the chroma QP offset of Cr.
fn high(flags: u32) -> (v4l2_ctrl_h264_sps, v4l2_ctrl_h264_pps) {
    let pps = h264::pps();
    (
        v4l2_ctrl_h264_sps {
            profile_idc: 100,
            ..sps()
        },
        v4l2_ctrl_h264_pps {
            chroma_qp_index_offset: -4,
            second_chroma_qp_index_offset: 6,
            flags: pps.flags | flags as u16,
            ..pps
        },
    )
}

/// Expects that the hardware codes with what was asked for, or with the nearest that it has.
fn shows_high(encoder: &Encoder, transform_8x8: bool) -> Result<()> {
    let (high, main) = (encoder.codes_high(), encoder.codes_main());
    let sps: v4l2_ctrl_h264_sps = encoder
        .compound(Which::Current, V4L2_CID_STATELESS_H264_SPS)
        .map_err(|err| err.source)
        .context("SPS")?;
    let pps: v4l2_ctrl_h264_pps = encoder
        .compound(Which::Current, V4L2_CID_STATELESS_H264_PPS)
        .map_err(|err| err.source)
        .context("PPS")?;
    let profile_idc = match (high, main) {
        (true, _) => 100,
        (_, true) => 77,
        _ => 66,
    };
    equal("profile_idc", sps.profile_idc, profile_idc)?;
    let has = u32::from(pps.flags) & V4L2_H264_PPS_FLAG_TRANSFORM_8X8_MODE != 0;
    equal("transform_8x8_mode_flag", has, high && transform_8x8)?;
    let second = if high { 6 } else { -4 };
    equal(
        "second_chroma_qp_index_offset",
        pps.second_chroma_qp_index_offset,
        second,
    )
}

fn high_profile() -> Result<()> {
    let transform = V4L2_H264_PPS_FLAG_TRANSFORM_8X8_MODE;
    for (name, flags) in [
        ("high-cavlc", transform),
        (
            "high-cabac",
            transform | V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE,
        ),
    ] {
        let (sps, pps) = high(flags);
        let mut recorder = Recorder::with(SIZE, &sps, &pps)?;
        let mut pictures = Vec::new();
        for qp in [0, 14, 28, 40, 51] {
            for params in [idr(), predicted(), predicted()] {
                let mut value = [ExtControl::int(V4L2_CID_STATELESS_ENC_FRAME_QP, qp)];
                pictures.push(recorder.code(&params, &plain(), &mut value)?);
            }
        }
        shows_high(&recorder.encoder, true)?;
        keep(name, &pictures)?;
    }
    Ok(())
}

fn chroma_offsets() -> Result<()> {
    let (sps, pps) = high(0);
    let mut recorder = Recorder::with(SIZE, &sps, &pps)?;
    let pictures = vec![
        recorder.code(&idr(), &plain(), &mut [])?,
        recorder.code(&predicted(), &plain(), &mut [])?,
    ];
    shows_high(&recorder.encoder, false)?;
    keep("chroma-offsets", &pictures)
}

fn entropy_coding_in_turns() -> Result<()> {
    let mut recorder = Recorder::with(SIZE, &sps(), &cabac())?;
    let mut pictures = vec![recorder.code(&idr(), &plain(), &mut [])?];
    for picture in 0..8 {
        let id = picture % 2;
        let mut pps = v4l2_ctrl_h264_pps {
            pic_parameter_set_id: id,
            ..if id == 0 { cabac() } else { h264::pps() }
        };
        let params = Params {
            pic_parameter_set_id: id,
            ..if picture == 5 { idr() } else { predicted() }
        };
        let mut value = [ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps)];
        pictures.push(recorder.code(&params, &plain(), &mut value)?);
    }
    keep("entropy-coding-in-turns", &pictures)
}

fn several_references() -> Result<()> {
    let mut recorder = Recorder::with(SIZE, &sps(), &cabac())?;
    let list0 = recorder
        .encoder
        .value(V4L2_CID_STATELESS_ENC_MAX_LIST0)?
        .try_into()
        .unwrap_or(0usize);
    ensure!(list0 > 0, "MAX_LIST0 is {list0}");
    // The first picture stays as a long-term reference, the others go by.
    let mut pictures = vec![recorder.code(&idr(), &long_term(plain(), 0), &mut [])?];
    for name in 2..14u64 {
        let mut names: Vec<u64> = (name.saturating_sub(3).max(2)..name).collect();
        names.push(1);
        // Another order each time: the newest, the oldest or the long-term one is first.
        let count = names.len();
        names.rotate_left(name as usize % count);
        names.truncate(list0);
        pictures.push(recorder.code(&predicted(), &named(&names), &mut [])?);
    }
    // All that there are, in the order that the driver gives them.
    let params = Params {
        num_ref_idx_l0_active_minus1: (list0 - 1) as u8,
        flags: predicted().flags | V4L2_H264_ENCODE_FLAG_NUM_REF_IDX_ACTIVE_OVERRIDE,
        ..predicted()
    };
    for _ in 0..4 {
        pictures.push(recorder.code(&params, &plain(), &mut [])?);
    }
    keep("several-references", &pictures)
}
