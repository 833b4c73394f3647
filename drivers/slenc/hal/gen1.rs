// SPDX-License-Identifier: GPL-2.0

//! The first generation: CAVLC, slice headers as bits in memory.

use super::Hal;
use crate::pure::{
    gen1,
    params::Invalid,
    picture::{
        Capabilities,
        Completion,
        Expected,
        Failure,
        PictureJob, //
    },
    result::{
        self,
        RESULT_BYTES, //
    },
    unit_table::Memory,
    units::{
        self,
        Units, //
    }, //
};

/// Generation 1.
pub(super) struct Gen1;

impl Hal for Gen1 {
    fn check(&self, able: &Capabilities) -> Result<(), Invalid> {
        gen1::check_capabilities(able)
    }

    fn descriptor_bytes(&self) -> usize {
        gen1::DESCRIPTOR_BYTES
    }

    fn describe(
        &self,
        job: &PictureJob<'_>,
        able: &Capabilities,
        memory: &Memory,
        units: &mut Units<'_>,
        descriptor: &mut [u8],
    ) -> Result<(), units::Error> {
        gen1::describe(job, able, memory, units, descriptor)
    }

    fn result(
        &self,
        block: &[u8; RESULT_BYTES],
        expected: &Expected,
    ) -> Result<Completion, Failure> {
        result::parse(block, expected)
    }
}
