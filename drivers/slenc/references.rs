// SPDX-License-Identifier: GPL-2.0

//! What is known of a stream from picture to picture: references, the parameter sets that decoders
//! have, and the picture that is being coded.
//!
//! A picture is planned, coded and committed. One that fails leaves everything as it was, so that
//! what comes next refers to what decoders really have.

use crate::{
    context::Encoder,
    controls::ParameterSets,
    device::EncoderDevice,
    hw::Reconstruction,
    pure::{
        adapt,
        dpb::{
            Dpb,
            Plan, //
        },
        params::Pps,
        picture::Completion,
        slice::Picture, //
    }, //
};
use kernel::{
    dma::DmaAddress,
    prelude::*, //
};
use media::{
    m2m::Device,
    rate_control::{
        Codec,
        Frame,
        Session,
        Verdict, //
    }, //
};

/// Bytes of a macroblock's reconstruction: 4:2:0 with 8 bits.
const RECONSTRUCTION_MB_BYTES: usize = 384;

/// The parameter sets that decoders have.
pub(crate) struct Known {
    pub(crate) sets: KBox<ParameterSets>,
    /// What else the SPS says.
    pub(crate) described: adapt::Stream,
}

/// The parameter sets that a picture brings.
pub(crate) enum Brought {
    Nothing,
    Pps(Pps),
    All(Known),
}

/// The picture that is being coded.
pub(crate) struct Pending {
    pub(crate) plan: Plan,
    /// Parameter sets that are with it.
    pub(crate) brought: Brought,
    /// Its place in the rate control's session.
    pub(crate) frame: Frame,
    /// QP asked for.
    pub(crate) qp: u8,
}

/// The stream of an open file.
pub(crate) struct Stream {
    pub(crate) dpb: Dpb,
    pub(crate) known: Option<Known>,
    pub(crate) rate: Session,
    pending: Option<Pending>,
    reconstructions: KVec<Reconstruction<EncoderDevice>>,
    /// Coded size in macroblocks that the reconstructions are for.
    size_mbs: (u16, u16),
}

impl Stream {
    /// Makes a stream that has not started.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            dpb: Dpb::new(),
            known: None,
            rate: Session::new(Codec::H264)?,
            pending: None,
            reconstructions: KVec::new(),
            size_mbs: (0, 0),
        })
    }

    /// Starts a stream: allocates its reconstructions.
    pub(crate) fn start(&mut self, device: &Device<Encoder>, size_mbs: (u16, u16)) -> Result {
        self.stop();
        let size = usize::from(size_mbs.0)
            .checked_mul(size_mbs.1.into())
            .and_then(|mbs| mbs.checked_mul(RECONSTRUCTION_MB_BYTES))
            .ok_or(EOVERFLOW)?;
        let mut reconstructions = KVec::new();
        for _ in 0..Dpb::slots(device.capabilities().references) {
            let charge = device.charge(size.try_into()?)?;
            let reconstruction = Reconstruction::new(device.hardware(), size, charge)?;
            reconstructions.push(reconstruction, GFP_KERNEL)?;
        }
        self.reconstructions = reconstructions;
        self.size_mbs = size_mbs;
        Ok(())
    }

    /// Ends a stream: forgets its pictures. No job of it runs.
    pub(crate) fn stop(&mut self) {
        self.dpb.clear();
        self.known = None;
        self.pending = None;
        self.rate.reset();
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
            .map(Reconstruction::address)
            .ok_or(EINVAL)
    }

    /// A picture goes to the hardware.
    pub(crate) fn begin(&mut self, pending: Pending) {
        self.cancel();
        self.pending = Some(pending);
    }

    /// The picture that is being coded, if there is one, will not be.
    pub(crate) fn cancel(&mut self) {
        if let Some(pending) = self.pending.take() {
            // It cannot fail for a picture that has begun.
            let _ = self.rate.cancel(pending.frame);
        }
    }

    /// The picture that is being coded has been: it is in the stream, and the application calls it
    /// `timestamp`. Returns its headers and the QP that was asked for.
    pub(crate) fn commit(
        &mut self,
        completion: &Completion,
        timestamp: u64,
    ) -> Result<(Picture, u8)> {
        let mut pending = self.pending.take().ok_or(EINVAL)?;
        let verdict = self
            .rate
            .end(&mut pending.frame, completion.bytes, completion.header_bits);
        match verdict {
            Ok(Verdict::Keep) => self.rate.commit(pending.frame)?,
            Err(error) => {
                let _ = self.rate.cancel(pending.frame);
                return Err(error);
            }
        }
        self.dpb
            .commit(&pending.plan, timestamp)
            .map_err(|_| EINVAL)?;
        match pending.brought {
            Brought::Nothing => {}
            Brought::Pps(pps) => {
                if let Some(known) = &mut self.known {
                    known.sets.pps = pps;
                }
            }
            Brought::All(known) => self.known = Some(known),
        }
        Ok((pending.plan.picture, pending.qp))
    }
}
