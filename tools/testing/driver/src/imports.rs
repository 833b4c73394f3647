// SPDX-License-Identifier: GPL-2.0

//! Memory from elsewhere. Hardware without an IOMMU takes only what is contiguous, and
//! none takes more than there is.

use crate::{
    encoder::{
        Encoder,
        SIZE, //
    },
    expect::{
        ensure,
        equal,
        refused, //
    },
    ktap::Ktap,
    rig::bind,
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
            buffers,
            mapping::Mapping,
            udmabuf,
            video::{
                self,
                Dequeued, //
            },
        },
        uapi::*,
    },
};
use std::{
    fs, io,
    os::fd::{
        AsFd,
        BorrowedFd,
        OwnedFd, //
    },
    time::Duration,
};

const LIMIT: Duration = Duration::from_secs(60);
const PAGE: u64 = 4096;

pub(crate) fn run(ktap: &mut Ktap) {
    ktap.test(
        "planes that lie in one dma-buf are a source",
        LIMIT,
        planes_of_one,
    );
    ktap.test(
        "a plane beyond the end of a dma-buf is refused",
        LIMIT,
        beyond_the_end,
    );
    let translated = fs::read_dir("/sys/class/iommu").is_ok_and(|mut dir| dir.next().is_some());
    if translated {
        ktap.test(
            "scattered memory is a source behind an IOMMU",
            LIMIT,
            scattered_source,
        );
        ktap.test(
            "scattered memory takes coded data behind an IOMMU",
            LIMIT,
            scattered_coded,
        );
    } else {
        ktap.test(
            "scattered memory is refused at QBUF without an IOMMU",
            LIMIT,
            scattered_is_refused,
        );
    }
}

/// An encoder of this raw format whose `imported` queue takes DMABUF memory, with
/// parameter sets.
fn encoder(fourcc: u32, imported: u32) -> Result<Encoder> {
    bind()?;
    let encoder = Encoder::open()?;
    encoder.set_format(fourcc, SIZE)?;
    let fd = encoder.video.as_fd();
    for queue in [OUTPUT, CAPTURE] {
        let memory = match queue == imported {
            true => V4L2_MEMORY_DMABUF,
            false => V4L2_MEMORY_MMAP,
        };
        buffers::request(fd, queue, memory, 1).context("REQBUFS")?;
    }
    encoder.set_parameter_sets(SIZE)?;
    encoder.start()?;
    Ok(encoder)
}

/// Scattered memory for a buffer of a queue, and what of it is one.
fn scattered(encoder: &Encoder, queue: u32) -> Result<(OwnedFd, Mapping, u32)> {
    let format = video::get_format(encoder.video.as_fd(), queue).context("G_FMT")?;
    let size = format.planes()[0].size_image;
    let pages = u64::from(size).div_ceil(PAGE) as u32;
    let (dma_buf, _memfd) = udmabuf::backwards(pages, PAGE).context("udmabuf")?;
    let mapping = Mapping::new(dma_buf.as_fd(), 0, size as usize).context("mapping a udmabuf")?;
    Ok((dma_buf, mapping, size))
}

/// A picture's size in bytes, and that of its luma.
const LUMA: u32 = SIZE.0 * SIZE.1;
const WHOLE: u32 = LUMA / 2 * 3;

/// Contiguous memory for a whole picture, in one dma-buf.
fn contiguous() -> Result<OwnedFd> {
    let exporter = Encoder::open()?;
    exporter.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    exporter.allocate(1)?;
    buffers::export(exporter.video.as_fd(), OUTPUT, 0, 0).context("EXPBUF")
}

/// QBUF of a source whose planes lie in one dma-buf, the chroma where it is said to.
fn queue_planes(
    encoder: &Encoder,
    dma_buf: BorrowedFd<'_>,
    (data_offset, length): (u32, u32),
) -> io::Result<()> {
    let planes = [
        buffers::Import {
            dma_buf,
            length: LUMA,
            bytes_used: LUMA,
            data_offset: 0,
        },
        buffers::Import {
            dma_buf,
            length,
            bytes_used: length,
            data_offset,
        },
    ];
    buffers::queue_imported(encoder.video.as_fd(), OUTPUT, 0, &planes, 7, None)
}

/// QBUF of imported memory.
fn queue(encoder: &Encoder, queue: u32, dma_buf: BorrowedFd<'_>, size: u32) -> io::Result<()> {
    let import = buffers::Import {
        dma_buf,
        length: size,
        bytes_used: if queue == OUTPUT { size } else { 0 },
        data_offset: 0,
    };
    buffers::queue_imported(encoder.video.as_fd(), queue, 0, &[import], 7, None)
}

/// A picture in which each page is different.
fn picture(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at / 61 + at % 7 * 9) as u8).collect()
}

/// What the queued source becomes in a buffer of the driver's own.
fn coded(encoder: &Encoder) -> Result<Vec<u8>> {
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    encoder.content(&dequeue_coded(encoder)?)
}

fn dequeue_coded(encoder: &Encoder) -> Result<Dequeued> {
    let coded = encoder.dequeue(CAPTURE)?;
    ensure!(!is_error(&coded), "the picture was not coded");
    Ok(coded)
}

/// The picture, coded from a buffer of the driver's own.
fn coded_plainly() -> Result<Vec<u8>> {
    let encoder = Encoder::streaming()?;
    let mut source = encoder.map(OUTPUT, 0)?;
    source.write(0, &picture(source.len()));
    encoder.queue_source(0, 7, None).context("QBUF OUTPUT")?;
    coded(&encoder)
}

fn planes_of_one() -> Result<()> {
    let wanted = coded_plainly()?;
    let encoder = encoder(V4L2_PIX_FMT_NV12M, OUTPUT)?;
    let dma_buf = contiguous()?;
    let mut source =
        Mapping::new(dma_buf.as_fd(), 0, WHOLE as usize).context("mapping an export")?;
    source.write(0, &picture(WHOLE as usize));
    queue_planes(&encoder, dma_buf.as_fd(), (LUMA, WHOLE)).context("QBUF OUTPUT")?;
    let same = coded(&encoder)? == wanted;
    ensure!(same, "it is coded differently from one dma-buf");
    Ok(())
}

fn beyond_the_end() -> Result<()> {
    let encoder = encoder(V4L2_PIX_FMT_NV12M, OUTPUT)?;
    let dma_buf = contiguous()?;
    // Memory is whole pages.
    let memory = WHOLE.next_multiple_of(PAGE as u32);
    let last = memory - (WHOLE - LUMA);
    for (offset, length) in [
        (last + 2, memory + 2),
        (1 << 28, 0xffff_f000),
        (0xffff_0000, 0xffff_f000),
    ] {
        refused(
            &format!("QBUF of chroma at {offset:#x}"),
            Errno::INVAL,
            queue_planes(&encoder, dma_buf.as_fd(), (offset, length)),
        )?;
    }
    // What ends with it is in it.
    queue_planes(&encoder, dma_buf.as_fd(), (last, memory)).context("QBUF OUTPUT")?;
    coded(&encoder).map(|_| ())
}

fn scattered_is_refused() -> Result<()> {
    let encoder = encoder(V4L2_PIX_FMT_NV12, OUTPUT)?;
    let (dma_buf, _, size) = scattered(&encoder, OUTPUT)?;
    let queued = queue(&encoder, OUTPUT, dma_buf.as_fd(), size);
    refused("QBUF of scattered memory", Errno::FAULT, queued)
}

fn scattered_source() -> Result<()> {
    let wanted = coded_plainly()?;
    let encoder = encoder(V4L2_PIX_FMT_NV12, OUTPUT)?;
    let (dma_buf, mut source, size) = scattered(&encoder, OUTPUT)?;
    source.write(0, &picture(size as usize));
    queue(&encoder, OUTPUT, dma_buf.as_fd(), size).context("QBUF OUTPUT")?;
    let same = coded(&encoder)? == wanted;
    ensure!(same, "it is coded differently from scattered memory");
    Ok(())
}

fn scattered_coded() -> Result<()> {
    let wanted = coded_plainly()?;
    let encoder = encoder(V4L2_PIX_FMT_NV12, CAPTURE)?;
    let mut source = encoder.map(OUTPUT, 0)?;
    source.write(0, &picture(source.len()));
    let (dma_buf, memory, size) = scattered(&encoder, CAPTURE)?;
    encoder.queue_source(0, 7, None).context("QBUF OUTPUT")?;
    queue(&encoder, CAPTURE, dma_buf.as_fd(), size).context("QBUF CAPTURE")?;
    let coded = dequeue_coded(&encoder)?;
    let mut bytes = Vec::new();
    memory.read(0, coded.bytes_used[0] as usize, &mut bytes);
    equal("bytes", bytes.len(), wanted.len())?;
    ensure!(
        bytes == wanted,
        "what scattered memory holds is another stream"
    );
    Ok(())
}
