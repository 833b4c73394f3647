// SPDX-License-Identifier: GPL-2.0

//! The job descriptor, from bytes to a job that contradicts nothing
//! (`Documentation/slenc/hardware.rst`, *Job descriptor*).
//!
//! Fields are checked in the order of their offsets; where two contradict each other the error
//! is the later one's. What both layouts have is here, each layout in a file of its own.

use std::ops::Range;

use slenc_engine::{
    Deblocking,
    EntropyCoding,
    PictureType,
    SourceFormat, //
};

use crate::generation::{
    Generation,
    MAX_FORCED_INTRA,
    MIN_SIZE, //
};
use crate::le::{
    u16_at,
    u32_at,
    u64_at, //
};

mod gen1;
mod gen2;
mod measurement;
mod slice_header;

pub use measurement::Measurement;
pub use slice_header::SliceHeader;

/// A descriptor's address is a multiple of this.
pub const DESCRIPTOR_ALIGN: u64 = 64;

/// Most bytes of header memory.
pub const MAX_HEADER_SIZE: u32 = 1 << 20;

/// Bytes of an entry of the forced intra table.
const FORCED_INTRA_BYTES: usize = 8;

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

/// Lines of bytes in guest memory.
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

/// Sizes of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Coded width in macroblocks.
    pub width_mbs: u16,
    /// Coded height in macroblocks.
    pub height_mbs: u16,
    /// Visible width in samples; the coded width when there is no source.
    pub width: u16,
    /// Visible height in samples; the coded height when there is no source.
    pub height: u16,
}

impl Size {
    /// Macroblocks of the picture.
    pub fn macroblocks(&self) -> u32 {
        u32::from(self.width_mbs) * u32::from(self.height_mbs)
    }

    /// Bytes of a reconstruction.
    pub fn recon_size(&self) -> u32 {
        self.macroblocks() * 384
    }
}

/// A picture to code: a checked descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Type of all slices.
    pub picture_type: PictureType,
    /// Luma QP.
    pub qp: u8,
    /// chroma_qp_index_offset.
    pub chroma_qp_offset: i8,
    /// second_chroma_qp_index_offset, where the descriptor has it.
    pub second_chroma_qp_offset: Option<i8>,
    /// Deblocking filter.
    pub deblocking: Deblocking,
    /// Entropy coding.
    pub entropy_coding: EntropyCoding,
    /// transform_8x8_mode_flag.
    pub transform_8x8: bool,
    /// Its size.
    pub size: Size,
    /// The source; none of an all-skip picture.
    pub source: Option<SourcePlanes>,
    /// QP offsets of the macroblocks; empty when there are none.
    pub qp_map: Plane,
    /// Addresses of the references of a P picture.
    pub references: Vec<u64>,
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
    /// Offset of the number of units in the descriptor.
    pub unit_count_field: usize,
    /// Address of the in-frame control block, if there is one.
    pub control: Option<u64>,
    /// What the hardware writes slice headers from; without, they are bits in header memory.
    pub slice_header: Option<SliceHeader>,
    /// Whether squared errors are measured.
    pub measure_sse: bool,
    /// Macroblocks forced to intra.
    pub forced_intra: Vec<Range<u32>>,
}

/// What a descriptor asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Code a picture.
    Encode(Box<Job>),
    /// Measure a source.
    Measure(Measurement),
}

impl Task {
    /// Parses and checks a descriptor of `generation`, which has as many bytes as its descriptors.
    ///
    /// # Errors
    ///
    /// The first field that is out of range, that contradicts one before it, or that is reserved
    /// and not zero.
    pub fn parse(generation: Generation, bytes: &[u8]) -> Result<Self, BadField> {
        match generation {
            Generation::Gen1 => Ok(Self::Encode(Box::new(gen1::parse(bytes)?))),
            Generation::Gen2 => gen2::parse(bytes),
        }
    }
}

/// Whether all bytes are zero.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// A signed byte within +-`limit`.
fn signed(bytes: &[u8], at: usize, limit: i8) -> Result<i8, BadField> {
    let value = bytes[at] as i8;
    require((-limit..=limit).contains(&value), at)?;
    Ok(value)
}

/// A byte of at most `limit`.
fn byte(bytes: &[u8], at: usize, limit: u8) -> Result<u8, BadField> {
    require(bytes[at] <= limit, at)?;
    Ok(bytes[at])
}

/// Number of a source format.
fn source_format(bytes: &[u8], at: usize) -> Result<SourceFormat, BadField> {
    match bytes[at] {
        0 => Ok(SourceFormat::Nv12),
        1 => Ok(SourceFormat::I420),
        2 => Ok(SourceFormat::Yuyv),
        3 => Ok(SourceFormat::Uyvy),
        _ => Err(BadField(at as u32)),
    }
}

/// Offsets of fields that both layouts have in the same place.
mod field {
    pub(super) const WIDTH_MBS: usize = 0x010;
    pub(super) const HEIGHT_MBS: usize = 0x012;
    pub(super) const SOURCE_WIDTH: usize = 0x014;
    pub(super) const SOURCE_HEIGHT: usize = 0x016;
    pub(super) const SOURCE_STRIDE: usize = 0x020;
    pub(super) const SOURCE_ADDR: usize = 0x030;
}

/// Sizes of a picture, of one that has a source or of one that has none.
fn size(generation: Generation, bytes: &[u8], has_source: bool) -> Result<Size, BadField> {
    let (max_width, max_height) = generation.max_size();
    let width_mbs = macroblocks(bytes, field::WIDTH_MBS, max_width)?;
    let height_mbs = macroblocks(bytes, field::HEIGHT_MBS, max_height)?;
    Ok(Size {
        width_mbs,
        height_mbs,
        width: samples(bytes, field::SOURCE_WIDTH, width_mbs, has_source)?,
        height: samples(bytes, field::SOURCE_HEIGHT, height_mbs, has_source)?,
    })
}

/// Macroblocks of one dimension of a picture of up to `max` samples.
fn macroblocks(bytes: &[u8], at: usize, max: u32) -> Result<u16, BadField> {
    let value = u16_at(bytes, at);
    require((1..=max / 16).contains(&u32::from(value)), at)?;
    Ok(value)
}

/// Visible samples of one dimension of a picture of `mbs` macroblocks: those of the source, or
/// all when there is none.
fn samples(bytes: &[u8], at: usize, mbs: u16, has_source: bool) -> Result<u16, BadField> {
    let value = u16_at(bytes, at);
    if !has_source {
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

/// The planes of a source but for their addresses; none of a picture without a source.
fn source_strides(
    bytes: &[u8],
    format: Option<SourceFormat>,
    size: &Size,
) -> Result<[Plane; 3], BadField> {
    let sizes = format.map_or([(0, 0); 3], |format| {
        plane_sizes(format, size.width.into(), size.height.into())
    });
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
    Ok(planes)
}

/// Gives the planes of a source their addresses.
fn source_addresses(bytes: &[u8], planes: &mut [Plane; 3]) -> Result<(), BadField> {
    for (i, plane) in planes.iter_mut().enumerate() {
        plane_address(bytes, field::SOURCE_ADDR + 8 * i, plane)?;
    }
    Ok(())
}

/// Gives a plane its address, which one without lines does not have.
fn plane_address(bytes: &[u8], at: usize, plane: &mut Plane) -> Result<(), BadField> {
    plane.addr = u64_at(bytes, at);
    require((plane.addr != 0) == (plane.lines != 0), at)
}

/// The reconstruction's address, of which there is none or one that overlaps no reference.
fn reconstruction(
    bytes: &[u8],
    at: usize,
    no_recon: bool,
    references: &[u64],
    size: &Size,
) -> Result<Option<u64>, BadField> {
    let recon = u64_at(bytes, at);
    require((recon != 0) != no_recon, at)?;
    if no_recon {
        return Ok(None);
    }
    for reference in references {
        let distance = reference.abs_diff(recon);
        require(distance >= u64::from(size.recon_size()), at)?;
    }
    Ok(Some(recon))
}

/// Address of the in-frame control block; a picture without a source has none.
fn control(bytes: &[u8], at: usize, has_source: bool) -> Result<Option<u64>, BadField> {
    let control = u64_at(bytes, at);
    require(control % 8 == 0 && (has_source || control == 0), at)?;
    Ok((control != 0).then_some(control))
}

/// Forced-intra ranges, of which `count` are used.
fn forced_intra(
    bytes: &[u8],
    at: usize,
    count: usize,
    macroblocks: u32,
) -> Result<Vec<Range<u32>>, BadField> {
    let mut ranges = Vec::with_capacity(count);
    for i in 0..MAX_FORCED_INTRA as usize {
        let at = at + FORCED_INTRA_BYTES * i;
        let (first, length) = (u32_at(bytes, at), u32_at(bytes, at + 4));
        if i >= count {
            require(first == 0, at)?;
            require(length == 0, at + 4)?;
            continue;
        }
        require(first < macroblocks, at)?;
        let left = macroblocks - first;
        require((1..=left).contains(&length), at + 4)?;
        ranges.push(first..first + length);
    }
    Ok(ranges)
}
