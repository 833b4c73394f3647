// SPDX-License-Identifier: GPL-2.0

//! What the engine is given and what it gives back.

use std::ops::Range;

use crate::in_frame::{InFrame, InFrameStats};
use crate::mode::Decided;
use crate::slice_header::{SliceHeader, MAX_BYTES};

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

/// How syntax elements below the slice header are coded, entropy_coding_mode_flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntropyCoding {
    /// Variable-length codes.
    #[default]
    Cavlc,
    /// Arithmetic code.
    Cabac {
        /// cabac_init_idc of the slices of a P picture, 0..=2.
        init_idc: u8,
    },
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
    /// Of a slice: NAL unit header and slice header to write in place of bits, which are empty
    /// then.
    pub header: Option<&'a SliceHeader<'a>>,
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
    /// second_chroma_qp_index_offset, of Cr, -12..=12; `None` where a PPS does not have it.
    pub second_chroma_qp_index_offset: Option<i8>,
    /// Deblocking filter.
    pub deblocking: Deblocking,
    /// Entropy coding.
    pub entropy_coding: EntropyCoding,
    /// transform_8x8_mode_flag: macroblocks choose between the 4x4 and the 8x8 transform.
    pub transform_8x8: bool,
    /// Differences of the macroblocks' QPs from `qp`, in raster order; empty when there are none.
    /// QPs are clamped to 0..=51.
    pub qp_offsets: &'a [i8],
    /// Rate control within the picture.
    pub in_frame: Option<InFrame<'a>>,
    /// Whether [`Stats::sse`] is wanted.
    pub measure_sse: bool,
    /// Macroblocks forced to intra in a P picture, in raster order.
    pub forced_intra: &'a [Range<u32>],
    /// NAL units in stream order; the slices cover the picture in order.
    pub units: &'a [Unit<'a>],
}

impl Picture<'_> {
    /// Most bytes that the units of a valid picture can have.
    pub fn output_bound(&self) -> u64 {
        // 3200 bits of macroblock_layer() (ITU-T H.264, A.3.1), and what stands between two.
        const MACROBLOCK: u64 = (3200 + 32) / 8;
        // With CABAC, some 9700 bins: in each of 26 blocks up to 255 with contexts, and 3200 bits
        // of others. Clause 7.4.2.10 wants 3 bytes for 32 bins.
        const MACROBLOCK_OF_BINS: u64 = 9700 * 3 / 32;
        let macroblock = match self.entropy_coding {
            EntropyCoding::Cavlc => MACROBLOCK,
            EntropyCoding::Cabac { .. } => MACROBLOCK_OF_BINS,
        };
        let of_unit = |unit: &Unit<'_>| match unit.header {
            Some(_) => MAX_BYTES as u64,
            None => (unit.bit_length / 8 + 1) as u64,
        };
        let bits: u64 = self.units.iter().map(of_unit).sum();
        let (mbs, units) = (
            self.width_mbs as u64 * self.height_mbs as u64,
            self.units.len() as u64,
        );
        // One byte for each unit's trailing bits, one emulation prevention byte for each two
        // others, and start codes.
        let payload = bits + mbs * macroblock + units;
        payload + payload / 2 + 4 * units
    }

    /// Offsets of the QP of Cb and of Cr.
    pub(crate) fn chroma_offsets(&self) -> [i8; 2] {
        let first = self.chroma_qp_index_offset;
        [first, self.second_chroma_qp_index_offset.unwrap_or(first)]
    }
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
    /// Sums of squared differences of the source as 4:2:0 and the reconstruction, of Y, Cb and Cr,
    /// within the size of the source; if there is a source, and they were asked for.
    pub sse: Option<[u64; 3]>,
    /// What came of rate control within the picture.
    pub in_frame: InFrameStats,
}

impl Stats {
    /// Counts the QP of a macroblock.
    pub(crate) fn note_qp(&mut self, qp: u8) {
        self.qp_sum += u32::from(qp);
        self.qp_min = self.qp_min.min(qp);
        self.qp_max = self.qp_max.max(qp);
    }

    /// Counts what was measured for a macroblock.
    pub(crate) fn note_decision(&mut self, decided: &Decided) {
        self.sad_sum += u64::from(decided.sad);
        self.mad_sum += u64::from(decided.mad);
    }

    /// Adds the counts of a part of the picture.
    pub(crate) fn add(&mut self, part: &Self) {
        self.qp_sum += part.qp_sum;
        self.qp_min = self.qp_min.min(part.qp_min);
        self.qp_max = self.qp_max.max(part.qp_max);
        self.nonzero += part.nonzero;
        self.intra_mbs += part.intra_mbs;
        self.skip_mbs += part.skip_mbs;
        self.pcm_mbs += part.pcm_mbs;
        self.sad_sum += part.sad_sum;
        self.mad_sum += part.mad_sum;
    }
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
