// SPDX-License-Identifier: GPL-2.0

//! Products and quotients that neither overflow nor need what the kernel lacks: 128-bit
//! arithmetic and, on 32-bit machines, the division of 64-bit numbers.

/// The quotient and the remainder of `num / den`; by 0 they are [`u64::MAX`] and 0.
pub fn div_rem(num: u64, den: u64) -> (u64, u64) {
    #[cfg(target_pointer_width = "64")]
    match (num.checked_div(den), num.checked_rem(den)) {
        (Some(quotient), Some(remainder)) => (quotient, remainder),
        _ => (u64::MAX, 0),
    }
    #[cfg(not(target_pointer_width = "64"))]
    long_division(0, num, den)
}

/// `(high * 2^64 + low) / den`, a bit at a time; [`u64::MAX`] and 0 where the quotient has more
/// than 64 bits.
fn long_division(high: u64, low: u64, den: u64) -> (u64, u64) {
    if high >= den {
        return (u64::MAX, 0);
    }
    let (mut rest, mut quotient) = (high, low);
    for _ in 0..64 {
        let carry = rest >> 63;
        rest = (rest << 1) | (quotient >> 63);
        quotient <<= 1;
        if carry != 0 || rest >= den {
            rest = rest.wrapping_sub(den);
            quotient |= 1;
        }
    }
    (quotient, rest)
}

/// The upper and lower 64 bits of `a * b`.
const fn wide_mul(a: u64, b: u64) -> (u64, u64) {
    const HALF: u64 = u32::MAX as u64;
    let (a1, a0) = (a >> 32, a & HALF);
    let (b1, b0) = (b >> 32, b & HALF);
    // Below 2^64 each, by the size of their factors.
    let low = a0.wrapping_mul(b0);
    let middle = a1.wrapping_mul(b0).wrapping_add(low >> 32);
    let other = a0.wrapping_mul(b1).wrapping_add(middle & HALF);
    let high = a1
        .wrapping_mul(b1)
        .wrapping_add(middle >> 32)
        .wrapping_add(other >> 32);
    (high, (other << 32) | (low & HALF))
}

/// The quotient and the remainder of `(a * b + carry) / den`; [`u64::MAX`] and 0 where the
/// quotient has more than 64 bits.
pub fn mul_div_rem(a: u64, b: u64, carry: u64, den: u64) -> (u64, u64) {
    // Bits, and rates by times in the units of a frame rate, have room in 64 bits.
    if let Some(sum) = a.checked_mul(b).and_then(|low| low.checked_add(carry)) {
        return div_rem(sum, den);
    }
    wide_mul_div_rem(a, b, carry, den)
}

/// The same for products of more than 64 bits.
#[cold]
fn wide_mul_div_rem(a: u64, b: u64, carry: u64, den: u64) -> (u64, u64) {
    let (high, low) = wide_mul(a, b);
    let (low, over) = low.overflowing_add(carry);
    // A product of two numbers of 64 bits leaves room for it.
    let high = high.wrapping_add(u64::from(over));
    long_division(high, low, den)
}

/// `a * b / den`, rounded down, or [`u64::MAX`].
pub fn mul_div(a: u64, b: u64, den: u64) -> u64 {
    mul_div_rem(a, b, 0, den).0
}

/// What a rate lets through, to the bit: fractions of bits are carried over, so that 30000/1001
/// pictures a second drift as little as 30.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drain {
    carry: u64,
    den: u64,
}

impl Drain {
    /// Nothing is carried over yet.
    pub const fn new() -> Self {
        Self { carry: 0, den: 1 }
    }

    /// The whole bits of `rate` in a time of `num / den` seconds.
    pub fn step(&mut self, rate: u64, num: u64, den: u64) -> u64 {
        if self.den != den {
            self.carry = mul_div(self.carry, den, self.den);
            self.den = den;
        }
        let (bits, carry) = mul_div_rem(rate, num, self.carry, den);
        self.carry = carry;
        bits
    }
}

/// `bits` without those that are more than [`i64`] can have.
pub fn signed(bits: u64) -> i64 {
    i64::try_from(bits).unwrap_or(i64::MAX)
}

/// `bits`, or 0 if it is negative.
pub fn unsigned(bits: i64) -> u64 {
    u64::try_from(bits).unwrap_or(0)
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_math))]
mod tests {
    use super::*;

    #[test]
    fn long_division_divides() {
        for num in 0..300 {
            for den in 1..300 {
                assert_eq!(long_division(0, num, den), (num / den, num % den));
                assert_eq!(div_rem(num, den), (num / den, num % den));
            }
        }
        // (2^64 - 1) * 2^64 + (2^64 - 1) has no quotient; 2^64 / 3 has.
        assert_eq!(long_division(u64::MAX, u64::MAX, u64::MAX), (u64::MAX, 0));
        assert_eq!(long_division(1, 0, 3), (0x5555_5555_5555_5555, 1));
        // The top bit is lost on the way, and found again.
        assert_eq!(long_division(1 << 63, 0, (1 << 63) + 1).1, 2);
    }

    #[test]
    fn nothing_divides_by_zero() {
        assert_eq!(div_rem(5, 0), (u64::MAX, 0));
        assert_eq!(mul_div_rem(5, 5, 5, 0), (u64::MAX, 0));
        assert_eq!(mul_div_rem(u64::MAX, u64::MAX, u64::MAX, 0), (u64::MAX, 0));
    }

    #[test]
    fn products_may_be_wide() {
        assert_eq!(mul_div(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(mul_div(1 << 40, 1 << 40, 1 << 40), 1 << 40);
        assert_eq!(mul_div(1 << 40, 1 << 40, 3), u64::MAX);
        assert_eq!(
            mul_div_rem(u64::MAX, u64::MAX, u64::MAX, u64::MAX),
            (u64::MAX, 0)
        );
        assert_eq!(mul_div(u64::MAX, 3 << 20, 1 << 22), (u64::MAX / 4) * 3 + 2);
    }

    #[test]
    fn a_rate_does_not_drift() {
        for (num, den) in [(1001, 30000), (1, 30), (1001, 60000), (33_333_333, 1 << 30)] {
            for rate in [1, 64_000, 2_000_001, 1 << 31] {
                let mut drain = Drain::new();
                let mut bits = 0;
                for _ in 0..1000 {
                    bits += drain.step(rate, num, den);
                }
                assert_eq!(bits, mul_div(rate, num * 1000, den));
            }
        }
    }

    #[test]
    fn the_unit_of_time_may_change() {
        let mut drain = Drain::new();
        let mut bits = 0;
        for _ in 0..300 {
            bits += drain.step(1_000_003, 1001, 30000);
            bits += drain.step(1_000_003, 16_683_333, 1_000_000_000);
        }
        let exact = 1_000_003 * 300 * 1001 / 30000 + 1_000_003 * 300 * 16_683_333 / 1_000_000_000;
        assert!(exact - bits <= 2);
    }
}
