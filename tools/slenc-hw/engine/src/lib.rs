// SPDX-License-Identifier: GPL-2.0

//! The encoding engine of the slenc virtual hardware: one picture in, NAL units out.
//!
//! The engine is a function of its arguments. It keeps no state from picture to picture; the
//! [`Encoder`] only keeps scratch memory, so that a job does not allocate. All memory it is
//! given is the caller's own: the hardware model copies from and to the guest.

mod analysis;
mod bits;
mod budget;
mod cabac;
mod cavlc;
mod check;
mod deblock;
mod encoder;
mod floor;
mod in_frame;
mod inter;
mod intra;
mod macroblock;
mod mode;
mod nal;
mod picture;
mod picture_job;
mod quant;
mod quant8;
mod quantisers;
mod residual;
mod row;
mod row_control;
mod row_output;
mod rows;
mod serial;
mod simd;
mod slice_header;
mod source;
mod sse;
mod syntax;
mod transform;
mod transform8;
mod zero_words;

pub use analysis::{Analysis, MotionAnalysis};
pub use encoder::Encoder;
pub use in_frame::{Checkpoint, Correction, InFrame, InFrameStats, MAX_CHECKPOINTS};
pub use picture::{
    Deblocking, EntropyCoding, Error, Picture, PictureType, Source, SourceFormat, Stats, Unit,
    MAX_REFERENCES,
};
pub use slice_header::{ListModification, Marking, SliceHeader};
