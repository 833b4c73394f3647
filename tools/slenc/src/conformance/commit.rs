// SPDX-License-Identifier: GPL-2.0

//! Commit points.

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
        refused,
        Outcome, //
    },
    stream::Stream,
    Test,
};
use crate::{
    error::Context,
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        sys::{
            selection,
            video, //
        },
        uapi::*,
    },
};
use rustix::io::Errno;
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    ("ENC-COM-1", raw_format),
    ("ENC-COM-2", coded_format),
    ("ENC-COM-3", cropping),
    ("ENC-COM-4", capture_size),
    ("ENC-COM-5", trying),
];

/// Allocates buffers on one queue of an encoder of the usual size.
fn with_buffers(target: &Target, queue: u32) -> Outcome<Encoder> {
    let encoder = Encoder::open(target)?;
    encoder.set_size(encoder.size_near(SIZE)?)?;
    let given =
        video::request_buffers(encoder.video.as_fd(), queue, 1).context("VIDIOC_REQBUFS")?;
    ensure!(given > 0, "VIDIOC_REQBUFS gives no buffer");
    Ok(encoder)
}

fn raw_format(target: &Target) -> Outcome {
    let encoder = with_buffers(target, OUTPUT)?;
    let other = encoder.raw(encoder.raw_format()?, encoder.size_near((320, 240))?)?;
    let set = |format| encoder.set_format(OUTPUT, format).map(|f| f.fourcc());
    refused("VIDIOC_S_FMT with OUTPUT buffers", Errno::BUSY, set(other))?;
    video::request_buffers(encoder.video.as_fd(), OUTPUT, 0).context("VIDIOC_REQBUFS of 0")?;
    set(other).context("VIDIOC_S_FMT without buffers")?;
    Ok(())
}

fn coded_format(target: &Target) -> Outcome {
    let encoder = with_buffers(target, CAPTURE)?;
    let mut other = encoder.format(CAPTURE)?;
    other.set_size_image(8 << 20);
    let set = || encoder.set_format(CAPTURE, other).map(|f| f.fourcc());
    refused("VIDIOC_S_FMT with CAPTURE buffers", Errno::BUSY, set())?;
    video::request_buffers(encoder.video.as_fd(), CAPTURE, 0).context("VIDIOC_REQBUFS of 0")?;
    set().context("VIDIOC_S_FMT without buffers")?;
    Ok(())
}

fn cropping(target: &Target) -> Outcome {
    let stream = Stream::new(target)?;
    let encoder = &stream.encoder;
    let raw = encoder.format(OUTPUT)?;
    let part = corner(half(encoder, (raw.width(), raw.height()))?);
    let fd = encoder.video.as_fd();
    let set = || selection::set(fd, OUTPUT, V4L2_SEL_TGT_CROP, part, 0);
    refused("VIDIOC_S_SELECTION while streaming", Errno::BUSY, set())?;
    for stopped in [OUTPUT, CAPTURE] {
        encoder.stream_off(stopped)?;
        refused("VIDIOC_S_SELECTION", Errno::BUSY, set())?;
        encoder.stream_on(stopped)?;
    }
    encoder.stop()?;
    let now = set().context("VIDIOC_S_SELECTION after STREAMOFF")?;
    equal("the rectangle", now, part)
}

fn capture_size(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let small = encoder.size_near((64, 48))?;
    let large = encoder.size_near((640, 480))?;
    let length = |encoder: &Encoder| -> Outcome<u32> {
        let planes = encoder.format(CAPTURE)?.planes();
        Ok(planes.first().map_or(0, |plane| plane.size_image))
    };
    // Another size of the source.
    encoder.set_size(small)?;
    let fd = encoder.video.as_fd();
    video::request_buffers(fd, CAPTURE, 1).context("VIDIOC_REQBUFS")?;
    let allocated = length(&encoder)?;
    let raw = encoder.raw(encoder.raw_format()?, large)?;
    match encoder.set_format(OUTPUT, raw) {
        Ok(_) => ensure!(
            length(&encoder)? <= allocated,
            "sizeimage grows while there are buffers"
        ),
        refusal => refused(
            "VIDIOC_S_FMT",
            Errno::BUSY,
            refusal.map(|format| format.fourcc()),
        )?,
    }
    // Another part of it.
    video::request_buffers(fd, CAPTURE, 0).context("VIDIOC_REQBUFS of 0")?;
    encoder.set_size(large)?;
    let set = |size| selection::set(fd, OUTPUT, V4L2_SEL_TGT_CROP, corner(size), 0);
    set(half(&encoder, large)?).context("VIDIOC_S_SELECTION")?;
    video::request_buffers(fd, CAPTURE, 1).context("VIDIOC_REQBUFS")?;
    let allocated = length(&encoder)?;
    match set(large) {
        Ok(_) => ensure!(
            length(&encoder)? <= allocated,
            "sizeimage grows while there are buffers"
        ),
        refusal => refused("VIDIOC_S_SELECTION", Errno::BUSY, refusal)?,
    }
    Ok(())
}

fn trying(target: &Target) -> Outcome {
    let stream = Stream::new(target)?;
    for queue in [OUTPUT, CAPTURE] {
        let mut format = stream.encoder.format(queue)?;
        format.set(format.fourcc(), 320, 240);
        video::try_format(stream.encoder.video.as_fd(), queue, format)
            .context("VIDIOC_TRY_FMT while streaming")?;
    }
    Ok(())
}
