// SPDX-License-Identifier: GPL-2.0

//! cabac_zero_words, which a picture of very many bins for its bytes ends with: ITU-T H.264 clause
//! 7.4.2.10.

/// Bytes of a cabac_zero_word with its emulation prevention byte.
pub(crate) const WORD_BYTES: u64 = 3;

/// RawMbBits of 4:2:0 with 8 bits, over 32: bins that each macroblock may have at no cost.
const FREE_BINS: u64 = 3072 / 32;

/// Least bytes of the slices of a picture with so many bins: these may be 32/3 of the bytes.
pub(crate) fn bytes_for(bins: u64, mbs: usize) -> u64 {
    (3 * bins.saturating_sub(FREE_BINS * mbs as u64)).div_ceil(32)
}

/// Number of words behind slices of so many bytes, so that there are not too many bins for them.
pub(crate) fn count(bins: u64, bytes: u64, mbs: usize) -> u32 {
    let missing = bytes_for(bins, mbs).saturating_sub(bytes);
    missing.div_ceil(WORD_BYTES) as u32
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn zero_words_make_up_for_bins() {
        assert_eq!(count(0, 0, 1), 0);
        assert_eq!(count(96, 0, 1), 0);
        assert_eq!(count(97, 0, 1), 1);
        assert_eq!(count(96 + 32, 3, 1), 0);
        assert_eq!(count(96 + 33, 3, 1), 1);
        assert_eq!(count(960 + 320, 10, 10), 7);
    }
}
