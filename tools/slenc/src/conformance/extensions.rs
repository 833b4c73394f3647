// SPDX-License-Identifier: GPL-2.0

//! Extensions: QP of a picture, temporal layers, duration of a picture.

use super::{
    encoder::{
        Encoder,
        Target, //
    },
    expect::{
        ensure,
        equal,
        Outcome, //
    },
    references::with_references,
    stream::{
        idr,
        Stream, //
    },
    Test,
};
use crate::v4l2::{
    sys::control::ExtControl,
    uapi::*, //
};

pub(super) const TESTS: &[Test] = &[
    ("ENCX-QP-1", qp_range),
    ("ENCX-QP-2", qp),
    ("ENCX-QP-3", no_qp),
    ("ENCX-LAYER-1", layers),
    ("ENCX-LAYER-2", layers_change_nothing),
    ("ENCX-TIME-1", durations),
    ("ENCX-TIME-2", durations_change_nothing),
];

const FRAME_QP: u32 = V4L2_CID_STATELESS_ENC_FRAME_QP;
const TEMPORAL_ID: u32 = V4L2_CID_STATELESS_ENC_TEMPORAL_ID;
const DURATION: u32 = V4L2_CID_STATELESS_ENC_FRAME_DURATION;

/// Checks range and default of an optional control.
fn range(target: &Target, id: u32, wanted: (i64, i64, i64)) -> Outcome {
    let control = Encoder::open(target)?.need_control(id)?;
    equal(
        "minimum, maximum and default",
        (control.minimum, control.maximum, control.default),
        wanted,
    )
}

fn qp_range(target: &Target) -> Outcome {
    range(target, FRAME_QP, (-1, 51, -1))
}

fn qp(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.encoder.need_control(FRAME_QP)?;
    for wanted in [0, 10, 33, 51] {
        for params in [idr(), stream.p()] {
            let picture = stream.code(&params, &mut [ExtControl::int(FRAME_QP, wanted)])?;
            ensure!(
                picture.slices.iter().all(|slice| slice.qp == wanted),
                "the QP is {}, and {wanted} was asked for",
                picture.slice().qp
            );
        }
    }
    stream
        .encoder
        .set_value(V4L2_CID_MPEG_VIDEO_H264_MIN_QP, 20)?;
    stream
        .encoder
        .set_value(V4L2_CID_MPEG_VIDEO_H264_MAX_QP, 40)?;
    for (asked, wanted) in [(5, 20), (45, 40)] {
        let picture = stream.code(&idr(), &mut [ExtControl::int(FRAME_QP, asked)])?;
        equal("the bounded QP", picture.slice().qp, wanted)?;
    }
    Ok(())
}

fn no_qp(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.encoder.need_control(FRAME_QP)?;
    stream
        .encoder
        .set_value(V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP, 37)?;
    stream.code(&idr(), &mut [ExtControl::int(FRAME_QP, 12)])?;
    let picture = stream.code(&idr(), &mut [ExtControl::int(FRAME_QP, -1)])?;
    equal("the QP", picture.slice().qp, 37)
}

/// What the headers of a few P pictures say, each with a value of a control.
fn headers(target: &Target, id: u32, values: [i32; 4]) -> Outcome<Vec<String>> {
    let mut stream = with_references(target, 2)?;
    stream.encoder.need_control(id)?;
    let mut found = Vec::new();
    for (number, value) in values.into_iter().enumerate() {
        let params = match number {
            0 => idr(),
            _ => stream.p(),
        };
        let picture = stream.code(&params, &mut [ExtControl::int(id, value)])?;
        picture.keeps_all()?;
        // The QP alone may be the rate control's.
        let mut slice = picture.slice().clone();
        slice.qp = 0;
        found.push(format!("{slice:?} {:?} {:?}", picture.list0, picture.sps));
    }
    Ok(found)
}

fn layers(target: &Target) -> Outcome {
    range(target, TEMPORAL_ID, (0, 2, 0))
}

fn layers_change_nothing(target: &Target) -> Outcome {
    let without = headers(target, TEMPORAL_ID, [0; 4])?;
    let with = headers(target, TEMPORAL_ID, [0, 2, 1, 2])?;
    equal("the headers with layers", with, without)
}

fn durations(target: &Target) -> Outcome {
    range(target, DURATION, (0, 2_147_483_647, 0))
}

fn durations_change_nothing(target: &Target) -> Outcome {
    let without = headers(target, DURATION, [0; 4])?;
    let with = headers(target, DURATION, [33_000, 1, 2_147_483_647, 40_000])?;
    equal("the headers with durations", with, without)
}
