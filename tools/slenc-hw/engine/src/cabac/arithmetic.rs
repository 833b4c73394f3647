// SPDX-License-Identifier: GPL-2.0

//! The arithmetic encoder, ITU-T H.264 clause 9.3.4.
//!
//! codILow here keeps all bits that are not whole bytes yet, instead of ten. A carry out of
//! it goes into the bytes written before, so that no bits have to be held back for it.

use super::tables::{RANGE_LPS, TRANSITION_LPS};

/// A context variable: pStateIdx, and valMPS as the lowest bit.
pub(super) type Context = u8;

/// The next context for each bin.
pub(super) static NEXT: [[Context; 128]; 2] = {
    let mut next = [[0; 128]; 2];
    let mut context = 0;
    while context < 128 {
        let (state, mps) = (context >> 1, context & 1);
        let up = if state < 62 { state + 1 } else { state };
        next[mps][context] = ((up << 1) | mps) as u8;
        let other = if state == 0 { 1 - mps } else { mps };
        next[1 - mps][context] = (TRANSITION_LPS[state] << 1) | other as u8;
        context += 1;
    }
    next
};

/// Bits of codILow at the beginning: clause 9.3.4.2 has ten, of which the first is not written.
const LOW_BITS: u32 = 9;

/// An arithmetic encoder and what it has written.
#[derive(Clone, Debug)]
pub(super) struct Arithmetic {
    bytes: Vec<u8>,
    /// codILow.
    low: u64,
    /// codIRange.
    range: u32,
    /// Bits of `low` beyond [`LOW_BITS`], below 32.
    pending: u32,
    /// Bins encoded.
    bins: u64,
}

/// A state of an encoder to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    length: usize,
    /// The last bytes as far as a carry can change them: one that is not 0xff, and how many
    /// of 0xff follow.
    last: Option<(usize, u8)>,
    low: u64,
    range: u32,
    pending: u32,
    bins: u64,
}

impl Default for Arithmetic {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            low: 0,
            range: 510,
            pending: 0,
            bins: 0,
        }
    }
}

impl Arithmetic {
    /// Starts a new output with whole bytes.
    pub(super) fn begin(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.bins = 0;
        self.pending = 0;
        self.append(bytes);
    }

    /// Appends whole bytes at a byte boundary, and starts again behind them.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        debug_assert_eq!(self.pending, 0);
        self.bytes.extend_from_slice(bytes);
        self.low = 0;
        self.range = 510;
    }

    /// The bytes so far, all there is after [`Arithmetic::flush`].
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bins encoded since the beginning.
    pub(super) fn bins(&self) -> u64 {
        self.bins
    }

    /// Bits written, as a decoder counts them that reads one with each renormalisation.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        8 * self.bytes.len() + self.pending as usize
    }

    /// Encodes a bin with a context.
    #[inline(always)]
    pub(super) fn encode(&mut self, context: &mut Context, bin: bool) {
        self.bins += 1;
        let state = usize::from(*context & 127);
        let lps = u32::from(RANGE_LPS[state >> 1][(self.range >> 6) as usize & 3]);
        self.range -= lps;
        if bin != (state & 1 != 0) {
            self.low += u64::from(self.range);
            self.range = lps;
        }
        *context = NEXT[usize::from(bin)][state];
        self.renormalise();
    }

    /// Encodes a bin whose values are equally likely.
    #[inline(always)]
    pub(super) fn bypass(&mut self, bin: bool) {
        self.bins += 1;
        self.low <<= 1;
        if bin {
            self.low += u64::from(self.range);
        }
        self.pending += 1;
        self.spill();
    }

    /// Encodes the lowest `count` bits of a value, the highest first.
    pub(super) fn bypass_bits(&mut self, count: u32, value: u32) {
        for i in (0..count).rev() {
            self.bypass((value >> i) & 1 != 0);
        }
    }

    /// Encodes a bin that ends the arithmetic code if it is set. [`Arithmetic::flush`] follows then.
    pub(super) fn terminate(&mut self, bin: bool) {
        self.bins += 1;
        self.range -= 2;
        if bin {
            self.low += u64::from(self.range);
            self.range = 2;
        }
        self.renormalise();
    }

    #[inline(always)]
    fn renormalise(&mut self) {
        // codIRange has nine bits.
        let shift = self.range.leading_zeros() - 23;
        self.range <<= shift;
        self.low <<= shift;
        self.pending += shift;
        self.spill();
    }

    #[inline(always)]
    fn spill(&mut self) {
        if self.pending >= 32 {
            self.pending -= 32;
            let bits = LOW_BITS + self.pending;
            let word = self.low >> bits;
            self.low &= (1 << bits) - 1;
            if word > u64::from(u32::MAX) {
                self.carry();
            }
            self.bytes.extend_from_slice(&(word as u32).to_be_bytes());
        }
    }

    #[cold]
    fn carry(&mut self) {
        for byte in self.bytes.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }

    /// Ends the arithmetic code after a bin that said so, and fills the last byte with zeros. The
    /// last bit is the stop bit of the slice where it is the end of one (clause 9.3.4.5).
    pub(super) fn flush(&mut self) {
        // Of ten bits two more are written, and a one in place of the third.
        let bits = self.pending + 2;
        let value = (self.low >> (LOW_BITS - 2)) | 1;
        if value >> bits != 0 {
            self.carry();
        }
        let padded = bits.next_multiple_of(8);
        let value = (value & ((1 << bits) - 1)) << (padded - bits);
        let bytes = value.to_be_bytes();
        self.bytes
            .extend_from_slice(&bytes[8 - padded as usize / 8..]);
        self.pending = 0;
        self.low = 0;
    }

    /// The bytes that no carry can change any more: it goes through bytes of 0xff, and there is
    /// only one.
    pub(super) fn settled(&self) -> &[u8] {
        let last = self.bytes.iter().rposition(|&byte| byte != 0xff);
        &self.bytes[..last.unwrap_or(0)]
    }

    /// Begins with another range.
    #[cfg(test)]
    pub(super) fn set_range(&mut self, range: u32) {
        self.range = range;
    }

    /// The present state.
    pub(super) fn mark(&self) -> Mark {
        let last = self.bytes.iter().rposition(|&byte| byte != 0xff);
        Mark {
            length: self.bytes.len(),
            last: last.map(|at| (at, self.bytes[at])),
            low: self.low,
            range: self.range,
            pending: self.pending,
            bins: self.bins,
        }
    }

    /// Forgets what was encoded since `mark` was taken.
    pub(super) fn rewind(&mut self, mark: &Mark) {
        self.bytes.truncate(mark.length);
        if let Some((at, byte)) = mark.last {
            self.bytes[at] = byte;
            self.bytes[at + 1..].fill(0xff);
        }
        self.low = mark.low;
        self.range = mark.range;
        self.pending = mark.pending;
        self.bins = mark.bins;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decoder of clause 9.3.3.2, bit by bit as the standard has it.
    struct Decoder<'a> {
        bytes: &'a [u8],
        at: usize,
        range: u32,
        offset: u32,
    }

    impl<'a> Decoder<'a> {
        fn new(bytes: &'a [u8]) -> Self {
            let mut decoder = Self {
                bytes,
                at: 0,
                range: 510,
                offset: 0,
            };
            (0..9).for_each(|_| decoder.shift());
            decoder
        }

        fn shift(&mut self) {
            let byte = self.bytes.get(self.at / 8).copied().unwrap_or(0);
            self.offset = (self.offset << 1) | u32::from((byte >> (7 - self.at % 8)) & 1);
            self.at += 1;
        }

        fn renormalise(&mut self) {
            while self.range < 256 {
                self.range <<= 1;
                self.shift();
            }
        }

        fn decode(&mut self, context: &mut Context) -> bool {
            let state = usize::from(*context);
            let lps = u32::from(RANGE_LPS[state >> 1][(self.range >> 6) as usize & 3]);
            self.range -= lps;
            let mut bin = state & 1 != 0;
            if self.offset >= self.range {
                bin = !bin;
                self.offset -= self.range;
                self.range = lps;
            }
            *context = NEXT[usize::from(bin)][state];
            self.renormalise();
            bin
        }

        fn bypass(&mut self) -> bool {
            self.shift();
            let bin = self.offset >= self.range;
            if bin {
                self.offset -= self.range;
            }
            bin
        }

        fn terminate(&mut self) -> bool {
            self.range -= 2;
            if self.offset >= self.range {
                return true;
            }
            self.renormalise();
            false
        }
    }

    fn random(state: &mut u64) -> u32 {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (*state >> 33) as u32
    }

    /// Bins of a few kinds: kind 0 ends, 1 is bypassed, others have contexts and tendencies.
    fn bins(seed: u64, count: usize) -> Vec<(usize, bool)> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                let kind = random(&mut state) as usize % 8;
                let bin = random(&mut state) % 64 < [0, 32, 1, 8, 20, 32, 60, 64][kind];
                (kind, bin)
            })
            .collect()
    }

    fn encode(arithmetic: &mut Arithmetic, contexts: &mut [Context; 8], bins: &[(usize, bool)]) {
        for &(kind, bin) in bins {
            match kind {
                0 => arithmetic.terminate(bin),
                1 => arithmetic.bypass(bin),
                _ => arithmetic.encode(&mut contexts[kind], bin),
            }
        }
    }

    #[test]
    fn a_decoder_finds_the_bins_that_were_encoded() {
        for seed in 0..200 {
            let bins = bins(seed, 1 + 20 * seed as usize);
            let mut arithmetic = Arithmetic::default();
            arithmetic.begin(&[0x12, 0x34]);
            encode(&mut arithmetic, &mut [62, 0, 1, 126, 17, 30, 99, 4], &bins);
            arithmetic.terminate(true);
            arithmetic.flush();
            assert_eq!(arithmetic.bins(), bins.len() as u64 + 1);
            assert_eq!(arithmetic.bytes()[..2], [0x12, 0x34]);
            assert_ne!(arithmetic.bytes().last(), Some(&0));

            let mut decoder = Decoder::new(&arithmetic.bytes()[2..]);
            let mut contexts: [Context; 8] = [62, 0, 1, 126, 17, 30, 99, 4];
            for &(kind, bin) in &bins {
                let decoded = match kind {
                    0 => decoder.terminate(),
                    1 => decoder.bypass(),
                    _ => decoder.decode(&mut contexts[kind]),
                };
                assert_eq!(decoded, bin);
            }
            assert!(decoder.terminate());
        }
    }

    #[test]
    fn rewinding_forgets_bins_and_carries() {
        for seed in 0..400 {
            let (first, second) = (bins(seed, 3 * seed as usize), bins(!seed, 300));
            let third = bins(seed ^ 77, 200);
            let mut straight = Arithmetic::default();
            let mut contexts = [0; 8];
            encode(&mut straight, &mut contexts, &first);
            let mut detour = straight.clone();
            let mark = detour.mark();
            encode(&mut detour, &mut contexts.clone(), &second);
            detour.rewind(&mark);
            for arithmetic in [&mut straight, &mut detour] {
                encode(arithmetic, &mut contexts.clone(), &third);
                arithmetic.terminate(true);
                arithmetic.flush();
            }
            assert_eq!(straight.bytes(), detour.bytes());
            assert_eq!(straight.bins(), detour.bins());
        }
    }
}
