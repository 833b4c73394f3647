// SPDX-License-Identifier: GPL-2.0

//! What is decided of a macroblock for its syntax, and macroblock_layer() of CAVLC, ITU-T H.264
//! clause 7.3.5.

use crate::bits::BitWriter;
use crate::cavlc::{number_context, put_block, put_chroma_dc, LevelRange};
use crate::inter::{Mv, Shape};
use crate::intra::{chroma, luma16};
use crate::macroblock::{raster, MbInfo, Neighbours};
use crate::picture_job::PictureJob;
use crate::source::Samples;
use crate::transform::Block;
use crate::PictureType;

/// Most bits of macroblock_layer(), clause A.3.1.
pub(crate) const MACROBLOCK_BITS: usize = 3200;

/// A macroblock is not allowed so many bits, or such levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl From<LevelRange> for TooLarge {
    fn from(_: LevelRange) -> Self {
        Self
    }
}

/// coded_block_pattern of Intra_4x4 by codeNum, Table 9-4.
const CBP_OF_INTRA: [u8; 48] = [
    47, 31, 15, 0, 23, 27, 29, 30, 7, 11, 13, 14, 39, 43, 45, 46, 16, 3, 5, 10, 12, 19, 21, 26, 28,
    35, 37, 42, 44, 1, 2, 4, 8, 17, 18, 20, 24, 6, 9, 22, 25, 32, 33, 34, 36, 40, 38, 41,
];

/// coded_block_pattern of inter prediction by codeNum, Table 9-4.
const CBP_OF_INTER: [u8; 48] = [
    0, 16, 1, 2, 4, 8, 32, 3, 5, 10, 12, 15, 47, 7, 11, 13, 14, 6, 9, 31, 35, 37, 42, 44, 33, 34,
    36, 40, 39, 43, 45, 46, 17, 18, 20, 24, 19, 21, 26, 28, 23, 27, 29, 30, 22, 25, 38, 41,
];

static CBP_INTRA: [u8; 48] = invert(&CBP_OF_INTRA);
static CBP_INTER: [u8; 48] = invert(&CBP_OF_INTER);

const fn invert(table: &[u8; 48]) -> [u8; 48] {
    let mut inverse = [0; 48];
    let mut i = 0;
    while i < 48 {
        inverse[table[i] as usize] = i as u8;
        i += 1;
    }
    inverse
}

/// How a macroblock is predicted, as its syntax says it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Prediction {
    /// With the vector differences and the reference indices of the partitions.
    Inter(Shape, [Mv; 4], [u8; 4]),
    /// With the modes of luma and chroma.
    Intra16(luma16::Mode, chroma::Mode),
    /// With rem_intra4x4_pred_mode of blocks, in coding order, that are not as predicted.
    Intra4([Option<u8>; 16], chroma::Mode),
    /// The same of Intra_8x8.
    Intra8([Option<u8>; 4], chroma::Mode),
}

/// Levels of a macroblock, its blocks in coding order.
#[derive(Clone, Debug, Default)]
#[repr(align(32))]
pub(crate) struct Residual {
    /// In raster order; without DC in Intra_16x16. With the 8x8 transform four of these are a block
    /// of 64 levels in zig-zag order.
    pub(crate) luma: [Block; 16],
    /// Cb and Cr, in raster order, without DC.
    pub(crate) chroma: [Block; 8],
    /// DC of Intra_16x16 in raster order.
    pub(crate) luma_dc: Block,
    /// DC of Cb and Cr.
    pub(crate) chroma_dc: [[i16; 4]; 2],
    /// CodedBlockPatternLuma.
    pub(crate) cbp_luma: u8,
    /// CodedBlockPatternChroma.
    pub(crate) cbp_chroma: u8,
}

/// A macroblock that is not skipped and not I_PCM.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Macroblock<'a> {
    pub(crate) prediction: &'a Prediction,
    pub(crate) residual: &'a Residual,
    /// transform_size_8x8_flag.
    pub(crate) transform_8x8: bool,
    /// mb_qp_delta, written if there is a residual.
    pub(crate) qp_delta: i32,
}

impl Macroblock<'_> {
    /// Whether it has mb_qp_delta and residual().
    pub(crate) fn has_residual(&self) -> bool {
        let Residual {
            cbp_luma,
            cbp_chroma,
            ..
        } = self.residual;
        let is_intra16 = matches!(self.prediction, Prediction::Intra16(..));
        *cbp_luma > 0 || *cbp_chroma > 0 || is_intra16
    }
}

/// Bits of mb_type of I macroblocks in a P slice, Table 7-13.
fn intra_offset(picture_type: PictureType) -> u32 {
    match picture_type {
        PictureType::I => 0,
        PictureType::P => 5,
    }
}

/// Writes a macroblock and notes its TotalCoeff in `info`. Gives the number of levels; nothing is
/// written if it is too large.
pub(crate) fn put_macroblock(
    writer: &mut BitWriter,
    job: &PictureJob<'_>,
    macroblock: &Macroblock<'_>,
    neighbours: Neighbours<'_>,
    info: &mut MbInfo,
) -> Result<u32, TooLarge> {
    let (mark, begin) = (writer.mark(), writer.len());
    let written = put_parts(writer, job, macroblock, neighbours, info);
    if written.is_err() || writer.len() - begin > MACROBLOCK_BITS {
        writer.rewind(mark);
        return Err(TooLarge);
    }
    for (i, &total) in info.total.iter().enumerate() {
        info.nonzero |= u16::from(total > 0) << i;
    }
    if macroblock.transform_8x8 {
        // The deblocking filter looks at whole blocks, those that have a bit here.
        for i in 0..4 {
            if (macroblock.residual.cbp_luma >> i) & 1 != 0 {
                info.nonzero |= 0x33 << raster(4 * i);
            }
        }
    }
    written
}

fn put_parts(
    writer: &mut BitWriter,
    job: &PictureJob<'_>,
    macroblock: &Macroblock<'_>,
    neighbours: Neighbours<'_>,
    info: &mut MbInfo,
) -> Result<u32, TooLarge> {
    let Macroblock {
        prediction,
        residual,
        qp_delta,
        ..
    } = *macroblock;
    let (picture_type, references) = (job.picture_type, job.references.len());
    let (cbp_luma, cbp_chroma) = (residual.cbp_luma, residual.cbp_chroma);
    let cbp = usize::from(cbp_luma + 16 * cbp_chroma);
    match prediction {
        Prediction::Inter(shape, differences, refs) => {
            let refs = &refs[..shape.partitions().len()];
            // P_8x8ref0 says that all indices are 0.
            let ref0 = *shape == Shape::Quarters && references > 1 && *refs == [0; 4];
            writer.put_ue(*shape as u32 + u32::from(ref0));
            if *shape == Shape::Quarters {
                // Four times sub_mb_type P_L0_8x8.
                writer.put(4, 0xf);
            }
            if !ref0 {
                for &index in refs {
                    writer.put_te(index.into(), references);
                }
            }
            for mvd in &differences[..shape.partitions().len()] {
                writer.put_se(mvd.x.into());
                writer.put_se(mvd.y.into());
            }
            writer.put_ue(CBP_INTER[cbp].into());
            if job.transform_8x8 && cbp_luma > 0 {
                writer.put(1, macroblock.transform_8x8.into());
            }
        }
        Prediction::Intra16(mode, chroma_mode) => {
            let kind = 1 + *mode as u32 + 4 * u32::from(cbp_chroma) + 12 * u32::from(cbp_luma > 0);
            writer.put_ue(intra_offset(picture_type) + kind);
            writer.put_ue(*chroma_mode as u32);
        }
        Prediction::Intra4(modes, chroma_mode) => {
            put_nxn(writer, job, macroblock, modes);
            writer.put_ue(*chroma_mode as u32);
            writer.put_ue(CBP_INTRA[cbp].into());
        }
        Prediction::Intra8(modes, chroma_mode) => {
            put_nxn(writer, job, macroblock, modes);
            writer.put_ue(*chroma_mode as u32);
            writer.put_ue(CBP_INTRA[cbp].into());
        }
    }
    if !macroblock.has_residual() {
        return Ok(0);
    }
    writer.put_se(qp_delta);
    Ok(put_residual(writer, job, macroblock, neighbours, info)?)
}

/// Writes mb_type I_NxN, transform_size_8x8_flag and the modes of the blocks.
fn put_nxn(
    writer: &mut BitWriter,
    job: &PictureJob<'_>,
    macroblock: &Macroblock<'_>,
    modes: &[Option<u8>],
) {
    writer.put_ue(intra_offset(job.picture_type));
    if job.transform_8x8 {
        writer.put(1, macroblock.transform_8x8.into());
    }
    for mode in modes {
        match mode {
            None => writer.put(1, 1),
            Some(mode) => writer.put(4, u32::from(*mode)),
        }
    }
}

/// residual() of clause 7.3.5.3.
fn put_residual(
    writer: &mut BitWriter,
    job: &PictureJob<'_>,
    macroblock: &Macroblock<'_>,
    neighbours: Neighbours<'_>,
    info: &mut MbInfo,
) -> Result<u32, LevelRange> {
    let (kernels, residual) = (job.kernels, macroblock.residual);
    let is_intra16 = matches!(macroblock.prediction, Prediction::Intra16(..));
    let mut count = 0;
    if is_intra16 {
        let (left, above) = neighbours.around(0, &info.total, |info| &info.total);
        let context = number_context(left, above);
        let (levels, nonzero) = (kernels.zigzag)(&residual.luma_dc);
        count += u32::from(put_block(writer, &levels, nonzero, context)?);
    }
    let skipped = usize::from(is_intra16);
    for (i, block) in residual.luma.iter().enumerate() {
        if (residual.cbp_luma >> (i / 4)) & 1 != 0 {
            let at = raster(i);
            let (left, above) = neighbours.around(at, &info.total, |info| &info.total);
            let context = number_context(left, above);
            let (levels, nonzero) = match macroblock.transform_8x8 {
                true => interleaved(residual, i),
                false => (kernels.zigzag)(block),
            };
            info.total[at] = put_block(writer, &levels[skipped..], nonzero >> skipped, context)?;
            count += u32::from(info.total[at]);
        }
    }
    if residual.cbp_chroma > 0 {
        for levels in &residual.chroma_dc {
            count += u32::from(put_chroma_dc(writer, levels)?);
        }
    }
    if residual.cbp_chroma > 1 {
        for (i, block) in residual.chroma.iter().enumerate() {
            let left = if i & 1 != 0 {
                Some(info.total_chroma[i - 1])
            } else {
                neighbours.left.map(|info| info.total_chroma[i + 1])
            };
            let above = if i & 2 != 0 {
                Some(info.total_chroma[i - 2])
            } else {
                neighbours.above.map(|info| info.total_chroma[i + 2])
            };
            let context = number_context(left, above);
            let (levels, nonzero) = (kernels.zigzag)(block);
            info.total_chroma[i] = put_block(writer, &levels[1..], nonzero >> 1, context)?;
            count += u32::from(info.total_chroma[i]);
        }
    }
    Ok(count)
}

/// Every fourth level of an 8x8 block, which CAVLC codes as 4x4 block `i`, and a bit for each that
/// is not zero; clause 7.3.5.3.2.
fn interleaved(residual: &Residual, i: usize) -> (Block, u32) {
    let block = &residual.luma.as_flattened()[i / 4 * 64..][..64];
    let levels: Block = std::array::from_fn(|k| block[4 * k + i % 4]);
    let mut nonzero = 0;
    for (k, &level) in levels.iter().enumerate() {
        nonzero |= u32::from(level != 0) << k;
    }
    (levels, nonzero)
}

/// Writes mb_type of an I_PCM macroblock; alignment and samples follow.
pub(crate) fn put_pcm_type(writer: &mut BitWriter, picture_type: PictureType) {
    writer.put_ue(intra_offset(picture_type) + 25);
}

/// Writes the samples of an I_PCM macroblock.
pub(crate) fn put_pcm_samples(writer: &mut BitWriter, samples: &Samples) {
    let mut put = |line: &[u8]| {
        for word in line.chunks_exact(4) {
            writer.put(32, u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
        }
    };
    put(&samples.luma);
    for plane in 0..2 {
        for line in samples.chroma.chunks_exact(16) {
            put(&line[8 * plane..][..8]);
        }
    }
}
