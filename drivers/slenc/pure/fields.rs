// SPDX-License-Identifier: GPL-2.0

//! Fields of the structures that the hardware reads and writes.

/// Puts little-endian fields one after the other; behind the end nothing is put.
pub struct Fields<'a> {
    rest: &'a mut [u8],
}

impl<'a> Fields<'a> {
    /// They begin where `bytes` do.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { rest: bytes }
    }

    fn put<const N: usize>(&mut self, bytes: [u8; N]) -> &mut Self {
        if let Some((field, rest)) = core::mem::take(&mut self.rest).split_first_chunk_mut::<N>() {
            *field = bytes;
            self.rest = rest;
        }
        self
    }

    /// A byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.put([value])
    }

    /// A signed byte.
    pub fn i8(&mut self, value: i8) -> &mut Self {
        self.put(value.to_le_bytes())
    }

    /// A 16-bit word.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.put(value.to_le_bytes())
    }

    /// A 32-bit word.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.put(value.to_le_bytes())
    }

    /// A 64-bit word.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.put(value.to_le_bytes())
    }
}

/// Takes little-endian fields one after the other; behind the end all are 0.
pub struct Block<'a> {
    rest: &'a [u8],
}

impl<'a> Block<'a> {
    /// They begin where `bytes` do.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.rest.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.rest = rest;
                *field
            }
            None => [0; N],
        }
    }

    /// A byte.
    pub fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    /// A 32-bit word.
    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    /// A 64-bit word.
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_fields))]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken() {
        let mut bytes = [0xee; 17];
        Fields::new(&mut bytes)
            .u8(1)
            .i8(-2)
            .u16(0x0304)
            .u32(0x0506_0708)
            .u64(0x090a_0b0c_0d0e_0f10);
        assert!(bytes[..8] == [1, 0xfe, 4, 3, 8, 7, 6, 5][..]);
        assert!(bytes[8..] == [0x10, 0xf, 0xe, 0xd, 0xc, 0xb, 0xa, 9, 0xee][..]);
        let mut block = Block::new(&bytes);
        assert_eq!(block.u32(), 0x0304_fe01);
        assert_eq!((block.u8(), block.u8()), (8, 7));
        assert_eq!(block.u64(), 0x0b0c_0d0e_0f10_0506);
    }

    #[test]
    fn nothing_is_behind_the_end() {
        let mut bytes = [0xee; 3];
        Fields::new(&mut bytes).u16(1).u16(2).u8(3);
        assert!(bytes == [1, 0, 0xee]);
        let mut block = Block::new(&bytes);
        assert_eq!((block.u32(), block.u64()), (0, 0));
        assert_eq!((block.u8(), block.u8(), block.u8()), (1, 0, 0xee));
    }
}
