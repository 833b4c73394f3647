// SPDX-License-Identifier: GPL-2.0

//! Every path a queued request can take ends in its completion.

use super::Test;
use crate::{
    encoder::{
        encodes,
        idr,
        is_completed,
        predicted,
        wait_completed,
        Encoder,
        Params,
        BUFFERS, //
    },
    expect::{
        ensure,
        equal,
        refused, //
    },
    rig::{
        watchdog,
        Fault, //
    },
};
use rustix::io::Errno;
use slenc::{
    error::{
        Context,
        Result, //
    },
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        queue::is_error,
        request::Request,
        sys::video,
        uapi::V4L2_STATELESS_ENC_STATS_FLAG_ERROR,
    },
};
use std::{
    os::fd::AsFd,
    time::Instant, //
};

pub(super) const TESTS: &[Test] = &[
    (
        "a request completes with POLLPRI after its buffers, and is used again ten times",
        used_again,
    ),
    ("four requests in flight complete in order", in_flight),
    ("STREAMOFF of OUTPUT completes a request that waits", || {
        stopped(OUTPUT)
    }),
    (
        "STREAMOFF of CAPTURE leaves a request waiting, and the next STREAMON codes it",
        capture_restarts,
    ),
    (
        "closing the file completes a request that waits",
        closed_file,
    ),
    (
        "a request whose file is closed is used by another file",
        moves_to_another_file,
    ),
    (
        "closing the request first does not lose its picture",
        closed_request,
    ),
    (
        "a first picture that is not I ends in an ERROR buffer, and the next I is coded",
        || fails(&predicted()),
    ),
    (
        "a picture whose PPS does not exist ends in an ERROR buffer, and the next is coded",
        || {
            fails(&Params {
                pic_parameter_set_id: 9,
                ..idr()
            })
        },
    ),
    (
        "a B picture ends in an ERROR buffer, and the next I is coded",
        || {
            fails(&Params {
                slice_type: 1,
                ..predicted()
            })
        },
    ),
    (
        "a job that hangs ends in an ERROR buffer when the watchdog barks",
        hangs,
    ),
    (
        "a job that faults ends in an ERROR buffer, and the next P refers to the picture before",
        faults,
    ),
    (
        "STREAMOFF while the hardware hangs waits for the watchdog only",
        stopped_while_hanging,
    ),
    (
        "OUTPUT buffers without a request are coded with the file's controls",
        plain_buffers,
    ),
];

fn prepared(encoder: &Encoder, index: u32, params: &Params) -> Result<Request> {
    let request = encoder.request()?;
    encoder
        .set_params(&request, params)
        .map_err(|err| err.source)
        .context("ENCODE_PARAMS")?;
    encoder
        .queue_source(index, u64::from(index), Some(&request))
        .context("QBUF OUTPUT")?;
    Ok(request)
}

/// A request that is queued, and waits for a CAPTURE buffer.
fn waiting(encoder: &Encoder) -> Result<Request> {
    let request = prepared(encoder, 0, &idr())?;
    request.queue().context("REQUEST_IOC_QUEUE")?;
    ensure!(!is_completed(&request), "it is completed without a buffer");
    Ok(request)
}

fn used_again() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    encoder.encode(&request, &idr())?;
    for _ in 0..10 {
        request.reinit().context("REINIT")?;
        ensure!(!is_completed(&request), "it is completed after REINIT");
        encoder.encode(&request, &predicted())?;
    }
    Ok(())
}

fn in_flight() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let mut requests = Vec::new();
    for index in 0..BUFFERS {
        let params = if index == 0 { idr() } else { predicted() };
        let request = encoder.request()?;
        encoder.submit(&request, index, &params)?;
        requests.push(request);
    }
    for (index, request) in (0..).zip(&requests) {
        let coded = encoder.complete(request)?;
        ensure!(!is_error(&coded), "picture {index} failed");
        equal("sequence", coded.sequence, index)?;
        equal("timestamp", coded.timestamp, index.into())?;
    }
    Ok(())
}

fn check_cancelled(encoder: &Encoder, request: &Request) -> Result<()> {
    wait_completed(request)?;
    let stats = encoder
        .stats(request)
        .map_err(|err| err.source)
        .context("statistics")?;
    equal("valid", stats.valid, 0)?;
    equal("flags", stats.flags, V4L2_STATELESS_ENC_STATS_FLAG_ERROR)
}

fn stopped(queue: u32) -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = waiting(&encoder)?;
    video::stream_off(encoder.video.as_fd(), queue).context("STREAMOFF")?;
    check_cancelled(&encoder, &request)?;
    // The file goes on, and so does the request.
    video::stream_on(encoder.video.as_fd(), queue).context("STREAMON")?;
    request.reinit().context("REINIT")?;
    encoder.encode(&request, &idr())?;
    Ok(())
}

fn capture_restarts() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = waiting(&encoder)?;
    video::stream_off(encoder.video.as_fd(), CAPTURE).context("STREAMOFF")?;
    ensure!(!is_completed(&request), "it is completed by STREAMOFF");
    video::stream_on(encoder.video.as_fd(), CAPTURE).context("STREAMON")?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    let coded = encoder.complete(&request)?;
    ensure!(!is_error(&coded), "the picture failed");
    Ok(())
}

fn closed_file() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = waiting(&encoder)?;
    drop(encoder);
    wait_completed(&request)
}

fn moves_to_another_file() -> Result<()> {
    let first = Encoder::streaming()?;
    let request = waiting(&first)?;
    drop(first);
    wait_completed(&request)?;
    request.reinit().context("REINIT")?;
    let second = Encoder::streaming()?;
    second.encode(&request, &idr())?;
    Ok(())
}

fn closed_request() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = waiting(&encoder)?;
    drop(request);
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    let coded = encoder.dequeue(CAPTURE)?;
    ensure!(
        !is_error(&coded) && coded.bytes_used[0] > 0,
        "the picture failed: {coded:?}"
    );
    encoder.dequeue(OUTPUT)?;
    Ok(())
}

fn fails(params: &Params) -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    encoder.encode_fails(&request, params)?;
    check_cancelled(&encoder, &request)?;
    request.reinit().context("REINIT")?;
    encoder.encode(&request, &idr())?;
    request.reinit().context("REINIT")?;
    encoder.encode(&request, &predicted())?;
    Ok(())
}

fn hangs() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    let limit = watchdog()?;
    {
        let _fault = Fault::new("hang")?;
        let start = Instant::now();
        encoder.encode_fails(&request, &idr())?;
        let took = start.elapsed();
        ensure!(
            took >= limit / 2 && took < 3 * limit,
            "the watchdog of {limit:?} took {took:?}"
        );
    }
    check_cancelled(&encoder, &request)?;
    request.reinit().context("REINIT")?;
    encoder.encode(&request, &idr())?;
    Ok(())
}

fn faults() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    encoder.encode(&request, &idr())?;
    request.reinit().context("REINIT")?;
    {
        let _fault = Fault::new("bus-error")?;
        encoder.encode_fails(&request, &predicted())?;
    }
    check_cancelled(&encoder, &request)?;
    request.reinit().context("REINIT")?;
    // The reference is the IDR picture: this is frame 1 again.
    encoder.encode(&request, &predicted())?;
    let stats = encoder
        .stats(&request)
        .map_err(|err| err.source)
        .context("statistics")?;
    equal("frame_num", stats.frame_num, 1)
}

fn stopped_while_hanging() -> Result<()> {
    {
        let encoder = Encoder::streaming()?;
        let request = encoder.request()?;
        let _fault = Fault::new("hang")?;
        encoder.submit(&request, 0, &idr())?;
        let start = Instant::now();
        encoder.stop()?;
        let took = start.elapsed();
        ensure!(took < 3 * watchdog()?, "STREAMOFF took {took:?}");
        wait_completed(&request)?;
    }
    encodes()
}

fn plain_buffers() -> Result<()> {
    let encoder = Encoder::streaming()?;
    for index in 0..3 {
        encoder
            .queue_source(index, 100 + u64::from(index), None)
            .context("QBUF OUTPUT")?;
        encoder.queue_coded(index).context("QBUF CAPTURE")?;
        let coded = encoder.dequeue(CAPTURE)?;
        encoder.dequeue(OUTPUT)?;
        ensure!(
            !is_error(&coded) && coded.bytes_used[0] > 0,
            "the picture failed: {coded:?}"
        );
        equal("timestamp", coded.timestamp, 100 + u64::from(index))?;
    }
    // A queue that is used so takes no requests until it is stopped.
    let request = encoder.request()?;
    refused(
        "QBUF in a request after QBUF without one",
        Errno::BUSY,
        encoder.queue_source(0, 0, Some(&request)),
    )?;
    encoder.stop()?;
    encoder.start()?;
    request.reinit().context("REINIT")?;
    encoder.encode(&request, &idr())?;
    refused(
        "QBUF without a request after QBUF in one",
        Errno::BUSY,
        encoder.queue_source(1, 0, None),
    )
}
