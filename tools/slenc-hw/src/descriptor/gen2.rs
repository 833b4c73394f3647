// SPDX-License-Identifier: GPL-2.0

//! The descriptor of generation 2.

use slenc_engine::{
    Deblocking,
    EntropyCoding,
    PictureType, //
};

use super::{
    byte,
    control,
    forced_intra,
    measurement::Measurement,
    plane_address,
    reconstruction,
    require,
    signed,
    size,
    slice_header::{
        Context,
        SliceHeader, //
    },
    source_addresses,
    source_format,
    source_strides,
    BadField,
    Job,
    Plane,
    SourcePlanes,
    Task,
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

/// Offsets of the fields; those of slice headers are in [`super::slice_header`].
pub(super) mod field {
    pub(in crate::descriptor) const LAYOUT: usize = 0x000;
    pub(in crate::descriptor) const OPERATION: usize = 0x004;
    pub(in crate::descriptor) const FLAGS: usize = 0x008;
    pub(in crate::descriptor) const PICTURE_TYPE: usize = 0x00c;
    pub(in crate::descriptor) const QP: usize = 0x00d;
    pub(in crate::descriptor) const CHROMA_QP_INDEX_OFFSET: usize = 0x00e;
    pub(in crate::descriptor) const SECOND_CHROMA_QP_INDEX_OFFSET: usize = 0x00f;
    pub(in crate::descriptor) const SOURCE_FORMAT: usize = 0x018;
    pub(in crate::descriptor) const DISABLE_DEBLOCKING: usize = 0x019;
    pub(in crate::descriptor) const ALPHA_C0_OFFSET_DIV2: usize = 0x01a;
    pub(in crate::descriptor) const BETA_OFFSET_DIV2: usize = 0x01b;
    pub(in crate::descriptor) const REFERENCE_COUNT: usize = 0x01c;
    pub(in crate::descriptor) const FORCED_INTRA_COUNT: usize = 0x01d;
    pub(in crate::descriptor) const UNIT_COUNT: usize = 0x01e;
    pub(in crate::descriptor) const QP_MAP_STRIDE: usize = 0x02c;
    pub(in crate::descriptor) const QP_MAP_ADDR: usize = 0x048;
    pub(in crate::descriptor) const REFERENCE_ADDR: usize = 0x050;
    pub(in crate::descriptor) const RECON_ADDR: usize = 0x070;
    pub(in crate::descriptor) const OUTPUT_ADDR: usize = 0x078;
    pub(in crate::descriptor) const OUTPUT_SIZE: usize = 0x080;
    pub(in crate::descriptor) const HEADER_SIZE: usize = 0x084;
    pub(in crate::descriptor) const HEADER_ADDR: usize = 0x088;
    pub(in crate::descriptor) const UNITS_ADDR: usize = 0x090;
    pub(in crate::descriptor) const CONTROL_ADDR: usize = 0x098;
    pub(in crate::descriptor) const FORCED_INTRA: usize = 0x180;
}

/// Bits of flags.
pub(super) mod flag {
    pub(in crate::descriptor) const ALL_SKIP: u32 = 1 << 0;
    pub(in crate::descriptor) const NO_RECON: u32 = 1 << 1;
    pub(in crate::descriptor) const CABAC: u32 = 1 << 2;
    pub(in crate::descriptor) const TRANSFORM_8X8: u32 = 1 << 3;
    pub(in crate::descriptor) const DEBLOCKING_CONTROL: u32 = 1 << 4;
    pub(in crate::descriptor) const IDR: u32 = 1 << 5;
    pub(in crate::descriptor) const NO_OUTPUT_OF_PRIOR: u32 = 1 << 6;
    pub(in crate::descriptor) const LONG_TERM_REFERENCE: u32 = 1 << 7;
    pub(in crate::descriptor) const ALL: u32 = (1 << 8) - 1;
    pub(in crate::descriptor) const OF_IDR: u32 = NO_OUTPUT_OF_PRIOR | LONG_TERM_REFERENCE;
}

const OPERATION_ENCODE: u32 = 1;
const OPERATION_MEASURE: u32 = 2;

/// Parses and checks a descriptor.
pub(super) fn parse(bytes: &[u8]) -> Result<Task, BadField> {
    require(u32_at(bytes, field::LAYOUT) == 2, field::LAYOUT)?;
    match u32_at(bytes, field::OPERATION) {
        OPERATION_ENCODE => Ok(Task::Encode(Box::new(parse_job(bytes)?))),
        OPERATION_MEASURE => Ok(Task::Measure(Measurement::parse(bytes)?)),
        _ => Err(BadField(field::OPERATION as u32)),
    }
}

fn parse_job(bytes: &[u8]) -> Result<Job, BadField> {
    let generation = Generation::Gen2;
    let flags = u32_at(bytes, field::FLAGS);
    let has = |flag| flags & flag != 0;
    require(
        flags & !flag::ALL == 0 && (has(flag::IDR) || !has(flag::OF_IDR)),
        field::FLAGS,
    )?;
    let all_skip = has(flag::ALL_SKIP);
    let picture_type = match bytes[field::PICTURE_TYPE] {
        0 if !has(flag::IDR) => PictureType::P,
        2 if !all_skip => PictureType::I,
        _ => return Err(BadField(field::PICTURE_TYPE as u32)),
    };
    let inter = picture_type == PictureType::P;
    let qp = byte(bytes, field::QP, 51)?;
    let chroma_qp_offset = signed(bytes, field::CHROMA_QP_INDEX_OFFSET, 12)?;
    let second_chroma_qp_offset = signed(bytes, field::SECOND_CHROMA_QP_INDEX_OFFSET, 12)?;
    let size = size(generation, bytes, !all_skip)?;
    let format = source_format(bytes, field::SOURCE_FORMAT)?;
    require(
        !all_skip || bytes[field::SOURCE_FORMAT] == 0,
        field::SOURCE_FORMAT,
    )?;
    let format = (!all_skip).then_some(format);
    let deblocking = deblocking(bytes, has(flag::DEBLOCKING_CONTROL))?;
    let reference_count = usize::from(bytes[field::REFERENCE_COUNT]);
    let counts = if inter {
        1..=generation.references() as usize
    } else {
        0..=0
    };
    require(counts.contains(&reference_count), field::REFERENCE_COUNT)?;
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
    let mut planes = source_strides(bytes, format, &size)?;
    let qp_map_stride = u32_at(bytes, field::QP_MAP_STRIDE);
    require(
        qp_map_stride == 0 || (!all_skip && qp_map_stride >= size.width_mbs.into()),
        field::QP_MAP_STRIDE,
    )?;
    source_addresses(bytes, &mut planes)?;
    let mut qp_map = match qp_map_stride {
        0 => Plane::default(),
        stride => Plane {
            addr: 0,
            stride,
            line_bytes: size.width_mbs.into(),
            lines: size.height_mbs.into(),
        },
    };
    plane_address(bytes, field::QP_MAP_ADDR, &mut qp_map)?;
    let references = references(bytes, reference_count)?;
    let no_recon = has(flag::NO_RECON);
    let recon = reconstruction(bytes, field::RECON_ADDR, no_recon, &references, &size)?;
    let output = u64_at(bytes, field::OUTPUT_ADDR);
    require(output != 0, field::OUTPUT_ADDR)?;
    let output_size = u32_at(bytes, field::OUTPUT_SIZE);
    require(output_size != 0, field::OUTPUT_SIZE)?;
    let header_size = u32_at(bytes, field::HEADER_SIZE);
    require(header_size <= MAX_HEADER_SIZE, field::HEADER_SIZE)?;
    let header = u64_at(bytes, field::HEADER_ADDR);
    require(
        (header != 0) == (header_size != 0) && header % 8 == 0,
        field::HEADER_ADDR,
    )?;
    let units = u64_at(bytes, field::UNITS_ADDR);
    require(units != 0 && units % 8 == 0, field::UNITS_ADDR)?;
    let control = control(bytes, field::CONTROL_ADDR, !all_skip)?;
    let cabac = has(flag::CABAC);
    let slice_header = SliceHeader::parse(
        bytes,
        &Context {
            flags,
            reference_count,
            has_cabac_init_idc: cabac && inter,
        },
    )?;
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
        second_chroma_qp_offset: Some(second_chroma_qp_offset),
        deblocking,
        entropy_coding: if cabac {
            EntropyCoding::Cabac {
                init_idc: slice_header.cabac_init_idc,
            }
        } else {
            EntropyCoding::Cavlc
        },
        transform_8x8: has(flag::TRANSFORM_8X8),
        size,
        source: format.map(|format| SourcePlanes { format, planes }),
        qp_map,
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
        slice_header: Some(slice_header),
        measure_sse: true,
        forced_intra,
    })
}

/// Parameters of the deblocking filter, which are zero where slice headers do not have them.
fn deblocking(bytes: &[u8], in_header: bool) -> Result<Deblocking, BadField> {
    let limit = |limit| if in_header { limit } else { 0 };
    Ok(Deblocking {
        disable_idc: byte(bytes, field::DISABLE_DEBLOCKING, limit(2) as u8)?,
        alpha_c0_offset_div2: signed(bytes, field::ALPHA_C0_OFFSET_DIV2, limit(6))?,
        beta_offset_div2: signed(bytes, field::BETA_OFFSET_DIV2, limit(6))?,
    })
}

/// Addresses of the references: `count` different ones, and zeros.
fn references(bytes: &[u8], count: usize) -> Result<Vec<u64>, BadField> {
    let mut references = Vec::with_capacity(count);
    for i in 0..Generation::Gen2.references() as usize {
        let at = field::REFERENCE_ADDR + 8 * i;
        let addr = u64_at(bytes, at);
        require((addr != 0) == (i < count), at)?;
        if i < count {
            require(!references.contains(&addr), at)?;
            references.push(addr);
        }
    }
    Ok(references)
}
