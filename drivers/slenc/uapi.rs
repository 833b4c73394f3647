// SPDX-License-Identifier: GPL-2.0

//! The structures of the driver's compound controls.
//!
//! This file is one of the few exceptions from having no unsafe code: it states what the compiler
//! cannot know, that these structures can be read from and shown to user space byte by byte.

#![allow(unsafe_code)]

use crate::pure::{
    encode_references::{
        EncodeReferences,
        Mark, //
    },
    params::{
        EncodeParams,
        Pps,
        Sps, //
    }, //
};
use core::mem::{
    offset_of,
    size_of, //
};
use kernel::{
    prelude::*,
    transmute::{
        AsBytes,
        FromBytes, //
    }, //
};
use media::{
    uapi,
    v4l2::ctrl::{
        Compound,
        Custom, //
    }, //
};
use pin_init::Zeroable;

/// How a picture was coded.
#[repr(transparent)]
#[derive(Clone, Copy, Zeroable)]
pub(crate) struct Stats(pub(crate) uapi::v4l2_ctrl_stateless_enc_stats);

// SAFETY: Integers and arrays of them, without padding: the sizes of the fields add up.
unsafe impl AsBytes for Sps {}
// SAFETY: Integers and arrays of them: every bit pattern is a value.
unsafe impl FromBytes for Sps {}
// SAFETY: As for `Sps`.
unsafe impl AsBytes for Pps {}
// SAFETY: As for `Sps`.
unsafe impl FromBytes for Pps {}
// SAFETY: As for `Sps`.
unsafe impl AsBytes for EncodeParams {}
// SAFETY: As for `Sps`.
unsafe impl FromBytes for EncodeParams {}
// SAFETY: As for `Sps`; so has `Mark`, of which it has an array.
unsafe impl AsBytes for EncodeReferences {}
// SAFETY: As for `Sps`.
unsafe impl FromBytes for EncodeReferences {}
// SAFETY: As for `Sps`.
unsafe impl AsBytes for Stats {}
// SAFETY: As for `Sps`.
unsafe impl FromBytes for Stats {}

const _: () = {
    assert!(size_of::<Sps>() == size_of::<uapi::v4l2_ctrl_h264_sps>());
    assert!(
        offset_of!(Sps, pic_width_in_mbs_minus1)
            == offset_of!(uapi::v4l2_ctrl_h264_sps, pic_width_in_mbs_minus1)
    );
    assert!(offset_of!(Sps, flags) == offset_of!(uapi::v4l2_ctrl_h264_sps, flags));
    assert!(offset_of!(Sps, flags) + size_of::<u32>() == size_of::<Sps>());
    assert!(size_of::<Pps>() == size_of::<uapi::v4l2_ctrl_h264_pps>());
    assert!(offset_of!(Pps, flags) == offset_of!(uapi::v4l2_ctrl_h264_pps, flags));
    assert!(offset_of!(Pps, flags) + size_of::<u16>() == size_of::<Pps>());
    assert!(size_of::<EncodeParams>() == size_of::<uapi::v4l2_ctrl_h264_encode_params>());
    assert!(
        offset_of!(EncodeParams, slice_qp_delta)
            == offset_of!(uapi::v4l2_ctrl_h264_encode_params, slice_qp_delta)
    );
    assert!(
        offset_of!(EncodeParams, flags) == offset_of!(uapi::v4l2_ctrl_h264_encode_params, flags)
    );
    assert!(offset_of!(EncodeParams, flags) + size_of::<u32>() == size_of::<EncodeParams>());
    assert!(size_of::<Mark>() == size_of::<uapi::v4l2_h264_encode_mark>());
    assert!(offset_of!(Mark, operation) == offset_of!(uapi::v4l2_h264_encode_mark, operation));
    assert!(offset_of!(Mark, reserved) + 6 == size_of::<Mark>());
    assert!(size_of::<EncodeReferences>() == size_of::<uapi::v4l2_ctrl_h264_encode_references>());
    assert!(
        offset_of!(EncodeReferences, marks)
            == offset_of!(uapi::v4l2_ctrl_h264_encode_references, marks)
    );
    assert!(
        offset_of!(EncodeReferences, num_list0)
            == offset_of!(uapi::v4l2_ctrl_h264_encode_references, num_list0)
    );
    assert!(
        offset_of!(EncodeReferences, flags)
            == offset_of!(uapi::v4l2_ctrl_h264_encode_references, flags)
    );
    assert!(
        offset_of!(EncodeReferences, reserved1) + 29 * size_of::<u32>()
            == size_of::<EncodeReferences>()
    );
    assert!(size_of::<Stats>() == 256);
};

impl Compound for Sps {
    const ID: u32 = uapi::V4L2_CID_STATELESS_H264_SPS;
    const CUSTOM: Option<Custom> = None;

    fn initial() -> Self {
        Self::INITIAL
    }
}

impl Compound for Pps {
    const ID: u32 = uapi::V4L2_CID_STATELESS_H264_PPS;
    const CUSTOM: Option<Custom> = None;

    fn initial() -> Self {
        Self::DEFAULT
    }
}

impl Compound for EncodeParams {
    const ID: u32 = uapi::V4L2_CID_STATELESS_H264_ENCODE_PARAMS;
    const CUSTOM: Option<Custom> = Some(Custom {
        name: c"H264 Encode Parameters",
        ctrl_type: uapi::V4L2_CTRL_TYPE_H264_ENCODE_PARAMS,
    });

    fn initial() -> Self {
        Self::DEFAULT
    }

    fn validate(&mut self) -> Result {
        EncodeParams::validate(self).map_err(|_| EINVAL)?;
        *self = self.normalized();
        Ok(())
    }
}

impl Compound for EncodeReferences {
    const ID: u32 = uapi::V4L2_CID_STATELESS_ENC_H264_REFERENCES;
    const CUSTOM: Option<Custom> = Some(Custom {
        name: c"H264 Encode References",
        ctrl_type: uapi::V4L2_CTRL_TYPE_H264_ENCODE_REFERENCES,
    });

    fn initial() -> Self {
        Self::DEFAULT
    }

    fn validate(&mut self) -> Result {
        EncodeReferences::validate(self).map_err(|_| EINVAL)?;
        *self = self.normalized();
        Ok(())
    }
}

impl Compound for Stats {
    const ID: u32 = uapi::V4L2_CID_STATELESS_ENC_STATS;
    const CUSTOM: Option<Custom> = Some(Custom {
        name: c"Encoder Statistics",
        ctrl_type: uapi::V4L2_CTRL_TYPE_STATELESS_ENC_STATS,
    });

    fn initial() -> Self {
        Self::zeroed()
    }
}
