// SPDX-License-Identifier: GPL-2.0

//! The encoding engine of the slenc virtual hardware: one picture in, NAL units out.
//!
//! The engine is a function of its arguments. It keeps no state from picture to picture; the
//! [`Encoder`] only keeps scratch memory, so that a job does not allocate. All memory it is
//! given is the caller's own: the hardware model copies from and to the guest.

mod picture;

pub use picture::{Deblocking, Error, Picture, PictureType, Source, SourceFormat, Stats, Unit};

/// Scratch memory and threads of an encoder.
pub struct Encoder {}

impl Encoder {
    /// Creates an encoder that uses up to `threads` threads; the output does not depend on it.
    pub fn new(threads: usize) -> Self {
        let _ = threads;
        Self {}
    }

    /// Encodes one picture.
    ///
    /// `reference` is the reconstruction a P picture refers to and `recon` receives this
    /// picture's, both in the layout of the hardware manual (luma of the coded size, then
    /// interleaved chroma). `unit_bytes` receives the size of each unit of `picture.units`.
    ///
    /// # Errors
    ///
    /// [`Error::OutputFull`] when `output` is too small; [`Error::Invalid`] when the arguments
    /// contradict each other.
    pub fn encode(
        &mut self,
        picture: &Picture<'_>,
        reference: Option<&[u8]>,
        recon: &mut [u8],
        output: &mut [u8],
        unit_bytes: &mut [u32],
    ) -> Result<Stats, Error> {
        let _ = (picture, reference, recon, output, unit_bytes);
        Err(Error::Invalid("not built yet"))
    }
}
