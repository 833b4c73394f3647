// SPDX-License-Identifier: GPL-2.0

//! The values of controls that a picture is coded with.

use crate::{
    controls::{
        multi_slice_mode,
        START_CODE_ANNEX_B, //
    },
    pure::{
        dpb::MAX_DPB_FRAMES,
        encode_references::EncodeReferences,
        headers,
        hrd::Hrd,
        params::{
            EncodeParams,
            Pps,
            Sps, //
        },
        wishes::Wishes, //
    },
};
use kernel::prelude::*;
use media::{
    rate_control::Config,
    uapi as v4l2,
    v4l2::ctrl::{
        FrameControls,
        Values, //
    }, //
};

/// The structures that a picture is coded with. Boxed where they are kept: stacks are small.
pub(crate) struct Parameters {
    pub(crate) sps: Sps,
    pub(crate) pps: Pps,
    pub(crate) references: EncodeReferences,
}

impl Parameters {
    /// Reads the values of a job.
    #[inline(never)]
    fn read(values: &Values<'_>) -> Result<KBox<Self>> {
        const INITIAL: Parameters = Parameters {
            sps: Sps::INITIAL,
            pps: Pps::DEFAULT,
            references: EncodeReferences::DEFAULT,
        };
        let mut parameters = KBox::new(INITIAL, GFP_KERNEL)?;
        values.payload(&mut parameters.sps)?;
        values.payload(&mut parameters.pps)?;
        values.payload(&mut parameters.references)?;
        Ok(parameters)
    }
}

/// The values that a picture is coded with.
pub(crate) struct Settings {
    pub(crate) parameters: KBox<Parameters>,
    pub(crate) params: EncodeParams,
    /// How the rate control is to work.
    pub(crate) rate: Config,
    /// What the rate control gets to know of the picture.
    pub(crate) frame: FrameControls,
    /// Most macroblocks of a slice, if there is a limit.
    pub(crate) max_slice_mbs: Option<u32>,
    pub(crate) sample_aspect_ratio: Option<(u16, u16)>,
    pub(crate) start_codes: bool,
    pub(crate) access_unit_delimiter: bool,
    pub(crate) parameter_sets_with_idr: bool,
}

impl Settings {
    /// Reads the values of a job, see [`media::m2m::Job::values`].
    pub(crate) fn read(values: &Values<'_>) -> Result<Self> {
        let flag = |id| values.value(id).map(|value| value != 0);
        let mut params = EncodeParams::DEFAULT;
        values.payload(&mut params)?;
        Ok(Self {
            parameters: Parameters::read(values)?,
            params,
            rate: values.rate_control()?,
            frame: values.rate_control_frame()?,
            max_slice_mbs: max_slice_mbs(values)?,
            sample_aspect_ratio: sample_aspect_ratio(values)?,
            start_codes: values.value(v4l2::V4L2_CID_STATELESS_H264_START_CODE)?
                == i32::from(START_CODE_ANNEX_B),
            access_unit_delimiter: flag(v4l2::V4L2_CID_MPEG_VIDEO_AU_DELIMITER)?,
            parameter_sets_with_idr: flag(v4l2::V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR)?,
        })
    }

    /// What the stream says about a decoder's buffer of this rate and size.
    pub(crate) fn hrd(&self, bit_rate: u64, bits: u64) -> Result<Hrd> {
        let (cbr, low_delay) = (self.rate.is_constant_rate(), self.rate.is_low_delay());
        Hrd::new(bit_rate, bits, cbr, low_delay).map_err(|_| EINVAL)
    }
}

/// Reads how many macroblocks a slice may have, if there is a limit.
pub(crate) fn max_slice_mbs(values: &Values<'_>) -> Result<Option<u32>> {
    if values.value(v4l2::V4L2_CID_MPEG_VIDEO_MULTI_SLICE_MODE)?
        != i32::from(multi_slice_mode::MAX_MB)
    {
        return Ok(None);
    }
    let mbs = values.value(v4l2::V4L2_CID_MPEG_VIDEO_MULTI_SLICE_MAX_MB)?;
    Ok(Some(mbs.try_into()?))
}

/// Reads the sample aspect ratio, if it is to be in the stream.
fn sample_aspect_ratio(values: &Values<'_>) -> Result<Option<(u16, u16)>> {
    if values.value(v4l2::V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_ENABLE)? == 0 {
        return Ok(None);
    }
    // The items are the codes of the standard, but for the last one.
    let item = values.value(v4l2::V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_IDC)?;
    let ratio = match headers::sample_aspect_ratio(item.try_into()?) {
        Some(ratio) => ratio,
        None => (
            values
                .value(v4l2::V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_WIDTH)?
                .try_into()?,
            values
                .value(v4l2::V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_HEIGHT)?
                .try_into()?,
        ),
    };
    Ok(Some(ratio))
}

/// Reads how many reference frames the application asks for, as far as there can be memory for
/// them.
pub(crate) fn reference_frames(values: &Values<'_>, wishes: &Wishes) -> Result<u8> {
    let parameters = Parameters::read(values)?;
    Ok(wishes
        .reference_frames(&parameters.sps)
        .clamp(1, MAX_DPB_FRAMES as u8))
}
