// SPDX-License-Identifier: GPL-2.0

//! The driver is unbound while user space holds what it gave out: files of both
//! nodes, requests, buffers exported or mapped, and calls that wait.

mod blocked;
mod orders;

use crate::{
    encoder::{
        encodes,
        idr,
        is_completed,
        Encoder,
        BUFFERS, //
    },
    expect::{
        ensure,
        refused, //
    },
    ktap::Ktap,
    rig::{
        bind,
        module_users,
        unbind,
        wait_until,
        wait_users, //
    },
};
use rustix::io::Errno;
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::{
        device::{
            Device,
            CAPTURE,
            OUTPUT, //
        },
        media::MediaDevice,
        queue::is_error,
        request::Request,
        sys::{
            buffers::{
                self,
                Import, //
            },
            mapping::Mapping,
            media,
            video, //
        },
        uapi::*,
    },
};
use std::{
    fs,
    os::fd::{
        AsFd,
        OwnedFd, //
    },
    process::Command,
    time::Duration,
};

const LIMIT: Duration = Duration::from_secs(60);

/// A buffer that is never queued, and what is written into it.
const MARKED: u32 = BUFFERS - 1;
const MARK: &[u8] = b"still here";

pub(crate) fn run(ktap: &mut Ktap) {
    ktap.test("an encoder is bound and encodes", LIMIT, || {
        bind()?;
        encodes()
    });
    orders::run(ktap);
    blocked::run(ktap);
    ktap.test("unbinding frees the buffers of open files", LIMIT, || {
        lasting(buffers_are_freed)
    });
    ktap.test("a mapping outlives the binding and its file", LIMIT, || {
        lasting(mapping_outlives)
    });
    ktap.test("nothing can be mapped after unbinding", LIMIT, || {
        lasting(no_new_mapping)
    });
    ktap.test(
        "a request that is queued after unbinding ends",
        LIMIT,
        || lasting(request_queued_late),
    );
    ktap.test(
        "files of the old binding stay dead beside the new one",
        LIMIT,
        || lasting(old_beside_new),
    );
    ktap.test(
        "a dma-buf of the old binding is a source for the new one",
        LIMIT,
        || lasting(import_of_the_old),
    );
    ktap.test(
        "sixteen files that stream are unbound at once",
        LIMIT,
        || lasting(many_files),
    );
    ktap.test(
        "with all of it closed the driver is unloaded",
        LIMIT,
        unload,
    );
}

/// Runs a test on a bound device; afterwards nothing of it holds the module, and the
/// device can be bound again and encodes.
fn lasting(body: impl FnOnce() -> Result<()>) -> Result<()> {
    bind()?;
    let before = module_users()?;
    body()?;
    wait_users(before)?;
    bind()?;
    encodes()
}

/// Every ioctl of a video file fails with ENODEV, and polling it does not wait.
fn video_is_gone(video: &Device) -> Result<()> {
    let fd = video.as_fd();
    let gone = Errno::NODEV;
    refused("QUERYCAP", gone, video::query_capability(fd))?;
    refused(
        "G_FMT",
        gone,
        video::get_format(fd, OUTPUT).map(|format| format.fourcc()),
    )?;
    refused("REQBUFS", gone, video::request_buffers(fd, OUTPUT, 0))?;
    refused("EXPBUF", gone, buffers::export(fd, OUTPUT, MARKED, 0))?;
    let queued = video::queue_buffer(fd, CAPTURE, MARKED, &[0], 0, None);
    refused("QBUF", gone, queued)?;
    refused("DQBUF", gone, video::dequeue_buffer(fd, CAPTURE))?;
    refused("STREAMON", gone, video::stream_on(fd, OUTPUT))?;
    refused("STREAMOFF", gone, video::stream_off(fd, OUTPUT))?;
    ensure!(
        video.wait(CAPTURE, LIMIT).is_err(),
        "poll of a video file reports data after unbinding"
    );
    Ok(())
}

/// Ioctls of a media file fail: the media core's error for it is EIO.
fn media_is_gone(media: &MediaDevice) -> Result<()> {
    let fd = media.as_fd();
    refused("MEDIA_IOC_DEVICE_INFO", Errno::IO, media::device_info(fd))?;
    refused("REQUEST_ALLOC", Errno::IO, Request::new(fd))
}

/// The content of the marked buffer.
fn check_mark(mapping: &Mapping) -> Result<()> {
    let mut bytes = Vec::new();
    mapping.read(0, MARK.len(), &mut bytes);
    ensure!(bytes == MARK, "the buffer's content changed to {bytes:?}");
    Ok(())
}

/// Marks a buffer and exports it.
fn export_marked(encoder: &Encoder) -> Result<OwnedFd> {
    encoder.map(OUTPUT, MARKED)?.write(0, MARK);
    buffers::export(encoder.video.as_fd(), OUTPUT, MARKED, 0).context("EXPBUF")
}

/// Free memory of the region that buffers come from, in bytes.
fn free_contiguous() -> Result<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").context("/proc/meminfo")?;
    meminfo
        .lines()
        .find_map(|line| line.strip_prefix("CmaFree:")?.split_whitespace().next())
        .and_then(|kib| kib.parse::<u64>().ok())
        .map(|kib| kib << 10)
        .ok_or_else(|| Error::new("no CmaFree in /proc/meminfo"))
}

fn buffers_are_freed() -> Result<()> {
    // Much more than anything else that comes and goes in the meantime.
    const SLACK: u64 = 1 << 20;

    let before = free_contiguous()?;
    let encoder = Encoder::open()?;
    encoder.set_format(V4L2_PIX_FMT_NV12, (1280, 720))?;
    encoder.allocate(BUFFERS)?;
    encoder.start()?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    let taken = before.saturating_sub(free_contiguous()?);
    ensure!(
        taken > 4 * SLACK,
        "the buffers take only {taken} bytes of contiguous memory"
    );
    unbind()?;
    let left = before.saturating_sub(free_contiguous()?);
    ensure!(
        left < SLACK,
        "{left} bytes are not free while the file is open"
    );
    video_is_gone(&encoder.video)
}

fn mapping_outlives() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let mut mapping = encoder.map(OUTPUT, MARKED)?;
    mapping.write(0, MARK);
    unbind()?;
    check_mark(&mapping)?;
    drop(encoder);
    check_mark(&mapping)?;
    mapping.write(0, &[0; 16]);
    let last = mapping.len() - 1;
    mapping.write(last, &[1]);
    Ok(())
}

fn no_new_mapping() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let fd = encoder.video.as_fd();
    let plane = video::query_buffer(fd, OUTPUT, MARKED).context("QUERYBUF")?[0];
    unbind()?;
    let mapped = Mapping::new(fd, plane.offset.into(), plane.length as usize);
    refused("mmap", Errno::NODEV, mapped)
}

fn request_queued_late() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    encoder
        .set_params(&request, &idr())
        .map_err(|err| err.source)
        .context("ENCODE_PARAMS")?;
    encoder
        .queue_source(0, 0, Some(&request))
        .context("QBUF OUTPUT")?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    unbind()?;
    // Refusing is as good as failing; waiting for ever is not.
    if request.queue().is_ok() {
        wait_until("a request that was queued late is completed", || {
            is_completed(&request)
        })?;
    }
    Ok(())
}

fn old_beside_new() -> Result<()> {
    let old = Encoder::streaming()?;
    let request = old.request()?;
    unbind()?;
    bind()?;
    encodes()?;
    video_is_gone(&old.video)?;
    media_is_gone(&old.media)?;
    // A request of the old binding means nothing to the new one.
    let new = Encoder::streaming()?;
    ensure!(
        new.set_params(&request, &idr()).is_err(),
        "the new binding takes controls in a request of the old one"
    );
    ensure!(
        new.queue_source(0, 0, Some(&request)).is_err(),
        "the new binding takes a buffer in a request of the old one"
    );
    Ok(())
}

fn import_of_the_old() -> Result<()> {
    let dma_buf = export_marked(&Encoder::streaming()?)?;
    unbind()?;
    bind()?;
    let encoder = Encoder::open()?;
    encoder.set_format(V4L2_PIX_FMT_NV12, crate::encoder::SIZE)?;
    let fd = encoder.video.as_fd();
    buffers::request(fd, OUTPUT, V4L2_MEMORY_DMABUF, 1).context("REQBUFS DMABUF")?;
    video::request_buffers(fd, CAPTURE, 1).context("REQBUFS CAPTURE")?;
    encoder.start()?;
    let size = video::get_format(fd, OUTPUT).context("G_FMT")?.planes()[0].size_image;
    let import = Import {
        dma_buf: dma_buf.as_fd(),
        length: size,
        bytes_used: size,
        data_offset: 0,
    };
    buffers::queue_imported(fd, OUTPUT, 0, &[import], 7, None).context("QBUF DMABUF")?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    let coded = encoder.dequeue(CAPTURE)?;
    ensure!(
        !is_error(&coded) && coded.timestamp == 7,
        "the picture was not coded: {coded:?}"
    );
    Ok(())
}

fn many_files() -> Result<()> {
    let mut held = Vec::new();
    for _ in 0..16 {
        let encoder = Encoder::streaming()?;
        let request = encoder.request()?;
        encoder.submit(&request, 0, &idr())?;
        held.push((encoder, request));
    }
    unbind()?;
    for (encoder, request) in &held {
        video_is_gone(&encoder.video)?;
        wait_until("the request of one of many files is completed", || {
            is_completed(request)
        })?;
    }
    Ok(())
}

fn unload() -> Result<()> {
    let status = Command::new("rmmod")
        .arg("slenc")
        .status()
        .context("rmmod")?;
    ensure!(status.success(), "rmmod: {status}");
    Ok(())
}
