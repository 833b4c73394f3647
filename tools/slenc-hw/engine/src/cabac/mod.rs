// SPDX-License-Identifier: GPL-2.0

//! Context-adaptive binary arithmetic coding of macroblocks, ITU-T H.264 clauses 7.3.5 and 9.3.

mod arithmetic;
mod floor;
mod prediction;
mod residual;
mod tables;

use crate::macroblock::{raster, MbInfo};
use crate::picture_job::PictureJob;
use crate::source::Samples;
use crate::syntax::{Macroblock, Prediction, TooLarge, MACROBLOCK_BITS};
use crate::PictureType;

use arithmetic::{Arithmetic, Context};
use residual::{put_block, put_block_8x8};
use tables::{CONTEXTS, INITIAL};

/// Bits of [`Known::coded`]: luma blocks in raster order, then those of Cb and Cr.
const CHROMA_BLOCKS: usize = 16;
/// DC of Intra_16x16, of Cb and of Cr.
const LUMA_DC: usize = 24;
const CHROMA_DC: usize = 25;

/// What the contexts of later macroblocks depend on.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// It is in the slice.
    available: bool,
    /// It is there and not skipped.
    unskipped: bool,
    /// It is there and not I_NxN.
    not_nxn: bool,
    cbp_luma: u8,
    cbp_chroma: u8,
    /// Its chroma is predicted in another mode than DC.
    chroma_mode: bool,
    transform_8x8: bool,
    /// coded_block_flag of its blocks.
    coded: u32,
    /// Quadrants whose reference index is above 0.
    refs: u8,
    /// Vector differences of the quadrants without sign, and not above 255.
    mvd: [[u8; 2]; 4],
}

impl Known {
    const UNAVAILABLE: Self = Self {
        available: false,
        unskipped: false,
        not_nxn: false,
        cbp_luma: 15,
        cbp_chroma: 0,
        chroma_mode: false,
        transform_8x8: false,
        coded: 0,
        refs: 0,
        mvd: [[0; 2]; 4],
    };
    const SKIPPED: Self = Self {
        available: true,
        not_nxn: true,
        cbp_luma: 0,
        ..Self::UNAVAILABLE
    };
    const PCM: Self = Self {
        available: true,
        unskipped: true,
        not_nxn: true,
        cbp_luma: 15,
        cbp_chroma: 2,
        coded: !0,
        ..Self::UNAVAILABLE
    };
}

/// A slice on its way.
#[derive(Debug)]
pub(crate) struct Cabac {
    arithmetic: Arithmetic,
    contexts: [Context; CONTEXTS],
    /// The last macroblock of each column.
    above: Vec<Known>,
    left: Known,
    /// mb_qp_delta of the macroblock before is not 0.
    qp_changed: bool,
}

/// A slice at a macroblock, to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    arithmetic: arithmetic::Mark,
    contexts: [Context; CONTEXTS],
    above: Known,
    left: Known,
    qp_changed: bool,
}

/// The contexts at the beginning of a slice, clause 9.3.1.1.
fn initial_contexts(init_idc: Option<u8>, qp: u8) -> [Context; CONTEXTS] {
    let table = &INITIAL[init_idc.map_or(0, |idc| 1 + usize::from(idc))];
    let mut contexts = [0; CONTEXTS];
    for (context, pair) in contexts.iter_mut().zip(table.chunks_exact(2)) {
        let (m, n) = (i32::from(pair[0]), i32::from(pair[1]));
        let state = (((m * i32::from(qp)) >> 4) + n).clamp(1, 126);
        *context = if state <= 63 {
            (63 - state) << 1
        } else {
            ((state - 64) << 1) | 1
        } as u8;
    }
    contexts
}

impl Default for Cabac {
    fn default() -> Self {
        Self {
            arithmetic: Arithmetic::default(),
            contexts: [0; CONTEXTS],
            above: Vec::new(),
            left: Known::UNAVAILABLE,
            qp_changed: false,
        }
    }
}

impl Cabac {
    /// Begins a slice behind the bytes of its header, which end with cabac_alignment_one_bit.
    pub(crate) fn begin(&mut self, header: &[u8], width_mbs: usize, init_idc: Option<u8>, qp: u8) {
        self.arithmetic.begin(header);
        self.contexts = initial_contexts(init_idc, qp);
        self.above.clear();
        self.above.resize(width_mbs, Known::UNAVAILABLE);
        self.qp_changed = false;
    }

    /// Begins a row of macroblocks.
    pub(crate) fn begin_row(&mut self) {
        self.left = Known::UNAVAILABLE;
    }

    /// The bytes of the slice so far: all of them when it is ended.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.arithmetic.bytes()
    }

    /// Bins of the slice so far.
    pub(crate) fn bins(&self) -> u64 {
        self.arithmetic.bins()
    }

    /// Bits of the slice so far.
    pub(crate) fn len(&self) -> usize {
        self.arithmetic.len()
    }

    /// The bytes that do not change any more.
    pub(crate) fn settled(&self) -> &[u8] {
        self.arithmetic.settled()
    }

    /// The state before the macroblock at column `x`.
    pub(crate) fn mark(&self, x: usize) -> Mark {
        Mark {
            arithmetic: self.arithmetic.mark(),
            contexts: self.contexts,
            above: self.above[x],
            left: self.left,
            qp_changed: self.qp_changed,
        }
    }

    /// Goes back to the macroblock at column `x`.
    pub(crate) fn rewind(&mut self, x: usize, mark: &Mark) {
        self.arithmetic.rewind(&mark.arithmetic);
        self.contexts = mark.contexts;
        self.above[x] = mark.above;
        self.left = mark.left;
        self.qp_changed = mark.qp_changed;
    }

    /// Writes end_of_slice_flag.
    pub(crate) fn end_macroblock(&mut self, is_last: bool) {
        self.arithmetic.terminate(is_last);
        if is_last {
            self.arithmetic.flush();
        }
    }

    fn note(&mut self, x: usize, known: Known) {
        self.above[x] = known;
        self.left = known;
    }

    /// Writes mb_skip_flag of the macroblock at column `x` of a P slice.
    pub(crate) fn put_skip_flag(&mut self, x: usize, skip: bool) {
        let increment = usize::from(self.left.unskipped) + usize::from(self.above[x].unskipped);
        self.arithmetic
            .encode(&mut self.contexts[11 + increment], skip);
        if skip {
            self.note(x, Known::SKIPPED);
            self.qp_changed = false;
        }
    }

    /// Writes macroblock_layer() of the macroblock at column `x`, and gives the number of its
    /// levels; nothing is written if it is too large.
    pub(crate) fn put_macroblock(
        &mut self,
        job: &PictureJob<'_>,
        x: usize,
        macroblock: &Macroblock<'_>,
        info: &mut MbInfo,
    ) -> Result<u32, TooLarge> {
        let (mark, contexts) = (self.arithmetic.mark(), self.contexts);
        let qp_changed = self.qp_changed;
        let begin = self.arithmetic.len();
        let mut known = Known {
            available: true,
            unskipped: true,
            cbp_luma: macroblock.residual.cbp_luma,
            cbp_chroma: macroblock.residual.cbp_chroma,
            ..Known::UNAVAILABLE
        };
        let above = self.above[x];
        self.put_prediction(job, &above, macroblock, &mut known);
        let is_intra16 = matches!(macroblock.prediction, Prediction::Intra16(..));
        let has_residual = known.cbp_luma > 0 || known.cbp_chroma > 0 || is_intra16;
        if has_residual {
            self.put_qp_delta(macroblock.qp_delta);
        }
        self.qp_changed = has_residual && macroblock.qp_delta != 0;
        let is_intra = !matches!(macroblock.prediction, Prediction::Inter(..));
        let levels = self.put_residual(job, &above, macroblock, is_intra, &mut known, info);
        if self.arithmetic.len() - begin > MACROBLOCK_BITS {
            self.arithmetic.rewind(&mark);
            self.contexts = contexts;
            self.qp_changed = qp_changed;
            return Err(TooLarge);
        }
        self.note(x, known);
        Ok(levels)
    }

    fn put_qp_delta(&mut self, delta: i32) {
        let mapped = crate::bits::se_to_ue(delta);
        let mut context = 60 + usize::from(self.qp_changed);
        for i in 0..mapped {
            self.arithmetic.encode(&mut self.contexts[context], true);
            context = if i == 0 { 62 } else { 63 };
        }
        self.arithmetic.encode(&mut self.contexts[context], false);
    }

    /// residual(): notes in `info` which luma blocks have levels.
    fn put_residual(
        &mut self,
        job: &PictureJob<'_>,
        above: &Known,
        macroblock: &Macroblock<'_>,
        is_intra: bool,
        known: &mut Known,
        info: &mut MbInfo,
    ) -> u32 {
        // Where there is no macroblock, intra macroblocks expect levels.
        let coded = |known: &Known| match known.available {
            true => known.coded,
            false if is_intra => !0,
            false => 0,
        };
        let (left, above) = (coded(&self.left), coded(above));
        let bit = |mask: u32, at: usize| (mask >> at) & 1 != 0;
        let mut own = 0u32;
        let mut count = 0;
        let residual = macroblock.residual;
        let (arithmetic, contexts) = (&mut self.arithmetic, &mut self.contexts);

        let is_intra16 = matches!(macroblock.prediction, Prediction::Intra16(..));
        if is_intra16 {
            let around = (bit(left, LUMA_DC), bit(above, LUMA_DC));
            let (levels, nonzero) = (job.kernels.zigzag)(&residual.luma_dc);
            put_block(
                arithmetic,
                contexts,
                residual::LUMA_DC,
                around,
                &levels,
                nonzero,
            );
            own |= u32::from(nonzero != 0) << LUMA_DC;
            count += nonzero.count_ones();
        }
        if macroblock.transform_8x8 {
            let blocks = residual.luma.as_flattened().chunks_exact(64);
            for (i, levels) in blocks.enumerate() {
                if !bit(residual.cbp_luma.into(), i) {
                    continue;
                }
                let mut nonzero = 0;
                for (i, &level) in levels.iter().enumerate() {
                    nonzero |= u64::from(level != 0) << i;
                }
                put_block_8x8(arithmetic, contexts, levels, nonzero);
                own |= 0x33 << raster(4 * i);
                count += nonzero.count_ones();
            }
        } else {
            let (category, skipped) = match is_intra16 {
                true => (residual::LUMA_AC, 1),
                false => (residual::LUMA, 0),
            };
            for (i, block) in residual.luma.iter().enumerate() {
                if !bit(residual.cbp_luma.into(), i / 4) {
                    continue;
                }
                let at = raster(i);
                let around = (
                    if at % 4 > 0 {
                        bit(own, at - 1)
                    } else {
                        bit(left, at + 3)
                    },
                    if at >= 4 {
                        bit(own, at - 4)
                    } else {
                        bit(above, at + 12)
                    },
                );
                let (levels, nonzero) = (job.kernels.zigzag)(block);
                let (levels, nonzero) = (&levels[skipped..], nonzero >> skipped);
                put_block(arithmetic, contexts, category, around, levels, nonzero);
                own |= u32::from(nonzero != 0) << at;
                count += nonzero.count_ones();
            }
        }
        info.nonzero = own as u16;
        if residual.cbp_chroma > 0 {
            for (plane, levels) in residual.chroma_dc.iter().enumerate() {
                let at = CHROMA_DC + plane;
                let mut nonzero = 0;
                for (i, &level) in levels.iter().enumerate() {
                    nonzero |= u32::from(level != 0) << i;
                }
                let around = (bit(left, at), bit(above, at));
                let category = residual::CHROMA_DC;
                put_block(arithmetic, contexts, category, around, levels, nonzero);
                own |= u32::from(nonzero != 0) << at;
                count += nonzero.count_ones();
            }
        }
        if residual.cbp_chroma > 1 {
            for (i, block) in residual.chroma.iter().enumerate() {
                let at = CHROMA_BLOCKS + i;
                let around = (
                    if i & 1 != 0 {
                        bit(own, at - 1)
                    } else {
                        bit(left, at + 1)
                    },
                    if i & 2 != 0 {
                        bit(own, at - 2)
                    } else {
                        bit(above, at + 2)
                    },
                );
                let (levels, nonzero) = (job.kernels.zigzag)(block);
                let (levels, nonzero) = (&levels[1..], nonzero >> 1);
                let category = residual::CHROMA_AC;
                put_block(arithmetic, contexts, category, around, levels, nonzero);
                own |= u32::from(nonzero != 0) << at;
                count += nonzero.count_ones();
            }
        }
        known.coded = own;
        count
    }

    /// Writes macroblock_layer() of an I_PCM macroblock.
    pub(crate) fn put_pcm(&mut self, x: usize, picture_type: PictureType, samples: &Samples) {
        let above = self.above[x];
        self.put_intra_prefix(picture_type, &above, true);
        self.arithmetic.terminate(true);
        self.arithmetic.flush();
        let mut bytes = [0; 384];
        let (luma, chroma) = bytes.split_at_mut(256);
        luma.copy_from_slice(&samples.luma);
        for (plane, to) in chroma.chunks_exact_mut(64).enumerate() {
            for (to, line) in to.chunks_exact_mut(8).zip(samples.chroma.chunks_exact(16)) {
                to.copy_from_slice(&line[8 * plane..][..8]);
            }
        }
        self.arithmetic.append(&bytes);
        self.note(x, Known::PCM);
        self.qp_changed = false;
    }
}
