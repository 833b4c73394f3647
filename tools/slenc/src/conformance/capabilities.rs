// SPDX-License-Identifier: GPL-2.0

//! Querying capabilities.

use super::{
    encoder::{
        wait_completed,
        Encoder,
        Params,
        Target, //
    },
    expect::{
        ensure,
        equal,
        fail,
        Outcome, //
    },
    stream::{
        idr,
        Stream,
        BUFFERS, //
    },
    Test,
};
use crate::{
    error::Context,
    h264::parameter_sets::Sps,
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        fourcc_name,
        media::node_number,
        uapi::*,
    },
};

pub(super) const TESTS: &[Test] = &[
    ("ENC-CAP-1", node),
    ("ENC-CAP-2", entity),
    ("ENC-CAP-3", coded_formats),
    ("ENC-CAP-4", raw_formats),
    ("ENC-CAP-5", sizes),
    ("ENC-CAP-6", requests),
    ("ENC-CAP-7", memory),
    ("ENC-CAP-8", layouts),
    ("ENC-CAP-9", profiles),
    ("ENC-CAP-10", capabilities_only),
    ("ENC-CAP-11", one_owner),
    ("ENC-CAP-12", files),
];

fn node(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let caps = encoder.video.capability().device_caps;
    let needed = V4L2_CAP_STREAMING | V4L2_CAP_VIDEO_M2M_MPLANE;
    equal("of device_caps", caps & needed, needed)
}

fn entity(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let number = node_number(&target.path).context("the node's number")?;
    ensure!(
        encoder.media.encoder_nodes().contains(&number),
        "no encoder of {} is linked to the node",
        encoder.media.path().display()
    );
    for pads in encoder.media.encoder_pads() {
        equal("sink and source pads of the encoder", pads, (1, 1))?;
    }
    Ok(())
}

fn coded_formats(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let before = encoder.video.formats(CAPTURE)?;
    ensure!(
        before
            .iter()
            .any(|format| format.fourcc == V4L2_PIX_FMT_H264_SLICE),
        "CAPTURE does not list {}",
        fourcc_name(V4L2_PIX_FMT_H264_SLICE)
    );
    let size = encoder.size_near(super::encoder::SIZE)?;
    for fourcc in encoder.raw_formats()? {
        let raw = encoder.raw(fourcc, size)?;
        encoder.set_format(OUTPUT, raw).context("VIDIOC_S_FMT")?;
        let after = encoder.video.formats(CAPTURE)?;
        equal("the list of coded formats", &after, &before)?;
    }
    Ok(())
}

fn raw_formats(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let formats = encoder.raw_formats()?;
    ensure!(!formats.is_empty(), "OUTPUT lists no format");
    let size = encoder.size_near(super::encoder::SIZE)?;
    for fourcc in formats {
        let raw = encoder.raw(fourcc, size)?;
        let set = encoder.set_format(OUTPUT, raw).context("VIDIOC_S_FMT")?;
        equal(
            "the raw format",
            fourcc_name(set.fourcc()),
            fourcc_name(fourcc),
        )?;
    }
    Ok(())
}

fn sizes(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    encoder.sizes(V4L2_PIX_FMT_H264_SLICE)?;
    for fourcc in encoder.raw_formats()? {
        let range = encoder.sizes(fourcc)?;
        for size in [
            (range.width.0, range.height.0),
            (range.width.1, range.height.1),
        ] {
            let raw = encoder.raw(fourcc, size)?;
            let set = encoder.set_format(OUTPUT, raw).context("VIDIOC_S_FMT")?;
            equal("the size", (set.width(), set.height()), size)?;
        }
    }
    Ok(())
}

fn requests(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    for (queue, wanted) in [(OUTPUT, true), (CAPTURE, false)] {
        let caps = encoder.buffer_capabilities(queue)?;
        let has = caps & V4L2_BUF_CAP_SUPPORTS_REQUESTS != 0;
        equal(
            &format!("SUPPORTS_REQUESTS of {}", super::encoder::queue_name(queue)),
            has,
            wanted,
        )?;
    }
    Ok(())
}

fn memory(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let needed = V4L2_BUF_CAP_SUPPORTS_MMAP
        | V4L2_BUF_CAP_SUPPORTS_DMABUF
        | V4L2_BUF_CAP_SUPPORTS_ORPHANED_BUFS;
    for queue in [OUTPUT, CAPTURE] {
        let caps = encoder.buffer_capabilities(queue)?;
        equal("of the buffer capabilities", caps & needed, needed)?;
    }
    Ok(())
}

fn layouts(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    for (id, size) in [
        (V4L2_CID_STATELESS_H264_SPS, 1048),
        (V4L2_CID_STATELESS_H264_PPS, 12),
        (V4L2_CID_STATELESS_H264_ENCODE_PARAMS, 44),
    ] {
        let control = encoder.has_control(id)?;
        equal(&format!("elem_size of {id:#x}"), control.size, Some(size))?;
        equal(&format!("elems of {id:#x}"), control.elements, 1)?;
    }
    Ok(())
}

/// What an SPS says of a profile of the menu, of those that code 4:2:0 with 8 bits:
/// profile_idc and constraint_set_flags.
fn profile(index: u32) -> Option<(u8, u32)> {
    match index {
        V4L2_MPEG_VIDEO_H264_PROFILE_BASELINE => Some((66, 0)),
        V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE => {
            Some((66, V4L2_H264_SPS_CONSTRAINT_SET1_FLAG))
        }
        V4L2_MPEG_VIDEO_H264_PROFILE_MAIN => Some((77, 0)),
        V4L2_MPEG_VIDEO_H264_PROFILE_HIGH => Some((100, 0)),
        _ => None,
    }
}

fn profiles(target: &Target) -> Outcome {
    let menu = Encoder::open(target)?
        .has_control(V4L2_CID_MPEG_VIDEO_H264_PROFILE)?
        .menu;
    ensure!(!menu.is_empty(), "the menu of profiles is empty");
    for item in menu {
        let Some((idc, flags)) = profile(item.index) else {
            continue;
        };
        let mut stream = Stream::prepared(target, |encoder| {
            let (mut sps, _) = encoder.parameter_sets()?;
            sps.profile_idc = idc;
            sps.constraint_set_flags = flags as u8;
            Ok(encoder.set_sps(&sps)?)
        })?;
        let sps = stream.code_idr()?.active.0.clone();
        equal(
            &format!("profile_idc, {} asked for,", item.name),
            sps.profile_idc,
            idc,
        )?;
        equal(
            &format!("of constraint_set_flags, {} asked for,", item.name),
            u32::from(sps.constraint_set_flags) & flags,
            flags,
        )?;
    }
    Ok(())
}

fn capabilities_only(target: &Target) -> Outcome {
    let sps_with = |values: &[(u32, i64)]| -> Outcome<Sps> {
        let mut stream = Stream::prepared(target, |encoder| {
            for &(id, value) in values {
                // A driver may as well refuse to set what has one value only.
                let _ = encoder.set_value(id, value as i32);
            }
            Ok(())
        })?;
        Ok(stream.code_idr()?.active.0.clone())
    };
    let encoder = Encoder::open(target)?;
    let level = encoder.has_control(V4L2_CID_MPEG_VIDEO_H264_LEVEL)?;
    let profile = encoder.has_control(V4L2_CID_MPEG_VIDEO_H264_PROFILE)?;
    let without = sps_with(&[])?;
    for (level_value, profile_value) in [
        (level.minimum, profile.minimum),
        (level.maximum, profile.maximum),
    ] {
        let with = sps_with(&[(level.id, level_value), (profile.id, profile_value)])?;
        ensure!(
            with == without,
            "the SPS is not the same with another level and profile: {with:?}, {without:?}"
        );
    }
    Ok(())
}

fn one_owner(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    for id in [
        V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME,
        V4L2_CID_MPEG_VIDEO_GOP_SIZE,
        V4L2_CID_MPEG_VIDEO_GOP_CLOSURE,
        V4L2_CID_MPEG_VIDEO_B_FRAMES,
        V4L2_CID_MPEG_VIDEO_H264_I_PERIOD,
        V4L2_CID_MPEG_VIDEO_H264_ENTROPY_MODE,
        V4L2_CID_MPEG_VIDEO_H264_8X8_TRANSFORM,
        V4L2_CID_MPEG_VIDEO_H264_LOOP_FILTER_MODE,
        V4L2_CID_MPEG_VIDEO_H264_LOOP_FILTER_ALPHA,
        V4L2_CID_MPEG_VIDEO_H264_LOOP_FILTER_BETA,
        V4L2_CID_MPEG_VIDEO_H264_HIERARCHICAL_CODING,
    ] {
        if let Some(control) = encoder.control(id) {
            return fail(format!("the control \"{}\" ({id:#x}) exists", control.name));
        }
    }
    Ok(())
}

fn files(target: &Target) -> Outcome {
    let mut first = Stream::new(target)?;
    let mut second = Stream::of_size(target, (320, 240), |_| Ok(()))?;
    let sizes = [&first, &second].map(|stream| stream.encoder.format(OUTPUT));
    let id = V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP;
    first.encoder.set_value(id, 40)?;
    second.encoder.set_value(id, 20)?;
    equal("the QP of another file", first.encoder.value(id)?, 40)?;
    for number in 0..4 {
        for (stream, qp, size) in [(&mut first, 40, &sizes[0]), (&mut second, 20, &sizes[1])] {
            let picture = match number {
                0 => stream.code_idr()?,
                _ => stream.code_p()?,
            };
            picture.keeps_all()?;
            if number == 0 {
                equal("the QP", picture.slice().qp, qp)?;
            }
            if let (0, Ok(format)) = (number, size) {
                let (width, height) = picture.active.0.visible_size();
                equal(
                    "the size",
                    (width, height),
                    (format.width().into(), format.height().into()),
                )?;
            }
        }
    }
    at_once(&mut first, &mut second)
}

/// Queues pictures on both files, and gives CAPTURE buffers to one and the other in
/// turns: the hardware is never without a picture of either.
fn at_once(first: &mut Stream, second: &mut Stream) -> Outcome {
    const QPS: [i32; 2] = [40, 20];
    let mut queued = Vec::new();
    for index in 0..BUFFERS {
        for (file, stream) in [&mut *first, &mut *second].into_iter().enumerate() {
            // Not the same types: a picture of the one's would be wrong in the other.
            let params = match (index + file as u32) % 3 {
                0 => idr(),
                _ => Params {
                    pic_order_cnt_lsb: (40 + 2 * index) as u16,
                    ..stream.p()
                },
            };
            let request = stream.encoder.request()?;
            let name = stream.queue(&request, index, &params)?;
            queued.push((file, request, name, params));
        }
    }
    for index in 0..BUFFERS {
        first.queue_coded(index)?;
        second.queue_coded(index)?;
    }
    for (file, request, name, params) in &queued {
        let stream = if *file == 0 {
            &mut *first
        } else {
            &mut *second
        };
        wait_completed(request)?;
        let buffer = stream.encoder.dequeue(CAPTURE)?;
        stream.encoder.dequeue(OUTPUT)?;
        let picture = stream.read(buffer)?;
        picture.keeps_all()?;
        equal("the timestamp", picture.name, *name)?;
        let is_idr = params.flags & V4L2_H264_ENCODE_FLAG_IDR_PIC != 0;
        equal("whether it is an IDR picture", picture.slice().idr, is_idr)?;
        if is_idr {
            equal("the QP", picture.slice().qp, QPS[*file])?;
        }
    }
    Ok(())
}
