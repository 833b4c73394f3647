// SPDX-License-Identifier: GPL-2.0

//! What hardware may have beyond Constrained Baseline: CABAC of Main profile, and
//! several references for a picture. Where it has not, the streams show that the
//! parameters are adapted.

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
        Error,
        Result, //
    },
    h264,
    v4l2::{
        sys::control::ExtControl,
        uapi::*, //
    },
};

pub(super) const TESTS: &[Test] = &[
    (
        "CABAC of Main profile, where the hardware has it, in all its initial states",
        main_profile,
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
