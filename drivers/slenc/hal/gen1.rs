// SPDX-License-Identifier: GPL-2.0

//! The first generation: CAVLC, slice headers as bits in memory.

use super::{
    Hal,
    DESCRIPTOR_BYTES,
    RESULT_BYTES,
    UNIT_BYTES, //
};
use crate::pure::{
    gen1::{
        self,
        Memory, //
    },
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

/// Generation 1.
pub(super) struct Gen1;

impl Hal for Gen1 {
    fn check(&self, able: &Capabilities) -> Result<(), Invalid> {
        gen1::check_capabilities(able)
    }

    fn describe(
        &self,
        job: &PictureJob<'_>,
        able: &Capabilities,
        memory: &Memory,
        units: &mut Units<'_>,
        descriptor: &mut [u8; DESCRIPTOR_BYTES],
    ) -> Result<(), units::Error> {
        gen1::describe(job, able, memory, units, descriptor)
    }

    fn describe_unit(&self, unit: &Unit) -> [u8; UNIT_BYTES] {
        gen1::describe_unit(unit)
    }

    fn result(
        &self,
        block: &[u8; RESULT_BYTES],
        expected: &Expected,
    ) -> Result<Completion, Failure> {
        gen1::parse_result(block, expected)
    }
}
