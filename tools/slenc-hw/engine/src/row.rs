// SPDX-License-Identifier: GPL-2.0

//! Coding of a row of macroblocks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

use crate::bits::BitWriter;
use crate::inter::vectors::{Motion, Surroundings};
use crate::intra::Edges;
use crate::macroblock::{Kind, Lower, MbInfo, Neighbours};
use crate::mode::{Coder, Decided};
use crate::picture_job::PictureJob;
use crate::source::{load, Samples};
use crate::syntax::{put_macroblock, put_pcm_samples, put_pcm_type};
use crate::{PictureType, Stats};

/// Most bits of macroblock_layer(), clause A.3.1.
const MACROBLOCK_BITS: usize = 3200;

/// What a row is coded into.
#[derive(Default)]
pub(crate) struct RowOutput {
    /// Slice data in pieces: I_PCM samples begin a piece, at a whole byte.
    pieces: Vec<BitWriter>,
    used: usize,
    /// Skipped macroblocks before the first coded one, whose mb_skip_run is not in the pieces.
    pub(crate) leading_skips: u32,
    /// Skipped macroblocks behind the last coded one.
    pub(crate) trailing_skips: u32,
    /// Counts of the row; nothing of headers.
    pub(crate) stats: Stats,
}

impl RowOutput {
    fn begin(&mut self) {
        self.used = 0;
        self.next_piece();
        self.leading_skips = 0;
        self.trailing_skips = 0;
        self.stats = Stats {
            qp_min: u8::MAX,
            ..Stats::default()
        };
    }

    fn next_piece(&mut self) {
        if self.used == self.pieces.len() {
            self.pieces.push(BitWriter::default());
        }
        self.pieces[self.used].clear();
        self.used += 1;
    }

    fn writer(&mut self) -> &mut BitWriter {
        &mut self.pieces[self.used - 1]
    }

    /// Makes it a row of `width_mbs` skipped macroblocks.
    pub(crate) fn skip_all(&mut self, width_mbs: usize, qp: u8) {
        self.begin();
        self.leading_skips = width_mbs as u32;
        self.stats = Stats {
            qp_sum: width_mbs as u32 * u32::from(qp),
            qp_min: qp,
            qp_max: qp,
            skip_mbs: width_mbs as u32,
            ..Stats::default()
        };
    }

    /// Whether every macroblock is skipped.
    pub(crate) fn is_empty(&self) -> bool {
        self.used == 1 && self.pieces[0].len() == 0
    }

    /// Appends the row to slice data.
    pub(crate) fn append_to(&mut self, writer: &mut BitWriter) {
        for (i, piece) in self.pieces[..self.used].iter_mut().enumerate() {
            if i > 0 {
                writer.align_zero();
            }
            let bits = piece.len();
            writer.put_bits_of(piece.finish(), bits);
        }
    }
}

/// Where a row's samples go, and what it shares with the rows around it.
pub(crate) struct RowTarget<'a> {
    pub(crate) y: usize,
    pub(crate) luma: &'a mut [u8],
    pub(crate) chroma: &'a mut [u8],
    /// Macroblocks of the row above if it is of the same slice.
    pub(crate) above: Option<&'a [OnceLock<Lower>]>,
    /// Macroblocks of this row for the next.
    pub(crate) own: &'a [OnceLock<Lower>],
    pub(crate) output: &'a mut RowOutput,
    /// Set when a thread fails.
    pub(crate) failed: &'a AtomicBool,
}

/// Tells the threads that wait for one that it panics: they would wait for ever.
pub(crate) struct Alarm<'a>(pub(crate) &'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Waits until the row above has come to a macroblock.
fn wait<'a>(cell: &'a OnceLock<Lower>, failed: &AtomicBool) -> &'a Lower {
    let mut spins = 0u32;
    loop {
        if let Some(lower) = cell.get() {
            return lower;
        }
        spins += 1;
        if spins % 64 == 0 {
            assert!(!failed.load(Ordering::Relaxed), "another thread failed");
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
}

/// The macroblock on the left.
struct Left {
    info: MbInfo,
    recon: Samples,
}

/// Codes a row, and gives its macroblocks.
pub(crate) fn code_row(
    job: &PictureJob<'_>,
    coder: &mut Coder,
    target: &mut RowTarget<'_>,
) -> Vec<MbInfo> {
    let mut infos = Vec::with_capacity(job.width_mbs);
    let mut left: Option<Left> = None;
    let mut skips = 0;
    target.output.begin();
    for x in 0..job.width_mbs {
        let above = target.above.map(|row| {
            // The furthest first: the row above is coded in order.
            let wait = |cell| wait(cell, target.failed);
            let right = row.get(x + 1).map(wait);
            let corner = x.checked_sub(1).map(|x| wait(&row[x]));
            (corner, wait(&row[x]), right)
        });
        load(&job.source, x, target.y, &mut coder.source);
        set_edges(&mut coder.edges, left.as_ref(), above);
        coder.surroundings = surroundings(left.as_ref(), above);
        let neighbours = Neighbours {
            left: left.as_ref().map(|left| &left.info),
            above: above.map(|(_, above, _)| &above.info),
        };
        let decided = coder.decide(job, (x, target.y), neighbours);
        let info = put(job, coder, decided, neighbours, &mut skips, target.output);
        store(&coder.recon, x, job.width_mbs, target);
        // Each macroblock of a row is set once.
        let _ = target.own[x].set(lower(info, &coder.recon));
        infos.push(info);
        match &mut left {
            Some(left) => {
                left.info = info;
                std::mem::swap(&mut left.recon, &mut coder.recon);
            }
            None => {
                left = Some(Left {
                    info,
                    recon: coder.recon.clone(),
                });
            }
        }
    }
    if target.output.is_empty() {
        target.output.leading_skips = skips;
    } else {
        target.output.trailing_skips = skips;
    }
    infos
}

type Above<'a> = Option<(Option<&'a Lower>, &'a Lower, Option<&'a Lower>)>;

fn set_edges(edges: &mut Edges, left: Option<&Left>, above: Above<'_>) {
    edges.left = left.is_some();
    edges.above = above.is_some();
    edges.above_right = above.is_some_and(|(_, _, right)| right.is_some());
    if let Some(left) = left {
        for (y, sample) in edges.luma_left.iter_mut().enumerate() {
            *sample = left.recon.luma[16 * y + 15];
        }
        for (plane, column) in edges.chroma_left.iter_mut().enumerate() {
            for (y, sample) in column.iter_mut().enumerate() {
                *sample = left.recon.chroma[16 * y + 8 * plane + 7];
            }
        }
    }
    if let Some((corner, above, right)) = above {
        edges.luma_above[..16].copy_from_slice(&above.luma);
        for (plane, line) in edges.chroma_above.iter_mut().enumerate() {
            line.copy_from_slice(&above.chroma[8 * plane..][..8]);
        }
        if let Some(right) = right {
            edges.luma_above[16..].copy_from_slice(&right.luma[..4]);
        }
        if let Some(corner) = corner {
            edges.luma_corner = corner.luma[15];
            edges.chroma_corner = [corner.chroma[7], corner.chroma[15]];
        }
    }
}

fn surroundings(left: Option<&Left>, above: Above<'_>) -> Surroundings {
    let left = match left {
        Some(left) => [1, 3].map(|quadrant| left.info.motion(quadrant)),
        None => [Motion::Unavailable; 2],
    };
    let above = match above {
        Some((corner, above, right)) => {
            let motion = |lower: Option<&Lower>, quadrant| {
                lower.map_or(Motion::Unavailable, |lower| lower.info.motion(quadrant))
            };
            [
                motion(corner, 3),
                above.info.motion(2),
                above.info.motion(3),
                motion(right, 2),
            ]
        }
        None => [Motion::Unavailable; 4],
    };
    Surroundings::new(left, above)
}

/// Writes a macroblock, as I_PCM if it does not fit its limits.
fn put(
    job: &PictureJob<'_>,
    coder: &mut Coder,
    decided: Decided,
    neighbours: Neighbours<'_>,
    skips: &mut u32,
    output: &mut RowOutput,
) -> MbInfo {
    let stats = &mut output.stats;
    stats.qp_sum += u32::from(job.qp);
    stats.qp_min = stats.qp_min.min(job.qp);
    stats.qp_max = stats.qp_max.max(job.qp);
    stats.sad_sum += u64::from(decided.sad);
    stats.mad_sum += u64::from(decided.mad);
    let Some(prediction) = decided.prediction else {
        stats.skip_mbs += 1;
        *skips += 1;
        return decided.info;
    };
    if job.picture_type == PictureType::P {
        if output.is_empty() {
            output.leading_skips = *skips;
        } else {
            output.writer().put_ue(*skips);
        }
        *skips = 0;
    }

    let mut info = decided.info;
    let writer = output.writer();
    let (mark, begin) = (writer.mark(), writer.len());
    let written = put_macroblock(
        writer,
        job.kernels,
        job.picture_type,
        job.references.len(),
        &prediction,
        &coder.residual,
        neighbours,
        &mut info,
    );
    let size = writer.len() - begin;
    if let (Ok(levels), ..=MACROBLOCK_BITS) = (written, size) {
        for (i, &total) in info.total.iter().enumerate() {
            info.nonzero |= u16::from(total > 0) << i;
        }
        output.stats.intra_mbs += u32::from(info.kind.is_intra());
        output.stats.nonzero += levels;
        return info;
    }

    writer.rewind(mark);
    put_pcm_type(writer, job.picture_type);
    output.next_piece();
    put_pcm_samples(output.writer(), &coder.source);
    coder.recon.clone_from(&coder.source);
    output.stats.intra_mbs += 1;
    output.stats.pcm_mbs += 1;
    // Clauses 9.2.1 and 8.7.2.2.
    MbInfo {
        total: [16; 16],
        total_chroma: [16; 8],
        ..MbInfo::new(Kind::Pcm, 0)
    }
}

/// Stores a macroblock in the reconstruction.
fn store(recon: &Samples, x: usize, width_mbs: usize, target: &mut RowTarget<'_>) {
    let stride = 16 * width_mbs;
    let lines = target.luma.chunks_exact_mut(stride);
    for (to, line) in lines.zip(recon.luma.chunks_exact(16)) {
        to[16 * x..][..16].copy_from_slice(line);
    }
    let lines = target.chroma.chunks_exact_mut(stride);
    for (to, line) in lines.zip(recon.chroma.chunks_exact(16)) {
        let (cb, cr) = line.split_at(8);
        for ((pair, &cb), &cr) in to[16 * x..][..16].chunks_exact_mut(2).zip(cb).zip(cr) {
            pair[0] = cb;
            pair[1] = cr;
        }
    }
}

fn lower(info: MbInfo, recon: &Samples) -> Lower {
    Lower {
        info,
        luma: std::array::from_fn(|i| recon.luma[240 + i]),
        chroma: std::array::from_fn(|i| recon.chroma[112 + i]),
    }
}
