// SPDX-License-Identifier: GPL-2.0

//! Motion search.

use super::reference::Reference;
use super::{compensate, Mv, Partition, Range};
use crate::bits::se_bits;
use crate::simd::Kernels;

/// Most steps of the search among full samples.
const FULL_STEPS: usize = 16;

/// What a search needs to know of its macroblock.
pub(crate) struct Search<'a> {
    pub(crate) kernels: &'a Kernels,
    pub(crate) reference: &'a Reference,
    pub(crate) source: &'a [u8; 256],
    /// First sample of the macroblock.
    pub(crate) at: (usize, usize),
    pub(crate) range: Range,
    /// Cost of a bit.
    pub(crate) lambda: u32,
}

/// A vector and what it costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) mv: Mv,
    pub(crate) cost: u32,
}

impl Search<'_> {
    /// Cost of coding a vector.
    #[inline(always)]
    pub(crate) fn vector_cost(&self, mv: Mv, predicted: Mv) -> u32 {
        let bits = se_bits(i32::from(mv.x) - i32::from(predicted.x))
            + se_bits(i32::from(mv.y) - i32::from(predicted.y));
        self.lambda * bits
    }

    fn sad(&self, partition: Partition, mv: Mv) -> u32 {
        let x = self.at.0 as i32 + i32::from(mv.x >> 2);
        let y = self.at.1 as i32 + i32::from(mv.y >> 2);
        let plane = self.reference.luma(0, x, y);
        let sums = (self.kernels.sad_plane)(self.source, plane, self.reference.stride());
        partition.quadrants().map(|i| sums[i]).sum()
    }

    /// Cost of predicting with a vector, by transformed differences; leaves the prediction.
    pub(crate) fn satd(
        &self,
        partition: Partition,
        mv: Mv,
        predicted: Mv,
        scratch: &mut [u8; 256],
    ) -> u32 {
        let (kernels, reference) = (self.kernels, self.reference);
        compensate::luma(kernels, reference, self.at, partition, mv, scratch);
        let sums = (kernels.satd)(self.source, scratch);
        let sum: u32 = partition.quadrants().map(|i| sums[i]).sum();
        sum + self.vector_cost(mv, predicted)
    }

    /// Best full-sample vector from `starts` on, by a descending hexagon and then its
    /// surroundings (C. Zhu et al., "Hexagon-based search pattern for fast block motion
    /// estimation", IEEE Trans. Circuits Syst. Video Technol. 12(5), 2002).
    pub(crate) fn full(
        &self,
        partition: Partition,
        starts: impl Iterator<Item = Mv>,
        predicted: Mv,
    ) -> Found {
        const HEXAGON: [(i16, i16); 6] = [(-8, 0), (-4, 8), (4, 8), (8, 0), (4, -8), (-4, -8)];
        const SQUARE: [(i16, i16); 8] = [
            (-4, 0),
            (4, 0),
            (0, -4),
            (0, 4),
            (-4, -4),
            (4, -4),
            (-4, 4),
            (4, 4),
        ];
        let round = |mv: Mv| Mv::new((mv.x + 2) & !3, (mv.y + 2) & !3);
        let evaluate = |mv: Mv| Found {
            mv,
            cost: self.sad(partition, mv) + self.vector_cost(mv, predicted),
        };
        let mut best = evaluate(self.range.clamp(round(predicted)));
        let mut tried = [best.mv; 8];
        let mut count = 1;
        for start in starts.map(|mv| self.range.clamp(round(mv))) {
            if count < tried.len() && !tried[..count].contains(&start) {
                tried[count] = start;
                count += 1;
                let found = evaluate(start);
                if found.cost < best.cost {
                    best = found;
                }
            }
        }
        let step = |best: &mut Found, pattern: &[(i16, i16)]| {
            let center = best.mv;
            for &(x, y) in pattern {
                let mv = center.offset(x, y);
                if self.range.contains(mv) {
                    let found = evaluate(mv);
                    if found.cost < best.cost {
                        *best = found;
                    }
                }
            }
            best.mv != center
        };
        for _ in 0..FULL_STEPS {
            if !step(&mut best, &HEXAGON) {
                break;
            }
        }
        step(&mut best, &SQUARE);
        best
    }

    /// Refines a full-sample vector to quarter samples.
    pub(crate) fn refine(
        &self,
        partition: Partition,
        start: Mv,
        predicted: Mv,
        scratch: &mut [u8; 256],
    ) -> Found {
        let mut best = Found {
            mv: start,
            cost: self.satd(partition, start, predicted, scratch),
        };
        for size in [2, 1] {
            for _ in 0..2 {
                let center = best.mv;
                for (x, y) in [(0, -size), (0, size), (-size, 0), (size, 0)] {
                    let mv = center.offset(x, y);
                    if self.range.contains(mv) {
                        let cost = self.satd(partition, mv, predicted, scratch);
                        if cost < best.cost {
                            best = Found { mv, cost };
                        }
                    }
                }
                if best.mv == center {
                    break;
                }
            }
        }
        best
    }
}
