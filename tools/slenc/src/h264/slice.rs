// SPDX-License-Identifier: GPL-2.0

//! Slice headers: clause 7.3.3.

use super::{
    bits::{
        Bits,
        Malformed,
        Result, //
    },
    nal::{
        kind,
        Nal, //
    },
    parameter_sets::{
        Pps,
        Sps, //
    },
};

/// A P slice, in slice_type modulo 5.
pub const P: u8 = 0;
/// A B slice.
pub const B: u8 = 1;
/// An I slice.
pub const I: u8 = 2;

/// An entry of ref_pic_list_modification().
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modification {
    /// modification_of_pic_nums_idc 0 and 1: by this much, as a signed number.
    PicNum(i64),
    /// 2: long_term_pic_num.
    LongTermPicNum(u32),
}

/// A memory_management_control_operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// 1: a short-term reference is none any more. difference_of_pic_nums.
    UnusedShortTerm(i64),
    /// 2: a long-term reference is none any more. long_term_pic_num.
    UnusedLongTerm(u32),
    /// 3: a short-term reference becomes a long-term one. difference_of_pic_nums,
    /// long_term_frame_idx.
    AssignLongTerm(i64, u32),
    /// 4: max_long_term_frame_idx_plus1.
    MaxLongTerm(u32),
    /// 5: as after an IDR picture.
    Reset,
    /// 6: the picture becomes a long-term reference. long_term_frame_idx.
    CurrentLongTerm(u32),
}

/// dec_ref_pic_marking().
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marking {
    /// Of a picture that is no reference.
    None,
    /// Of an IDR picture.
    Idr {
        /// no_output_of_prior_pics_flag.
        no_output_of_prior_pics: bool,
        /// long_term_reference_flag.
        long_term: bool,
    },
    /// The sliding window.
    SlidingWindow,
    /// Memory management control operations.
    Adaptive(Vec<Operation>),
}

/// A slice header, as far as pictures of frames have one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Slice {
    pub nal_ref_idc: u8,
    pub idr: bool,
    pub first_mb_in_slice: u32,
    /// Modulo 5.
    pub slice_type: u8,
    pub pic_parameter_set_id: u8,
    pub frame_num: u32,
    pub field_pic: bool,
    pub idr_pic_id: Option<u32>,
    pub pic_order_cnt_lsb: Option<u32>,
    /// Entries of RefPicList0.
    pub num_ref_idx_l0_active: u32,
    pub modifications: Vec<Modification>,
    pub marking: Marking,
    pub cabac_init_idc: Option<u32>,
    /// SliceQPY.
    pub qp: i32,
    pub disable_deblocking_filter_idc: u32,
    pub alpha_c0_offset_div2: i32,
    pub beta_offset_div2: i32,
}

impl Slice {
    /// slice_header() of a NAL unit that is a slice. `find` finds the PPS of an id,
    /// and its SPS.
    pub fn parse<'p>(
        nal: &Nal,
        find: impl FnOnce(u8) -> Option<(&'p Sps, &'p Pps)>,
    ) -> Result<Self> {
        let mut b = Bits::new(&nal.rbsp);
        let first_mb_in_slice = b.ue()?;
        let slice_type = (b.ue_max("slice_type", 9)? % 5) as u8;
        if ![P, B, I].contains(&slice_type) {
            return Err(Malformed(format!("slice_type is {slice_type}")));
        }
        let id = b.ue_max("pic_parameter_set_id", 255)? as u8;
        let (sps, pps) =
            find(id).ok_or_else(|| Malformed(format!("there is no PPS {id}, or not its SPS")))?;
        if sps.separate_colour_plane {
            b.u(2)?;
        }
        let frame_num = b.u(u32::from(sps.log2_max_frame_num_minus4) + 4)?;
        let field_pic = !sps.frame_mbs_only && b.flag()?;
        if field_pic {
            b.flag()?;
        }
        let idr = nal.kind == kind::IDR_SLICE;
        let idr_pic_id = match idr {
            true => Some(b.ue_max("idr_pic_id", 0xffff)?),
            false => None,
        };
        let pic_order_cnt_lsb = order(&mut b, sps, pps, field_pic)?;
        if pps.redundant_pic_cnt_present {
            b.ue()?;
        }
        if slice_type == B {
            b.flag()?; // direct_spatial_mv_pred_flag
        }
        let active = active_references(&mut b, pps, slice_type)?;
        let modifications = match slice_type {
            I => Vec::new(),
            _ => modifications(&mut b)?,
        };
        if slice_type == B {
            self::modifications(&mut b)?;
        }
        let weighted = match slice_type {
            P => pps.weighted_pred,
            B => pps.weighted_bipred_idc == 1,
            _ => false,
        };
        if weighted {
            weights(&mut b, sps, active, slice_type == B)?;
        }
        let marking = match nal.ref_idc {
            0 => Marking::None,
            _ => marking(&mut b, idr)?,
        };
        let cabac_init_idc = match pps.entropy_coding_mode && slice_type != I {
            true => Some(b.ue_max("cabac_init_idc", 2)?),
            false => None,
        };
        let qp = pps.pic_init_qp.saturating_add(b.se()?);
        let lowest = -6 * i32::from(sps.bit_depth_luma_minus8);
        if !(lowest..=51).contains(&qp) {
            return Err(Malformed(format!("SliceQPY is {qp}")));
        }
        let (mut filter, mut alpha, mut beta) = (0, 0, 0);
        if pps.deblocking_filter_control_present {
            filter = b.ue_max("disable_deblocking_filter_idc", 2)?;
            if filter != 1 {
                (alpha, beta) = (b.se()?, b.se()?);
            }
        }
        Ok(Self {
            nal_ref_idc: nal.ref_idc,
            idr,
            first_mb_in_slice,
            slice_type,
            pic_parameter_set_id: id,
            frame_num,
            field_pic,
            idr_pic_id,
            pic_order_cnt_lsb,
            num_ref_idx_l0_active: active[0],
            modifications,
            marking,
            cabac_init_idc,
            qp,
            disable_deblocking_filter_idc: filter,
            alpha_c0_offset_div2: alpha,
            beta_offset_div2: beta,
        })
    }

    /// Whether two slices can be of the same picture: clauses 7.4.1.2.4 and 7.4.3.
    pub fn same_picture(&self, other: &Self) -> bool {
        self.nal_ref_idc == other.nal_ref_idc
            && self.idr == other.idr
            && self.frame_num == other.frame_num
            && self.pic_parameter_set_id == other.pic_parameter_set_id
            && self.idr_pic_id == other.idr_pic_id
            && self.pic_order_cnt_lsb == other.pic_order_cnt_lsb
            && self.marking == other.marking
    }
}

/// The syntax elements of the picture order count.
fn order(b: &mut Bits<'_>, sps: &Sps, pps: &Pps, field_pic: bool) -> Result<Option<u32>> {
    let both = pps.bottom_field_pic_order_in_frame_present && !field_pic;
    match sps.pic_order_cnt_type {
        0 => {
            let lsb = b.u(u32::from(sps.log2_max_pic_order_cnt_lsb_minus4) + 4)?;
            if both {
                b.se()?;
            }
            Ok(Some(lsb))
        }
        1 if !sps.delta_pic_order_always_zero => {
            b.se()?;
            if both {
                b.se()?;
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// Entries of both lists.
fn active_references(b: &mut Bits<'_>, pps: &Pps, slice_type: u8) -> Result<[u32; 2]> {
    let mut active = pps.num_ref_idx_default_active;
    if slice_type == I {
        return Ok([0, 0]);
    }
    if b.flag()? {
        active[0] = b.ue_max("num_ref_idx_l0_active_minus1", 31)? + 1;
        if slice_type == B {
            active[1] = b.ue_max("num_ref_idx_l1_active_minus1", 31)? + 1;
        }
    }
    if slice_type != B {
        active[1] = 0;
    }
    Ok(active)
}

/// ref_pic_list_modification() of one list.
fn modifications(b: &mut Bits<'_>) -> Result<Vec<Modification>> {
    let mut found = Vec::new();
    if !b.flag()? {
        return Ok(found);
    }
    loop {
        found.push(match b.ue()? {
            0 => Modification::PicNum(-(i64::from(b.ue()?) + 1)),
            1 => Modification::PicNum(i64::from(b.ue()?) + 1),
            2 => Modification::LongTermPicNum(b.ue()?),
            3 => return Ok(found),
            other => {
                return Err(Malformed(format!(
                    "modification_of_pic_nums_idc is {other}"
                )))
            }
        });
    }
}

/// Steps over pred_weight_table().
fn weights(b: &mut Bits<'_>, sps: &Sps, active: [u32; 2], both: bool) -> Result<()> {
    let chroma = sps.chroma_format_idc != 0 && !sps.separate_colour_plane;
    b.ue()?;
    if chroma {
        b.ue()?;
    }
    let lists = if both { 2 } else { 1 };
    for &entries in active.iter().take(lists) {
        for _ in 0..entries {
            if b.flag()? {
                b.se()?;
                b.se()?;
            }
            if chroma && b.flag()? {
                for _ in 0..4 {
                    b.se()?;
                }
            }
        }
    }
    Ok(())
}

fn marking(b: &mut Bits<'_>, idr: bool) -> Result<Marking> {
    if idr {
        return Ok(Marking::Idr {
            no_output_of_prior_pics: b.flag()?,
            long_term: b.flag()?,
        });
    }
    if !b.flag()? {
        return Ok(Marking::SlidingWindow);
    }
    let mut operations = Vec::new();
    loop {
        operations.push(match b.ue()? {
            0 => return Ok(Marking::Adaptive(operations)),
            1 => Operation::UnusedShortTerm(i64::from(b.ue()?) + 1),
            2 => Operation::UnusedLongTerm(b.ue()?),
            3 => Operation::AssignLongTerm(i64::from(b.ue()?) + 1, b.ue()?),
            4 => Operation::MaxLongTerm(b.ue()?),
            5 => Operation::Reset,
            6 => Operation::CurrentLongTerm(b.ue()?),
            other => {
                return Err(Malformed(format!(
                    "memory_management_control_operation is {other}"
                )))
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nal(ref_idc: u8, kind: u8, bits: &str) -> Nal {
        let mut bits: Vec<u8> = bits.bytes().filter(|b| b"01".contains(b)).collect();
        bits.resize(bits.len().next_multiple_of(8) + 8, b'1');
        Nal {
            ref_idc,
            kind,
            start_code: 3,
            rbsp: bits
                .chunks(8)
                .map(|byte| {
                    byte.iter()
                        .fold(0, |value, bit| (value << 1) | (bit - b'0'))
                })
                .collect(),
        }
    }

    fn sets() -> (Sps, Pps) {
        let sps = Sps {
            chroma_format_idc: 1,
            frame_mbs_only: true,
            ..Sps::default()
        };
        let pps = Pps {
            num_ref_idx_default_active: [1, 1],
            pic_init_qp: 26,
            deblocking_filter_control_present: true,
            ..Pps::default()
        };
        (sps, pps)
    }

    #[test]
    fn an_idr_slice_is_read() {
        let (sps, pps) = sets();
        // first_mb 0, type 7, PPS 0, frame_num 0, idr_pic_id 2, lsb 0, both flags of
        // the marking, qp_delta -2, filter on, offsets -1 and 2.
        let idr = nal(3, 5, "1 0001000 1 0000 011 0000 1 0 00101 1 011 00100");
        let slice = Slice::parse(&idr, |id| (id == 0).then_some((&sps, &pps))).unwrap();
        assert_eq!(
            (slice.slice_type, slice.idr_pic_id, slice.qp),
            (I, Some(2), 24)
        );
        assert_eq!(
            (slice.alpha_c0_offset_div2, slice.beta_offset_div2),
            (-1, 2)
        );
        let wanted = Marking::Idr {
            no_output_of_prior_pics: true,
            long_term: false,
        };
        assert_eq!(slice.marking, wanted);
        assert!(Slice::parse(&idr, |_| None).is_err());
    }

    #[test]
    fn references_of_a_p_slice_are_read() {
        let (sps, pps) = sets();
        // Two references, named: PicNum - 2, then long-term 1. Marking: 1 with 1,
        // 3 with 2 and 0, 4 with 1, 6 with 1.
        let p = nal(
            2,
            1,
            "1 00110 1 0101 0110 1 010 1 1 010 011 010 00100 \
             1 010 1 00100 010 1 00101 010 00111 010 1 1 010",
        );
        let slice = Slice::parse(&p, |_| Some((&sps, &pps))).unwrap();
        assert_eq!((slice.slice_type, slice.frame_num), (P, 5));
        assert_eq!(slice.pic_order_cnt_lsb, Some(6));
        assert_eq!(slice.num_ref_idx_l0_active, 2);
        assert_eq!(
            slice.modifications,
            [Modification::PicNum(-2), Modification::LongTermPicNum(1)]
        );
        assert_eq!(
            slice.marking,
            Marking::Adaptive(vec![
                Operation::UnusedShortTerm(1),
                Operation::AssignLongTerm(2, 0),
                Operation::MaxLongTerm(1),
                Operation::CurrentLongTerm(1)
            ])
        );
        assert_eq!((slice.qp, slice.disable_deblocking_filter_idc), (26, 1));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_a_panic(
            rbsp in prop::collection::vec(any::<u8>(), 0..40),
            kind in prop::sample::select(vec![1u8, 5]),
            ref_idc in 0u8..4,
            flags in any::<[bool; 6]>(),
        ) {
            let (mut sps, mut pps) = sets();
            sps.frame_mbs_only = flags[0];
            sps.pic_order_cnt_type = u8::from(flags[1]);
            pps.weighted_pred = flags[2];
            pps.entropy_coding_mode = flags[3];
            pps.redundant_pic_cnt_present = flags[4];
            pps.bottom_field_pic_order_in_frame_present = flags[5];
            let nal = Nal { ref_idc, kind, start_code: 3, rbsp };
            let _ = Slice::parse(&nal, |_| Some((&sps, &pps)));
        }
    }
}
