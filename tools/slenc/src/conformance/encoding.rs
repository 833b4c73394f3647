// SPDX-License-Identifier: GPL-2.0

//! Encoding: the sequence of buffers and requests.

use super::{
    encoder::{
        is_completed,
        wait_completed,
        Encoder,
        Target, //
    },
    expect::{
        ensure,
        equal,
        fail,
        unsupported,
        Outcome, //
    },
    stream::{
        idr,
        usual_sps,
        Stream,
        BUFFERS, //
    },
    Test,
};
use crate::{
    error::Context,
    h264::{
        self,
        decoder::Rule, //
    },
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        request::Request,
        sys::{
            control::ExtControl,
            video::{
                self,
                Dequeued, //
            },
        },
        uapi::*,
    },
};
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    ("ENC-RUN-1", buffers_done),
    ("ENC-RUN-2", one_to_one),
    ("ENC-RUN-3", order),
    ("ENC-RUN-4", in_flight),
    ("ENC-RUN-5", timestamps),
    ("ENC-RUN-6", sequence),
    ("ENC-RUN-7", flags),
    ("ENC-RUN-8", used_again),
    ("ENC-RUN-9", buffers_are_free),
];

/// DQBUF of what has to be there.
fn now(stream: &Stream, queue: u32) -> Outcome<Dequeued> {
    match stream
        .encoder
        .dequeue_now(queue)
        .context("VIDIOC_DQBUF of a completed request")?
    {
        Some(buffer) => Ok(buffer),
        None => fail("a request is completed, and a buffer of it is not there"),
    }
}

/// Queues an IDR picture and P pictures in requests of their own.
fn queue_all(stream: &mut Stream, count: u32) -> Outcome<Vec<(Request, u64)>> {
    let mut requests = Vec::new();
    for index in 0..count {
        let params = match index {
            0 => idr(),
            _ => super::encoder::Params {
                pic_order_cnt_lsb: (2 * index) as u16,
                ..stream.p()
            },
        };
        let request = stream.encoder.request()?;
        let name = stream.queue(&request, index, &params)?;
        requests.push((request, name));
    }
    Ok(requests)
}

fn buffers_done(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for _ in 0..5 {
        let params = stream.idr();
        stream.submit(stream.next_name(), Some(&params), &mut [])?;
        wait_completed(stream.request())?;
        let buffer = now(&stream, CAPTURE)?;
        now(&stream, OUTPUT)?;
        stream.read(buffer)?;
    }
    Ok(())
}

fn one_to_one(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for index in 0..BUFFERS {
        stream.queue_coded(index)?;
    }
    let requests = queue_all(&mut stream, BUFFERS - 1)?;
    for (request, _) in &requests {
        wait_completed(request)?;
        let buffer = now(&stream, CAPTURE)?;
        now(&stream, OUTPUT)?;
        stream.read(buffer)?.keeps(Rule::Slices)?;
    }
    for queue in [CAPTURE, OUTPUT] {
        if let Some(buffer) = stream.encoder.dequeue_now(queue).context("VIDIOC_DQBUF")? {
            return fail(format!("a buffer came back without a picture: {buffer:?}"));
        }
    }
    Ok(())
}

fn order(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let indices = [2, 0, 3, 1];
    for index in indices {
        stream.queue_coded(index)?;
    }
    let requests = queue_all(&mut stream, indices.len() as u32)?;
    for ((request, name), wanted) in requests.iter().zip(indices) {
        wait_completed(request)?;
        let buffer = now(&stream, CAPTURE)?;
        now(&stream, OUTPUT)?;
        equal("the index of the CAPTURE buffer", buffer.index, wanted)?;
        equal("its timestamp", buffer.timestamp, *name)?;
        stream.read(buffer)?.keeps_all()?;
    }
    Ok(())
}

/// The most buffers that a queue of V4L2 has, unless its driver wants otherwise.
const MOST_BUFFERS: u32 = 32;

fn in_flight(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let size = encoder.size_near((64, 48))?;
    encoder.set_size(size)?;
    encoder.set_sps(&usual_sps(size))?;
    encoder.set_pps(&h264::pps())?;
    let mut count = MOST_BUFFERS;
    for queue in [OUTPUT, CAPTURE] {
        let given = video::request_buffers(encoder.video.as_fd(), queue, MOST_BUFFERS)
            .context("VIDIOC_REQBUFS")?;
        count = count.min(given);
    }
    let mut stream = Stream::begin_with(encoder, count)?;
    // All at once, twice: what was under way is free again.
    for _ in 0..2 {
        let requests = queue_all(&mut stream, count)?;
        for (request, _) in &requests {
            ensure!(
                !is_completed(request),
                "a request completes without a CAPTURE buffer"
            );
        }
        for index in 0..count {
            stream.queue_coded(index)?;
        }
        for (request, name) in &requests {
            wait_completed(request)?;
            let buffer = now(&stream, CAPTURE)?;
            now(&stream, OUTPUT)?;
            let picture = stream.read(buffer)?;
            picture.keeps_all()?;
            equal("the timestamp", picture.name, *name)?;
        }
    }
    Ok(())
}

fn timestamps(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for name in [5, 0, 1, 1, 999_999, 1_000_000, 3, 9_000_000_000_000_000] {
        let params = stream.idr();
        stream.submit(name, Some(&params), &mut [])?;
        wait_completed(stream.request())?;
        for queue in [CAPTURE, OUTPUT] {
            let buffer = now(&stream, queue)?;
            equal("the timestamp", buffer.timestamp, name)?;
            equal(
                "the kind of timestamp",
                buffer.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK,
                V4L2_BUF_FLAG_TIMESTAMP_COPY,
            )?;
        }
    }
    Ok(())
}

fn sequence(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for round in 0..2 {
        // The second one fails: its PPS does not exist.
        let fails = super::encoder::Params {
            pic_parameter_set_id: 200,
            ..idr()
        };
        for (number, params) in (0..).zip([idr(), fails, idr(), idr()]) {
            stream.submit(stream.next_name(), Some(&params), &mut [])?;
            wait_completed(stream.request())?;
            for queue in [CAPTURE, OUTPUT] {
                let what = format!("sequence in round {round}");
                equal(&what, now(&stream, queue)?.sequence, number)?;
            }
        }
        stream.encoder.stop()?;
        stream.encoder.start()?;
    }
    Ok(())
}

fn flags(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let types = V4L2_BUF_FLAG_KEYFRAME | V4L2_BUF_FLAG_PFRAME | V4L2_BUF_FLAG_BFRAME;
    let pictures = [
        ("an IDR picture", stream.code_idr()?, V4L2_BUF_FLAG_KEYFRAME),
        ("a P picture", stream.code_p()?, V4L2_BUF_FLAG_PFRAME),
        (
            "an I picture",
            {
                let params = stream.i();
                stream.code(&params, &mut [])?
            },
            V4L2_BUF_FLAG_KEYFRAME,
        ),
        ("a P picture", stream.code_p()?, V4L2_BUF_FLAG_PFRAME),
    ];
    for (what, picture, wanted) in pictures {
        let got = picture.buffer.flags & types;
        equal(&format!("the type in the flags of {what}"), got, wanted)?;
    }
    Ok(())
}

fn used_again(target: &Target) -> Outcome {
    let id = V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP;
    let mut stream = Stream::new(target)?;
    let first = stream.code(&idr(), &mut [ExtControl::int(id, 33)])?;
    equal("the QP of the first picture", first.slice().qp, 33)?;
    stream
        .request()
        .reinit()
        .context("MEDIA_REQUEST_IOC_REINIT")?;
    ensure!(
        !is_completed(stream.request()),
        "the request is completed after REINIT"
    );
    stream.encoder.set_value(id, 30)?;
    // The same request again.
    let second = stream.code(&idr(), &mut [])?;
    equal("the QP of the second picture", second.slice().qp, 30)
}

fn buffers_are_free(target: &Target) -> Outcome {
    let code = |scribbles: bool| -> Outcome<Vec<Vec<u8>>> {
        let mut stream = Stream::new(target)?;
        let mut pictures = vec![stream.code_idr()?.bytes];
        for _ in 0..3 {
            if scribbles {
                for index in 0..BUFFERS {
                    stream.scribble(index);
                }
            }
            pictures.push(stream.code_p()?.bytes);
        }
        Ok(pictures)
    };
    let wanted = code(false)?;
    if code(false)? != wanted {
        return unsupported("the encoder codes the same pictures in different ways");
    }
    ensure!(
        code(true)? == wanted,
        "pictures are coded in another way when buffers that came back are written to"
    );
    Ok(())
}
