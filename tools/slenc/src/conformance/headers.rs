// SPDX-License-Identifier: GPL-2.0

//! Encoding: the stream, NAL unit by NAL unit.

use super::{
    encoder::{
        Params,
        Target, //
    },
    expect::{
        ensure,
        equal,
        unsupported,
        Outcome, //
    },
    stream::{
        idr,
        Picture,
        Stream, //
    },
    Test,
};
use crate::{
    error::Context,
    h264::{
        decoder::Rule,
        nal::kind,
        slice, //
    },
    v4l2::{
        device::OUTPUT,
        sys::{
            control::ExtControl,
            video, //
        },
        uapi::*,
    },
};
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    ("ENC-HDR-1", at_the_beginning),
    ("ENC-HDR-2", when_they_change),
    ("ENC-HDR-3", with_every_idr),
    ("ENC-HDR-4", sps_waits),
    ("ENC-HDR-5", pps_at_once),
    ("ENC-HDR-6", delimiters),
    ("ENC-HDR-7", start_codes),
    ("ENC-HDR-8", no_start_codes),
    ("ENC-HDR-9", well_formed),
];

fn begins_with_sets(picture: &Picture) -> Outcome {
    picture.keeps(Rule::Units)?;
    equal(
        "whether there are an SPS and a PPS",
        picture.brings(),
        (true, true),
    )
}

fn at_the_beginning(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    begins_with_sets(&stream.code_idr()?)?;
    stream.code_p()?;
    stream.encoder.stop()?;
    stream.encoder.start()?;
    stream.begin_reading();
    begins_with_sets(&stream.code_idr()?)
}

fn when_they_change(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    let (sps, pps) = stream.encoder.parameter_sets()?;
    for number in 0..4 {
        let picture = match number {
            2 => stream.code_idr()?,
            _ => stream.code_p()?,
        };
        equal(
            "whether there are parameter sets that are known",
            picture.brings(),
            (false, false),
        )?;
        // The same values again are no change.
        stream.encoder.set_sps(&sps)?;
        stream.encoder.set_pps(&pps)?;
    }
    pictures_in_turns(target)?;
    sequences_in_turns(target)
}

/// Codes a picture with parameter sets of its own: whether it brings them.
fn code_with(
    stream: &mut Stream,
    params: &Params,
    sps: &v4l2_ctrl_h264_sps,
    pps: &v4l2_ctrl_h264_pps,
) -> Outcome<(bool, bool)> {
    let (mut sps, mut pps) = (*sps, *pps);
    let params = Params {
        pic_parameter_set_id: pps.pic_parameter_set_id,
        ..*params
    };
    let picture = stream.code(
        &params,
        &mut [
            ExtControl::compound(V4L2_CID_STATELESS_H264_SPS, &mut sps),
            ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps),
        ],
    )?;
    picture.keeps_all()?;
    equal(
        "pic_parameter_set_id",
        picture.active.1.pic_parameter_set_id,
        pps.pic_parameter_set_id,
    )?;
    Ok(picture.brings())
}

/// What was written last with an id is not written again, whatever came in between.
fn pictures_in_turns(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let (sps, pps) = stream.encoder.parameter_sets()?;
    let other = v4l2_ctrl_h264_pps {
        pic_parameter_set_id: 1,
        pic_init_qp_minus26: 4,
        ..pps
    };
    let changed = v4l2_ctrl_h264_pps {
        pic_init_qp_minus26: -4,
        ..other
    };
    stream.code_idr()?;
    for (number, (pps, due)) in [
        (&pps, false),
        (&other, true),
        (&pps, false),
        (&other, false),
        (&changed, true),
        (&pps, false),
        (&changed, false),
        (&other, true),
    ]
    .into_iter()
    .enumerate()
    {
        let params = stream.p();
        let brings = code_with(&mut stream, &params, &sps, pps)?;
        let what = format!("whether P picture {number} brings an SPS and a PPS");
        equal(&what, brings, (false, due))?;
    }
    Ok(())
}

fn sequences_in_turns(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let (sps, pps) = stream.encoder.parameter_sets()?;
    let of = |id, log2_max_frame_num_minus4| {
        (
            v4l2_ctrl_h264_sps {
                seq_parameter_set_id: id,
                log2_max_frame_num_minus4,
                ..sps
            },
            v4l2_ctrl_h264_pps {
                pic_parameter_set_id: id,
                seq_parameter_set_id: id,
                ..pps
            },
        )
    };
    let (first, second) = (of(0, 4), of(1, 2));
    for (number, (sets, due)) in [
        (&first, true),
        (&second, true),
        (&first, false),
        (&second, false),
        (&first, false),
    ]
    .into_iter()
    .enumerate()
    {
        let params = stream.idr();
        let brings = code_with(&mut stream, &params, &sets.0, &sets.1)?;
        let what = format!("whether IDR picture {number} brings an SPS and a PPS");
        equal(&what, brings, (due, due))?;
        let params = stream.p();
        let brings = code_with(&mut stream, &params, &sets.0, &sets.1)?;
        equal("parameter sets with a P picture", brings, (false, false))?;
    }
    Ok(())
}

fn with_every_idr(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let id = V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR;
    stream.encoder.has_control(id)?;
    stream.encoder.set_value(id, 1)?;
    for _ in 0..3 {
        begins_with_sets(&stream.code_idr()?)?;
        let next = stream.code_p()?;
        equal(
            "parameter sets with a P picture",
            next.brings(),
            (false, false),
        )?;
    }
    stream.encoder.set_value(id, 0)?;
    let picture = stream.code_idr()?;
    equal(
        "parameter sets when it is 0",
        picture.brings(),
        (false, false),
    )
}

fn sps_waits(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let first = stream.code_idr()?.active.0.clone();
    let (mut sps, _) = stream.encoder.parameter_sets()?;
    sps.log2_max_frame_num_minus4 = 7;
    stream.encoder.set_sps(&sps)?;
    for _ in 0..2 {
        let picture = stream.code_p()?;
        ensure!(picture.sps.is_none(), "a P picture brings an SPS");
        picture.keeps_all()?;
        equal("the SPS in use", &picture.active.0, &first)?;
    }
    let picture = stream.code_idr()?;
    begins_with_sets(&picture)?;
    equal(
        "log2_max_frame_num_minus4",
        picture.active.0.log2_max_frame_num_minus4,
        7,
    )?;
    stream.code_p()?.keeps_all()?;
    // What it says of the format is a part of it.
    let fd = stream.encoder.video.as_fd();
    video::set_frame_interval(fd, OUTPUT, (1, 50)).context("VIDIOC_S_PARM")?;
    let picture = stream.code_p()?;
    ensure!(picture.sps.is_none(), "a P picture brings an SPS");
    begins_with_sets(&stream.code_idr()?)
}

fn pps_at_once(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    for offset in [3, -4] {
        let (_, mut pps) = stream.encoder.parameter_sets()?;
        pps.chroma_qp_index_offset = offset;
        pps.second_chroma_qp_index_offset = offset;
        let params = match offset {
            3 => stream.p(),
            _ => stream.i(),
        };
        let picture = stream.code(
            &params,
            &mut [ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps)],
        )?;
        picture.keeps_all()?;
        equal(
            "whether there are an SPS and a PPS",
            picture.brings(),
            (false, true),
        )?;
        equal(
            "chroma_qp_index_offset",
            picture.active.1.chroma_qp_index_offset,
            offset.into(),
        )?;
        let next = stream.code_p()?;
        equal("parameter sets after it", next.brings(), (false, false))?;
    }
    Ok(())
}

fn delimiters(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let id = V4L2_CID_MPEG_VIDEO_AU_DELIMITER;
    stream.encoder.has_control(id)?;
    for wanted in [false, true] {
        stream.encoder.set_value(id, wanted.into())?;
        for picture in [stream.code_idr()?, stream.code_p()?] {
            picture.keeps(Rule::Units)?;
            let kinds = picture.kinds();
            let count = kinds.iter().filter(|&&kind| kind == kind::AUD).count();
            equal("access unit delimiters", count, usize::from(wanted))?;
            if !wanted {
                continue;
            }
            equal("the first NAL unit", kinds[0], kind::AUD)?;
            // Table 7-5: 0 is I, from 1 on P is allowed.
            let kind = picture.units[0].rbsp.first().map_or(0, |byte| byte >> 5);
            let is_p = picture.slice().slice_type == slice::P;
            ensure!(
                !is_p || matches!(kind, 1 | 2 | 5 | 6 | 7),
                "primary_pic_type is {kind} in front of a P slice"
            );
        }
    }
    Ok(())
}

fn start_codes(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    if let Some(control) = stream.encoder.control(V4L2_CID_STATELESS_H264_START_CODE) {
        let annex_b = V4L2_STATELESS_H264_START_CODE_ANNEX_B;
        stream.encoder.set_value(control.id, annex_b as i32)?;
    }
    stream
        .encoder
        .set_value(V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR, 1)?;
    for _ in 0..2 {
        for picture in [stream.code_idr()?, stream.code_p()?] {
            for (at, unit) in picture.units.iter().enumerate() {
                let long = at == 0 || [kind::SPS, kind::PPS].contains(&unit.kind);
                ensure!(
                    unit.start_code >= if long { 4 } else { 3 },
                    "the start code of NAL unit {at}, of type {}, has {} bytes",
                    unit.kind,
                    unit.start_code
                );
            }
        }
    }
    Ok(())
}

fn no_start_codes(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let id = V4L2_CID_STATELESS_H264_START_CODE;
    let none = V4L2_STATELESS_H264_START_CODE_NONE;
    let control = stream.encoder.need_control(id)?;
    if !control.menu.iter().any(|item| item.index == none) {
        return unsupported("the menu of start codes has no item None");
    }
    stream.code_idr()?;
    stream.encoder.set_value(id, none as i32)?;
    for params in [stream.p(), idr()] {
        stream.submit(stream.next_name(), Some(&params), &mut [])?;
        let buffer = stream.complete()?;
        let picture = stream.read_unit(buffer)?;
        picture.keeps_all()?;
    }
    // Parameter sets with the slice: units that follow one another.
    stream
        .encoder
        .set_value(V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR, 1)?;
    stream.submit(stream.next_name(), Some(&idr()), &mut [])?;
    let buffer = stream.complete()?;
    let bytes = stream.content(&buffer)?;
    equal(
        "the type of the first NAL unit",
        bytes.first().map(|byte| byte & 0x9f),
        Some(kind::SPS),
    )?;
    ensure!(
        !bytes.windows(4).any(|code| code == [0, 0, 0, 1]),
        "there is a start code"
    );
    Ok(())
}

fn well_formed(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let qps = [
        V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP,
        V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP,
    ];
    stream
        .encoder
        .set_value(V4L2_CID_MPEG_VIDEO_AU_DELIMITER, 1)?;
    // Much data, and little. That it can be taken apart was checked by reading it.
    for qp in [10, 51] {
        for id in qps {
            stream.encoder.set_value(id, qp)?;
        }
        for number in 0..6 {
            let picture = match number {
                0 => stream.code_idr()?,
                _ => stream.code_p()?,
            };
            picture.keeps(Rule::RefIdc)?;
            picture.keeps(Rule::Units)?;
        }
    }
    Ok(())
}
