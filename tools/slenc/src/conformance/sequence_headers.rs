// SPDX-License-Identifier: GPL-2.0

//! Encoding: what the SPS says of the format.

use super::{
    cropping::{
        corner,
        half, //
    },
    encoder::{
        Encoder,
        Target,
        SIZE, //
    },
    expect::{
        ensure,
        equal,
        fail,
        unsupported,
        Outcome, //
    },
    stream::Stream,
    Test,
};
use crate::{
    error::Context,
    h264::{
        self,
        parameter_sets::{
            Sps,
            Vui, //
        },
    },
    v4l2::{
        device::OUTPUT,
        sys::{
            selection,
            video, //
        },
        uapi::*,
    },
};
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    ("ENC-HDR-10", size),
    ("ENC-HDR-11", timing),
    ("ENC-HDR-12", restriction),
    ("ENC-HDR-13", colours),
    ("ENC-HDR-14", level),
    ("ENC-HDR-15", ids_and_lengths),
];

/// The SPS of the first picture after `prepare`.
pub(super) fn sps_after(
    target: &Target,
    prepare: impl FnOnce(&Encoder) -> Outcome,
) -> Outcome<Sps> {
    let mut stream = Stream::prepared(target, prepare)?;
    Ok(stream.code_idr()?.active.0.clone())
}

/// The VUI of an SPS that has to have one.
pub(super) fn vui(sps: &Sps) -> Outcome<&Vui> {
    match &sps.vui {
        Some(vui) => Ok(vui),
        None => fail("the SPS has no VUI"),
    }
}

fn check_size(sps: &Sps, (width, height): (u32, u32)) -> Outcome {
    equal(
        "the visible size",
        sps.visible_size(),
        (width.into(), height.into()),
    )?;
    let mbs = (sps.pic_width_in_mbs, sps.pic_height_in_map_units);
    let wanted = (width.div_ceil(16), height.div_ceil(16));
    equal("the size in macroblocks", mbs, wanted)
}

fn size(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    for wanted in [SIZE, (178, 98), (34, 50), (640, 360)] {
        let size = encoder.size_near(wanted)?;
        let mut stream = Stream::of_size(target, size, |_| Ok(()))?;
        check_size(&stream.code_idr()?.active.0, size)?;
    }
    let size = encoder.size_near(SIZE)?;
    let part = half(&encoder, size)?;
    let sps = sps_after(target, |encoder| {
        let fd = encoder.video.as_fd();
        selection::set(fd, OUTPUT, V4L2_SEL_TGT_CROP, corner(part), 0)
            .context("VIDIOC_S_SELECTION")?;
        Ok(())
    })?;
    check_size(&sps, part)
}

fn timing(target: &Target) -> Outcome {
    for (numerator, denominator) in [(1u32, 25u32), (1001, 30000), (1, 60), (1, 5)] {
        let sps = sps_after(target, |encoder| {
            let fd = encoder.video.as_fd();
            video::set_frame_interval(fd, OUTPUT, (numerator, denominator))
                .context("VIDIOC_S_PARM")?;
            Ok(())
        })?;
        let Some((ticks, scale)) = vui(&sps)?.timing else {
            return fail("the VUI has no timing information");
        };
        ensure!(
            ticks > 0
                && u64::from(scale) * u64::from(numerator)
                    == 2 * u64::from(denominator) * u64::from(ticks),
            "timing is {ticks}/{scale} with a frame interval of {numerator}/{denominator}"
        );
    }
    Ok(())
}

fn restriction(target: &Target) -> Outcome {
    for references in [1, 0] {
        let sps = sps_after(target, |encoder| {
            let (mut sps, _) = encoder.parameter_sets()?;
            sps.max_num_ref_frames = references;
            Ok(encoder.set_sps(&sps)?)
        })?;
        equal(
            "max_num_reorder_frames and max_dec_frame_buffering",
            vui(&sps)?.restriction,
            Some((0, sps.max_num_ref_frames.into())),
        )?;
    }
    Ok(())
}

/// Colours of V4L2, and the code points of H.273 that say the same: range, primaries,
/// and what transfer characteristics and matrix can be.
type Colours = ([u32; 4], bool, u8, &'static [u8], &'static [u8]);

const COLOURS: [Colours; 6] = [
    (
        [
            V4L2_COLORSPACE_REC709,
            V4L2_YCBCR_ENC_709,
            V4L2_QUANTIZATION_LIM_RANGE,
            V4L2_XFER_FUNC_709,
        ],
        false,
        1,
        &[1, 6],
        &[1],
    ),
    (
        [
            V4L2_COLORSPACE_SMPTE170M,
            V4L2_YCBCR_ENC_601,
            V4L2_QUANTIZATION_LIM_RANGE,
            V4L2_XFER_FUNC_709,
        ],
        false,
        6,
        &[1, 6],
        &[5, 6],
    ),
    (
        [
            V4L2_COLORSPACE_JPEG,
            V4L2_YCBCR_ENC_601,
            V4L2_QUANTIZATION_FULL_RANGE,
            V4L2_XFER_FUNC_SRGB,
        ],
        true,
        1,
        &[13],
        &[5, 6],
    ),
    (
        [
            V4L2_COLORSPACE_BT2020,
            V4L2_YCBCR_ENC_BT2020,
            V4L2_QUANTIZATION_LIM_RANGE,
            V4L2_XFER_FUNC_709,
        ],
        false,
        9,
        &[1, 6, 14, 15],
        &[9],
    ),
    (
        [
            V4L2_COLORSPACE_DCI_P3,
            V4L2_YCBCR_ENC_709,
            V4L2_QUANTIZATION_LIM_RANGE,
            V4L2_XFER_FUNC_DCI_P3,
        ],
        false,
        11,
        &[17],
        &[1],
    ),
    // The transfer function of the colour space.
    (
        [
            V4L2_COLORSPACE_DCI_P3,
            V4L2_YCBCR_ENC_709,
            V4L2_QUANTIZATION_LIM_RANGE,
            V4L2_XFER_FUNC_DEFAULT,
        ],
        false,
        11,
        &[17],
        &[1],
    ),
];

fn colours(target: &Target) -> Outcome {
    let mut compared = 0;
    for (asked, full_range, primaries, transfers, matrices) in COLOURS {
        let mut kept = false;
        let sps = sps_after(target, |encoder| {
            let mut raw = encoder.format(OUTPUT)?;
            raw.set_colours(asked);
            let set = encoder.set_format(OUTPUT, raw).context("VIDIOC_S_FMT")?;
            kept = set.colours() == asked;
            Ok(())
        })?;
        if !kept {
            continue;
        }
        compared += 1;
        let vui = vui(&sps)?;
        equal(
            "video_full_range_flag",
            vui.full_range.unwrap_or(false),
            full_range,
        )?;
        let good = vui.colour.is_some_and(|(p, t, m)| {
            p == primaries && transfers.contains(&t) && matrices.contains(&m)
        });
        ensure!(
            good,
            "the VUI has {:?} of primaries {primaries}, transfer of {transfers:?}, matrix of {matrices:?}",
            vui.colour
        );
    }
    // The streams of the other tests leave their colours open.
    let sps = sps_after(target, |_| Ok(()))?;
    let vui = vui(&sps)?;
    equal("a colour description nobody gave", vui.colour, None)?;
    equal(
        "a full range nobody gave",
        vui.full_range.unwrap_or(false),
        false,
    )?;
    if compared == 0 {
        return unsupported("the driver keeps none of the colours that this test knows");
    }
    Ok(())
}

/// The SPS of a stream whose SPS asks for this, with a frame interval.
fn with_level(
    target: &Target,
    size: (u32, u32),
    interval: (u32, u32),
    ask: impl FnOnce(&mut v4l2_ctrl_h264_sps),
) -> Outcome<Sps> {
    let mut stream = Stream::of_size(target, size, |encoder| {
        let (mut sps, _) = encoder.parameter_sets()?;
        sps.constraint_set_flags &= !SET3;
        ask(&mut sps);
        encoder.set_sps(&sps)?;
        let fd = encoder.video.as_fd();
        let set = video::set_frame_interval(fd, OUTPUT, interval).context("VIDIOC_S_PARM")?;
        equal("the frame interval", set, interval)
    })?;
    Ok(stream.code_idr()?.active.0.clone())
}

const SET3: u8 = V4L2_H264_SPS_CONSTRAINT_SET3_FLAG as u8;

fn level(target: &Target) -> Outcome {
    let size = Encoder::open(target)?.size_near(SIZE)?;
    let lowest = h264::level_idc(size.0, size.1, (25, 1), 1);
    for (asked, wanted) in [(40, 40), (31, 31), (10, lowest), (0, lowest), (99, lowest)] {
        let sps = with_level(target, size, (1, 25), |sps| sps.level_idc = asked)?;
        let what = format!("level_idc, {asked} asked for,");
        equal(&what, sps.level_idc, wanted)?;
    }
    // Many pictures in a second need more, and some more than there is.
    for rate in [1000, 100_000, 1_000_000] {
        let sps = with_level(target, size, (1, rate), |sps| sps.level_idc = 10)?;
        let what = format!("level_idc at {rate} pictures/s");
        let wanted = h264::level_idc(size.0, size.1, (rate, 1), 1);
        equal(&what, sps.level_idc, wanted)?;
    }
    level_of_references(target)?;
    level_of_buffer(target)?;
    level_1b(target)
}

/// At this size and rate it is MaxDpbMbs that decides, from three frames on.
fn level_of_references(target: &Target) -> Outcome {
    let size = Encoder::open(target)?.size_near((352, 288))?;
    for asked in [1, 2, 3, 4, 16] {
        let sps = with_level(target, size, (1, 5), |sps| {
            sps.level_idc = 10;
            sps.max_num_ref_frames = asked;
        })?;
        let references = sps.max_num_ref_frames;
        let what = format!("level_idc of {references} reference frames");
        let wanted = h264::level_idc(size.0, size.1, (5, 1), references);
        equal(&what, sps.level_idc, wanted)?;
    }
    Ok(())
}

/// A stream that describes the decoder's buffer: MaxBR and MaxCPB count. Level 2 is the
/// lowest with 2 Mbit/s and one second of them.
fn level_of_buffer(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    if encoder.control(V4L2_CID_STATELESS_ENC_HRD).is_none() {
        return Ok(());
    }
    let size = encoder.size_near(SIZE)?;
    let lowest = h264::level_idc(size.0, size.1, (25, 1), 1).max(20);
    for (asked, wanted) in [(10, lowest), (13, lowest), (40, 40)] {
        let sps = with_level(target, size, (1, 25), |sps| sps.level_idc = asked)?;
        let plain = sps.level_idc;
        let mut stream = Stream::of_size(target, size, |encoder| {
            let (mut sps, _) = encoder.parameter_sets()?;
            sps.constraint_set_flags &= !SET3;
            sps.level_idc = asked;
            encoder.set_sps(&sps)?;
            for (id, value) in [
                (V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1),
                (
                    V4L2_CID_MPEG_VIDEO_BITRATE_MODE,
                    V4L2_MPEG_VIDEO_BITRATE_MODE_CBR as i32,
                ),
                (V4L2_CID_MPEG_VIDEO_BITRATE, 2_000_000),
                (V4L2_CID_STATELESS_ENC_HRD, 1),
            ] {
                encoder.set_value(id, value)?;
            }
            Ok(())
        })?;
        let sps = stream.code_idr()?.active.0.clone();
        let (what, wanted) = match vui(&sps)?.has_hrd {
            true => ("with HRD parameters", wanted),
            false => ("without HRD parameters", plain),
        };
        let what = format!("level_idc {what}, {asked} asked for,");
        equal(&what, sps.level_idc, wanted)?;
    }
    Ok(())
}

/// Level 1b is level_idc 11 with constraint_set3_flag, and has the limits of level 1.
fn level_1b(target: &Target) -> Outcome {
    let size = Encoder::open(target)?.size_near(SIZE)?;
    for (rate, references) in [(5, 1), (5, 16), (25, 1)] {
        let sps = with_level(target, size, (1, rate), |sps| {
            sps.level_idc = 11;
            sps.constraint_set_flags |= SET3;
            sps.max_num_ref_frames = references;
        })?;
        let wanted = h264::level_idc(size.0, size.1, (rate, 1), sps.max_num_ref_frames);
        equal(
            &format!("level_idc and constraint_set3_flag at {rate} pictures/s"),
            (sps.level_idc, sps.constraint_set_flags & SET3 != 0),
            // What level 1 suffices for, level 1b does.
            (wanted.max(11), wanted == 10),
        )?;
    }
    Ok(())
}

fn ids_and_lengths(target: &Target) -> Outcome {
    for (sps_id, pps_id, log2_frame_num, log2_order, init_qp, chroma) in [
        (0, 0, 0, 0, 0, 0),
        (5, 77, 3, 12, -26, -12),
        (31, 255, 12, 5, 25, 12),
    ] {
        let mut stream = Stream::prepared(target, |encoder| {
            let (mut sps, mut pps) = encoder.parameter_sets()?;
            sps.seq_parameter_set_id = sps_id;
            sps.log2_max_frame_num_minus4 = log2_frame_num;
            sps.pic_order_cnt_type = 0;
            sps.log2_max_pic_order_cnt_lsb_minus4 = log2_order;
            pps.pic_parameter_set_id = pps_id;
            pps.seq_parameter_set_id = sps_id;
            pps.pic_init_qp_minus26 = init_qp;
            pps.chroma_qp_index_offset = chroma;
            pps.second_chroma_qp_index_offset = chroma;
            encoder.set_sps(&sps)?;
            Ok(encoder.set_pps(&pps)?)
        })?;
        for params in [stream.idr(), stream.p()] {
            let params = super::encoder::Params {
                pic_parameter_set_id: pps_id,
                pic_order_cnt_lsb: stream.p().pic_order_cnt_lsb,
                ..params
            };
            let picture = stream.code(&params, &mut [])?;
            picture.keeps_all()?;
            let (sps, pps) = &picture.active;
            equal(
                "ids, lengths, and the type of the picture order",
                (
                    sps.seq_parameter_set_id,
                    pps.pic_parameter_set_id,
                    sps.log2_max_frame_num_minus4,
                    sps.pic_order_cnt_type,
                    sps.log2_max_pic_order_cnt_lsb_minus4,
                ),
                (sps_id, pps_id, log2_frame_num, 0, log2_order),
            )?;
            equal(
                "pic_init_qp_minus26 and chroma_qp_index_offset",
                (pps.pic_init_qp - 26, pps.chroma_qp_index_offset),
                (init_qp.into(), chroma.into()),
            )?;
        }
    }
    Ok(())
}
