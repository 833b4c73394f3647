// SPDX-License-Identifier: GPL-2.0

//! CAVLC of a row of macroblocks for itself: all of it but mb_skip_run between rows does not
//! depend on other rows, as long as no macroblock has another QP.

use crate::bits::BitWriter;
use crate::macroblock::{MbInfo, Neighbours};
use crate::mode::{Coder, Decided};
use crate::picture_job::PictureJob;
use crate::row::Sink;
use crate::syntax::{put_macroblock, put_pcm_samples, put_pcm_type, Macroblock};
use crate::{PictureType, Stats};

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
    fn clear(&mut self) {
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
        self.clear();
        self.leading_skips = width_mbs as u32;
        self.stats = Stats {
            qp_sum: width_mbs as u32 * u32::from(qp),
            qp_min: qp,
            qp_max: qp,
            skip_mbs: width_mbs as u32,
            ..Stats::default()
        };
    }

    /// The run of skipped macroblocks that is not ended yet.
    fn open_skips(&mut self) -> &mut u32 {
        if self.is_empty() {
            &mut self.leading_skips
        } else {
            &mut self.trailing_skips
        }
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

impl Sink for RowOutput {
    fn begin(&mut self, job: &PictureJob<'_>, _y: usize) -> u8 {
        self.clear();
        job.qp
    }

    fn put(
        &mut self,
        job: &PictureJob<'_>,
        coder: &mut Coder,
        decided: Decided,
        neighbours: Neighbours<'_>,
    ) -> MbInfo {
        self.stats.note_decision(&decided);
        self.stats.note_qp(job.qp);
        let Some(prediction) = decided.prediction else {
            self.stats.skip_mbs += 1;
            *self.open_skips() += 1;
            return decided.info;
        };
        if job.picture_type == PictureType::P && !self.is_empty() {
            let skips = std::mem::take(&mut self.trailing_skips);
            self.writer().put_ue(skips);
        }

        let mut info = decided.info;
        let macroblock = Macroblock {
            prediction: &prediction,
            residual: &coder.residual,
            transform_8x8: info.transform_8x8,
            qp_delta: 0,
        };
        let writer = self.writer();
        if let Ok(levels) = put_macroblock(writer, job, &macroblock, neighbours, &mut info) {
            self.stats.intra_mbs += u32::from(info.kind.is_intra());
            self.stats.nonzero += levels;
            return info;
        }
        put_pcm_type(writer, job.picture_type);
        self.next_piece();
        put_pcm_samples(self.writer(), &coder.source);
        coder.recon.clone_from(&coder.source);
        self.stats.intra_mbs += 1;
        self.stats.pcm_mbs += 1;
        MbInfo::pcm()
    }
}
