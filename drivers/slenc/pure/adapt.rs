// SPDX-License-Identifier: GPL-2.0

//! From the parameter sets that an application asks for to those that the hardware can code.
//!
//! What is legal and free to choose is kept: ids, lengths of syntax elements, initial QP, chroma
//! QP offset, a level that suffices. What the hardware lacks is turned off, and what is not the
//! application's, the picture size, is set. Only what has no legal reading is refused.

use super::{
    hrd::Hrd,
    level::{self, Buffer, Demand},
    params::{Invalid, Pps, Sps},
};

/// What the stream gets from the formats of the queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Visible width in luma samples, even.
    pub width: u16,
    /// Visible height in luma samples, even.
    pub height: u16,
    /// Coded width in macroblocks.
    pub width_mbs: u16,
    /// Coded height in macroblocks.
    pub height_mbs: u16,
    /// Seconds per picture: numerator and denominator.
    pub interval: Option<(u32, u32)>,
    /// Sample aspect ratio: width and height.
    pub sample_aspect_ratio: Option<(u16, u16)>,
    /// How the samples are to be understood.
    pub colour: Option<Colour>,
    /// The decoder's buffer, if the stream says what it is like.
    pub hrd: Option<Hrd>,
}

/// The colour description of the VUI, H.264 clause E.2.1 (tables E-3 to E-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// video_full_range_flag.
    pub full_range: bool,
    /// colour_primaries.
    pub primaries: u8,
    /// transfer_characteristics.
    pub transfer: u8,
    /// matrix_coefficients.
    pub matrix: u8,
}

impl Colour {
    /// The code points for "unspecified".
    pub const UNSPECIFIED: u8 = 2;
}

impl Stream {
    /// The cropping at the right and at the bottom, in units of 2x2 luma samples.
    pub fn cropping(&self) -> Result<(u16, u16), Invalid> {
        let crop = |coded_mbs: u16, visible: u16| {
            let coded = u32::from(coded_mbs) * 16;
            let rest = coded.checked_sub(u32::from(visible))?;
            let in_last_mb = visible != 0 && visible % 2 == 0;
            u16::try_from(rest / 2).ok().filter(|_| in_last_mb)
        };
        Ok((
            crop(self.width_mbs, self.width).ok_or(Invalid("frame_crop_right_offset"))?,
            crop(self.height_mbs, self.height).ok_or(Invalid("frame_crop_bottom_offset"))?,
        ))
    }
}

/// What encoders differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Reconstructions that a picture may choose from.
    pub references: u8,
    /// CABAC entropy coding.
    pub cabac: bool,
    /// 8x8 transform and intra 8x8 prediction.
    pub transform_8x8: bool,
}

impl Abilities {
    /// The profile that is nearest to the one asked for: Baseline, with what makes it Constrained
    /// Baseline, Main or High.
    fn profile_idc(&self, asked: u8) -> u8 {
        if asked > Sps::PROFILE_MAIN && self.cabac && self.transform_8x8 {
            Sps::PROFILE_HIGH
        } else if asked >= Sps::PROFILE_MAIN && self.cabac {
            Sps::PROFILE_MAIN
        } else {
            Sps::PROFILE_BASELINE
        }
    }
}

fn in_range(ok: bool, what: &'static str) -> Result<(), Invalid> {
    if ok {
        Ok(())
    } else {
        Err(Invalid(what))
    }
}

/// cpbBrNalFactor, H.264 table A-2: in how many bits MaxBR and MaxCPB count.
const fn cpb_br_nal_factor(profile_idc: u8) -> u32 {
    if profile_idc == Sps::PROFILE_HIGH {
        1500
    } else {
        1200
    }
}

/// The largest coded picture buffer that the profile and the level of an adapted SPS allow, in bits.
pub fn max_cpb_bits(sps: &Sps) -> u64 {
    let units = level::named(sps).map_or(0, |level| level.max_cpb);
    u64::from(units) * u64::from(cpb_br_nal_factor(sps.profile_idc))
}

/// Makes `sps` one that the hardware can code `stream` with: Constrained Baseline, Main or High
/// profile (H.264 clauses A.2.1.1, A.2.2 and A.2.4), frames, 4:2:0, 8 bits.
pub fn adapt_sps(sps: &mut Sps, stream: &Stream, able: &Abilities) -> Result<(), Invalid> {
    in_range(sps.seq_parameter_set_id <= 31, "seq_parameter_set_id")?;
    in_range(
        sps.log2_max_frame_num_minus4 <= 12,
        "log2_max_frame_num_minus4",
    )?;
    in_range(
        sps.log2_max_pic_order_cnt_lsb_minus4 <= 12,
        "log2_max_pic_order_cnt_lsb_minus4",
    )?;
    in_range(sps.pic_order_cnt_type <= 2, "pic_order_cnt_type")?;
    stream.cropping()?;

    sps.max_num_ref_frames = sps.max_num_ref_frames.min(able.references);
    sps.profile_idc = able.profile_idc(sps.profile_idc);
    if sps.profile_idc == Sps::PROFILE_HIGH {
        // Level 11 with constraint_set3_flag is level 1b in the other profiles only.
        sps.constraint_set_flags = 0;
    }
    let level = level::choose(
        sps,
        &Demand {
            width_mbs: stream.width_mbs,
            height_mbs: stream.height_mbs,
            interval: stream.interval,
            frames: sps.max_num_ref_frames,
            buffer: stream.hrd.map(|hrd| Buffer {
                bit_rate: hrd.bit_rate(),
                bits: hrd.cpb_bits(),
                factor: cpb_br_nal_factor(sps.profile_idc),
            }),
        },
    )?;
    sps.constraint_set_flags = match sps.profile_idc {
        Sps::PROFILE_BASELINE => Sps::CONSTRAINT_SET0 | Sps::CONSTRAINT_SET1,
        Sps::PROFILE_MAIN => Sps::CONSTRAINT_SET1,
        _ => 0,
    };
    sps.level_idc = level.idc;
    match (level.is_1b, sps.profile_idc) {
        (true, Sps::PROFILE_HIGH) => sps.level_idc = level::LEVEL_1B_OF_HIGH,
        (true, _) => sps.constraint_set_flags |= Sps::CONSTRAINT_SET3,
        (false, _) => {}
    }

    sps.chroma_format_idc = 1;
    sps.bit_depth_luma_minus8 = 0;
    sps.bit_depth_chroma_minus8 = 0;
    // Type 1 predicts the order from a cycle of pictures that only its owner knows. Order is kept
    // here, and type 0 says it directly.
    if sps.pic_order_cnt_type == 1 {
        sps.pic_order_cnt_type = 0;
    }
    // The syntax element is there with type 0 only. V4L2 clears the field where it is not, and what
    // was adapted has to equal what a control that it was stored in says.
    if sps.pic_order_cnt_type != 0 {
        sps.log2_max_pic_order_cnt_lsb_minus4 = 0;
    }
    sps.num_ref_frames_in_pic_order_cnt_cycle = 0;
    sps.offset_for_ref_frame = [0; 255];
    sps.offset_for_non_ref_pic = 0;
    sps.offset_for_top_to_bottom_field = 0;
    // cropping() has seen that neither is 0.
    sps.pic_width_in_mbs_minus1 = stream.width_mbs.saturating_sub(1);
    sps.pic_height_in_map_units_minus1 = stream.height_mbs.saturating_sub(1);
    // There are no gaps, but an application may leave out pictures of the upper temporal layers.
    sps.flags &= Sps::GAPS_IN_FRAME_NUM_VALUE_ALLOWED;
    sps.flags |= Sps::FRAME_MBS_ONLY | Sps::DIRECT_8X8_INFERENCE;
    Ok(())
}

/// Makes `pps` one that can be coded with in a stream of `sps`, which has been adapted: CABAC and the
/// 8x8 transform if its profile has them, flat scaling, one slice group.
pub fn adapt_pps(pps: &mut Pps, sps: &Sps) -> Result<(), Invalid> {
    in_range(
        pps.seq_parameter_set_id == sps.seq_parameter_set_id,
        "seq_parameter_set_id",
    )?;
    in_range(
        pps.num_ref_idx_l0_default_active_minus1 <= 31,
        "num_ref_idx_l0_default_active_minus1",
    )?;
    in_range(
        (-26..=25).contains(&pps.pic_init_qp_minus26),
        "pic_init_qp_minus26",
    )?;
    in_range(
        (-12..=12).contains(&pps.chroma_qp_index_offset),
        "chroma_qp_index_offset",
    )?;
    pps.num_slice_groups_minus1 = 0;
    pps.num_ref_idx_l1_default_active_minus1 = 0;
    pps.weighted_bipred_idc = 0;
    pps.pic_init_qs_minus26 = 0;
    let mut flags = Pps::DEBLOCKING_FILTER_CONTROL_PRESENT;
    if sps.profile_idc != Sps::PROFILE_BASELINE {
        flags |= Pps::ENTROPY_CODING_MODE;
    }
    if sps.profile_idc == Sps::PROFILE_HIGH {
        flags |= Pps::TRANSFORM_8X8_MODE;
    }
    pps.flags &= flags;
    if sps.profile_idc != Sps::PROFILE_HIGH {
        pps.second_chroma_qp_index_offset = pps.chroma_qp_index_offset;
    }
    in_range(
        (-12..=12).contains(&pps.second_chroma_qp_index_offset),
        "second_chroma_qp_index_offset",
    )
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_adapt))]
mod tests {
    use super::*;

    const GEN1: Abilities = Abilities {
        references: 1,
        cabac: false,
        transform_8x8: false,
    };
    const MAIN: Abilities = Abilities {
        references: 4,
        cabac: true,
        transform_8x8: false,
    };
    const HIGH: Abilities = Abilities {
        transform_8x8: true,
        ..MAIN
    };
    const HD: Stream = Stream {
        width: 1920,
        height: 1080,
        width_mbs: 120,
        height_mbs: 68,
        interval: Some((1, 25)),
        sample_aspect_ratio: None,
        colour: None,
        hrd: None,
    };

    /// What an existing client asks for: Main with CABAC and long frame numbers.
    const CLIENT_SPS: Sps = Sps {
        profile_idc: 77,
        constraint_set_flags: 0,
        level_idc: 10,
        log2_max_frame_num_minus4: 12,
        pic_order_cnt_type: 0,
        log2_max_pic_order_cnt_lsb_minus4: 0,
        ..Sps::DEFAULT
    };
    const CLIENT_PPS: Pps = Pps {
        chroma_qp_index_offset: 4,
        second_chroma_qp_index_offset: 4,
        flags: 0x0001 | Pps::DEBLOCKING_FILTER_CONTROL_PRESENT,
        ..Pps::DEFAULT
    };

    #[test]
    fn levels_bound_the_decoders_buffer() {
        let bits = |profile_idc, level_idc| {
            max_cpb_bits(&Sps {
                profile_idc,
                level_idc,
                ..Sps::DEFAULT
            })
        };
        assert_eq!(bits(Sps::PROFILE_BASELINE, 31), 16_800_000);
        assert_eq!(bits(Sps::PROFILE_HIGH, 41), 93_750_000);
        assert_eq!(bits(Sps::PROFILE_MAIN, 99), 0);
    }

    #[test]
    fn a_real_client_gets_what_it_may_have() {
        let (mut sps, mut pps) = (CLIENT_SPS, CLIENT_PPS);
        assert!(adapt_sps(&mut sps, &HD, &GEN1).is_ok());
        assert!(adapt_pps(&mut pps, &sps).is_ok());
        assert_eq!(sps.profile_idc, 66);
        assert_eq!(sps.constraint_set_flags, 3);
        assert_eq!(sps.level_idc, 40);
        assert_eq!(sps.log2_max_frame_num_minus4, 12);
        assert_eq!(sps.log2_max_pic_order_cnt_lsb_minus4, 0);
        assert_eq!(sps.pic_width_in_mbs_minus1, 119);
        assert_eq!(sps.pic_height_in_map_units_minus1, 67);
        assert_eq!(pps.flags, Pps::DEBLOCKING_FILTER_CONTROL_PRESENT);
        assert_eq!(pps.chroma_qp_index_offset, 4);
    }

    #[test]
    fn adapting_twice_changes_nothing() {
        for able in [GEN1, MAIN, HIGH] {
            let (mut sps, mut pps) = (CLIENT_SPS, CLIENT_PPS);
            assert!(adapt_sps(&mut sps, &HD, &able).is_ok());
            assert!(adapt_pps(&mut pps, &sps).is_ok());
            let (first_sps, first_pps) = (sps, pps);
            assert!(adapt_sps(&mut sps, &HD, &able).is_ok());
            assert!(adapt_pps(&mut pps, &sps).is_ok());
            assert!(sps == first_sps && pps == first_pps);
        }
    }

    #[test]
    fn the_nearest_profile() {
        for (able, asked, profile) in [
            (GEN1, 100, 66),
            (MAIN, 66, 66),
            (MAIN, 77, 77),
            (MAIN, 100, 77),
            (HIGH, 66, 66),
            (HIGH, 77, 77),
            (HIGH, 88, 100),
            (HIGH, 100, 100),
            (HIGH, 244, 100),
        ] {
            let mut sps = Sps {
                profile_idc: asked,
                constraint_set_flags: 0xff,
                ..CLIENT_SPS
            };
            assert!(adapt_sps(&mut sps, &HD, &able).is_ok());
            assert_eq!(sps.profile_idc, profile);
            let constraints = match profile {
                66 => 3,
                77 => 2,
                _ => 0,
            };
            assert_eq!(sps.constraint_set_flags, constraints);
        }
    }

    #[test]
    fn tools_of_a_profile() {
        let asked = Pps {
            second_chroma_qp_index_offset: -3,
            flags: 0xff,
            ..CLIENT_PPS
        };
        for (profile_idc, flags, second) in [(66, 0x08, 4), (77, 0x09, 4), (100, 0x49, -3)] {
            let (mut sps, mut pps) = (CLIENT_SPS, asked);
            sps.profile_idc = profile_idc;
            assert!(adapt_sps(&mut sps, &HD, &HIGH).is_ok());
            assert!(adapt_pps(&mut pps, &sps).is_ok());
            assert_eq!(pps.flags, flags);
            assert_eq!(pps.second_chroma_qp_index_offset, second);
        }
        // Nobody has to use them, and each goes without the others.
        let (mut sps, mut pps) = (CLIENT_SPS, asked);
        (sps.profile_idc, pps.flags) = (100, 0);
        assert!(adapt_sps(&mut sps, &HD, &HIGH).is_ok());
        assert!(adapt_pps(&mut pps, &sps).is_ok());
        assert_eq!(pps.flags, 0);
        assert_eq!(pps.second_chroma_qp_index_offset, -3);
    }

    #[test]
    fn high_profile_has_another_level_1b() {
        let qcif = Stream {
            width: 176,
            height: 144,
            width_mbs: 11,
            height_mbs: 9,
            interval: Some((1, 15)),
            ..HD
        };
        for (profile_idc, asked, level_idc, constraints) in [
            (66, 11, 11, 0x0b),
            (77, 11, 11, 0x0a),
            (100, 11, 11, 0),
            (100, 9, 9, 0),
            // No level of these profiles.
            (77, 9, 10, 2),
        ] {
            let mut sps = Sps {
                profile_idc,
                level_idc: asked,
                constraint_set_flags: Sps::CONSTRAINT_SET3,
                ..CLIENT_SPS
            };
            assert!(adapt_sps(&mut sps, &qcif, &HIGH).is_ok());
            assert_eq!(sps.level_idc, level_idc);
            assert_eq!(sps.constraint_set_flags, constraints);
        }
    }

    #[test]
    fn what_hardware_lacks_is_turned_off() {
        let mut sps = Sps {
            profile_idc: 244,
            chroma_format_idc: 3,
            bit_depth_luma_minus8: 2,
            bit_depth_chroma_minus8: 2,
            pic_order_cnt_type: 1,
            num_ref_frames_in_pic_order_cnt_cycle: 3,
            offset_for_ref_frame: [7; 255],
            max_num_ref_frames: 16,
            flags: 0x2f,
            ..Sps::DEFAULT
        };
        assert!(adapt_sps(&mut sps, &HD, &GEN1).is_ok());
        let plain = Sps {
            flags: Sps::DEFAULT.flags | Sps::GAPS_IN_FRAME_NUM_VALUE_ALLOWED,
            level_idc: 40,
            pic_order_cnt_type: 0,
            pic_width_in_mbs_minus1: 119,
            pic_height_in_map_units_minus1: 67,
            ..Sps::DEFAULT
        };
        assert!(sps == plain);
        let mut pps = Pps {
            num_slice_groups_minus1: 7,
            weighted_bipred_idc: 2,
            second_chroma_qp_index_offset: -3,
            flags: 0xff,
            ..Pps::DEFAULT
        };
        assert!(adapt_pps(&mut pps, &sps).is_ok());
        assert!(pps == Pps::DEFAULT);
    }

    #[test]
    fn the_length_of_picture_order_is_of_type_0() {
        for (asked, length) in [(0, 5), (1, 5), (2, 0)] {
            let mut sps = Sps {
                pic_order_cnt_type: asked,
                log2_max_pic_order_cnt_lsb_minus4: 5,
                ..Sps::DEFAULT
            };
            assert!(adapt_sps(&mut sps, &HD, &GEN1).is_ok());
            assert_eq!(sps.log2_max_pic_order_cnt_lsb_minus4, length);
        }
        // As V4L2 would leave it.
        assert_eq!(Sps::DEFAULT.log2_max_pic_order_cnt_lsb_minus4, 0);
    }

    #[test]
    fn an_intra_only_stream_keeps_no_reference() {
        let mut sps = Sps {
            max_num_ref_frames: 0,
            ..Sps::DEFAULT
        };
        assert!(adapt_sps(&mut sps, &HD, &GEN1).is_ok());
        assert_eq!(sps.max_num_ref_frames, 0);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for bad in [
            Sps {
                seq_parameter_set_id: 32,
                ..CLIENT_SPS
            },
            Sps {
                log2_max_frame_num_minus4: 13,
                ..CLIENT_SPS
            },
            Sps {
                log2_max_pic_order_cnt_lsb_minus4: 13,
                ..CLIENT_SPS
            },
            Sps {
                pic_order_cnt_type: 3,
                ..CLIENT_SPS
            },
        ] {
            let mut sps = bad;
            assert!(adapt_sps(&mut sps, &HD, &GEN1).is_err());
        }
        for bad in [
            Pps {
                seq_parameter_set_id: 1,
                ..CLIENT_PPS
            },
            Pps {
                num_ref_idx_l0_default_active_minus1: 32,
                ..CLIENT_PPS
            },
            Pps {
                pic_init_qp_minus26: 26,
                ..CLIENT_PPS
            },
            Pps {
                chroma_qp_index_offset: -13,
                ..CLIENT_PPS
            },
        ] {
            let mut pps = bad;
            assert!(adapt_pps(&mut pps, &CLIENT_SPS).is_err());
        }
    }

    #[test]
    fn cropping_is_in_units_of_two() {
        assert_eq!(HD.cropping(), Ok((0, 4)));
        let odd = Stream { width: 1919, ..HD };
        assert!(odd.cropping().is_err());
        let larger = Stream { height: 1090, ..HD };
        assert!(larger.cropping().is_err());
        let empty = Stream {
            width: 0,
            width_mbs: 0,
            ..HD
        };
        assert!(empty.cropping().is_err());
    }
}
