// SPDX-License-Identifier: GPL-2.0

//! Reading syntax elements: clauses 7.2 and 9.1.

use std::fmt;

/// What is wrong with a piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(
    /// Where, and what.
    pub String,
);

impl Malformed {
    /// Of a text.
    pub fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// A result of parsing.
pub type Result<T> = std::result::Result<T, Malformed>;

/// Reads the bits of an RBSP: a NAL unit without emulation prevention.
#[derive(Debug, Clone)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// Begins at the first bit.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// u(1) as a flag.
    pub fn flag(&mut self) -> Result<bool> {
        let byte = self
            .bytes
            .get(self.at / 8)
            .ok_or_else(|| Malformed::new("the data ends within a syntax structure"))?;
        let bit = (byte >> (7 - self.at % 8)) & 1;
        self.at += 1;
        Ok(bit != 0)
    }

    /// u(n), of at most 32 bits.
    pub fn u(&mut self, bits: u32) -> Result<u32> {
        (0..bits).try_fold(
            0,
            |value: u32, _| Ok((value << 1) | u32::from(self.flag()?)),
        )
    }

    /// ue(v).
    pub fn ue(&mut self) -> Result<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return Err(Malformed::new("an Exp-Golomb code is longer than 63 bits"));
            }
        }
        let rest = self.u(zeros)?;
        Ok(((1u32 << zeros) - 1) + rest)
    }

    /// ue(v) of a syntax element that ends at `max`.
    pub fn ue_max(&mut self, name: &str, max: u32) -> Result<u32> {
        match self.ue()? {
            value if value <= max => Ok(value),
            value => Err(Malformed(format!("{name} is {value}, above {max}"))),
        }
    }

    /// se(v).
    pub fn se(&mut self) -> Result<i32> {
        let code = self.ue()?;
        let half = (code / 2) as i32;
        Ok(if code % 2 == 1 { half + 1 } else { -half })
    }

    /// Whether there are bits before rbsp_trailing_bits().
    pub fn more_data(&self) -> bool {
        let last = self.bytes.iter().rposition(|&byte| byte != 0);
        let end = last.map_or(0, |at| {
            at * 8 + 7 - self.bytes[at].trailing_zeros() as usize
        });
        self.at < end
    }

    /// rbsp_trailing_bits(), up to the end.
    pub fn trailing_bits(mut self) -> Result<()> {
        if self.more_data() {
            return Err(Malformed::new("there is more data than the syntax has"));
        }
        if !self.flag()? {
            return Err(Malformed::new("rbsp_stop_one_bit is 0"));
        }
        let whole = self.at.div_ceil(8);
        if whole != self.bytes.len() {
            return Err(Malformed::new(
                "there are bytes behind rbsp_trailing_bits()",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_are_those_of_table_9_1() {
        // 1 010 011 00100 00101 1000 0000: 0, 1, 2, 3, 4.
        let bytes = [0b1010_0110, 0b0100_0010, 0b1100_0000];
        let mut bits = Bits::new(&bytes);
        let codes: Vec<_> = (0..5).map(|_| bits.ue().unwrap()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        assert!(!bits.more_data());
        // 17 bits were read: the eighteenth is the stop bit.
        assert!(bits.trailing_bits().is_ok());
        let mut bits = Bits::new(&bytes);
        let codes: Vec<_> = (0..5).map(|_| bits.se().unwrap()).collect();
        assert_eq!(codes, [0, 1, -1, 2, -2]);
    }

    #[test]
    fn the_longest_code_fits_and_a_longer_one_is_an_error() {
        let mut longest = [0; 8];
        longest[3] = 1;
        longest[4..].fill(0xff);
        assert_eq!(Bits::new(&longest).ue(), Ok(u32::MAX - 1));
        assert!(Bits::new(&[0; 16]).ue().is_err());
    }

    #[test]
    fn trailing_bits_end_the_data() {
        assert!(Bits::new(&[0x80]).trailing_bits().is_ok());
        assert!(Bits::new(&[0x80, 0]).trailing_bits().is_err());
        assert!(Bits::new(&[0xc0]).trailing_bits().is_err());
        assert!(Bits::new(&[]).trailing_bits().is_err());
        assert!(Bits::new(&[0x40]).more_data());
        assert!(!Bits::new(&[]).more_data());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..16)) {
            let mut bits = Bits::new(&bytes);
            while bits.more_data() {
                if bits.ue().is_err() || bits.se().is_err() || bits.u(32).is_err() {
                    break;
                }
            }
            let _ = bits.trailing_bits();
        }
    }
}
