// SPDX-License-Identifier: GPL-2.0

//! Encoders that controllers run over: tables of real sizes, a model, and the engine itself.

pub(crate) mod engine;
pub(crate) mod model;
pub(crate) mod resized;
pub(crate) mod scale;
pub(crate) mod table;
pub(crate) mod trace;

use crate::frame::{Activity, Coded};

/// Temporal layers at most.
pub(crate) const LAYERS: usize = 3;

/// Headers of an I and of a P frame in bits: SPS, PPS and slice header with their start codes.
pub(crate) const HEADER_BITS: [u64; 2] = [360, 72];

/// An all-skip picture in bits: start code, slice header, and one run of skipped macroblocks.
pub(crate) const SKIP_BITS: u64 = 104;

/// A frame to be coded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Request {
    /// Position in the content, from 0 without end: content repeats.
    pub(crate) position: usize,
    pub(crate) key: bool,
    /// It predicts from the newest frame of a lower layer, or of layer 0 when it is one.
    pub(crate) layer: usize,
    /// It predicts from so many frames ago instead; 0 for not.
    pub(crate) back: usize,
    /// 0 to 51, and between for hardware that dithers.
    pub(crate) qp: f64,
    /// Limit that is never exceeded, unless by hardware that has checkpoints only.
    pub(crate) max_bits: Option<u64>,
    /// Size that it probably has at its QP; 0 when that is not known.
    pub(crate) expected: u64,
    /// Share of the macroblocks that intra refresh forces.
    pub(crate) refresh: f64,
}

impl Request {
    /// Position of the reference; `newest` is that of the newest.
    fn reference(&self, newest: usize) -> usize {
        match self.back {
            0 => newest,
            back => self.position.saturating_sub(back),
        }
    }
}

/// An encoder with its content.
pub(crate) trait Plant {
    /// Size of the picture in samples.
    fn size(&self) -> (u32, u32);

    /// Frames a second, as a fraction.
    fn rate(&self) -> (u64, u64);

    /// Whether another scene begins at this position.
    fn is_cut(&self, position: usize) -> bool;

    /// What pre-analysis finds at this position, of a frame of this layer.
    fn activity(&mut self, position: usize, layer: usize) -> Activity;

    /// Forgets all references.
    fn restart(&mut self);

    /// Codes a frame, which becomes no reference yet.
    fn encode(&mut self, request: &Request) -> Coded;

    /// The frame coded last becomes the reference of its layer and those above.
    fn commit(&mut self);

    /// Codes an all-skip picture instead of a frame: references stay.
    fn skip(&mut self, request: &Request) -> Coded;
}

/// The layer whose newest frame a frame of `layer` predicts from.
pub(crate) fn reference_layer(layer: usize) -> usize {
    layer.saturating_sub(1)
}

/// PSNR of 8-bit samples in dB; an exact copy counts as half a level in 64 samples.
pub(crate) fn psnr(mse: f64) -> f64 {
    10.0 * (255.0f64.powi(2) / mse.max(1.0 / 256.0)).log10()
}

/// The inverse of [`psnr`].
pub(crate) fn mse(psnr: f64) -> f64 {
    255.0f64.powi(2) / 10f64.powf(psnr / 10.0)
}
