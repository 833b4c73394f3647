// SPDX-License-Identifier: GPL-2.0

//! The H.264 controls: byte for byte the structures of the uAPI.
//!
//! C headers: `linux/v4l2-controls.h` and `linux/v4l2-stateless-encoder.h`, where the fields are
//! described.

use core::mem::size_of;

/// A parameter that is out of its range, or contradicts another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid(
    /// The syntax element.
    pub &'static str,
);

/// A P slice, in slice_type.
pub const SLICE_TYPE_P: u8 = 0;
/// An I slice, in slice_type.
pub const SLICE_TYPE_I: u8 = 2;

/// struct v4l2_ctrl_h264_sps.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Sps {
    pub profile_idc: u8,
    pub constraint_set_flags: u8,
    pub level_idc: u8,
    pub seq_parameter_set_id: u8,
    pub chroma_format_idc: u8,
    pub bit_depth_luma_minus8: u8,
    pub bit_depth_chroma_minus8: u8,
    pub log2_max_frame_num_minus4: u8,
    pub pic_order_cnt_type: u8,
    pub log2_max_pic_order_cnt_lsb_minus4: u8,
    pub max_num_ref_frames: u8,
    pub num_ref_frames_in_pic_order_cnt_cycle: u8,
    pub offset_for_ref_frame: [i32; 255],
    pub offset_for_non_ref_pic: i32,
    pub offset_for_top_to_bottom_field: i32,
    pub pic_width_in_mbs_minus1: u16,
    pub pic_height_in_map_units_minus1: u16,
    pub flags: u32,
}

impl Sps {
    /// V4L2_H264_SPS_CONSTRAINT_SET0_FLAG: obeys what Baseline demands.
    pub const CONSTRAINT_SET0: u8 = 0x01;
    /// V4L2_H264_SPS_CONSTRAINT_SET1_FLAG: obeys what Main demands.
    pub const CONSTRAINT_SET1: u8 = 0x02;
    /// V4L2_H264_SPS_CONSTRAINT_SET3_FLAG: of Baseline and Main, level 11 is level 1b.
    pub const CONSTRAINT_SET3: u8 = 0x08;
    /// profile_idc of Baseline.
    pub const PROFILE_BASELINE: u8 = 66;
    /// profile_idc of Main.
    pub const PROFILE_MAIN: u8 = 77;
    /// profile_idc of High.
    pub const PROFILE_HIGH: u8 = 100;
    /// V4L2_H264_SPS_FLAG_GAPS_IN_FRAME_NUM_VALUE_ALLOWED.
    pub const GAPS_IN_FRAME_NUM_VALUE_ALLOWED: u32 = 0x08;
    /// V4L2_H264_SPS_FLAG_FRAME_MBS_ONLY.
    pub const FRAME_MBS_ONLY: u32 = 0x10;
    /// V4L2_H264_SPS_FLAG_DIRECT_8X8_INFERENCE.
    pub const DIRECT_8X8_INFERENCE: u32 = 0x40;

    /// What a control holds before an application sets it: valid for any stream once it is
    /// adapted, and with an order that any picture may be without references in.
    pub const INITIAL: Self = Self {
        pic_order_cnt_type: 0,
        log2_max_pic_order_cnt_lsb_minus4: 4,
        ..Self::DEFAULT
    };

    /// Constrained Baseline, one reference, output in coding order, of 16x16 samples.
    pub const DEFAULT: Self = Self {
        profile_idc: 66,
        constraint_set_flags: Self::CONSTRAINT_SET0 | Self::CONSTRAINT_SET1,
        level_idc: 10,
        seq_parameter_set_id: 0,
        chroma_format_idc: 1,
        bit_depth_luma_minus8: 0,
        bit_depth_chroma_minus8: 0,
        log2_max_frame_num_minus4: 4,
        pic_order_cnt_type: 2,
        log2_max_pic_order_cnt_lsb_minus4: 0,
        max_num_ref_frames: 1,
        num_ref_frames_in_pic_order_cnt_cycle: 0,
        offset_for_ref_frame: [0; 255],
        offset_for_non_ref_pic: 0,
        offset_for_top_to_bottom_field: 0,
        pic_width_in_mbs_minus1: 0,
        pic_height_in_map_units_minus1: 0,
        flags: Self::FRAME_MBS_ONLY | Self::DIRECT_8X8_INFERENCE,
    };
}

/// struct v4l2_ctrl_h264_pps.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Pps {
    pub pic_parameter_set_id: u8,
    pub seq_parameter_set_id: u8,
    pub num_slice_groups_minus1: u8,
    pub num_ref_idx_l0_default_active_minus1: u8,
    pub num_ref_idx_l1_default_active_minus1: u8,
    pub weighted_bipred_idc: u8,
    pub pic_init_qp_minus26: i8,
    pub pic_init_qs_minus26: i8,
    pub chroma_qp_index_offset: i8,
    pub second_chroma_qp_index_offset: i8,
    pub flags: u16,
}

impl Pps {
    /// V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE: CABAC.
    pub const ENTROPY_CODING_MODE: u16 = 0x0001;
    /// V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT.
    pub const DEBLOCKING_FILTER_CONTROL_PRESENT: u16 = 0x0008;
    /// V4L2_H264_PPS_FLAG_TRANSFORM_8X8_MODE.
    pub const TRANSFORM_8X8_MODE: u16 = 0x0040;

    /// CAVLC, with deblocking parameters in the slice headers.
    pub const DEFAULT: Self = Self {
        pic_parameter_set_id: 0,
        seq_parameter_set_id: 0,
        num_slice_groups_minus1: 0,
        num_ref_idx_l0_default_active_minus1: 0,
        num_ref_idx_l1_default_active_minus1: 0,
        weighted_bipred_idc: 0,
        pic_init_qp_minus26: 0,
        pic_init_qs_minus26: 0,
        chroma_qp_index_offset: 0,
        second_chroma_qp_index_offset: 0,
        flags: Self::DEBLOCKING_FILTER_CONTROL_PRESENT,
    };

    /// Whether entropy coding is CABAC.
    pub fn cabac(&self) -> bool {
        self.flags & Self::ENTROPY_CODING_MODE != 0
    }

    /// Whether macroblocks choose between the 4x4 and the 8x8 transform.
    pub fn transform_8x8(&self) -> bool {
        self.flags & Self::TRANSFORM_8X8_MODE != 0
    }

    /// Whether it has what only a PPS of High profile has: the flag of the 8x8 transform, and a
    /// chroma QP offset of Cr that need not be the one of Cb.
    pub fn is_extended(&self) -> bool {
        self.transform_8x8() || self.second_chroma_qp_index_offset != self.chroma_qp_index_offset
    }

    /// Whether slice headers carry deblocking parameters.
    pub fn deblocking_control(&self) -> bool {
        self.flags & Self::DEBLOCKING_FILTER_CONTROL_PRESENT != 0
    }
}

/// struct v4l2_ctrl_h264_encode_params.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct EncodeParams {
    pub nal_ref_idc: u8,
    pub slice_type: u8,
    pub pic_parameter_set_id: u8,
    pub colour_plane_id: u8,
    pub frame_num: u16,
    pub idr_pic_id: u16,
    pub pic_order_cnt_lsb: u16,
    pub reserved0: [u8; 2],
    pub delta_pic_order_cnt_bottom: i32,
    pub delta_pic_order_cnt0: i32,
    pub delta_pic_order_cnt1: i32,
    pub num_ref_idx_l0_active_minus1: u8,
    pub num_ref_idx_l1_active_minus1: u8,
    pub cabac_init_idc: u8,
    pub slice_qp_delta: i8,
    pub disable_deblocking_filter_idc: u8,
    pub slice_alpha_c0_offset_div2: i8,
    pub slice_beta_offset_div2: i8,
    pub reserved1: [u8; 6],
    pub reserved2: [u8; 3],
    pub flags: u32,
}

impl EncodeParams {
    /// V4L2_H264_ENCODE_FLAG_IDR_PIC.
    pub const IDR_PIC: u32 = 0x01;
    /// V4L2_H264_ENCODE_FLAG_NUM_REF_IDX_ACTIVE_OVERRIDE.
    pub const NUM_REF_IDX_ACTIVE_OVERRIDE: u32 = 0x10;
    /// V4L2_H264_ENCODE_FLAG_NO_OUTPUT_OF_PRIOR_PICS.
    pub const NO_OUTPUT_OF_PRIOR_PICS: u32 = 0x20;
    /// V4L2_H264_ENCODE_FLAG_LONG_TERM_REFERENCE.
    pub const LONG_TERM_REFERENCE: u32 = 0x40;
    /// All flags that there are.
    const FLAGS: u32 = 0x7f;

    /// An IDR picture: what a control holds before an application sets it.
    pub const DEFAULT: Self = Self {
        nal_ref_idc: 1,
        slice_type: SLICE_TYPE_I,
        pic_parameter_set_id: 0,
        colour_plane_id: 0,
        frame_num: 0,
        idr_pic_id: 0,
        pic_order_cnt_lsb: 0,
        reserved0: [0; 2],
        delta_pic_order_cnt_bottom: 0,
        delta_pic_order_cnt0: 0,
        delta_pic_order_cnt1: 0,
        num_ref_idx_l0_active_minus1: 0,
        num_ref_idx_l1_active_minus1: 0,
        cabac_init_idc: 0,
        slice_qp_delta: 0,
        disable_deblocking_filter_idc: 0,
        slice_alpha_c0_offset_div2: 0,
        slice_beta_offset_div2: 0,
        reserved1: [0; 6],
        reserved2: [0; 3],
        flags: Self::IDR_PIC,
    };

    /// Whether the application asks for an instantaneous decoding refresh.
    pub fn is_idr(&self) -> bool {
        self.flags & Self::IDR_PIC != 0
    }

    /// Whether the IDR picture becomes a long-term reference.
    pub fn is_long_term_reference(&self) -> bool {
        self.flags & Self::LONG_TERM_REFERENCE != 0
    }

    /// Entries of reference list 0 that a P picture may have, 1..32.
    pub fn num_ref_idx_l0_active(&self, pps: &Pps) -> u8 {
        let minus1 = if self.flags & Self::NUM_REF_IDX_ACTIVE_OVERRIDE != 0 {
            self.num_ref_idx_l0_active_minus1
        } else {
            pps.num_ref_idx_l0_default_active_minus1
        };
        minus1.saturating_add(1)
    }

    /// What setting the control checks; the rest is of the picture's time.
    pub fn validate(&self) -> Result<(), Invalid> {
        let offsets = -6..=6;
        if self.is_idr() && self.slice_type != SLICE_TYPE_I {
            Err(Invalid("slice_type"))
        } else if self.colour_plane_id > 2 {
            Err(Invalid("colour_plane_id"))
        } else if self.cabac_init_idc > 2 {
            Err(Invalid("cabac_init_idc"))
        } else if self.disable_deblocking_filter_idc > 2 {
            Err(Invalid("disable_deblocking_filter_idc"))
        } else if !offsets.contains(&self.slice_alpha_c0_offset_div2) {
            Err(Invalid("slice_alpha_c0_offset_div2"))
        } else if !offsets.contains(&self.slice_beta_offset_div2) {
            Err(Invalid("slice_beta_offset_div2"))
        } else if self.num_ref_idx_l0_active_minus1 > 31 {
            Err(Invalid("num_ref_idx_l0_active_minus1"))
        } else if self.num_ref_idx_l1_active_minus1 > 31 {
            Err(Invalid("num_ref_idx_l1_active_minus1"))
        } else {
            Ok(())
        }
    }

    /// The same with zeros where a field does not apply to the type of the slice, and in what is
    /// reserved.
    pub fn normalized(&self) -> Self {
        let mut p = *self;
        p.flags &= Self::FLAGS;
        p.reserved0 = [0; 2];
        p.reserved1 = [0; 6];
        p.reserved2 = [0; 3];
        if !p.is_idr() {
            p.idr_pic_id = 0;
            p.flags &= !(Self::NO_OUTPUT_OF_PRIOR_PICS | Self::LONG_TERM_REFERENCE);
        }
        if p.slice_type == SLICE_TYPE_I {
            p.num_ref_idx_l0_active_minus1 = 0;
            p.cabac_init_idc = 0;
            p.flags &= !Self::NUM_REF_IDX_ACTIVE_OVERRIDE;
        }
        if p.slice_type == SLICE_TYPE_I || p.slice_type == SLICE_TYPE_P {
            p.num_ref_idx_l1_active_minus1 = 0;
        }
        if p.disable_deblocking_filter_idc == 1 {
            p.slice_alpha_c0_offset_div2 = 0;
            p.slice_beta_offset_div2 = 0;
        }
        p
    }
}

const _: () = {
    assert!(size_of::<Sps>() == 1048);
    assert!(size_of::<Pps>() == 12);
    assert!(size_of::<EncodeParams>() == 44);
};

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_params))]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        assert!(EncodeParams::DEFAULT.validate().is_ok());
        assert!(EncodeParams::DEFAULT.normalized() == EncodeParams::DEFAULT);
    }

    #[test]
    fn each_range_is_checked() {
        let ok = EncodeParams::DEFAULT;
        let p = EncodeParams {
            slice_type: SLICE_TYPE_P,
            flags: 0,
            ..ok
        };
        assert!(p.validate().is_ok());
        for bad in [
            EncodeParams {
                slice_type: SLICE_TYPE_P,
                ..ok
            },
            EncodeParams {
                colour_plane_id: 3,
                ..ok
            },
            EncodeParams {
                cabac_init_idc: 3,
                ..p
            },
            EncodeParams {
                disable_deblocking_filter_idc: 3,
                ..p
            },
            EncodeParams {
                slice_alpha_c0_offset_div2: 7,
                ..p
            },
            EncodeParams {
                slice_beta_offset_div2: -7,
                ..p
            },
            EncodeParams {
                num_ref_idx_l0_active_minus1: 32,
                ..p
            },
            EncodeParams {
                num_ref_idx_l1_active_minus1: 32,
                ..p
            },
        ] {
            assert!(bad.validate().is_err());
        }
    }

    #[test]
    fn fields_that_do_not_apply_become_zero() {
        let p = EncodeParams {
            idr_pic_id: 5,
            num_ref_idx_l0_active_minus1: 1,
            disable_deblocking_filter_idc: 1,
            slice_beta_offset_div2: 2,
            reserved2: [1; 3],
            flags: EncodeParams::NUM_REF_IDX_ACTIVE_OVERRIDE,
            ..EncodeParams::DEFAULT
        }
        .normalized();
        assert_eq!(p.idr_pic_id, 0);
        assert_eq!(p.num_ref_idx_l0_active_minus1, 0);
        assert_eq!(p.slice_beta_offset_div2, 0);
        assert!(p.reserved2 == [0; 3]);
        assert_eq!(p.flags, 0);
    }

    #[test]
    fn flags_without_a_meaning_are_not_kept() {
        for unknown in [0x80, 1 << 31, !0x7f] {
            let p = EncodeParams {
                flags: EncodeParams::IDR_PIC | unknown,
                ..EncodeParams::DEFAULT
            };
            assert!(p.validate().is_ok());
            assert_eq!(p.normalized().flags, EncodeParams::IDR_PIC);
        }
    }
}
