// SPDX-License-Identifier: GPL-2.0

//! Memory that only the hardware uses: reconstructions.
//!
//! Open files use it, and they may outlive the binding to the device; a DMA allocation may not.
//! When the device is unplugged its IOMMU domain goes, and what is freed later is freed as if there
//! had never been one. So the hardware owns the allocations, and files have [`Reconstruction`]s.

use super::{
    Client,
    Hardware, //
};
use kernel::{
    dma::{
        CoherentHandle,
        DmaAddress, //
    },
    prelude::*,
    sync::Arc, //
};
use media::Charge;

/// The allocations of a bound device.
pub(super) struct Pool(KVec<CoherentHandle>);

impl Pool {
    pub(super) const fn new() -> Self {
        Self(KVec::new())
    }
}

/// Memory for a reconstruction. It is given back when this is dropped, and at unbind at the latest:
/// no job starts after that.
pub(crate) struct Reconstruction<C: Client> {
    hardware: Arc<Hardware<C>>,
    address: DmaAddress,
    // Given back after the memory is.
    _charge: Charge,
}

impl<C: Client> Reconstruction<C> {
    /// Allocates `size` bytes, for which `charge` was taken; [`ENODEV`] when the device is not bound
    /// any more.
    #[expect(unsafe_code, reason = "the edge of DMA")]
    pub(crate) fn new(hardware: &Arc<Hardware<C>>, size: usize, charge: Charge) -> Result<Self> {
        let mut pool = hardware.pool.lock();
        let Some(Pool(pool)) = &mut *pool else {
            return Err(ENODEV);
        };
        // SAFETY: The device is bound as long as there is a pool, which `detach` takes away before
        // unbind ends, and for which it has to wait for this lock.
        let dev = unsafe { hardware.dev.as_ref().as_bound() };
        let memory = CoherentHandle::alloc(dev, size, GFP_KERNEL)?;
        let address = memory.dma_address();
        pool.push(memory, GFP_KERNEL)?;
        Ok(Self {
            hardware: hardware.clone(),
            address,
            _charge: charge,
        })
    }

    /// Its bus address.
    pub(crate) fn address(&self) -> DmaAddress {
        self.address
    }
}

impl<C: Client> Drop for Reconstruction<C> {
    fn drop(&mut self) {
        // Freed with the lock held, so that it happens before unbind ends.
        if let Some(Pool(pool)) = &mut *self.hardware.pool.lock() {
            pool.retain(|memory| memory.dma_address() != self.address);
        }
    }
}
