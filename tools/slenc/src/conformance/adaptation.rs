// SPDX-License-Identifier: GPL-2.0

//! Encoding: what cannot be coded is adapted, and shown.

use super::{
    changes::resize,
    encoder::{
        Encoder,
        Params,
        Target, //
    },
    expect::{
        ensure,
        equal,
        Outcome, //
    },
    stream::{
        Picture,
        Stream, //
    },
    Test,
};
use crate::{
    h264,
    v4l2::{
        device::CAPTURE,
        sys::control::Which,
        uapi::*, //
    },
};

pub(super) const TESTS: &[Test] = &[
    ("ENC-ADP-1", adapted),
    ("ENC-ADP-2", shown),
    ("ENC-ADP-3", settled),
    ("ENC-ADP-4", params_stay),
    ("ENC-ADP-5", asked_for_stays),
];

/// Parameter sets that few encoders can code.
fn wishes(stream: &Stream) -> Outcome<Vec<(v4l2_ctrl_h264_sps, v4l2_ctrl_h264_pps)>> {
    let (sps, pps) = stream.encoder.parameter_sets()?;
    let all = V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE
        | V4L2_H264_PPS_FLAG_WEIGHTED_PRED
        | V4L2_H264_PPS_FLAG_CONSTRAINED_INTRA_PRED
        | V4L2_H264_PPS_FLAG_TRANSFORM_8X8_MODE
        | V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT;
    let mut rich = pps;
    rich.flags = all as u16;
    rich.weighted_bipred_idc = 2;
    rich.num_ref_idx_l0_default_active_minus1 = 3;
    rich.chroma_qp_index_offset = 3;
    rich.second_chroma_qp_index_offset = -2;
    let mut small = rich;
    small.flags &= !(V4L2_H264_PPS_FLAG_TRANSFORM_8X8_MODE as u16);
    let sps_with = |profile_idc: u8, references: u8| v4l2_ctrl_h264_sps {
        profile_idc,
        constraint_set_flags: 0,
        level_idc: 62,
        max_num_ref_frames: references,
        pic_width_in_mbs_minus1: 400,
        ..sps
    };
    let deep = v4l2_ctrl_h264_sps {
        chroma_format_idc: 3,
        bit_depth_luma_minus8: 2,
        bit_depth_chroma_minus8: 2,
        ..sps_with(244, 16)
    };
    let cyclic = v4l2_ctrl_h264_sps {
        pic_order_cnt_type: 1,
        num_ref_frames_in_pic_order_cnt_cycle: 2,
        ..sps_with(77, 2)
    };
    let interlaced = v4l2_ctrl_h264_sps {
        flags: V4L2_H264_SPS_FLAG_MB_ADAPTIVE_FRAME_FIELD,
        ..sps_with(77, 1)
    };
    Ok(vec![
        (sps_with(66, 16), rich),
        (sps_with(77, 4), rich),
        (sps_with(88, 1), rich),
        (sps_with(100, 1), rich),
        (sps_with(100, 1), small),
        (deep, rich),
        (cyclic, rich),
        (interlaced, pps),
    ])
}

/// Codes an IDR picture and a P picture with other parameter sets.
fn code(
    stream: &mut Stream,
    (sps, pps): &(v4l2_ctrl_h264_sps, v4l2_ctrl_h264_pps),
) -> Outcome<Picture> {
    stream.encoder.set_sps(sps)?;
    stream.encoder.set_pps(pps)?;
    let picture = stream.code_idr()?;
    picture.keeps_all()?;
    stream.code_p()?.keeps_all()?;
    Ok(picture)
}

/// The profile_idc of the nearest profile that the encoder lists, if it is clear which
/// that is: Extended profile has as much of Main as it lacks.
fn nearest_profile(encoder: &Encoder, asked: u8) -> Outcome<Option<u8>> {
    let menu = encoder.has_control(V4L2_CID_MPEG_VIDEO_H264_PROFILE)?.menu;
    let has = |index| menu.iter().any(|item| item.index == index);
    let nearest = [
        (100, V4L2_MPEG_VIDEO_H264_PROFILE_HIGH),
        (77, V4L2_MPEG_VIDEO_H264_PROFILE_MAIN),
    ]
    .into_iter()
    .find(|&(idc, index)| idc <= asked && has(index));
    Ok((asked != 88).then_some(nearest.map_or(66, |(idc, _)| idc)))
}

fn adapted(target: &Target) -> Outcome {
    let mut wanted = wishes(&Stream::new(target)?)?;
    // With the lowest level, too: what it becomes follows from the rest.
    let low = |(sps, pps): &(v4l2_ctrl_h264_sps, _)| {
        (
            v4l2_ctrl_h264_sps {
                level_idc: 10,
                ..*sps
            },
            *pps,
        )
    };
    wanted.extend(wanted.iter().map(low).collect::<Vec<_>>());
    for (asked, asked_pps) in &wanted {
        // Memory for references is that of the SPS when streaming starts.
        let mut stream = Stream::prepared(target, |encoder| Ok(encoder.set_sps(asked)?))?;
        let sps = code(&mut stream, &(*asked, *asked_pps))?.active.0.clone();
        ensure!(sps.frame_mbs_only, "the SPS is not one of frames");
        if let Some(profile) = nearest_profile(&stream.encoder, asked.profile_idc)? {
            let what = format!("profile_idc, {} asked for,", asked.profile_idc);
            equal(&what, sps.profile_idc, profile)?;
        }
        let id = V4L2_CID_STATELESS_ENC_MAX_DPB_FRAMES;
        let most = match stream.encoder.control(id) {
            Some(_) => stream.encoder.value(id)? as u8,
            // Only that it is not more than was asked for.
            None => sps.max_num_ref_frames,
        };
        equal(
            "max_num_ref_frames",
            sps.max_num_ref_frames,
            asked.max_num_ref_frames.min(most),
        )?;
        let (width, height) = sps.visible_size();
        let lowest = h264::level_idc(width as u32, height as u32, (25, 1), sps.max_num_ref_frames);
        equal(
            &format!("level_idc, {} asked for,", asked.level_idc),
            sps.level_idc,
            asked.level_idc.max(lowest),
        )?;
    }
    Ok(())
}

/// Expects that the file shows the parameter sets of a picture.
fn shows(stream: &Stream, picture: &Picture) -> Outcome {
    let (shown, shown_pps) = stream.encoder.parameter_sets()?;
    let (sps, pps) = &picture.active;
    let order_length = match shown.pic_order_cnt_type {
        0 => shown.log2_max_pic_order_cnt_lsb_minus4,
        _ => 0,
    };
    equal(
        "what the SPS control shows",
        (
            shown.profile_idc,
            shown.constraint_set_flags & 0x3f,
            shown.level_idc,
            shown.seq_parameter_set_id,
            shown.max_num_ref_frames,
            shown.log2_max_frame_num_minus4,
            shown.pic_order_cnt_type,
            order_length,
        ),
        (
            sps.profile_idc,
            sps.constraint_set_flags,
            sps.level_idc,
            sps.seq_parameter_set_id,
            sps.max_num_ref_frames,
            sps.log2_max_frame_num_minus4,
            sps.pic_order_cnt_type,
            sps.log2_max_pic_order_cnt_lsb_minus4,
        ),
    )?;
    equal(
        "the size and the samples that the SPS control shows",
        (
            u32::from(shown.pic_width_in_mbs_minus1) + 1,
            u32::from(shown.pic_height_in_map_units_minus1) + 1,
            shown.chroma_format_idc,
            shown.bit_depth_luma_minus8,
            shown.bit_depth_chroma_minus8,
            shown.flags & V4L2_H264_SPS_FLAG_FRAME_MBS_ONLY != 0,
        ),
        (
            sps.pic_width_in_mbs,
            sps.pic_height_in_map_units,
            sps.chroma_format_idc,
            sps.bit_depth_luma_minus8,
            sps.bit_depth_chroma_minus8,
            sps.frame_mbs_only,
        ),
    )?;
    let has = |flag: u32| u32::from(shown_pps.flags) & flag != 0;
    equal(
        "what the PPS control shows",
        (
            shown_pps.pic_parameter_set_id,
            i32::from(shown_pps.pic_init_qp_minus26) + 26,
            i32::from(shown_pps.chroma_qp_index_offset),
            i32::from(shown_pps.second_chroma_qp_index_offset),
            u32::from(shown_pps.num_ref_idx_l0_default_active_minus1) + 1,
        ),
        (
            pps.pic_parameter_set_id,
            pps.pic_init_qp,
            pps.chroma_qp_index_offset,
            pps.second_chroma_qp_index_offset,
            pps.num_ref_idx_default_active[0],
        ),
    )?;
    equal(
        "the flags of the PPS control",
        [
            has(V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE),
            has(V4L2_H264_PPS_FLAG_TRANSFORM_8X8_MODE),
            has(V4L2_H264_PPS_FLAG_WEIGHTED_PRED),
            has(V4L2_H264_PPS_FLAG_CONSTRAINED_INTRA_PRED),
            has(V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT),
        ],
        [
            pps.entropy_coding_mode,
            pps.transform_8x8_mode,
            pps.weighted_pred,
            pps.constrained_intra_pred,
            pps.deblocking_filter_control_present,
        ],
    )
}

fn shown(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for wish in wishes(&stream)? {
        let picture = code(&mut stream, &wish)?;
        shows(&stream, &picture)?;
    }
    Ok(())
}

fn settled(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for wish in wishes(&stream)? {
        code(&mut stream, &wish)?;
        let shown = stream.encoder.parameter_sets()?;
        stream.encoder.set_sps(&shown.0)?;
        stream.encoder.set_pps(&shown.1)?;
        for picture in [stream.code_p()?, stream.code_idr()?] {
            equal(
                "parameter sets after setting what is shown",
                picture.brings(),
                (false, false),
            )?;
        }
    }
    Ok(())
}

fn params_stay(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    let params = Params {
        frame_num: 99,
        slice_qp_delta: 5,
        pic_order_cnt_lsb: 0,
        ..stream.p()
    };
    stream.code(&params, &mut [])?;
    let current: Params = stream
        .encoder
        .compound(Which::Current, V4L2_CID_STATELESS_H264_ENCODE_PARAMS)?;
    equal(
        "the encode parameters",
        (
            current.slice_type,
            current.nal_ref_idc,
            current.frame_num,
            current.slice_qp_delta,
            current.pic_order_cnt_lsb,
            current.flags,
        ),
        (
            params.slice_type,
            params.nal_ref_idc,
            params.frame_num,
            params.slice_qp_delta,
            params.pic_order_cnt_lsb,
            params.flags,
        ),
    )
}

/// What of parameter sets has to be as in a new file that asks for the same.
fn in_use(picture: &Picture) -> (u8, u8, u8, bool) {
    let (sps, pps) = &picture.active;
    (
        sps.profile_idc,
        sps.level_idc,
        sps.max_num_ref_frames,
        pps.entropy_coding_mode,
    )
}

fn asked_for_stays(target: &Target) -> Outcome {
    level_of_the_size(target)?;
    references_of_the_stream(target)?;
    tools_of_the_sequence(target)
}

fn level_of_the_size(target: &Target) -> Outcome {
    let of_size = |size| {
        Stream::of_size(target, size, |encoder| {
            let (sps, _) = encoder.parameter_sets()?;
            let low = v4l2_ctrl_h264_sps {
                level_idc: 10,
                ..sps
            };
            Ok(encoder.set_sps(&low)?)
        })
    };
    let (small, large) = ((64, 48), (640, 360));
    let expected = in_use(&of_size(small)?.code_idr()?);
    let mut stream = of_size(large)?;
    stream.code_idr()?;
    let size = stream.encoder.size_near(small)?;
    resize(&mut stream, size)?;
    let found = in_use(&stream.code_idr()?);
    equal("the SPS of a smaller picture", found, expected)
}

fn references_of_the_stream(target: &Target) -> Outcome {
    let with = |encoder: &Encoder, references| -> Outcome {
        let (sps, _) = encoder.parameter_sets()?;
        Ok(encoder.set_sps(&v4l2_ctrl_h264_sps {
            max_num_ref_frames: references,
            ..sps
        })?)
    };
    let new = |references| Stream::prepared(target, |encoder| with(encoder, references));
    let expected = in_use(&new(4)?.code_idr()?);
    let mut stream = new(1)?;
    stream.code_idr()?;
    with(&stream.encoder, 4)?;
    stream.code_idr()?;
    stream.encoder.stream_off(CAPTURE)?;
    stream.encoder.stream_on(CAPTURE)?;
    stream.begin_reading();
    let found = in_use(&stream.code_idr()?);
    equal("the SPS of the next stream", found, expected)
}

fn tools_of_the_sequence(target: &Target) -> Outcome {
    let ask = |encoder: &Encoder| -> Outcome {
        let (sps, pps) = encoder.parameter_sets()?;
        encoder.set_sps(&v4l2_ctrl_h264_sps {
            profile_idc: 77,
            constraint_set_flags: 0,
            ..sps
        })?;
        Ok(encoder.set_pps(&v4l2_ctrl_h264_pps {
            flags: pps.flags | V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE as u16,
            ..pps
        })?)
    };
    let expected = in_use(&Stream::prepared(target, ask)?.code_idr()?);
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    ask(&stream.encoder)?;
    // It is still of the sequence before.
    stream.code_p()?.keeps_all()?;
    let picture = stream.code_idr()?;
    equal("the next sequence", in_use(&picture), expected)?;
    shows(&stream, &picture)
}
