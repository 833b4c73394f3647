// SPDX-License-Identifier: GPL-2.0

//! NAL units that are no slices: access unit delimiter, sequence and picture parameter set.
//!
//! H.264 clauses 7.3.2.1 to 7.3.2.4 and E.1.1. Each function writes a NAL unit from its header to
//! its trailing bits, without start code and without emulation prevention.

use super::{
    adapt::{Colour, Stream},
    bits::BitWriter,
    hrd::write_hrd,
    params::{Invalid, Pps, Sps, SLICE_TYPE_I},
};

/// nal_unit_type of a sequence parameter set.
const NAL_SPS: u8 = 7;
/// nal_unit_type of a picture parameter set.
const NAL_PPS: u8 = 8;
/// nal_unit_type of an access unit delimiter.
const NAL_AUD: u8 = 9;
/// nal_ref_idc of parameter sets: the highest, as nothing can do without them.
const REF_IDC_PARAMETER_SET: u8 = 3;

/// access_unit_delimiter_rbsp(): the slices that follow are all of `slice_type`.
pub fn write_aud(w: &mut BitWriter<'_>, slice_type: u8) {
    w.nal_unit_header(0, NAL_AUD);
    // primary_pic_type (table 7-5): I slices; I and P slices.
    w.u(3, if slice_type == SLICE_TYPE_I { 0 } else { 1 });
    w.trailing_bits();
}

/// seq_parameter_set_rbsp(), of an SPS that [`super::adapt::adapt_sps`] has adapted to `stream`.
pub fn write_sps(w: &mut BitWriter<'_>, sps: &Sps, stream: &Stream) -> Result<(), Invalid> {
    let (crop_right, crop_bottom) = stream.cropping()?;
    w.nal_unit_header(REF_IDC_PARAMETER_SET, NAL_SPS);
    w.u(8, u32::from(sps.profile_idc));
    for set in 0..6 {
        w.flag(sps.constraint_set_flags & (1 << set) != 0);
    }
    w.u(2, 0); // reserved_zero_2bits
    w.u(8, u32::from(sps.level_idc));
    w.ue(u32::from(sps.seq_parameter_set_id));
    if sps.profile_idc == Sps::PROFILE_HIGH {
        w.ue(u32::from(sps.chroma_format_idc));
        w.ue(u32::from(sps.bit_depth_luma_minus8));
        w.ue(u32::from(sps.bit_depth_chroma_minus8));
        w.flag(false); // qpprime_y_zero_transform_bypass_flag
        w.flag(false); // seq_scaling_matrix_present_flag
    }
    w.ue(u32::from(sps.log2_max_frame_num_minus4));
    w.ue(u32::from(sps.pic_order_cnt_type));
    if sps.pic_order_cnt_type == 0 {
        w.ue(u32::from(sps.log2_max_pic_order_cnt_lsb_minus4));
    }
    w.ue(u32::from(sps.max_num_ref_frames));
    w.flag(sps.flags & Sps::GAPS_IN_FRAME_NUM_VALUE_ALLOWED != 0);
    w.ue(u32::from(sps.pic_width_in_mbs_minus1));
    w.ue(u32::from(sps.pic_height_in_map_units_minus1));
    w.flag(sps.flags & Sps::FRAME_MBS_ONLY != 0);
    w.flag(sps.flags & Sps::DIRECT_8X8_INFERENCE != 0);
    let cropped = crop_right != 0 || crop_bottom != 0;
    w.flag(cropped);
    if cropped {
        w.ue(0); // frame_crop_left_offset
        w.ue(u32::from(crop_right));
        w.ue(0); // frame_crop_top_offset
        w.ue(u32::from(crop_bottom));
    }
    w.flag(true); // vui_parameters_present_flag
    write_vui(w, sps, stream);
    w.trailing_bits();
    Ok(())
}

/// vui_parameters(), H.264 clause E.1.1.
fn write_vui(w: &mut BitWriter<'_>, sps: &Sps, stream: &Stream) {
    w.flag(stream.sample_aspect_ratio.is_some());
    if let Some((width, height)) = stream.sample_aspect_ratio {
        match aspect_ratio_idc(width, height) {
            Some(idc) => w.u(8, u32::from(idc)),
            None => {
                let (width, height) = reduced(width, height);
                w.u(8, 255); // Extended_SAR
                w.u(16, u32::from(width));
                w.u(16, u32::from(height));
            }
        }
    }
    w.flag(false); // overscan_info_present_flag
    w.flag(stream.colour.is_some());
    if let Some(colour) = stream.colour {
        w.u(3, 5); // video_format: unspecified
        w.flag(colour.full_range);
        let described = [colour.primaries, colour.transfer, colour.matrix]
            .iter()
            .any(|&code| code != Colour::UNSPECIFIED);
        w.flag(described);
        if described {
            w.u(8, u32::from(colour.primaries));
            w.u(8, u32::from(colour.transfer));
            w.u(8, u32::from(colour.matrix));
        }
    }
    w.flag(false); // chroma_loc_info_present_flag
    let timing = stream.interval.and_then(timing);
    w.flag(timing.is_some());
    if let Some((num_units_in_tick, time_scale)) = timing {
        w.u(32, num_units_in_tick);
        w.u(32, time_scale);
        // The interval is nominal: a picture may fail, and leave a gap.
        w.flag(false); // fixed_frame_rate_flag
    }
    // The HRD counts time in ticks.
    write_hrd(w, stream.hrd.as_ref().filter(|_| timing.is_some()));
    w.flag(false); // pic_struct_present_flag
                   // Without this a decoder must expect pictures out of order, and holds them back.
    w.flag(true); // bitstream_restriction_flag
    w.flag(true); // motion_vectors_over_pic_boundaries_flag
    w.ue(0); // max_bytes_per_pic_denom: no limit
    w.ue(0); // max_bits_per_mb_denom: no limit
    w.ue(15); // log2_max_mv_length_horizontal: no limit but the level's
    w.ue(15); // log2_max_mv_length_vertical
    w.ue(0); // max_num_reorder_frames
    w.ue(u32::from(sps.max_num_ref_frames)); // max_dec_frame_buffering
}

/// Table E-1: sample aspect ratios by aspect_ratio_idc. 0 is "unspecified".
const ASPECT_RATIOS: [(u16, u16); 17] = [
    (0, 0),
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

/// The sample aspect ratio that a code of table E-1 stands for, if it is one that needs no more.
pub fn sample_aspect_ratio(aspect_ratio_idc: u8) -> Option<(u16, u16)> {
    ASPECT_RATIOS.get(usize::from(aspect_ratio_idc)).copied()
}

/// The code of table E-1 for a sample aspect ratio, if it has one.
fn aspect_ratio_idc(width: u16, height: u16) -> Option<u8> {
    let same =
        |&(w, h): &(u16, u16)| u32::from(width) * u32::from(h) == u32::from(height) * u32::from(w);
    if width == 0 || height == 0 {
        return Some(0);
    }
    // All but the first are ratios.
    let index = ASPECT_RATIOS.iter().skip(1).position(same)?;
    u8::try_from(index).ok()?.checked_add(1)
}

/// The ratio in its lowest terms, as clause E.2.1 wants it, of numbers that are not 0.
fn reduced(width: u16, height: u16) -> (u16, u16) {
    let (mut divisor, mut rest) = (width, height);
    while let Some(next) = divisor.checked_rem(rest) {
        (divisor, rest) = (rest, next);
    }
    let divided = |length: u16| length.checked_div(divisor).unwrap_or(length);
    (divided(width), divided(height))
}

/// num_units_in_tick and time_scale of a frame interval in seconds. A tick is half a frame.
fn timing((numerator, denominator): (u32, u32)) -> Option<(u32, u32)> {
    if numerator == 0 || denominator == 0 {
        return None;
    }
    match denominator.checked_mul(2) {
        Some(time_scale) => Some((numerator, time_scale)),
        // Half of both says the same where the numerator is even.
        None if numerator % 2 == 0 => Some((numerator / 2, denominator)),
        None => None,
    }
}

/// pic_parameter_set_rbsp(), of a PPS that [`super::adapt::adapt_pps`] has adapted.
pub fn write_pps(w: &mut BitWriter<'_>, pps: &Pps) {
    w.nal_unit_header(REF_IDC_PARAMETER_SET, NAL_PPS);
    w.ue(u32::from(pps.pic_parameter_set_id));
    w.ue(u32::from(pps.seq_parameter_set_id));
    w.flag(pps.cabac()); // entropy_coding_mode_flag
    w.flag(false); // bottom_field_pic_order_in_frame_present_flag
    w.ue(0); // num_slice_groups_minus1
    w.ue(u32::from(pps.num_ref_idx_l0_default_active_minus1));
    w.ue(u32::from(pps.num_ref_idx_l1_default_active_minus1));
    w.flag(false); // weighted_pred_flag
    w.u(2, 0); // weighted_bipred_idc
    w.se(i32::from(pps.pic_init_qp_minus26));
    w.se(i32::from(pps.pic_init_qs_minus26));
    w.se(i32::from(pps.chroma_qp_index_offset));
    w.flag(pps.deblocking_control());
    w.flag(false); // constrained_intra_pred_flag
    w.flag(false); // redundant_pic_cnt_present_flag
    if pps.is_extended() {
        w.flag(pps.transform_8x8()); // transform_8x8_mode_flag
        w.flag(false); // pic_scaling_matrix_present_flag
        w.se(i32::from(pps.second_chroma_qp_index_offset));
    }
    w.trailing_bits();
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_headers))]
mod tests {
    use super::*;

    #[test]
    fn delimiters_name_the_slices() {
        let mut bytes = [0; 2];
        write_aud(&mut BitWriter::new(&mut bytes), SLICE_TYPE_I);
        assert!(bytes == [0x09, 0x10]);
        write_aud(&mut BitWriter::new(&mut bytes), 0);
        assert!(bytes == [0x09, 0x30]);
    }

    #[test]
    fn a_plain_pps_is_four_bytes() {
        let mut bytes = [0; 8];
        let mut w = BitWriter::new(&mut bytes);
        write_pps(&mut w, &Pps::DEFAULT);
        assert_eq!(w.finish(), Ok(32));
        // ue(0) ue(0) 0 0 ue(0) ue(0) | ue(0) 0 00 se(0) se(0) se(0) 1 | 0 0 1 and alignment
        assert!(bytes[..4] == [0x68, 0b1100_1110, 0b0011_1100, 0b1000_0000][..]);
    }

    #[test]
    fn what_high_profile_adds() {
        let mut bytes = [0; 8];
        let mut w = BitWriter::new(&mut bytes);
        let pps = Pps {
            second_chroma_qp_index_offset: -1,
            flags: Pps::DEFAULT.flags | Pps::ENTROPY_CODING_MODE | Pps::TRANSFORM_8X8_MODE,
            ..Pps::DEFAULT
        };
        write_pps(&mut w, &pps);
        assert_eq!(w.finish(), Ok(32));
        // As above with entropy_coding_mode_flag, and 1 0 se(-1) before the trailing bits.
        assert!(bytes[..4] == [0x68, 0b1110_1110, 0b0011_1100, 0b1001_1100][..]);
        // Without the 8x8 transform: 0 0 se(-1).
        let pps = Pps {
            flags: Pps::DEFAULT.flags,
            ..pps
        };
        let mut w = BitWriter::new(&mut bytes);
        write_pps(&mut w, &pps);
        assert_eq!(w.finish(), Ok(32));
        assert!(bytes[..4] == [0x68, 0b1100_1110, 0b0011_1100, 0b0001_1100][..]);
    }

    #[test]
    fn aspect_ratios_need_not_be_reduced() {
        assert_eq!(aspect_ratio_idc(1, 1), Some(1));
        assert_eq!(aspect_ratio_idc(8, 6), Some(14));
        assert_eq!(aspect_ratio_idc(160, 99), Some(13));
        assert_eq!(aspect_ratio_idc(0, 1), Some(0));
        assert_eq!(aspect_ratio_idc(7, 5), None);
        for idc in 0..17 {
            let back = sample_aspect_ratio(idc).and_then(|(w, h)| aspect_ratio_idc(w, h));
            assert_eq!(back, Some(idc));
        }
        assert_eq!(sample_aspect_ratio(17), None);
        assert_eq!(sample_aspect_ratio(255), None);
    }

    #[test]
    fn other_aspect_ratios_are_reduced() {
        assert_eq!(reduced(100, 30), (10, 3));
        assert_eq!(reduced(30, 100), (3, 10));
        assert_eq!(reduced(7, 5), (7, 5));
        assert_eq!(reduced(65535, 65535), (1, 1));
        assert_eq!(reduced(65535, 13107), (5, 1));
        assert_eq!(reduced(65534, 65535), (65534, 65535));
        // None of these is written.
        assert_eq!(reduced(0, 0), (0, 0));
        assert_eq!(reduced(0, 5), (0, 1));
    }

    #[test]
    fn ticks_are_half_frames() {
        assert_eq!(timing((1, 25)), Some((1, 50)));
        assert_eq!(timing((1001, 30000)), Some((1001, 60000)));
        assert_eq!(timing((2, u32::MAX)), Some((1, u32::MAX)));
        assert_eq!(timing((1, u32::MAX)), None);
        assert_eq!(timing((0, 25)), None);
        assert_eq!(timing((1, 0)), None);
    }
}
