// SPDX-License-Identifier: GPL-2.0

//! What differs between the generations of the hardware.

use crate::pure::{
    gen1::Memory,
    params::Invalid,
    picture::{
        Capabilities,
        Completion,
        Expected,
        Failure,
        PictureJob, //
    },
    units::{
        self,
        Unit,
        Units, //
    },
};

mod gen1;

/// Bytes of a job descriptor without its result block, of any generation.
pub(crate) const DESCRIPTOR_BYTES: usize = crate::pure::gen1::DESCRIPTOR_BYTES;
/// Bytes of a result block.
pub(crate) const RESULT_BYTES: usize = crate::pure::gen1::RESULT_BYTES;
/// Bytes of an entry of the unit table.
pub(crate) const UNIT_BYTES: usize = crate::pure::gen1::UNIT_BYTES;

/// The memory layouts of a generation.
pub(crate) trait Hal: Send + Sync {
    /// Whether the hardware has what these layouts are for.
    fn check(&self, able: &Capabilities) -> Result<(), Invalid>;

    /// Fills the descriptor of a job, and adds its slices to `units`, which are those that come
    /// before; or says what of it the hardware cannot do.
    fn describe(
        &self,
        job: &PictureJob<'_>,
        able: &Capabilities,
        memory: &Memory,
        units: &mut Units<'_>,
        descriptor: &mut [u8; DESCRIPTOR_BYTES],
    ) -> Result<(), units::Error>;

    /// Makes an entry of the unit table.
    fn describe_unit(&self, unit: &Unit) -> [u8; UNIT_BYTES];

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
        _ => None,
    }
}
