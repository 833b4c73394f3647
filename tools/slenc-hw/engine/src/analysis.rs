// SPDX-License-Identifier: GPL-2.0

//! Analysis of a source picture before it is coded.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::inter::reference::Reference;
use crate::inter::search::Search;
use crate::inter::{compensate, Mv, Range, Shape};
use crate::intra::{luma16, Edges};
use crate::simd::Kernels;
use crate::source::{load, Samples};
use crate::Source;

/// What an analysis finds: sums over all macroblocks of luma, in units of 8-bit samples.
///
/// Macroblocks at the right and lower border have the last samples of the source repeated, as
/// they are coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// Squared deviations of the samples from the mean of their macroblock, rounded down for each
    /// macroblock.
    pub variance: u64,
    /// Cost of intra prediction: halved sums of absolute Hadamard-transformed 4x4 differences
    /// (SATD) of the best of vertical, horizontal and DC prediction of 16x16, from samples of
    /// the source.
    pub intra_cost: u64,
    /// What a reference was analysed for.
    pub motion: Option<MotionAnalysis>,
}

/// What an analysis finds with a reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MotionAnalysis {
    /// Absolute differences of the source and the reference without motion.
    pub zero_sad: u64,
    /// Absolute differences with the vectors of a search: a hexagon among full samples from no
    /// motion and from the vectors on the left and above, each vector for its differences alone.
    pub motion_sad: u64,
    /// SATD with those vectors.
    pub motion_cost: u64,
    /// Macroblocks whose SATD with motion is below that of intra prediction.
    pub inter_mbs: u32,
}

/// Analyses a checked source; `None` when `stop` was set meanwhile.
pub(crate) fn analyse(
    kernels: &Kernels,
    stop: &AtomicBool,
    source: &Source<'_>,
    (width, height): (usize, usize),
    reference: Option<&Reference>,
) -> Option<Analysis> {
    let mut analysis = Analysis {
        motion: reference.map(|_| MotionAnalysis::default()),
        ..Analysis::default()
    };
    let mut samples = Samples::default();
    let mut edges = Edges::default();
    // The lowest line and the vector of each column.
    let mut above = vec![([0; 16], Mv::default()); width];
    for y in 0..height {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let mut left = Mv::default();
        (edges.left, edges.above) = (false, y > 0);
        for (x, above) in above.iter_mut().enumerate() {
            load(source, x, y, &mut samples);
            edges.luma_above[..16].copy_from_slice(&above.0);
            analysis.variance += variance(&samples.luma);
            let intra_cost = intra_cost(kernels, &samples.luma, &edges);
            analysis.intra_cost += u64::from(intra_cost);
            if let (Some(reference), Some(motion)) = (reference, &mut analysis.motion) {
                let search = Search {
                    kernels,
                    references: std::slice::from_ref(reference),
                    source: &samples.luma,
                    at: (16 * x, 16 * y),
                    range: Range::new(x, y, width, height),
                    lambda: 0,
                };
                let mv = motion.add(&search, reference, [left, above.1], intra_cost);
                (left, above.1) = (mv, mv);
            }
            above.0.copy_from_slice(&samples.luma[240..]);
            edges.left = true;
            for (to, line) in edges
                .luma_left
                .iter_mut()
                .zip(samples.luma.chunks_exact(16))
            {
                *to = line[15];
            }
        }
    }
    Some(analysis)
}

impl MotionAnalysis {
    /// Adds a macroblock, and gives its vector.
    fn add(
        &mut self,
        search: &Search<'_>,
        reference: &Reference,
        starts: [Mv; 2],
        intra_cost: u32,
    ) -> Mv {
        let (x, y) = search.at;
        let zero = reference.luma(0, x as i32, y as i32);
        let sad = (search.kernels.sad_plane)(search.source, zero, reference.stride());
        self.zero_sad += u64::from(sad.iter().sum::<u32>());
        let found = search.full(starts.into_iter(), |_| Mv::default());
        let found = found.first.of(Shape::Whole)[0];
        self.motion_sad += u64::from(found.cost);
        let mut prediction = [0; 256];
        let whole = Shape::Whole.partitions()[0];
        compensate::luma(
            search.kernels,
            reference,
            search.at,
            whole,
            found.mv,
            &mut prediction,
        );
        let cost = (search.kernels.satd)(search.source, &prediction, 16, 16);
        self.motion_cost += u64::from(cost);
        self.inter_mbs += u32::from(cost < intra_cost);
        found.mv
    }
}

fn variance(luma: &[u8; 256]) -> u64 {
    let sum: u64 = luma.iter().map(|&s| u64::from(s)).sum();
    let squares: u64 = luma.iter().map(|&s| u64::from(s).pow(2)).sum();
    squares - (sum * sum).div_ceil(256)
}

fn intra_cost(kernels: &Kernels, luma: &[u8; 256], edges: &Edges) -> u32 {
    let mut prediction = [0; 256];
    let modes = luma16::modes(edges).iter();
    let costs = modes
        .filter(|&&mode| mode != luma16::Mode::Plane)
        .map(|&mode| {
            luma16::predict(mode, edges, &mut prediction);
            (kernels.satd)(luma, &prediction, 16, 16)
        });
    costs.min().unwrap_or(0)
}
