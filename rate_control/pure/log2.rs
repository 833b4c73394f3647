// SPDX-License-Identifier: GPL-2.0

//! Logarithms to base 2, and back.
//!
//! Sizes and quantizers are compared as ratios, for which a logarithm needs neither divisions
//! nor more than 32 bits.

use super::math::div_rem;

/// A logarithm to base 2, with 16 fractional bits.
///
/// That of a number of 64 bits is below 64, and what is made of it are sums of a few, and
/// products with slopes: 32 bits have room for 32768. Products and quotients stay within
/// [`Self::LIMIT`], so that no sum of three of them leaves that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Log2(i32);

/// log2(1 + i / 64), with 16 fractional bits.
const LOG2: [u32; 65] = [
    0, 1466, 2909, 4331, 5732, 7112, 8473, 9814, 11136, 12440, 13727, 14996, 16248, 17484, 18704,
    19909, 21098, 22272, 23433, 24579, 25711, 26830, 27936, 29029, 30109, 31178, 32234, 33279,
    34312, 35334, 36346, 37346, 38336, 39316, 40286, 41246, 42196, 43137, 44068, 44990, 45904,
    46809, 47705, 48593, 49472, 50344, 51207, 52063, 52911, 53751, 54584, 55410, 56229, 57040,
    57845, 58643, 59434, 60219, 60997, 61769, 62534, 63294, 64047, 64794, 65536,
];

/// 2^(i / 64), with 30 fractional bits.
const EXP2: [u32; 65] = [
    1073741824, 1085434106, 1097253708, 1109202018, 1121280436, 1133490379, 1145833280, 1158310587,
    1170923762, 1183674286, 1196563654, 1209593378, 1222764986, 1236080024, 1249540052, 1263146652,
    1276901417, 1290805962, 1304861917, 1319070932, 1333434672, 1347954824, 1362633090, 1377471191,
    1392470869, 1407633882, 1422962010, 1438457051, 1454120821, 1469955159, 1485961921, 1502142985,
    1518500250, 1535035634, 1551751076, 1568648537, 1585730000, 1602997467, 1620452965, 1638098541,
    1655936265, 1673968228, 1692196547, 1710623359, 1729250827, 1748081133, 1767116489, 1786359126,
    1805811301, 1825475297, 1845353420, 1865448001, 1885761398, 1906295993, 1927054196, 1948038440,
    1969251188, 1990694927, 2012372174, 2034285470, 2056437387, 2078830522, 2101467502, 2124350982,
    2147483648,
];

impl Log2 {
    /// Fractional bits.
    const SHIFT: u32 = 16;
    /// The largest product or quotient: 8192.
    pub const LIMIT: Self = Self(1 << 29);
    /// The logarithm of 1.
    pub const ZERO: Self = Self(0);
    /// The logarithm of 2.
    pub const ONE: Self = Self(1 << Self::SHIFT);

    /// `num / den`, for constants: `den` is not 0.
    pub const fn ratio(num: i32, den: i32) -> Self {
        match (num << Self::SHIFT).checked_div(den) {
            Some(raw) => Self(raw),
            None => Self(0),
        }
    }

    /// From the number with 16 fractional bits that it is.
    pub const fn from_raw(raw: i32) -> Self {
        Self(raw)
    }

    /// As a number with 16 fractional bits.
    pub const fn raw(self) -> i32 {
        self.0
    }

    /// Of a number, that of 0 being that of 1. The error is below 2^-14.
    ///
    /// By linear interpolation between 64 points an octave.
    #[inline(always)]
    pub fn of(number: u64) -> Self {
        // The lowest bit spares 0 a case of its own; no other leading one is changed by it.
        let zeros = (number | 1).leading_zeros();
        let normal = number.wrapping_shl(zeros);
        // The bits below the leading one: 6 choose the segment, 16 the place in it.
        let segment = ((normal >> 57) & 63) as usize;
        let place = ((normal >> 41) & 0xffff) as u32;
        let low = LOG2.get(segment).map_or(0, |&v| v);
        let high = LOG2.get(segment.wrapping_add(1)).map_or(0, |&v| v);
        // At most 1024 * 65535.
        let part = high.wrapping_sub(low).wrapping_mul(place) >> 16;
        let whole = (63u32.wrapping_sub(zeros)) << Self::SHIFT;
        Self(whole.wrapping_add(low).wrapping_add(part) as i32)
    }

    /// The number whose logarithm this is, rounded down, or [`u64::MAX`]. The relative error is
    /// below 2^-15 for large ones.
    ///
    /// By linear interpolation between 64 points an octave.
    pub fn exp(self) -> u64 {
        let whole = self.0 >> Self::SHIFT;
        let segment = ((self.0 >> 10) & 63) as usize;
        let place = (self.0 & 0x3ff) as u64;
        let low = EXP2.get(segment).map_or(0, |&v| u64::from(v));
        let high = EXP2
            .get(segment.wrapping_add(1))
            .map_or(0, |&v| u64::from(v));
        // With 30 fractional bits, from 1 to below 2.
        let mantissa = low.wrapping_add(high.wrapping_sub(low).wrapping_mul(place) >> 10);
        match whole {
            ..=-1 => 0,
            0..=30 => mantissa.wrapping_shr(30u32.wrapping_sub(whole as u32)),
            31..=63 => mantissa.wrapping_shl((whole as u32).wrapping_sub(30)),
            _ => u64::MAX,
        }
    }

    /// The sum.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// The difference.
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }

    /// Without its sign.
    pub const fn abs(self) -> Self {
        Self(self.0.wrapping_abs())
    }

    /// The product with another number of 16 fractional bits, rounded.
    pub fn times(self, factor: Self) -> Self {
        let product = i64::from(self.0).wrapping_mul(i64::from(factor.0));
        // The product of two numbers of 32 bits leaves room for it.
        let product = product.wrapping_add(1 << (Self::SHIFT - 1)) >> Self::SHIFT;
        // One comparison, where a clamp takes two: products are in range all but always.
        const LIMIT: i64 = Log2::LIMIT.0 as i64;
        if (-LIMIT..=LIMIT).contains(&product) {
            Self(product as i32)
        } else {
            Self::limit(product < 0)
        }
    }

    /// The product that is beyond the limit.
    #[cold]
    const fn limit(negative: bool) -> Self {
        if negative {
            Self(Self::LIMIT.0.wrapping_neg())
        } else {
            Self::LIMIT
        }
    }

    /// The quotient as a number with 16 fractional bits, rounded to 0; by 0 it is 0.
    pub fn over(self, divisor: Self) -> Self {
        if divisor == Self::ZERO {
            return Self::ZERO;
        }
        let num = u64::from(self.0.unsigned_abs()) << Self::SHIFT;
        let (quotient, _) = div_rem(num, u64::from(divisor.0.unsigned_abs()));
        let size = quotient.min(Self::LIMIT.0 as u64) as i32;
        if (self.0 < 0) == (divisor.0 < 0) {
            Self(size)
        } else {
            Self(size.wrapping_neg())
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_log2))]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_exact() {
        for n in 0..64 {
            assert_eq!(Log2::of(1 << n), Log2::from_raw(n << 16));
            assert_eq!(Log2::from_raw(n << 16).exp(), 1 << n);
        }
        assert_eq!(Log2::of(0), Log2::ZERO);
        assert_eq!(Log2::from_raw(-1).exp(), 0);
        assert_eq!(Log2::from_raw(64 << 16).exp(), u64::MAX);
        assert_eq!(Log2::from_raw(i32::MAX).exp(), u64::MAX);
        assert_eq!(Log2::from_raw(i32::MIN).exp(), 0);
    }

    #[test]
    fn larger_numbers_have_larger_logarithms() {
        let mut last = Log2::ZERO;
        for n in 1..100_000 {
            let log = Log2::of(n);
            assert!(log >= last);
            last = log;
        }
        assert!(Log2::of(u64::MAX) >= Log2::of(u64::MAX - 1));
        assert!(Log2::of(u64::MAX).raw() <= 64 << 16);
    }

    #[test]
    fn there_and_back() {
        let mut n: u64 = 1 << 20;
        while n < 1 << 62 {
            let back = Log2::of(n).exp();
            // Within 1/2^13.
            assert!(back.abs_diff(n) <= n >> 13);
            n += n / 37;
        }
    }

    #[test]
    fn products_and_quotients_have_a_limit() {
        let most = Log2::from_raw(i32::MAX);
        let least = Log2::from_raw(i32::MIN);
        let below = Log2::ZERO.minus(Log2::LIMIT);
        assert_eq!(most.times(most), Log2::LIMIT);
        assert_eq!(most.times(least), below);
        assert_eq!(least.times(least), Log2::LIMIT);
        assert_eq!(Log2::ONE.over(Log2::ZERO), Log2::ZERO);
        assert_eq!(Log2::ONE.over(Log2::from_raw(-1)), below);
        assert_eq!(
            Log2::ratio(-1, 16).over(Log2::from_raw(-1)),
            Log2::ratio(4096, 1)
        );
        // Three of them leave room.
        let sum = Log2::LIMIT.plus(Log2::LIMIT).plus(Log2::LIMIT);
        assert_eq!(sum.minus(Log2::LIMIT).minus(Log2::LIMIT), Log2::LIMIT);
        assert!(sum > Log2::LIMIT);
    }

    #[test]
    fn products_and_quotients() {
        let half = Log2::ratio(1, 2);
        assert_eq!(half.times(half), Log2::ratio(1, 4));
        assert_eq!(Log2::ratio(-3, 2).times(half), Log2::ratio(-3, 4));
        assert_eq!(Log2::ratio(3, 1).over(Log2::ratio(4, 1)), Log2::ratio(3, 4));
        assert_eq!(Log2::ratio(-1, 4).over(half), Log2::ratio(-1, 2));
    }
}
