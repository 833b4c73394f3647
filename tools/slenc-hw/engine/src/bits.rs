// SPDX-License-Identifier: GPL-2.0

//! Writing of bit strings and of the Exp-Golomb codes of ITU-T H.264 clause 9.1.

/// A growing bit string, most significant bit first.
#[derive(Clone, Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits not in `bytes` yet, the last one lowest; what is above them is stale.
    cache: u64,
    /// Number of bits in `cache`, below 32.
    cached: u32,
}

/// A point of a [`BitWriter`] to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    length: usize,
    cache: u64,
    cached: u32,
}

impl BitWriter {
    /// Forgets all bits but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.cached = 0;
    }

    /// Number of bits written.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() * 8 + self.cached as usize
    }

    /// Appends the lowest `count` bits of `value`, which has no others set.
    #[inline(always)]
    pub(crate) fn put(&mut self, count: u32, value: u32) {
        debug_assert!(count <= 32 && (count == 32 || value >> count == 0));
        self.cache = (self.cache << count) | u64::from(value);
        self.cached += count;
        if self.cached >= 32 {
            self.cached -= 32;
            let word = (self.cache >> self.cached) as u32;
            self.bytes.extend_from_slice(&word.to_be_bytes());
        }
    }

    /// Appends ue(v). `value` is below 65535.
    #[inline]
    pub(crate) fn put_ue(&mut self, value: u32) {
        self.put(ue_bits(value), value + 1);
    }

    /// Appends ue(v) of any value but the largest.
    pub(crate) fn put_long_ue(&mut self, value: u32) {
        let zeros = (value + 1).ilog2();
        self.put(zeros, 0);
        self.put(zeros + 1, value + 1);
    }

    /// Appends se(v). `value` is within 16 bits.
    #[inline]
    pub(crate) fn put_se(&mut self, value: i32) {
        self.put_ue(se_to_ue(value));
    }

    /// Appends te(v) of a value that is below `count`.
    #[inline]
    pub(crate) fn put_te(&mut self, value: u32, count: usize) {
        match count {
            0..=1 => {}
            2 => self.put(1, 1 - value),
            _ => self.put_ue(value),
        }
    }

    /// Appends zeros up to a whole byte.
    pub(crate) fn align_zero(&mut self) {
        self.put(self.cached.wrapping_neg() % 8, 0);
    }

    /// Appends ones up to a whole byte.
    pub(crate) fn align_one(&mut self) {
        let count = self.cached.wrapping_neg() % 8;
        self.put(count, (1 << count) - 1);
    }

    /// Appends rbsp_trailing_bits().
    pub(crate) fn put_trailing_bits(&mut self) {
        self.put(1, 1);
        self.align_zero();
    }

    /// Appends the first `count` bits of `bytes`.
    pub(crate) fn put_bits_of(&mut self, bytes: &[u8], count: usize) {
        let (whole, rest) = (count / 8, count as u32 % 8);
        if self.cached % 8 == 0 {
            self.spill();
            self.bytes.extend_from_slice(&bytes[..whole]);
        } else {
            let mut words = bytes[..whole].chunks_exact(4);
            for word in &mut words {
                self.put(32, u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
            }
            for &byte in words.remainder() {
                self.put(8, byte.into());
            }
        }
        if rest > 0 {
            self.put(rest, (bytes[whole] >> (8 - rest)).into());
        }
    }

    /// Moves whole cached bytes out of the cache.
    fn spill(&mut self) {
        while self.cached >= 8 {
            self.cached -= 8;
            self.bytes.push((self.cache >> self.cached) as u8);
        }
    }

    /// The bits as bytes, the last one padded with zeros.
    pub(crate) fn finish(&mut self) -> &[u8] {
        self.spill();
        if self.cached > 0 {
            self.bytes.push((self.cache << (8 - self.cached)) as u8);
            self.cached = 0;
        }
        &self.bytes
    }

    /// The whole bytes that are not cached.
    pub(crate) fn settled(&self) -> &[u8] {
        &self.bytes
    }

    /// The present end.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            length: self.bytes.len(),
            cache: self.cache,
            cached: self.cached,
        }
    }

    /// Forgets what was written since `mark` was taken.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.bytes.truncate(mark.length);
        self.cache = mark.cache;
        self.cached = mark.cached;
    }
}

/// Length of te(v) of a value that is below `count`.
#[inline(always)]
pub(crate) fn te_bits(value: u32, count: usize) -> u32 {
    match count {
        0..=1 => 0,
        2 => 1,
        _ => ue_bits(value),
    }
}

/// codeNum of se(v), Table 9-3.
#[inline(always)]
pub(crate) fn se_to_ue(value: i32) -> u32 {
    if value > 0 {
        2 * value as u32 - 1
    } else {
        2 * value.unsigned_abs()
    }
}

/// Length of ue(v).
#[inline(always)]
pub(crate) fn ue_bits(value: u32) -> u32 {
    2 * (value + 1).ilog2() + 1
}

/// Length of se(v).
#[inline(always)]
pub(crate) fn se_bits(value: i32) -> u32 {
    ue_bits(se_to_ue(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(bytes: &[u8]) -> String {
        let digits = bytes.iter().map(|byte| format!("{byte:08b}"));
        digits.collect::<Vec<_>>().concat()
    }

    fn text(writer: &BitWriter) -> String {
        let mut writer = writer.clone();
        let length = writer.len();
        let mut text = binary(writer.finish());
        text.truncate(length);
        text
    }

    #[test]
    fn exp_golomb_codes_are_those_of_table_9_2() {
        let mut writer = BitWriter::default();
        for value in 0..6 {
            writer.put_ue(value);
        }
        assert_eq!(text(&writer), "1010011001000010100110");
        writer.clear();
        for value in [0, 1, -1, 2, -2] {
            writer.put_se(value);
        }
        assert_eq!(text(&writer), "10100110010000101");
        writer.clear();
        for value in [0, 5, 65535] {
            writer.put_long_ue(value);
        }
        let long = format!("{:017}{:017}", 1, 0);
        assert_eq!(text(&writer), format!("100110{}", &long[..33]));
    }

    #[test]
    fn truncated_codes_depend_on_the_range() {
        let mut writer = BitWriter::default();
        writer.put_te(0, 1);
        assert_eq!(writer.len(), 0);
        writer.put_te(0, 2);
        writer.put_te(1, 2);
        writer.put_te(2, 3);
        assert_eq!(text(&writer), "10011");
    }

    #[test]
    fn appended_bits_keep_their_order_at_any_offset() {
        let bytes: Vec<u8> = (0..37u8).map(|i| i.wrapping_mul(73)).collect();
        let all = binary(&bytes);
        for offset in 0..40 {
            for count in [0, 1, 7, 8, 9, 31, 32, 33, 200, 296] {
                let mut writer = BitWriter::default();
                (0..offset).for_each(|_| writer.put(1, 1));
                writer.put_bits_of(&bytes, count);
                writer.put(3, 5);
                let want = format!("{}{}101", "1".repeat(offset), &all[..count]);
                assert_eq!(text(&writer), want);
            }
        }
    }

    #[test]
    fn rewinding_forgets_what_followed() {
        let mut writer = BitWriter::default();
        writer.put(30, 0x1234_5678);
        let (mark, before) = (writer.mark(), text(&writer));
        writer.put(32, u32::MAX);
        writer.put(9, 3);
        writer.rewind(mark);
        assert_eq!(text(&writer), before);
    }
}
