// SPDX-License-Identifier: GPL-2.0

//! Slice headers that the hardware writes, ITU-T H.264 clauses 7.3.1 and 7.3.3.

use crate::descriptor::{
    Job,
    ListModification,
    Marking,
    SliceHeader, //
};

/// nal_unit_type of a slice of a picture that is no IDR picture.
const NAL_SLICE: u32 = 1;
/// nal_unit_type of a slice of an IDR picture.
const NAL_SLICE_IDR: u32 = 5;

/// A bit string, most significant bit first.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    bytes: Vec<u8>,
    length: usize,
}

impl Bits {
    /// The bytes; what of the last one is not used is zero.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of bits.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Adds the low `count` bits of `value`, at most 32.
    fn u(&mut self, count: u32, value: u32) {
        for i in (0..count).rev() {
            if self.length % 8 == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= (((value >> i) & 1) as u8) << (7 - self.length % 8);
            }
            self.length += 1;
        }
    }

    fn flag(&mut self, value: bool) {
        self.u(1, value.into());
    }

    /// Adds ue(v).
    fn ue(&mut self, value: u32) {
        let bits = u32::BITS - (value + 1).leading_zeros();
        self.u(bits - 1, 0);
        self.u(bits, value + 1);
    }

    /// Adds se(v).
    fn se(&mut self, value: i32) {
        self.ue(2 * value.unsigned_abs() - u32::from(value > 0));
    }
}

/// The NAL unit header and slice_header() of the slice of `job` that begins with `first_row`;
/// `None` when the driver gives them.
pub(crate) fn write(job: &Job, first_row: usize) -> Option<Bits> {
    let header = job.slice_header.as_ref()?;
    let mut w = Bits::default();
    let idr = header.idr_pic_id.is_some();
    w.u(3, header.nal_ref_idc.into()); // forbidden_zero_bit and nal_ref_idc
    w.u(5, if idr { NAL_SLICE_IDR } else { NAL_SLICE });
    w.ue(first_row as u32 * u32::from(job.size.width_mbs));
    let inter = !job.references.is_empty();
    w.ue(if inter { 5 } else { 7 }); // all slices have this slice_type
    w.ue(header.pic_parameter_set_id.into());
    w.u(header.frame_num_bits.into(), header.frame_num.into());
    if let Some(idr_pic_id) = header.idr_pic_id {
        w.ue(idr_pic_id.into());
    }
    w.u(
        header.pic_order_cnt_lsb_bits.into(),
        header.pic_order_cnt_lsb.into(),
    );
    if inter {
        let active = job.references.len() as u32;
        let overridden = active != header.num_ref_idx_default.into();
        w.flag(overridden); // num_ref_idx_active_override_flag
        if overridden {
            w.ue(active - 1);
        }
        list_modifications(&mut w, &header.list_modifications);
    }
    if header.nal_ref_idc != 0 {
        marking(&mut w, header);
    }
    if let Some(cabac_init_idc) = header.cabac_init_idc {
        w.ue(cabac_init_idc.into());
    }
    w.se(i32::from(job.qp) - i32::from(header.pic_init_qp)); // slice_qp_delta
    if header.deblocking_control_present {
        let deblocking = &job.deblocking;
        w.ue(deblocking.disable_idc.into());
        if deblocking.disable_idc != 1 {
            w.se(deblocking.alpha_c0_offset_div2.into());
            w.se(deblocking.beta_offset_div2.into());
        }
    }
    Some(w)
}

/// ref_pic_list_modification().
fn list_modifications(w: &mut Bits, commands: &[ListModification]) {
    w.flag(!commands.is_empty()); // ref_pic_list_modification_flag_l0
    for command in commands {
        w.ue(command.idc);
        w.ue(command.value);
    }
    if !commands.is_empty() {
        w.ue(3);
    }
}

/// dec_ref_pic_marking().
fn marking(w: &mut Bits, header: &SliceHeader) {
    if header.idr_pic_id.is_some() {
        w.flag(header.no_output_of_prior_pics);
        w.flag(header.long_term_reference);
        return;
    }
    w.flag(!header.marking.is_empty()); // adaptive_ref_pic_marking_mode_flag
    for &Marking {
        operation,
        value,
        long_term_frame_idx,
    } in &header.marking
    {
        w.ue(operation);
        for element in [value, long_term_frame_idx].into_iter().flatten() {
            w.ue(element);
        }
    }
    if !header.marking.is_empty() {
        w.ue(0);
    }
}
