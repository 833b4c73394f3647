// SPDX-License-Identifier: GPL-2.0

//! NAL units in a byte stream: start codes and emulation prevention, ITU-T H.264 clause 7.4.1 and
//! Annex B.

use crate::Error;

/// The output of a picture.
pub(crate) struct NalWriter<'a> {
    output: &'a mut [u8],
    used: usize,
    emulation: u32,
}

impl<'a> NalWriter<'a> {
    /// Starts at the beginning of `output`.
    pub(crate) fn new(output: &'a mut [u8]) -> Self {
        Self {
            output,
            used: 0,
            emulation: 0,
        }
    }

    /// Bytes written.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Emulation prevention bytes among them.
    pub(crate) fn emulation(&self) -> u32 {
        self.emulation
    }

    /// Appends cabac_zero_words to the unit written last; gives the bytes they take.
    pub(crate) fn write_zero_words(&mut self, words: u32) -> Result<usize, Error> {
        for _ in 0..words {
            for byte in [0, 0, 3] {
                self.push(byte)?;
            }
            self.emulation += 1;
        }
        Ok(3 * words as usize)
    }

    fn push(&mut self, byte: u8) -> Result<(), Error> {
        *self.output.get_mut(self.used).ok_or(Error::OutputFull)? = byte;
        self.used += 1;
        Ok(())
    }

    /// Writes a unit behind `start_code` bytes of start code and gives its size with everything.
    ///
    /// The unit is given without emulation prevention. Its header takes part, so that no
    /// unit, however strange, holds a start code.
    pub(crate) fn write(&mut self, start_code: u8, unit: &[u8]) -> Result<usize, Error> {
        let begin = self.used;
        for i in (0..start_code).rev() {
            self.push(u8::from(i == 0))?;
        }
        let mut zeros = 0;
        for &byte in unit {
            if zeros == 2 && byte <= 3 {
                self.push(3)?;
                self.emulation += 1;
                zeros = 0;
            }
            self.push(byte)?;
            zeros = if byte == 0 { zeros + 1 } else { 0 };
        }
        // A unit does not end with a zero byte.
        if zeros > 0 {
            self.push(3)?;
            self.emulation += 1;
        }
        Ok(self.used - begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(start_code: u8, unit: &[u8]) -> Vec<u8> {
        let mut output = [0xee; 64];
        let mut writer = NalWriter::new(&mut output);
        let size = writer.write(start_code, unit).unwrap();
        assert!(output[size..].iter().all(|&b| b == 0xee));
        output[..size].to_vec()
    }

    #[test]
    fn start_codes_are_followed_by_the_unit() {
        assert_eq!(written(0, &[9, 16]), [9, 16]);
        assert_eq!(written(3, &[9, 16]), [0, 0, 1, 9, 16]);
        assert_eq!(written(4, &[9, 16]), [0, 0, 0, 1, 9, 16]);
    }

    #[test]
    fn two_zeros_are_not_followed_by_a_small_byte() {
        let unit = [5, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 3];
        let want = [5, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 0, 4, 0, 0, 3, 3];
        assert_eq!(written(0, &unit), want);
        assert_eq!(written(0, &[5, 0, 0]), [5, 0, 0, 3]);
    }

    #[test]
    fn zero_words_follow_a_unit() {
        let mut output = [0xee; 16];
        let mut writer = NalWriter::new(&mut output);
        assert_eq!(writer.write(3, &[9, 16]), Ok(5));
        assert_eq!(writer.write_zero_words(2), Ok(6));
        assert_eq!((writer.used(), writer.emulation()), (11, 2));
        assert_eq!(writer.write_zero_words(2), Err(Error::OutputFull));
        assert_eq!(output[..11], [0, 0, 1, 9, 16, 0, 0, 3, 0, 0, 3]);
    }

    #[test]
    fn a_full_output_is_an_error() {
        let mut output = [0; 5];
        assert_eq!(
            NalWriter::new(&mut output).write(4, &[1, 2]),
            Err(Error::OutputFull)
        );
        assert_eq!(NalWriter::new(&mut output).write(4, &[1]), Ok(5));
    }
}
