// SPDX-License-Identifier: GPL-2.0

//! Rows that are decided on by several threads, and coded when it is their turn.

use super::{Next, Serial};
use crate::macroblock::{MbInfo, Neighbours};
use crate::mode::{Coder, Decided};
use crate::picture_job::PictureJob;
use crate::row::Sink;
use crate::syntax::{Residual, TooLarge};

/// The decisions on a row, to be coded when it is its turn.
#[derive(Default)]
pub(crate) struct Record {
    y: usize,
    decisions: Vec<Decided>,
    /// Of the macroblocks that are not skipped.
    residuals: Vec<Residual>,
}

impl Sink for Record {
    fn begin(&mut self, job: &PictureJob<'_>, y: usize) -> u8 {
        self.y = y;
        self.decisions.clear();
        self.residuals.clear();
        job.qp
    }

    fn put(
        &mut self,
        _job: &PictureJob<'_>,
        coder: &mut Coder,
        decided: Decided,
        _neighbours: Neighbours<'_>,
    ) -> MbInfo {
        if decided.prediction.is_some() {
            self.residuals.push(coder.residual.clone());
        }
        self.decisions.push(decided);
        decided.info
    }
}

impl Serial {
    /// Codes a row that was recorded, and completes what is known of its macroblocks. Stops at one
    /// that has to be I_PCM: those after it were decided on without knowing.
    pub(crate) fn put_row(
        &mut self,
        job: &PictureJob<'_>,
        record: &Record,
        above: Option<&[MbInfo]>,
        infos: &mut [MbInfo],
    ) -> Result<(), TooLarge> {
        self.begin_row(job, record.y);
        let mut residuals = record.residuals.iter();
        let none = Residual::default();
        for (x, &decided) in record.decisions.iter().enumerate() {
            let (before, rest) = infos.split_at_mut(x);
            let residual = match decided.prediction {
                Some(_) => residuals.next().unwrap_or(&none),
                None => &none,
            };
            let next = Next {
                decided,
                residual,
                neighbours: Neighbours {
                    left: before.last(),
                    above: above.map(|above| &above[x]),
                },
            };
            rest[0] = self.put_next(job, next, None)?;
        }
        Ok(())
    }
}
