// SPDX-License-Identifier: GPL-2.0

//! A reader of syntax elements.

/// Reads what H.264 clauses 7.2 and 9.1 describe, a bit at a time.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    /// Bits read.
    pub(crate) bit: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, bit: 0 }
    }

    pub(crate) fn u(&mut self, count: u32) -> u64 {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes[self.bit / 8];
            value = (value << 1) | u64::from((byte >> (7 - self.bit % 8)) & 1);
            self.bit += 1;
        }
        value
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.u(1) == 1
    }

    pub(crate) fn ue(&mut self) -> u64 {
        let mut zeros = 0;
        while self.u(1) == 0 {
            zeros += 1;
        }
        (1 << zeros) - 1 + self.u(zeros)
    }

    pub(crate) fn se(&mut self) -> i64 {
        let number = self.ue() as i64;
        if number % 2 == 1 {
            number / 2 + 1
        } else {
            -(number / 2)
        }
    }
}
