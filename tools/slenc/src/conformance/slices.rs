// SPDX-License-Identifier: GPL-2.0

//! Controls of an H.264 stream that are optional: slices, sample aspect ratio.

use super::{
    encoder::{
        Encoder,
        Target,
        SIZE, //
    },
    expect::{
        ensure,
        equal,
        unsupported,
        Outcome, //
    },
    sequence_headers::vui,
    stream::{
        Picture,
        Stream, //
    },
    Test,
};
use crate::{
    h264::decoder::Rule,
    v4l2::uapi::*, //
};

pub(super) const TESTS: &[Test] = &[
    ("ENC-H264-10", one_slice),
    ("ENC-H264-11", in_order),
    ("ENC-H264-12", halves),
    ("ENC-H264-13", small),
    ("ENC-H264-14", aspect_ratio),
    ("ENC-H264-15", changed_ratio),
];

const MODE: u32 = V4L2_CID_MPEG_VIDEO_MULTI_SLICE_MODE;
const MAX_MB: u32 = V4L2_CID_MPEG_VIDEO_MULTI_SLICE_MAX_MB;

fn one_slice(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    if let Some(mode) = stream.encoder.control(MODE) {
        equal(
            "the default mode",
            mode.default,
            V4L2_MPEG_VIDEO_MULTI_SLICE_MODE_SINGLE.into(),
        )?;
        stream.encoder.has_control(MAX_MB)?;
        // The number alone does nothing.
        stream.encoder.set_value(MAX_MB, 11)?;
    }
    for picture in [stream.code_idr()?, stream.code_p()?] {
        equal("the number of slices", picture.slices.len(), 1)?;
    }
    Ok(())
}

/// Ends the test unless pictures can have several slices.
fn need_slices(encoder: &Encoder) -> Outcome {
    let mode = encoder.need_control(MODE)?;
    let max_mb = V4L2_MPEG_VIDEO_MULTI_SLICE_MODE_MAX_MB;
    if !mode.menu.iter().any(|item| item.index == max_mb) {
        return unsupported("the menu of slice modes has no item Max Macroblocks");
    }
    Ok(())
}

/// Codes an IDR picture and a P picture with slices of at most `mbs` macroblocks.
fn with_slices(target: &Target, mbs: impl Fn(u32, u32) -> i64) -> Outcome<[Picture; 2]> {
    let mut stream = Stream::new(target)?;
    need_slices(&stream.encoder)?;
    let size = stream.encoder.size_near(SIZE)?;
    let limit = mbs(size.0.div_ceil(16), size.1.div_ceil(16)) as i32;
    stream
        .encoder
        .set_value(MODE, V4L2_MPEG_VIDEO_MULTI_SLICE_MODE_MAX_MB as i32)?;
    stream.encoder.set_value(MAX_MB, limit)?;
    let pictures = [stream.code_idr()?, stream.code_p()?];
    for picture in &pictures {
        picture.keeps_all()?;
    }
    Ok(pictures)
}

/// The macroblocks of each slice.
fn lengths(picture: &Picture) -> Vec<u32> {
    let sps = &picture.active.0;
    let all = sps.pic_width_in_mbs * sps.pic_height_in_map_units;
    let starts = picture.slices.iter().map(|slice| slice.first_mb_in_slice);
    let ends = starts.clone().skip(1).chain([all]);
    starts
        .zip(ends)
        .map(|(start, end)| end.saturating_sub(start))
        .collect()
}

fn in_order(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for picture in [stream.code_idr()?, stream.code_p()?] {
        picture.keeps(Rule::Slices)?;
    }
    if need_slices(&stream.encoder).is_ok() {
        for picture in with_slices(target, |width, _| 2 * i64::from(width))? {
            picture.keeps(Rule::Slices)?;
        }
    }
    Ok(())
}

fn halves(target: &Target) -> Outcome {
    let half = |width: u32, height: u32| i64::from(width) * i64::from(height.div_ceil(2));
    for picture in with_slices(target, half)? {
        let sps = &picture.active.0;
        let limit = half(sps.pic_width_in_mbs, sps.pic_height_in_map_units);
        let lengths = lengths(&picture);
        ensure!(
            lengths.len() >= 2 && lengths.iter().all(|&length| i64::from(length) <= limit),
            "with slices of at most {limit} macroblocks there are slices of {lengths:?}"
        );
    }
    Ok(())
}

fn small(target: &Target) -> Outcome {
    for picture in with_slices(target, |_, _| 1)? {
        let lengths = lengths(&picture);
        let equal = lengths.split_last().is_some_and(|(last, rest)| {
            rest.iter()
                .all(|length| length == &rest[0] && last <= length)
        });
        ensure!(
            lengths.len() >= 2 && equal,
            "with the smallest slices there are slices of {lengths:?}"
        );
    }
    Ok(())
}

const SAR_ENABLE: u32 = V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_ENABLE;
const SAR_IDC: u32 = V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_IDC;
const SAR_WIDTH: u32 = V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_WIDTH;
const SAR_HEIGHT: u32 = V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_HEIGHT;

/// Width and height of an aspect_ratio_idc of table E-1.
fn ratio((idc, width, height): (u8, u16, u16)) -> Option<(u16, u16)> {
    const RATIOS: [(u16, u16); 16] = [
        (1, 1),
        (12, 11),
        (10, 11),
        (16, 11),
        (40, 33),
        (24, 11),
        (20, 11),
        (32, 11),
        (80, 33),
        (18, 11),
        (15, 11),
        (64, 33),
        (160, 99),
        (4, 3),
        (3, 2),
        (2, 1),
    ];
    match idc {
        255 => Some((width, height)),
        idc => RATIOS.get(usize::from(idc).checked_sub(1)?).copied(),
    }
}

/// The ratio in the VUI of the next IDR picture.
fn coded_ratio(stream: &mut Stream) -> Outcome<Option<(u8, u16, u16)>> {
    let picture = stream.code_idr()?;
    Ok(vui(&picture.active.0)?.aspect_ratio)
}

/// A stream of a driver with these controls.
fn with_ratio(target: &Target) -> Outcome<Stream> {
    let stream = Stream::new(target)?;
    stream.encoder.need_control(SAR_ENABLE)?;
    for id in [SAR_IDC, SAR_WIDTH, SAR_HEIGHT] {
        stream.encoder.has_control(id)?;
    }
    Ok(stream)
}

fn aspect_ratio(target: &Target) -> Outcome {
    let mut stream = with_ratio(target)?;
    let extended = V4L2_MPEG_VIDEO_H264_VUI_SAR_IDC_EXTENDED as i32;
    equal("the ratio by default", coded_ratio(&mut stream)?, None)?;
    stream.encoder.set_value(SAR_ENABLE, 1)?;
    for (idc, wanted) in [
        (1, (1u16, 1u16)),
        (14, (4, 3)),
        (5, (40, 33)),
        (extended, (355, 113)),
        // Not in its lowest terms, which are those that may be written.
        (extended, (100, 30)),
    ] {
        stream.encoder.set_value(SAR_IDC, idc)?;
        if idc == extended {
            stream.encoder.set_value(SAR_WIDTH, wanted.0.into())?;
            stream.encoder.set_value(SAR_HEIGHT, wanted.1.into())?;
        }
        let got = coded_ratio(&mut stream)?;
        // A driver may find the code of a ratio that is said at length.
        let same = got.and_then(ratio).is_some_and(|(width, height)| {
            u32::from(width) * u32::from(wanted.1) == u32::from(height) * u32::from(wanted.0)
        });
        ensure!(
            same,
            "the ratio is {got:?}, and {wanted:?} was asked for, as item {idc}"
        );
    }
    stream.encoder.set_value(SAR_ENABLE, 0)?;
    equal("the ratio when it is off", coded_ratio(&mut stream)?, None)
}

fn changed_ratio(target: &Target) -> Outcome {
    let mut stream = with_ratio(target)?;
    stream.code_idr()?;
    stream.encoder.set_value(SAR_ENABLE, 1)?;
    stream.encoder.set_value(SAR_IDC, 14)?;
    let picture = stream.code_p()?;
    equal("parameter sets with P", picture.brings(), (false, false))?;
    let picture = stream.code_idr()?;
    ensure!(picture.sps.is_some(), "the IDR picture brings no SPS");
    let picture = stream.code_idr()?;
    equal("parameter sets again", picture.brings(), (false, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_table_e_1() {
        assert_eq!(ratio((1, 0, 0)), Some((1, 1)));
        assert_eq!(ratio((16, 0, 0)), Some((2, 1)));
        assert_eq!(ratio((255, 7, 5)), Some((7, 5)));
        assert_eq!(ratio((0, 0, 0)), None);
        assert_eq!(ratio((17, 0, 0)), None);
    }
}
