// SPDX-License-Identifier: GPL-2.0

//! Controls of an H.264 stream: parameter sets, encode parameters, headers.

use super::{
    encoder::{
        Encoder,
        Params,
        Target, //
    },
    expect::{
        ensure,
        equal,
        fail,
        refused,
        Outcome, //
    },
    stream::{
        idr,
        Stream, //
    },
    Test,
};
use crate::{
    error::Context,
    h264::slice::Marking,
    v4l2::{
        controls::Control,
        sys::control::{
            self,
            ExtControl,
            Which, //
        },
        uapi::*,
    },
};
use rustix::io::Errno;
use std::{
    io,
    os::fd::AsFd, //
};

pub(super) const TESTS: &[Test] = &[
    ("ENC-H264-1", deblocking_control),
    ("ENC-H264-2", cabac),
    ("ENC-H264-3", transform),
    ("ENC-H264-4", invalid),
    ("ENC-H264-5", limits),
    ("ENC-H264-6", normalized),
    ("ENC-H264-7", default),
    ("ENC-H264-8", prior_pictures),
    ("ENC-H264-9", defaults),
];

const ID: u32 = V4L2_CID_STATELESS_H264_ENCODE_PARAMS;

fn deblocking_control(target: &Target) -> Outcome {
    let flag = V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT as u16;
    let mut stream = Stream::new(target)?;
    for wanted in [false, true, false] {
        let (_, mut pps) = stream.encoder.parameter_sets()?;
        pps.flags = if wanted { flag } else { 0 };
        stream.encoder.set_pps(&pps)?;
        equal(
            "deblocking_filter_control_present_flag",
            stream
                .code_idr()?
                .active
                .1
                .deblocking_filter_control_present,
            wanted,
        )?;
    }
    Ok(())
}

/// The profiles that the encoder lists, of those that CABAC is a part of: profile_idc.
fn profiles(encoder: &Encoder) -> Outcome<Vec<u8>> {
    let Control { menu, .. } = encoder.has_control(V4L2_CID_MPEG_VIDEO_H264_PROFILE)?;
    let has = |index| menu.iter().any(|item| item.index == index);
    let mut found = vec![66];
    for (index, idc) in [
        (V4L2_MPEG_VIDEO_H264_PROFILE_MAIN, 77),
        (V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, 100),
    ] {
        if has(index) {
            found.push(idc);
        }
    }
    Ok(found)
}

/// Codes with a profile and flags of the PPS: profile_idc, entropy_coding_mode_flag and
/// transform_8x8_mode_flag as they are written.
fn with_flags(target: &Target, profile_idc: u8, flags: u32) -> Outcome<(u8, bool, bool)> {
    let mut stream = Stream::prepared(target, |encoder| {
        let (mut sps, mut pps) = encoder.parameter_sets()?;
        sps.profile_idc = profile_idc;
        if profile_idc != 66 {
            sps.constraint_set_flags = 0;
        }
        pps.flags |= flags as u16;
        encoder.set_sps(&sps)?;
        Ok(encoder.set_pps(&pps)?)
    })?;
    stream.code_idr()?.keeps_all()?;
    let picture = stream.code_p()?;
    picture.keeps_all()?;
    let (sps, pps) = &picture.active;
    Ok((
        sps.profile_idc,
        pps.entropy_coding_mode,
        pps.transform_8x8_mode,
    ))
}

fn cabac(target: &Target) -> Outcome {
    let profiles = profiles(&Encoder::open(target)?)?;
    for profile in profiles {
        let (_, without, _) = with_flags(target, profile, 0)?;
        ensure!(
            !without,
            "profile_idc {profile} has CABAC, which was not asked for"
        );
        let flag = V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE;
        let (written, with, _) = with_flags(target, profile, flag)?;
        ensure!(
            !(written == 66 && with),
            "a stream of Constrained Baseline has CABAC"
        );
    }
    Ok(())
}

fn transform(target: &Target) -> Outcome {
    let profiles = profiles(&Encoder::open(target)?)?;
    for profile in profiles {
        let (_, _, without) = with_flags(target, profile, 0)?;
        ensure!(
            !without,
            "profile_idc {profile} has the 8x8 transform, which was not asked for"
        );
        let flag = V4L2_H264_PPS_FLAG_TRANSFORM_8X8_MODE;
        let (written, _, with) = with_flags(target, profile, flag)?;
        ensure!(
            !with || written >= 100,
            "profile_idc {written} has the 8x8 transform"
        );
    }
    Ok(())
}

fn p() -> Params {
    Params {
        slice_type: V4L2_H264_SLICE_TYPE_P as u8,
        flags: 0,
        ..idr()
    }
}

/// Sets parameters in a request and on the file.
fn set(encoder: &Encoder, params: &Params) -> Outcome<[io::Result<()>; 2]> {
    let request = encoder.request()?;
    let mut copy = *params;
    let in_request = control::set(
        encoder.video.as_fd(),
        Which::Request(request.as_fd()),
        &mut [ExtControl::compound(ID, &mut copy)],
    );
    Ok([
        in_request.map_err(|err| err.source),
        encoder.set_compound(ID, params),
    ])
}

fn invalid(target: &Target) -> Outcome {
    let stream = Stream::new(target)?;
    let changed = |base: Params, change: fn(&mut Params)| {
        let mut params = base;
        change(&mut params);
        params
    };
    let wrong: [(&str, Params); 11] = [
        (
            "an IDR picture of type P",
            changed(idr(), |p| p.slice_type = 0),
        ),
        (
            "an IDR picture of type B",
            changed(idr(), |p| p.slice_type = 1),
        ),
        ("colour_plane_id 3", changed(p(), |p| p.colour_plane_id = 3)),
        ("cabac_init_idc 3", changed(p(), |p| p.cabac_init_idc = 3)),
        (
            "disable_deblocking_filter_idc 3",
            changed(p(), |p| p.disable_deblocking_filter_idc = 3),
        ),
        (
            "an alpha offset of 7",
            changed(p(), |p| p.slice_alpha_c0_offset_div2 = 7),
        ),
        (
            "an alpha offset of -7",
            changed(p(), |p| p.slice_alpha_c0_offset_div2 = -7),
        ),
        (
            "a beta offset of 7",
            changed(p(), |p| p.slice_beta_offset_div2 = 7),
        ),
        (
            "a beta offset of -7",
            changed(p(), |p| p.slice_beta_offset_div2 = -7),
        ),
        (
            "33 references of list 0",
            changed(p(), |p| p.num_ref_idx_l0_active_minus1 = 32),
        ),
        (
            "33 references of list 1",
            changed(p(), |p| p.num_ref_idx_l1_active_minus1 = 32),
        ),
    ];
    for (what, params) in wrong {
        for result in set(&stream.encoder, &params)? {
            refused(what, Errno::INVAL, result)?;
        }
    }
    Ok(())
}

fn limits(target: &Target) -> Outcome {
    let stream = Stream::new(target)?;
    for params in [
        Params {
            nal_ref_idc: 3,
            pic_parameter_set_id: 255,
            colour_plane_id: 2,
            frame_num: 65535,
            pic_order_cnt_lsb: 65535,
            delta_pic_order_cnt_bottom: i32::MIN,
            delta_pic_order_cnt0: i32::MAX,
            delta_pic_order_cnt1: i32::MIN,
            num_ref_idx_l0_active_minus1: 31,
            num_ref_idx_l1_active_minus1: 31,
            cabac_init_idc: 2,
            slice_qp_delta: -51,
            disable_deblocking_filter_idc: 2,
            slice_alpha_c0_offset_div2: 6,
            slice_beta_offset_div2: -6,
            flags: V4L2_H264_ENCODE_FLAG_NUM_REF_IDX_ACTIVE_OVERRIDE,
            ..p()
        },
        Params {
            idr_pic_id: 65535,
            slice_alpha_c0_offset_div2: -6,
            slice_beta_offset_div2: 6,
            flags: V4L2_H264_ENCODE_FLAG_IDR_PIC | V4L2_H264_ENCODE_FLAG_NO_OUTPUT_OF_PRIOR_PICS,
            ..idr()
        },
        p(),
    ] {
        for result in set(&stream.encoder, &params)? {
            result.context("setting parameters at their limits")?;
        }
    }
    Ok(())
}

fn current(encoder: &Encoder) -> Outcome<Params> {
    Ok(encoder.compound(Which::Current, ID)?)
}

fn normalized(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let full = Params {
        idr_pic_id: 5,
        reserved0: [1; 2],
        num_ref_idx_l0_active_minus1: 2,
        num_ref_idx_l1_active_minus1: 3,
        disable_deblocking_filter_idc: 1,
        slice_alpha_c0_offset_div2: 2,
        slice_beta_offset_div2: 3,
        reserved1: [1; 6],
        reserved2: [1; 3],
        flags: 0x80 | (1 << 31),
        ..p()
    };
    encoder.set_params(&full)?;
    let got = current(&encoder)?;
    equal("flags without a meaning", got.flags, 0)?;
    equal("reserved0", got.reserved0, [0; 2])?;
    equal("reserved1", got.reserved1, [0; 6])?;
    equal("reserved2", got.reserved2, [0; 3])?;
    equal(
        "idr_pic_id, the second count and the offsets of a P picture",
        (
            got.idr_pic_id,
            got.num_ref_idx_l1_active_minus1,
            got.slice_alpha_c0_offset_div2,
            got.slice_beta_offset_div2,
        ),
        (0, 0, 0, 0),
    )?;
    encoder.set_params(&Params {
        slice_type: V4L2_H264_SLICE_TYPE_I as u8,
        ..full
    })?;
    let got = current(&encoder)?;
    equal(
        "the counts of an I picture",
        (
            got.num_ref_idx_l0_active_minus1,
            got.num_ref_idx_l1_active_minus1,
        ),
        (0, 0),
    )
}

fn default(target: &Target) -> Outcome {
    let got = current(&Encoder::open(target)?)?;
    equal(
        "slice_type",
        u32::from(got.slice_type),
        V4L2_H264_SLICE_TYPE_I,
    )?;
    ensure!(
        got.flags & V4L2_H264_ENCODE_FLAG_IDR_PIC != 0,
        "IDR_PIC is not in the flags"
    );
    ensure!((1..=3).contains(&got.nal_ref_idc), "nal_ref_idc is 0");
    Ok(())
}

fn prior_pictures(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for wanted in [false, true, false] {
        let mut params = idr();
        if wanted {
            params.flags |= V4L2_H264_ENCODE_FLAG_NO_OUTPUT_OF_PRIOR_PICS;
        }
        match stream.code(&params, &mut [])?.slice().marking {
            Marking::Idr {
                no_output_of_prior_pics,
                ..
            } => equal(
                "no_output_of_prior_pics_flag",
                no_output_of_prior_pics,
                wanted,
            )?,
            _ => return fail("the picture is no IDR picture"),
        }
    }
    Ok(())
}

fn defaults(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    for id in [
        V4L2_CID_MPEG_VIDEO_AU_DELIMITER,
        V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR,
    ] {
        let control = encoder.has_control(id)?;
        let what = format!("the default of \"{}\"", control.name);
        equal(&what, control.default, 0)?;
        equal("its value", encoder.value(id)?, 0)?;
    }
    if let Some(control) = encoder.control(V4L2_CID_STATELESS_H264_START_CODE) {
        equal(
            "the default of the start codes",
            control.default,
            V4L2_STATELESS_H264_START_CODE_ANNEX_B.into(),
        )?;
    }
    Ok(())
}
