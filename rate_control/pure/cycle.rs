// SPDX-License-Identifier: GPL-2.0

//! The order of calls: each picture begins, ends and is committed, or is cancelled on the way,
//! and all do so in the order in which they began.

use super::error::Error;
use core::ops::Range;

/// Names a picture. Never 0, and never used twice in a session.
pub type Cookie = u64;

/// Where the pictures of a session are.
///
/// Cookies count up from 1, so that three of them say everything:
/// `closed <= ended <= begun`, and at most one picture has ended and is not closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cycle {
    begun: Cookie,
    ended: Cookie,
    closed: Cookie,
}

impl Cycle {
    /// Pictures that may have begun and not closed.
    pub const MAX_OUTSTANDING: u64 = 8;

    /// No picture yet.
    pub const fn new() -> Self {
        Self {
            begun: 0,
            ended: 0,
            closed: 0,
        }
    }

    /// The pictures that have begun and not closed, the oldest first.
    pub fn open(&self) -> Range<Cookie> {
        self.closed.saturating_add(1)..self.begun.saturating_add(1)
    }

    /// Those of them that have begun before this one.
    pub fn before(&self, cookie: Cookie) -> Range<Cookie> {
        self.closed.saturating_add(1)..cookie
    }

    /// Whether no picture has begun after this one.
    pub fn is_last(&self, cookie: Cookie) -> bool {
        cookie == self.begun
    }

    /// How many they are.
    pub fn outstanding(&self) -> u64 {
        self.begun.saturating_sub(self.closed)
    }

    /// A picture begins.
    pub fn begin(&mut self) -> Result<Cookie, Error> {
        if self.outstanding() >= Self::MAX_OUTSTANDING {
            return Err(Error::Busy);
        }
        self.begun = self.begun.checked_add(1).ok_or(Error::Busy)?;
        Ok(self.begun)
    }

    /// It is this picture's turn: it is the oldest that is open.
    fn turn(&self, cookie: Cookie) -> Result<(), Error> {
        if cookie != 0 && cookie <= self.closed {
            Err(Error::Stale)
        } else if cookie == 0 || cookie > self.begun || cookie.saturating_sub(self.closed) != 1 {
            Err(Error::Invalid)
        } else {
            Ok(())
        }
    }

    /// Whether the picture can end now.
    pub fn may_end(&self, cookie: Cookie) -> Result<(), Error> {
        self.turn(cookie)?;
        if cookie <= self.ended {
            return Err(Error::Invalid);
        }
        Ok(())
    }

    /// Whether the picture is coded.
    pub fn has_ended(&self, cookie: Cookie) -> bool {
        cookie <= self.ended
    }

    /// The picture is coded.
    pub fn end(&mut self, cookie: Cookie) -> Result<(), Error> {
        self.may_end(cookie)?;
        self.ended = cookie;
        Ok(())
    }

    /// The picture has ended, and is done with.
    pub fn commit(&mut self, cookie: Cookie) -> Result<(), Error> {
        self.turn(cookie)?;
        if cookie > self.ended {
            return Err(Error::Invalid);
        }
        self.closed = cookie;
        Ok(())
    }

    /// The picture will not be.
    pub fn cancel(&mut self, cookie: Cookie) -> Result<(), Error> {
        self.turn(cookie)?;
        self.ended = cookie;
        self.closed = cookie;
        Ok(())
    }

    /// No picture is open any more.
    pub fn reset(&mut self) {
        self.ended = self.begun;
        self.closed = self.begun;
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_cycle))]
mod tests {
    use super::*;

    #[test]
    fn pictures_go_through_in_order() {
        let mut cycle = Cycle::new();
        for n in 1..100 {
            assert_eq!(cycle.begin(), Ok(n));
            assert_eq!(cycle.end(n), Ok(()));
            assert_eq!(cycle.commit(n), Ok(()));
        }
    }

    #[test]
    fn several_may_have_begun() {
        let mut cycle = Cycle::new();
        for n in 1..=Cycle::MAX_OUTSTANDING {
            assert_eq!(cycle.begin(), Ok(n));
        }
        assert_eq!(cycle.begin(), Err(Error::Busy));
        assert_eq!(cycle.end(1), Ok(()));
        assert_eq!(cycle.begin(), Err(Error::Busy));
        assert_eq!(cycle.commit(1), Ok(()));
        assert_eq!(cycle.begin(), Ok(Cycle::MAX_OUTSTANDING + 1));
    }

    #[test]
    fn gaps_are_errors() {
        let mut cycle = Cycle::new();
        assert_eq!(cycle.end(1), Err(Error::Invalid));
        assert_eq!(cycle.end(0), Err(Error::Invalid));
        assert_eq!(cycle.begin(), Ok(1));
        assert_eq!(cycle.begin(), Ok(2));
        assert_eq!(cycle.end(2), Err(Error::Invalid));
        assert_eq!(cycle.commit(1), Err(Error::Invalid));
        assert_eq!(cycle.cancel(2), Err(Error::Invalid));
        assert_eq!(cycle.end(1), Ok(()));
        assert_eq!(cycle.end(1), Err(Error::Invalid));
        assert_eq!(cycle.end(2), Err(Error::Invalid));
        assert_eq!(cycle.commit(2), Err(Error::Invalid));
        assert_eq!(cycle.end(u64::MAX), Err(Error::Invalid));
        // None of that has moved anything.
        assert_eq!(cycle.commit(1), Ok(()));
        assert_eq!(cycle.end(2), Ok(()));
    }

    #[test]
    fn a_picture_can_be_cancelled_at_any_time() {
        let mut cycle = Cycle::new();
        assert_eq!(cycle.begin(), Ok(1));
        assert_eq!(cycle.begin(), Ok(2));
        assert_eq!(cycle.cancel(1), Ok(()));
        assert_eq!(cycle.end(1), Err(Error::Stale));
        assert_eq!(cycle.end(2), Ok(()));
        assert_eq!(cycle.cancel(2), Ok(()));
        assert_eq!(cycle.cancel(2), Err(Error::Stale));
        assert_eq!(cycle.commit(2), Err(Error::Stale));
        assert_eq!(cycle.begin(), Ok(3));
        assert_eq!(cycle.end(3), Ok(()));
    }

    #[test]
    fn a_reset_closes_what_is_open() {
        let mut cycle = Cycle::new();
        assert_eq!(cycle.begin(), Ok(1));
        assert_eq!(cycle.begin(), Ok(2));
        assert_eq!(cycle.end(1), Ok(()));
        cycle.reset();
        for old in [1, 2] {
            assert_eq!(cycle.end(old), Err(Error::Stale));
            assert_eq!(cycle.commit(old), Err(Error::Stale));
            assert_eq!(cycle.cancel(old), Err(Error::Stale));
        }
        assert_eq!(cycle.begin(), Ok(3));
        assert_eq!(cycle.end(3), Ok(()));
        assert_eq!(cycle.commit(3), Ok(()));
    }
}
