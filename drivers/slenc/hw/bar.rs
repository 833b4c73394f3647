// SPDX-License-Identifier: GPL-2.0

//! Access to the registers, as long as there are any.

use crate::{
    pure::{
        in_frame::MAX_CHECKPOINTS,
        picture::Capabilities, //
    },
    regs, //
};
use kernel::{
    device::Core,
    io::{
        poll::read_poll_timeout,
        Io, //
    },
    pci,
    prelude::*,
    time::Delta, //
};

/// BAR 0. After unbind every access fails with [`ENODEV`].
pub(super) struct Bar(pci::DevresBar<{ regs::END }>);

impl Bar {
    const RESET_POLL: Delta = Delta::from_micros(100);
    const RESET_TIMEOUT: Delta = Delta::from_millis(500);

    pub(super) fn new(pdev: &pci::Device<Core<'_>>) -> Result<Self> {
        let bar = pdev.iomap_region_sized::<{ regs::END }>(0, c"slenc")?;
        Ok(Self(bar.into_devres()?))
    }

    /// Reads who is there; [`ENODEV`] when it is nobody this driver knows. What it says of itself
    /// is not checked.
    pub(super) fn identify(&self) -> Result<Capabilities> {
        let bar = self.0.try_access().ok_or(ENODEV)?;
        if !bar.read(regs::ID).is_slenc() {
            return Err(ENODEV);
        }
        let version = bar.read(regs::VERSION);
        let caps = bar.read(regs::CAPS);
        let limits = bar.read(regs::LIMITS);
        let (min, max) = (bar.read(regs::MIN_SIZE), bar.read(regs::MAX_SIZE));
        let forced_intra = if caps.forced_intra() {
            limits.forced_intra().into()
        } else {
            0
        };
        let checkpoints = if caps.checkpoints() || caps.rows() {
            // For more there is no place in the control block.
            u8::from(limits.checkpoints()).min(MAX_CHECKPOINTS as u8)
        } else {
            0
        };
        Ok(Capabilities {
            generation: version.generation().into(),
            revision: version.revision().into(),
            min_size: (min.width().into(), min.height().into()),
            max_size: (max.width().into(), max.height().into()),
            formats: bar.read(regs::FORMATS).into_raw(),
            references: limits.references().into(),
            units: limits.units().into(),
            forced_intra,
            all_skip: caps.all_skip(),
            cavlc: caps.cavlc(),
            cabac: caps.cabac(),
            transform_8x8: caps.transform_8x8(),
            header_bits: caps.header_bits(),
            header_fields: caps.header_fields(),
            sse: caps.sse(),
            checkpoints,
            rows: caps.rows(),
            // It is the control block that asks for it.
            hard_max: caps.hard_max() && checkpoints != 0,
            pre_analysis: caps.pre_analysis(),
        })
    }

    /// Whether the device does not answer any more.
    pub(super) fn is_gone(&self) -> bool {
        self.0
            .try_access()
            .is_none_or(|bar| bar.read(regs::ID).is_gone())
    }

    /// Abandons the running job. Once this succeeds the hardware makes no access to memory and
    /// sends no interrupt before the next doorbell. Sleeps.
    pub(super) fn reset(&self) -> Result {
        self.0
            .try_access()
            .ok_or(ENODEV)?
            .write_reg(regs::CTRL::zeroed().with_reset(true));
        // The guard is an RCU read-side critical section, and so is taken anew for each read.
        read_poll_timeout(
            || {
                let bar = self.0.try_access().ok_or(ENODEV)?;
                if bar.read(regs::ID).is_gone() {
                    return Err(ENODEV);
                }
                Ok(bar.read(regs::CTRL))
            },
            |ctrl| !ctrl.reset(),
            Self::RESET_POLL,
            Self::RESET_TIMEOUT,
        )
        .map(|_| ())
    }

    /// Tells the hardware, after a reset, where descriptors are.
    pub(super) fn program(&self, descriptor: u64) -> Result {
        let bar = self.0.try_access().ok_or(ENODEV)?;
        // CAST: The halves of the address.
        bar.write_reg(regs::DESC_ADDR_LO::from_raw(descriptor as u32));
        bar.write_reg(regs::DESC_ADDR_HI::from_raw((descriptor >> 32) as u32));
        bar.write_reg(regs::IRQ_ENABLE::all());
        Ok(())
    }

    /// Starts the job in descriptor memory. The write comes after those to memory.
    pub(super) fn ring(&self, tag: u32) -> Result {
        let bar = self.0.try_access().ok_or(ENODEV)?;
        bar.write_reg(regs::DOORBELL::from_raw(tag));
        Ok(())
    }

    /// Why an interrupt came without a result.
    pub(super) fn irq_status(&self) -> Result<regs::IRQ_STATUS> {
        let bar = self.0.try_access().ok_or(ENODEV)?;
        Ok(bar.read(regs::IRQ_STATUS))
    }
}
