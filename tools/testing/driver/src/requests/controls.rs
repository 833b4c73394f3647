// SPDX-License-Identifier: GPL-2.0

//! Controls in requests and on the file, and statistics.

use super::Test;
use crate::{
    encoder::{
        idr,
        predicted,
        Encoder,
        SIZE, //
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
    h264,
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        request::Request,
        sys::{
            control::{
                self,
                ControlError,
                ExtControl,
                Which, //
            },
            video,
        },
        uapi::*,
    },
};
use std::{
    io,
    os::fd::AsFd, //
};

pub(super) const TESTS: &[Test] = &[
    (
        "controls in a request show neither on its file before it runs nor ever on another",
        no_leak,
    ),
    (
        "the file's controls can be changed while a request with others waits",
        values_of_their_own,
    ),
    (
        "the file shows SPS and PPS as adapted, the request as asked for",
        adapted_parameter_sets,
    ),
    (
        "a completed request's statistics are those of its buffer, to the byte",
        statistics,
    ),
    (
        "the file's statistics are those of the CAPTURE buffer dequeued last",
        statistics_of_the_file,
    ),
    ("FRAME_QP in a request is the QP of its picture", frame_qp),
    ("IDR pictures in a row differ in idr_pic_id", idr_pic_ids),
];

fn set_in(encoder: &Encoder, request: &Request, controls: &mut [ExtControl<'_>]) -> Result<()> {
    control::set(
        encoder.video.as_fd(),
        Which::Request(request.as_fd()),
        controls,
    )
    .map_err(|err| err.source)
    .context("S_EXT_CTRLS in a request")
}

fn source(err: ControlError) -> io::Error {
    err.source
}

const FRAME_QP: u32 = V4L2_CID_STATELESS_ENC_FRAME_QP;

fn no_leak() -> Result<()> {
    let (encoder, other) = (Encoder::streaming()?, Encoder::streaming()?);
    let request = encoder.request()?;
    set_in(&encoder, &request, &mut [ExtControl::int(FRAME_QP, 33)])?;
    equal("FRAME_QP when set", encoder.value(FRAME_QP)?, -1)?;
    encoder
        .set_params(&request, &idr())
        .map_err(source)
        .context("ENCODE_PARAMS")?;
    encoder
        .queue_source(0, 0, Some(&request))
        .context("QBUF OUTPUT")?;
    request.queue().context("REQUEST_IOC_QUEUE")?;
    equal("FRAME_QP when queued", encoder.value(FRAME_QP)?, -1)?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    encoder.complete(&request)?;
    equal("FRAME_QP of another file", other.value(FRAME_QP)?, -1)
}

fn values_of_their_own() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    set_in(&encoder, &request, &mut [ExtControl::int(FRAME_QP, 33)])?;
    encoder
        .set_params(&request, &idr())
        .map_err(source)
        .context("ENCODE_PARAMS")?;
    encoder
        .queue_source(0, 0, Some(&request))
        .context("QBUF OUTPUT")?;
    request.queue().context("REQUEST_IOC_QUEUE")?;
    encoder
        .set(&mut [ExtControl::int(FRAME_QP, 44)])
        .map_err(source)
        .context("FRAME_QP")?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    encoder.complete(&request)?;
    let mut asked = [ExtControl::int(FRAME_QP, 0)];
    let which = Which::Request(request.as_fd());
    control::get(encoder.video.as_fd(), which, &mut asked)
        .map_err(source)
        .context("G_EXT_CTRLS")?;
    equal("FRAME_QP of the request", asked[0].value(), 33)?;
    let stats = encoder
        .stats(&request)
        .map_err(source)
        .context("statistics")?;
    equal("QP used", stats.qp_requested, 33)
}

fn adapted_parameter_sets() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    // What a client may ask for that not all hardware has, or that cannot be.
    let main = encoder.codes_main();
    let mut sps = h264::sps(SIZE.0, SIZE.1, (25, 1));
    sps.profile_idc = 77;
    sps.constraint_set_flags = 0;
    sps.max_num_ref_frames = 4;
    sps.pic_width_in_mbs_minus1 = 99;
    let mut pps = h264::pps();
    pps.flags |= V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE as u16;
    set_in(
        &encoder,
        &request,
        &mut [
            ExtControl::compound(V4L2_CID_STATELESS_H264_SPS, &mut sps),
            ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps),
        ],
    )?;
    encoder.encode(&request, &idr())?;

    let read = |which| -> Result<(v4l2_ctrl_h264_sps, v4l2_ctrl_h264_pps)> {
        Ok((
            encoder
                .compound(which, V4L2_CID_STATELESS_H264_SPS)
                .map_err(source)
                .context("SPS")?,
            encoder
                .compound(which, V4L2_CID_STATELESS_H264_PPS)
                .map_err(source)
                .context("PPS")?,
        ))
    };
    let cabac = |pps: &v4l2_ctrl_h264_pps| {
        u32::from(pps.flags) & V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE != 0
    };
    let (asked, asked_pps) = read(Which::Request(request.as_fd()))?;
    equal("profile_idc asked for", asked.profile_idc, 77)?;
    equal("references asked for", asked.max_num_ref_frames, 4)?;
    equal("width asked for", asked.pic_width_in_mbs_minus1, 99)?;
    equal("CABAC asked for", cabac(&asked_pps), true)?;
    let (used, used_pps) = read(Which::Current)?;
    equal("profile_idc", used.profile_idc, if main { 77 } else { 66 })?;
    equal("references", used.max_num_ref_frames, 1)?;
    equal("width", used.pic_width_in_mbs_minus1, 10)?;
    equal("height", used.pic_height_in_map_units_minus1, 8)?;
    equal("CABAC", cabac(&used_pps), main)
}

fn statistics() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let requests = [encoder.request()?, encoder.request()?];
    let pictures = [idr(), predicted()];
    let mut sizes = Vec::new();
    for (index, (request, params)) in (0..).zip(requests.iter().zip(&pictures)) {
        encoder.submit(request, index, params)?;
    }
    for request in &requests {
        sizes.push(encoder.complete(request)?.bytes_used[0]);
    }
    for (index, request) in (0u32..).zip(&requests) {
        let stats = encoder
            .stats(request)
            .map_err(source)
            .context("statistics")?;
        let picture = &pictures[index as usize];
        equal("bytes", stats.bytes, sizes[index as usize])?;
        equal("timestamp", stats.timestamp, u64::from(index) * 1000)?;
        equal("sequence", stats.sequence, index)?;
        equal("slice_type", stats.slice_type, picture.slice_type)?;
        equal("nal_ref_idc", stats.nal_ref_idc, picture.nal_ref_idc)?;
        equal("frame_num", stats.frame_num, picture.frame_num)?;
        let idr = V4L2_STATELESS_ENC_STATS_FLAG_IDR;
        equal("flags", stats.flags, if index == 0 { idr } else { 0 })?;
        let valid = V4L2_STATELESS_ENC_STATS_VALID_BYTES | V4L2_STATELESS_ENC_STATS_VALID_QP_MEAN;
        equal("valid", stats.valid & valid, valid)?;
    }
    requests[0].reinit().context("REINIT")?;
    refused(
        "statistics after REINIT",
        Errno::ACCESS,
        encoder.stats(&requests[0]).map(|stats| stats.bytes),
    )
}

fn statistics_of_the_file() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let read = || {
        encoder
            .compound::<v4l2_ctrl_stateless_enc_stats>(Which::Current, V4L2_CID_STATELESS_ENC_STATS)
            .map_err(source)
            .context("statistics")
    };
    equal("valid before the first picture", read()?.valid, 0)?;
    for index in 0..2 {
        encoder
            .queue_source(index, index.into(), None)
            .context("QBUF OUTPUT")?;
        encoder.queue_coded(index).context("QBUF CAPTURE")?;
    }
    for _ in 0..2 {
        let coded = encoder.dequeue(CAPTURE)?;
        encoder.dequeue(OUTPUT)?;
        let stats = read()?;
        equal("bytes", stats.bytes, coded.bytes_used[0])?;
        equal("sequence", stats.sequence, coded.sequence)?;
        let qp = encoder.value(V4L2_CID_MPEG_VIDEO_AVERAGE_QP)?;
        equal("AVERAGE_QP", qp, (stats.qp_mean + 128) / 256)?;
    }
    Ok(())
}

fn frame_qp() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    let mut sizes = Vec::new();
    // Something to code: the luma is a ramp.
    let ramp: Vec<u8> = (0..SIZE.0 * SIZE.1)
        .map(|i| ((i % SIZE.0) * (i / SIZE.0) / 7) as u8)
        .collect();
    encoder.map(OUTPUT, 0)?.write(0, &ramp);
    for qp in [10, 30, 50] {
        set_in(&encoder, &request, &mut [ExtControl::int(FRAME_QP, qp)])?;
        sizes.push(encoder.encode(&request, &idr())?.bytes_used[0]);
        let stats = encoder
            .stats(&request)
            .map_err(source)
            .context("statistics")?;
        equal("QP", i32::from(stats.qp_requested), qp)?;
        request.reinit().context("REINIT")?;
    }
    ensure!(
        sizes[0] > sizes[1] && sizes[1] > sizes[2],
        "sizes with QP 10, 30 and 50 are {sizes:?}"
    );
    let beyond = control::set(
        encoder.video.as_fd(),
        Which::Request(request.as_fd()),
        &mut [ExtControl::int(FRAME_QP, 52)],
    );
    // Integers out of range are clamped, as the control framework does.
    ensure!(beyond.is_ok(), "FRAME_QP 52 is refused: {beyond:?}");
    encoder.encode(&request, &idr())?;
    let stats = encoder
        .stats(&request)
        .map_err(source)
        .context("statistics")?;
    equal("QP", stats.qp_requested, 51)?;
    video::stream_off(encoder.video.as_fd(), OUTPUT).context("STREAMOFF")
}

fn idr_pic_ids() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    let mut last = None;
    for _ in 0..4 {
        // Always with idr_pic_id 0.
        encoder.encode(&request, &idr())?;
        let stats = encoder
            .stats(&request)
            .map_err(source)
            .context("statistics")?;
        ensure!(
            last != Some(stats.idr_pic_id),
            "idr_pic_id is {} twice",
            stats.idr_pic_id
        );
        last = Some(stats.idr_pic_id);
        request.reinit().context("REINIT")?;
    }
    Ok(())
}
