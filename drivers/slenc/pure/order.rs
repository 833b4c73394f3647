// SPDX-License-Identifier: GPL-2.0

//! Picture order count, H.264 clause 8.2.1: pictures are output in the order in which they are
//! coded.

use super::params::Invalid;

/// What the order of the next picture follows from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Of the picture before.
    last: i64,
    /// Of the last reference.
    reference: i64,
    last_is_reference: bool,
}

impl Order {
    /// Before the first picture.
    pub const fn new() -> Self {
        Self {
            last: 0,
            reference: 0,
            last_is_reference: false,
        }
    }

    /// An IDR picture: order begins anew. Returns its pic_order_cnt_lsb.
    pub fn restart(&mut self) -> u16 {
        *self = Self {
            last_is_reference: true,
            ..Self::new()
        };
        0
    }

    /// A picture that is no IDR picture. Returns its pic_order_cnt_lsb, with pic_order_cnt_type 0:
    /// the one asked for, when it puts the picture behind the one before, and else the next one
    /// that does.
    ///
    /// `mask` is MaxPicOrderCntLsb - 1, at most 65535, with pic_order_cnt_type 0; none with type 2.
    pub fn advance(
        &mut self,
        mask: Option<u16>,
        is_reference: bool,
        asked_lsb: u16,
    ) -> Result<u16, Invalid> {
        let lsb = match mask {
            Some(mask) => self.advance_lsb(i64::from(mask), is_reference, asked_lsb)?,
            // Clause 7.4.2.1.1: with type 2 no two pictures in a row are no references.
            None if !is_reference && !self.last_is_reference => {
                return Err(Invalid("nal_ref_idc"));
            }
            None => 0,
        };
        self.last_is_reference = is_reference;
        Ok(lsb)
    }

    fn advance_lsb(
        &mut self,
        mask: i64,
        is_reference: bool,
        asked_lsb: u16,
    ) -> Result<u16, Invalid> {
        let asked = i64::from(asked_lsb) & mask;
        let order = [
            decoded(self.reference, asked, mask),
            self.last.saturating_add(2),
            self.last.saturating_add(1),
        ]
        .into_iter()
        .find(|&order| {
            // A decoder has to see the same order.
            order > self.last && decoded(self.reference, order & mask, mask) == order
        })
        .filter(|&order| order <= i64::from(i32::MAX))
        .ok_or(Invalid("pic_order_cnt_lsb"))?;
        self.last = order;
        if is_reference {
            self.reference = order;
        }
        // Not above the mask.
        Ok((order & mask) as u16)
    }
}

/// What a decoder takes for the order of a picture with this lsb, clause 8.2.1.1.
///
/// Orders are at most 2^31, so that nothing wraps, and `mask` is MaxPicOrderCntLsb - 1.
fn decoded(reference: i64, lsb: i64, mask: i64) -> i64 {
    let max_lsb = mask.wrapping_add(1);
    let half = max_lsb >> 1;
    let prev_lsb = reference & mask;
    let prev_msb = reference & !mask;
    let step = lsb.wrapping_sub(prev_lsb);
    let msb = if step <= half.wrapping_neg() {
        prev_msb.wrapping_add(max_lsb)
    } else if step > half {
        prev_msb.wrapping_sub(max_lsb)
    } else {
        prev_msb
    };
    msb.wrapping_add(lsb)
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_order))]
mod tests {
    use super::*;

    const MASK: Option<u16> = Some(15);

    fn started() -> Order {
        let mut order = Order::new();
        order.restart();
        order
    }

    #[test]
    fn order_never_goes_back() {
        let mut order = started();
        let mut seen = 0;
        // Counting as it should be; a client that does not care; jumps, some of them backwards.
        for asked in [
            2, 4, 6, 0, 0, 0, 0, 0, 0, 0, 9, 3, 3, 15, 1, 8, 7, 6, 5, 200,
        ] {
            let lsb = order.advance(MASK, true, asked);
            let now = decoded(seen, lsb.map_or(-1, i64::from), 15);
            assert!(now > seen);
            seen = now;
        }
    }

    #[test]
    fn order_that_counts_on_is_kept() {
        let mut order = started();
        for n in 1..40u16 {
            let asked = (n * 3) % 16;
            assert_eq!(order.advance(MASK, true, asked), Ok(asked));
        }
    }

    #[test]
    fn order_that_cannot_be_said_is_refused() {
        let mut order = started();
        // MaxPicOrderCntLsb / 2 after the last reference is as far as it goes.
        let mut said = 0;
        while order.advance(MASK, false, 0).is_ok() {
            said += 1;
            assert!(said < 10);
        }
        assert_eq!(said, 4);
    }

    #[test]
    fn the_end_of_all_order_is_refused() {
        let mut order = Order {
            last: i64::from(i32::MAX) - 1,
            reference: i64::from(i32::MAX) - 1,
            last_is_reference: true,
        };
        assert_eq!(order.advance(MASK, true, 15), Ok(15));
        assert_eq!(
            order.advance(MASK, true, 1),
            Err(Invalid("pic_order_cnt_lsb"))
        );
        assert_eq!(order.restart(), 0);
        assert_eq!(order.advance(MASK, true, 1), Ok(1));
    }

    #[test]
    fn coding_order_needs_a_reference_in_between() {
        let mut order = started();
        assert_eq!(order.advance(None, false, 9), Ok(0));
        assert_eq!(order.advance(None, false, 9), Err(Invalid("nal_ref_idc")));
        assert_eq!(order.advance(None, true, 9), Ok(0));
        assert_eq!(order.advance(None, false, 9), Ok(0));
    }
}
