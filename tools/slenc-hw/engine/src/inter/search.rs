// SPDX-License-Identifier: GPL-2.0

//! Motion search.

use super::reference::Reference;
use super::{compensate, Mv, Partition, Range, Shape};
use crate::bits::{se_bits, te_bits};
use crate::simd::Kernels;

/// Most steps of the search among full samples.
const FULL_STEPS: usize = 24;

/// Steps of the search among half and quarter samples.
const HALF_STEPS: usize = 2;
const QUARTER_STEPS: usize = 2;

/// What a search needs to know of its macroblock.
pub(crate) struct Search<'a> {
    pub(crate) kernels: &'a Kernels,
    pub(crate) references: &'a [Reference],
    pub(crate) source: &'a [u8; 256],
    /// First sample of the macroblock.
    pub(crate) at: (usize, usize),
    pub(crate) range: Range,
    /// Cost of a bit.
    pub(crate) lambda: u32,
}

/// A vector into a reference and what it costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) mv: Mv,
    pub(crate) reference: u8,
    pub(crate) cost: u32,
}

/// The best full-sample vectors of a macroblock and of its partitions, by absolute differences.
/// What the search of the whole macroblock passes by is all they know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FullVectors {
    whole: Found,
    rows: [Found; 2],
    columns: [Found; 2],
    quarters: [Found; 4],
}

impl FullVectors {
    /// Costs more than any vector, and four do not overflow.
    const NONE: Found = Found {
        mv: Mv::new(0, 0),
        reference: 0,
        cost: u32::MAX / 4,
    };

    pub(crate) fn new() -> Self {
        Self {
            whole: Self::NONE,
            rows: [Self::NONE; 2],
            columns: [Self::NONE; 2],
            quarters: [Self::NONE; 4],
        }
    }

    /// Takes note of a vector.
    #[inline(always)]
    fn note(&mut self, mv: Mv, sad: [u32; 4], vector_cost: u32) {
        let better = |best: &mut Found, cost| {
            if cost < best.cost {
                *best = Found { mv, cost, ..*best };
            }
        };
        let [a, b, c, d] = sad.map(|sad| sad + vector_cost);
        for (best, cost) in self.quarters.iter_mut().zip([a, b, c, d]) {
            better(best, cost);
        }
        better(&mut self.rows[0], a + sad[1]);
        better(&mut self.rows[1], c + sad[3]);
        better(&mut self.columns[0], a + sad[2]);
        better(&mut self.columns[1], b + sad[3]);
        better(&mut self.whole, a + sad[1] + sad[2] + sad[3]);
    }

    /// Takes over what is better in another reference, whose index costs `cost`.
    fn take(&mut self, other: &Self, reference: u8, cost: u32) {
        let take = |best: &mut Found, other: &Found| {
            let cost = other.cost + cost;
            if cost < best.cost {
                let mv = other.mv;
                *best = Found {
                    mv,
                    reference,
                    cost,
                };
            }
        };
        take(&mut self.whole, &other.whole);
        for (best, other) in self.rows.iter_mut().zip(&other.rows) {
            take(best, other);
        }
        for (best, other) in self.columns.iter_mut().zip(&other.columns) {
            take(best, other);
        }
        for (best, other) in self.quarters.iter_mut().zip(&other.quarters) {
            take(best, other);
        }
    }

    /// Vectors of the partitions of a shape.
    pub(crate) fn of(&self, shape: Shape) -> &[Found] {
        match shape {
            Shape::Whole => std::slice::from_ref(&self.whole),
            Shape::Rows => &self.rows,
            Shape::Columns => &self.columns,
            Shape::Quarters => &self.quarters,
        }
    }

    /// Cost of a shape's vectors.
    pub(crate) fn cost(&self, shape: Shape) -> u32 {
        self.of(shape).iter().map(|found| found.cost).sum()
    }
}

/// What a search among full samples found.
pub(crate) struct Full {
    /// The best of all references.
    pub(crate) best: FullVectors,
    /// The best of the first reference. What refining finds in it is often better where it is a
    /// little worse among full samples, and it is the one that skipped macroblocks need.
    pub(crate) first: FullVectors,
}

impl Search<'_> {
    /// Cost of coding a reference index.
    fn reference_cost(&self, reference: u8) -> u32 {
        self.lambda * te_bits(reference.into(), self.references.len())
    }

    /// Best full-sample vectors into all references, from `starts` and the vector that is
    /// `predicted` for each.
    pub(crate) fn full(
        &self,
        starts: impl Iterator<Item = Mv> + Clone,
        predicted: impl Fn(u8) -> Mv,
    ) -> Full {
        let mut first = FullVectors::new();
        let mut best = FullVectors::new();
        for (i, reference) in self.references.iter().enumerate() {
            let i = i as u8;
            let vectors = self.full_in(reference, starts.clone(), predicted(i));
            let cost = self.reference_cost(i);
            if i == 0 {
                first.take(&vectors, i, cost);
            }
            best.take(&vectors, i, cost);
        }
        Full { best, first }
    }

    /// Cost of coding a vector.
    #[inline(always)]
    fn vector_cost(&self, mv: Mv, predicted: Mv) -> u32 {
        let bits = se_bits(i32::from(mv.x) - i32::from(predicted.x))
            + se_bits(i32::from(mv.y) - i32::from(predicted.y));
        self.lambda * bits
    }

    /// Absolute differences of the quadrants with a vector of half samples.
    #[inline(always)]
    fn sad(&self, reference: &Reference, mv: Mv) -> [u32; 4] {
        let x = self.at.0 as i32 + i32::from(mv.x >> 2);
        let y = self.at.1 as i32 + i32::from(mv.y >> 2);
        let plane = usize::from(((mv.x as u16 >> 1) & 1) | (mv.y as u16 & 2));
        let plane = reference.luma(plane, x, y);
        (self.kernels.sad_plane)(self.source, plane, reference.stride())
    }

    /// Cost of predicting with a vector, by transformed differences; leaves the prediction.
    fn satd(
        &self,
        reference: &Reference,
        partition: Partition,
        mv: Mv,
        predicted: Mv,
        scratch: &mut [u8; 256],
    ) -> u32 {
        let kernels = self.kernels;
        compensate::luma(kernels, reference, self.at, partition, mv, scratch);
        let at = 128 * partition.y + 8 * partition.x;
        let (width, height) = (8 * partition.width, 8 * partition.height);
        let satd = (kernels.satd)(&self.source[at..], &scratch[at..], width, height);
        satd + self.vector_cost(mv, predicted)
    }

    /// Best full-sample vectors into a reference from `starts` on, by a descending hexagon and then its
    /// surroundings (C. Zhu et al., "Hexagon-based search pattern for fast block motion
    /// estimation", IEEE Trans. Circuits Syst. Video Technol. 12(5), 2002).
    fn full_in(
        &self,
        reference: &Reference,
        starts: impl Iterator<Item = Mv>,
        predicted: Mv,
    ) -> FullVectors {
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
        let round = |mv: Mv| self.range.clamp(Mv::new((mv.x + 2) & !3, (mv.y + 2) & !3));
        let mut vectors = FullVectors::new();
        let mut tried = [Mv::default(); 8];
        let mut count = 0;
        for start in [predicted].into_iter().chain(starts).map(round) {
            if count < tried.len() && !tried[..count].contains(&start) {
                tried[count] = start;
                count += 1;
                let sad = self.sad(reference, start);
                vectors.note(start, sad, self.vector_cost(start, predicted));
            }
        }
        let look = |vectors: &mut FullVectors, pattern: &[(i16, i16)]| {
            let center = vectors.whole.mv;
            for &(x, y) in pattern {
                let mv = center.offset(x, y);
                if self.range.contains(mv) {
                    let sad = self.sad(reference, mv);
                    vectors.note(mv, sad, self.vector_cost(mv, predicted));
                }
            }
            vectors.whole.mv != center
        };
        for _ in 0..FULL_STEPS {
            if !look(&mut vectors, &HEXAGON) {
                break;
            }
        }
        look(&mut vectors, &SQUARE);
        vectors
    }

    /// Refines a full-sample vector to quarter samples.
    pub(crate) fn refine(
        &self,
        partition: Partition,
        start: Found,
        predicted: Mv,
        scratch: &mut [u8; 256],
    ) -> Found {
        let reference = &self.references[usize::from(start.reference)];
        let index_cost = self.reference_cost(start.reference);
        let mut best = start;
        let step = |best: &mut Found, size: i16, cost: &mut dyn FnMut(Mv) -> u32| {
            let center = best.mv;
            for (x, y) in [(0, -size), (0, size), (-size, 0), (size, 0)] {
                let mv = center.offset(x, y);
                if self.range.contains(mv) {
                    let cost = cost(mv);
                    if cost < best.cost {
                        *best = Found { mv, cost, ..*best };
                    }
                }
            }
            best.mv != center
        };
        for _ in 0..HALF_STEPS {
            let mut cost = |mv: Mv| {
                let sad = self.sad(reference, mv);
                let sad: u32 = partition.quadrants().map(|i| sad[i]).sum();
                sad + self.vector_cost(mv, predicted) + index_cost
            };
            if !step(&mut best, 2, &mut cost) {
                break;
            }
        }
        let mut satd = |mv| self.satd(reference, partition, mv, predicted, scratch) + index_cost;
        best.cost = satd(best.mv);
        if predicted != best.mv && self.range.contains(predicted) {
            let cost = satd(predicted);
            if cost < best.cost {
                best = Found {
                    mv: predicted,
                    cost,
                    ..best
                };
            }
        }
        for _ in 0..QUARTER_STEPS {
            if !step(&mut best, 1, &mut satd) {
                break;
            }
        }
        best
    }
}
