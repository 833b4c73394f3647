// SPDX-License-Identifier: GPL-2.0

//! The leaky bucket: what the coded picture buffer of ITU-T H.264 clause C.1 allows.
//!
//! `fill` is what the decoder's buffer lacks to be full. A picture is added at once and leaves at
//! the rate of the channel. More than `size` means that the picture arrives late; nothing means
//! that the channel idles.

use super::math::signed;

/// A bucket and the account of the average rate, which may be another than that of the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Bits that wait.
    pub fill: u64,
    /// Bits beyond the average rate; negative for bits saved.
    pub debt: i64,
    /// How many bits can be saved.
    pub credit: u64,
}

impl Bucket {
    /// Time passes: so much leaves, and so much was due on average.
    pub fn pass(&mut self, drained: u64, due: u64) {
        self.fill = self.fill.saturating_sub(drained);
        let floor = signed(self.credit).saturating_neg();
        self.debt = self.debt.saturating_sub(signed(due)).max(floor);
    }

    /// A picture is added.
    pub fn add(&mut self, bits: u64) {
        self.fill = self.fill.saturating_add(bits);
        self.debt = self.debt.saturating_add(signed(bits));
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_bucket))]
mod tests {
    use super::*;

    #[test]
    fn an_idle_channel_pays_nothing_back() {
        let mut bucket = Bucket {
            credit: 150,
            ..Bucket::default()
        };
        bucket.add(300);
        bucket.pass(100, 100);
        assert_eq!((bucket.fill, bucket.debt), (200, 200));
        for _ in 0..10 {
            bucket.pass(100, 100);
        }
        // The bucket is empty, and only the credit is saved.
        assert_eq!((bucket.fill, bucket.debt), (0, -150));
        bucket.add(100);
        assert_eq!((bucket.fill, bucket.debt), (100, -50));
    }

    #[test]
    fn nothing_overflows() {
        let mut bucket = Bucket {
            credit: u64::MAX,
            ..Bucket::default()
        };
        bucket.add(u64::MAX);
        bucket.add(u64::MAX);
        assert_eq!((bucket.fill, bucket.debt), (u64::MAX, i64::MAX));
        bucket.pass(u64::MAX, u64::MAX);
        bucket.pass(u64::MAX, u64::MAX);
        bucket.pass(u64::MAX, u64::MAX);
        assert_eq!((bucket.fill, bucket.debt), (0, -i64::MAX));
    }
}
