// SPDX-License-Identifier: GPL-2.0

//! What a request cannot be used for, and the errno that says so.

use super::Test;
use crate::{
    encoder::{
        idr,
        Encoder, //
    },
    expect::refused,
    rig::Fault,
};
use rustix::io::Errno;
use slenc::{
    error::{
        Context,
        Result, //
    },
    v4l2::{
        device::OUTPUT,
        sys::video, //
    },
};
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    (
        "a buffer in one request is refused in another with EINVAL",
        two_requests,
    ),
    (
        "a request with a buffer of one file and controls of another is refused with EINVAL",
        two_files,
    ),
    (
        "a request with buffers of two files is refused with EINVAL",
        buffers_of_two_files,
    ),
    (
        "queueing, changing and reinitialising a queued request is refused with EBUSY",
        while_queued,
    ),
    (
        "queueing a completed request is refused with EBUSY until REINIT",
        while_completed,
    ),
    (
        "a descriptor that is no request is refused with EINVAL",
        no_request,
    ),
];

fn two_requests() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let (first, second) = (encoder.request()?, encoder.request()?);
    encoder
        .queue_source(0, 0, Some(&first))
        .context("QBUF OUTPUT")?;
    refused(
        "QBUF in a second request",
        Errno::INVAL,
        encoder.queue_source(0, 0, Some(&second)),
    )?;
    // Reinitialising the first one sets it free.
    first.reinit().context("REINIT")?;
    encoder.encode(&second, &idr())?;
    Ok(())
}

fn two_files() -> Result<()> {
    let (first, second) = (Encoder::streaming()?, Encoder::streaming()?);
    let request = first.request()?;
    first
        .queue_source(0, 0, Some(&request))
        .context("QBUF OUTPUT")?;
    second
        .set_params(&request, &idr())
        .map_err(|err| err.source)
        .context("ENCODE_PARAMS")?;
    refused("REQUEST_IOC_QUEUE", Errno::INVAL, request.queue())?;
    request.reinit().context("REINIT")?;
    first.encode(&request, &idr())?;
    Ok(())
}

fn buffers_of_two_files() -> Result<()> {
    let (first, second) = (Encoder::streaming()?, Encoder::streaming()?);
    let request = first.request()?;
    for encoder in [&first, &second] {
        encoder
            .queue_source(0, 0, Some(&request))
            .context("QBUF OUTPUT")?;
    }
    refused("REQUEST_IOC_QUEUE", Errno::INVAL, request.queue())
}

fn while_queued() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    let _fault = Fault::new("slow=300")?;
    encoder.submit(&request, 0, &idr())?;
    refused("REQUEST_IOC_QUEUE", Errno::BUSY, request.queue())?;
    refused("REINIT", Errno::BUSY, request.reinit())?;
    refused(
        "S_EXT_CTRLS",
        Errno::BUSY,
        encoder.set_params(&request, &idr()),
    )?;
    refused(
        "QBUF OUTPUT",
        Errno::BUSY,
        encoder.queue_source(1, 0, Some(&request)),
    )?;
    refused(
        "G_EXT_CTRLS",
        Errno::ACCESS,
        encoder.stats(&request).map(|stats| stats.bytes),
    )?;
    encoder.complete(&request)?;
    Ok(())
}

fn while_completed() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    encoder.encode(&request, &idr())?;
    refused("REQUEST_IOC_QUEUE", Errno::BUSY, request.queue())?;
    refused(
        "S_EXT_CTRLS",
        Errno::BUSY,
        encoder.set_params(&request, &idr()),
    )?;
    request.reinit().context("REINIT")?;
    encoder.encode(&request, &idr())?;
    Ok(())
}

fn no_request() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let fd = encoder.video.as_fd();
    let queued = video::queue_buffer(fd, OUTPUT, 0, &[38016], 0, Some(encoder.media.as_fd()));
    refused("QBUF", Errno::INVAL, queued)
}
