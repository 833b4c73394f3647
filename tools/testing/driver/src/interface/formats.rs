// SPDX-License-Identifier: GPL-2.0

//! Formats and crop rectangles as this driver has them, and buffers that it refuses.

use super::Test;
use crate::{
    encoder::{
        idr,
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
    ("cropping sets the size of the coded picture", cropping),
    (
        "cropping on CAPTURE, and other targets, are refused with EINVAL",
        selection_elsewhere,
    ),
    (
        "a CAPTURE format too small for the worst picture is enlarged",
        capture_size,
    ),
    (
        "a small CAPTURE size is for pictures no larger than those it was set for",
        small_capture_size,
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

fn capture_size() -> Result<()> {
    let encoder = Encoder::open()?;
    let fd = encoder.video.as_fd();
    encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    let mut format = video::get_format(fd, CAPTURE).context("G_FMT")?;
    format.set_size_image(1);
    let set = video::set_format(fd, CAPTURE, format).context("S_FMT")?;
    equal("the smallest sizeimage", set.planes()[0].size_image, 4096)?;
    refused(
        "CREATE_BUFS of 1 byte",
        Errno::INVAL,
        buffers::create(fd, CAPTURE, 1, &format),
    )?;
    // H.264 clause A.3.1: 3200 bits a macroblock.
    let worst = 400 * SIZE.0.div_ceil(16) * SIZE.1.div_ceil(16);
    format.set_size_image(0);
    let set = video::set_format(fd, CAPTURE, format).context("S_FMT")?;
    ensure!(
        set.planes()[0].size_image >= worst,
        "sizeimage is {}, a picture can have {worst} bytes",
        set.planes()[0].size_image
    );
    Ok(())
}

fn small_capture_size() -> Result<()> {
    let encoder = Encoder::open()?;
    let fd = encoder.video.as_fd();
    encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    let crop = |(width, height)| selection::set(fd, OUTPUT, CROP, rect(0, 0, width, height), 0);
    let mut format = video::get_format(fd, CAPTURE).context("G_FMT")?;
    let whole = format.planes()[0].size_image;
    crop((64, 48)).context("S_SELECTION")?;
    format.set_size_image(5000);
    video::set_format(fd, CAPTURE, format).context("S_FMT")?;
    for (size, wanted) in [
        ((64, 48), 5000),
        (SIZE, whole),
        ((48, 64), 5000),
        ((32, 32), 5000),
    ] {
        crop(size).context("S_SELECTION")?;
        let coded = video::get_format(fd, CAPTURE).context("G_FMT")?;
        equal("sizeimage", coded.planes()[0].size_image, wanted)?;
    }
    encoder.allocate(BUFFERS)?;
    crop((64, 48)).context("S_SELECTION in the same buffers")?;
    refused(
        "S_SELECTION of more than the buffers are for",
        Errno::BUSY,
        crop(SIZE),
    )?;
    let coded = video::get_format(fd, CAPTURE).context("G_FMT")?;
    equal("CAPTURE size", (coded.width(), coded.height()), (64, 48))
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
            data_offset: 0,
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
            data_offset: 0,
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
