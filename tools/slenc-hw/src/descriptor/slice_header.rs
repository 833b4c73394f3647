// SPDX-License-Identifier: GPL-2.0

//! The fields of generation 2's descriptor that slice headers are written from.

use slenc_engine::{
    ListModification,
    Marking, //
};

use super::{
    byte,
    gen2::flag,
    is_zero,
    require,
    BadField, //
};
use crate::le::{
    u16_at,
    u32_at, //
};

/// Offsets of the fields.
mod field {
    pub(super) const NAL_REF_IDC: usize = 0x0a0;
    pub(super) const PIC_PARAMETER_SET_ID: usize = 0x0a1;
    pub(super) const PIC_INIT_QP_MINUS26: usize = 0x0a2;
    pub(super) const NUM_REF_IDX_DEFAULT_MINUS1: usize = 0x0a3;
    pub(super) const LOG2_MAX_FRAME_NUM_MINUS4: usize = 0x0a4;
    pub(super) const PIC_ORDER_CNT_TYPE: usize = 0x0a5;
    pub(super) const LOG2_MAX_PIC_ORDER_CNT_MINUS4: usize = 0x0a6;
    pub(super) const CABAC_INIT_IDC: usize = 0x0a7;
    pub(super) const FRAME_NUM: usize = 0x0a8;
    pub(super) const IDR_PIC_ID: usize = 0x0aa;
    pub(super) const PIC_ORDER_CNT_LSB: usize = 0x0ac;
    pub(super) const LIST_MODIFICATION_COUNT: usize = 0x0ae;
    pub(super) const MARKING_COUNT: usize = 0x0af;
    pub(super) const LIST_MODIFICATION: usize = 0x0b0;
    pub(super) const RESERVED_D0: usize = 0x0d0;
    pub(super) const MARKING: usize = 0x100;
}

/// Entries of the table of list modifications.
const LIST_MODIFICATIONS: usize = 4;
/// Entries of the table of marking operations.
const MARKINGS: usize = 16;
/// Bytes of an entry of both.
const OPERATION_BYTES: usize = 8;

/// Largest long_term_frame_idx: there are at most 16 reference frames.
const MAX_LONG_TERM_FRAME_IDX: u32 = 15;

/// What the fields before say of the header.
pub(super) struct Context {
    /// The descriptor's flags.
    pub(super) flags: u32,
    /// References of the picture.
    pub(super) reference_count: usize,
    /// The header has a cabac_init_idc.
    pub(super) has_cabac_init_idc: bool,
}

/// What slice headers are written from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceHeader {
    /// All but the two lists.
    elements: slenc_engine::SliceHeader<'static>,
    list_modifications: Vec<ListModification>,
    marking: Vec<Marking>,
    /// Zero where the header has none.
    pub(super) cabac_init_idc: u8,
}

impl SliceHeader {
    /// Parses and checks the fields.
    pub(super) fn parse(bytes: &[u8], context: &Context) -> Result<Self, BadField> {
        let has = |flag| context.flags & flag != 0;
        let idr = has(flag::IDR);
        let nal_ref_idc = byte(bytes, field::NAL_REF_IDC, 3)?;
        require(!idr || nal_ref_idc != 0, field::NAL_REF_IDC)?;
        let pic_init_qp = bytes[field::PIC_INIT_QP_MINUS26].wrapping_add(26);
        require(pic_init_qp <= 51, field::PIC_INIT_QP_MINUS26)?;
        let num_ref_idx_default = byte(bytes, field::NUM_REF_IDX_DEFAULT_MINUS1, 31)? + 1;
        let frame_num_bits = byte(bytes, field::LOG2_MAX_FRAME_NUM_MINUS4, 12)? + 4;
        let order_type = bytes[field::PIC_ORDER_CNT_TYPE];
        require(matches!(order_type, 0 | 2), field::PIC_ORDER_CNT_TYPE)?;
        let order_limit = if order_type == 0 { 12 } else { 0 };
        let order_bits = byte(bytes, field::LOG2_MAX_PIC_ORDER_CNT_MINUS4, order_limit)?;
        let pic_order_cnt_lsb_bits = if order_type == 0 { order_bits + 4 } else { 0 };
        let idc_limit = if context.has_cabac_init_idc { 2 } else { 0 };
        let cabac_init_idc = byte(bytes, field::CABAC_INIT_IDC, idc_limit)?;
        let frame_num = u16_at(bytes, field::FRAME_NUM);
        require(
            fits(frame_num, frame_num_bits) && (!idr || frame_num == 0),
            field::FRAME_NUM,
        )?;
        let idr_pic_id = u16_at(bytes, field::IDR_PIC_ID);
        require(idr || idr_pic_id == 0, field::IDR_PIC_ID)?;
        let pic_order_cnt_lsb = u16_at(bytes, field::PIC_ORDER_CNT_LSB);
        require(
            fits(pic_order_cnt_lsb, pic_order_cnt_lsb_bits),
            field::PIC_ORDER_CNT_LSB,
        )?;
        let modifications = usize::from(bytes[field::LIST_MODIFICATION_COUNT]);
        require(
            modifications <= context.reference_count,
            field::LIST_MODIFICATION_COUNT,
        )?;
        let markings = usize::from(bytes[field::MARKING_COUNT]);
        let most_markings = if idr || nal_ref_idc == 0 { 0 } else { MARKINGS };
        require(markings <= most_markings, field::MARKING_COUNT)?;
        let max_frame_num = 1 << frame_num_bits;
        let list_modifications = list_modifications(bytes, modifications, max_frame_num)?;
        require(
            is_zero(&bytes[field::RESERVED_D0..field::MARKING]),
            field::RESERVED_D0,
        )?;
        Ok(Self {
            elements: slenc_engine::SliceHeader {
                nal_ref_idc,
                idr_pic_id: idr.then_some(idr_pic_id),
                pic_parameter_set_id: bytes[field::PIC_PARAMETER_SET_ID],
                frame_num,
                frame_num_bits,
                pic_order_cnt_lsb,
                pic_order_cnt_lsb_bits,
                num_ref_idx_default,
                no_output_of_prior_pics: has(flag::NO_OUTPUT_OF_PRIOR),
                long_term_reference: has(flag::LONG_TERM_REFERENCE),
                pic_init_qp,
                deblocking_control_present: has(flag::DEBLOCKING_CONTROL),
                ..slenc_engine::SliceHeader::default()
            },
            list_modifications,
            marking: marking(bytes, markings, max_frame_num)?,
            cabac_init_idc,
        })
    }

    /// As the engine takes it.
    pub(crate) fn for_engine(&self) -> slenc_engine::SliceHeader<'_> {
        slenc_engine::SliceHeader {
            list_modifications: &self.list_modifications,
            marking: &self.marking,
            ..self.elements
        }
    }
}

/// Whether a value fits so many bits.
fn fits(value: u16, bits: u8) -> bool {
    u32::from(value) >> bits == 0
}

/// ref_pic_list_modification(), of which `count` entries are used.
fn list_modifications(
    bytes: &[u8],
    count: usize,
    max_frame_num: u32,
) -> Result<Vec<ListModification>, BadField> {
    let mut operations = Vec::with_capacity(count);
    for i in 0..LIST_MODIFICATIONS {
        let at = field::LIST_MODIFICATION + OPERATION_BYTES * i;
        let operation = byte(bytes, at, if i < count { 2 } else { 0 })?;
        require(is_zero(&bytes[at + 1..at + 4]), at + 1)?;
        let limit = match operation {
            _ if i >= count => 1,
            2 => MAX_LONG_TERM_FRAME_IDX + 1,
            _ => max_frame_num,
        };
        let value = u32_at(bytes, at + 4);
        require(value < limit, at + 4)?;
        if i < count {
            operations.push(match operation {
                0 => ListModification::Subtract(value),
                1 => ListModification::Add(value),
                _ => ListModification::LongTerm(value),
            });
        }
    }
    Ok(operations)
}

/// dec_ref_pic_marking(), of which `count` entries are used.
fn marking(bytes: &[u8], count: usize, max_frame_num: u32) -> Result<Vec<Marking>, BadField> {
    let mut operations = Vec::with_capacity(count);
    for i in 0..MARKINGS {
        let at = field::MARKING + OPERATION_BYTES * i;
        let operation = bytes[at];
        let known = matches!(operation, 1..=4 | 6);
        require(if i < count { known } else { operation == 0 }, at)?;
        let has_index = matches!(operation, 3 | 6);
        let index_limit = if has_index {
            MAX_LONG_TERM_FRAME_IDX
        } else {
            0
        };
        let long_term_frame_idx = byte(bytes, at + 1, index_limit as u8)?.into();
        require(u16_at(bytes, at + 2) == 0, at + 2)?;
        let limit = match operation {
            1 | 3 => max_frame_num,
            2 => MAX_LONG_TERM_FRAME_IDX + 1,
            4 => MAX_LONG_TERM_FRAME_IDX + 2,
            _ => 1,
        };
        let value = u32_at(bytes, at + 4);
        require(value < limit, at + 4)?;
        if i < count {
            operations.push(match operation {
                1 => Marking::UnusedShortTerm {
                    difference_of_pic_nums_minus1: value,
                },
                2 => Marking::UnusedLongTerm {
                    long_term_pic_num: value,
                },
                3 => Marking::LongTerm {
                    difference_of_pic_nums_minus1: value,
                    long_term_frame_idx,
                },
                4 => Marking::MaxLongTerm {
                    max_long_term_frame_idx_plus1: value,
                },
                _ => Marking::CurrentLongTerm {
                    long_term_frame_idx,
                },
            });
        }
    }
    Ok(operations)
}
