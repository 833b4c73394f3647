// SPDX-License-Identifier: GPL-2.0

//! The generations of the hardware and how they differ (`Documentation/slenc/hardware.rst`,
//! *Registers*).

use clap::ValueEnum;

const CAP_CAVLC: u32 = 1 << 0;
const CAP_CABAC: u32 = 1 << 1;
const CAP_TRANSFORM_8X8: u32 = 1 << 2;
const CAP_HEADER_BITS: u32 = 1 << 3;
const CAP_HEADER_FIELDS: u32 = 1 << 4;
const CAP_ALL_SKIP: u32 = 1 << 5;
const CAP_FORCED_INTRA: u32 = 1 << 6;
const CAP_CHECKPOINTS: u32 = 1 << 7;
const CAP_ROWS: u32 = 1 << 8;
const CAP_HARD_MAX: u32 = 1 << 9;
const CAP_PRE_ANALYSIS: u32 = 1 << 10;
const CAP_SSE: u32 = 1 << 11;
const CAP_QP_MAP: u32 = 1 << 12;

/// Smallest width and height in samples.
pub const MIN_SIZE: u32 = 16;

/// Ranges of macroblocks forced to intra.
pub const MAX_FORCED_INTRA: u32 = 16;

/// A generation of the hardware.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Generation {
    /// CAVLC, one reference, slice headers as bits.
    #[default]
    Gen1,
    /// CABAC, 8x8 transform, four references, slice headers as fields.
    Gen2,
}

impl Generation {
    /// VERSION: the generation, revision 1.
    pub const fn version(self) -> u32 {
        match self {
            Self::Gen1 => 0x101,
            Self::Gen2 => 0x102,
        }
    }

    /// CAPS.
    pub const fn caps(self) -> u32 {
        let both = CAP_CAVLC | CAP_ALL_SKIP | CAP_FORCED_INTRA;
        match self {
            Self::Gen1 => both | CAP_HEADER_BITS | CAP_CHECKPOINTS,
            Self::Gen2 => {
                both | CAP_CABAC
                    | CAP_TRANSFORM_8X8
                    | CAP_HEADER_FIELDS
                    | CAP_ROWS
                    | CAP_HARD_MAX
                    | CAP_PRE_ANALYSIS
                    | CAP_SSE
                    | CAP_QP_MAP
            }
        }
    }

    /// References of a picture.
    pub const fn references(self) -> u32 {
        match self {
            Self::Gen1 => 1,
            Self::Gen2 => 4,
        }
    }

    /// NAL units of a job.
    pub const fn units(self) -> u32 {
        match self {
            Self::Gen1 => 64,
            Self::Gen2 => 128,
        }
    }

    /// Largest width and height in samples.
    pub const fn max_size(self) -> (u32, u32) {
        match self {
            Self::Gen1 => (1920, 1088),
            Self::Gen2 => (4096, 2304),
        }
    }

    /// Bytes of the descriptor that the driver writes; the result block follows.
    pub const fn descriptor_size(self) -> usize {
        match self {
            Self::Gen1 => 256,
            Self::Gen2 => 512,
        }
    }
}
