// SPDX-License-Identifier: GPL-2.0

//! Memory that the driver and the hardware share: descriptor, result, unit table, headers.

use crate::{
    hal::{
        Hal,
        DESCRIPTOR_BYTES,
        RESULT_BYTES,
        UNIT_BYTES, //
    },
    pure::{
        gen1::Memory,
        picture::{
            Capabilities,
            PictureJob, //
        },
        units::{
            self,
            Unit,
            Units, //
        }, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    dma::{
        Coherent,
        CoherentView, //
    },
    io::{
        io_project,
        io_read,
        Io, //
    },
    prelude::*,
    sync::barrier, //
};

/// Header memory: parameter sets of some hundred bytes, and some ten of each slice.
const HEADER_BYTES: usize = 8192;

/// A descriptor and behind it its result block, both of half the size.
type Descriptor = [[u8; DESCRIPTOR_BYTES]; 2];

const _: () = assert!(DESCRIPTOR_BYTES == RESULT_BYTES);

/// The tag's 32-bit word in a result block, of any generation.
const RESULT_TAG_WORD: usize = 1;

/// The memory of the one job that can run.
pub(super) struct JobMemory {
    descriptor: Coherent<Descriptor>,
    units: Coherent<[[u8; UNIT_BYTES]]>,
    headers: Coherent<[u8]>,
    /// What goes to `units` and `headers`, until all of it is known to fit.
    new_units: KVec<Unit>,
    new_headers: KVec<u8>,
}

impl JobMemory {
    pub(super) fn new(dev: &Device<Bound>, units: u8) -> Result<Self> {
        Ok(Self {
            descriptor: Coherent::zeroed(dev, GFP_KERNEL)?,
            units: Coherent::zeroed_slice(dev, usize::from(units), GFP_KERNEL)?,
            headers: Coherent::zeroed_slice(dev, HEADER_BYTES, GFP_KERNEL)?,
            new_units: KVec::from_elem(Unit::EMPTY, usize::from(units), GFP_KERNEL)?,
            new_headers: KVec::from_elem(0, HEADER_BYTES, GFP_KERNEL)?,
        })
    }

    /// Bus address of the descriptor.
    pub(super) fn address(&self) -> u64 {
        self.descriptor.dma_address()
    }

    /// Writes a job and zeroes its result block.
    ///
    /// The hardware must not be running: it would read half of one job and half of another.
    pub(super) fn write(
        &mut self,
        hal: &dyn Hal,
        job: &PictureJob<'_>,
        able: &Capabilities,
    ) -> Result<Result<(), units::Error>> {
        let memory = Memory {
            headers: self.headers.dma_address(),
            units: self.units.dma_address(),
        };
        let mut descriptor = [0; DESCRIPTOR_BYTES];
        let described = Units::after(job.units, &mut self.new_headers, &mut self.new_units)
            .map_err(units::Error::from)
            .and_then(|mut units| {
                hal.describe(job, able, &memory, &mut units, &mut descriptor)?;
                Ok(units)
            });
        let units = match described {
            Ok(units) => units,
            Err(error) => return Ok(Err(error)),
        };
        let headers = units.bytes();
        io_project!(self.headers, [try: ..headers.len()]).copy_from_slice(headers);
        for (n, unit) in units.units().iter().enumerate() {
            io_project!(self.units, [try: n]).copy_write(hal.describe_unit(unit));
        }
        io_project!(self.descriptor, [build: 0]).copy_write(descriptor);
        io_project!(self.descriptor, [build: 1]).copy_write([0; RESULT_BYTES]);
        Ok(Ok(()))
    }

    /// The result block, if it is that of the job with this tag.
    pub(super) fn result(&self, tag: u32) -> Option<[u8; RESULT_BYTES]> {
        let result = io_project!(self.descriptor, [build: 1]);
        let words: CoherentView<'_, [u32; RESULT_BYTES / 4]> = result.try_cast().ok()?;
        if u32::from_le(io_read!(words, [build: RESULT_TAG_WORD])) != tag {
            return None;
        }
        // The hardware writes the tag last: what is read from here on is not older.
        barrier::dma_mb(barrier::Read);
        Some(result.copy_read())
    }
}
