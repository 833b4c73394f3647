// SPDX-License-Identifier: GPL-2.0

//! The descriptor of generation 1.

use slenc_engine::{
    Deblocking,
    EntropyCoding,
    PictureType, //
};

use super::{
    byte,
    control,
    forced_intra,
    reconstruction,
    require,
    signed,
    size,
    source_addresses,
    source_format,
    source_strides,
    BadField,
    Job,
    Plane,
    SourcePlanes,
    MAX_HEADER_SIZE, //
};
use crate::generation::{
    Generation,
    MAX_FORCED_INTRA, //
};
use crate::le::{
    u16_at,
    u32_at,
    u64_at, //
};

/// Offsets of the fields.
mod field {
    pub(super) const LAYOUT: usize = 0x000;
    pub(super) const OPERATION: usize = 0x004;
    pub(super) const FLAGS: usize = 0x008;
    pub(super) const PICTURE_TYPE: usize = 0x00c;
    pub(super) const QP: usize = 0x00d;
    pub(super) const CHROMA_QP_INDEX_OFFSET: usize = 0x00e;
    pub(super) const SOURCE_FORMAT: usize = 0x00f;
    pub(super) const DISABLE_DEBLOCKING: usize = 0x018;
    pub(super) const ALPHA_C0_OFFSET_DIV2: usize = 0x019;
    pub(super) const BETA_OFFSET_DIV2: usize = 0x01a;
    pub(super) const FORCED_INTRA_COUNT: usize = 0x01b;
    pub(super) const UNIT_COUNT: usize = 0x01c;
    pub(super) const RESERVED_1E: usize = 0x01e;
    pub(super) const RESERVED_2C: usize = 0x02c;
    pub(super) const REFERENCE_ADDR: usize = 0x048;
    pub(super) const RECON_ADDR: usize = 0x050;
    pub(super) const OUTPUT_ADDR: usize = 0x058;
    pub(super) const OUTPUT_SIZE: usize = 0x060;
    pub(super) const HEADER_SIZE: usize = 0x064;
    pub(super) const HEADER_ADDR: usize = 0x068;
    pub(super) const UNITS_ADDR: usize = 0x070;
    pub(super) const CONTROL_ADDR: usize = 0x078;
    pub(super) const FORCED_INTRA: usize = 0x080;
}

const FLAG_ALL_SKIP: u32 = 1 << 0;
const FLAG_NO_RECON: u32 = 1 << 1;

/// Parses and checks a descriptor.
pub(super) fn parse(bytes: &[u8]) -> Result<Job, BadField> {
    let generation = Generation::Gen1;
    require(u32_at(bytes, field::LAYOUT) == 1, field::LAYOUT)?;
    require(u32_at(bytes, field::OPERATION) == 1, field::OPERATION)?;
    let flags = u32_at(bytes, field::FLAGS);
    require(flags & !(FLAG_ALL_SKIP | FLAG_NO_RECON) == 0, field::FLAGS)?;
    let all_skip = flags & FLAG_ALL_SKIP != 0;
    let picture_type = match bytes[field::PICTURE_TYPE] {
        0 => PictureType::P,
        2 if !all_skip => PictureType::I,
        _ => return Err(BadField(field::PICTURE_TYPE as u32)),
    };
    let qp = byte(bytes, field::QP, 51)?;
    let chroma_qp_offset = signed(bytes, field::CHROMA_QP_INDEX_OFFSET, 12)?;
    let format = source_format(bytes, field::SOURCE_FORMAT)?;
    require(
        !all_skip || bytes[field::SOURCE_FORMAT] == 0,
        field::SOURCE_FORMAT,
    )?;
    let format = (!all_skip).then_some(format);
    let size = size(generation, bytes, !all_skip)?;
    let deblocking = Deblocking {
        disable_idc: byte(bytes, field::DISABLE_DEBLOCKING, 2)?,
        alpha_c0_offset_div2: signed(bytes, field::ALPHA_C0_OFFSET_DIV2, 6)?,
        beta_offset_div2: signed(bytes, field::BETA_OFFSET_DIV2, 6)?,
    };
    let inter = picture_type == PictureType::P;
    let forced_count = bytes[field::FORCED_INTRA_COUNT];
    let may_force = inter && !all_skip;
    require(
        u32::from(forced_count) <= if may_force { MAX_FORCED_INTRA } else { 0 },
        field::FORCED_INTRA_COUNT,
    )?;
    let unit_count = u16_at(bytes, field::UNIT_COUNT);
    require(
        (1..=generation.units()).contains(&u32::from(unit_count)),
        field::UNIT_COUNT,
    )?;
    require(u16_at(bytes, field::RESERVED_1E) == 0, field::RESERVED_1E)?;
    let mut planes = source_strides(bytes, format, &size)?;
    require(u32_at(bytes, field::RESERVED_2C) == 0, field::RESERVED_2C)?;
    source_addresses(bytes, &mut planes)?;
    let reference = u64_at(bytes, field::REFERENCE_ADDR);
    require((reference != 0) == inter, field::REFERENCE_ADDR)?;
    let references: Vec<u64> = inter.then_some(reference).into_iter().collect();
    let no_recon = flags & FLAG_NO_RECON != 0;
    let recon = reconstruction(bytes, field::RECON_ADDR, no_recon, &references, &size)?;
    let output = u64_at(bytes, field::OUTPUT_ADDR);
    require(output != 0, field::OUTPUT_ADDR)?;
    let output_size = u32_at(bytes, field::OUTPUT_SIZE);
    require(output_size != 0, field::OUTPUT_SIZE)?;
    let header_size = u32_at(bytes, field::HEADER_SIZE);
    require(
        (1..=MAX_HEADER_SIZE).contains(&header_size),
        field::HEADER_SIZE,
    )?;
    let header = u64_at(bytes, field::HEADER_ADDR);
    require(header != 0 && header % 8 == 0, field::HEADER_ADDR)?;
    let units = u64_at(bytes, field::UNITS_ADDR);
    require(units != 0 && units % 8 == 0, field::UNITS_ADDR)?;
    let control = control(bytes, field::CONTROL_ADDR, !all_skip)?;
    let forced_intra = forced_intra(
        bytes,
        field::FORCED_INTRA,
        forced_count.into(),
        size.macroblocks(),
    )?;
    Ok(Job {
        picture_type,
        qp,
        chroma_qp_offset,
        second_chroma_qp_offset: None,
        deblocking,
        entropy_coding: EntropyCoding::Cavlc,
        transform_8x8: false,
        size,
        source: format.map(|format| SourcePlanes { format, planes }),
        qp_map: Plane::default(),
        references,
        recon,
        output,
        output_size,
        header,
        header_size,
        units,
        unit_count,
        unit_count_field: field::UNIT_COUNT,
        control,
        slice_header: None,
        measure_sse: false,
        forced_intra,
    })
}
