// SPDX-License-Identifier: GPL-2.0

//! Controls: what an application says about the stream and its pictures, and gets to know of them.
//!
//! Each parameter has one owner. SPS, PPS and encode parameters govern what is coded; there are no
//! controls that repeat a field of theirs. Profile and level only tell what the hardware supports.

use crate::{
    context::Encoder,
    pure::{
        dpb::MAX_DPB_FRAMES,
        encode_references::EncodeReferences,
        level,
        params::{
            EncodeParams,
            Pps,
            Sps, //
        },
        picture::Capabilities, //
    },
    uapi::Stats, //
};
use kernel::prelude::*;
use media::{
    m2m::{
        Context,
        Device, //
    },
    uapi as v4l2,
    v4l2::ctrl::{
        self,
        Builder,
        RateControls,
        Reader,
        Volatile, //
    }, //
};

/// Highest QP of 8-bit H.264.
const MAX_QP: i64 = 51;

/// What the rate control can be told.
const RATE: RateControls = RateControls {
    filler: true,
    hrd: true,
    layers: 3,
    bitrate: 2_000_000,
    i_qp: 24,
    p_qp: 28,
};

/// `enum v4l2_mpeg_video_multi_slice_mode`.
pub(crate) mod multi_slice_mode {
    pub(super) const SINGLE: u8 = 0;
    pub(crate) const MAX_MB: u8 = 1;
}

/// `enum v4l2_mpeg_video_h264_vui_sar_idc`.
mod sar_idc {
    pub(super) const UNSPECIFIED: u8 = 0;
    pub(super) const EXTENDED: u8 = 17;
}

/// `V4L2_STATELESS_H264_START_CODE_ANNEX_B`.
pub(crate) const START_CODE_ANNEX_B: u8 = 1;

/// `enum v4l2_mpeg_video_h264_profile`.
mod profile {
    pub(super) const BASELINE: u8 = 0;
    pub(super) const CONSTRAINED_BASELINE: u8 = 1;
    pub(super) const MAIN: u8 = 2;
    pub(super) const EXTENDED: u8 = 3;
    pub(super) const HIGH: u8 = 4;
}

#[vtable]
impl ctrl::Operations for Encoder {
    fn init_controls(device: &Device<Self>, builder: &mut Builder<'_, Self>) -> Result {
        builder.compound::<Sps>()?;
        builder.compound::<Pps>()?;
        builder.compound::<EncodeParams>()?;
        builder.menu(
            v4l2::V4L2_CID_STATELESS_H264_START_CODE,
            START_CODE_ANNEX_B,
            0,
            START_CODE_ANNEX_B,
        )?;
        builder.integer(v4l2::V4L2_CID_MPEG_VIDEO_AU_DELIMITER, 0, 1, 0)?;
        builder.integer(v4l2::V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR, 0, 1, 0)?;
        init_sample_aspect_ratio(builder)?;
        init_references(device.capabilities(), builder)?;
        init_slices(device.capabilities(), builder)?;

        builder.rate_control(&RATE)?;

        let (highest, unsupported) = profiles(device.capabilities());
        builder.menu(
            v4l2::V4L2_CID_MPEG_VIDEO_H264_PROFILE,
            highest,
            unsupported,
            profile::CONSTRAINED_BASELINE,
        )?;
        let level = highest_level(device.capabilities());
        builder.menu(v4l2::V4L2_CID_MPEG_VIDEO_H264_LEVEL, level, 0, level)?;

        builder.volatile_integer(v4l2::V4L2_CID_MPEG_VIDEO_AVERAGE_QP, 0, MAX_QP, 0)?;
        builder.volatile_compound::<Stats>()
    }

    fn g_volatile_ctrl(
        context: &Context<Self>,
        control: &mut Volatile<'_>,
        reader: Reader<'_, Stats>,
    ) -> Result {
        let stats = match reader {
            Reader::File => *context.dequeued.lock(),
            Reader::Job(stats) => *stats,
            Reader::Cancelled { timestamp } => Stats::failed(timestamp, 0, None),
        };
        match control.id() {
            v4l2::V4L2_CID_STATELESS_ENC_STATS => control.set_payload(&stats),
            v4l2::V4L2_CID_MPEG_VIDEO_AVERAGE_QP => control.set_value(stats.average_qp()),
            _ => Err(EINVAL),
        }
    }
}

fn init_sample_aspect_ratio(builder: &mut Builder<'_, Encoder>) -> Result {
    builder.integer(v4l2::V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_ENABLE, 0, 1, 0)?;
    builder.menu(
        v4l2::V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_IDC,
        sar_idc::EXTENDED,
        0,
        sar_idc::UNSPECIFIED,
    )?;
    for id in [
        v4l2::V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_WIDTH,
        v4l2::V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_HEIGHT,
    ] {
        builder.integer(id, 0, u16::MAX.into(), 0)?;
    }
    Ok(())
}

fn init_references(capabilities: &Capabilities, builder: &mut Builder<'_, Encoder>) -> Result {
    builder.compound::<EncodeReferences>()?;
    builder.constant(
        v4l2::V4L2_CID_STATELESS_ENC_MAX_LIST0,
        c"Maximum List 0 References",
        capabilities.list0().into(),
    )?;
    builder.constant(
        v4l2::V4L2_CID_STATELESS_ENC_MAX_DPB_FRAMES,
        c"Maximum Reference Frames",
        MAX_DPB_FRAMES.try_into()?,
    )
}

fn init_slices(capabilities: &Capabilities, builder: &mut Builder<'_, Encoder>) -> Result {
    builder.menu(
        v4l2::V4L2_CID_MPEG_VIDEO_MULTI_SLICE_MODE,
        multi_slice_mode::MAX_MB,
        0,
        multi_slice_mode::SINGLE,
    )?;
    let (width, height) = capabilities.max_size;
    let macroblocks = i64::from(width.div_ceil(16)) * i64::from(height.div_ceil(16));
    builder.integer(
        v4l2::V4L2_CID_MPEG_VIDEO_MULTI_SLICE_MAX_MB,
        1,
        macroblocks,
        macroblocks,
    )
}

/// `enum v4l2_mpeg_video_h264_profile` of the highest profile, and the bits of those below it that are
/// not supported.
fn profiles(capabilities: &Capabilities) -> (u8, u64) {
    let baseline = 1 << profile::BASELINE;
    match (capabilities.cabac, capabilities.transform_8x8) {
        (true, true) => (profile::HIGH, baseline | 1 << profile::EXTENDED),
        (true, false) => (profile::MAIN, baseline),
        (false, _) => (profile::CONSTRAINED_BASELINE, baseline),
    }
}

/// `enum v4l2_mpeg_video_h264_level` of the lowest level that allows the largest picture, with as
/// many references as there can be.
fn highest_level(capabilities: &Capabilities) -> u8 {
    let (width, height) = capabilities.max_size;
    let demand = level::Demand {
        width_mbs: width.div_ceil(16),
        height_mbs: height.div_ceil(16),
        interval: None,
        frames: MAX_DPB_FRAMES as u8,
        buffer: None,
    };
    // The table has the order of the enumeration.
    (0..)
        .zip(&level::LEVELS)
        .find(|(_, level)| level.allows(&demand))
        .map_or(0, |(index, _)| index)
}
