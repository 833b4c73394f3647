// SPDX-License-Identifier: GPL-2.0

//! Pictures of several slices, and the deblocking filter between them.

use super::{
    recorder::{
        keep,
        set,
        Picture,
        Recorder, //
    },
    Test, //
};
use crate::{
    encoder::{
        idr,
        nal_types,
        predicted,
        Params,
        SIZE, //
    },
    expect::{
        ensure,
        equal,
        refused, //
    },
    references::plain,
};
use rustix::io::Errno;
use slenc::{
    error::Result,
    h264,
    v4l2::{
        sys::control::{
            ExtControl,
            Which, //
        },
        uapi::*, //
    },
};

pub(super) const TESTS: &[Test] = &[
    ("slices have as many rows as their macroblocks fill", rows),
    (
        "slices are larger where the hardware has not so many",
        largest_number,
    ),
    (
        "the filter is that of each picture, with and without slices",
        deblocking,
    ),
    (
        "without deblocking control in the PPS the filter is on, whatever is asked for",
        default_deblocking,
    ),
    (
        "modes of slices that do not exist are refused",
        no_such_mode,
    ),
];

const MODE: u32 = V4L2_CID_MPEG_VIDEO_MULTI_SLICE_MODE;
const MAX_MB: u32 = V4L2_CID_MPEG_VIDEO_MULTI_SLICE_MAX_MB;

/// Macroblocks of a slice at most.
fn at_most(macroblocks: i32) -> [ExtControl<'static>; 2] {
    [
        ExtControl::int(MODE, V4L2_MPEG_VIDEO_MULTI_SLICE_MODE_MAX_MB as i32),
        ExtControl::int(MAX_MB, macroblocks),
    ]
}

/// How many slices an access unit has.
fn slices(access_unit: &[u8]) -> usize {
    nal_types(access_unit)
        .into_iter()
        .filter(|kind| [1, 5].contains(kind))
        .count()
}

fn rows() -> Result<()> {
    // 11x9 macroblocks.
    let mut recorder = Recorder::new(SIZE, 1)?;
    let first = recorder.code(&idr(), &plain(), &mut [])?;
    equal("slices by default", slices(&first.bytes), 1)?;
    let mut pictures = vec![first];
    for (macroblocks, count) in [(11, 9), (1, 9), (21, 9), (22, 5), (54, 3), (98, 2), (99, 1)] {
        for params in [predicted(), idr()] {
            let picture = recorder.code(&params, &plain(), &mut at_most(macroblocks))?;
            equal(
                &format!("slices of {macroblocks} macroblocks"),
                slices(&picture.bytes),
                count,
            )?;
            pictures.push(picture);
        }
    }
    let single = ExtControl::int(MODE, V4L2_MPEG_VIDEO_MULTI_SLICE_MODE_SINGLE as i32);
    let last = recorder.code(&predicted(), &plain(), &mut [single])?;
    equal("slices of mode Single", slices(&last.bytes), 1)?;
    pictures.push(last);
    keep("slices", &pictures)
}

fn largest_number() -> Result<()> {
    let mut recorder = Recorder::new((1920, 1080), 1)?;
    let mut pictures = Vec::new();
    for params in [idr(), predicted()] {
        let picture = recorder.code(&params, &plain(), &mut at_most(1))?;
        let count = slices(&picture.bytes);
        // 68 rows, of which each slice has one, or two, or one that is rounded up.
        ensure!(
            count > 1 && 68usize.div_ceil(68usize.div_ceil(count)) == count,
            "{count} slices"
        );
        pictures.push(picture);
    }
    keep("slices-1080", &pictures)
}

fn deblocking() -> Result<()> {
    let mut recorder = Recorder::new(SIZE, 1)?;
    let mut pictures = Vec::new();
    for macroblocks in [99, 33] {
        for disable_deblocking_filter_idc in 0..3 {
            for (alpha, beta) in [(0, 0), (-6, 6), (6, -3)] {
                let params = Params {
                    disable_deblocking_filter_idc,
                    slice_alpha_c0_offset_div2: alpha,
                    slice_beta_offset_div2: beta,
                    ..if pictures.is_empty() {
                        idr()
                    } else {
                        predicted()
                    }
                };
                pictures.push(recorder.code(&params, &plain(), &mut at_most(macroblocks))?);
            }
        }
    }
    keep("deblocking", &pictures)
}

/// Codes pictures that the filter changes, with or without control of it in the PPS.
fn filtered(with_control: bool, disable_deblocking_filter_idc: u8) -> Result<Vec<Picture>> {
    let mut pps = h264::pps();
    if !with_control {
        pps.flags &= !(V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT as u16);
    }
    let mut recorder = Recorder::with(SIZE, &h264::sps(SIZE.0, SIZE.1, (25, 1)), &pps)?;
    let offset = if with_control { 0 } else { -6 };
    [idr(), predicted(), predicted()]
        .into_iter()
        .map(|params| {
            let params = Params {
                disable_deblocking_filter_idc,
                slice_alpha_c0_offset_div2: offset,
                slice_beta_offset_div2: offset,
                ..params
            };
            let mut qp = [ExtControl::int(V4L2_CID_STATELESS_ENC_FRAME_QP, 40)];
            recorder.code(&params, &plain(), &mut qp)
        })
        .collect()
}

fn default_deblocking() -> Result<()> {
    let md5s = |pictures: &[Picture]| -> Vec<_> {
        pictures.iter().map(|picture| picture.md5.clone()).collect()
    };
    let pictures = filtered(false, 1)?;
    let on = md5s(&filtered(true, 0)?);
    equal("pictures without control", md5s(&pictures), on.clone())?;
    ensure!(
        md5s(&filtered(true, 1)?) != on,
        "the filter changes nothing in these pictures"
    );
    keep("deblocking-default", &pictures)
}

fn no_such_mode() -> Result<()> {
    let recorder = Recorder::new(SIZE, 1)?;
    let bytes = ExtControl::int(MODE, V4L2_MPEG_VIDEO_MULTI_SLICE_MODE_MAX_BYTES as i32);
    refused(
        "a limit in bytes",
        Errno::RANGE,
        recorder.encoder.set(&mut [bytes]),
    )?;
    set(
        &recorder.encoder,
        Which::Current,
        &mut [ExtControl::int(MAX_MB, 0)],
    )?;
    equal("the smallest slice", recorder.encoder.value(MAX_MB)?, 1)
}
