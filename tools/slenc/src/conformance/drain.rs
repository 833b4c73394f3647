// SPDX-License-Identifier: GPL-2.0

//! Drain.

use super::{
    encoder::{
        is_completed,
        Target,
        STEP, //
    },
    expect::{
        ensure,
        equal,
        fail,
        refused,
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
        queue::is_error,
        request::Request,
        sys::{
            drain,
            video::Dequeued, //
        },
        uapi::*,
    },
};
use rustix::io::Errno;
use std::{
    io,
    os::fd::AsFd,
    thread,
    time::{
        Duration,
        Instant, //
    },
};

pub(super) const TESTS: &[Test] = &[
    ("ENC-DRAIN-1", with_pictures),
    ("ENC-DRAIN-2", without_pictures),
    ("ENC-DRAIN-3", nothing_after_last),
    ("ENC-DRAIN-4", end_of_stream),
    ("ENC-DRAIN-5", resumes),
    ("ENC-DRAIN-6", ended_by_stopping),
    ("ENC-DRAIN-7", commands_wait),
    ("ENC-DRAIN-8", without_a_stream),
    ("ENC-DRAIN-9", other_commands),
];

const START: u32 = V4L2_ENC_CMD_START;
const STOP: u32 = V4L2_ENC_CMD_STOP;

fn command(stream: &Stream, command: u32) -> io::Result<()> {
    drain::encoder_command(stream.encoder.video.as_fd(), command, 0)
}

fn stop(stream: &Stream) -> Outcome {
    Ok(command(stream, STOP).context("V4L2_ENC_CMD_STOP")?)
}

fn start(stream: &Stream) -> Outcome {
    Ok(command(stream, START).context("V4L2_ENC_CMD_START")?)
}

fn is_last(buffer: &Dequeued) -> bool {
    buffer.flags & V4L2_BUF_FLAG_LAST != 0
}

/// Queues pictures that wait for CAPTURE buffers.
fn queue(stream: &mut Stream, count: u32) -> Outcome<Vec<Request>> {
    (0..count)
        .map(|index| {
            let request = stream.encoder.request()?;
            stream.queue(&request, index, &idr())?;
            Ok(request)
        })
        .collect()
}

/// Takes back an empty buffer with the flag LAST.
fn empty_last(stream: &Stream) -> Outcome {
    let buffer = stream.encoder.dequeue(CAPTURE)?;
    ensure!(is_last(&buffer), "the buffer is not LAST");
    equal("its bytesused", buffer.bytes_used.first().copied(), Some(0))
}

fn with_pictures(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for _ in 0..2 {
        // They wait for CAPTURE buffers, so that none is coded before the command.
        let _requests = queue(&mut stream, 3)?;
        stop(&stream)?;
        (0..3).try_for_each(|index| stream.queue_coded(index))?;
        for number in 0..3 {
            let buffer = stream.encoder.dequeue(CAPTURE)?;
            stream.encoder.dequeue(OUTPUT)?;
            equal(
                &format!("LAST of picture {number}"),
                is_last(&buffer),
                number == 2,
            )?;
            stream.read(buffer)?.keeps_all()?;
        }
        start(&stream)?;
    }
    Ok(())
}

fn without_pictures(target: &Target) -> Outcome {
    let stream = Stream::new(target)?;
    stream.queue_coded(0)?;
    stop(&stream)?;
    empty_last(&stream)?;
    start(&stream)?;
    // Without a CAPTURE buffer it waits for one.
    stop(&stream)?;
    let early = stream
        .encoder
        .dequeue_now(CAPTURE)
        .context("VIDIOC_DQBUF on CAPTURE")?;
    equal("a buffer that was never queued", early, None)?;
    stream.queue_coded(1)?;
    empty_last(&stream)?;
    start(&stream)
}

fn nothing_after_last(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.queue_coded(0)?;
    stop(&stream)?;
    empty_last(&stream)?;
    refused(
        "VIDIOC_DQBUF after LAST",
        Errno::PIPE,
        stream.encoder.dequeue_now(CAPTURE),
    )?;
    let requests = queue(&mut stream, 1)?;
    stream.queue_coded(1)?;
    thread::sleep(Duration::from_millis(200));
    ensure!(
        !is_completed(&requests[0]),
        "a picture is coded after LAST, without START"
    );
    start(&stream)?;
    let buffer = stream.encoder.dequeue(CAPTURE)?;
    ensure!(!is_last(&buffer), "a picture after START is LAST");
    stream.read(buffer)?;
    Ok(())
}

/// Expects that no event waits.
fn no_event(stream: &Stream, when: &str) -> Outcome {
    let fd = stream.encoder.video.as_fd();
    let event = drain::dequeue_event(fd).context("VIDIOC_DQEVENT")?;
    equal(&format!("the event {when}"), event, None)
}

fn end_of_stream(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let fd = stream.encoder.video.as_fd();
    drain::subscribe(fd, V4L2_EVENT_EOS).context("VIDIOC_SUBSCRIBE_EVENT")?;
    for pictures in [2, 0] {
        let _requests = queue(&mut stream, pictures)?;
        stop(&stream)?;
        (0..pictures.max(1)).try_for_each(|index| stream.queue_coded(index))?;
        while !is_last(&stream.encoder.dequeue(CAPTURE)?) {}
        let fd = stream.encoder.video.as_fd();
        let end = Instant::now() + STEP;
        loop {
            match drain::dequeue_event(fd).context("VIDIOC_DQEVENT")? {
                Some(event) => break equal("the event", event, V4L2_EVENT_EOS)?,
                None if Instant::now() > end => return fail("there is no EOS event"),
                None => thread::sleep(Duration::from_millis(5)),
            }
        }
        no_event(&stream, "after EOS")?;
        (0..pictures).try_for_each(|_| stream.encoder.dequeue(OUTPUT).map(|_| ()))?;
        // What has stopped has no other end.
        stop(&stream)?;
        no_event(&stream, "after another STOP")?;
        stream.encoder.stream_off(OUTPUT)?;
        no_event(&stream, "after VIDIOC_STREAMOFF of OUTPUT")?;
        stream.encoder.stream_on(OUTPUT)?;
        start(&stream)?;
    }
    Ok(())
}

fn resumes(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    let last = stream.code_p()?.serial;
    stream.queue_coded(0)?;
    stop(&stream)?;
    empty_last(&stream)?;
    // A picture that waits, and the references from before.
    let params = stream.p();
    let request = stream.encoder.request()?;
    stream.queue(&request, 1, &params)?;
    start(&stream)?;
    stream.queue_coded(1)?;
    let buffer = stream.encoder.dequeue(CAPTURE)?;
    stream.encoder.dequeue(OUTPUT)?;
    let picture = stream.read(buffer)?;
    picture.keeps_all()?;
    equal("the reference", picture.list0.first().copied(), Some(last))?;
    stream.code_p()?.keeps_all()
}

fn ended_by_stopping(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    stream.queue_coded(0)?;
    stop(&stream)?;
    empty_last(&stream)?;
    stream.encoder.stream_off(CAPTURE)?;
    stream.encoder.stream_on(CAPTURE)?;
    stream.begin_reading();
    stream.code_idr()?.keeps_all()
}

fn commands_wait(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    // A picture without a CAPTURE buffer keeps the drain from ending.
    let _requests = queue(&mut stream, 1)?;
    stop(&stream)?;
    refused("STOP in a drain", Errno::BUSY, command(&stream, STOP))?;
    refused("START in a drain", Errno::BUSY, command(&stream, START))?;
    stream.queue_coded(0)?;
    let buffer = stream.encoder.dequeue(CAPTURE)?;
    ensure!(
        is_last(&buffer) && !is_error(&buffer),
        "the drained picture is not LAST"
    );
    start(&stream)
}

fn without_a_stream(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for stopped in [&[OUTPUT, CAPTURE][..], &[OUTPUT], &[CAPTURE]] {
        for &queue in stopped {
            stream.encoder.stream_off(queue)?;
        }
        stop(&stream)?;
        start(&stream)?;
        stop(&stream)?;
        for &queue in stopped {
            stream.encoder.stream_on(queue)?;
        }
        if stopped.contains(&CAPTURE) {
            stream.begin_reading();
        }
        let picture = stream.code_idr()?;
        ensure!(!is_last(&picture.buffer), "the picture is LAST");
    }
    Ok(())
}

fn other_commands(target: &Target) -> Outcome {
    let stream = Stream::new(target)?;
    let fd = stream.encoder.video.as_fd();
    for command in [START, STOP] {
        drain::try_encoder_command(fd, command, 0).context("VIDIOC_TRY_ENCODER_CMD")?;
    }
    for other in [V4L2_ENC_CMD_PAUSE, V4L2_ENC_CMD_RESUME, 99] {
        let what = format!("VIDIOC_ENCODER_CMD {other}");
        refused(&what, Errno::INVAL, command(&stream, other))?;
        let what = format!("VIDIOC_TRY_ENCODER_CMD {other}");
        let tried = drain::try_encoder_command(fd, other, 0);
        refused(&what, Errno::INVAL, tried)?;
    }
    Ok(())
}
