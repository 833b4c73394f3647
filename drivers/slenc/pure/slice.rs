// SPDX-License-Identifier: GPL-2.0

//! The slice header, H.264 clauses 7.3.1 and 7.3.3.

use super::{
    bits::BitWriter,
    list::{Modification, Modifications},
    marking::{Operation, Operations},
    params::{EncodeParams, Invalid, Pps, Sps, SLICE_TYPE_P},
};

/// nal_unit_type of a slice of a picture that is no IDR picture.
const NAL_SLICE: u8 = 1;
/// nal_unit_type of a slice of an IDR picture.
const NAL_SLICE_IDR: u8 = 5;

/// Parameters of the deblocking filter, the same in all slices of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deblocking {
    /// disable_deblocking_filter_idc.
    pub disable_idc: u8,
    /// slice_alpha_c0_offset_div2.
    pub alpha_c0_offset_div2: i8,
    /// slice_beta_offset_div2.
    pub beta_offset_div2: i8,
}

impl Deblocking {
    /// What an application gets: nothing but the default when the PPS leaves no room for it.
    pub fn of(params: &EncodeParams, pps: &Pps) -> Self {
        if !pps.deblocking_control() {
            return Self::default();
        }
        let p = params.normalized();
        Self {
            disable_idc: p.disable_deblocking_filter_idc,
            alpha_c0_offset_div2: p.slice_alpha_c0_offset_div2,
            beta_offset_div2: p.slice_beta_offset_div2,
        }
    }
}

/// What all slice headers of a picture say, as it is coded and not as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// nal_ref_idc.
    pub nal_ref_idc: u8,
    /// The picture is an IDR picture.
    pub idr: bool,
    /// slice_type, [`SLICE_TYPE_P`] or [`super::params::SLICE_TYPE_I`].
    pub slice_type: u8,
    /// frame_num.
    pub frame_num: u16,
    /// idr_pic_id, of an IDR picture.
    pub idr_pic_id: u16,
    /// pic_order_cnt_lsb, with pic_order_cnt_type 0.
    pub pic_order_cnt_lsb: u16,
    /// no_output_of_prior_pics_flag, of an IDR picture.
    pub no_output_of_prior_pics: bool,
    /// long_term_reference_flag, of an IDR picture.
    pub long_term_reference: bool,
    /// Entries of reference list 0, of a P picture.
    pub num_ref_idx_l0_active: u8,
    /// ref_pic_list_modification(), of a P picture.
    pub modifications: Modifications,
    /// dec_ref_pic_marking(), of a reference that is no IDR picture.
    pub operations: Operations,
    /// The deblocking filter.
    pub deblocking: Deblocking,
}

impl Picture {
    /// Whether later pictures may refer to this one.
    pub fn is_reference(&self) -> bool {
        self.nal_ref_idc != 0
    }
}

/// Writes the NAL unit header and slice_header() of one slice: the bits that a slice's data
/// follow, not byte aligned.
pub fn write_slice_header(
    w: &mut BitWriter<'_>,
    sps: &Sps,
    pps: &Pps,
    picture: &Picture,
    first_mb_in_slice: u32,
    qp: u8,
) -> Result<(), Invalid> {
    if qp > 51 {
        return Err(Invalid("slice_qp_delta"));
    }
    let inter = picture.slice_type == SLICE_TYPE_P;
    let nal_unit_type = if picture.idr {
        NAL_SLICE_IDR
    } else {
        NAL_SLICE
    };
    w.nal_unit_header(picture.nal_ref_idc, nal_unit_type);
    w.ue(first_mb_in_slice);
    // Types 5 to 9: all slices of the picture have the same (table 7-6).
    w.ue(u32::from(picture.slice_type) + 5);
    w.ue(u32::from(pps.pic_parameter_set_id));
    w.u(
        u32::from(sps.log2_max_frame_num_minus4) + 4,
        u32::from(picture.frame_num),
    );
    if picture.idr {
        w.ue(u32::from(picture.idr_pic_id));
    }
    if sps.pic_order_cnt_type == 0 {
        w.u(
            u32::from(sps.log2_max_pic_order_cnt_lsb_minus4) + 4,
            u32::from(picture.pic_order_cnt_lsb),
        );
    }
    if inter {
        let minus1 = picture
            .num_ref_idx_l0_active
            .checked_sub(1)
            .ok_or(Invalid("num_ref_idx_l0_active_minus1"))?;
        let overridden = minus1 != pps.num_ref_idx_l0_default_active_minus1;
        w.flag(overridden); // num_ref_idx_active_override_flag
        if overridden {
            w.ue(u32::from(minus1));
        }
        write_modifications(w, &picture.modifications);
    }
    if picture.is_reference() {
        if picture.idr {
            w.flag(picture.no_output_of_prior_pics);
            w.flag(picture.long_term_reference);
        } else {
            write_operations(w, &picture.operations);
        }
    }
    w.se(i32::from(qp) - 26 - i32::from(pps.pic_init_qp_minus26)); // slice_qp_delta
    if pps.deblocking_control() {
        let deblocking = &picture.deblocking;
        w.ue(u32::from(deblocking.disable_idc));
        if deblocking.disable_idc != 1 {
            w.se(i32::from(deblocking.alpha_c0_offset_div2));
            w.se(i32::from(deblocking.beta_offset_div2));
        }
    }
    Ok(())
}

/// ref_pic_list_modification() of a P slice, clause 7.3.3.1.
fn write_modifications(w: &mut BitWriter<'_>, modifications: &Modifications) {
    w.flag(!modifications.is_empty()); // ref_pic_list_modification_flag_l0
    for modification in modifications.iter() {
        let (modification_of_pic_nums_idc, value) = match modification {
            Modification::Subtract(minus1) => (0, minus1),
            Modification::Add(minus1) => (1, minus1),
            Modification::LongTerm(long_term_pic_num) => (2, long_term_pic_num.into()),
        };
        w.ue(modification_of_pic_nums_idc);
        w.ue(value.into());
    }
    if !modifications.is_empty() {
        w.ue(3); // The end.
    }
}

/// dec_ref_pic_marking() of a picture that is no IDR picture, clause 7.3.3.3.
fn write_operations(w: &mut BitWriter<'_>, operations: &Operations) {
    w.flag(!operations.is_empty()); // adaptive_ref_pic_marking_mode_flag
    for operation in operations.iter() {
        // memory_management_control_operation, and what follows it.
        let (number, first, second): (u32, u16, Option<u8>) = match operation {
            Operation::ShortTermUnused(difference) => (1, difference, None),
            Operation::LongTermUnused(long_term_pic_num) => (2, long_term_pic_num.into(), None),
            Operation::LongTerm {
                difference_of_pic_nums_minus1,
                long_term_frame_idx,
            } => (3, difference_of_pic_nums_minus1, Some(long_term_frame_idx)),
            Operation::MaxLongTermFrameIdx(plus1) => (4, plus1.into(), None),
            Operation::CurrentLongTerm(long_term_frame_idx) => {
                (6, long_term_frame_idx.into(), None)
            }
        };
        w.ue(number);
        w.ue(first.into());
        if let Some(second) = second {
            w.ue(second.into());
        }
    }
    if !operations.is_empty() {
        w.ue(0); // The end.
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_slice))]
mod tests {
    use super::super::params::SLICE_TYPE_I;
    use super::*;

    const IDR: Picture = Picture {
        nal_ref_idc: 1,
        idr: true,
        slice_type: SLICE_TYPE_I,
        frame_num: 0,
        idr_pic_id: 0,
        pic_order_cnt_lsb: 0,
        no_output_of_prior_pics: false,
        long_term_reference: false,
        num_ref_idx_l0_active: 0,
        modifications: Modifications::new(),
        operations: Operations::new(),
        deblocking: Deblocking {
            disable_idc: 0,
            alpha_c0_offset_div2: 0,
            beta_offset_div2: 0,
        },
    };
    const P: Picture = Picture {
        idr: false,
        slice_type: SLICE_TYPE_P,
        frame_num: 1,
        num_ref_idx_l0_active: 1,
        ..IDR
    };

    fn bits(sps: &Sps, pps: &Pps, picture: &Picture, first_mb: u32, qp: u8) -> usize {
        let mut w = BitWriter::new(&mut []);
        let written = write_slice_header(&mut w, sps, pps, picture, first_mb, qp);
        if written.is_ok() {
            w.bits()
        } else {
            0
        }
    }

    #[test]
    fn an_idr_header_bit_by_bit() {
        let mut bytes = [0; 8];
        let mut w = BitWriter::new(&mut bytes);
        assert!(write_slice_header(&mut w, &Sps::DEFAULT, &Pps::DEFAULT, &IDR, 0, 26).is_ok());
        // 0x25 | ue(0) ue(7) | ue(0) u(8) 0 | ue(0) 0 0 | se(0) | ue(0) se(0) se(0)
        assert_eq!(w.finish(), Ok(8 + 1 + 7 + 1 + 8 + 1 + 2 + 1 + 3));
        assert!(bytes[..4] == [0x25, 0b1000_1000, 0b1000_0000, 0b0100_1111][..]);
    }

    #[test]
    fn every_element_has_its_length() {
        let (sps, pps) = (Sps::DEFAULT, Pps::DEFAULT);
        let base = bits(&sps, &pps, &P, 0, 26);
        // first_mb_in_slice 80 is 13 bits instead of 1.
        assert_eq!(bits(&sps, &pps, &P, 80, 26), base + 12);
        // slice_qp_delta -26 and 25 are 11 bits.
        assert_eq!(bits(&sps, &pps, &P, 0, 0), base + 10);
        assert_eq!(bits(&sps, &pps, &P, 0, 51), base + 10);
        // A picture that is no reference has no marking.
        let unused = Picture {
            nal_ref_idc: 0,
            ..P
        };
        assert_eq!(bits(&sps, &pps, &unused, 0, 26), base - 1);
        // An override where the PPS has another default.
        let three = Pps {
            num_ref_idx_l0_default_active_minus1: 2,
            ..pps
        };
        assert_eq!(bits(&sps, &three, &P, 0, 26), base + 1);
        // No filter has no offsets; no control has no filter.
        let off = Picture {
            deblocking: Deblocking {
                disable_idc: 1,
                alpha_c0_offset_div2: 0,
                beta_offset_div2: 0,
            },
            ..P
        };
        assert_eq!(bits(&sps, &pps, &off, 0, 26), base);
        let uncontrolled = Pps { flags: 0, ..pps };
        assert_eq!(bits(&sps, &uncontrolled, &P, 0, 26), base - 3);
        // pic_order_cnt_lsb.
        let ordered = Sps {
            pic_order_cnt_type: 0,
            log2_max_pic_order_cnt_lsb_minus4: 4,
            ..sps
        };
        assert_eq!(bits(&ordered, &pps, &P, 0, 26), base + 8);
    }

    /// The bits of `picture` behind slice_type, pic_parameter_set_id, frame_num (8 bits) and the
    /// override flag of a P slice.
    fn tail(picture: &Picture) -> [u8; 8] {
        let mut bytes = [0; 16];
        let mut w = BitWriter::new(&mut bytes);
        let pps = Pps {
            flags: 0,
            ..Pps::DEFAULT
        };
        assert!(write_slice_header(&mut w, &Sps::DEFAULT, &pps, picture, 0, 26).is_ok());
        w.trailing_bits();
        assert!(w.finish().is_ok());
        // 8 + ue(0) ue(5) ue(0) u(8) u(1) = 8 + 1 + 5 + 1 + 8 + 1 = 24 bits.
        let mut tail = [0; 8];
        tail.copy_from_slice(&bytes[3..11]);
        tail
    }

    #[test]
    fn modifications_bit_by_bit() {
        let mut modifications = Modifications::new();
        for modification in [
            Modification::Subtract(3),
            Modification::Add(0),
            Modification::LongTerm(1),
        ] {
            assert!(modifications.push(modification).is_ok());
        }
        let p = Picture { modifications, ..P };
        // 1 | 1 00100 | 010 1 | 011 010 | 00100 | adaptive 0 | se(0) | stop
        assert!(tail(&p)[..4] == [0b1100_1000, 0b1010_1101, 0b0001_0001, 0b1000_0000][..]);
        assert!(tail(&P)[..2] == [0b0011_0000, 0][..]);
    }

    #[test]
    fn operations_bit_by_bit() {
        let mut operations = Operations::new();
        for operation in [
            Operation::MaxLongTermFrameIdx(4),
            Operation::ShortTermUnused(0),
            Operation::LongTermUnused(1),
            Operation::LongTerm {
                difference_of_pic_nums_minus1: 2,
                long_term_frame_idx: 0,
            },
            Operation::CurrentLongTerm(2),
        ] {
            assert!(operations.push(operation).is_ok());
        }
        let p = Picture { operations, ..P };
        // 0 | 1 | 00101 00101 | 010 1 | 011 010 | 00100 011 1 | 00111 011 | 1 | se(0) | stop
        let wanted = [
            0b0100_1010,
            0b0101_0101,
            0b0110_1000,
            0b1000_1110,
            0b0111_0111,
            0b1100_0000,
        ];
        assert!(tail(&p)[..6] == wanted[..]);
        // Of an IDR picture one flag is all there is.
        let with = |long_term_reference| {
            let idr = Picture {
                long_term_reference,
                ..IDR
            };
            bits(&Sps::DEFAULT, &Pps::DEFAULT, &idr, 0, 26)
        };
        assert_eq!(with(true), with(false));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(bits(&Sps::DEFAULT, &Pps::DEFAULT, &P, 0, 52), 0);
        let none = Picture {
            num_ref_idx_l0_active: 0,
            ..P
        };
        assert_eq!(bits(&Sps::DEFAULT, &Pps::DEFAULT, &none, 0, 26), 0);
    }

    #[test]
    fn filter_parameters_need_room_in_the_header() {
        let params = EncodeParams {
            slice_alpha_c0_offset_div2: -2,
            slice_beta_offset_div2: 5,
            ..EncodeParams::DEFAULT
        };
        let got = Deblocking::of(&params, &Pps::DEFAULT);
        assert_eq!(got.alpha_c0_offset_div2, -2);
        assert_eq!(got.beta_offset_div2, 5);
        let uncontrolled = Pps {
            flags: 0,
            ..Pps::DEFAULT
        };
        assert!(Deblocking::of(&params, &uncontrolled) == Deblocking::default());
    }
}
