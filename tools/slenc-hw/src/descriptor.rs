// SPDX-License-Identifier: GPL-2.0

//! The job descriptor, from bytes to a job that contradicts nothing
//! (`Documentation/slenc/hardware.rst`, *Job descriptor*).
//!
//! Fields are checked in the order of their offsets; where two contradict each other the error
//! is the later one's.

use std::ops::Range;

use slenc_engine::{
    Deblocking,
    PictureType,
    SourceFormat, //
};

use crate::le::{
    u16_at,
    u32_at,
    u64_at, //
};
use crate::registers::{
    MAX_FORCED_INTRA,
    MAX_HEIGHT,
    MAX_UNITS,
    MAX_WIDTH,
    MIN_SIZE, //
};

/// Bytes of the descriptor that the driver writes; the result block follows.
pub const DESCRIPTOR_SIZE: usize = 256;

/// A descriptor's address is a multiple of this.
pub const DESCRIPTOR_ALIGN: u64 = 64;

/// Most bytes of header memory.
pub const MAX_HEADER_SIZE: u32 = 1 << 20;

/// Offsets of the fields.
pub mod field {
    /// Layout of the descriptor.
    pub const LAYOUT: usize = 0x000;
    /// What to do.
    pub const OPERATION: usize = 0x004;
    /// ALL_SKIP, NO_RECON.
    pub const FLAGS: usize = 0x008;
    /// P or I.
    pub const PICTURE_TYPE: usize = 0x00c;
    /// Luma QP.
    pub const QP: usize = 0x00d;
    /// chroma_qp_index_offset.
    pub const CHROMA_QP_INDEX_OFFSET: usize = 0x00e;
    /// Number of the source format.
    pub const SOURCE_FORMAT: usize = 0x00f;
    /// Coded width in macroblocks.
    pub const WIDTH_MBS: usize = 0x010;
    /// Coded height in macroblocks.
    pub const HEIGHT_MBS: usize = 0x012;
    /// Source width in samples.
    pub const SOURCE_WIDTH: usize = 0x014;
    /// Source height in samples.
    pub const SOURCE_HEIGHT: usize = 0x016;
    /// disable_deblocking_filter_idc.
    pub const DISABLE_DEBLOCKING: usize = 0x018;
    /// slice_alpha_c0_offset_div2.
    pub const ALPHA_C0_OFFSET_DIV2: usize = 0x019;
    /// slice_beta_offset_div2.
    pub const BETA_OFFSET_DIV2: usize = 0x01a;
    /// Entries of the forced intra table.
    pub const FORCED_INTRA_COUNT: usize = 0x01b;
    /// Entries of the unit table.
    pub const UNIT_COUNT: usize = 0x01c;
    /// Reserved, 2 bytes.
    pub const RESERVED_1E: usize = 0x01e;
    /// Bytes from line to line, 3 planes.
    pub const SOURCE_STRIDE: usize = 0x020;
    /// Reserved, 4 bytes.
    pub const RESERVED_2C: usize = 0x02c;
    /// Addresses of the planes.
    pub const SOURCE_ADDR: usize = 0x030;
    /// Address of the reference.
    pub const REFERENCE_ADDR: usize = 0x048;
    /// Address of the reconstruction.
    pub const RECON_ADDR: usize = 0x050;
    /// Address of the coded data.
    pub const OUTPUT_ADDR: usize = 0x058;
    /// Bytes available there.
    pub const OUTPUT_SIZE: usize = 0x060;
    /// Bytes of header memory.
    pub const HEADER_SIZE: usize = 0x064;
    /// Address of header memory.
    pub const HEADER_ADDR: usize = 0x068;
    /// Address of the unit table.
    pub const UNITS_ADDR: usize = 0x070;
    /// Reserved, 8 bytes.
    pub const RESERVED_78: usize = 0x078;
    /// Pairs of first macroblock and count.
    pub const FORCED_INTRA: usize = 0x080;
}

const FLAG_ALL_SKIP: u32 = 1 << 0;
const FLAG_NO_RECON: u32 = 1 << 1;

/// error_info of a bad descriptor: the offset of the field that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadField(pub u32);

/// Returns the error of `field` unless `ok`.
pub(crate) fn require(ok: bool, field: usize) -> Result<(), BadField> {
    if ok {
        Ok(())
    } else {
        Err(BadField(field as u32))
    }
}

/// Lines of a source plane in guest memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plane {
    /// Address of the first line.
    pub addr: u64,
    /// Bytes from line to line.
    pub stride: u32,
    /// Bytes of a line.
    pub line_bytes: u32,
    /// Lines.
    pub lines: u32,
}

impl Plane {
    /// Bytes from the first to the last that is read.
    pub fn extent(&self) -> u64 {
        match self.lines {
            0 => 0,
            n => u64::from(n - 1) * u64::from(self.stride) + u64::from(self.line_bytes),
        }
    }
}

/// A source picture in guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourcePlanes {
    /// Layout.
    pub format: SourceFormat,
    /// Planes; those the format does not have are empty.
    pub planes: [Plane; 3],
}

/// A checked descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Type of all slices.
    pub picture_type: PictureType,
    /// Luma QP.
    pub qp: u8,
    /// chroma_qp_index_offset.
    pub chroma_qp_index_offset: i8,
    /// Deblocking filter.
    pub deblocking: Deblocking,
    /// Coded width in macroblocks.
    pub width_mbs: u16,
    /// Coded height in macroblocks.
    pub height_mbs: u16,
    /// Visible width in samples; the coded width when there is no source.
    pub width: u16,
    /// Visible height in samples; the coded height when there is no source.
    pub height: u16,
    /// The source; none of an all-skip picture.
    pub source: Option<SourcePlanes>,
    /// Address of the reference of a P picture.
    pub reference: Option<u64>,
    /// Where the reconstruction goes, if anywhere.
    pub recon: Option<u64>,
    /// Where the coded data goes.
    pub output: u64,
    /// Bytes available there.
    pub output_size: u32,
    /// Address of header memory.
    pub header: u64,
    /// Bytes of header memory.
    pub header_size: u32,
    /// Address of the unit table.
    pub units: u64,
    /// Entries of the unit table.
    pub unit_count: u16,
    /// Macroblocks forced to intra.
    pub forced_intra: Vec<Range<u32>>,
}

impl Job {
    /// Macroblocks of the picture.
    pub fn macroblocks(&self) -> u32 {
        u32::from(self.width_mbs) * u32::from(self.height_mbs)
    }

    /// Bytes of a reconstruction.
    pub fn recon_size(&self) -> u32 {
        self.macroblocks() * 384
    }

    /// Parses and checks a descriptor.
    ///
    /// # Errors
    ///
    /// The first field that is out of range, that contradicts one before it, or that is reserved
    /// and not zero.
    pub fn parse(bytes: &[u8; DESCRIPTOR_SIZE]) -> Result<Self, BadField> {
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
        let qp = bytes[field::QP];
        require(qp <= 51, field::QP)?;
        let chroma_qp_index_offset = signed(bytes, field::CHROMA_QP_INDEX_OFFSET, 12)?;
        let format = match bytes[field::SOURCE_FORMAT] {
            0 => SourceFormat::Nv12,
            1 if !all_skip => SourceFormat::I420,
            2 if !all_skip => SourceFormat::Yuyv,
            3 if !all_skip => SourceFormat::Uyvy,
            _ => return Err(BadField(field::SOURCE_FORMAT as u32)),
        };
        let width_mbs = macroblocks(bytes, field::WIDTH_MBS, MAX_WIDTH)?;
        let height_mbs = macroblocks(bytes, field::HEIGHT_MBS, MAX_HEIGHT)?;
        let width = samples(bytes, field::SOURCE_WIDTH, width_mbs, all_skip)?;
        let height = samples(bytes, field::SOURCE_HEIGHT, height_mbs, all_skip)?;
        let disable_idc = bytes[field::DISABLE_DEBLOCKING];
        require(disable_idc <= 2, field::DISABLE_DEBLOCKING)?;
        let deblocking = Deblocking {
            disable_idc,
            alpha_c0_offset_div2: signed(bytes, field::ALPHA_C0_OFFSET_DIV2, 6)?,
            beta_offset_div2: signed(bytes, field::BETA_OFFSET_DIV2, 6)?,
        };
        let forced_count = bytes[field::FORCED_INTRA_COUNT];
        let may_force = picture_type == PictureType::P && !all_skip;
        require(
            u32::from(forced_count) <= if may_force { MAX_FORCED_INTRA } else { 0 },
            field::FORCED_INTRA_COUNT,
        )?;
        let unit_count = u16_at(bytes, field::UNIT_COUNT);
        require(
            (1..=MAX_UNITS).contains(&u32::from(unit_count)),
            field::UNIT_COUNT,
        )?;
        require(u16_at(bytes, field::RESERVED_1E) == 0, field::RESERVED_1E)?;
        let planes = source_planes(bytes, all_skip, format, width, height)?;
        let mut job = Self {
            picture_type,
            qp,
            chroma_qp_index_offset,
            deblocking,
            width_mbs,
            height_mbs,
            width,
            height,
            source: (!all_skip).then_some(SourcePlanes { format, planes }),
            reference: None,
            recon: None,
            output: u64_at(bytes, field::OUTPUT_ADDR),
            output_size: u32_at(bytes, field::OUTPUT_SIZE),
            header: u64_at(bytes, field::HEADER_ADDR),
            header_size: u32_at(bytes, field::HEADER_SIZE),
            units: u64_at(bytes, field::UNITS_ADDR),
            unit_count,
            forced_intra: Vec::new(),
        };
        job.parse_pictures(bytes, flags & FLAG_NO_RECON != 0)?;
        require(job.output != 0, field::OUTPUT_ADDR)?;
        require(job.output_size != 0, field::OUTPUT_SIZE)?;
        require(
            (1..=MAX_HEADER_SIZE).contains(&job.header_size),
            field::HEADER_SIZE,
        )?;
        require(job.header != 0 && job.header % 8 == 0, field::HEADER_ADDR)?;
        require(job.units != 0 && job.units % 8 == 0, field::UNITS_ADDR)?;
        require(u64_at(bytes, field::RESERVED_78) == 0, field::RESERVED_78)?;
        job.parse_forced_intra(bytes, usize::from(forced_count))?;
        Ok(job)
    }

    fn parse_pictures(&mut self, bytes: &[u8], no_recon: bool) -> Result<(), BadField> {
        let reference = u64_at(bytes, field::REFERENCE_ADDR);
        let wants_reference = self.picture_type == PictureType::P;
        require((reference != 0) == wants_reference, field::REFERENCE_ADDR)?;
        let recon = u64_at(bytes, field::RECON_ADDR);
        require((recon != 0) != no_recon, field::RECON_ADDR)?;
        self.reference = wants_reference.then_some(reference);
        self.recon = (!no_recon).then_some(recon);
        if wants_reference && !no_recon {
            let distance = reference.abs_diff(recon);
            require(distance >= u64::from(self.recon_size()), field::RECON_ADDR)?;
        }
        Ok(())
    }

    fn parse_forced_intra(&mut self, bytes: &[u8], count: usize) -> Result<(), BadField> {
        for i in 0..MAX_FORCED_INTRA as usize {
            let at = field::FORCED_INTRA + 8 * i;
            let (first, macroblocks) = (u32_at(bytes, at), u32_at(bytes, at + 4));
            if i >= count {
                require(first == 0, at)?;
                require(macroblocks == 0, at + 4)?;
                continue;
            }
            require(first < self.macroblocks(), at)?;
            let left = self.macroblocks() - first;
            require((1..=left).contains(&macroblocks), at + 4)?;
            self.forced_intra.push(first..first + macroblocks);
        }
        Ok(())
    }
}

/// A signed byte within +-`limit`.
fn signed(bytes: &[u8], at: usize, limit: i8) -> Result<i8, BadField> {
    let value = bytes[at] as i8;
    require((-limit..=limit).contains(&value), at)?;
    Ok(value)
}

/// Macroblocks of one dimension of a picture of up to `max` samples.
fn macroblocks(bytes: &[u8], at: usize, max: u32) -> Result<u16, BadField> {
    let value = u16_at(bytes, at);
    require((1..=max / 16).contains(&u32::from(value)), at)?;
    Ok(value)
}

/// Visible samples of one dimension of a picture of `mbs` macroblocks: those of the source, or
/// all when there is none.
fn samples(bytes: &[u8], at: usize, mbs: u16, all_skip: bool) -> Result<u16, BadField> {
    let value = u16_at(bytes, at);
    if all_skip {
        require(value == 0, at)?;
        return Ok(mbs * 16);
    }
    let fits = value % 2 == 0 && u32::from(value) >= MIN_SIZE && value.div_ceil(16) == mbs;
    require(fits, at)?;
    Ok(value)
}

/// Bytes of a line and lines of each plane.
fn plane_sizes(format: SourceFormat, width: u32, height: u32) -> [(u32, u32); 3] {
    match format {
        SourceFormat::Nv12 => [(width, height), (width, height / 2), (0, 0)],
        SourceFormat::I420 => [
            (width, height),
            (width / 2, height / 2),
            (width / 2, height / 2),
        ],
        SourceFormat::Yuyv | SourceFormat::Uyvy => [(2 * width, height), (0, 0), (0, 0)],
    }
}

fn source_planes(
    bytes: &[u8],
    all_skip: bool,
    format: SourceFormat,
    width: u16,
    height: u16,
) -> Result<[Plane; 3], BadField> {
    let sizes = if all_skip {
        [(0, 0); 3]
    } else {
        plane_sizes(format, width.into(), height.into())
    };
    let mut planes = [Plane::default(); 3];
    for (i, (line_bytes, lines)) in sizes.into_iter().enumerate() {
        let at = field::SOURCE_STRIDE + 4 * i;
        let stride = u32_at(bytes, at);
        let fits = if lines == 0 {
            stride == 0
        } else {
            stride >= line_bytes
        };
        require(fits, at)?;
        planes[i] = Plane {
            addr: 0,
            stride,
            line_bytes,
            lines,
        };
    }
    require(u32_at(bytes, field::RESERVED_2C) == 0, field::RESERVED_2C)?;
    for (i, plane) in planes.iter_mut().enumerate() {
        let at = field::SOURCE_ADDR + 8 * i;
        plane.addr = u64_at(bytes, at);
        require((plane.addr != 0) == (plane.lines != 0), at)?;
    }
    Ok(planes)
}
