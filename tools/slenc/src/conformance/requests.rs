// SPDX-License-Identifier: GPL-2.0

//! Encoding: what one request holds.

use super::{
    encoder::{
        is_completed,
        wait_completed,
        Target, //
    },
    expect::{
        ensure,
        equal,
        fail,
        refused,
        Finding,
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
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        request::Request,
        sys::{
            control::{
                ExtControl,
                Which, //
            },
            video,
        },
        uapi::*,
    },
};
use rustix::io::Errno;
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    ("ENC-REQ-1", no_source),
    ("ENC-REQ-2", two_sources),
    ("ENC-REQ-3", capture_in_request),
    ("ENC-REQ-4", values_stay),
    ("ENC-REQ-5", values_of_its_own),
    ("ENC-REQ-6", without_requests),
];

const QP: u32 = V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP;

fn no_source(target: &Target) -> Outcome {
    let stream = Stream::new(target)?;
    let request = stream.encoder.request()?;
    refused("queueing an empty request", Errno::NOENT, request.queue())?;
    stream
        .encoder
        .set_in(&request, &mut [ExtControl::int(QP, 30)])?;
    refused(
        "queueing a request with controls only",
        Errno::NOENT,
        request.queue(),
    )
}

fn two_sources(target: &Target) -> Outcome {
    let stream = Stream::new(target)?;
    let request = stream.encoder.request()?;
    for index in 0..2 {
        stream
            .encoder
            .queue_source(index, 1, Some(&request))
            .context("VIDIOC_QBUF on OUTPUT")?;
    }
    refused(
        "queueing a request with two OUTPUT buffers",
        Errno::INVAL,
        request.queue(),
    )
}

fn capture_in_request(target: &Target) -> Outcome {
    let stream = Stream::new(target)?;
    let request = stream.encoder.request()?;
    let fd = stream.encoder.video.as_fd();
    match video::queue_buffer(fd, CAPTURE, 0, &[0], 0, Some(request.as_fd())) {
        Err(_) => Ok(()),
        Ok(()) => fail("VIDIOC_QBUF on CAPTURE takes a request"),
    }
}

/// A request with a QP that waits for a CAPTURE buffer.
fn waiting(stream: &mut Stream, qp: i32) -> Outcome<Request> {
    let request = stream.encoder.request()?;
    stream
        .encoder
        .set_in(&request, &mut [ExtControl::int(QP, qp)])?;
    stream.queue(&request, 0, &idr())?;
    ensure!(
        !is_completed(&request),
        "a request completes without a CAPTURE buffer"
    );
    Ok(request)
}

/// Gives a CAPTURE buffer to a request that waits: the QP that its picture has.
fn coded_qp(stream: &mut Stream, request: &Request) -> Outcome<i32> {
    stream.queue_coded(0)?;
    wait_completed(request)?;
    let buffer = stream.encoder.dequeue(CAPTURE)?;
    stream.encoder.dequeue(OUTPUT)?;
    Ok(stream.read(buffer)?.slice().qp)
}

fn values_stay(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.encoder.set_value(QP, 25)?;
    let request = stream.encoder.request()?;
    stream
        .encoder
        .set_in(&request, &mut [ExtControl::int(QP, 33)])?;
    equal(
        "the current value after setting one in a request",
        stream.encoder.value(QP)?,
        25,
    )?;
    let request = waiting(&mut stream, 33)?;
    equal(
        "the current value while the request waits",
        stream.encoder.value(QP)?,
        25,
    )?;
    let qp = coded_qp(&mut stream, &request)?;
    equal("the QP of the request's picture", qp, 33)?;
    equal(
        "the current value after the picture",
        stream.encoder.value(QP)?,
        33,
    )?;
    let next = stream.code_idr()?;
    equal("the QP of the next picture", next.slice().qp, 33)
}

fn values_of_its_own(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let request = waiting(&mut stream, 33)?;
    stream.encoder.set_value(QP, 44)?;
    let qp = coded_qp(&mut stream, &request)?;
    equal("the QP of the request's picture", qp, 33)?;
    let asked = stream
        .encoder
        .value_of(Which::Request(request.as_fd()), QP)?;
    equal("the value of the completed request", asked, 33)
}

fn without_requests(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    match stream.encoder.need_plain_buffers() {
        // With this errno, and no other.
        Err(Finding::Unsupported(_)) => return Ok(()),
        result => result?,
    }
    for qp in [20, 40] {
        stream.encoder.set_value(QP, qp)?;
        stream.encoder.set_params(&idr())?;
        let picture = stream.code_plain()?;
        picture.keeps_all()?;
        equal("the QP", picture.slice().qp, qp)?;
        ensure!(picture.slice().idr, "the picture is no IDR picture");
    }
    let params = stream.p();
    stream.encoder.set_params(&params)?;
    let picture = stream.code_plain()?;
    picture.keeps_all()?;
    equal("slice_type", picture.slice().slice_type, 0)
}
