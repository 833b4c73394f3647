// SPDX-License-Identifier: GPL-2.0

//! slice_header() of ITU-T H.264 clause 7.3.3, written from its fields.

use crate::bits::BitWriter;
use crate::{EntropyCoding, Picture, PictureType, Unit};

/// What a slice header says that the picture does not.
///
/// The picture says the rest: first_mb_in_slice from the slice's rows, slice_type (5 or 7),
/// num_ref_idx_l0_active_minus1 from the number of references, cabac_init_idc, slice_qp_delta from
/// its QP and the parameters of the deblocking filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SliceHeader<'a> {
    /// nal_ref_idc, 0..=3.
    pub nal_ref_idc: u8,
    /// idr_pic_id of an IDR picture; `None` makes nal_unit_type 1.
    pub idr_pic_id: Option<u16>,
    /// pic_parameter_set_id.
    pub pic_parameter_set_id: u8,
    /// frame_num.
    pub frame_num: u16,
    /// Its bits, log2_max_frame_num_minus4 + 4.
    pub frame_num_bits: u8,
    /// pic_order_cnt_lsb.
    pub pic_order_cnt_lsb: u16,
    /// Its bits, log2_max_pic_order_cnt_lsb_minus4 + 4; 0 with pic_order_cnt_type 2.
    pub pic_order_cnt_lsb_bits: u8,
    /// delta_pic_order_cnt_bottom, where bottom_field_pic_order_in_frame_present_flag is set.
    pub delta_pic_order_cnt_bottom: Option<i32>,
    /// num_ref_idx_l0_default_active_minus1 + 1 of the PPS. Another number is written.
    pub num_ref_idx_default: u8,
    /// ref_pic_list_modification(); the end is written behind it.
    pub list_modifications: &'a [ListModification],
    /// no_output_of_prior_pics_flag of an IDR picture.
    pub no_output_of_prior_pics: bool,
    /// long_term_reference_flag of an IDR picture.
    pub long_term_reference: bool,
    /// Memory management control operations of other pictures; the end is written behind them.
    /// Empty for the sliding window.
    pub marking: &'a [Marking],
    /// 26 + pic_init_qp_minus26 of the PPS.
    pub pic_init_qp: u8,
    /// deblocking_filter_control_present_flag of the PPS.
    pub deblocking_control_present: bool,
}

/// An entry of ref_pic_list_modification(), clause 7.4.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListModification {
    /// modification_of_pic_nums_idc 0 with abs_diff_pic_num_minus1.
    Subtract(u32),
    /// modification_of_pic_nums_idc 1 with abs_diff_pic_num_minus1.
    Add(u32),
    /// modification_of_pic_nums_idc 2 with long_term_pic_num.
    LongTerm(u32),
}

/// A memory management control operation, clause 7.4.3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marking {
    /// 1: a short-term picture is unused for reference.
    UnusedShortTerm {
        /// difference_of_pic_nums_minus1.
        difference_of_pic_nums_minus1: u32,
    },
    /// 2: a long-term picture is unused for reference.
    UnusedLongTerm {
        /// long_term_pic_num.
        long_term_pic_num: u32,
    },
    /// 3: a short-term picture becomes a long-term one.
    LongTerm {
        /// difference_of_pic_nums_minus1.
        difference_of_pic_nums_minus1: u32,
        /// long_term_frame_idx.
        long_term_frame_idx: u32,
    },
    /// 4: the largest long-term index.
    MaxLongTerm {
        /// max_long_term_frame_idx_plus1.
        max_long_term_frame_idx_plus1: u32,
    },
    /// 5: all pictures are unused for reference.
    UnusedAll,
    /// 6: this picture becomes a long-term one.
    CurrentLongTerm {
        /// long_term_frame_idx.
        long_term_frame_idx: u32,
    },
}

/// Most entries of a list modification or of a marking.
pub(crate) const MAX_OPERATIONS: usize = 32;

/// Most bytes of a header.
pub(crate) const MAX_BYTES: usize = 64 + 2 * 16 * MAX_OPERATIONS;

impl SliceHeader<'_> {
    /// What is wrong with the header of a slice of `picture`, if anything is.
    pub(crate) fn fault(&self, picture: &Picture<'_>) -> Option<&'static str> {
        let fits = |value: u16, bits: u8| u32::from(value) >> bits == 0;
        let is_inter = picture.picture_type == PictureType::P;
        let is_idr = self.idr_pic_id.is_some();
        let largest = u32::from(u16::MAX);
        let modified = self.list_modifications.iter().all(|entry| match entry {
            ListModification::Subtract(value)
            | ListModification::Add(value)
            | ListModification::LongTerm(value) => *value <= largest,
        });
        let marked = self.marking.iter().all(|operation| match *operation {
            Marking::UnusedShortTerm {
                difference_of_pic_nums_minus1: value,
            }
            | Marking::UnusedLongTerm {
                long_term_pic_num: value,
            }
            | Marking::MaxLongTerm {
                max_long_term_frame_idx_plus1: value,
            }
            | Marking::CurrentLongTerm {
                long_term_frame_idx: value,
            } => value <= largest,
            Marking::LongTerm {
                difference_of_pic_nums_minus1,
                long_term_frame_idx,
            } => difference_of_pic_nums_minus1.max(long_term_frame_idx) <= largest,
            Marking::UnusedAll => true,
        });
        let rules = [
            (self.nal_ref_idc <= 3, "nal_ref_idc"),
            (
                !is_idr || (self.nal_ref_idc > 0 && !is_inter && self.frame_num == 0),
                "IDR picture",
            ),
            (
                (4..=16).contains(&self.frame_num_bits)
                    && fits(self.frame_num, self.frame_num_bits),
                "frame_num",
            ),
            (
                matches!(self.pic_order_cnt_lsb_bits, 0 | 4..=16)
                    && fits(self.pic_order_cnt_lsb, self.pic_order_cnt_lsb_bits),
                "pic_order_cnt_lsb",
            ),
            (
                self.delta_pic_order_cnt_bottom.is_none_or(|delta| {
                    self.pic_order_cnt_lsb_bits > 0 && delta.unsigned_abs() < 1 << 30
                }),
                "delta_pic_order_cnt_bottom",
            ),
            (
                (1..=32).contains(&self.num_ref_idx_default),
                "default number of references",
            ),
            (
                modified
                    && self.list_modifications.len() <= MAX_OPERATIONS
                    && (is_inter || self.list_modifications.is_empty()),
                "reference list modification",
            ),
            (
                marked
                    && self.marking.len() <= MAX_OPERATIONS
                    && (self.marking.is_empty() || (!is_idr && self.nal_ref_idc > 0)),
                "reference marking",
            ),
            (self.pic_init_qp <= 51, "pic_init_qp"),
            (
                self.deblocking_control_present || picture.deblocking == Default::default(),
                "deblocking without its flag",
            ),
        ];
        let broken = rules.into_iter().find(|(holds, _)| !holds);
        broken.map(|(_, what)| what)
    }

    /// Writes NAL unit header and slice header.
    fn put(&self, picture: &Picture<'_>, first_row: usize, references: usize, to: &mut BitWriter) {
        to.put(3, self.nal_ref_idc.into());
        to.put(5, if self.idr_pic_id.is_some() { 5 } else { 1 });
        to.put_ue((first_row * picture.width_mbs) as u32);
        to.put_ue(match picture.picture_type {
            PictureType::P => 5,
            PictureType::I => 7,
        });
        to.put_ue(self.pic_parameter_set_id.into());
        to.put(self.frame_num_bits.into(), self.frame_num.into());
        if let Some(id) = self.idr_pic_id {
            to.put_long_ue(id.into());
        }
        if self.pic_order_cnt_lsb_bits > 0 {
            let bits = self.pic_order_cnt_lsb_bits.into();
            to.put(bits, self.pic_order_cnt_lsb.into());
        }
        if let Some(delta) = self.delta_pic_order_cnt_bottom {
            to.put_long_ue(crate::bits::se_to_ue(delta));
        }
        if picture.picture_type == PictureType::P {
            let is_other = references != usize::from(self.num_ref_idx_default);
            to.put(1, is_other.into());
            if is_other {
                to.put_ue(references as u32 - 1);
            }
            self.put_list_modification(to);
        }
        if self.nal_ref_idc > 0 {
            self.put_marking(to);
        }
        if let EntropyCoding::Cabac { init_idc } = picture.entropy_coding {
            if picture.picture_type == PictureType::P {
                to.put_ue(init_idc.into());
            }
        }
        to.put_se(i32::from(picture.qp) - i32::from(self.pic_init_qp));
        if self.deblocking_control_present {
            let deblocking = &picture.deblocking;
            to.put_ue(deblocking.disable_idc.into());
            if deblocking.disable_idc != 1 {
                to.put_se(deblocking.alpha_c0_offset_div2.into());
                to.put_se(deblocking.beta_offset_div2.into());
            }
        }
    }

    /// ref_pic_list_modification(), clause 7.3.3.1.
    fn put_list_modification(&self, to: &mut BitWriter) {
        to.put(1, u32::from(!self.list_modifications.is_empty()));
        if self.list_modifications.is_empty() {
            return;
        }
        for entry in self.list_modifications {
            let (idc, value) = match *entry {
                ListModification::Subtract(value) => (0, value),
                ListModification::Add(value) => (1, value),
                ListModification::LongTerm(value) => (2, value),
            };
            to.put_ue(idc);
            to.put_long_ue(value);
        }
        to.put_ue(3);
    }

    /// dec_ref_pic_marking(), clause 7.3.3.3.
    fn put_marking(&self, to: &mut BitWriter) {
        if self.idr_pic_id.is_some() {
            to.put(1, self.no_output_of_prior_pics.into());
            to.put(1, self.long_term_reference.into());
            return;
        }
        to.put(1, u32::from(!self.marking.is_empty()));
        if self.marking.is_empty() {
            return;
        }
        for operation in self.marking {
            let (number, values) = match *operation {
                Marking::UnusedShortTerm {
                    difference_of_pic_nums_minus1,
                } => (1, [Some(difference_of_pic_nums_minus1), None]),
                Marking::UnusedLongTerm { long_term_pic_num } => {
                    (2, [Some(long_term_pic_num), None])
                }
                Marking::LongTerm {
                    difference_of_pic_nums_minus1,
                    long_term_frame_idx,
                } => (
                    3,
                    [
                        Some(difference_of_pic_nums_minus1),
                        Some(long_term_frame_idx),
                    ],
                ),
                Marking::MaxLongTerm {
                    max_long_term_frame_idx_plus1,
                } => (4, [Some(max_long_term_frame_idx_plus1), None]),
                Marking::UnusedAll => (5, [None; 2]),
                Marking::CurrentLongTerm {
                    long_term_frame_idx,
                } => (6, [Some(long_term_frame_idx), None]),
            };
            to.put_ue(number);
            for value in values.into_iter().flatten() {
                to.put_long_ue(value);
            }
        }
        to.put_ue(0);
    }
}

/// Writes what comes before the slice data of a unit: its own bits, or the header from its fields.
pub(crate) fn put(picture: &Picture<'_>, unit: &Unit<'_>, references: usize, to: &mut BitWriter) {
    match (unit.header, unit.rows) {
        (Some(header), Some((first_row, _))) => header.put(picture, first_row, references, to),
        _ => to.put_bits_of(unit.bits, unit.bit_length),
    }
}
