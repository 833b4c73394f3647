// SPDX-License-Identifier: GPL-2.0

//! Requests that outlive what they came from, and hardware that fails under them.

use super::Test;
use crate::{
    encoder::{
        encodes,
        idr,
        is_completed,
        predicted,
        wait_completed,
        Encoder,
        Params, //
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
        "a request whose file is closed is used by another file",
        moves_to_another_file,
    ),
    (
        "the statistics of a request that STREAMOFF cancels name its source",
        cancelled,
    ),
    (
        "closing the request first does not lose its picture",
        closed_request,
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
        "with and without requests in one stream is refused with EBUSY, until STREAMOFF",
        mixed,
    ),
];

/// Timestamp of the source in buffer 0, in microseconds.
const NAME: u64 = 700;

fn prepared(encoder: &Encoder, index: u32, params: &Params) -> Result<Request> {
    let request = encoder.request()?;
    encoder
        .set_params(&request, params)
        .map_err(|err| err.source)
        .context("ENCODE_PARAMS")?;
    encoder
        .queue_source(index, NAME + u64::from(index), Some(&request))
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

fn check_cancelled(encoder: &Encoder, request: &Request) -> Result<()> {
    wait_completed(request)?;
    let stats = encoder
        .stats(request)
        .map_err(|err| err.source)
        .context("statistics")?;
    equal("valid", stats.valid, 0)?;
    equal("flags", stats.flags, V4L2_STATELESS_ENC_STATS_FLAG_ERROR)
}

fn cancelled() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = waiting(&encoder)?;
    video::stream_off(encoder.video.as_fd(), OUTPUT).context("STREAMOFF")?;
    check_cancelled(&encoder, &request)?;
    let stats = encoder
        .stats(&request)
        .map_err(|err| err.source)
        .context("statistics")?;
    equal("timestamp", stats.timestamp, NAME * 1000)?;
    equal("sequence", stats.sequence, 0)
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

fn mixed() -> Result<()> {
    let encoder = Encoder::streaming()?;
    encoder.queue_source(0, 0, None).context("QBUF OUTPUT")?;
    let request = encoder.request()?;
    refused(
        "QBUF in a request after QBUF without one",
        Errno::BUSY,
        encoder.queue_source(1, 0, Some(&request)),
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
