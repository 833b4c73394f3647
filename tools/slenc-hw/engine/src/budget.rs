// SPDX-License-Identifier: GPL-2.0

//! The most bits that a picture may have.
//!
//! Counted are the bytes of the slices as they are in the NAL units, with emulation prevention bytes and
//! cabac_zero_words, but without start codes and the bits of NAL unit and slice headers. A
//! macroblock is coded only if all macroblocks after it still fit when they take their least, the
//! floor: P_Skip, or Intra_16x16 with DC prediction and no residual. So whenever a macroblock
//! does not fit, it and those after it fit with the floor.

use crate::zero_words::{self, WORD_BYTES};

/// Bounds of what is not coded yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Floor {
    /// Bits up to the end of the slice, with trailing bits.
    pub(crate) bits: u64,
    /// Bins of them.
    pub(crate) bins: u64,
    /// The bits hold no zero byte.
    pub(crate) no_zeros: bool,
}

/// Counts emulation prevention bytes as a slice grows.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    position: usize,
    /// Zero bytes since the last other byte.
    zeros: u64,
    /// Emulation prevention bytes.
    count: u64,
}

impl Scan {
    /// Looks at the bytes that are new in the slice.
    fn advance(&mut self, slice: &[u8]) {
        for &byte in &slice[self.position.min(slice.len())..] {
            if self.zeros == 2 && byte <= 3 {
                self.count += 1;
                self.zeros = 0;
            }
            self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
        }
        self.position = self.position.max(slice.len());
    }

    /// Most emulation prevention bytes of the slice when it has so many `bytes` in the end: one for
    /// two zero bytes.
    fn bound(&self, bytes: u64) -> u64 {
        self.count + (self.zeros + bytes.saturating_sub(self.position as u64)) / 2
    }
}

/// What is coded of the present slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress<'a> {
    /// Its bits, with those of its header.
    pub(crate) bits: usize,
    /// The bytes of them that do not change any more.
    pub(crate) settled: &'a [u8],
    /// Its bins.
    pub(crate) bins: u64,
    /// The macroblocks after it in the slice.
    pub(crate) floor: Floor,
}

/// The budget of a picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget {
    /// Most bits.
    max: u64,
    /// Bits of the slices' headers.
    headers: u64,
    /// Macroblocks of the picture.
    mbs: usize,
    /// Bits and bins of the slices that are ended.
    bits: u64,
    bins: u64,
    /// Bounds of the slices that are not begun.
    later: Floor,
    scan: Scan,
}

impl Budget {
    /// Begins a picture of so many macroblocks, without slices.
    pub(crate) fn new(mbs: usize) -> Self {
        Self {
            mbs,
            ..Self::default()
        }
    }

    /// Most bits of a slice that begins with the bytes of its header.
    fn slice_bound(header: &[u8], header_bits: usize, floor: &Floor) -> u64 {
        let mut scan = Scan::default();
        // The last byte may be one that is not whole.
        scan.advance(&header[..header_bits / 8]);
        Self::bound(&scan, header_bits as u64, floor) - header_bits as u64
    }

    /// Most bits of a slice with its header, emulation prevention and all.
    fn bound(scan: &Scan, bits: u64, floor: &Floor) -> u64 {
        let bytes = (bits + floor.bits).div_ceil(8);
        let of_zeros = match floor.no_zeros {
            // The first byte of the floor may still be one of three.
            true => bytes.min(bits / 8 + 2),
            false => bytes,
        };
        8 * (bytes + scan.bound(of_zeros))
    }

    /// Adds a slice of which nothing is coded but its header.
    pub(crate) fn add_slice(&mut self, header: &[u8], header_bits: usize, floor: &Floor) {
        self.headers += header_bits as u64;
        self.later.bits += Self::slice_bound(header, header_bits, floor);
        self.later.bins += floor.bins;
    }

    /// Sets the most bits after all slices were added, or the floor if that is more; gives what it is.
    pub(crate) fn set_max(&mut self, max: u64) -> u64 {
        let words = self.bits_of_words(self.later.bins);
        self.max = max.max(self.later.bits.max(words));
        self.max
    }

    /// Most bits of a picture of so many bins that is filled up with cabac_zero_words.
    fn bits_of_words(&self, bins: u64) -> u64 {
        match zero_words::bytes_for(bins, self.mbs) {
            0 => 0,
            // The last word may be too long by all but a byte. Headers are filled up as well.
            bytes => (8 * (bytes + WORD_BYTES - 1)).saturating_sub(self.headers),
        }
    }

    /// Begins a slice that was added.
    pub(crate) fn begin_slice(&mut self, header: &[u8], header_bits: usize, floor: &Floor) {
        self.scan = Scan::default();
        self.later.bits -= Self::slice_bound(header, header_bits, floor);
        self.later.bins -= floor.bins;
    }

    /// Whether the picture keeps to its maximum if the macroblocks after those that are coded
    /// take their least.
    pub(crate) fn fits(&self, progress: &Progress<'_>, header_bits: usize) -> bool {
        let mut scan = self.scan;
        scan.advance(progress.settled);
        let slice = Self::bound(&scan, progress.bits as u64, &progress.floor) - header_bits as u64;
        let bins = self.bins + progress.bins + progress.floor.bins + self.later.bins;
        self.bits + slice + self.later.bits <= self.max && self.bits_of_words(bins) <= self.max
    }

    /// Keeps what was coded.
    pub(crate) fn settle(&mut self, settled: &[u8]) {
        self.scan.advance(settled);
    }

    /// Ends a slice.
    pub(crate) fn end_slice(&mut self, slice: &[u8], header_bits: usize, bins: u64) {
        self.scan.advance(slice);
        self.bits += 8 * (slice.len() as u64 + self.scan.count) - header_bits as u64;
        self.bins += bins;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nal::NalWriter;

    #[test]
    fn emulation_is_counted_as_it_is_written() {
        let mut state = 1u32;
        for _ in 0..200 {
            let unit: Vec<u8> = (0..40)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    [0, 0, 0, 1, 3, 255][(state >> 16) as usize % 6]
                })
                .chain([128])
                .collect();
            let mut output = [0; 80];
            let size = NalWriter::new(&mut output).write(0, &unit).unwrap();
            let mut scan = Scan::default();
            for part in [5, 6, 20, 41] {
                let before = scan;
                scan.advance(&unit[..part]);
                assert!(scan.count <= before.bound(part as u64));
                assert!(size - unit.len() <= scan.bound(41) as usize);
            }
            assert_eq!(scan.count as usize, size - unit.len());
        }
    }

    fn progress(bits: usize, settled: &[u8]) -> Progress<'_> {
        Progress {
            bits,
            settled,
            bins: 0,
            floor: Floor {
                bits: 16,
                ..Floor::default()
            },
        }
    }

    #[test]
    fn slices_to_come_are_kept_room_for() {
        let header = [0x65, 0x88];
        let floor = Floor {
            bits: 16,
            ..Floor::default()
        };
        let mut budget = Budget::new(1);
        budget.add_slice(&header, 16, &floor);
        budget.add_slice(&header, 16, &floor);
        // Two bytes each, and one against two zeros.
        assert_eq!(budget.set_max(10), 48);
        assert_eq!(budget.set_max(100), 100);
        budget.begin_slice(&header, 16, &floor);
        let data = [0x65, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        // 24 for the other, 16 for the floor, 8 for what it may need.
        assert!(budget.fits(&progress(64, &data), 16));
        assert!(!budget.fits(&progress(65, &data), 16));
        let zeros = [0x65, 0x88, 0, 0, 0, 0xff];
        assert!(budget.fits(&progress(56, &zeros), 16));
        assert!(!budget.fits(&progress(57, &zeros), 16));
        budget.end_slice(&zeros, 16, 0);
        budget.begin_slice(&header, 16, &floor);
        assert!(budget.fits(&progress(48, &data[..6]), 16));
        assert!(!budget.fits(&progress(49, &data[..6]), 16));
    }

    #[test]
    fn bins_are_bytes_too() {
        let mut budget = Budget::new(1);
        let floor = Floor {
            bits: 8,
            bins: 2,
            no_zeros: true,
        };
        budget.add_slice(&[0x65], 8, &floor);
        assert_eq!(budget.set_max(200), 200);
        budget.begin_slice(&[0x65], 8, &floor);
        let mut progress = progress(16, &[0x65]);
        progress.bins = 96 + 10 * 25 - 2;
        assert!(budget.fits(&progress, 8));
        progress.bins += 10;
        assert!(!budget.fits(&progress, 8));
    }
}
