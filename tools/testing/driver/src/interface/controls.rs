// SPDX-License-Identifier: GPL-2.0

//! Ranges of the controls.

use super::Test;
use crate::{
    encoder::Encoder,
    expect::equal, //
};
use slenc::{
    error::Result,
    v4l2::{
        controls,
        uapi::*, //
    },
};

pub(super) const TESTS: &[Test] = &[("integer controls have their ranges and defaults", ranges)];

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
