// SPDX-License-Identifier: GPL-2.0

//! Draining with ENCODER_CMD.

use super::Test;
use crate::{
    encoder::Encoder,
    expect::{
        ensure,
        equal,
        refused, //
    },
    rig::{
        wait_until,
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
        sys::{
            drain,
            video, //
        },
        uapi::*,
    },
};
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    (
        "STOP codes what is queued, flags the LAST buffer, sends EOS, and START resumes",
        with_pictures,
    ),
    (
        "STOP without pictures gives an empty LAST buffer and EOS, and START resumes",
        without_pictures,
    ),
    (
        "STOP waits for a CAPTURE buffer when there is none",
        without_buffers,
    ),
    (
        "STREAMOFF and STREAMON end draining, too",
        ended_by_streamoff,
    ),
    (
        "START and STOP do nothing on a file that does not stream",
        not_streaming,
    ),
    ("other commands are refused with EINVAL", other_commands),
];

fn command(encoder: &Encoder, command: u32) -> Result<()> {
    drain::encoder_command(encoder.video.as_fd(), command, 0)
        .context(format!("ENCODER_CMD {command}"))
}

fn queue_picture(encoder: &Encoder, index: u32) -> Result<()> {
    encoder
        .queue_source(index, index.into(), None)
        .context("QBUF OUTPUT")?;
    encoder.queue_coded(index).context("QBUF CAPTURE")
}

fn is_last(buffer: &video::Dequeued) -> bool {
    buffer.flags & V4L2_BUF_FLAG_LAST != 0
}

fn streaming() -> Result<Encoder> {
    let encoder = Encoder::streaming()?;
    drain::subscribe(encoder.video.as_fd(), V4L2_EVENT_EOS).context("SUBSCRIBE_EVENT")?;
    Ok(encoder)
}

fn wait_eos(encoder: &Encoder) -> Result<()> {
    let fd = encoder.video.as_fd();
    let mut event = None;
    wait_until("an EOS event", || {
        event = event.or(drain::dequeue_event(fd).unwrap_or(None));
        event.is_some()
    })?;
    equal("event", event, Some(V4L2_EVENT_EOS))?;
    let next = drain::dequeue_event(fd).context("DQEVENT")?;
    equal("another event", next, None)
}

/// The stream ended, and goes on with START.
fn ended_and_resumes(encoder: &Encoder) -> Result<()> {
    let fd = encoder.video.as_fd();
    wait_eos(encoder)?;
    refused(
        "DQBUF after LAST",
        Errno::PIPE,
        video::dequeue_buffer(fd, CAPTURE),
    )?;
    command(encoder, V4L2_ENC_CMD_START)?;
    resumes(encoder)
}

fn resumes(encoder: &Encoder) -> Result<()> {
    queue_picture(encoder, 3)?;
    let coded = encoder.dequeue(CAPTURE)?;
    encoder.dequeue(OUTPUT)?;
    ensure!(
        !is_error(&coded) && !is_last(&coded) && coded.bytes_used[0] > 0,
        "the picture after START came back as {coded:?}"
    );
    Ok(())
}

fn with_pictures() -> Result<()> {
    let encoder = streaming()?;
    let _fault = Fault::new("slow=50")?;
    for index in 0..3 {
        queue_picture(&encoder, index)?;
    }
    command(&encoder, V4L2_ENC_CMD_STOP)?;
    for index in 0..3 {
        let coded = encoder.dequeue(CAPTURE)?;
        ensure!(
            !is_error(&coded) && coded.bytes_used[0] > 0,
            "picture {index} came back as {coded:?}"
        );
        equal("LAST", is_last(&coded), index == 2)?;
        encoder.dequeue(OUTPUT)?;
    }
    ended_and_resumes(&encoder)
}

fn without_pictures() -> Result<()> {
    let encoder = streaming()?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    command(&encoder, V4L2_ENC_CMD_STOP)?;
    let last = encoder.dequeue(CAPTURE)?;
    ensure!(is_last(&last), "it is not LAST: {last:?}");
    equal("its bytes", last.bytes_used[0], 0)?;
    ended_and_resumes(&encoder)
}

fn without_buffers() -> Result<()> {
    let encoder = streaming()?;
    command(&encoder, V4L2_ENC_CMD_STOP)?;
    let none = video::dequeue_buffer(encoder.video.as_fd(), CAPTURE).context("DQBUF CAPTURE")?;
    equal("a buffer that was never queued", none, None)?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    let last = encoder.dequeue(CAPTURE)?;
    ensure!(is_last(&last), "it is not LAST: {last:?}");
    ended_and_resumes(&encoder)
}

fn ended_by_streamoff() -> Result<()> {
    let encoder = streaming()?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    command(&encoder, V4L2_ENC_CMD_STOP)?;
    encoder.dequeue(CAPTURE)?;
    wait_eos(&encoder)?;
    encoder.stop()?;
    encoder.start()?;
    resumes(&encoder)
}

fn not_streaming() -> Result<()> {
    let encoder = Encoder::streaming()?;
    encoder.stop()?;
    command(&encoder, V4L2_ENC_CMD_STOP)?;
    command(&encoder, V4L2_ENC_CMD_START)?;
    encoder.start()?;
    resumes(&encoder)
}

fn other_commands() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let fd = encoder.video.as_fd();
    for command in [V4L2_ENC_CMD_PAUSE, V4L2_ENC_CMD_RESUME, 99] {
        let what = format!("ENCODER_CMD {command}");
        refused(&what, Errno::INVAL, drain::encoder_command(fd, command, 0))?;
        let what = format!("TRY_ENCODER_CMD {command}");
        refused(
            &what,
            Errno::INVAL,
            drain::try_encoder_command(fd, command, 0),
        )?;
    }
    drain::try_encoder_command(fd, V4L2_ENC_CMD_STOP, 0).context("TRY_ENCODER_CMD STOP")?;
    resumes(&encoder)
}
