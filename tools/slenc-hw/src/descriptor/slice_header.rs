// SPDX-License-Identifier: GPL-2.0

//! The fields of generation 2's descriptor that slice headers are written from.

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

/// A command of ref_pic_list_modification().
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListModification {
    /// modification_of_pic_nums_idc.
    pub(crate) idc: u32,
    /// abs_diff_pic_num_minus1 or long_term_pic_num.
    pub(crate) value: u32,
}

/// An operation of dec_ref_pic_marking().
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marking {
    /// memory_management_control_operation.
    pub(crate) operation: u32,
    /// difference_of_pic_nums_minus1, long_term_pic_num or max_long_term_frame_idx_plus1.
    pub(crate) value: Option<u32>,
    /// long_term_frame_idx.
    pub(crate) long_term_frame_idx: Option<u32>,
}

/// What slice headers are written from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceHeader {
    pub(crate) nal_ref_idc: u8,
    /// Of an IDR picture.
    pub(crate) idr_pic_id: Option<u16>,
    pub(crate) pic_parameter_set_id: u8,
    pub(crate) frame_num: u16,
    pub(crate) frame_num_bits: u8,
    pub(crate) pic_order_cnt_lsb: u16,
    /// 0 with pic_order_cnt_type 2.
    pub(crate) pic_order_cnt_lsb_bits: u8,
    /// num_ref_idx_l0_default_active_minus1 + 1.
    pub(crate) num_ref_idx_default: u8,
    pub(crate) list_modifications: Vec<ListModification>,
    pub(crate) no_output_of_prior_pics: bool,
    pub(crate) long_term_reference: bool,
    pub(crate) marking: Vec<Marking>,
    pub(crate) pic_init_qp: u8,
    pub(crate) deblocking_control_present: bool,
    /// Of a P picture with CABAC.
    pub(crate) cabac_init_idc: Option<u8>,
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
            nal_ref_idc,
            idr_pic_id: idr.then_some(idr_pic_id),
            pic_parameter_set_id: bytes[field::PIC_PARAMETER_SET_ID],
            frame_num,
            frame_num_bits,
            pic_order_cnt_lsb,
            pic_order_cnt_lsb_bits,
            num_ref_idx_default,
            list_modifications,
            no_output_of_prior_pics: has(flag::NO_OUTPUT_OF_PRIOR),
            long_term_reference: has(flag::LONG_TERM_REFERENCE),
            marking: marking(bytes, markings, max_frame_num)?,
            pic_init_qp,
            deblocking_control_present: has(flag::DEBLOCKING_CONTROL),
            cabac_init_idc: context.has_cabac_init_idc.then_some(cabac_init_idc),
        })
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
            let idc = operation.into();
            operations.push(ListModification { idc, value });
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
            operations.push(Marking {
                operation: operation.into(),
                value: (operation != 6).then_some(value),
                long_term_frame_idx: has_index.then_some(long_term_frame_idx),
            });
        }
    }
    Ok(operations)
}
