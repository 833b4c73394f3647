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
        usual_sps,
        Stream, //
    },
    Test,
};
use crate::{
    error::Context,
    h264::{
        self,
        decoder::Decoder,
        nal, //
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
            mapping::Mapping,
            video::{
                self,
                Dequeued, //
            },
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

/// The planes of buffers of one queue, of sources of a size.
fn memory(target: &Target, queue: u32, size: (u32, u32)) -> Outcome<Vec<OwnedFd>> {
    let encoder = Encoder::open(target)?;
    encoder.set_size(encoder.size_near(size)?)?;
    let fd = encoder.video.as_fd();
    video::request_buffers(fd, queue, 1).context("VIDIOC_REQBUFS")?;
    let planes = encoder.format(queue)?.planes();
    (0..)
        .zip(&planes)
        .map(|(plane, _)| {
            let dma_buf = buffers::export(fd, queue, 0, plane).context("VIDIOC_EXPBUF")?;
            Ok(dma_buf)
        })
        .collect()
}

/// An encoder one of whose queues takes imported memory.
struct Importing {
    encoder: Encoder,
    queue: u32,
    decoder: Decoder,
}

impl Importing {
    const SIZE: (u32, u32) = (640, 480);

    fn new(target: &Target, queue: u32) -> Outcome<Self> {
        let encoder = Encoder::open(target)?;
        let size = encoder.size_near(Self::SIZE)?;
        encoder.set_size(size)?;
        encoder.set_sps(&usual_sps(size))?;
        encoder.set_pps(&h264::pps())?;
        let fd = encoder.video.as_fd();
        for kind in [OUTPUT, CAPTURE] {
            let memory = match kind == queue {
                true => V4L2_MEMORY_DMABUF,
                false => V4L2_MEMORY_MMAP,
            };
            buffers::request(fd, kind, memory, 2).context("VIDIOC_REQBUFS")?;
        }
        encoder.start()?;
        Ok(Self {
            encoder,
            queue,
            decoder: Decoder::default(),
        })
    }

    /// Codes a picture whose buffer is imported: an error of a call, or the CAPTURE
    /// buffer.
    fn code(&self, params: &Params, imports: &[Import<'_>]) -> Outcome<io::Result<Dequeued>> {
        let encoder = &self.encoder;
        let request = encoder.request()?;
        let mut params = *params;
        let id = V4L2_CID_STATELESS_H264_ENCODE_PARAMS;
        encoder.set_in(&request, &mut [ExtControl::compound(id, &mut params)])?;
        let fd = encoder.video.as_fd();
        let in_request = (self.queue == OUTPUT).then_some(request.as_fd());
        let queued = buffers::queue_imported(fd, self.queue, 0, imports, 1, in_request)
            .and_then(|()| match self.queue {
                OUTPUT => Ok(()),
                _ => encoder.queue_source(0, 1, Some(&request)),
            })
            .and_then(|()| request.queue());
        if let Err(err) = queued {
            // V4L2 keeps a request with a buffer in it, closed or not.
            request.reinit().context("MEDIA_REQUEST_IOC_REINIT")?;
            return Ok(Err(err));
        }
        if self.queue == OUTPUT {
            encoder.queue_coded(0).context("VIDIOC_QBUF on CAPTURE")?;
        }
        wait_completed(&request)?;
        let coded = encoder.dequeue(CAPTURE)?;
        encoder.dequeue(OUTPUT)?;
        Ok(Ok(coded))
    }

    /// Codes a picture with memory that is large enough, and reads it.
    fn good(&mut self, when: &str, params: &Params, memory: &[OwnedFd]) -> Outcome {
        let planes = self.encoder.format(self.queue)?.planes();
        let imports: Vec<_> = memory
            .iter()
            .zip(&planes)
            .map(|(dma_buf, plane)| Import {
                dma_buf: dma_buf.as_fd(),
                length: plane.size_image,
                bytes_used: if self.queue == OUTPUT {
                    plane.size_image
                } else {
                    0
                },
                data_offset: 0,
            })
            .collect();
        let coded = self
            .code(params, &imports)?
            .context("queueing a buffer that is large enough")?;
        ensure!(!is_error(&coded), "a picture fails {when}");
        let size = coded.bytes_used.first().copied().unwrap_or(0) as usize;
        let mut bytes = Vec::new();
        match (self.queue, memory.first()) {
            (CAPTURE, Some(dma_buf)) => Mapping::new(dma_buf.as_fd(), 0, size)
                .context("mmap() of a dma-buf")?
                .read(0, size, &mut bytes),
            _ => {
                for mapping in self.encoder.map(CAPTURE, coded.index)? {
                    mapping.read(0, size, &mut bytes);
                }
            }
        }
        let units = nal::byte_stream(&bytes).context("the access unit")?;
        let unit = self.decoder.decode(units, 1).context("the access unit")?;
        match unit.problems.first() {
            None => Ok(()),
            Some((_, what)) => fail(format!("a picture {when}: {what}")),
        }
    }
}

fn too_small(target: &Target) -> Outcome {
    let p = |pic_order_cnt_lsb| Params {
        slice_type: V4L2_H264_SLICE_TYPE_P as u8,
        pic_order_cnt_lsb,
        flags: 0,
        ..idr()
    };
    for queue in [OUTPUT, CAPTURE] {
        let what = super::encoder::queue_name(queue);
        let enough = memory(target, queue, Importing::SIZE)?;
        let small = memory(target, OUTPUT, (0, 0))?;
        let mut importing = Importing::new(target, queue)?;
        importing.good(
            &format!("before too small a {what} buffer"),
            &idr(),
            &enough,
        )?;
        let planes = importing.encoder.format(queue)?.planes();
        // What there is, and what there is not.
        for (order, lies) in [(2, false), (4, true)] {
            let imports: Vec<_> = planes
                .iter()
                .zip(small.iter().cycle())
                .map(|(plane, dma_buf)| {
                    let length = if lies { plane.size_image } else { 256 };
                    Import {
                        dma_buf: dma_buf.as_fd(),
                        length,
                        bytes_used: if queue == OUTPUT { length } else { 0 },
                        data_offset: 0,
                    }
                })
                .collect();
            let refusals = [Errno::INVAL, Errno::FAULT].map(|errno| Some(errno.raw_os_error()));
            let next = match importing.code(&idr(), &imports)? {
                Ok(coded) if is_error(&coded) => p(order),
                Ok(_) if queue == OUTPUT => {
                    return fail("a source of much less is coded as one of 640x480");
                }
                // It sufficed.
                Ok(_) => idr(),
                Err(err) if refusals.contains(&err.raw_os_error()) => p(order),
                Err(err) => {
                    return fail(format!(
                        "queueing too small a {what} buffer fails with {err}"
                    ))
                }
            };
            // The same stream goes on.
            importing.good(&format!("after too small a {what} buffer"), &next, &enough)?;
        }
    }
    Ok(())
}
