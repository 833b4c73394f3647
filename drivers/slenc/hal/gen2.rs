// SPDX-License-Identifier: GPL-2.0

//! The second generation: CABAC, several references, slice headers from fields of the descriptor.

use super::Hal;
use crate::pure::{
    gen2,
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

/// Generation 2.
pub(super) struct Gen2;

impl Hal for Gen2 {
    fn check(&self, able: &Capabilities) -> Result<(), Invalid> {
        gen2::check_capabilities(able)
    }

    fn descriptor_bytes(&self) -> usize {
        gen2::DESCRIPTOR_BYTES
    }

    fn describe(
        &self,
        job: &PictureJob<'_>,
        able: &Capabilities,
        memory: &Memory,
        units: &mut Units<'_>,
        descriptor: &mut [u8],
    ) -> Result<(), units::Error> {
        gen2::describe(job, able, memory, units, descriptor)
    }

    fn result(
        &self,
        block: &[u8; RESULT_BYTES],
        expected: &Expected,
    ) -> Result<Completion, Failure> {
        result::parse(block, expected)
    }
}
