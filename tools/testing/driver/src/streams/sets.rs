// SPDX-License-Identifier: GPL-2.0

//! Parameter sets: they come when they are due, and by their ids.

use super::{
    recorder::{
        keep,
        set,
        Picture,
        Recorder, //
    },
    Test, //
};
use crate::{
    encoder::{
        idr,
        nal_types,
        predicted,
        Params,
        SIZE, //
    },
    expect::equal,
    references::plain,
};
use slenc::{
    error::Result,
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
        "picture parameter sets in turns come once, and again when they change",
        pictures_in_turns,
    ),
    (
        "sequence parameter sets in turns come once, with IDR pictures",
        sequences_in_turns,
    ),
    (
        "the sample aspect ratio comes with the next IDR picture",
        aspect_ratio,
    ),
];

const SPS: u8 = 7;
const PPS: u8 = 8;
const SLICE: u8 = 1;
const IDR: u8 = 5;

/// Codes a picture with parameter sets of its own, which has to consist of these NAL
/// units.
fn code(
    recorder: &mut Recorder,
    params: &Params,
    sps: &v4l2_ctrl_h264_sps,
    pps: &v4l2_ctrl_h264_pps,
    units: &[u8],
) -> Result<Picture> {
    let (mut sps, mut pps) = (*sps, *pps);
    let params = Params {
        pic_parameter_set_id: pps.pic_parameter_set_id,
        ..*params
    };
    let picture = recorder.code(
        &params,
        &plain(),
        &mut [
            ExtControl::compound(V4L2_CID_STATELESS_H264_SPS, &mut sps),
            ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps),
        ],
    )?;
    equal("NAL units", &nal_types(&picture.bytes)[..], units)?;
    Ok(picture)
}

fn sps() -> v4l2_ctrl_h264_sps {
    h264::sps(SIZE.0, SIZE.1, (25, 1))
}

fn pictures_in_turns() -> Result<()> {
    let mut r = Recorder::new(SIZE, 1)?;
    let sps = sps();
    let of = |id, pic_init_qp_minus26, chroma_qp_index_offset| v4l2_ctrl_h264_pps {
        pic_parameter_set_id: id,
        pic_init_qp_minus26,
        chroma_qp_index_offset,
        second_chroma_qp_index_offset: chroma_qp_index_offset,
        ..h264::pps()
    };
    let (intra, inter) = (of(0, 0, 0), of(255, 4, -5));
    let mut pictures = vec![
        code(&mut r, &idr(), &sps, &intra, &[SPS, PPS, IDR])?,
        code(&mut r, &predicted(), &sps, &inter, &[PPS, SLICE])?,
    ];
    for _ in 0..3 {
        pictures.push(code(&mut r, &predicted(), &sps, &intra, &[SLICE])?);
        pictures.push(code(&mut r, &predicted(), &sps, &inter, &[SLICE])?);
        pictures.push(code(&mut r, &idr(), &sps, &inter, &[IDR])?);
    }
    let changed = of(255, 4, 7);
    pictures.push(code(&mut r, &predicted(), &sps, &changed, &[PPS, SLICE])?);
    pictures.push(code(&mut r, &predicted(), &sps, &intra, &[SLICE])?);
    keep("pps-in-turns", &pictures)
}

fn sequences_in_turns() -> Result<()> {
    let mut r = Recorder::new(SIZE, 1)?;
    let first = (sps(), h264::pps());
    let second = (
        v4l2_ctrl_h264_sps {
            seq_parameter_set_id: 31,
            log2_max_frame_num_minus4: 0,
            pic_order_cnt_type: 2,
            log2_max_pic_order_cnt_lsb_minus4: 0,
            ..sps()
        },
        v4l2_ctrl_h264_pps {
            pic_parameter_set_id: 1,
            seq_parameter_set_id: 31,
            ..h264::pps()
        },
    );
    let mut pictures = Vec::new();
    for round in 0..3 {
        for (sps, pps) in [&first, &second] {
            let units: &[u8] = if round == 0 { &[SPS, PPS, IDR] } else { &[IDR] };
            pictures.push(code(&mut r, &idr(), sps, pps, units)?);
            for _ in 0..3 {
                pictures.push(code(&mut r, &predicted(), sps, pps, &[SLICE])?);
            }
        }
        // The SPS of the next IDR picture may be there already.
        pictures.push(code(&mut r, &predicted(), &first.0, &second.1, &[SLICE])?);
    }
    keep("sps-in-turns", &pictures)
}

fn aspect_ratio() -> Result<()> {
    let mut r = Recorder::new(SIZE, 1)?;
    let mut pictures = vec![
        r.code(&idr(), &plain(), &mut [])?,
        r.code(&idr(), &plain(), &mut [])?,
    ];
    equal("NAL units", &nal_types(&pictures[1].bytes)[..], &[IDR])?;
    let enable = |on| ExtControl::int(V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_ENABLE, on);
    let idc = |idc: u32| ExtControl::int(V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_IDC, idc as i32);
    for (count, values) in [
        // 12:11, and 7:5, which has no code.
        (2, [enable(1), idc(V4L2_MPEG_VIDEO_H264_VUI_SAR_IDC_12x11)]),
        (
            2,
            [enable(1), idc(V4L2_MPEG_VIDEO_H264_VUI_SAR_IDC_EXTENDED)],
        ),
        (
            2,
            [enable(0), idc(V4L2_MPEG_VIDEO_H264_VUI_SAR_IDC_EXTENDED)],
        ),
        // Not shown: no change.
        (0, [enable(0), idc(V4L2_MPEG_VIDEO_H264_VUI_SAR_IDC_2x1)]),
    ] {
        let mut values = values;
        set(&r.encoder, Which::Current, &mut values)?;
        set(
            &r.encoder,
            Which::Current,
            &mut [
                ExtControl::int(V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_WIDTH, 7),
                ExtControl::int(V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_HEIGHT, 5),
            ],
        )?;
        let p = r.code(&predicted(), &plain(), &mut [])?;
        equal(
            "NAL units of a P picture",
            &nal_types(&p.bytes)[..],
            &[SLICE],
        )?;
        let i = r.code(&idr(), &plain(), &mut [])?;
        equal("parameter sets", nal_types(&i.bytes).len() - 1, count)?;
        pictures.extend([p, i]);
    }
    keep("aspect-ratio", &pictures)
}
