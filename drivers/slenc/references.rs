// SPDX-License-Identifier: GPL-2.0

//! What is known of a stream from picture to picture: references, the parameter sets that decoders
//! have, and the picture that is being coded.
//!
//! A picture is planned, coded and committed. One that fails leaves everything as it was, so that
//! what comes next refers to what decoders really have.

use crate::{
    device::EncoderDevice,
    hw::Hardware,
    pure::{
        adapt,
        dpb::{
            Dpb,
            Plan, //
        },
        params::{
            Pps,
            Sps, //
        },
        picture::Capabilities, //
    }, //
};
use kernel::{
    dma::{
        CoherentHandle,
        DmaAddress, //
    },
    prelude::*,
    sync::Arc, //
};

/// Bytes of a macroblock's reconstruction: 4:2:0 with 8 bits.
const RECONSTRUCTION_MB_BYTES: usize = 384;

/// The parameter sets that were written last.
pub(crate) struct ParameterSets {
    pub(crate) sps: Sps,
    pub(crate) pps: Pps,
    /// What else the SPS says.
    pub(crate) described: adapt::Stream,
}

/// The picture that is being coded.
pub(crate) struct Pending {
    pub(crate) plan: Plan,
    /// Parameter sets that are with it.
    pub(crate) sets: Option<ParameterSets>,
    /// QP asked for.
    pub(crate) qp: u8,
}

/// The stream of an open file.
pub(crate) struct Stream {
    pub(crate) dpb: Dpb,
    pub(crate) sets: Option<ParameterSets>,
    pub(crate) pending: Option<Pending>,
    reconstructions: KVec<CoherentHandle>,
    /// Coded size in macroblocks that the reconstructions are for.
    size_mbs: (u16, u16),
}

impl Stream {
    /// Makes a stream that has not started.
    pub(crate) fn new() -> Self {
        Self {
            dpb: Dpb::new(),
            sets: None,
            pending: None,
            reconstructions: KVec::new(),
            size_mbs: (0, 0),
        }
    }

    /// Starts a stream: allocates its reconstructions.
    pub(crate) fn start(
        &mut self,
        hardware: &Arc<Hardware<EncoderDevice>>,
        capabilities: &Capabilities,
        size_mbs: (u16, u16),
    ) -> Result {
        self.stop();
        let size = usize::from(size_mbs.0)
            .checked_mul(size_mbs.1.into())
            .and_then(|mbs| mbs.checked_mul(RECONSTRUCTION_MB_BYTES))
            .ok_or(EOVERFLOW)?;
        for _ in 0..Dpb::slots(capabilities.references) {
            let reconstruction = hardware.alloc(size)?;
            self.reconstructions.push(reconstruction, GFP_KERNEL)?;
        }
        self.size_mbs = size_mbs;
        Ok(())
    }

    /// Ends a stream: forgets its pictures. No job of it runs.
    pub(crate) fn stop(&mut self) {
        self.dpb.clear();
        self.sets = None;
        self.pending = None;
        self.reconstructions.clear();
        self.size_mbs = (0, 0);
    }

    /// Returns where the reconstruction in `slot` is, of pictures of this size.
    pub(crate) fn reconstruction(&self, slot: u8, size_mbs: (u16, u16)) -> Result<DmaAddress> {
        if size_mbs != self.size_mbs {
            return Err(EINVAL);
        }
        self.reconstructions
            .get(usize::from(slot))
            .map(CoherentHandle::dma_address)
            .ok_or(EINVAL)
    }

    /// The picture that is being coded is in the stream, and the application calls it `timestamp`.
    pub(crate) fn commit(&mut self, pending: Pending, timestamp: u64) -> Result {
        self.dpb
            .commit(&pending.plan, timestamp)
            .map_err(|_| EINVAL)?;
        if pending.sets.is_some() {
            self.sets = pending.sets;
        }
        Ok(())
    }
}
