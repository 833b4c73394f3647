// SPDX-License-Identifier: GPL-2.0

//! Sequence and picture parameter sets as a decoder reads them: clauses 7.3.2.1,
//! 7.3.2.2 and E.1.

use super::bits::{
    Bits,
    Malformed,
    Result, //
};

/// A sequence parameter set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Sps {
    pub profile_idc: u8,
    /// constraint_set0_flag is bit 0, as in V4L2.
    pub constraint_set_flags: u8,
    pub level_idc: u8,
    pub seq_parameter_set_id: u8,
    pub chroma_format_idc: u8,
    pub separate_colour_plane: bool,
    pub bit_depth_luma_minus8: u8,
    pub bit_depth_chroma_minus8: u8,
    pub log2_max_frame_num_minus4: u8,
    pub pic_order_cnt_type: u8,
    pub log2_max_pic_order_cnt_lsb_minus4: u8,
    pub delta_pic_order_always_zero: bool,
    pub max_num_ref_frames: u8,
    pub gaps_in_frame_num_allowed: bool,
    pub pic_width_in_mbs: u32,
    pub pic_height_in_map_units: u32,
    pub frame_mbs_only: bool,
    /// Left, right, top, bottom, in luma samples.
    pub cropping: [u32; 4],
    pub vui: Option<Vui>,
}

/// Video usability information, as far as an encoder of this interface has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Vui {
    /// aspect_ratio_idc, sar_width and sar_height.
    pub aspect_ratio: Option<(u8, u16, u16)>,
    /// video_full_range_flag.
    pub full_range: Option<bool>,
    /// colour_primaries, transfer_characteristics, matrix_coefficients.
    pub colour: Option<(u8, u8, u8)>,
    /// num_units_in_tick and time_scale.
    pub timing: Option<(u32, u32)>,
    pub has_hrd: bool,
    /// max_num_reorder_frames and max_dec_frame_buffering.
    pub restriction: Option<(u32, u32)>,
}

/// A picture parameter set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Pps {
    pub pic_parameter_set_id: u8,
    pub seq_parameter_set_id: u8,
    pub entropy_coding_mode: bool,
    pub bottom_field_pic_order_in_frame_present: bool,
    pub num_ref_idx_default_active: [u32; 2],
    pub weighted_pred: bool,
    pub weighted_bipred_idc: u8,
    pub pic_init_qp: i32,
    pub chroma_qp_index_offset: i32,
    pub second_chroma_qp_index_offset: i32,
    pub deblocking_filter_control_present: bool,
    pub constrained_intra_pred: bool,
    pub redundant_pic_cnt_present: bool,
    pub transform_8x8_mode: bool,
    pub has_scaling_matrix: bool,
}

/// profile_idc values whose SPS says what the samples are.
const HIGH_PROFILES: [u8; 12] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134];

impl Sps {
    /// Whether it is of a profile with the 8x8 transform.
    pub fn is_high(&self) -> bool {
        HIGH_PROFILES.contains(&self.profile_idc)
    }

    /// Visible width and height.
    pub fn visible_size(&self) -> (i64, i64) {
        let [left, right, top, bottom] = self.cropping.map(i64::from);
        let fields = if self.frame_mbs_only { 1 } else { 2 };
        (
            i64::from(self.pic_width_in_mbs) * 16 - left - right,
            i64::from(self.pic_height_in_map_units) * 16 * fields - top - bottom,
        )
    }

    /// MaxFrameNum.
    pub fn max_frame_num(&self) -> i64 {
        1 << (self.log2_max_frame_num_minus4 + 4)
    }

    /// MaxPicOrderCntLsb.
    pub fn max_pic_order_cnt_lsb(&self) -> i64 {
        1 << (self.log2_max_pic_order_cnt_lsb_minus4 + 4)
    }

    /// seq_parameter_set_rbsp().
    pub fn parse(rbsp: &[u8]) -> Result<Self> {
        let mut b = Bits::new(rbsp);
        let mut sps = Self {
            profile_idc: b.u(8)? as u8,
            chroma_format_idc: 1,
            ..Self::default()
        };
        for set in 0..6 {
            sps.constraint_set_flags |= u8::from(b.flag()?) << set;
        }
        if b.u(2)? != 0 {
            return Err(Malformed::new("reserved_zero_2bits of the SPS are not 0"));
        }
        sps.level_idc = b.u(8)? as u8;
        sps.seq_parameter_set_id = b.ue_max("seq_parameter_set_id", 31)? as u8;
        if sps.is_high() {
            sps.parse_samples(&mut b)?;
        }
        sps.log2_max_frame_num_minus4 = b.ue_max("log2_max_frame_num_minus4", 12)? as u8;
        sps.pic_order_cnt_type = b.ue_max("pic_order_cnt_type", 2)? as u8;
        match sps.pic_order_cnt_type {
            0 => {
                sps.log2_max_pic_order_cnt_lsb_minus4 =
                    b.ue_max("log2_max_pic_order_cnt_lsb_minus4", 12)? as u8;
            }
            1 => {
                sps.delta_pic_order_always_zero = b.flag()?;
                b.se()?;
                b.se()?;
                for _ in 0..b.ue_max("num_ref_frames_in_pic_order_cnt_cycle", 255)? {
                    b.se()?;
                }
            }
            _ => {}
        }
        sps.max_num_ref_frames = b.ue_max("max_num_ref_frames", 16)? as u8;
        sps.gaps_in_frame_num_allowed = b.flag()?;
        sps.pic_width_in_mbs = b.ue_max("pic_width_in_mbs_minus1", 0xffff)? + 1;
        sps.pic_height_in_map_units = b.ue_max("pic_height_in_map_units_minus1", 0xffff)? + 1;
        sps.frame_mbs_only = b.flag()?;
        if !sps.frame_mbs_only {
            b.flag()?;
        }
        b.flag()?; // direct_8x8_inference_flag
        if b.flag()? {
            let fields = if sps.frame_mbs_only { 1 } else { 2 };
            let (x, y) = match (sps.separate_colour_plane, sps.chroma_format_idc) {
                (false, 1) => (2, 2 * fields),
                (false, 2) => (2, fields),
                _ => (1, fields),
            };
            for (crop, unit) in sps.cropping.iter_mut().zip([x, x, y, y]) {
                *crop = b.ue_max("frame_crop_offset", 0xffff)? * unit;
            }
        }
        if b.flag()? {
            sps.vui = Some(Vui::parse(&mut b)?);
        }
        b.trailing_bits()?;
        Ok(sps)
    }

    fn parse_samples(&mut self, b: &mut Bits<'_>) -> Result<()> {
        self.chroma_format_idc = b.ue_max("chroma_format_idc", 3)? as u8;
        if self.chroma_format_idc == 3 {
            self.separate_colour_plane = b.flag()?;
        }
        self.bit_depth_luma_minus8 = b.ue_max("bit_depth_luma_minus8", 6)? as u8;
        self.bit_depth_chroma_minus8 = b.ue_max("bit_depth_chroma_minus8", 6)? as u8;
        b.flag()?; // qpprime_y_zero_transform_bypass_flag
        if b.flag()? {
            scaling_lists(b, if self.chroma_format_idc == 3 { 12 } else { 8 })?;
        }
        Ok(())
    }
}

/// Steps over scaling lists.
fn scaling_lists(b: &mut Bits<'_>, count: usize) -> Result<()> {
    for list in 0..count {
        if !b.flag()? {
            continue;
        }
        let size = if list < 6 { 16 } else { 64 };
        let (mut last, mut next) = (8, 8);
        for _ in 0..size {
            if next != 0 {
                next = (last + b.se()? + 256) & 0xff;
            }
            if next != 0 {
                last = next;
            }
        }
    }
    Ok(())
}

/// What sar_width and sar_height have to be, clause E.2.1.
fn are_coprime_or_0(width: u16, height: u16) -> bool {
    let (mut divisor, mut rest) = (width, height);
    while let Some(next) = divisor.checked_rem(rest) {
        (divisor, rest) = (rest, next);
    }
    width == 0 || height == 0 || divisor == 1
}

impl Vui {
    fn parse(b: &mut Bits<'_>) -> Result<Self> {
        let mut vui = Self::default();
        if b.flag()? {
            let idc = b.u(8)? as u8;
            let (width, height) = match idc {
                255 => (b.u(16)? as u16, b.u(16)? as u16),
                _ => (0, 0),
            };
            if !are_coprime_or_0(width, height) {
                return Err(Malformed::new("sar_width and sar_height can be divided"));
            }
            vui.aspect_ratio = Some((idc, width, height));
        }
        if b.flag()? {
            b.flag()?; // overscan_appropriate_flag
        }
        if b.flag()? {
            b.u(3)?; // video_format
            vui.full_range = Some(b.flag()?);
            if b.flag()? {
                vui.colour = Some((b.u(8)? as u8, b.u(8)? as u8, b.u(8)? as u8));
            }
        }
        if b.flag()? {
            b.ue()?; // chroma_sample_loc_type_top_field
            b.ue()?;
        }
        if b.flag()? {
            vui.timing = Some((b.u(32)?, b.u(32)?));
            b.flag()?; // fixed_frame_rate_flag
        }
        let nal_hrd = b.flag()?;
        if nal_hrd {
            hrd(b)?;
        }
        let vcl_hrd = b.flag()?;
        if vcl_hrd {
            hrd(b)?;
        }
        vui.has_hrd = nal_hrd || vcl_hrd;
        if vui.has_hrd {
            b.flag()?; // low_delay_hrd_flag
        }
        b.flag()?; // pic_struct_present_flag
        if b.flag()? {
            b.flag()?; // motion_vectors_over_pic_boundaries_flag
            for _ in 0..4 {
                b.ue()?;
            }
            vui.restriction = Some((b.ue()?, b.ue()?));
        }
        Ok(vui)
    }
}

/// Steps over hrd_parameters().
fn hrd(b: &mut Bits<'_>) -> Result<()> {
    let count = b.ue_max("cpb_cnt_minus1", 31)? + 1;
    b.u(8)?;
    for _ in 0..count {
        b.ue()?;
        b.ue()?;
        b.flag()?;
    }
    b.u(20)?;
    Ok(())
}

impl Pps {
    /// pic_parameter_set_rbsp(). `sps` finds the SPS that it refers to.
    pub fn parse<'s>(rbsp: &[u8], sps: impl FnOnce(u8) -> Option<&'s Sps>) -> Result<Self> {
        let mut b = Bits::new(rbsp);
        let mut pps = Self {
            pic_parameter_set_id: b.ue_max("pic_parameter_set_id", 255)? as u8,
            seq_parameter_set_id: b.ue_max("seq_parameter_set_id", 31)? as u8,
            entropy_coding_mode: b.flag()?,
            bottom_field_pic_order_in_frame_present: b.flag()?,
            ..Self::default()
        };
        if b.ue()? != 0 {
            return Err(Malformed::new("this reader knows no slice groups"));
        }
        for active in &mut pps.num_ref_idx_default_active {
            *active = b.ue_max("num_ref_idx_default_active_minus1", 31)? + 1;
        }
        pps.weighted_pred = b.flag()?;
        pps.weighted_bipred_idc = b.u(2)? as u8;
        pps.pic_init_qp = b.se()?.saturating_add(26);
        b.se()?; // pic_init_qs_minus26
        pps.chroma_qp_index_offset = b.se()?;
        pps.second_chroma_qp_index_offset = pps.chroma_qp_index_offset;
        pps.deblocking_filter_control_present = b.flag()?;
        pps.constrained_intra_pred = b.flag()?;
        pps.redundant_pic_cnt_present = b.flag()?;
        if b.more_data() {
            pps.transform_8x8_mode = b.flag()?;
            pps.has_scaling_matrix = b.flag()?;
            if pps.has_scaling_matrix {
                let is_444 =
                    sps(pps.seq_parameter_set_id).is_some_and(|s| s.chroma_format_idc == 3);
                let large = match (pps.transform_8x8_mode, is_444) {
                    (false, _) => 0,
                    (true, false) => 2,
                    (true, true) => 6,
                };
                scaling_lists(&mut b, 6 + large)?;
            }
            pps.second_chroma_qp_index_offset = b.se()?;
        }
        b.trailing_bits()?;
        Ok(pps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bits as text, spaces aside, and the trailing ones.
    fn rbsp(bits: &str) -> Vec<u8> {
        let mut bits: Vec<u8> = bits.bytes().filter(|b| b"01".contains(b)).collect();
        bits.push(b'1');
        bits.resize(bits.len().next_multiple_of(8), b'0');
        bits.chunks(8)
            .map(|byte| {
                byte.iter()
                    .fold(0, |value, bit| (value << 1) | (bit - b'0'))
            })
            .collect()
    }

    #[test]
    fn a_small_sps_is_read() {
        // Constrained Baseline, level 1, id 0, log2s 4, type 0, one reference,
        // 11x9 macroblocks, frames, cropped by 2 at the right, no VUI.
        let bytes =
            rbsp("01000010 11000000 00001010 1 1 1 1 010 0 0001011 0001001 1 1 1 1 010 1 1 0");
        let sps = Sps::parse(&bytes).unwrap();
        assert_eq!((sps.profile_idc, sps.constraint_set_flags), (66, 3));
        assert_eq!(sps.visible_size(), (174, 144));
        assert_eq!((sps.max_frame_num(), sps.max_num_ref_frames), (16, 1));
        assert_eq!(sps.vui, None);
        let mut longer = bytes.clone();
        longer.push(0x80);
        assert!(Sps::parse(&longer).is_err());
        assert!(Sps::parse(&bytes[..6]).is_err());
    }

    #[test]
    fn a_vui_is_read() {
        let start = "01000010 11000000 00001010 1 1 1 1 010 0 0001011 0001001 1 1 0 1";
        let timing = format!("1 {:032b} {:032b} 0", 1, 50);
        let vui = format!(
            "1 11111111 {:016b} {:016b} 0 1 101 1 1 {:08b} {:08b} {:08b} 0 {timing} 0 0 0 1 1 1 1 1 1 1 010",
            4, 3, 1, 13, 6
        );
        let vui = Sps::parse(&rbsp(&format!("{start} {vui}"))).unwrap().vui;
        let wanted = Vui {
            aspect_ratio: Some((255, 4, 3)),
            full_range: Some(true),
            colour: Some((1, 13, 6)),
            timing: Some((1, 50)),
            has_hrd: false,
            restriction: Some((0, 1)),
        };
        assert_eq!(vui, Some(wanted));
    }

    #[test]
    fn aspect_ratios_are_in_their_lowest_terms() {
        for (width, height, good) in [
            (4, 3, true),
            (65535, 65534, true),
            (1, 1, true),
            (0, 0, true),
            (0, 7, true),
            (100, 30, false),
            (3, 3, false),
            (65535, 13107, false),
        ] {
            assert_eq!(are_coprime_or_0(width, height), good, "{width}:{height}");
        }
    }

    #[test]
    fn a_pps_of_the_high_profile_has_more() {
        // id 1, SPS 0, CABAC, one reference each, QP 26, offsets 2, deblocking control.
        let small = "010 1 1 0 1 1 1 0 00 1 1 00100 1 0 0";
        let pps = Pps::parse(&rbsp(small), |_| None).unwrap();
        assert!(pps.entropy_coding_mode && pps.deblocking_filter_control_present);
        assert_eq!((pps.pic_init_qp, pps.chroma_qp_index_offset), (26, 2));
        assert_eq!(pps.second_chroma_qp_index_offset, 2);
        assert!(!pps.transform_8x8_mode);
        let high = Pps::parse(&rbsp(&format!("{small} 1 0 00101")), |_| None).unwrap();
        assert!(high.transform_8x8_mode);
        assert_eq!(high.second_chroma_qp_index_offset, -2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Sps::parse(&bytes);
            let _ = Pps::parse(&bytes, |_| None);
        }
    }
}
