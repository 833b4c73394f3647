// SPDX-License-Identifier: GPL-2.0

//! Rate control, and the controls of quality and rate.

use super::{
    encoder::{
        wait_completed,
        Encoder,
        Target, //
    },
    expect::{
        ensure,
        equal,
        refused,
        unsupported,
        Outcome, //
    },
    named_references::{
        self,
        names, //
    },
    stream::{
        idr,
        Stream, //
    },
    Test,
};
use crate::v4l2::{
    device::{
        CAPTURE,
        OUTPUT, //
    },
    sys::control::{
        ExtControl,
        Which, //
    },
    uapi::*,
};
use rustix::io::Errno;
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    ("ENC-RC-1", fixed),
    ("ENC-RC-2", bounds),
    ("ENC-RC-3", in_request),
    ("ENC-RC-4", initial_qp),
    ("ENC-RC-5", rate_controls),
    ("ENC-RC-6", bounds_of_rate_control),
    ("ENC-RC-7", skipped),
    ("ENC-RC-8", not_skipped),
    ("ENC-RC-9", bitrate),
    ("ENC-RATE-1", ranges),
    ("ENC-RATE-2", defaults),
    ("ENC-RATE-3", quality),
    ("ENC-RATE-4", off),
    ("ENC-RATE-5", mean_of_file),
    ("ENC-RATE-6", mean_of_request),
];

const I_QP: u32 = V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP;
const P_QP: u32 = V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP;
const MIN_QP: u32 = V4L2_CID_MPEG_VIDEO_H264_MIN_QP;
const MAX_QP: u32 = V4L2_CID_MPEG_VIDEO_H264_MAX_QP;
const RC_ENABLE: u32 = V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE;
const BITRATE_MODE: u32 = V4L2_CID_MPEG_VIDEO_BITRATE_MODE;
const BITRATE: u32 = V4L2_CID_MPEG_VIDEO_BITRATE;
const AVERAGE_QP: u32 = V4L2_CID_MPEG_VIDEO_AVERAGE_QP;

/// The QPs of an IDR picture and a P picture.
fn qps(stream: &mut Stream) -> Outcome<(i32, i32)> {
    let first = stream.code_idr()?;
    let second = stream.code_p()?;
    for picture in [&first, &second] {
        let qp = picture.slice().qp;
        ensure!(
            picture.slices.iter().all(|slice| slice.qp == qp),
            "the slices of a picture have different QPs"
        );
    }
    Ok((first.slice().qp, second.slice().qp))
}

fn fixed(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let control = stream.encoder.has_control(RC_ENABLE)?;
    equal("the default of FRAME_RC_ENABLE", control.default, 0)?;
    for (i, p) in [(24, 28), (10, 40), (51, 20)] {
        stream.encoder.set_value(I_QP, i)?;
        stream.encoder.set_value(P_QP, p)?;
        equal("the QPs of I and P", qps(&mut stream)?, (i, p))?;
    }
    Ok(())
}

fn bounds(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for ((i, p), (min, max), wanted) in [
        ((20, 40), (25, 51), (25, 40)),
        ((20, 40), (0, 35), (20, 35)),
        ((20, 40), (30, 30), (30, 30)),
        ((20, 40), (38, 32), (32, 32)),
    ] {
        for (id, value) in [(I_QP, i), (P_QP, p), (MIN_QP, min), (MAX_QP, max)] {
            stream.encoder.set_value(id, value)?;
        }
        let what = format!("the QPs of I and P, bounded by {min} and {max},");
        equal(&what, qps(&mut stream)?, wanted)?;
    }
    Ok(())
}

fn in_request(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for qp in [33, 12, 45] {
        let picture = stream.code(&idr(), &mut [ExtControl::int(I_QP, qp)])?;
        equal("the QP of an I picture", picture.slice().qp, qp)?;
        let params = stream.p();
        let picture = stream.code(&params, &mut [ExtControl::int(P_QP, qp + 1)])?;
        equal("the QP of a P picture", picture.slice().qp, qp + 1)?;
    }
    Ok(())
}

fn initial_qp(target: &Target) -> Outcome {
    for init in [-10, 0, 20] {
        let mut stream = Stream::prepared(target, |encoder| {
            let (_, mut pps) = encoder.parameter_sets()?;
            pps.pic_init_qp_minus26 = init;
            encoder.set_pps(&pps)?;
            encoder.set_value(I_QP, 30)?;
            Ok(encoder.set_value(P_QP, 31)?)
        })?;
        equal("the QPs of I and P", qps(&mut stream)?, (30, 31))?;
    }
    Ok(())
}

fn rate_controls(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    if encoder.has_control(RC_ENABLE)?.maximum == 0 {
        return unsupported("FRAME_RC_ENABLE cannot be 1");
    }
    encoder.has_control(BITRATE_MODE)?;
    let bitrate = encoder.has_control(BITRATE)?;
    for value in [-1, i32::MAX, 0] {
        encoder.set_value(BITRATE, value)?;
        let got = i64::from(encoder.value(BITRATE)?);
        ensure!(
            (bitrate.minimum..=bitrate.maximum).contains(&got),
            "the bit rate {value} becomes {got}"
        );
    }
    Ok(())
}

/// A stream with rate control in this mode, at a rate.
fn controlled(target: &Target, mode: u32, rate: i32) -> Outcome<Stream> {
    let stream = Stream::new(target)?;
    let encoder = &stream.encoder;
    if encoder.has_control(RC_ENABLE)?.maximum == 0 {
        return unsupported("FRAME_RC_ENABLE cannot be 1");
    }
    let modes = encoder.has_control(BITRATE_MODE)?;
    if !modes.menu.iter().any(|item| item.index == mode) {
        return unsupported(format!("there is no bit rate mode {mode}"));
    }
    encoder.set_value(RC_ENABLE, 1)?;
    encoder.set_value(BITRATE_MODE, mode as i32)?;
    encoder.set_value(BITRATE, rate)?;
    Ok(stream)
}

/// Pictures of a stream that a test looks at.
const PICTURES: usize = 12;

fn bounds_of_rate_control(target: &Target) -> Outcome {
    let mut stream = controlled(target, V4L2_MPEG_VIDEO_BITRATE_MODE_CBR, 100_000)?;
    stream.encoder.set_value(MIN_QP, 30)?;
    stream.encoder.set_value(MAX_QP, 33)?;
    stream.code_idr()?;
    for n in 0..PICTURES {
        let (low, high) = if n < PICTURES / 2 { (30, 33) } else { (40, 42) };
        let mut values = [ExtControl::int(MIN_QP, low), ExtControl::int(MAX_QP, high)];
        let params = stream.p();
        let picture = stream.code(&params, &mut values)?;
        let qp = picture.slice().qp;
        ensure!(
            (low..=high).contains(&qp),
            "the QP is {qp}, and the bounds are {low} and {high}"
        );
    }
    Ok(())
}

/// The least rate and the lowest QPs: there is no room for anything.
fn starved(target: &Target, skip_mode: u32) -> Outcome<Stream> {
    let stream = controlled(target, V4L2_MPEG_VIDEO_BITRATE_MODE_CBR, 10_000)?;
    stream.encoder.set_value(MAX_QP, 10)?;
    match stream.encoder.control(V4L2_CID_MPEG_VIDEO_FRAME_SKIP_MODE) {
        Some(control) => {
            if !control.menu.iter().any(|item| item.index == skip_mode) {
                return unsupported(format!("there is no skip mode {skip_mode}"));
            }
            stream.encoder.set_value(control.id, skip_mode as i32)?;
        }
        None if skip_mode == V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_DISABLED => {}
        None => return unsupported("there is no FRAME_SKIP_MODE"),
    }
    Ok(stream)
}

fn skipped(target: &Target) -> Outcome {
    let mut stream = starved(target, V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_BUF_LIMIT)?;
    let first = stream.code_idr()?;
    let has_names = stream.encoder.control(named_references::ID).is_some();
    let mut small = 0;
    let mut last = (first.serial, first.name);
    for n in 1..PICTURES {
        // The picture before is a reference, skipped or not, with and without its name.
        let picture = if has_names && n % 2 == 0 {
            stream.code_p_with(&names(&[last.1]))?
        } else {
            stream.code_p()?
        };
        picture.keeps_all()?;
        equal("frame_num", picture.slice().frame_num as usize, n)?;
        equal(
            "the reference",
            picture.list0.first().copied(),
            Some(last.0),
        )?;
        small += usize::from(picture.bytes.len() * 64 < first.bytes.len());
        last = (picture.serial, picture.name);
    }
    ensure!(
        small > 0,
        "there is no room for a picture, and none is skipped"
    );
    Ok(())
}

fn not_skipped(target: &Target) -> Outcome {
    let mut stream = starved(target, V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_DISABLED)?;
    let first = stream.code_idr()?;
    for _ in 1..PICTURES {
        let picture = stream.code_p()?;
        ensure!(
            picture.bytes.len() * 64 > first.bytes.len(),
            "a picture of {} bytes follows one of {}: it is skipped",
            picture.bytes.len(),
            first.bytes.len()
        );
    }
    let idr = stream.code_idr()?;
    ensure!(
        idr.bytes.len() * 2 > first.bytes.len(),
        "an I picture has {} bytes, and the first one {}",
        idr.bytes.len(),
        first.bytes.len()
    );
    Ok(())
}

fn bitrate(target: &Target) -> Outcome {
    let mut last = 0;
    for rate in [50_000, 400_000] {
        let mut stream = controlled(target, V4L2_MPEG_VIDEO_BITRATE_MODE_CBR, rate)?;
        let mut bytes = stream.code_idr()?.bytes.len();
        for _ in 1..PICTURES {
            bytes += stream.code_p()?.bytes.len();
        }
        ensure!(
            bytes > last,
            "{PICTURES} pictures at {rate} bit/s have {bytes} bytes, and at a lower rate {last}"
        );
        last = bytes;
    }
    Ok(())
}

fn ranges(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    encoder.has_control(RC_ENABLE)?;
    for id in [I_QP, P_QP, MIN_QP, MAX_QP] {
        let control = encoder.has_control(id)?;
        ensure!(
            control.minimum >= 0 && control.maximum <= 51 && control.minimum < control.maximum,
            "the range of \"{}\" is {}..{}",
            control.name,
            control.minimum,
            control.maximum
        );
        for (value, wanted) in [(-1, control.minimum), (52, control.maximum)] {
            encoder.set_value(id, value)?;
            let got = i64::from(encoder.value(id)?);
            equal(&format!("\"{}\" set to {value}", control.name), got, wanted)?;
        }
    }
    Ok(())
}

fn defaults(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    equal(
        "the default of FRAME_RC_ENABLE",
        encoder.has_control(RC_ENABLE)?.default,
        0,
    )?;
    let min = encoder.has_control(MIN_QP)?;
    equal("the default of H264_MIN_QP", min.default, min.minimum)?;
    let max = encoder.has_control(MAX_QP)?;
    equal("the default of H264_MAX_QP", max.default, max.maximum)
}

fn quality(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let control = encoder.need_control(V4L2_CID_MPEG_VIDEO_CONSTANT_QUALITY)?;
    ensure!(
        control.minimum >= 1 && control.maximum <= 100,
        "the range is {}..{}",
        control.minimum,
        control.maximum
    );
    Ok(())
}

fn off(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.encoder.set_value(RC_ENABLE, 0)?;
    stream.encoder.set_value(I_QP, 30)?;
    stream.encoder.set_value(P_QP, 31)?;
    let controls: Vec<_> = [
        BITRATE_MODE,
        BITRATE,
        V4L2_CID_MPEG_VIDEO_BITRATE_PEAK,
        V4L2_CID_MPEG_VIDEO_CONSTANT_QUALITY,
    ]
    .into_iter()
    .filter_map(|id| stream.encoder.control(id))
    .collect();
    if controls.is_empty() {
        return unsupported("there are no controls of a rate control");
    }
    for control in controls {
        let values: Vec<i64> = match control.menu.is_empty() {
            true => vec![control.minimum, control.maximum],
            false => control.menu.iter().map(|item| item.index.into()).collect(),
        };
        for value in values {
            stream.encoder.set_value(control.id, value as i32)?;
            let what = format!("the QPs with \"{}\" {value}", control.name);
            equal(&what, qps(&mut stream)?, (30, 31))?;
        }
    }
    Ok(())
}

/// Expects a mean that can be that of a picture with this QP: single macroblocks may
/// have another.
fn near(what: &str, got: i32, qp: i32) -> Outcome {
    ensure!(
        (got - qp).abs() <= 2,
        "{what} is {got}, and the QP of the picture {qp}"
    );
    Ok(())
}

fn mean_of_file(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let control = stream.encoder.need_control(AVERAGE_QP)?;
    ensure!(control.read_only, "AVERAGE_QP is not read only");
    let set = stream.encoder.set(&mut [ExtControl::int(AVERAGE_QP, 3)]);
    refused("setting AVERAGE_QP", Errno::ACCESS, set)?;
    // Two pictures are coded, and come back one by one.
    let mut requests = Vec::new();
    for (index, qp) in [(0, 20), (1, 45)] {
        let request = stream.encoder.request()?;
        stream
            .encoder
            .set_in(&request, &mut [ExtControl::int(I_QP, qp)])?;
        stream.queue(&request, index, &idr())?;
        stream.queue_coded(index)?;
        requests.push((request, qp));
    }
    for (request, _) in &requests {
        wait_completed(request)?;
    }
    for (_, qp) in &requests {
        stream.encoder.dequeue(CAPTURE)?;
        stream.encoder.dequeue(OUTPUT)?;
        let got = stream.encoder.value(AVERAGE_QP)?;
        near("AVERAGE_QP after DQBUF", got, *qp)?;
    }
    Ok(())
}

fn mean_of_request(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.encoder.need_control(AVERAGE_QP)?;
    let mut requests = Vec::new();
    for (index, qp) in [(0, 20), (1, 45)] {
        let request = stream.encoder.request()?;
        stream
            .encoder
            .set_in(&request, &mut [ExtControl::int(I_QP, qp)])?;
        stream.queue(&request, index, &idr())?;
        stream.queue_coded(index)?;
        requests.push((request, qp));
    }
    for (request, _) in &requests {
        wait_completed(request)?;
    }
    for (request, qp) in &requests {
        let which = Which::Request(request.as_fd());
        let got = stream.encoder.value_of(which, AVERAGE_QP)?;
        near("AVERAGE_QP of a request", got, *qp)?;
    }
    Ok(())
}
