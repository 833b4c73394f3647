// SPDX-License-Identifier: GPL-2.0

//! Ranges of the controls, and one whose wish is not always granted.

use super::Test;
use crate::{
    encoder::{
        idr,
        Encoder,
        SIZE, //
    },
    expect::equal, //
};
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    h264::{
        nal::{
            self,
            kind, //
        },
        parameter_sets::Sps,
    },
    v4l2::{
        controls,
        device::OUTPUT,
        sys::{
            control::ExtControl,
            video, //
        },
        uapi::*,
    },
};
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    ("integer controls have their ranges and defaults", ranges),
    (
        "streams count the intervals of the rate control, or have no HRD",
        intervals_of_hrd,
    ),
];

fn intervals_of_hrd() -> Result<()> {
    for (interval, has_hrd) in [
        ((1, 25), true),
        ((1, 1000), true),
        ((1, 1001), false),
        ((1, 2000), false),
        ((1001, 1), true),
        ((1002, 1), false),
    ] {
        let encoder = Encoder::open()?;
        encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
        let fd = encoder.video.as_fd();
        let set = video::set_frame_interval(fd, OUTPUT, interval).context("S_PARM")?;
        equal("S_PARM", set, interval)?;
        encoder.allocate(1)?;
        encoder.set_parameter_sets(SIZE)?;
        encoder.set_constant_rate()?;
        encoder
            .set(&mut [ExtControl::int(V4L2_CID_STATELESS_ENC_HRD, 1)])
            .map_err(|err| err.source)
            .context("HRD")?;
        encoder.start()?;
        let coded = encoder.encode(&encoder.request()?, &idr())?;
        let units = nal::byte_stream(&encoder.content(&coded)?).context("the access unit")?;
        let sps = units
            .iter()
            .find(|unit| unit.kind == kind::SPS)
            .ok_or_else(|| Error::new("an IDR picture has no SPS"))?;
        let vui = Sps::parse(&sps.rbsp).context("the SPS")?.vui;
        equal(
            &format!("HRD parameters with an interval of {interval:?}"),
            vui.map(|vui| vui.has_hrd),
            Some(has_hrd),
        )?;
        let sei = units.iter().any(|unit| unit.kind == kind::SEI);
        equal("SEI", sei, has_hrd)?;
    }
    Ok(())
}

fn ranges() -> Result<()> {
    let encoder = Encoder::open()?;
    for (id, minimum, maximum, default) in [
        (V4L2_CID_MPEG_VIDEO_AU_DELIMITER, 0, 1, 0),
        (V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR, 0, 1, 0),
        (V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 0, 1, 0),
        (V4L2_CID_MPEG_VIDEO_BITRATE, 1, i32::MAX.into(), 2_000_000),
        (V4L2_CID_MPEG_VIDEO_CONSTANT_QUALITY, 1, 100, 80),
        (V4L2_CID_MPEG_VIDEO_H264_MIN_QP, 0, 51, 0),
        (V4L2_CID_MPEG_VIDEO_H264_MAX_QP, 0, 51, 51),
        (V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP, 0, 51, 24),
        (V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP, 0, 51, 28),
        (V4L2_CID_STATELESS_H264_START_CODE, 0, 1, 1),
        (V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_ENABLE, 0, 1, 0),
        (V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_IDC, 0, 17, 0),
        (V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_WIDTH, 0, 65_535, 0),
        (V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_HEIGHT, 0, 65_535, 0),
        (V4L2_CID_MPEG_VIDEO_MULTI_SLICE_MODE, 0, 1, 0),
        (V4L2_CID_STATELESS_ENC_FRAME_QP, -1, 51, -1),
    ] {
        let found = controls::find(&encoder.video, id)
            .map(|control| (control.minimum, control.maximum, control.default));
        equal(
            &format!("range of {id:#x}"),
            found,
            Some((minimum, maximum, default)),
        )?;
    }
    Ok(())
}
