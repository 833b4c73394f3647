// SPDX-License-Identifier: GPL-2.0

//! Memory that the driver and the hardware share: descriptor, result, unit table, headers, in-frame
//! control.

use crate::{
    hal::{
        Hal,
        MAX_DESCRIPTOR_BYTES, //
    },
    pure::{
        in_frame::CONTROL_BYTES,
        measure::Measurement,
        picture::{
            Capabilities,
            PictureJob, //
        },
        result::RESULT_BYTES,
        unit_table::{
            self,
            Memory,
            UNIT_BYTES, //
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

/// What descriptors consist of: they are as long as some result blocks.
type Block = [u8; RESULT_BYTES];

/// The tag's 32-bit word in a result block, of any generation.
const RESULT_TAG_WORD: usize = 1;

/// The memory of the one job that can run.
pub(super) struct JobMemory {
    /// The descriptor and behind it the result block.
    descriptor: Coherent<[Block]>,
    /// Which of the blocks is the result block.
    result: usize,
    units: Coherent<[[u8; UNIT_BYTES]]>,
    headers: Coherent<[u8]>,
    control: Coherent<[u8; CONTROL_BYTES]>,
    /// What goes to `units` and `headers`, until all of it is known to fit.
    new_units: KVec<Unit>,
    new_headers: KVec<u8>,
}

impl JobMemory {
    pub(super) fn new(dev: &Device<Bound>, hal: &Hal, units: u8) -> Result<Self> {
        let result = hal.descriptor_bytes / RESULT_BYTES;
        Ok(Self {
            descriptor: Coherent::zeroed_slice(dev, result.saturating_add(1), GFP_KERNEL)?,
            result,
            units: Coherent::zeroed_slice(dev, usize::from(units), GFP_KERNEL)?,
            headers: Coherent::zeroed_slice(dev, HEADER_BYTES, GFP_KERNEL)?,
            control: Coherent::zeroed(dev, GFP_KERNEL)?,
            new_units: KVec::from_elem(Unit::EMPTY, usize::from(units), GFP_KERNEL)?,
            new_headers: KVec::from_elem(0, HEADER_BYTES, GFP_KERNEL)?,
        })
    }

    /// Bus address of the descriptor.
    pub(super) fn address(&self) -> u64 {
        self.descriptor.dma_address()
    }

    /// Writes a picture's job and zeroes its result block.
    ///
    /// The hardware must not be running: it would read half of one job and half of another.
    pub(super) fn write(
        &mut self,
        hal: &Hal,
        job: &PictureJob<'_>,
        able: &Capabilities,
    ) -> Result<Result<(), units::Error>> {
        let memory = Memory {
            headers: self.headers.dma_address(),
            units: self.units.dma_address(),
            control: self.control.dma_address(),
        };
        let mut descriptor = [0; MAX_DESCRIPTOR_BYTES];
        let descriptor = descriptor.get_mut(..hal.descriptor_bytes).ok_or(EINVAL)?;
        let described = Units::after(job.units, &mut self.new_headers, &mut self.new_units)
            .map_err(units::Error::from)
            .and_then(|mut units| {
                (hal.describe)(job, able, &memory, &mut units, descriptor)?;
                Ok(units)
            });
        let units = match described {
            Ok(units) => units,
            Err(error) => return Ok(Err(error)),
        };
        let headers = units.bytes();
        io_project!(self.headers, [try: ..headers.len()]).copy_from_slice(headers);
        for (n, unit) in units.units().iter().enumerate() {
            io_project!(self.units, [try: n]).copy_write(unit_table::describe(unit));
        }
        if let Some(control) = job.in_frame {
            self.control.copy_write(control.describe(able));
        }
        self.write_descriptor(descriptor).map(Ok)
    }

    /// Does what [`Self::write`] does, with a measurement.
    pub(super) fn write_measurement(
        &mut self,
        hal: &Hal,
        measurement: &Measurement,
        able: &Capabilities,
    ) -> Result<Result<(), units::Error>> {
        let mut descriptor = [0; MAX_DESCRIPTOR_BYTES];
        let descriptor = descriptor.get_mut(..hal.descriptor_bytes).ok_or(EINVAL)?;
        let measure = hal.measure.ok_or(EINVAL)?;
        match measure(measurement, able, descriptor) {
            Ok(()) => self.write_descriptor(descriptor).map(Ok),
            Err(invalid) => Ok(Err(invalid.into())),
        }
    }

    fn write_descriptor(&mut self, descriptor: &[u8]) -> Result {
        for (n, block) in descriptor.chunks_exact(RESULT_BYTES).enumerate() {
            let block = Block::try_from(block).map_err(|_| EINVAL)?;
            io_project!(self.descriptor, [try: n]).copy_write(block);
        }
        io_project!(self.descriptor, [try: self.result]).copy_write([0; RESULT_BYTES]);
        Ok(())
    }

    fn result_block(&self) -> Result<CoherentView<'_, Block>> {
        Ok(io_project!(self.descriptor, [try: self.result]))
    }

    /// The result block, if it is that of the job with this tag.
    pub(super) fn result(&self, tag: u32) -> Option<[u8; RESULT_BYTES]> {
        let result = self.result_block().ok()?;
        let words: CoherentView<'_, [u32; RESULT_BYTES / 4]> = result.try_cast().ok()?;
        if u32::from_le(io_read!(words, [build: RESULT_TAG_WORD])) != tag {
            return None;
        }
        // The hardware writes the tag last: what is read from here on is not older.
        barrier::dma_mb(barrier::Read);
        Some(result.copy_read())
    }
}
