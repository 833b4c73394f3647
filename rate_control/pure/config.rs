// SPDX-License-Identifier: GPL-2.0

//! What a stream wants and what its hardware can do.

use super::{
    error::Error,
    frame::FrameType,
    math::mul_div,
    scale::Scale, //
};

/// What decides about the QP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each type of picture has its QP.
    Fixed,
    /// Constant bitrate.
    Cbr,
    /// The bitrate is met on average; the peak bitrate fills the CPB.
    Vbr,
    /// Constant quality.
    Quality,
    /// Constant quality as far as the peak bitrate and the CPB allow.
    CappedQuality,
}

/// When a picture may be skipped before it is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipMode {
    /// Never.
    Disabled,
    /// When the CPB of the level has no room for it.
    Level,
    /// When the CPB has no room for it.
    Buffer,
}

/// What the pictures show: what is expected after new content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nature: what follows costs much too.
    Camera,
    /// A screen: once it is painted it is still.
    Screen,
}

/// What the hardware, and the driver of it, can do for rate control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The codec's.
    pub scale: Scale,
    /// Macroblocks of 16x16 samples a picture: 1..=[`Self::MAX_MACROBLOCKS`].
    pub macroblocks: u32,
    /// Bits a macroblock of an I picture takes at least, times 256.
    pub intra_floor_q8: u32,
    /// A coded picture never exceeds `Decision::max_bits` if that is not below the floor.
    pub hard_max: bool,
    /// A coded P picture can be replaced by one that only skips.
    pub post_skip: bool,
    /// A coded picture that is no reference can be dropped.
    pub post_drop: bool,
    /// Filler data can be appended to a picture.
    pub filler: bool,
    /// Size of an access unit that only skips, in bits: an upper bound.
    pub skip_bits: u32,
}

impl Capabilities {
    /// A picture of 8192x8192.
    pub const MAX_MACROBLOCKS: u32 = 512 * 512;

    /// Whether they can be.
    pub fn check(&self) -> Result<(), Error> {
        if (1..=Self::MAX_MACROBLOCKS).contains(&self.macroblocks) {
            Ok(())
        } else {
            Err(Error::Invalid)
        }
    }

    /// Bits below which no I picture can be coded.
    pub fn intra_floor(&self) -> u64 {
        u64::from(self.intra_floor_q8).saturating_mul(u64::from(self.macroblocks)) >> 8
    }
}

/// Limits of one type of picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The QP in [`Mode::Fixed`].
    pub fixed_qp: i32,
    /// The lowest QP.
    pub min_qp: i32,
    /// The highest QP. It wins over `min_qp`.
    pub max_qp: i32,
    /// The most bits of a picture; 0 for no limit.
    pub max_bits: u64,
}

/// Temporal layers a stream may have.
pub const MAX_LAYERS: usize = 3;

/// The configuration of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// What decides about the QP.
    pub mode: Mode,
    /// Bits a second of all layers: 1..=[`Self::MAX_BITRATE`] where the mode has one.
    pub bitrate: u64,
    /// Bits a second that enter the CPB at most; below `bitrate` it is raised to it.
    pub peak: u64,
    /// Over what the bitrate of [`Mode::Vbr`] is averaged, in ns; 0 for 10 s.
    pub window_ns: u64,
    /// Size of the CPB in ns of the rate that fills it; 0 for 1 s.
    pub cpb_ns: u64,
    /// Size of the CPB in bits; where it is not 0, it counts and `cpb_ns` does not.
    pub cpb_bits: u64,
    /// Size of the CPB that the level allows in bits; 0 for that of the session.
    pub level_cpb_bits: u64,
    /// How long the CPB fills before the first picture leaves it, in ns; 0 for until it is full.
    pub initial_delay_ns: u64,
    /// The CPB is a promise, as far as the hardware allows.
    pub strict: bool,
    /// A picture may exceed the CPB as long as the queue is no longer than `max_delay_ns`.
    pub low_delay: bool,
    /// The longest queue; 0 for the CPB. See `low_delay` for one that is longer than the CPB. What
    /// keeps the CPB keeps a shorter one too, as far as `max_skips` allows.
    pub max_delay_ns: u64,
    /// The stream tells decoders about the CPB.
    pub hrd: bool,
    /// P pictures are never finer than what lets an I picture of the same QP fit into the CPB.
    pub intra_safe: bool,
    /// The rate is to be met from below too, with filler data.
    pub filler: bool,
    /// Time between pictures in seconds, as a fraction.
    pub interval: (u32, u32),
    /// Of I pictures.
    pub i: Limits,
    /// Of P pictures.
    pub p: Limits,
    /// QP of the first picture; `None` where the session is to choose.
    pub initial_qp: Option<i32>,
    /// When pictures may be skipped before they are coded.
    pub skip: SkipMode,
    /// How many pictures in a row may be skipped or replaced; 0 for any number.
    pub max_skips: u32,
    /// Temporal layers: 1..=[`MAX_LAYERS`].
    pub layers: u8,
    /// Bits a second of each layer; all 0 for a share that the session chooses.
    pub layer_rates: [u64; MAX_LAYERS],
    /// What the pictures show.
    pub content: Content,
    /// Of the modes with constant quality: 1..=100, 100 is the best.
    pub quality: u8,
}

impl Config {
    /// The highest bitrate.
    pub const MAX_BITRATE: u64 = 1 << 31;
    /// The longest CPB and window.
    pub const MAX_NS: u64 = 1000 * 1_000_000_000;
    /// The largest CPB and picture.
    pub const MAX_BITS: u64 = 1 << 40;

    /// Constant bitrate of `bitrate` at `den / num` pictures a second, everything else as usual.
    pub const fn cbr(scale: Scale, bitrate: u64, num: u32, den: u32) -> Self {
        let limits = Limits {
            fixed_qp: scale.max() / 2,
            min_qp: 0,
            max_qp: scale.max(),
            max_bits: 0,
        };
        Self {
            mode: Mode::Cbr,
            bitrate,
            peak: 0,
            window_ns: 0,
            cpb_ns: 0,
            cpb_bits: 0,
            level_cpb_bits: 0,
            initial_delay_ns: 0,
            strict: false,
            low_delay: false,
            max_delay_ns: 0,
            hrd: false,
            intra_safe: false,
            filler: false,
            interval: (num, den),
            i: limits,
            p: limits,
            initial_qp: None,
            skip: SkipMode::Disabled,
            max_skips: 0,
            layers: 1,
            layer_rates: [0; MAX_LAYERS],
            content: Content::Camera,
            quality: 50,
        }
    }

    /// Time between pictures in ns.
    pub fn interval_ns(&self) -> u64 {
        let (num, den) = self.interval;
        mul_div(u64::from(num), 1_000_000_000, u64::from(den))
    }

    /// The limits of a type.
    pub fn limits(&self, frame_type: FrameType) -> &Limits {
        match frame_type {
            FrameType::I => &self.i,
            FrameType::P => &self.p,
        }
    }

    /// Whether all of it is in range.
    ///
    /// Rates that the mode does not use are not looked at. Times and sizes are not refused, but
    /// clamped to [`Self::MAX_NS`] and [`Self::MAX_BITS`].
    pub fn check(&self, scale: Scale) -> Result<(), Error> {
        let on_scale = [self.i, self.p].iter().all(|limits| {
            [limits.fixed_qp, limits.min_qp, limits.max_qp]
                .iter()
                .all(|&qp| scale.contains(qp))
        }) && self.initial_qp.is_none_or(|qp| scale.contains(qp));
        let rates = match self.mode {
            Mode::Fixed | Mode::Quality => true,
            Mode::Cbr => (1..=Self::MAX_BITRATE).contains(&self.bitrate),
            Mode::Vbr => {
                (1..=Self::MAX_BITRATE).contains(&self.bitrate) && self.peak <= Self::MAX_BITRATE
            }
            Mode::CappedQuality => (1..=Self::MAX_BITRATE).contains(&self.peak),
        };
        let (num, den) = self.interval;
        // 1/1001 to 1000 pictures a second.
        let interval = num != 0
            && u64::from(den) <= u64::from(num).saturating_mul(1000)
            && u64::from(num) <= u64::from(den).saturating_mul(1001);
        let quality = match self.mode {
            Mode::Quality | Mode::CappedQuality => (1..=100).contains(&self.quality),
            _ => true,
        };
        let layers = (1..=MAX_LAYERS).contains(&usize::from(self.layers));
        if on_scale && rates && interval && quality && layers {
            Ok(())
        } else {
            Err(Error::Invalid)
        }
    }
}
