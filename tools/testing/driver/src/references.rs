// SPDX-License-Identifier: GPL-2.0

//! The control with which an application chooses references: what it takes, and
//! which pictures cannot be.

mod failures;
mod values;

use crate::{
    encoder::{
        Encoder,
        Params, //
    },
    ktap::Ktap,
    rig::bind, //
};
use slenc::{
    error::{
        Context,
        Result, //
    },
    v4l2::{
        request::Request,
        sys::{
            control::{
                self,
                ControlError,
                ExtControl,
                Which, //
            },
            Plain, //
        },
        uapi::*,
    },
};
use std::{
    os::fd::AsFd,
    time::Duration, //
};

const LIMIT: Duration = Duration::from_secs(60);

/// References of one picture.
pub(crate) type References = v4l2_ctrl_h264_encode_references;
/// What becomes of one.
pub(crate) type Mark = v4l2_h264_encode_mark;

pub(crate) fn run(ktap: &mut Ktap) {
    for (name, body) in [values::TESTS, failures::TESTS].concat() {
        ktap.test(name, LIMIT, move || {
            bind()?;
            body()
        });
    }
}

/// What a test shows, and how.
type Test = (&'static str, fn() -> Result<()>);

/// The default: the newest reference and a sliding window.
pub(crate) fn plain() -> References {
    Plain::zeroed()
}

/// These references, named by the timestamps of their sources in microseconds.
pub(crate) fn named(names: &[u64]) -> References {
    let mut wanted = plain();
    wanted.flags = V4L2_H264_ENCODE_REFERENCES_FLAG_EXPLICIT;
    wanted.num_list0 = names.len() as u8;
    for (to, name) in wanted.list0.iter_mut().zip(names) {
        *to = name * 1000;
    }
    wanted
}

/// `wanted`, and the picture becomes a long-term reference.
pub(crate) fn long_term(wanted: References, index: u8) -> References {
    References {
        flags: wanted.flags | V4L2_H264_ENCODE_REFERENCES_FLAG_LONG_TERM,
        long_term_frame_idx: index,
        ..wanted
    }
}

/// `wanted`, and one more mark: of a name in microseconds, an operation and an index.
pub(crate) fn marked(
    mut wanted: References,
    (name, operation, index): (u64, u32, u8),
) -> References {
    wanted.marks[usize::from(wanted.num_marks)] = Mark {
        timestamp: name * 1000,
        operation: operation as u8,
        long_term_frame_idx: index,
        ..Plain::zeroed()
    };
    wanted.num_marks += 1;
    wanted
}

/// Sets the control.
pub(crate) fn set(
    encoder: &Encoder,
    which: Which<'_>,
    references: &References,
) -> std::result::Result<(), ControlError> {
    let mut references = *references;
    let control = ExtControl::compound(V4L2_CID_STATELESS_ENC_H264_REFERENCES, &mut references);
    control::set(encoder.video.as_fd(), which, &mut [control])
}

/// An encoder that streams and holds up to four references.
pub(crate) fn streaming() -> Result<Encoder> {
    let encoder = Encoder::open()?;
    encoder.set_format(V4L2_PIX_FMT_NV12, crate::encoder::SIZE)?;
    encoder.allocate(crate::encoder::BUFFERS)?;
    let mut sps = slenc::h264::sps(crate::encoder::SIZE.0, crate::encoder::SIZE.1, (25, 1));
    sps.max_num_ref_frames = 4;
    let mut pps = slenc::h264::pps();
    encoder
        .set(&mut [
            ExtControl::compound(V4L2_CID_STATELESS_H264_SPS, &mut sps),
            ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps),
        ])
        .map_err(|err| err.source)
        .context("SPS and PPS")?;
    encoder.start()?;
    Ok(encoder)
}

/// Queues a picture of this name, in microseconds, in buffers 0.
pub(crate) fn submit(
    encoder: &Encoder,
    request: &Request,
    name: u64,
    params: &Params,
    references: &References,
) -> Result<()> {
    encoder
        .set_params(request, params)
        .map_err(|err| err.source)
        .context("ENCODE_PARAMS")?;
    set(encoder, Which::Request(request.as_fd()), references)
        .map_err(|err| err.source)
        .context("H264_REFERENCES")?;
    encoder
        .queue_source(0, name, Some(request))
        .context("QBUF OUTPUT")?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    request.queue().context("REQUEST_IOC_QUEUE")
}
