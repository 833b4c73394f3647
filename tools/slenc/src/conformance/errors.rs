// SPDX-License-Identifier: GPL-2.0

//! Error handling.

use super::{
    encoder::{
        wait_completed,
        Encoder,
        Params,
        Target, //
    },
    expect::{
        ensure,
        equal,
        fail,
        unsupported,
        Outcome, //
    },
    references::failing,
    stream::{
        idr,
        Stream, //
    },
    Test,
};
use crate::{
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
            control::ExtControl,
            video, //
        },
        uapi::*,
    },
};
use rustix::io::Errno;
use std::{
    io,
    os::fd::{
        AsFd,
        OwnedFd, //
    },
};

pub(super) const TESTS: &[Test] = &[
    ("ENC-ERR-1", queueing),
    ("ENC-ERR-2", comes_back),
    ("ENC-ERR-3", survives),
    ("ENC-ERR-4", contradictions),
    ("ENC-ERR-5", types),
    ("ENC-ERR-6", too_small),
];

/// Pictures that make no sense.
fn nonsense() -> Vec<Params> {
    let p = Params {
        slice_type: 0,
        flags: 0,
        ..idr()
    };
    vec![
        failing(idr()),
        failing(p),
        Params {
            nal_ref_idc: 7,
            ..p
        },
        Params { slice_type: 1, ..p },
        Params { slice_type: 4, ..p },
        Params {
            slice_type: 255,
            ..p
        },
        Params {
            flags: V4L2_H264_ENCODE_FLAG_FIELD_PIC | V4L2_H264_ENCODE_FLAG_BOTTOM_FIELD,
            ..p
        },
        Params {
            delta_pic_order_cnt_bottom: i32::MIN,
            delta_pic_order_cnt0: i32::MAX,
            ..p
        },
    ]
}

fn queueing(target: &Target) -> Outcome {
    // As the first picture, and in a stream.
    for begins in [true, false] {
        let mut stream = Stream::new(target)?;
        if !begins {
            stream.code_idr()?;
        }
        for params in nonsense() {
            stream.submit(stream.next_name(), Some(&params), &mut [])?;
            stream.complete()?;
        }
    }
    Ok(())
}

fn comes_back(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    // In its turn: between two that are good.
    let mut requests = Vec::new();
    for (index, params) in (0..).zip([idr(), failing(idr()), idr()]) {
        let request = stream.encoder.request()?;
        let name = stream.queue(&request, index, &params)?;
        requests.push((request, name));
    }
    (0..3).try_for_each(|index| stream.queue_coded(index))?;
    for (number, (request, name)) in requests.iter().enumerate() {
        wait_completed(request)?;
        let coded = stream.encoder.dequeue(CAPTURE)?;
        let raw = stream.encoder.dequeue(OUTPUT)?;
        for (what, buffer) in [("CAPTURE", &coded), ("OUTPUT", &raw)] {
            let what = format!("of {what} buffer {number}");
            let flag = format!("V4L2_BUF_FLAG_ERROR {what}");
            equal(&flag, is_error(buffer), number == 1)?;
            equal(&format!("the timestamp {what}"), buffer.timestamp, *name)?;
        }
        let bytes = coded.bytes_used.first().copied().unwrap_or(0);
        equal("whether bytesused is 0", bytes == 0, number == 1)?;
    }
    Ok(())
}

fn survives(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    for params in nonsense() {
        stream.submit(stream.next_name(), Some(&params), &mut [])?;
        let buffer = stream.complete()?;
        if !is_error(&buffer) {
            // It was corrected, and is a part of the stream.
            stream.read(buffer)?.keeps_all()?;
        }
        stream.code_p()?.keeps_all()?;
        stream.code_idr()?.keeps_all()?;
    }
    Ok(())
}

fn contradictions(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let failing = failing(idr());
    stream.fails("a picture whose PPS does not exist", &failing, &mut [])?;
    let (_, good) = stream.encoder.parameter_sets()?;
    let mut pps = good;
    pps.seq_parameter_set_id = 7;
    stream.encoder.set_pps(&pps)?;
    stream.fails("a picture whose SPS does not exist", &idr(), &mut [])?;
    stream.encoder.set_pps(&good)?;
    stream.code_idr()?.keeps_all()?;
    // The SPS in use stays until the next IDR picture.
    let (sps, _) = stream.encoder.parameter_sets()?;
    let mut other = sps;
    other.seq_parameter_set_id = 7;
    stream.encoder.set_sps(&other)?;
    stream.encoder.set_pps(&pps)?;
    let p = stream.p();
    stream.fails("a P picture of an SPS that is not in use", &p, &mut [])?;
    stream.code_idr()?.keeps_all()
}

fn types(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    // SP, SI, and what is none; of a B picture the driver may be capable.
    for slice_type in [3, 4, 5, 7, 255] {
        let params = Params {
            slice_type,
            ..stream.p()
        };
        let what = format!("a picture of slice_type {slice_type}");
        stream.fails(&what, &params, &mut [])?;
    }
    for flags in [
        V4L2_H264_ENCODE_FLAG_FIELD_PIC,
        V4L2_H264_ENCODE_FLAG_FIELD_PIC | V4L2_H264_ENCODE_FLAG_BOTTOM_FIELD,
    ] {
        let params = Params {
            flags,
            ..stream.p()
        };
        if let Ok(picture) = stream.try_code(&params, &mut [])? {
            ensure!(
                !picture.slice().field_pic && picture.active.0.frame_mbs_only,
                "a frame is coded as a field"
            );
        }
    }
    let b = Params {
        slice_type: 1,
        ..stream.p()
    };
    stream.submit(stream.next_name(), Some(&b), &mut [])?;
    if is_error(&stream.complete()?) {
        return Ok(());
    }
    unsupported("the encoder codes B pictures, which this program cannot read")
}

/// A dma-buf of the smallest source that the encoder takes.
fn small_memory(target: &Target) -> Result<OwnedFd> {
    let encoder = Encoder::open(target)?;
    let (fourcc, size) = (encoder.raw_format()?, encoder.size_near((0, 0))?);
    let raw = encoder.raw(fourcc, size)?;
    encoder.set_format(OUTPUT, raw).context("VIDIOC_S_FMT")?;
    let fd = encoder.video.as_fd();
    video::request_buffers(fd, OUTPUT, 1).context("VIDIOC_REQBUFS")?;
    buffers::export(fd, OUTPUT, 0, 0).context("VIDIOC_EXPBUF")
}

/// An encoder one of whose queues takes imported memory.
fn importing(target: &Target, queue: u32) -> Outcome<Encoder> {
    let encoder = Encoder::open(target)?;
    encoder.set_size(encoder.size_near((640, 480))?)?;
    let fd = encoder.video.as_fd();
    for kind in [OUTPUT, CAPTURE] {
        let memory = match kind == queue {
            true => V4L2_MEMORY_DMABUF,
            false => V4L2_MEMORY_MMAP,
        };
        buffers::request(fd, kind, memory, 2).context("VIDIOC_REQBUFS")?;
    }
    encoder.start()?;
    Ok(encoder)
}

/// Queues a picture whose buffer on one queue is too small: an error of a call, or
/// whether the picture failed.
fn with_too_little(target: &Target, queue: u32) -> Outcome<io::Result<bool>> {
    let encoder = importing(target, queue)?;
    let small = small_memory(target)?;
    let planes = encoder.format(queue)?.planes();
    let imports: Vec<_> = planes
        .iter()
        .map(|_| Import {
            dma_buf: small.as_fd(),
            length: 256,
            bytes_used: if queue == OUTPUT { 256 } else { 0 },
        })
        .collect();
    let request = encoder.request()?;
    let mut params = idr();
    let id = V4L2_CID_STATELESS_H264_ENCODE_PARAMS;
    encoder.set_in(&request, &mut [ExtControl::compound(id, &mut params)])?;
    let fd = encoder.video.as_fd();
    let in_request = (queue == OUTPUT).then_some(request.as_fd());
    let import = buffers::queue_imported(fd, queue, 0, &imports, 1, in_request);
    let queued = import
        .and_then(|()| match queue {
            OUTPUT => encoder.queue_coded(0),
            _ => encoder.queue_source(0, 1, Some(&request)),
        })
        .and_then(|()| request.queue());
    if let Err(err) = queued {
        return Ok(Err(err));
    }
    wait_completed(&request)?;
    Ok(Ok(is_error(&encoder.dequeue(CAPTURE)?)))
}

fn too_small(target: &Target) -> Outcome {
    for queue in [OUTPUT, CAPTURE] {
        let what = super::encoder::queue_name(queue);
        match with_too_little(target, queue)? {
            Ok(true) => {}
            Ok(false) if queue == OUTPUT => {
                return fail("a source of 256 bytes is coded as one of 640x480");
            }
            Ok(false) => {}
            Err(err) if err.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {}
            Err(err) => {
                return fail(format!(
                    "queueing too small a {what} buffer fails with {err}"
                ))
            }
        }
    }
    // The encoder is as good as before.
    let mut stream = Stream::new(target)?;
    stream.code_idr()?.keeps_all()?;
    stream.code_p()?.keeps_all()
}
