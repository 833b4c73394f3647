// SPDX-License-Identifier: GPL-2.0

//! Bit writer and the descriptors of syntax elements, H.264 clauses 7.2 and 9.1.

/// The bits did not fit their buffer, or a value has no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Writes bits into bytes, the most significant bit first.
///
/// What does not fit is counted and not written, so that a writer over an empty slice measures.
/// The bytes need not be zero before.
pub struct BitWriter<'a> {
    bytes: &'a mut [u8],
    bits: usize,
    full: bool,
}

impl<'a> BitWriter<'a> {
    /// Starts at the first bit of `bytes`.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self {
            bytes,
            bits: 0,
            full: false,
        }
    }

    /// Number of bits so far, also of those that did not fit.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Number of bits, if all of them were written.
    pub fn finish(self) -> Result<usize, Full> {
        if self.full {
            Err(Full)
        } else {
            Ok(self.bits)
        }
    }

    /// u(n): the `count` low bits of `value`, at most 32.
    pub fn u(&mut self, count: u32, value: u32) {
        let mut left = count.min(32);
        while left > 0 {
            // At most 8, so that a piece stays within a byte and no shift reaches 32.
            let free = 8 - (self.bits % 8) as u32;
            let take = left.min(free);
            let piece = value.wrapping_shr(left - take) & !u32::MAX.wrapping_shl(take);
            match self.bytes.get_mut(self.bits / 8) {
                Some(byte) => {
                    let kept = if free == 8 { 0 } else { *byte };
                    *byte = kept | piece.wrapping_shl(free - take) as u8;
                }
                None => self.full = true,
            }
            self.bits = self.bits.saturating_add(take as usize);
            left -= take;
        }
    }

    /// u(1), of a flag.
    pub fn flag(&mut self, value: bool) {
        self.u(1, u32::from(value));
    }

    /// ue(v): an Exp-Golomb code of `value`, at most 2^32 - 2.
    pub fn ue(&mut self, value: u32) {
        let Some(code) = value.checked_add(1) else {
            self.full = true;
            return;
        };
        let prefix = code.ilog2();
        self.u(prefix, 0);
        self.u(prefix + 1, code);
    }

    /// se(v): positive values are odd code numbers, the others even ones (table 9-3).
    pub fn se(&mut self, value: i32) {
        let magnitude = value.unsigned_abs();
        let number = if value > 0 {
            // At most 2^32 - 3.
            magnitude * 2 - 1
        } else if let Some(number) = magnitude.checked_mul(2) {
            number
        } else {
            self.full = true;
            return;
        };
        self.ue(number);
    }

    /// rbsp_trailing_bits(): a one and zeros up to the end of the byte.
    pub fn trailing_bits(&mut self) {
        self.u(1, 1);
        self.u((8 - (self.bits % 8) as u32) % 8, 0);
    }

    /// The byte that heads a NAL unit, H.264 clause 7.3.1.
    pub fn nal_unit_header(&mut self, nal_ref_idc: u8, nal_unit_type: u8) {
        self.u(1, 0);
        self.u(2, u32::from(nal_ref_idc));
        self.u(5, u32::from(nal_unit_type));
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_bits))]
mod tests {
    use super::*;

    fn ue_bits(value: u32) -> (usize, [u8; 8]) {
        let mut bytes = [0xff; 8];
        let mut w = BitWriter::new(&mut bytes);
        w.ue(value);
        let bits = w.bits();
        w.u(((8 - bits % 8) % 8) as u32, 0);
        (bits, bytes)
    }

    #[test]
    fn exp_golomb_as_in_table_9_2() {
        for (value, bits, first) in [
            (0, 1, 0b1000_0000),
            (1, 3, 0b0100_0000),
            (2, 3, 0b0110_0000),
            (3, 5, 0b0010_0000),
            (6, 5, 0b0011_1000),
            (7, 7, 0b0001_0000),
            (9, 7, 0b0001_0100),
        ] {
            let (n, bytes) = ue_bits(value);
            assert_eq!(n, bits);
            assert_eq!(bytes[0], first);
        }
        assert_eq!(ue_bits(u32::MAX - 1).0, 63);
    }

    #[test]
    fn signed_numbers_as_in_table_9_3() {
        for (value, number) in [
            (0, 0),
            (1, 1),
            (-1, 2),
            (2, 3),
            (-2, 4),
            (-26, 52),
            (25, 49),
        ] {
            let (mut a, mut b) = ([0; 4], [0; 4]);
            let mut w = BitWriter::new(&mut a);
            w.se(value);
            let bits = w.bits();
            let mut w = BitWriter::new(&mut b);
            w.ue(number);
            assert_eq!(bits, w.bits());
            assert!(a == b);
        }
    }

    #[test]
    fn values_without_a_code_are_refused() {
        let mut bytes = [0; 16];
        let mut w = BitWriter::new(&mut bytes);
        w.ue(u32::MAX);
        assert_eq!(w.finish(), Err(Full));
        let mut w = BitWriter::new(&mut bytes);
        w.se(i32::MIN);
        assert_eq!(w.finish(), Err(Full));
        let mut w = BitWriter::new(&mut bytes);
        w.se(i32::MAX);
        assert_eq!(w.finish(), Ok(63));
    }

    #[test]
    fn stale_bytes_do_not_shine_through() {
        let mut bytes = [0xff; 3];
        let mut w = BitWriter::new(&mut bytes);
        w.u(3, 0b101);
        w.u(12, 0x801);
        w.trailing_bits();
        assert_eq!(w.finish(), Ok(16));
        assert!(bytes == [0b1011_0000, 0b0000_0011, 0xff]);
    }

    #[test]
    fn aligned_data_still_gets_its_stop_bit() {
        let mut bytes = [0; 2];
        let mut w = BitWriter::new(&mut bytes);
        w.nal_unit_header(3, 7);
        w.trailing_bits();
        assert_eq!(w.finish(), Ok(16));
        assert!(bytes == [0x67, 0x80]);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut w = BitWriter::new(&mut []);
        w.u(32, 1);
        w.flag(true);
        assert_eq!(w.bits(), 33);
        assert_eq!(w.finish(), Err(Full));
    }
}
