// SPDX-License-Identifier: GPL-2.0

//! Pictures that have begun and not closed: what was decided about them.

use super::{
    bucket::{
        Bucket,
        Savings, //
    },
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
    /// Its size in bits: a prediction if it is not `known`.
    pub bits: u64,
    /// The bound of its headers in bits.
    pub header_bits: u32,
    /// The most that it may have; 0 for no limit.
    pub max_bits: u64,
    /// Logarithm of the quantizer step.
    pub step: Log2,
    /// Logarithm of what is known of the source.
    pub activity: Log2,
    /// Its type.
    pub frame_type: FrameType,
    /// The type that its size was predicted by.
    pub like: FrameType,
    /// Temporal layer.
    pub layer: u8,
    /// What else there is to it: a sum of the constants of this type.
    pub flags: u8,
}

impl Pending {
    /// Its size is what it is.
    pub const KNOWN: u8 = 1;
    /// It is an ordinary picture, from which the model may learn.
    pub const TEACHES: u8 = 2;
    /// Its QP is the lowest that it may have, or that makes a difference.
    pub const AT_MIN: u8 = 4;
    /// It can be replaced.
    pub const DROPPABLE: u8 = 8;
    /// Later pictures may refer to it.
    pub const REFERENCE: u8 = 16;
    /// It only skips.
    pub const SKIPPED: u8 = 32;
    /// Its source was analysed.
    pub const ANALYSED: u8 = 64;
    /// Its references are far away, and it was not measured.
    pub const FAR: u8 = 128;

    /// One of the constants of this type, or nothing.
    pub const fn flag(flag: u8, is: bool) -> u8 {
        if is {
            flag
        } else {
            0
        }
    }

    /// Whether a flag is set.
    pub const fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    const NONE: Self = Self {
        drained: 0,
        due: 0,
        bits: 0,
        header_bits: 0,
        max_bits: 0,
        step: Log2::ZERO,
        activity: Log2::ZERO,
        frame_type: FrameType::P,
        like: FrameType::P,
        layer: 0,
        flags: 0,
    };

    /// The picture has gone through the bucket.
    pub fn apply(&self, bucket: &mut Bucket, most: &Savings) {
        let before = *bucket;
        bucket.pass(self.drained, self.due, most);
        bucket.add(self.bits);
        if self.is(Self::AT_MIN) {
            bucket.forget(&before);
        }
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

    /// The size of a picture is known, with which these flags are true of it.
    pub fn know(&mut self, cookie: Cookie, bits: u64, flags: u8) {
        if let Some(picture) = self.0.get_mut(Self::index(cookie)) {
            picture.bits = bits;
            picture.flags |= flags;
        }
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
        picture.apply(&mut bucket, &Savings::default());
        assert_eq!((bucket.fill, bucket.debt), (300, 300));
        picture.apply(&mut bucket, &Savings::default());
        assert_eq!((bucket.fill, bucket.debt), (500, 520));
    }
}
