// SPDX-License-Identifier: GPL-2.0

//! Controls: which there are, what they can be, and what is refused.

use super::Test;
use crate::{
    encoder::{
        idr,
        predicted,
        Encoder,
        Params, //
    },
    expect::{
        ensure,
        equal,
        refused, //
    },
};
use rustix::io::Errno;
use slenc::{
    error::{
        Context,
        Result, //
    },
    v4l2::{
        controls,
        sys::{
            control::{
                ExtControl,
                Which, //
            },
            Plain, //
        },
        uapi::*,
    },
};
use std::io;

pub(super) const TESTS: &[Test] = &[
    ("compound controls have the sizes of the interface", sizes),
    ("integer controls have their ranges and defaults", ranges),
    (
        "controls that would repeat parameters do not exist: EINVAL",
        absent,
    ),
    (
        "encode parameters out of range are refused with EINVAL, and nothing changes",
        invalid_parameters,
    ),
    ("the limits of encode parameters are accepted", limits),
    (
        "the file's first parameters are those of an IDR picture",
        defaults,
    ),
    ("statistics cannot be written: EACCES", read_only),
];

fn sizes() -> Result<()> {
    let encoder = Encoder::open()?;
    for (id, size) in [
        (V4L2_CID_STATELESS_H264_ENCODE_PARAMS, 44),
        (V4L2_CID_STATELESS_H264_SPS, 1048),
        (V4L2_CID_STATELESS_H264_PPS, 12),
        (V4L2_CID_STATELESS_ENC_STATS, 256),
        (V4L2_CID_STATELESS_ENC_H264_REFERENCES, 512),
    ] {
        let found = controls::find(&encoder.video, id).and_then(|control| control.size);
        equal(&format!("elem_size of {id:#x}"), found, Some(size))?;
    }
    Ok(())
}

fn ranges() -> Result<()> {
    let encoder = Encoder::open()?;
    for (id, minimum, maximum, default) in [
        (V4L2_CID_MPEG_VIDEO_AU_DELIMITER, 0, 1, 0),
        (V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR, 0, 1, 0),
        (V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 0, 1, 0),
        (V4L2_CID_MPEG_VIDEO_BITRATE, 1_000, 96_000_000, 2_000_000),
        (V4L2_CID_MPEG_VIDEO_CONSTANT_QUALITY, 1, 100, 80),
        (V4L2_CID_MPEG_VIDEO_H264_MIN_QP, 0, 51, 0),
        (V4L2_CID_MPEG_VIDEO_H264_MAX_QP, 0, 51, 51),
        (V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP, 0, 51, 24),
        (V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP, 0, 51, 28),
        (V4L2_CID_STATELESS_H264_START_CODE, 0, 1, 1),
        (V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_ENABLE, 0, 1, 0),
        (V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_IDC, 0, 17, 0),
        (V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_WIDTH, 0, 65_535, 0),
        (V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_HEIGHT, 0, 65_535, 0),
        (V4L2_CID_MPEG_VIDEO_MULTI_SLICE_MODE, 0, 1, 0),
        (V4L2_CID_STATELESS_ENC_FRAME_QP, -1, 51, -1),
    ] {
        let found = controls::find(&encoder.video, id)
            .map(|control| (control.minimum, control.maximum, control.default));
        equal(
            &format!("range of {id:#x}"),
            found,
            Some((minimum, maximum, default)),
        )?;
    }
    Ok(())
}

fn absent() -> Result<()> {
    let encoder = Encoder::open()?;
    for id in [
        V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME,
        V4L2_CID_MPEG_VIDEO_GOP_SIZE,
        V4L2_CID_MPEG_VIDEO_H264_I_PERIOD,
        V4L2_CID_MPEG_VIDEO_H264_ENTROPY_MODE,
        V4L2_CID_MPEG_VIDEO_H264_8X8_TRANSFORM,
        V4L2_CID_MPEG_VIDEO_H264_LOOP_FILTER_MODE,
        V4L2_CID_MPEG_VIDEO_H264_LOOP_FILTER_ALPHA,
        V4L2_CID_MPEG_VIDEO_H264_LOOP_FILTER_BETA,
        V4L2_CID_MPEG_VIDEO_H264_HIERARCHICAL_CODING,
    ] {
        ensure!(
            controls::find(&encoder.video, id).is_none(),
            "control {id:#x} exists"
        );
        refused(
            &format!("setting {id:#x}"),
            Errno::INVAL,
            encoder.set(&mut [ExtControl::int(id, 1)]),
        )?;
    }
    Ok(())
}

/// Sets parameters in a request, and on the file.
fn set(encoder: &Encoder, params: &Params) -> [io::Result<()>; 2] {
    let in_request = encoder
        .request()
        .map_err(io::Error::other)
        .and_then(|request| {
            encoder
                .set_params(&request, params)
                .map_err(|err| err.source)
        });
    let mut params = *params;
    let control = ExtControl::compound(V4L2_CID_STATELESS_H264_ENCODE_PARAMS, &mut params);
    let on_file = encoder.set(&mut [control]).map_err(|err| err.source);
    [in_request, on_file]
}

fn current(encoder: &Encoder) -> Result<Params> {
    encoder
        .compound(Which::Current, V4L2_CID_STATELESS_H264_ENCODE_PARAMS)
        .map_err(|err| err.source)
        .context("ENCODE_PARAMS")
}

/// What an H.264 picture cannot be.
fn bad_parameters() -> Vec<(&'static str, Params)> {
    let p = predicted();
    vec![
        (
            "an IDR picture of type P",
            Params {
                slice_type: 0,
                ..idr()
            },
        ),
        (
            "an IDR picture of type B",
            Params {
                slice_type: 1,
                ..idr()
            },
        ),
        (
            "colour_plane_id 3",
            Params {
                colour_plane_id: 3,
                ..p
            },
        ),
        (
            "cabac_init_idc 3",
            Params {
                cabac_init_idc: 3,
                ..p
            },
        ),
        (
            "disable_deblocking_filter_idc 3",
            Params {
                disable_deblocking_filter_idc: 3,
                ..p
            },
        ),
        (
            "alpha offset 7",
            Params {
                slice_alpha_c0_offset_div2: 7,
                ..p
            },
        ),
        (
            "alpha offset -7",
            Params {
                slice_alpha_c0_offset_div2: -7,
                ..p
            },
        ),
        (
            "beta offset 7",
            Params {
                slice_beta_offset_div2: 7,
                ..p
            },
        ),
        (
            "beta offset -7",
            Params {
                slice_beta_offset_div2: -7,
                ..p
            },
        ),
        (
            "33 references of list 0",
            Params {
                num_ref_idx_l0_active_minus1: 32,
                ..p
            },
        ),
        (
            "33 references of list 1",
            Params {
                num_ref_idx_l1_active_minus1: 32,
                ..p
            },
        ),
    ]
}

fn invalid_parameters() -> Result<()> {
    let encoder = Encoder::streaming()?;
    for (what, params) in bad_parameters() {
        for result in set(&encoder, &params) {
            refused(what, Errno::INVAL, result)?;
        }
        let now = current(&encoder)?;
        equal(what, (now.slice_type, now.flags), (2, 1))?;
    }
    Ok(())
}

fn limits() -> Result<()> {
    let encoder = Encoder::streaming()?;
    for params in [
        Params {
            colour_plane_id: 2,
            cabac_init_idc: 2,
            disable_deblocking_filter_idc: 2,
            slice_alpha_c0_offset_div2: 6,
            slice_beta_offset_div2: -6,
            num_ref_idx_l0_active_minus1: 31,
            ..predicted()
        },
        Params {
            slice_alpha_c0_offset_div2: -6,
            slice_beta_offset_div2: 6,
            ..idr()
        },
    ] {
        for result in set(&encoder, &params) {
            result.context("parameters at their limits")?;
        }
    }
    Ok(())
}

fn defaults() -> Result<()> {
    let encoder = Encoder::open()?;
    let params = current(&encoder)?;
    equal(
        "slice_type",
        u32::from(params.slice_type),
        V4L2_H264_SLICE_TYPE_I,
    )?;
    equal("flags", params.flags, V4L2_H264_ENCODE_FLAG_IDR_PIC)?;
    equal("nal_ref_idc", params.nal_ref_idc, 1)
}

fn read_only() -> Result<()> {
    let encoder = Encoder::open()?;
    let mut stats = v4l2_ctrl_stateless_enc_stats::zeroed();
    let control = ExtControl::compound(V4L2_CID_STATELESS_ENC_STATS, &mut stats);
    refused("statistics", Errno::ACCESS, encoder.set(&mut [control]))?;
    let average = ExtControl::int(V4L2_CID_MPEG_VIDEO_AVERAGE_QP, 3);
    refused("AVERAGE_QP", Errno::ACCESS, encoder.set(&mut [average]))
}
