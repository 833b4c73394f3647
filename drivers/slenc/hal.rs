// SPDX-License-Identifier: GPL-2.0

//! What differs between the generations of the hardware.

use crate::pure::{
    gen2::DESCRIPTOR_BYTES,
    params::Invalid,
    picture::{
        Capabilities,
        Completion,
        Expected,
        Failure,
        PictureJob, //
    },
    result::RESULT_BYTES,
    unit_table::Memory,
    units::{
        self,
        Units, //
    }, //
};

mod gen1;
mod gen2;

/// Bytes of a job descriptor without its result block, at most.
pub(crate) const MAX_DESCRIPTOR_BYTES: usize = DESCRIPTOR_BYTES;

/// The memory layouts of a generation.
pub(crate) trait Hal: Send + Sync {
    /// Whether the hardware has what these layouts are for.
    fn check(&self, able: &Capabilities) -> Result<(), Invalid>;

    /// Bytes of a job descriptor without its result block, a multiple of [`RESULT_BYTES`].
    fn descriptor_bytes(&self) -> usize;

    /// Fills the descriptor of a job, and adds its slices to `units`, which are those that come
    /// before; or says what of it the hardware cannot do.
    fn describe(
        &self,
        job: &PictureJob<'_>,
        able: &Capabilities,
        memory: &Memory,
        units: &mut Units<'_>,
        descriptor: &mut [u8],
    ) -> Result<(), units::Error>;

    /// Reads a result block, and believes only what can be true.
    fn result(
        &self,
        block: &[u8; RESULT_BYTES],
        expected: &Expected,
    ) -> Result<Completion, Failure>;
}

/// The layouts of a generation that this driver knows.
pub(crate) fn of_generation(generation: u8) -> Option<&'static dyn Hal> {
    match generation {
        1 => Some(&gen1::Gen1),
        2 => Some(&gen2::Gen2),
        _ => None,
    }
}
