// SPDX-License-Identifier: GPL-2.0

//! Formats, cropping, frame intervals and buffers, and when they cannot change.

use super::Test;
use crate::{
    encoder::{
        idr,
        nal_types,
        predicted,
        Encoder,
        BUFFERS,
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
        Error,
        Result, //
    },
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        sys::{
            buffers::{
                self,
                Import, //
            },
            control::Which,
            selection::{
                self,
                Rect, //
            },
            video,
        },
        uapi::*,
    },
};
use std::{
    io,
    os::fd::{
        AsFd,
        OwnedFd, //
    },
};

pub(super) const TESTS: &[Test] = &[
    (
        "OUTPUT offers the six source formats, CAPTURE H.264 slices",
        offered,
    ),
    (
        "sizes are rounded to even ones in range, and TRY_FMT changes nothing",
        rounded,
    ),
    (
        "requests are offered on OUTPUT and not on CAPTURE, and not required",
        request_capabilities,
    ),
    (
        "the frame interval is 1/25 until S_PARM, which holds for both queues",
        frame_interval,
    ),
    (
        "the resolution changes without reopening, with new parameter sets",
        resolution_change,
    ),
    ("cropping sets the size of the coded picture", cropping),
    (
        "S_SELECTION while streaming is refused with EBUSY",
        selection_while_streaming,
    ),
    (
        "cropping that was rounded against its flags is refused with ERANGE",
        selection_flags,
    ),
    (
        "cropping on CAPTURE, and other targets, are refused with EINVAL",
        selection_elsewhere,
    ),
    (
        "S_FMT with buffers is refused with EBUSY, REQBUFS while streaming too",
        busy,
    ),
    (
        "a CAPTURE format too small for the worst picture is enlarged",
        capture_size,
    ),
    (
        "a CAPTURE buffer too small for the worst picture is refused with EINVAL, and the stream goes on",
        small_capture_buffer,
    ),
    (
        "an OUTPUT dma-buf too small for a picture is refused with EINVAL, and the stream goes on",
        small_output_buffer,
    ),
    (
        "buffers of single-planar types and of user pointers are refused with EINVAL",
        wrong_types,
    ),
];

fn offered() -> Result<()> {
    let encoder = Encoder::open()?;
    let fourccs = |queue| -> Result<Vec<u32>> {
        let formats = encoder.video.formats(queue)?;
        Ok(formats.iter().map(|format| format.fourcc).collect())
    };
    equal("CAPTURE", fourccs(CAPTURE)?, vec![V4L2_PIX_FMT_H264_SLICE])?;
    let wanted = vec![
        V4L2_PIX_FMT_NV12M,
        V4L2_PIX_FMT_NV12,
        V4L2_PIX_FMT_YUV420M,
        V4L2_PIX_FMT_YUV420,
        V4L2_PIX_FMT_YUYV,
        V4L2_PIX_FMT_UYVY,
    ];
    equal("OUTPUT", fourccs(OUTPUT)?, wanted)
}

fn rounded() -> Result<()> {
    let encoder = Encoder::open()?;
    let fd = encoder.video.as_fd();
    let before = video::get_format(fd, OUTPUT).context("G_FMT")?;
    let largest = encoder
        .video
        .sizes(V4L2_PIX_FMT_NV12M)?
        .first()
        .map(|range| (range.width.1, range.height.1))
        .ok_or_else(|| Error::new("ENUM_FRAMESIZES has no sizes"))?;
    ensure!(
        largest.0 >= 1920 && largest.1 >= 1088,
        "the largest size is {largest:?}"
    );
    for (asked, wanted) in [
        ((1920, 1080), (1920, 1080)),
        ((0, 0), (16, 16)),
        ((101, 99), (102, 100)),
        ((u32::MAX, u32::MAX), largest),
    ] {
        let mut format = before;
        format.set(V4L2_PIX_FMT_NV12M, asked.0, asked.1);
        let tried = video::try_format(fd, OUTPUT, format).context("TRY_FMT")?;
        equal("TRY_FMT", (tried.width(), tried.height()), wanted)?;
        // Strides may be longer than lines, the rest is for whole lines.
        let planes = tried.planes();
        equal("planes", planes.len(), 2)?;
        ensure!(
            planes[0].bytes_per_line >= wanted.0
                && planes[0].size_image >= planes[0].bytes_per_line * wanted.1
                && planes[1].size_image >= planes[1].bytes_per_line * (wanted.1 / 2),
            "{wanted:?} does not fit into {planes:?}"
        );
    }
    let mut unknown = before;
    unknown.set(u32::from_le_bytes(*b"none"), 320, 240);
    let tried = video::try_format(fd, OUTPUT, unknown).context("TRY_FMT")?;
    equal("unknown format", tried.fourcc(), V4L2_PIX_FMT_NV12M)?;
    let after = video::get_format(fd, OUTPUT).context("G_FMT")?;
    equal(
        "format after TRY_FMT",
        (after.width(), after.height(), after.fourcc()),
        (before.width(), before.height(), before.fourcc()),
    )
}

fn request_capabilities() -> Result<()> {
    let encoder = Encoder::open()?;
    for (queue, supported) in [(OUTPUT, true), (CAPTURE, false)] {
        let fd = encoder.video.as_fd();
        let caps = buffers::request(fd, queue, V4L2_MEMORY_MMAP, 0)
            .context("REQBUFS")?
            .capabilities;
        let has = |cap| caps & cap != 0;
        equal("requests", has(V4L2_BUF_CAP_SUPPORTS_REQUESTS), supported)?;
        ensure!(
            has(V4L2_BUF_CAP_SUPPORTS_MMAP)
                && has(V4L2_BUF_CAP_SUPPORTS_DMABUF)
                && has(V4L2_BUF_CAP_SUPPORTS_ORPHANED_BUFS)
                && !has(V4L2_BUF_CAP_SUPPORTS_USERPTR),
            "capabilities of queue {queue} are {caps:#x}"
        );
    }
    Ok(())
}

fn frame_interval() -> Result<()> {
    let encoder = Encoder::open()?;
    let fd = encoder.video.as_fd();
    for queue in [OUTPUT, CAPTURE] {
        let interval = video::frame_interval(fd, queue).context("G_PARM")?;
        equal("G_PARM", interval, (1, 25))?;
    }
    let set = video::set_frame_interval(fd, OUTPUT, (1001, 30000)).context("S_PARM")?;
    equal("S_PARM", set, (1001, 30000))?;
    for queue in [OUTPUT, CAPTURE] {
        let interval = video::frame_interval(fd, queue).context("G_PARM")?;
        equal("G_PARM", interval, (1001, 30000))?;
    }
    for nonsense in [(0, 0), (0, 25), (1, 0)] {
        let set = video::set_frame_interval(fd, OUTPUT, nonsense).context("S_PARM")?;
        ensure!(set.0 > 0 && set.1 > 0, "{nonsense:?} became {set:?}");
    }
    Ok(())
}

fn resolution_change() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    encoder.encode(&request, &idr())?;
    for size in [(320, 240), (64, 48), (1280, 720)] {
        encoder.stop()?;
        for queue in [OUTPUT, CAPTURE] {
            video::request_buffers(encoder.video.as_fd(), queue, 0).context("REQBUFS 0")?;
        }
        encoder.set_format(V4L2_PIX_FMT_NV12, size)?;
        encoder.allocate(BUFFERS)?;
        encoder.set_parameter_sets(size)?;
        encoder.start()?;
        // A first P picture refers to nothing: the old references are gone.
        request.reinit().context("REINIT")?;
        encoder.encode_fails(&request, &predicted())?;
        request.reinit().context("REINIT")?;
        let coded = encoder.encode(&request, &idr())?;
        equal("sequence", coded.sequence, 1)?;
        let units = nal_types(&encoder.content(&coded)?);
        equal("NAL units", units, vec![7, 8, 5])?;
        request.reinit().context("REINIT")?;
        encoder.encode(&request, &predicted())?;
    }
    Ok(())
}

fn rect(left: i32, top: i32, width: u32, height: u32) -> Rect {
    Rect {
        left,
        top,
        width,
        height,
    }
}

const CROP: u32 = V4L2_SEL_TGT_CROP;

fn cropping() -> Result<()> {
    let encoder = Encoder::open()?;
    let fd = encoder.video.as_fd();
    encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    // The multi-planar and the single-planar type mean the same.
    for queue in [OUTPUT, V4L2_BUF_TYPE_VIDEO_OUTPUT] {
        let whole = rect(0, 0, SIZE.0, SIZE.1);
        for target in [V4L2_SEL_TGT_CROP_BOUNDS, V4L2_SEL_TGT_CROP_DEFAULT] {
            let got = selection::get(fd, queue, target).context("G_SELECTION")?;
            equal("G_SELECTION", got, whole)?;
        }
        let part = rect(32, 16, 98, 66);
        let set = selection::set(fd, queue, CROP, part, 0).context("S_SELECTION")?;
        equal("S_SELECTION", set, part)?;
        let got = selection::get(fd, queue, CROP).context("G_SELECTION")?;
        equal("G_SELECTION", got, part)?;
        let outside = rect(170, -9, 98, 66);
        let set = selection::set(fd, queue, CROP, outside, 0).context("S_SELECTION")?;
        equal("moved inside", set, rect(78, 0, 98, 66))?;
    }
    let coded = video::get_format(fd, CAPTURE).context("G_FMT")?;
    equal("CAPTURE size", (coded.width(), coded.height()), (98, 66))?;
    encoder.allocate(BUFFERS)?;
    encoder.start()?;
    let request = encoder.request()?;
    encoder.encode(&request, &idr())?;
    let sps: v4l2_ctrl_h264_sps = encoder
        .compound(Which::Current, V4L2_CID_STATELESS_H264_SPS)
        .map_err(|err| err.source)
        .context("SPS")?;
    equal(
        "macroblocks",
        (
            sps.pic_width_in_mbs_minus1,
            sps.pic_height_in_map_units_minus1,
        ),
        (6, 4),
    )
}

fn selection_while_streaming() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let fd = encoder.video.as_fd();
    let part = rect(0, 0, 64, 64);
    for stopped in [None, Some(OUTPUT), Some(CAPTURE)] {
        encoder.start()?;
        if let Some(queue) = stopped {
            video::stream_off(fd, queue).context("STREAMOFF")?;
        }
        let set = selection::set(fd, OUTPUT, CROP, part, 0);
        refused("S_SELECTION", Errno::BUSY, set)?;
    }
    encoder.stop()?;
    selection::set(fd, OUTPUT, CROP, part, 0).context("S_SELECTION")?;
    // The buffers that are there would be too small for more.
    let whole = selection::set(fd, OUTPUT, CROP, rect(0, 0, SIZE.0, SIZE.1), 0);
    refused("S_SELECTION with small buffers", Errno::BUSY, whole)
}

fn selection_flags() -> Result<()> {
    let encoder = Encoder::open()?;
    let fd = encoder.video.as_fd();
    encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    let odd = rect(0, 0, 99, 64);
    let exactly = V4L2_SEL_FLAG_GE | V4L2_SEL_FLAG_LE;
    let set = selection::set(fd, OUTPUT, CROP, odd, exactly);
    refused("odd, exactly", Errno::RANGE, set)?;
    let larger = rect(0, 0, 999, 64);
    let set = selection::set(fd, OUTPUT, CROP, larger, V4L2_SEL_FLAG_GE);
    refused("more than there is", Errno::RANGE, set)?;
    let got = selection::get(fd, OUTPUT, CROP).context("G_SELECTION")?;
    equal("the crop", got, rect(0, 0, SIZE.0, SIZE.1))
}

fn selection_elsewhere() -> Result<()> {
    let encoder = Encoder::open()?;
    let fd = encoder.video.as_fd();
    for (queue, target) in [
        (CAPTURE, CROP),
        (OUTPUT, V4L2_SEL_TGT_COMPOSE),
        (OUTPUT, V4L2_SEL_TGT_CROP_BOUNDS),
    ] {
        let set = selection::set(fd, queue, target, rect(0, 0, 64, 64), 0);
        refused("S_SELECTION", Errno::INVAL, set)?;
    }
    refused(
        "G_SELECTION",
        Errno::INVAL,
        selection::get(fd, CAPTURE, CROP),
    )
}

fn busy() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let fd = encoder.video.as_fd();
    for queue in [OUTPUT, CAPTURE] {
        let format = video::get_format(fd, queue).context("G_FMT")?;
        let set = || video::set_format(fd, queue, format).map(|format| format.fourcc());
        refused("S_FMT while streaming", Errno::BUSY, set())?;
        let given = video::request_buffers(fd, queue, 0);
        refused("REQBUFS while streaming", Errno::BUSY, given)?;
    }
    encoder.stop()?;
    let raw = video::get_format(fd, OUTPUT).context("G_FMT")?;
    let set = video::set_format(fd, OUTPUT, raw).map(|format| format.fourcc());
    refused("S_FMT with buffers", Errno::BUSY, set)?;
    // CAPTURE buffers alone hold the size, and not the source format.
    video::request_buffers(fd, OUTPUT, 0).context("REQBUFS 0")?;
    let mut other = raw;
    other.set(V4L2_PIX_FMT_NV12, 320, 240);
    let set = video::set_format(fd, OUTPUT, other).map(|format| format.fourcc());
    refused("S_FMT of another size", Errno::BUSY, set)?;
    encoder.set_format(V4L2_PIX_FMT_YUYV, SIZE)?;
    video::request_buffers(fd, CAPTURE, 0).context("REQBUFS 0")?;
    encoder.set_format(V4L2_PIX_FMT_YUYV, (320, 240))
}

fn capture_size() -> Result<()> {
    let encoder = Encoder::open()?;
    let fd = encoder.video.as_fd();
    encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    let mut format = video::get_format(fd, CAPTURE).context("G_FMT")?;
    format.set_size_image(1);
    let set = video::set_format(fd, CAPTURE, format).context("S_FMT")?;
    // H.264 clause A.3.1: 3200 bits a macroblock.
    let worst = 400 * SIZE.0.div_ceil(16) * SIZE.1.div_ceil(16);
    ensure!(
        set.planes()[0].size_image >= worst,
        "sizeimage is {}, a picture can have {worst} bytes",
        set.planes()[0].size_image
    );
    format.set_size_image(1);
    refused(
        "CREATE_BUFS of 1 byte",
        Errno::INVAL,
        buffers::create(fd, CAPTURE, 1, &format),
    )
}

/// A dma-buf of one page.
fn small_dma_buf() -> Result<OwnedFd> {
    let small = Encoder::open()?;
    small.set_format(V4L2_PIX_FMT_NV12, (16, 16))?;
    let fd = small.video.as_fd();
    video::request_buffers(fd, OUTPUT, 1).context("REQBUFS")?;
    buffers::export(fd, OUTPUT, 0, 0).context("EXPBUF")
}

fn small_capture_buffer() -> Result<()> {
    let encoder = Encoder::open()?;
    encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    let fd = encoder.video.as_fd();
    video::request_buffers(fd, OUTPUT, 1).context("REQBUFS OUTPUT")?;
    buffers::request(fd, CAPTURE, V4L2_MEMORY_DMABUF, 2).context("REQBUFS CAPTURE")?;
    encoder.start()?;
    let large = {
        let other = Encoder::streaming()?;
        buffers::export(other.video.as_fd(), CAPTURE, 0, 0).context("EXPBUF")?
    };
    let size = video::get_format(fd, CAPTURE).context("G_FMT")?.planes()[0].size_image;
    let small = small_dma_buf()?;
    encoder.queue_source(0, 5, None).context("QBUF OUTPUT")?;
    let queue = |dma_buf: &OwnedFd, length| {
        let import = Import {
            dma_buf: dma_buf.as_fd(),
            length,
            bytes_used: 0,
        };
        buffers::queue_imported(fd, CAPTURE, 0, &[import], 0, None)
    };
    refused("one page", Errno::INVAL, queue(&small, 384))?;
    refused("too little of it", Errno::INVAL, queue(&large, size - 1))?;
    queue(&large, size).context("QBUF of enough")?;
    let coded = encoder.dequeue(CAPTURE)?;
    equal("timestamp", coded.timestamp, 5)?;
    ensure!(coded.bytes_used[0] > 0, "the picture failed: {coded:?}");
    Ok(())
}

fn small_output_buffer() -> Result<()> {
    let encoder = Encoder::open()?;
    encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    let fd = encoder.video.as_fd();
    buffers::request(fd, OUTPUT, V4L2_MEMORY_DMABUF, 1).context("REQBUFS OUTPUT")?;
    video::request_buffers(fd, CAPTURE, 1).context("REQBUFS CAPTURE")?;
    encoder.start()?;
    let large = {
        let other = Encoder::streaming()?;
        buffers::export(other.video.as_fd(), OUTPUT, 0, 0).context("EXPBUF")?
    };
    let size = video::get_format(fd, OUTPUT).context("G_FMT")?.planes()[0].size_image;
    let small = small_dma_buf()?;
    let request = encoder.request()?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    let queue = |dma_buf: &OwnedFd, length| {
        let import = Import {
            dma_buf: dma_buf.as_fd(),
            length,
            bytes_used: length,
        };
        buffers::queue_imported(fd, OUTPUT, 0, &[import], 6, Some(request.as_fd()))
    };
    // In a request the memory is looked at when the request is queued.
    let refused_somewhere = |queued: io::Result<()>| {
        let result = queued.and_then(|()| request.queue());
        refused("too small a source", Errno::INVAL, result)?;
        request.reinit().context("REINIT")
    };
    refused_somewhere(queue(&small, 384))?;
    refused_somewhere(queue(&large, size - 2))?;
    queue(&large, size).context("QBUF of enough")?;
    request.queue().context("REQUEST_IOC_QUEUE")?;
    let coded = encoder.complete(&request)?;
    equal("timestamp", coded.timestamp, 6)?;
    ensure!(coded.bytes_used[0] > 0, "the picture failed: {coded:?}");
    Ok(())
}

fn wrong_types() -> Result<()> {
    let encoder = Encoder::open()?;
    let fd = encoder.video.as_fd();
    for queue in [
        V4L2_BUF_TYPE_VIDEO_OUTPUT,
        V4L2_BUF_TYPE_VIDEO_CAPTURE,
        V4L2_BUF_TYPE_META_OUTPUT,
        99,
    ] {
        let given = video::request_buffers(fd, queue, 1);
        refused("REQBUFS", Errno::INVAL, given)?;
        refused("STREAMON", Errno::INVAL, video::stream_on(fd, queue))?;
    }
    for queue in [OUTPUT, CAPTURE] {
        let given = buffers::request(fd, queue, V4L2_MEMORY_USERPTR, 1);
        refused("REQBUFS USERPTR", Errno::INVAL, given)?;
    }
    Ok(())
}
