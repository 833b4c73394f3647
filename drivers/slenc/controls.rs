// SPDX-License-Identifier: GPL-2.0

//! Controls: what an application says about the stream and its pictures.
//!
//! Each parameter has one owner. SPS, PPS and encode parameters govern what is coded; there are no
//! controls that repeat a field of theirs. Profile and level only tell what the hardware supports.

use crate::{
    context::Encoder,
    pure::{
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
    rate_control::FixedQp,
    uapi as v4l2,
    v4l2::ctrl::{
        self,
        Builder,
        Reader,
        Values,
        Volatile, //
    }, //
};

/// Highest QP of 8-bit H.264.
const MAX_QP: i64 = 51;

/// `enum v4l2_mpeg_video_bitrate_mode`.
mod bitrate_mode {
    pub(super) const VBR: u8 = 0;
    pub(super) const CBR: u8 = 1;
    pub(super) const CQ: u8 = 2;
}

/// `V4L2_STATELESS_H264_START_CODE_ANNEX_B`.
const START_CODE_ANNEX_B: u8 = 1;

/// `V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE`.
const PROFILE_CONSTRAINED_BASELINE: u8 = 1;

/// The parameter sets of a stream. Boxed where they are kept: stacks are small.
#[derive(Clone, Copy)]
pub(crate) struct ParameterSets {
    pub(crate) sps: Sps,
    pub(crate) pps: Pps,
}

impl ParameterSets {
    /// Reads the current values.
    #[inline(never)]
    fn read(values: &Values<'_>) -> Result<KBox<Self>> {
        const INITIAL: ParameterSets = ParameterSets {
            sps: Sps::DEFAULT,
            pps: Pps::DEFAULT,
        };
        let mut sets = KBox::new(INITIAL, GFP_KERNEL)?;
        values.payload(&mut sets.sps)?;
        values.payload(&mut sets.pps)?;
        Ok(sets)
    }

    /// Makes another box of the same.
    #[inline(never)]
    pub(crate) fn copy(&self) -> Result<KBox<Self>> {
        Ok(KBox::new(*self, GFP_KERNEL)?)
    }
}

/// The values that a picture is coded with.
pub(crate) struct Settings {
    pub(crate) sets: KBox<ParameterSets>,
    pub(crate) params: EncodeParams,
    /// QP of this picture, if the application gives one.
    pub(crate) frame_qp: Option<i32>,
    /// QPs that the rate control works with.
    pub(crate) fixed_qp: FixedQp,
    pub(crate) start_codes: bool,
    pub(crate) access_unit_delimiter: bool,
    pub(crate) parameter_sets_with_idr: bool,
}

impl Settings {
    /// Reads the current values, in which those of a request have been stored.
    pub(crate) fn read(values: &Values<'_>) -> Result<Self> {
        let flag = |id| values.value(id).map(|value| value != 0);
        let frame_qp = values.value(v4l2::V4L2_CID_STATELESS_ENC_FRAME_QP)?;
        let mut params = EncodeParams::DEFAULT;
        values.payload(&mut params)?;
        Ok(Self {
            sets: ParameterSets::read(values)?,
            params,
            frame_qp: (frame_qp >= 0).then_some(frame_qp),
            fixed_qp: FixedQp {
                i_qp: values.value(v4l2::V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP)?,
                p_qp: values.value(v4l2::V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP)?,
                min_qp: values.value(v4l2::V4L2_CID_MPEG_VIDEO_H264_MIN_QP)?,
                max_qp: values.value(v4l2::V4L2_CID_MPEG_VIDEO_H264_MAX_QP)?,
            },
            start_codes: values.value(v4l2::V4L2_CID_STATELESS_H264_START_CODE)?
                == i32::from(START_CODE_ANNEX_B),
            access_unit_delimiter: flag(v4l2::V4L2_CID_MPEG_VIDEO_AU_DELIMITER)?,
            parameter_sets_with_idr: flag(v4l2::V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR)?,
        })
    }
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

        builder.integer(v4l2::V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 0, 1, 0)?;
        builder.menu(
            v4l2::V4L2_CID_MPEG_VIDEO_BITRATE_MODE,
            bitrate_mode::CQ,
            1 << bitrate_mode::VBR,
            bitrate_mode::CBR,
        )?;
        builder.integer(
            v4l2::V4L2_CID_MPEG_VIDEO_BITRATE,
            1_000,
            96_000_000,
            2_000_000,
        )?;
        builder.integer(v4l2::V4L2_CID_MPEG_VIDEO_CONSTANT_QUALITY, 1, 100, 80)?;
        builder.integer(v4l2::V4L2_CID_MPEG_VIDEO_H264_MIN_QP, 0, MAX_QP, 0)?;
        builder.integer(v4l2::V4L2_CID_MPEG_VIDEO_H264_MAX_QP, 0, MAX_QP, MAX_QP)?;
        builder.integer(v4l2::V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP, 0, MAX_QP, 24)?;
        builder.integer(v4l2::V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP, 0, MAX_QP, 28)?;
        builder.custom_integer(
            v4l2::V4L2_CID_STATELESS_ENC_FRAME_QP,
            c"Frame QP Value",
            -1,
            MAX_QP,
            -1,
        )?;

        builder.menu(
            v4l2::V4L2_CID_MPEG_VIDEO_H264_PROFILE,
            PROFILE_CONSTRAINED_BASELINE,
            1 << 0,
            PROFILE_CONSTRAINED_BASELINE,
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
            Reader::Cancelled => Stats::cancelled(),
        };
        match control.id() {
            v4l2::V4L2_CID_STATELESS_ENC_STATS => control.set_payload(&stats),
            v4l2::V4L2_CID_MPEG_VIDEO_AVERAGE_QP => control.set_value(stats.average_qp()),
            _ => Err(EINVAL),
        }
    }
}

/// `enum v4l2_mpeg_video_h264_level` of the lowest level that allows the largest picture.
fn highest_level(capabilities: &Capabilities) -> u8 {
    let (width, height) = capabilities.max_size;
    let demand = level::Demand {
        width_mbs: width.div_ceil(16),
        height_mbs: height.div_ceil(16),
        interval: None,
        frames: capabilities.references,
    };
    // The table has the order of the enumeration.
    (0..)
        .zip(&level::LEVELS)
        .find(|(_, level)| level.allows(&demand))
        .map_or(0, |(index, _)| index)
}
