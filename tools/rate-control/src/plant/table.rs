// SPDX-License-Identifier: GPL-2.0

//! Sizes and PSNR of every picture of some content at many QPs, made with the engine.

use serde::{Deserialize, Serialize};

use super::engine::Coder;
use crate::content::Sequence;
use crate::frame::Activity;

/// QPs of the P frames, and of the I frames, which follow a smoother curve.
const P_GRID: [i32; 18] = [
    0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45, 48, 51,
];
const I_GRID: [i32; 10] = [0, 6, 12, 18, 24, 30, 36, 42, 48, 51];

/// What a frame is coded to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// log2 of the bits.
    pub(crate) log_bits: f64,
    pub(crate) psnr: f64,
    pub(crate) nonzero: f64,
}

/// All pictures at the QPs of a grid, all frames of the same type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Curves {
    grid: Vec<i32>,
    /// By QP and then picture.
    entries: Vec<Vec<Entry>>,
}

impl Curves {
    /// Of picture `n` at a QP, interpolated.
    pub(crate) fn at(&self, n: usize, qp: f64) -> Entry {
        let above = self.grid.iter().position(|&q| f64::from(q) >= qp);
        let above = above.unwrap_or(self.grid.len() - 1).max(1);
        let (low, high) = (f64::from(self.grid[above - 1]), f64::from(self.grid[above]));
        let (a, b) = (self.entries[above - 1][n], self.entries[above][n]);
        let along = ((qp - low) / (high - low)).clamp(0.0, 1.0);
        let mix = |a: f64, b: f64| a + (b - a) * along;
        Entry {
            log_bits: mix(a.log_bits, b.log_bits),
            psnr: mix(a.psnr, b.psnr),
            nonzero: mix(a.nonzero, b.nonzero),
        }
    }
}

/// Activity of a picture and its mean square difference to the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) sad: u64,
    pub(crate) intra: u64,
    pub(crate) mse: f64,
}

/// The table of a sequence. It repeats without end: the picture before the first is the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rate: (u64, u64),
    pub(crate) cuts: Vec<bool>,
    pub(crate) changes: Vec<Change>,
    pub(crate) i: Curves,
    pub(crate) p: Curves,
}

impl Table {
    /// Codes the sequence at every QP.
    pub(crate) fn make(sequence: &Sequence, mut progress: impl FnMut(usize, usize)) -> Self {
        let mut done = 0;
        let all = P_GRID.len() + I_GRID.len();
        let mut step = || {
            done += 1;
            progress(done, all);
        };
        let mut coder = Coder::new(sequence.width, sequence.height);
        let i = I_GRID.map(|qp| {
            step();
            intra_entries(&mut coder, sequence, qp)
        });
        let p = P_GRID.map(|qp| {
            step();
            inter_entries(&mut coder, sequence, qp)
        });
        Self {
            width: sequence.width as u32,
            height: sequence.height as u32,
            rate: sequence.rate,
            cuts: sequence.cuts.clone(),
            changes: changes(sequence),
            i: Curves {
                grid: I_GRID.to_vec(),
                entries: i.to_vec(),
            },
            p: Curves {
                grid: P_GRID.to_vec(),
                entries: p.to_vec(),
            },
        }
    }

    /// Pictures until it repeats.
    pub(crate) fn period(&self) -> usize {
        self.changes.len()
    }

    /// What pre-analysis finds.
    pub(crate) fn activity(&self, n: usize) -> Activity {
        let change = self.changes[n];
        Activity {
            inter: change.sad,
            intra: change.intra,
        }
    }
}

fn entry(coded: &crate::frame::Coded) -> Entry {
    Entry {
        log_bits: (coded.bits as f64).log2(),
        psnr: coded.psnr,
        nonzero: coded.nonzero as f64,
    }
}

/// Pictures that appear again, as they do when a clip is played back and forth, are coded once.
fn intra_entries(coder: &mut Coder, sequence: &Sequence, qp: i32) -> Vec<Entry> {
    let mut known: Vec<Option<Entry>> = vec![None; sequence.pictures.len()];
    let order = &sequence.order;
    order
        .iter()
        .map(|&n| {
            *known[n].get_or_insert_with(|| {
                entry(&coder.encode(sequence, &sequence.pictures[n], true, qp))
            })
        })
        .collect()
}

fn inter_entries(coder: &mut Coder, sequence: &Sequence, qp: i32) -> Vec<Entry> {
    let order = &sequence.order;
    coder.encode(sequence, &sequence.pictures[order[0]], true, qp);
    coder.commit();
    let mut entries: Vec<Entry> = (1..=order.len())
        .map(|n| {
            let picture = &sequence.pictures[order[n % order.len()]];
            let entry = entry(&coder.encode(sequence, picture, false, qp));
            coder.commit();
            entry
        })
        .collect();
    // The first picture as a P frame came last.
    entries.rotate_right(1);
    entries
}

/// What pre-analysis finds of each picture.
pub(crate) fn changes(sequence: &Sequence) -> Vec<Change> {
    let luma = sequence.width * sequence.height;
    let order = &sequence.order;
    (0..order.len())
        .map(|n| {
            let this = &sequence.pictures[order[n]][..luma];
            let before = &sequence.pictures[order[(n + order.len() - 1) % order.len()]][..luma];
            let (mut sad, mut square) = (0, 0);
            for (&a, &b) in this.iter().zip(before) {
                let difference = u64::from(a.abs_diff(b));
                sad += difference;
                square += difference * difference;
            }
            Change {
                sad,
                intra: intra_activity(this, sequence.width),
                mse: square as f64 / luma as f64,
            }
        })
        .collect()
}

/// Sum over blocks of 16x16 of the absolute differences to their mean.
fn intra_activity(luma: &[u8], width: usize) -> u64 {
    let mut sum = 0;
    for rows in luma.chunks(16 * width) {
        for x in (0..width).step_by(16) {
            let columns = (width - x).min(16);
            let lines = rows.chunks_exact(width).map(|line| &line[x..x + columns]);
            let samples: Vec<u64> = lines.flatten().map(|&s| u64::from(s)).collect();
            let mean = samples.iter().sum::<u64>() / samples.len() as u64;
            sum += samples.iter().map(|s| s.abs_diff(mean)).sum::<u64>();
        }
    }
    sum
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::random::Random;

    /// A moving texture of 64x48 with some noise, in two scenes.
    pub(crate) fn sequence() -> Sequence {
        let mut random = Random::new(5);
        let (width, height) = (64, 48);
        let noise: Vec<f64> = (0..100 * 100).map(|_| 8.0 * random.unit()).collect();
        let pictures = (0..8)
            .map(|t| {
                let (step, scene) = (t % 4, t / 4);
                let luma = (0..width * height).map(|i| {
                    let (x, y) = (i % width + step, i / width);
                    let (u, v) = (x as f64 * (0.2 + 0.3 * scene as f64), y as f64 * 0.25);
                    let waves = 50.0 * u.sin() * v.cos() + 40.0 * (u / 4.0 + v / 2.0).sin();
                    (120.0 + waves + noise[(y + 40 * scene) * 100 + x]) as u8
                });
                luma.chain(std::iter::repeat_n(128, width * height / 2))
                    .collect()
            })
            .collect();
        Sequence {
            width,
            height,
            rate: (25, 1),
            pictures,
            order: (0..8).collect(),
            cuts: (0..8).map(|n| n % 4 == 0).collect(),
        }
    }

    #[test]
    fn sizes_fall_with_the_qp_and_rise_with_cuts() {
        let mut calls = 0;
        let table = Table::make(&sequence(), |_, _| calls += 1);
        assert_eq!((table.period(), calls), (8, 28));
        for n in 0..8 {
            for qp in [10, 20, 30, 40] {
                let (fine, coarse) = (
                    table.p.at(n, f64::from(qp)),
                    table.p.at(n, f64::from(qp + 8)),
                );
                assert!(fine.log_bits > coarse.log_bits && fine.psnr > coarse.psnr);
            }
        }
        let (cut, still) = (table.p.at(4, 30.0), table.p.at(5, 30.0));
        assert!(cut.log_bits > still.log_bits + 1.0);
        assert!((cut.log_bits - table.i.at(4, 30.0).log_bits).abs() < 0.5);
        assert!(table.changes[4].sad > 3 * table.changes[5].sad);
    }

    #[test]
    fn between_the_grid_it_is_linear() {
        let entry = |log_bits| Entry {
            log_bits,
            psnr: 30.0,
            nonzero: 0.0,
        };
        let curves = Curves {
            grid: vec![0, 10, 20],
            entries: vec![vec![entry(8.0)], vec![entry(6.0)], vec![entry(5.0)]],
        };
        let bits: Vec<f64> = [-1.0, 0.0, 5.0, 10.0, 15.0, 20.0, 25.0]
            .map(|qp| curves.at(0, qp).log_bits)
            .to_vec();
        assert_eq!(bits, [8.0, 8.0, 7.0, 6.0, 5.5, 5.0, 5.0]);
    }

    #[test]
    fn flat_blocks_have_no_activity() {
        let mut luma = vec![50; 32 * 20];
        assert_eq!(intra_activity(&luma, 32), 0);
        luma[0] = 90;
        // The mean stays at 50 of 256.
        assert_eq!(intra_activity(&luma, 32), 40);
    }
}
