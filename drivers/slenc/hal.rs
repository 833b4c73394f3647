// SPDX-License-Identifier: GPL-2.0

//! What differs between the generations of the hardware.

use crate::pure::{
    gen1,
    gen2,
    measure::Measurement,
    params::Invalid,
    picture::{
        Capabilities,
        PictureJob, //
    },
    unit_table::Memory,
    units::{
        self,
        Units, //
    }, //
};

/// Bytes of a job descriptor without its result block, at most.
pub(crate) const MAX_DESCRIPTOR_BYTES: usize = gen2::DESCRIPTOR_BYTES;

/// Fills the descriptor of a job, and adds its slices to the units, which are those that come
/// before; or says what of it the hardware cannot do.
type Describe = fn(
    &PictureJob<'_>,
    &Capabilities,
    &Memory,
    &mut Units<'_>,
    &mut [u8],
) -> Result<(), units::Error>;

/// Fills the descriptor of a measurement; or says what of it the hardware cannot do.
type Measure = fn(&Measurement, &Capabilities, &mut [u8]) -> Result<(), Invalid>;

/// The memory layout of a generation.
pub(crate) struct Hal {
    /// Whether the hardware has what this layout is for.
    pub(crate) check: fn(&Capabilities) -> Result<(), Invalid>,

    /// Bytes of a job descriptor without its result block, a multiple of the latter's, and at most
    /// [`MAX_DESCRIPTOR_BYTES`].
    pub(crate) descriptor_bytes: usize,

    /// Makes a job's descriptor.
    pub(crate) describe: Describe,

    /// Makes that of a measurement, where the layout has one.
    pub(crate) measure: Option<Measure>,
}

/// CAVLC, slice headers as bits in memory.
static GEN1: Hal = Hal {
    check: gen1::check_capabilities,
    descriptor_bytes: gen1::DESCRIPTOR_BYTES,
    describe: gen1::describe,
    measure: None,
};

/// CABAC, several references, slice headers from fields of the descriptor.
static GEN2: Hal = Hal {
    check: gen2::check_capabilities,
    descriptor_bytes: gen2::DESCRIPTOR_BYTES,
    describe: gen2::describe,
    measure: Some(gen2::describe_measurement),
};

const _: () = assert!(gen1::DESCRIPTOR_BYTES <= MAX_DESCRIPTOR_BYTES);

/// The layout of a generation that this driver knows.
pub(crate) fn of_generation(generation: u8) -> Option<&'static Hal> {
    match generation {
        1 => Some(&GEN1),
        2 => Some(&GEN2),
        _ => None,
    }
}
