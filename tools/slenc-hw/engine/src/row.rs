// SPDX-License-Identifier: GPL-2.0

//! Coding of a row of macroblocks: decisions in order, whoever takes them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

use crate::inter::vectors::{Motion, Surroundings};
use crate::intra::Edges;
use crate::macroblock::{Lower, MbInfo, Neighbours};
use crate::mode::{Coder, Decided};
use crate::picture_job::PictureJob;
use crate::source::{load, Samples};

/// Takes the macroblocks of a row as they are decided on.
pub(crate) trait Sink {
    /// Begins row `y`, and gives its QP.
    fn begin(&mut self, job: &PictureJob<'_>, y: usize) -> u8;

    /// Takes the next macroblock, whose levels and reconstruction the coder has. Gives what is
    /// known of it, and replaces the reconstruction if it is coded otherwise.
    fn put(
        &mut self,
        job: &PictureJob<'_>,
        coder: &mut Coder,
        decided: Decided,
        neighbours: Neighbours<'_>,
    ) -> MbInfo;
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
    sink: &mut impl Sink,
) -> Vec<MbInfo> {
    let mut infos = Vec::with_capacity(job.width_mbs);
    let mut left: Option<Left> = None;
    let qp = sink.begin(job, target.y);
    for x in 0..job.width_mbs {
        let above = target.above.map(|row| {
            // The furthest first: the row above is coded in order.
            let wait = |cell| wait(cell, target.failed);
            let right = row.get(x + 1).map(wait);
            let corner = x.checked_sub(1).map(|x| wait(&row[x]));
            (corner, wait(&row[x]), right)
        });
        if let Some(source) = &job.source {
            load(source, x, target.y, &mut coder.source);
        }
        set_edges(&mut coder.edges, left.as_ref(), above);
        coder.surroundings = surroundings(left.as_ref(), above);
        let neighbours = Neighbours {
            left: left.as_ref().map(|left| &left.info),
            above: above.map(|(_, above, _)| &above.info),
        };
        let decided = coder.decide(job, (x, target.y), qp, neighbours);
        let info = sink.put(job, coder, decided, neighbours);
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
            edges.luma_above[16..].copy_from_slice(&right.luma[..8]);
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
