// SPDX-License-Identifier: GPL-2.0

//! What the engine is given and what it gives back.

use std::ops::Range;

/// Layout of a source picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFormat {
    /// Luma plane, then a plane of interleaved Cb and Cr.
    Nv12,
    /// Luma, Cb and Cr planes.
    I420,
    /// Packed 4:2:2, Y0 Cb Y1 Cr.
    Yuyv,
    /// Packed 4:2:2, Cb Y0 Cr Y1.
    Uyvy,
}

/// A source picture of any even size up to the coded size.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Layout.
    pub format: SourceFormat,
    /// Width in samples.
    pub width: usize,
    /// Height in samples.
    pub height: usize,
    /// Planes the format has; others are empty.
    pub planes: [&'a [u8]; 3],
    /// Bytes from line to line of each plane.
    pub strides: [usize; 3],
}

/// Type of a picture and of all its slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PictureType {
    /// Predicted from references.
    P,
    /// Intra only.
    #[default]
    I,
}

/// Most references of a P picture.
pub const MAX_REFERENCES: usize = 4;

/// Parameters of the deblocking filter, as the slice headers carry them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deblocking {
    /// disable_deblocking_filter_idc: 0 on, 1 off, 2 on but not across slices.
    pub disable_idc: u8,
    /// slice_alpha_c0_offset_div2, -6..=6.
    pub alpha_c0_offset_div2: i8,
    /// slice_beta_offset_div2, -6..=6.
    pub beta_offset_div2: i8,
}

/// A NAL unit to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unit<'a> {
    /// Bytes of start code before it: 0, 3 or 4.
    pub start_code: u8,
    /// NAL unit header byte and payload bits, without emulation prevention, most significant
    /// bit first.
    pub bits: &'a [u8],
    /// Number of bits used of `bits`.
    pub bit_length: usize,
    /// Of a slice: its macroblock rows, coded behind the bits. A whole unit has none.
    pub rows: Option<(usize, usize)>,
}

/// One picture to encode.
#[derive(Clone, Debug, Default)]
pub struct Picture<'a> {
    /// Coded width in macroblocks.
    pub width_mbs: usize,
    /// Coded height in macroblocks.
    pub height_mbs: usize,
    /// The source; `None` for an all-skip picture, which repeats the first reference.
    pub source: Option<Source<'a>>,
    /// Picture type.
    pub picture_type: PictureType,
    /// Luma QP, 0..=51.
    pub qp: u8,
    /// chroma_qp_index_offset, -12..=12.
    pub chroma_qp_index_offset: i8,
    /// Deblocking filter.
    pub deblocking: Deblocking,
    /// Macroblocks forced to intra in a P picture, in raster order.
    pub forced_intra: &'a [Range<u32>],
    /// NAL units in stream order; the slices cover the picture in order.
    pub units: &'a [Unit<'a>],
}

/// What the hardware reports of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes written, all units.
    pub bytes: u32,
    /// Start codes, whole units and slice headers, in bits.
    pub header_bits: u32,
    /// Slice data with trailing bits.
    pub slice_data_bits: u32,
    /// Emulation prevention bytes.
    pub emulation_bytes: u32,
    /// Sum over macroblocks of QP'Y.
    pub qp_sum: u32,
    /// Lowest QP'Y of a macroblock.
    pub qp_min: u8,
    /// Highest QP'Y of a macroblock.
    pub qp_max: u8,
    /// Nonzero transform coefficient levels.
    pub nonzero: u32,
    /// Intra macroblocks, I_PCM included.
    pub intra_mbs: u32,
    /// P_Skip macroblocks.
    pub skip_mbs: u32,
    /// I_PCM macroblocks.
    pub pcm_mbs: u32,
    /// Sum of absolute differences of source and prediction, luma.
    pub sad_sum: u64,
    /// Sum of absolute differences of luma and its mean in each macroblock.
    pub mad_sum: u64,
}

/// Why a picture could not be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The output is too small.
    OutputFull,
    /// The arguments contradict each other.
    Invalid(&'static str),
    /// The caller asked to stop.
    Stopped,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OutputFull => f.write_str("the output is too small"),
            Self::Stopped => f.write_str("stopped"),
            Self::Invalid(what) => write!(f, "invalid arguments: {what}"),
        }
    }
}

impl std::error::Error for Error {}
