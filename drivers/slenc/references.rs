// SPDX-License-Identifier: GPL-2.0

//! What is known of a stream from picture to picture: references, the parameter sets that decoders
//! have, and the picture that is being coded.
//!
//! A picture is planned, coded and committed. One that fails leaves everything as it was, so that
//! what comes next refers to what decoders really have.

use crate::{
    context::Encoder,
    device::EncoderDevice,
    hw::Reconstruction,
    job::{
        Coding,
        Prepared, //
    },
    pure::{
        adapt::{
            self,
            Abilities, //
        },
        dpb::{
            Dpb,
            Plan, //
        },
        hrd::Hrd,
        params::{
            EncodeParams,
            Invalid,
            Pps,
            Sps,
            SLICE_TYPE_I, //
        },
        picture::Completion,
        row_plan::Shape,
        sets::{
            Due,
            Sets,
            Written,
            MAX_PPS,
            MAX_SPS, //
        },
        slice::Picture,
        wishes::Wishes, //
    }, //
};
use kernel::{
    dma::DmaAddress,
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};
use media::{
    m2m::Device,
    rate_control::{
        Caps,
        Codec,
        Frame,
        Outcome,
        Program,
        Session,
        Verdict, //
    }, //
};

/// Bytes of a macroblock's reconstruction: 4:2:0 with 8 bits.
const RECONSTRUCTION_MB_BYTES: usize = 384;

/// An IDR picture, which activates an SPS.
pub(crate) struct Activation {
    pub(crate) sps: Sps,
    pub(crate) written: Written,
    /// What it says about the decoder's buffer.
    pub(crate) hrd: Option<Hrd>,
}

/// The picture that is being coded.
pub(crate) struct Pending {
    pub(crate) plan: Plan,
    /// The SPS that it activates.
    pub(crate) activation: Option<KBox<Activation>>,
    pub(crate) pps: Pps,
    /// Parameter sets that are with it.
    pub(crate) due: Due,
    /// Its place in the rate control's session.
    pub(crate) frame: Frame,
    /// How it goes to the hardware.
    pub(crate) coding: Arc<Coding>,
    /// Its source is not coded, or was not kept.
    pub(crate) skipped: bool,
    /// Another picture is being coded in its place.
    pub(crate) replaced: bool,
    /// Macroblocks that had no room, where the hardware sees to that.
    pub(crate) forced_skips: Option<u32>,
}

/// What becomes of a picture that the hardware has coded.
pub(crate) enum Conclusion {
    /// It goes to the application, and is then to be committed.
    Keep {
        /// Bytes of filler data that are to follow it.
        filler: u64,
        /// How it goes to the hardware.
        coding: Arc<Coding>,
    },
    /// A picture that only skips is to be coded in its place.
    Replace(Arc<Coding>),
}

/// A picture that is in the stream.
pub(crate) struct Committed {
    pub(crate) picture: Picture,
    /// QP asked for.
    pub(crate) qp: u8,
    pub(crate) skipped: bool,
    /// See [`Pending`].
    pub(crate) forced_skips: Option<u32>,
    pub(crate) frame: Frame,
}

/// The stream of an open file.
pub(crate) struct Stream {
    pub(crate) dpb: Dpb,
    /// Stays when the stream ends.
    pub(crate) wishes: KBox<Wishes>,
    pub(crate) rate: Session,
    /// By the last IDR picture.
    activation: Option<KBox<Activation>>,
    /// As they were written last, by id.
    sps: KVec<Option<Written>>,
    pps: KVec<Option<Pps>>,
    /// The picture whose source is being measured.
    prepared: Option<KBox<Prepared>>,
    pending: Option<Pending>,
    /// Of the last I and P pictures.
    shapes: [Option<Shape>; 2],
    reconstructions: KVec<Reconstruction<EncoderDevice>>,
    /// Coded size in macroblocks that the reconstructions are for.
    size_mbs: (u16, u16),
    /// References that there are reconstructions for.
    frames: u8,
}

impl Stream {
    /// Makes a stream that has not started.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            dpb: Dpb::new(),
            wishes: KBox::new(Wishes::NEW, GFP_KERNEL)?,
            rate: Session::new(Codec::H264)?,
            activation: None,
            sps: KVec::from_elem(None, MAX_SPS, GFP_KERNEL)?,
            pps: KVec::from_elem(None, MAX_PPS, GFP_KERNEL)?,
            prepared: None,
            pending: None,
            shapes: [None; 2],
            reconstructions: KVec::new(),
            size_mbs: (0, 0),
            frames: 0,
        })
    }

    /// Starts a stream: allocates reconstructions for `frames` references and the picture that is
    /// being coded. `caps` are what the rate control can count on.
    pub(crate) fn start(
        &mut self,
        device: &Device<Encoder>,
        frames: u8,
        size_mbs: (u16, u16),
        caps: &Caps,
    ) -> Result {
        self.stop();
        let size = usize::from(size_mbs.0)
            .checked_mul(size_mbs.1.into())
            .and_then(|mbs| mbs.checked_mul(RECONSTRUCTION_MB_BYTES))
            .ok_or(EOVERFLOW)?;
        self.rate.start(caps)?;
        // Memory for DMA is whole pages.
        let pages = size.checked_next_multiple_of(PAGE_SIZE).ok_or(EOVERFLOW)?;
        let mut reconstructions = KVec::new();
        for _ in 0..Dpb::slots(frames) {
            let charge = device.charge(pages.try_into()?)?;
            let reconstruction = Reconstruction::new(device.hardware(), size, charge)?;
            reconstructions.push(reconstruction, GFP_KERNEL)?;
        }
        self.reconstructions = reconstructions;
        self.size_mbs = size_mbs;
        self.frames = frames;
        Ok(())
    }

    /// Ends a stream: forgets its pictures. No job of it runs.
    pub(crate) fn stop(&mut self) {
        self.dpb.clear();
        self.sets().clear();
        self.activation = None;
        self.prepared = None;
        self.pending = None;
        self.shapes = [None; 2];
        self.rate.reset();
        self.reconstructions.clear();
        self.size_mbs = (0, 0);
        self.frames = 0;
    }

    /// Returns how many references there is memory for.
    pub(crate) fn frames(&self) -> u8 {
        self.frames
    }

    /// Returns the SPS that the picture with these parameters has to be coded with, unless it
    /// begins a sequence and brings its own.
    pub(crate) fn sps_in_use(&self, params: &EncodeParams) -> Option<&Sps> {
        sps_in_use(&self.activation, &self.dpb, params)
    }

    /// Adapts the values of the SPS and PPS controls, see [`Wishes::adapt`], for the picture with
    /// these parameters. Returns the PPS that it is coded with.
    pub(crate) fn adapt(
        &mut self,
        params: &EncodeParams,
        sps: &mut Sps,
        pps: &mut Pps,
        described: &adapt::Stream,
        able: &Abilities,
    ) -> Result<Pps, Invalid> {
        let in_use = sps_in_use(&self.activation, &self.dpb, params);
        self.wishes.adapt(sps, pps, in_use, described, able)
    }

    /// Returns what decoders were told of their buffer by the last IDR picture.
    pub(crate) fn hrd_in_use(&self) -> Option<Hrd> {
        self.activation
            .as_ref()
            .and_then(|activation| activation.hrd)
    }

    /// Returns the parameter sets that decoders have.
    pub(crate) fn sets(&mut self) -> Sets<'_> {
        Sets {
            sps: &mut self.sps,
            pps: &mut self.pps,
        }
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

    /// Returns how the bits of the last picture of this type lay in it, if that is known.
    pub(crate) fn shape(&self, picture: &Picture) -> Option<&Shape> {
        self.shapes.get(place(picture))?.as_ref()
    }

    /// The source of a picture is measured, before it begins.
    pub(crate) fn measure(&mut self, prepared: KBox<Prepared>) {
        self.cancel();
        self.prepared = Some(prepared);
    }

    /// Returns the picture whose source has been measured.
    pub(crate) fn measured(&mut self) -> Result<KBox<Prepared>> {
        self.prepared.take().ok_or(EINVAL)
    }

    /// A picture goes to the hardware.
    pub(crate) fn begin(&mut self, pending: Pending) {
        self.cancel();
        self.pending = Some(pending);
    }

    /// The picture that is being measured or coded, if there is one, will not be. Returns what a
    /// BPF program had to do with it, if it has begun.
    pub(crate) fn cancel(&mut self) -> Option<Program> {
        self.prepared = None;
        let pending = self.pending.take()?;
        let program = pending.frame.program();
        // It cannot fail for a picture that has begun.
        let _ = self.rate.cancel(pending.frame);
        Some(program)
    }

    /// The picture that is being coded does not fit the `room` bytes of its buffer, and will not be:
    /// the rate control learns from it.
    pub(crate) fn overflow(&mut self, room: usize) {
        let Some(pending) = self.pending.as_mut().filter(|pending| !pending.replaced) else {
            return;
        };
        let room = room.try_into().unwrap_or(u32::MAX);
        // It cannot fail for a picture that has begun.
        let _ = self.rate.end_too_large(&mut pending.frame, room);
    }

    /// The picture that is being coded has been. Its verdict is asked for once: that on a picture
    /// in its place is clear.
    pub(crate) fn conclude(&mut self, completion: &Completion) -> Result<Conclusion> {
        let pending = self.pending.as_mut().ok_or(EINVAL)?;
        let coding = pending.coding.clone();
        if pending.replaced {
            let filler = pending.frame.filler_bytes();
            return Ok(Conclusion::Keep {
                filler: filler.saturating_sub(completion.bytes.into()),
                coding,
            });
        }
        let has_source = !pending.skipped;
        let controlled = completion.in_frame.as_ref();
        let forced = controlled.map_or(0, |controlled| controlled.forced_skips);
        pending.forced_skips = controlled
            .and_then(|controlled| controlled.max_bits)
            .map(|_| forced);
        let shape = controlled.and_then(|done| Shape::of(done, completion.slice_data_bits));
        if let (Some(to), Some(_)) = (self.shapes.get_mut(place(&pending.plan.picture)), shape) {
            *to = shape;
        }
        let outcome = Outcome {
            bytes: completion.bytes,
            header_bits: completion.header_bits,
            mean_qp_q8: completion.qp_mean_q8(),
            nonzero: completion.nonzero,
            intra_mbs: completion.intra_mbs,
            skip_mbs: completion.skip_mbs,
            sad: has_source.then_some(completion.sad),
            mad: has_source.then_some(completion.mad),
            sse: completion.sse.map(|[luma, ..]| luma),
            forced_skips: forced,
        };
        match self.rate.end(&mut pending.frame, &outcome)? {
            Verdict::Keep => Ok(Conclusion::Keep {
                filler: pending.frame.filler_bytes(),
                coding,
            }),
            Verdict::ReplaceSkip => {
                pending.replaced = true;
                pending.skipped = true;
                Ok(Conclusion::Replace(coding))
            }
        }
    }

    /// The picture that is being coded goes to the application with so many bytes: it is in the
    /// stream.
    pub(crate) fn commit(&mut self, bytes: u64) -> Result<Committed> {
        let mut pending = self.pending.take().ok_or(EINVAL)?;
        if let Err(error) = self.rate.commit(&mut pending.frame, bytes) {
            let _ = self.rate.cancel(pending.frame);
            return Err(error);
        }
        self.dpb.commit(&pending.plan).map_err(|_| EINVAL)?;
        let activation = pending.activation;
        let written = activation.as_ref().map(|activation| &activation.written);
        self.sets().written(written, &pending.pps, pending.due);
        if activation.is_some() {
            self.activation = activation;
        }
        Ok(Committed {
            picture: pending.plan.picture,
            qp: pending.coding.qp,
            skipped: pending.skipped,
            forced_skips: pending.forced_skips.filter(|_| !pending.replaced),
            frame: pending.frame,
        })
    }
}

/// Where the shape of pictures of this type is.
fn place(picture: &Picture) -> usize {
    usize::from(picture.slice_type != SLICE_TYPE_I)
}

/// Does what [`Stream::sps_in_use`] does, with a part of the stream.
fn sps_in_use<'a>(
    activation: &'a Option<KBox<Activation>>,
    dpb: &Dpb,
    params: &EncodeParams,
) -> Option<&'a Sps> {
    activation
        .as_ref()
        .filter(|_| !dpb.starts_sequence(params))
        .map(|activation| &activation.sps)
}
