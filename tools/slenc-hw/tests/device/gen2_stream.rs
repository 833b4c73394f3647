// SPDX-License-Identifier: GPL-2.0

//! Pictures to encode with generation 2: the parts of a descriptor that generation 1 does not have.

use crate::control_block::CONTROL;
use crate::machine::{
    Machine,
    BASE,
    DESCRIPTOR, //
};
use crate::stream::{
    Bits,
    Frame,
    UnitTable,
    HEADER,
    OUTPUT,
    OUTPUT_SIZE,
    UNITS, //
};

/// Where the QP map is.
pub(crate) const QP_MAP: u64 = BASE + 0x40_0003;
/// Where the first of the reconstructions is; there is one for each number of a picture.
const RECONS: u64 = BASE + 0x48_0001;
/// Bytes from one to the next.
const RECON_DISTANCE: u64 = 0x1_0000;

pub(crate) const CABAC: u32 = 1 << 2;
pub(crate) const TRANSFORM_8X8: u32 = 1 << 3;
const DEBLOCKING_CONTROL: u32 = 1 << 4;
const IDR: u32 = 1 << 5;
pub(crate) const LONG_TERM_REFERENCE: u32 = 1 << 7;

/// Bytes from row to row of the QP map, and its offsets.
pub(crate) type QpMap = (u32, fn(usize) -> i8);

/// A picture and how to code it.
#[derive(Clone, Default)]
pub(crate) struct Picture {
    /// What both generations have.
    pub(crate) frame: Frame,
    /// CABAC, TRANSFORM_8X8 and LONG_TERM_REFERENCE.
    pub(crate) flags: u32,
    pub(crate) cabac_init_idc: u8,
    /// Chroma QP offset of Cr.
    pub(crate) second_chroma_offset: i8,
    pub(crate) pic_init_qp: u8,
    /// num_ref_idx_l0_default_active_minus1 + 1.
    pub(crate) default_references: u8,
    /// Lengths of frame_num, and of pic_order_cnt_lsb; without the latter the type is 2.
    pub(crate) frame_num_bits: u8,
    pub(crate) order_bits: u8,
    /// Numbers of the pictures in the reference list.
    pub(crate) references: Vec<u32>,
    /// ref_pic_list_modification(): commands and what they have.
    pub(crate) modifications: Vec<(u8, u32)>,
    /// dec_ref_pic_marking(): operation, long_term_frame_idx and what else it has.
    pub(crate) marking: Vec<(u8, u8, u32)>,
    pub(crate) qp_map: Option<QpMap>,
}

impl Picture {
    /// An IDR picture of CAVLC and the 4x4 transform.
    pub(crate) fn new() -> Self {
        Self {
            pic_init_qp: 26,
            default_references: 1,
            frame_num_bits: 4,
            ..Self::default()
        }
    }

    pub(crate) fn is_idr(&self) -> bool {
        self.frame.number == 0
    }

    /// Where the reconstruction of a picture is.
    pub(crate) fn recon_of(number: u32) -> u64 {
        RECONS + u64::from(number) * RECON_DISTANCE
    }

    fn sps(&self) -> Bits {
        let frame = &self.frame;
        let mut bits = Bits::default();
        // High, level 5.1; 4:2:0 with 8 bits, and no scaling matrix.
        bits.u(8, 0x67).u(8, 100).u(8, 0).u(8, 51);
        bits.ue(0).ue(1).ue(0).ue(0).u(1, 0).u(1, 0);
        bits.ue(u32::from(self.frame_num_bits) - 4);
        match self.order_bits {
            0 => bits.ue(2),
            n => bits.ue(0).ue(u32::from(n) - 4),
        };
        bits.ue(4).u(1, 0);
        bits.ue(u32::from(frame.width_mbs()) - 1);
        bits.ue(u32::from(frame.height_mbs()) - 1);
        bits.u(1, 1).u(1, 1).u(1, 1);
        bits.ue(0)
            .ue(u32::from(frame.width_mbs() * 16 - frame.width) / 2);
        bits.ue(0)
            .ue(u32::from(frame.height_mbs() * 16 - frame.height) / 2);
        bits.u(1, 0).trailing();
        bits
    }

    fn pps(&self) -> Bits {
        let mut bits = Bits::default();
        let flag = |flag| u32::from(self.flags & flag != 0);
        bits.u(8, 0x68).ue(0).ue(0).u(1, flag(CABAC)).u(1, 0);
        bits.ue(0).ue(u32::from(self.default_references) - 1).ue(0);
        bits.u(1, 0).u(2, 0).se(i32::from(self.pic_init_qp) - 26);
        bits.se(0).se(self.frame.chroma_offset.into());
        bits.u(1, 1).u(1, 0).u(1, 0);
        bits.u(1, flag(TRANSFORM_8X8)).u(1, 0);
        bits.se(self.second_chroma_offset.into()).trailing();
        bits
    }

    /// Writes source, headers, unit table and descriptor, and zeroes the result. Returns the
    /// descriptor.
    pub(crate) fn prepare(&self, machine: &Machine, seed: u32) -> Vec<u8> {
        let frame = &self.frame;
        let mut units = UnitTable::default();
        if self.is_idr() {
            units.add(&self.sps(), None);
            units.add(&self.pps(), None);
        }
        for rows in frame.slices() {
            units.add(&Bits::default(), Some(rows));
        }
        units.fill(machine);
        let (header, table) = (&units.header, &units.table);

        let mut out = vec![0; 512];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        let idr = if self.is_idr() { IDR } else { 0 };
        let flags = self.flags | DEBLOCKING_CONTROL | idr | u32::from(frame.all_skip);
        put(0x00, &[2, 0, 0, 0, 1, 0, 0, 0]);
        put(0x08, &flags.to_le_bytes());
        put(0x0c, &[if self.references.is_empty() { 2 } else { 0 }]);
        let chroma = [frame.chroma_offset as u8, self.second_chroma_offset as u8];
        put(0x0d, &[frame.qp, chroma[0], chroma[1]]);
        put(0x10, &frame.width_mbs().to_le_bytes());
        put(0x12, &frame.height_mbs().to_le_bytes());
        put(0x19, &[frame.disable_deblocking]);
        put(0x1c, &[self.references.len() as u8]);
        put(0x1d, &[frame.forced_intra.len() as u8]);
        put(0x1e, &((table.len() / 32) as u16).to_le_bytes());
        if !frame.all_skip {
            put(0x18, &[frame.format]);
            put(0x14, &frame.width.to_le_bytes());
            put(0x16, &frame.height.to_le_bytes());
            for (i, (addr, stride)) in frame.fill_source(machine, seed).into_iter().enumerate() {
                put(0x20 + 4 * i, &stride.to_le_bytes());
                put(0x30 + 8 * i, &addr.to_le_bytes());
            }
        }
        if let Some((stride, offset)) = self.qp_map {
            put(0x2c, &stride.to_le_bytes());
            put(0x48, &QP_MAP.to_le_bytes());
            let width = usize::from(frame.width_mbs());
            for y in 0..usize::from(frame.height_mbs()) {
                let mut row: Vec<_> = (0..width).map(|x| offset(y * width + x) as u8).collect();
                // What is between the rows is nobody's.
                row.resize(stride.max(width as u32) as usize, 77);
                machine.fill(QP_MAP + y as u64 * u64::from(stride), &row);
            }
        }
        for (i, &number) in self.references.iter().enumerate() {
            put(0x50 + 8 * i, &Self::recon_of(number).to_le_bytes());
        }
        put(0x70, &Self::recon_of(frame.number).to_le_bytes());
        put(0x78, &OUTPUT.to_le_bytes());
        put(0x80, &OUTPUT_SIZE.to_le_bytes());
        put(0x84, &(header.len() as u32).to_le_bytes());
        if !header.is_empty() {
            put(0x88, &HEADER.to_le_bytes());
        }
        put(0x90, &UNITS.to_le_bytes());
        if let Some(control) = &frame.control {
            control.fill(machine);
            put(0x98, &CONTROL.to_le_bytes());
        }
        put(0xa0, &[1, 0, self.pic_init_qp.wrapping_sub(26)]);
        put(
            0xa3,
            &[self.default_references - 1, self.frame_num_bits - 4],
        );
        match self.order_bits {
            0 => put(0xa5, &[2]),
            n => put(0xa6, &[n - 4]),
        }
        put(0xa7, &[self.cabac_init_idc]);
        let frame_num = frame.number % (1 << self.frame_num_bits);
        put(0xa8, &(frame_num as u16).to_le_bytes());
        if self.order_bits > 0 {
            let order = 2 * frame.number % (1 << self.order_bits);
            put(0xac, &(order as u16).to_le_bytes());
        }
        put(
            0xae,
            &[self.modifications.len() as u8, self.marking.len() as u8],
        );
        for (i, &(command, value)) in self.modifications.iter().enumerate() {
            put(0xb0 + 8 * i, &[command]);
            put(0xb4 + 8 * i, &value.to_le_bytes());
        }
        for (i, &(operation, index, value)) in self.marking.iter().enumerate() {
            put(0x100 + 8 * i, &[operation, index]);
            put(0x104 + 8 * i, &value.to_le_bytes());
        }
        for (i, &(first, count)) in frame.forced_intra.iter().enumerate() {
            put(0x180 + 8 * i, &first.to_le_bytes());
            put(0x184 + 8 * i, &count.to_le_bytes());
        }
        machine.fill(DESCRIPTOR, &out);
        machine.fill(DESCRIPTOR + 512, &[0; 256]);
        out
    }

    /// Makes the descriptor in memory one that measures the source, compared with the first
    /// reference if there is one.
    pub(crate) fn measure(&self, machine: &Machine, seed: u32) {
        let mut out = self.prepare(machine, seed);
        let reference = self.references.first().map(|&n| Self::recon_of(n));
        out[4] = 2;
        out[0x08..0x10].fill(0);
        out[0x19..0x20].fill(0);
        out[0x48..].fill(0);
        if let Some(reference) = reference {
            out[0x1c] = 1;
            out[0x50..0x58].copy_from_slice(&reference.to_le_bytes());
        }
        machine.fill(DESCRIPTOR, &out);
    }
}
