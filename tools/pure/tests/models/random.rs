// SPDX-License-Identifier: GPL-2.0

//! Random numbers that are the same in every run.

/// Marsaglia's xorshift64* generator.
pub(crate) struct Random(u64);

impl Random {
    /// `seed` is not 0.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Mostly small, sometimes at the end of the type: where mistakes are.
    pub(crate) fn edgy_u8(&mut self) -> u8 {
        match self.below(4) {
            0 => self.next() as u8,
            1 => *[0, 1, 12, 13, 15, 16, 31, 32, 51, 52, 127, 128, 255]
                .get(self.below(13) as usize)
                .unwrap(),
            _ => self.below(4) as u8,
        }
    }

    /// As [`Self::edgy_u8`], for more bits.
    pub(crate) fn edgy_u32(&mut self) -> u32 {
        match self.below(4) {
            0 => self.next() as u32,
            1 => 1u32.wrapping_shl(self.next() as u32).wrapping_sub(1),
            2 => u32::from(self.edgy_u8()),
            _ => u32::MAX - u32::from(self.edgy_u8()),
        }
    }
}
