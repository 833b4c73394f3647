// SPDX-License-Identifier: GPL-2.0

//! Parameter changes in mid-stream, dynamic resolution change, seek and flush.

use super::{
    cropping::{
        corner,
        half, //
    },
    encoder::{
        is_completed,
        wait_completed,
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
        usual_sps,
        Stream,
        BUFFERS, //
    },
    Test,
};
use crate::{
    error::Context,
    h264::decoder::{
        Decoder,
        Rule, //
    },
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        queue::is_error,
        request::Request,
        sys::{
            control::{
                ExtControl,
                Which, //
            },
            selection,
            video, //
        },
        uapi::*,
    },
};
use std::{
    os::fd::AsFd,
    thread,
    time::Duration, //
};

pub(super) const TESTS: &[Test] = &[
    ("ENC-CHG-1", at_any_time),
    ("ENC-CHG-2", refused_values),
    ("ENC-CHG-3", interval),
    ("ENC-RES-1", resolution),
    ("ENC-RES-2", crop_only),
    ("ENC-RES-3", controls_stay),
    ("ENC-FLUSH-1", sources_back),
    ("ENC-FLUSH-2", references_stay),
    ("ENC-FLUSH-3", stream_ends),
    ("ENC-FLUSH-4", sources_stay),
    ("ENC-FLUSH-5", closing),
];

/// Integer controls that the specification demands of every driver.
const INTEGERS: [u32; 9] = [
    V4L2_CID_MPEG_VIDEO_H264_PROFILE,
    V4L2_CID_MPEG_VIDEO_H264_LEVEL,
    V4L2_CID_MPEG_VIDEO_AU_DELIMITER,
    V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR,
    V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE,
    V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP,
    V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP,
    V4L2_CID_MPEG_VIDEO_H264_MIN_QP,
    V4L2_CID_MPEG_VIDEO_H264_MAX_QP,
];

fn at_any_time(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    let (mut sps, mut pps) = stream.encoder.parameter_sets()?;
    let mut params = stream.p();
    // On the file, with a request that waits, and in another request.
    let waiting = stream.encoder.request()?;
    stream.queue(&waiting, 1, &params)?;
    for id in INTEGERS {
        let value = stream.encoder.value(id)?;
        stream.encoder.set_value(id, value)?;
        let request = stream.encoder.request()?;
        stream
            .encoder
            .set_in(&request, &mut [ExtControl::int(id, value)])?;
    }
    stream.encoder.set_sps(&sps)?;
    stream.encoder.set_pps(&pps)?;
    stream.encoder.set_params(&params)?;
    let request = stream.encoder.request()?;
    stream.encoder.set_in(
        &request,
        &mut [
            ExtControl::compound(V4L2_CID_STATELESS_H264_SPS, &mut sps),
            ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps),
            ExtControl::compound(V4L2_CID_STATELESS_H264_ENCODE_PARAMS, &mut params),
        ],
    )?;
    Ok(())
}

fn refused_values(target: &Target) -> Outcome {
    let stream = Stream::new(target)?;
    let encoder = &stream.encoder;
    let read = || -> Outcome<Params> {
        Ok(encoder.compound(Which::Current, V4L2_CID_STATELESS_H264_ENCODE_PARAMS)?)
    };
    let before = read()?;
    let wrong = Params {
        nal_ref_idc: 2,
        frame_num: 77,
        slice_beta_offset_div2: 9,
        ..idr()
    };
    ensure!(
        encoder.set_params(&wrong).is_err(),
        "a deblocking offset of 9 is not refused"
    );
    let after = read()?;
    equal(
        "the encode parameters",
        (
            after.nal_ref_idc,
            after.frame_num,
            after.slice_beta_offset_div2,
        ),
        (
            before.nal_ref_idc,
            before.frame_num,
            before.slice_beta_offset_div2,
        ),
    )?;
    let id = V4L2_CID_STATELESS_H264_START_CODE;
    if encoder.control(id).is_some() {
        let before = encoder.value(id)?;
        ensure!(
            encoder.set_value(id, 99).is_err(),
            "item 99 of the start codes is not refused"
        );
        equal("the start codes", encoder.value(id)?, before)?;
    }
    Ok(())
}

fn interval(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    let fd = stream.encoder.video.as_fd();
    video::set_frame_interval(fd, OUTPUT, (1, 50)).context("VIDIOC_S_PARM while streaming")?;
    stream.code_p()?.keeps_all()?;
    let picture = stream.code_idr()?;
    let timing = picture.active.0.vui.as_ref().and_then(|vui| vui.timing);
    let good = timing
        .is_some_and(|(ticks, scale)| ticks > 0 && u64::from(scale) == 100 * u64::from(ticks));
    ensure!(good, "timing is {timing:?}, and there are 50 pictures/s");
    ensure!(picture.sps.is_some(), "the IDR picture brings no SPS");
    Ok(())
}

/// Changes the size of the source, on the open file.
pub(super) fn resize(stream: &mut Stream, size: (u32, u32)) -> Outcome {
    stream.encoder.stop()?;
    stream.unmap();
    stream.encoder.free()?;
    stream.encoder.set_size(size)?;
    stream.encoder.allocate(BUFFERS)?;
    stream.encoder.start()?;
    stream.map()?;
    stream.begin_reading();
    Ok(())
}

fn resolution(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    stream.code_p()?;
    for wanted in [(320, 240), (64, 48), (640, 360)] {
        let size = stream.encoder.size_near(wanted)?;
        stream.encoder.set_sps(&usual_sps(size))?;
        resize(&mut stream, size)?;
        let picture = stream.code_idr()?;
        picture.keeps_all()?;
        equal("parameter sets", picture.brings(), (true, true))?;
        equal(
            "the visible size",
            picture.active.0.visible_size(),
            (size.0.into(), size.1.into()),
        )?;
        stream.code_p()?.keeps_all()?;
    }
    Ok(())
}

fn crop_only(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    let size = stream.encoder.format(OUTPUT)?;
    let size = (size.width(), size.height());
    let part = half(&stream.encoder, size)?;
    // Smaller, and as large again as when the buffers were allocated.
    for part in [part, size, part] {
        stream.encoder.stop()?;
        let fd = stream.encoder.video.as_fd();
        let set = selection::set(fd, OUTPUT, V4L2_SEL_TGT_CROP, corner(part), 0)
            .context("VIDIOC_S_SELECTION with buffers")?;
        equal("the rectangle", set, corner(part))?;
        stream.encoder.start()?;
        stream.begin_reading();
        let picture = stream.code_idr()?;
        equal(
            "the visible size",
            picture.active.0.visible_size(),
            (part.0.into(), part.1.into()),
        )?;
        stream.code_p()?.keeps_all()?;
    }
    Ok(())
}

fn controls_stay(target: &Target) -> Outcome {
    let stream = Stream::new(target)?;
    let encoder = &stream.encoder;
    let wanted = [
        (V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP, 17),
        (V4L2_CID_MPEG_VIDEO_AU_DELIMITER, 1),
    ];
    for (id, value) in wanted {
        encoder.set_value(id, value)?;
    }
    encoder.set_params(&Params {
        idr_pic_id: 9,
        ..idr()
    })?;
    let size = encoder.size_near((320, 240))?;
    encoder.stop()?;
    let mut stream = stream;
    stream.unmap();
    let encoder = &stream.encoder;
    encoder.free()?;
    encoder.set_size(size)?;
    for (id, value) in wanted {
        equal(&format!("control {id:#x}"), encoder.value(id)?, value)?;
    }
    let params: Params = encoder.compound(Which::Current, V4L2_CID_STATELESS_H264_ENCODE_PARAMS)?;
    equal("idr_pic_id", params.idr_pic_id, 9)?;
    let (sps, _) = encoder.parameter_sets()?;
    equal(
        "log2_max_frame_num_minus4",
        sps.log2_max_frame_num_minus4,
        4,
    )
}

/// Rounds of a test that stops while pictures are coded.
const ROUNDS: u64 = 24;

/// Queues an IDR picture and P pictures, with some CAPTURE buffers, so that the job of
/// one may run now and others have both buffers or wait for one; then some time
/// passes, another in each round.
fn under_way(stream: &mut Stream, round: u64) -> Outcome<Vec<Request>> {
    let mut requests = Vec::new();
    for index in 0..BUFFERS {
        let params = match index {
            0 => idr(),
            _ => Params {
                pic_order_cnt_lsb: (2 * index) as u16,
                ..stream.p()
            },
        };
        let request = stream.encoder.request()?;
        stream.queue(&request, index, &params)?;
        requests.push(request);
    }
    // None, one and so on up to all.
    for index in 0..(round % (u64::from(BUFFERS) + 1)) as u32 {
        stream.queue_coded(index)?;
    }
    thread::sleep(Duration::from_micros(round * round * 20));
    Ok(requests)
}

fn sources_back(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for round in 0..ROUNDS {
        let requests = under_way(&mut stream, round)?;
        stream.encoder.stream_off(OUTPUT)?;
        // VIDIOC_STREAMOFF completes them, and nothing later does.
        for (number, request) in requests.iter().enumerate() {
            ensure!(
                is_completed(request),
                "request {number} is not completed after VIDIOC_STREAMOFF in round {round}"
            );
        }
        stream.encoder.stream_on(OUTPUT)?;
        // They can be queued again.
        for (index, request) in (0..).zip(&requests) {
            request.reinit().context("MEDIA_REQUEST_IOC_REINIT")?;
            stream.queue(request, index, &idr())?;
        }
        // The stream begins anew, and is as good as the first. Nobody has read what was
        // coded meanwhile.
        stream.encoder.stop()?;
        stream.encoder.start()?;
        stream.decoder = Decoder::default();
        stream.code_idr()?.keeps_all()?;
        stream.code_p()?.keeps_all()?;
    }
    Ok(())
}

fn references_stay(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    let last = stream.code_p()?.serial;
    stream.encoder.stream_off(OUTPUT)?;
    stream.encoder.stream_on(OUTPUT)?;
    let picture = stream.code_p()?;
    picture.keeps_all()?;
    equal("the reference", picture.list0.first().copied(), Some(last))?;
    equal("parameter sets", picture.brings(), (false, false))
}

fn stream_ends(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for _ in 0..2 {
        let params = Params {
            idr_pic_id: 4,
            ..idr()
        };
        let picture = stream.code(&params, &mut [])?;
        picture.keeps(Rule::IdrPicId)?;
        equal("parameter sets", picture.brings(), (true, true))?;
        stream.code_p()?.keeps_all()?;
        let p = stream.p();
        stream.encoder.stream_off(CAPTURE)?;
        stream.encoder.stream_on(CAPTURE)?;
        stream.fails("a P picture in front of a stream", &p, &mut [])?;
        stream.begin_reading();
    }
    Ok(())
}

fn sources_stay(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let mut requests = Vec::new();
    for index in 0..2 {
        let request = stream.encoder.request()?;
        stream.queue(&request, index, &idr())?;
        requests.push(request);
    }
    stream.encoder.stream_off(CAPTURE)?;
    for request in &requests {
        ensure!(
            !is_completed(request),
            "VIDIOC_STREAMOFF of CAPTURE completes a request that waits"
        );
    }
    stream.encoder.stream_on(CAPTURE)?;
    for request in &requests {
        stream.queue_coded(0)?;
        wait_completed(request)?;
        let buffer = stream.encoder.dequeue(CAPTURE)?;
        stream.encoder.dequeue(OUTPUT)?;
        if is_error(&buffer) {
            return fail("a picture that waited for VIDIOC_STREAMON fails");
        }
    }
    Ok(())
}

fn closing(target: &Target) -> Outcome {
    for round in 0..ROUNDS {
        let mut stream = Stream::new(target)?;
        let requests = under_way(&mut stream, round)?;
        drop(stream);
        for request in &requests {
            wait_completed(request)?;
        }
    }
    // The encoder is as good as before.
    let mut stream = Stream::new(target)?;
    stream.code_idr()?.keeps_all()?;
    stream.code_p()?.keeps_all()
}
