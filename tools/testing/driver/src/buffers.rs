// SPDX-License-Identifier: GPL-2.0

//! Buffers beyond the usual, and many files at once.

use crate::{
    encoder::{
        idr,
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
    ktap::Ktap,
    rig::{
        bind,
        STEP, //
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
            buffers::{
                self,
                Import, //
            },
            control::{
                self,
                ExtControl,
                Which, //
            },
            video,
        },
        uapi::*,
    },
};
use std::{
    os::fd::AsFd,
    time::{
        Duration,
        Instant, //
    },
};

const LIMIT: Duration = Duration::from_secs(120);

/// What a test shows, and how.
type Test = (&'static str, fn() -> Result<()>);

const TESTS: &[Test] = &[
    (
        "buffers are created and removed while a stream runs",
        create_and_remove,
    ),
    (
        "buffers that are in use, or not there, cannot be removed",
        not_removed,
    ),
    (
        "exports of CAPTURE buffers are imported again",
        import_coded,
    ),
    (
        "a picture that its buffer is too small for fails, and the stream goes on",
        too_small,
    ),
    (
        "the rate control keeps to what a small buffer has room for, or learns it",
        rate_control_learns_room,
    ),
    ("16 files encode at once, and none waits for long", fair),
];

pub(crate) fn run(ktap: &mut Ktap) {
    for (name, body) in TESTS {
        ktap.test(name, LIMIT, move || {
            bind()?;
            body()
        });
    }
}

/// Encodes a picture without a request, in these buffers.
fn encode_in(encoder: &Encoder, source: u32, coded: u32) -> Result<()> {
    encoder
        .queue_source(source, source.into(), None)
        .context("QBUF OUTPUT")?;
    encoder.queue_coded(coded).context("QBUF CAPTURE")?;
    let done = encoder.dequeue(CAPTURE)?;
    equal("CAPTURE buffer", done.index, coded)?;
    ensure!(!is_error(&done), "the picture failed");
    equal("OUTPUT buffer", encoder.dequeue(OUTPUT)?.index, source)
}

fn create_and_remove() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let fd = encoder.video.as_fd();
    for queue in [OUTPUT, CAPTURE] {
        let format = video::get_format(fd, queue).context("G_FMT")?;
        let able = buffers::capabilities(fd, queue, &format).context("CREATE_BUFS of none")?;
        ensure!(
            able & V4L2_BUF_CAP_SUPPORTS_REMOVE_BUFS != 0,
            "queue {queue} cannot remove buffers"
        );
        let first = buffers::create(fd, queue, 2, &format).context("CREATE_BUFS")?;
        equal("first new buffer", first, BUFFERS)?;
    }
    encode_in(&encoder, 0, BUFFERS)?;
    encode_in(&encoder, BUFFERS + 1, 1)?;
    for queue in [OUTPUT, CAPTURE] {
        buffers::remove(fd, queue, 1, 2).context("REMOVE_BUFS")?;
        refused(
            "QUERYBUF of a buffer that was removed",
            Errno::INVAL,
            video::query_buffer(fd, queue, 1),
        )?;
    }
    // The rest is still there, and the gap is filled again.
    encode_in(&encoder, BUFFERS, 0)?;
    let format = video::get_format(fd, OUTPUT).context("G_FMT")?;
    let first = buffers::create(fd, OUTPUT, 2, &format).context("CREATE_BUFS")?;
    equal("first buffer in the gap", first, 1)?;
    encode_in(&encoder, 2, 3)?;
    encoder.stop()
}

/// An encoder with a CAPTURE buffer of 4096 bytes, and a source in which no two samples predict each
/// other, of these bits.
fn small_buffer(bits: u8) -> Result<Encoder> {
    let encoder = Encoder::open()?;
    let fd = encoder.video.as_fd();
    encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    let mut format = video::get_format(fd, CAPTURE).context("G_FMT")?;
    format.set_size_image(4096);
    let format = video::set_format(fd, CAPTURE, format).context("S_FMT")?;
    equal("sizeimage", format.planes()[0].size_image, 4096)?;
    encoder.allocate(1)?;
    encoder.start()?;
    let mut source = encoder.map(OUTPUT, 0)?;
    let noise: Vec<u8> = (0..u64::from(SIZE.0 * SIZE.1))
        .map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 51) as u8 & bits)
        .collect();
    source.write(0, &noise);
    Ok(encoder)
}

fn rate_control_learns_room() -> Result<()> {
    let encoder = small_buffer(63)?;
    // Two buffers a picture.
    encoder.set_constant_rate()?;
    let request = encoder.request()?;
    let mut failed = 0;
    let mut coded = 0;
    let mut largest = 0;
    while coded < 5 {
        let params = if coded == 0 { idr() } else { predicted() };
        encoder.submit(&request, 0, &params)?;
        let picture = encoder.complete(&request)?;
        if is_error(&picture) {
            failed += 1;
            ensure!(failed < 8, "{failed} pictures do not fit, and {coded} do");
        } else {
            coded += 1;
            largest = largest.max(picture.bytes_used[0]);
        }
        request.reinit().context("REINIT")?;
    }
    println!("# {failed} pictures do not fit, the largest of {coded} has {largest} bytes");
    ensure!(
        failed > 0 || largest > 2048,
        "the picture is too easy: it takes {largest} bytes"
    );
    Ok(())
}

fn too_small() -> Result<()> {
    let encoder = small_buffer(u8::MAX)?;
    let fd = encoder.video.as_fd();
    let request = encoder.request()?;
    let mut frames = Vec::new();
    for (params, qp, fits) in [
        (idr(), 0, false),
        (idr(), 51, true),
        (predicted(), 0, false),
        (idr(), 0, false),
        (predicted(), 51, true),
        (predicted(), 51, true),
    ] {
        control::set(
            fd,
            Which::Request(request.as_fd()),
            &mut [ExtControl::int(V4L2_CID_STATELESS_ENC_FRAME_QP, qp)],
        )
        .map_err(|err| err.source)
        .context("FRAME_QP")?;
        if fits {
            encoder.encode(&request, &params)?;
            let stats = encoder
                .stats(&request)
                .map_err(|err| err.source)
                .context("statistics")?;
            frames.push(stats.frame_num);
        } else {
            let coded = encoder.encode_fails(&request, &params)?;
            equal("bytesused", coded.bytes_used[0], 0)?;
        }
        request.reinit().context("REINIT")?;
    }
    // What failed has left no trace.
    equal("frame_num", frames, vec![0, 1, 2])
}

fn not_removed() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let fd = encoder.video.as_fd();
    encoder.queue_coded(1).context("QBUF CAPTURE")?;
    refused(
        "a queued buffer",
        Errno::BUSY,
        buffers::remove(fd, CAPTURE, 0, 2),
    )?;
    refused(
        "no such buffer",
        Errno::INVAL,
        buffers::remove(fd, CAPTURE, BUFFERS, 1),
    )?;
    refused(
        "too many",
        Errno::INVAL,
        buffers::remove(fd, CAPTURE, 0, BUFFERS + 1),
    )?;
    // No buffers are no error.
    buffers::remove(fd, CAPTURE, 0, 0).context("REMOVE_BUFS of none")?;
    encode_with(&encoder)
}

/// Encodes with the CAPTURE buffer that is queued.
fn encode_with(encoder: &Encoder) -> Result<()> {
    encoder.queue_source(0, 0, None).context("QBUF OUTPUT")?;
    ensure!(!is_error(&encoder.dequeue(CAPTURE)?), "the picture failed");
    encoder.dequeue(OUTPUT).map(|_| ())
}

fn import_coded() -> Result<()> {
    let encoder = Encoder::open()?;
    let fd = encoder.video.as_fd();
    encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    encoder.allocate(2)?;
    let length = video::query_buffer(fd, CAPTURE, 0).context("QUERYBUF")?[0].length;
    let exports = (0..2)
        .map(|index| buffers::export(fd, CAPTURE, index, 0).context("EXPBUF"))
        .collect::<Result<Vec<_>>>()?;
    buffers::request(fd, CAPTURE, V4L2_MEMORY_MMAP, 0).context("REQBUFS 0, exported")?;
    buffers::request(fd, CAPTURE, V4L2_MEMORY_DMABUF, 2).context("REQBUFS DMABUF")?;
    encoder.start()?;
    // The second in the first buffer and the other way round: a buffer is not its memory.
    for (index, export) in (0..).zip(exports.iter().rev()) {
        let import = Import {
            dma_buf: export.as_fd(),
            length,
            bytes_used: 0,
            data_offset: 0,
        };
        buffers::queue_imported(fd, CAPTURE, index, &[import], 0, None).context("QBUF CAPTURE")?;
        encoder.queue_source(0, 0, None).context("QBUF OUTPUT")?;
        let done = encoder.dequeue(CAPTURE)?;
        equal("buffer", done.index, index)?;
        ensure!(
            !is_error(&done) && done.bytes_used[0] > 0,
            "the picture failed"
        );
        encoder.dequeue(OUTPUT)?;
        let mut bytes = Vec::new();
        slenc::v4l2::sys::mapping::Mapping::new(export.as_fd(), 0, length as usize)
            .context("mmap of the export")?
            .read(0, done.bytes_used[0] as usize, &mut bytes);
        ensure!(bytes.starts_with(&[0, 0, 0, 1]), "no stream in the export");
    }
    encoder.stop()
}

const FILES: usize = 16;
const PICTURES: usize = 8 * FILES;

fn fair() -> Result<()> {
    let files = (0..FILES)
        .map(|_| Encoder::streaming())
        .collect::<Result<Vec<_>>>()?;
    let requests = files
        .iter()
        .map(|encoder| (0..BUFFERS).map(|_| encoder.request()).collect())
        .collect::<Result<Vec<Vec<_>>>>()?;
    // All have work, and always get more.
    for (encoder, requests) in files.iter().zip(&requests) {
        for (index, request) in (0..).zip(requests) {
            encoder.submit(request, index, &idr())?;
        }
    }
    let mut done = [0; FILES];
    let end = Instant::now() + 6 * STEP;
    while done.iter().sum::<usize>() < PICTURES {
        ensure!(Instant::now() < end, "pictures of each file: {done:?}");
        for ((encoder, requests), done) in files.iter().zip(&requests).zip(&mut done) {
            let next = &requests[*done % BUFFERS as usize];
            if !crate::encoder::is_completed(next) {
                continue;
            }
            let coded = encoder.complete(next)?;
            ensure!(!is_error(&coded), "a picture failed");
            next.reinit().context("REINIT")?;
            encoder.submit(next, coded.index, &idr())?;
            *done += 1;
        }
    }
    let (least, most) = (done.iter().min(), done.iter().max());
    // In turns: nobody is more than the buffers that a file may have queued ahead.
    ensure!(
        most.zip(least)
            .is_some_and(|(most, least)| most - least <= BUFFERS as usize),
        "pictures of each file: {done:?}"
    );
    for encoder in &files {
        encoder.stop()?;
    }
    Ok(())
}
