// SPDX-License-Identifier: GPL-2.0

//! Pictures that have begun and not closed: what was decided about them.

use super::{
    bucket::Bucket,
    cycle::{
        Cookie,
        Cycle, //
    },
    frame::FrameType,
    log2::Log2, //
};

/// A picture that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What left the bucket, and what was due, since the picture before.
    pub drained: u64,
    /// See `drained`.
    pub due: u64,
    /// Its size in bits: a prediction before it ended.
    pub bits: u64,
    /// The most that it may have; 0 for no limit.
    pub max_bits: u64,
    /// Logarithm of the quantizer step.
    pub step: Log2,
    /// Logarithm of what is known of the source.
    pub activity: Log2,
    /// Its type.
    pub frame_type: FrameType,
    /// Temporal layer.
    pub layer: u8,
    /// It is an ordinary picture, from which the model may learn.
    pub teaches: bool,
    /// Its QP is the lowest that it may have.
    pub at_min: bool,
    /// It can be replaced.
    pub droppable: bool,
    /// Later pictures may refer to it.
    pub reference: bool,
    /// It only skips.
    pub skipped: bool,
}

impl Pending {
    const NONE: Self = Self {
        drained: 0,
        due: 0,
        bits: 0,
        max_bits: 0,
        step: Log2::ZERO,
        activity: Log2::ZERO,
        frame_type: FrameType::P,
        layer: 0,
        teaches: false,
        at_min: false,
        droppable: false,
        reference: false,
        skipped: false,
    };

    /// The picture has gone through the bucket.
    pub fn apply(&self, bucket: &mut Bucket) {
        bucket.pass(self.drained, self.due);
        bucket.add(self.bits);
    }
}

/// All of them, found by their cookies.
#[derive(Clone, Copy, Debug)]
pub struct Ring([Pending; Self::LEN]);

impl Ring {
    const LEN: usize = Cycle::MAX_OUTSTANDING as usize;

    /// None yet.
    pub const fn new() -> Self {
        Self([Pending::NONE; Self::LEN])
    }

    fn index(cookie: Cookie) -> usize {
        (cookie as usize) & (Self::LEN - 1)
    }

    /// A picture: one of the last [`Cycle::MAX_OUTSTANDING`] that have begun.
    pub fn get(&self, cookie: Cookie) -> &Pending {
        self.0.get(Self::index(cookie)).unwrap_or(&Pending::NONE)
    }

    /// Remembers a picture, in the place of one that has closed.
    pub fn put(&mut self, cookie: Cookie, pending: Pending) {
        if let Some(place) = self.0.get_mut(Self::index(cookie)) {
            *place = pending;
        }
    }
}

impl Default for Ring {
    fn default() -> Self {
        Self::new()
    }
}

const _: () = assert!(Ring::LEN.is_power_of_two());

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_pending))]
mod tests {
    use super::*;

    #[test]
    fn the_last_pictures_are_remembered() {
        let mut ring = Ring::new();
        for cookie in 1..1000 {
            let picture = Pending {
                bits: cookie,
                ..Pending::NONE
            };
            ring.put(cookie, picture);
            for back in 0..Cycle::MAX_OUTSTANDING.min(cookie) {
                assert_eq!(ring.get(cookie - back).bits, cookie - back);
            }
        }
    }

    #[test]
    fn a_picture_drains_before_it_is_added() {
        let mut bucket = Bucket {
            fill: 50,
            ..Bucket::default()
        };
        let picture = Pending {
            drained: 100,
            due: 80,
            bits: 300,
            ..Pending::NONE
        };
        picture.apply(&mut bucket);
        assert_eq!((bucket.fill, bucket.debt), (300, 300));
        picture.apply(&mut bucket);
        assert_eq!((bucket.fill, bucket.debt), (500, 520));
    }
}
