// SPDX-License-Identifier: GPL-2.0

//! The leaky bucket: what the coded picture buffer of ITU-T H.264 clause C.1 allows.
//!
//! `fill` is what the decoder's buffer lacks to be full. A picture is added at once and leaves at
//! the rate of the channel. More than `size` means that the picture arrives late; nothing means
//! that the channel idles.

use super::math::{
    signed,
    unsigned, //
};

/// A bucket and the account of the average rate, which may be another than that of the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Bits that wait.
    pub fill: u64,
    /// Bits beyond the average rate; negative for bits saved.
    pub debt: i64,
    /// Bits that could not be saved any more: they come back a little at a time, too few to be
    /// seen in a second.
    pub owed: u64,
}

/// What may be saved, in bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Savings {
    /// For the next pictures.
    pub credit: u64,
    /// Beyond the credit, to come back slowly.
    pub owed: u64,
    /// What waits without any debt is the time that the channel idled and that was made up for:
    /// no more than this is.
    pub standing: u64,
}

impl Bucket {
    /// What is owed comes back as this part of what is due: 1/64.
    const RETURN: u32 = 6;

    /// Time passes: so much leaves, and so much was due on average.
    pub fn pass(&mut self, drained: u64, due: u64, most: &Savings) {
        self.fill = self.fill.saturating_sub(drained);
        let back = self.owed.min(due >> Self::RETURN);
        let debt = self.debt.saturating_sub(signed(due.saturating_add(back)));
        self.debt = debt.max(signed(most.credit).saturating_neg());
        self.owed = self
            .owed
            .saturating_sub(back)
            .saturating_add(unsigned(self.debt.saturating_sub(debt)))
            .min(most.owed);
        let standing = signed(self.fill).saturating_sub(signed(most.standing));
        self.debt = self.debt.max(standing);
    }

    /// A picture is added.
    pub fn add(&mut self, bits: u64) {
        self.fill = self.fill.saturating_add(bits);
        self.debt = self.debt.saturating_add(signed(bits));
    }

    /// The last picture could not have been larger: what it saved since `before` is not for
    /// others.
    pub fn forget(&mut self, before: &Self) {
        let debt = before.debt.min(0);
        if self.debt < debt {
            self.debt = debt;
            self.owed = before.owed;
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_bucket))]
mod tests {
    use super::*;

    /// A credit of 150, and nothing else.
    const CREDIT: Savings = Savings {
        credit: 150,
        owed: 0,
        standing: u64::MAX,
    };

    #[test]
    fn an_idle_channel_pays_nothing_back() {
        let mut bucket = Bucket::default();
        bucket.add(300);
        bucket.pass(100, 100, &CREDIT);
        assert_eq!((bucket.fill, bucket.debt), (200, 200));
        for _ in 0..10 {
            bucket.pass(100, 100, &CREDIT);
        }
        // The bucket is empty, and only the credit is saved.
        assert_eq!((bucket.fill, bucket.debt), (0, -150));
        bucket.add(100);
        assert_eq!((bucket.fill, bucket.debt), (100, -50));
    }

    #[test]
    fn what_cannot_be_saved_comes_back_slowly() {
        let most = Savings {
            credit: 0,
            owed: 6400,
            standing: u64::MAX,
        };
        let mut bucket = Bucket::default();
        for _ in 0..100 {
            bucket.pass(640, 640, &most);
        }
        assert_eq!((bucket.debt, bucket.owed), (0, 6400));
        // A 64th more than what is due is due, until nothing is owed.
        let mut sent = 0;
        for n in 1..1000u64 {
            bucket.add(650);
            sent += 650;
            bucket.pass(640, 640, &most);
            assert_eq!((bucket.debt, bucket.owed), (0, 6400 - 10 * n.min(640)));
            if bucket.owed == 0 {
                break;
            }
        }
        assert_eq!(sent, 640 * 650);
    }

    #[test]
    fn what_stands_is_a_debt_above_a_limit() {
        let most = Savings {
            credit: 1000,
            owed: 1000,
            standing: 250,
        };
        let mut bucket = Bucket {
            fill: 1000,
            debt: -400,
            owed: 0,
        };
        bucket.pass(100, 100, &most);
        assert_eq!((bucket.fill, bucket.debt), (900, 650));
    }

    #[test]
    fn nothing_is_saved_where_nothing_could_be_spent() {
        let before = Bucket {
            debt: 300,
            ..Bucket::default()
        };
        let mut bucket = before;
        bucket.pass(0, 200, &CREDIT);
        bucket.forget(&before);
        assert_eq!(bucket.debt, 100);
        let before = bucket;
        bucket.pass(0, 200, &CREDIT);
        bucket.forget(&before);
        assert_eq!((bucket.debt, bucket.owed), (0, 0));
    }

    #[test]
    fn nothing_overflows() {
        let most = Savings {
            credit: u64::MAX,
            owed: u64::MAX,
            standing: u64::MAX,
        };
        let mut bucket = Bucket::default();
        bucket.add(u64::MAX);
        bucket.add(u64::MAX);
        assert_eq!((bucket.fill, bucket.debt), (u64::MAX, i64::MAX));
        for _ in 0..4 {
            bucket.pass(u64::MAX, u64::MAX, &most);
        }
        assert_eq!((bucket.fill, bucket.debt), (0, -i64::MAX));
        assert!(bucket.owed > 0);
    }
}
