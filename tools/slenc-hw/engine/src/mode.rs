// SPDX-License-Identifier: GPL-2.0

//! Mode decision: how each macroblock is predicted.

use crate::bits::ue_bits;
use crate::inter::search::{Found, Full, Search};
use crate::inter::vectors::Surroundings;
use crate::inter::{compensate, Mv, Range, Shape};
use crate::intra::code4::{self, Coded4};
use crate::intra::code8::{self, Coded8};
use crate::intra::{chroma, luma16, Edges};
use crate::macroblock::{Kind, MbInfo, Neighbours};
use crate::picture_job::PictureJob;
use crate::quantisers::Quantisers;
use crate::residual;
use crate::source::Samples;
use crate::syntax::{Prediction, Residual};
use crate::PictureType;

/// Bits that Intra_4x4 has to gain on Intra_16x16 beyond those of its modes (JM reference software).
const INTRA4_BITS: u32 = 24;

/// The same of Intra_8x8, which has a quarter of the modes.
const INTRA8_BITS: u32 = 6;

/// What a macroblock is coded as. Its levels and reconstruction are in the [`Coder`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decided {
    pub(crate) info: MbInfo,
    /// `None` for P_Skip.
    pub(crate) prediction: Option<Prediction>,
    /// Sum of absolute differences of source and prediction, luma.
    pub(crate) sad: u32,
    /// Sum of absolute differences of luma and its mean.
    pub(crate) mad: u32,
}

impl Decided {
    /// P_Skip of which nothing was measured.
    pub(crate) fn skipped(qp: u8) -> Self {
        Self {
            info: MbInfo::new(Kind::Skip, qp),
            prediction: None,
            sad: 0,
            mad: 0,
        }
    }
}

/// A macroblock's source, surroundings and what comes of it; scratch memory of a thread.
#[derive(Default)]
pub(crate) struct Coder {
    pub(crate) source: Samples,
    pub(crate) edges: Edges,
    pub(crate) surroundings: Surroundings,
    pub(crate) residual: Residual,
    pub(crate) recon: Samples,
    scratch: Samples,
    coded4: Coded4,
    coded8: Coded8,
}

/// The motion of a macroblock.
#[derive(Clone, Copy, Debug)]
struct Inter {
    shape: Shape,
    /// Vectors of the partitions.
    mv: [Mv; 4],
    /// Their differences from prediction.
    mvd: [Mv; 4],
    /// Reference indices of the partitions.
    refs: [u8; 4],
    cost: u32,
}

impl Coder {
    /// Decides on and codes the macroblock at column `x`, row `y`, of a row with a QP.
    pub(crate) fn decide(
        &mut self,
        job: &PictureJob<'_>,
        (x, y): (usize, usize),
        row_qp: u8,
        neighbours: Neighbours<'_>,
    ) -> Decided {
        let mad = self.mad(job);
        let tables = job.quantisers(x, y, row_qp);
        let mut decided = match job.picture_type {
            PictureType::I => self.intra(job, tables, neighbours),
            PictureType::P if job.is_forced_intra(x, y) => self.intra(job, tables, neighbours),
            PictureType::P => self.inter(job, tables, (x, y), neighbours, mad),
        };
        decided.mad = mad;
        decided
    }

    /// Codes the macroblock that was decided on as that which takes least: P_Skip, or
    /// Intra_16x16 with DC prediction and no residual.
    pub(crate) fn give_up(
        &mut self,
        job: &PictureJob<'_>,
        (x, y): (usize, usize),
        qp: u8,
        mad: u32,
    ) -> Decided {
        let (info, prediction) = match (job.picture_type, job.references.first()) {
            (PictureType::P, Some(reference)) => {
                let mv = self.surroundings.skip();
                // Farther out of the picture than the reference has a border, all samples of the
                // block in that direction are those at its border.
                let nearest = Range::new(x, y, job.width_mbs, job.height_mbs).clamp(mv);
                let (at, whole) = ((16 * x, 16 * y), Shape::Whole.partitions()[0]);
                let recon = &mut self.recon;
                compensate::luma(job.kernels, reference, at, whole, nearest, &mut recon.luma);
                compensate::chroma(
                    job.kernels,
                    reference,
                    at,
                    whole,
                    nearest,
                    &mut recon.chroma,
                );
                let info = MbInfo {
                    mv: [mv; 4],
                    ..MbInfo::new(Kind::Skip, qp)
                };
                (info, None)
            }
            _ => {
                let (luma, chroma) = (luma16::Mode::Dc, chroma::Mode::Dc);
                luma16::predict(luma, &self.edges, &mut self.recon.luma);
                chroma::predict(chroma, &self.edges, &mut self.recon.chroma);
                self.residual.luma_dc = [0; 16];
                self.residual.cbp_luma = 0;
                self.residual.cbp_chroma = 0;
                let prediction = Prediction::Intra16(luma, chroma);
                (MbInfo::new(Kind::Intra16, qp), Some(prediction))
            }
        };
        Decided {
            info,
            prediction,
            sad: (job.kernels.sad)(&self.source.luma, &self.recon.luma),
            mad,
        }
    }

    fn mad(&self, job: &PictureJob<'_>) -> u32 {
        let sum: u32 = self.source.luma.iter().map(|&s| u32::from(s)).sum();
        let mean = [((sum + 128) >> 8) as u8; 256];
        (job.kernels.sad)(&self.source.luma, &mean)
    }

    /// Codes an intra macroblock, whichever of 16x16, 8x8 and 4x4 is best.
    fn intra(
        &mut self,
        job: &PictureJob<'_>,
        tables: &Quantisers,
        neighbours: Neighbours<'_>,
    ) -> Decided {
        let lambda = tables.lambda;
        let (mode, cost16) = self.best_luma16(job, lambda);
        let mut limit = cost16;
        let mut cost8 = None;
        if job.transform_8x8 {
            let bias = lambda * INTRA8_BITS;
            cost8 = code8::code(
                job.kernels,
                &tables.intra_luma_8x8,
                &self.source.luma,
                (&self.edges, neighbours),
                (lambda, limit.saturating_sub(bias)),
                &mut self.coded8,
            );
            limit = cost8.map_or(limit, |cost| cost + bias);
        }
        let cost4 = code4::code(
            job.kernels,
            &tables.intra_luma,
            &self.source.luma,
            (&self.edges, neighbours),
            (lambda, limit.saturating_sub(lambda * INTRA4_BITS)),
            &mut self.coded4,
        );
        let chroma_mode = self.code_intra_chroma(job, tables);
        match (cost4, cost8) {
            (None, None) => self.code_intra16(job, tables, mode, chroma_mode),
            (Some(_), _) => {
                self.residual.luma = self.coded4.levels;
                self.residual.cbp_luma = self.coded4.cbp;
                self.recon.luma = self.coded4.recon;
                Decided {
                    info: MbInfo {
                        modes: self.coded4.modes,
                        ..MbInfo::new(Kind::IntraNxN, tables.qp)
                    },
                    prediction: Some(Prediction::Intra4(self.coded4.remaining, chroma_mode)),
                    sad: (job.kernels.sad)(&self.source.luma, &self.coded4.prediction),
                    mad: 0,
                }
            }
            (None, Some(_)) => {
                let levels = self.coded8.levels.as_flattened();
                self.residual
                    .luma
                    .as_flattened_mut()
                    .copy_from_slice(levels);
                self.residual.cbp_luma = self.coded8.cbp;
                self.recon.luma = self.coded8.recon;
                Decided {
                    info: MbInfo {
                        modes: self.coded8.modes,
                        transform_8x8: true,
                        ..MbInfo::new(Kind::IntraNxN, tables.qp)
                    },
                    prediction: Some(Prediction::Intra8(self.coded8.remaining, chroma_mode)),
                    sad: (job.kernels.sad)(&self.source.luma, &self.coded8.prediction),
                    mad: 0,
                }
            }
        }
    }

    fn code_intra16(
        &mut self,
        job: &PictureJob<'_>,
        tables: &Quantisers,
        mode: luma16::Mode,
        chroma_mode: chroma::Mode,
    ) -> Decided {
        luma16::predict(mode, &self.edges, &mut self.recon.luma);
        let sad = (job.kernels.sad)(&self.source.luma, &self.recon.luma);
        residual::intra16_luma(
            job.kernels,
            &tables.intra_luma,
            &self.source.luma,
            &mut self.recon.luma,
            &mut self.residual,
        );
        Decided {
            info: MbInfo::new(Kind::Intra16, tables.qp),
            prediction: Some(Prediction::Intra16(mode, chroma_mode)),
            sad,
            mad: 0,
        }
    }

    /// The best mode of Intra_16x16 and its cost.
    fn best_luma16(&mut self, job: &PictureJob<'_>, lambda: u32) -> (luma16::Mode, u32) {
        let costs = luma16::modes(&self.edges).iter().map(|&mode| {
            luma16::predict(mode, &self.edges, &mut self.scratch.luma);
            let satd = (job.kernels.satd)(&self.source.luma, &self.scratch.luma, 16, 16);
            (mode, satd + lambda * ue_bits(mode as u32))
        });
        best(costs)
    }

    /// Codes chroma in the best mode.
    fn code_intra_chroma(&mut self, job: &PictureJob<'_>, tables: &Quantisers) -> chroma::Mode {
        let costs = chroma::modes(&self.edges).iter().map(|&mode| {
            chroma::predict(mode, &self.edges, &mut self.scratch.chroma);
            let satd = (job.kernels.satd_chroma)(&self.source.chroma, &self.scratch.chroma);
            (mode, satd + tables.lambda * ue_bits(mode as u32))
        });
        let (mode, _) = best(costs);
        chroma::predict(mode, &self.edges, &mut self.recon.chroma);
        residual::chroma(
            job.kernels,
            &tables.intra_chroma,
            true,
            &self.source.chroma,
            &mut self.recon.chroma,
            &mut self.residual,
        );
        mode
    }

    /// Codes a macroblock of a P picture.
    fn inter(
        &mut self,
        job: &PictureJob<'_>,
        tables: &Quantisers,
        (x, y): (usize, usize),
        neighbours: Neighbours<'_>,
        mad: u32,
    ) -> Decided {
        let at = (16 * x, 16 * y);
        let range = Range::new(x, y, job.width_mbs, job.height_mbs);
        let skip = Some(self.surroundings.skip()).filter(|&mv| range.contains(mv));
        if let Some(mv) = skip {
            if let Some(decided) = self.try_skip(job, tables, at, mv) {
                return decided;
            }
        }
        let search = Search {
            kernels: job.kernels,
            references: job.references,
            source: &self.source.luma,
            at,
            range,
            lambda: tables.lambda,
        };
        let inter = find_motion(&search, &mut self.surroundings, &mut self.scratch.luma);
        // What differs little from its mean beside the motion's difference may be better intra.
        if inter.cost > mad / 4 {
            let (_, intra_cost) = self.best_luma16(job, tables.lambda);
            if intra_cost < inter.cost {
                return self.intra(job, tables, neighbours);
            }
        }
        self.code_inter(job, tables, at, inter)
    }

    /// Skips the macroblock if nothing would be coded with the vector of P_Skip.
    fn try_skip(
        &mut self,
        job: &PictureJob<'_>,
        tables: &Quantisers,
        at: (usize, usize),
        mv: Mv,
    ) -> Option<Decided> {
        let reference = job.references.first()?;
        let whole = Shape::Whole.partitions()[0];
        let recon = &mut self.recon;
        compensate::luma(job.kernels, reference, at, whole, mv, &mut recon.luma);
        let sad = (job.kernels.sad)(&self.source.luma, &recon.luma);
        if sad > tables.skip_sad {
            return None;
        }
        compensate::chroma(job.kernels, reference, at, whole, mv, &mut recon.chroma);
        residual::is_skippable(
            job.kernels,
            &tables.inter_luma,
            &tables.inter_chroma,
            &self.source,
            &mut self.recon,
            &mut self.residual,
        )
        .then(|| Decided {
            info: MbInfo {
                mv: [mv; 4],
                ..MbInfo::new(Kind::Skip, tables.qp)
            },
            prediction: None,
            sad,
            mad: 0,
        })
    }

    fn code_inter(
        &mut self,
        job: &PictureJob<'_>,
        tables: &Quantisers,
        at: (usize, usize),
        inter: Inter,
    ) -> Decided {
        let mut info = MbInfo::new(Kind::Inter, tables.qp);
        let (kernels, recon) = (job.kernels, &mut self.recon);
        for (i, &partition) in inter.shape.partitions().iter().enumerate() {
            let (mv, index) = (inter.mv[i], inter.refs[i]);
            let reference = &job.references[usize::from(index)];
            compensate::luma(kernels, reference, at, partition, mv, &mut recon.luma);
            compensate::chroma(kernels, reference, at, partition, mv, &mut recon.chroma);
            for quadrant in partition.quadrants() {
                info.mv[quadrant] = mv;
                info.refs[quadrant] = index;
            }
        }
        let sad = (kernels.sad)(&self.source.luma, &recon.luma);
        info.transform_8x8 = self.code_inter_luma(job, tables);
        let (residual, source) = (&mut self.residual, &self.source.chroma);
        let quantisers = &tables.inter_chroma;
        let recon = &mut self.recon.chroma;
        residual::chroma(kernels, quantisers, false, source, recon, residual);
        let is_skip = inter.shape == Shape::Whole
            && residual.cbp_luma == 0
            && residual.cbp_chroma == 0
            && inter.refs[0] == 0
            && inter.mv[0] == self.surroundings.skip();
        if is_skip {
            info.kind = Kind::Skip;
        }
        Decided {
            info,
            prediction: (!is_skip).then_some(Prediction::Inter(inter.shape, inter.mvd, inter.refs)),
            sad,
            mad: 0,
        }
    }

    /// Codes luma of a predicted inter macroblock with the better transform; tells whether that
    /// is the 8x8 one.
    fn code_inter_luma(&mut self, job: &PictureJob<'_>, tables: &Quantisers) -> bool {
        let (kernels, source) = (job.kernels, &self.source.luma);
        let (recon, residual) = (&mut self.recon.luma, &mut self.residual);
        let is_better = |recon: &[u8; 256]| {
            (kernels.sa8d)(source, recon) < (kernels.satd)(source, recon, 16, 16)
        };
        if job.transform_8x8 && is_better(recon) {
            let quantiser = &tables.inter_luma_8x8;
            residual::inter_luma_8x8(kernels, quantiser, source, recon, residual);
            // The flag is not written where there are no levels, and means 4x4 then.
            return residual.cbp_luma != 0;
        }
        residual::inter_luma(kernels, &tables.inter_luma, source, recon, residual);
        false
    }
}

/// The first of the cheapest.
fn best<M: Copy>(costs: impl Iterator<Item = (M, u32)>) -> (M, u32) {
    costs
        .reduce(|best, next| if next.1 < best.1 { next } else { best })
        .expect("some mode is always allowed")
}

/// The best division of a macroblock and its vectors.
fn find_motion(
    search: &Search<'_>,
    surroundings: &mut Surroundings,
    scratch: &mut [u8; 256],
) -> Inter {
    let whole = Shape::Whole.partitions()[0];
    let starts = surroundings.candidates().chain([Mv::default()]);
    let full = search.full(starts, |reference| surroundings.predict(whole, reference));
    let mut best = refine(search, &full, Shape::Whole, surroundings, scratch);
    // Divisions promise something where full samples already gain what they cost.
    let others = [Shape::Rows, Shape::Columns, Shape::Quarters];
    let cost = |shape| full.best.cost(shape) + search.lambda * shape_bits(shape);
    let (shape, cost) = self::best(others.map(|shape| (shape, cost(shape))).into_iter());
    if cost < full.best.cost(Shape::Whole) {
        let divided = refine(search, &full, shape, surroundings, scratch);
        if divided.cost < best.cost {
            best = divided;
        }
    }
    surroundings.clear();
    best
}

/// Bits of mb_type and sub_mb_type.
fn shape_bits(shape: Shape) -> u32 {
    match shape {
        Shape::Quarters => ue_bits(3) + 4,
        shape => ue_bits(shape as u32),
    }
}

/// Refines the vectors of a shape.
fn refine(
    search: &Search<'_>,
    full: &Full,
    shape: Shape,
    surroundings: &mut Surroundings,
    scratch: &mut [u8; 256],
) -> Inter {
    surroundings.clear();
    let mut inter = Inter {
        shape,
        mv: [Mv::default(); 4],
        mvd: [Mv::default(); 4],
        refs: [0; 4],
        cost: search.lambda * shape_bits(shape),
    };
    let starts = full.best.of(shape).iter().zip(full.first.of(shape));
    let parts = shape.partitions().iter().zip(starts);
    for (i, (&partition, (&best, first))) in parts.enumerate() {
        let mut refined = |start: Found| {
            let predicted = surroundings.predict(partition, start.reference);
            let found = search.refine(partition, start, predicted, scratch);
            (found, predicted)
        };
        let (mut found, mut predicted) = refined(best);
        if best.reference != 0 {
            let other = refined(*first);
            if other.0.cost <= found.cost {
                (found, predicted) = other;
            }
        }
        surroundings.set(partition, found.mv, found.reference);
        inter.refs[i] = found.reference;
        inter.mv[i] = found.mv;
        inter.mvd[i] = Mv::new(found.mv.x - predicted.x, found.mv.y - predicted.y);
        inter.cost += found.cost;
    }
    inter
}
