// SPDX-License-Identifier: GPL-2.0

//! Plant B without pictures: sizes from the variance of what is to be coded.
//!
//! A frame is areas of different variance. What is predicted leaves the change and the error of
//! the reference; a Gaussian source of variance v at distortion D = min(v, q^2 / 12) takes
//! log2(v / D) / 2 bits a sample (T. M. Cover and J. A. Thomas, "Elements of Information Theory",
//! section 10.3). With many areas that gives curves like real ones, and what follows from the
//! reference's quality or a skipped frame needs no rule of its own.

use super::{psnr, reference_layer, Plant, Request, HEADER_BITS, LAYERS, SKIP_BITS};
use crate::frame::{Activity, Coded};
use crate::plant::table::Entry;
use crate::plant::trace::limited;
use crate::random::Random;

/// Areas of a picture, each with half the deviation of the one before, and their shares: each is
/// 1.8 times the one before, which lets sizes fall by about half when the step doubles.
const AREAS: usize = 8;
const SHARES: [f64; AREAS] = [
    0.0073, 0.0132, 0.0237, 0.0427, 0.0769, 0.1385, 0.2492, 0.4485,
];
const WIDTH: u32 = 640;
const HEIGHT: u32 = 360;
const RATE: u64 = 25;
/// Frames until most models repeat: a minute.
const PERIOD: usize = 1500;
/// Standard deviation that intra prediction leaves of a busy texture's busiest area, in levels.
const TEXTURE: f64 = 128.0;

/// What happens in a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModelKind {
    /// Constant motion with a jitter of 10 %.
    Steady,
    /// Camera noise.
    Noise,
    /// Another scene every 2 to 5 seconds.
    Cuts,
    /// Stillness, scrolling, and repaints.
    Screen,
    /// Scenes that fade into each other.
    Fades,
    /// Most of a minute of stillness, then motion.
    Stillness,
    /// Ten minutes of it.
    LongStillness,
}

impl ModelKind {
    /// Frames until it repeats.
    fn period(self) -> usize {
        match self {
            Self::LongStillness => 11 * PERIOD,
            _ => PERIOD,
        }
    }
}

/// A frame of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Frame {
    cut: bool,
    /// Deviation that intra prediction leaves in the busiest area, and that motion leaves.
    texture: f64,
    change: f64,
    /// Share of the picture that changes.
    area: f64,
}

/// The error that a reference has in each area.
#[derive(Clone, Copy, Debug)]
struct Reference {
    position: usize,
    error: [f64; AREAS],
}

/// A model being played.
pub(crate) struct Model {
    frames: Vec<Frame>,
    slots: [Option<Reference>; LAYERS],
    coded: Option<(usize, Reference)>,
}

fn frames(kind: ModelKind, seed: u64) -> Vec<Frame> {
    let mut random = Random::new(seed);
    let mut next_cut = 0;
    let mut scene = (TEXTURE, 40.0);
    (0..kind.period())
        .map(|n| {
            let jitter = (0.1 * random.normal()).exp2();
            let moving = |texture: f64, change: f64| Frame {
                cut: false,
                texture,
                change: change * jitter,
                area: 1.0,
            };
            match kind {
                ModelKind::Steady => moving(TEXTURE, 40.0),
                ModelKind::Noise => moving(TEXTURE, 90.0),
                ModelKind::Cuts => {
                    let cut = n == next_cut;
                    if cut {
                        next_cut += 50 + random.below(75) as usize;
                        scene = (80.0 + 120.0 * random.unit(), 15.0 + 45.0 * random.unit());
                    }
                    Frame {
                        cut,
                        ..moving(scene.0, if cut { scene.0 } else { scene.1 })
                    }
                }
                ModelKind::Screen => match n % 125 {
                    0 => Frame {
                        cut: true,
                        texture: 1.5 * TEXTURE,
                        change: 1.5 * TEXTURE,
                        area: 0.6,
                    },
                    40..80 => Frame {
                        area: 0.1,
                        ..moving(1.5 * TEXTURE, TEXTURE)
                    },
                    _ => Frame {
                        texture: 1.5 * TEXTURE,
                        ..Frame::default()
                    },
                },
                ModelKind::Fades => {
                    let fading = n % 100 < 25;
                    moving(TEXTURE, if fading { 90.0 } else { 30.0 })
                }
                ModelKind::Stillness => {
                    let still = (50..PERIOD - 250).contains(&n);
                    moving(TEXTURE, if still { 0.0 } else { 50.0 })
                }
                ModelKind::LongStillness => {
                    let still = (50..50 + 10 * PERIOD).contains(&n);
                    moving(TEXTURE, if still { 0.0 } else { 50.0 })
                }
            }
        })
        .collect()
}

/// Mean over the picture.
fn weighted(areas: &[f64; AREAS]) -> f64 {
    areas
        .iter()
        .zip(SHARES)
        .map(|(value, share)| value * share)
        .sum()
}

impl Model {
    pub(crate) fn new(kind: ModelKind, seed: u64) -> Self {
        Self {
            frames: frames(kind, seed),
            slots: [None; LAYERS],
            coded: None,
        }
    }

    fn frame(&self, position: usize) -> Frame {
        self.frames[position % self.frames.len()]
    }

    /// Variance of each area that changes from the reference on, and the share that does.
    fn changes(&self, reference: &Reference, position: usize) -> ([f64; AREAS], f64) {
        let (mut variance, mut area) = ([0.0; AREAS], 0.0f64);
        for frame in (reference.position + 1..=position).map(|n| self.frame(n)) {
            for (n, variance) in variance.iter_mut().enumerate() {
                let deviation = frame.change * 0.5f64.powi(n as i32);
                let texture = frame.texture * 0.5f64.powi(n as i32);
                *variance = (*variance + deviation * deviation).min(texture * texture);
            }
            area = area.max(if frame.change > 0.0 { frame.area } else { 0.0 });
        }
        (variance, area)
    }

    /// Codes at a QP: entry and errors of the areas.
    fn code(&self, request: &Request) -> (Entry, [f64; AREAS]) {
        let frame = self.frame(request.position);
        let step = 0.625 * (request.qp / 6.0).exp2();
        let floor = step * step / 12.0;
        let reference = self.slots[reference_layer(request.layer)];
        let reference = reference.filter(|_| !request.key);
        // An older one is as good as the newest.
        let reference = reference.map(|newest| Reference {
            position: request.reference(newest.position),
            ..newest
        });
        let samples = f64::from(WIDTH * HEIGHT);
        let changed =
            reference.map(|reference| (reference, self.changes(&reference, request.position)));
        let (mut bits, mut error) = (HEADER_BITS[usize::from(!request.key)] as f64, [0.0; AREAS]);
        for (n, error) in error.iter_mut().enumerate() {
            let texture = (frame.texture * 0.5f64.powi(n as i32)).powi(2);
            let inter = changed.map(|(reference, (variance, area))| {
                let rest = reference.error[n];
                [(variance[n] + rest, area), (rest, 1.0 - area)]
            });
            let parts = match inter {
                Some([moved, rest]) => {
                    let keep = 1.0 - request.refresh;
                    [
                        (moved.0.min(texture), moved.1 * keep),
                        (rest.0.min(texture), rest.1 * keep),
                        (texture, request.refresh),
                    ]
                }
                None => [(texture, 1.0), (0.0, 0.0), (0.0, 0.0)],
            };
            for (variance, share) in parts {
                let distortion = variance.min(floor);
                *error += share * distortion;
                if variance > floor {
                    bits += samples * SHARES[n] * share * 0.5 * (variance / floor).log2();
                }
            }
        }
        let entry = Entry {
            log_bits: bits.log2(),
            psnr: psnr(weighted(&error)),
            nonzero: bits / 6.0,
        };
        (entry, error)
    }
}

impl Plant for Model {
    fn size(&self) -> (u32, u32) {
        (WIDTH, HEIGHT)
    }

    fn rate(&self) -> (u64, u64) {
        (RATE, 1)
    }

    fn is_cut(&self, position: usize) -> bool {
        self.frame(position).cut
    }

    fn activity(&mut self, position: usize, _layer: usize) -> Activity {
        let frame = self.frame(position);
        // The mean absolute difference of a normal distribution is 0.8 deviations.
        let mean = weighted(&std::array::from_fn(|n| 0.8 * 0.5f64.powi(n as i32)));
        let sum = |deviation: f64| (mean * deviation * f64::from(WIDTH * HEIGHT)) as u64;
        Activity {
            inter: sum(frame.change * frame.area),
            intra: sum(frame.texture),
        }
    }

    fn restart(&mut self) {
        self.slots = [None; LAYERS];
        self.coded = None;
    }

    fn encode(&mut self, request: &Request) -> Coded {
        let macroblocks = WIDTH.div_ceil(16) * HEIGHT.div_ceil(16);
        let (entry, qp, skipped) = limited(request, macroblocks, |request| self.code(request).0);
        let error = self.code(&Request { qp, ..*request }).1;
        let reference = Reference {
            position: request.position,
            error,
        };
        self.coded = Some((request.layer, reference));
        Coded {
            bits: (entry.log_bits.exp2() / 8.0 + 1e-6).floor() as u64 * 8,
            header_bits: HEADER_BITS[usize::from(!request.key)],
            nonzero: entry.nonzero as u64,
            mean_qp: qp,
            forced_skip_mbs: skipped,
            psnr: entry.psnr,
        }
    }

    fn commit(&mut self) {
        if let Some((layer, reference)) = self.coded.take() {
            self.slots[layer..].fill(Some(reference));
        }
    }

    fn skip(&mut self, request: &Request) -> Coded {
        self.coded = None;
        let error = self.slots[reference_layer(request.layer)].map_or(255.0f64.powi(2), |shown| {
            let (variance, area) = self.changes(&shown, request.position);
            weighted(&std::array::from_fn(|n| {
                shown.error[n] + variance[n] * area
            }))
        });
        Coded {
            bits: SKIP_BITS,
            header_bits: SKIP_BITS,
            nonzero: 0,
            mean_qp: request.qp,
            forced_skip_mbs: 0,
            psnr: psnr(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(position: usize, qp: f64) -> Request {
        Request {
            position,
            key: position == 0,
            layer: 0,
            back: 0,
            qp,
            max_bits: None,
            expected: 0,
            refresh: 0.0,
        }
    }

    fn sizes(kind: ModelKind, qp: f64, count: usize) -> Vec<f64> {
        let mut model = Model::new(kind, 1);
        (0..count)
            .map(|n| {
                let coded = model.encode(&request(n, qp));
                model.commit();
                coded.bits as f64
            })
            .collect()
    }

    #[test]
    fn the_slope_is_that_of_real_encoders() {
        for qp in [20.0, 26.0, 32.0] {
            let mean = |qp: f64| sizes(ModelKind::Steady, qp, 100)[1..].iter().sum::<f64>();
            // Binary orders of size a QP: measured encoders have 0.12 to 0.2.
            let slope = (mean(qp) / mean(qp + 3.0)).log2() / 3.0;
            assert!((0.1..0.25).contains(&slope), "QP {qp}: {slope}");
        }
    }

    #[test]
    fn stillness_costs_nothing_once_it_is_coded() {
        let still = sizes(ModelKind::Stillness, 28.0, 100);
        assert!(still[90] < 200.0 && still[10] > 5000.0);
        // A finer QP has the reference's error to code, once.
        let mut model = Model::new(ModelKind::Stillness, 1);
        for n in 0..80 {
            model.encode(&request(n, 36.0));
            model.commit();
        }
        let finer = model.encode(&request(80, 28.0)).bits;
        model.commit();
        let after = model.encode(&request(81, 28.0)).bits;
        assert!(finer > 5000 && after < 200, "{finer} {after}");
    }

    #[test]
    fn a_cut_is_as_large_as_an_intra_frame() {
        let mut model = Model::new(ModelKind::Cuts, 1);
        let cut = (1..PERIOD)
            .find(|&n| model.is_cut(n))
            .expect("there are cuts");
        for n in 0..cut {
            model.encode(&request(n, 30.0));
            model.commit();
        }
        let inter = model.encode(&request(cut, 30.0)).bits as f64;
        let intra = model.encode(&Request {
            key: true,
            ..request(cut, 30.0)
        });
        let ratio = inter / intra.bits as f64;
        assert!((0.8..1.2).contains(&ratio), "{ratio}");
        assert!(model.skip(&request(cut, 30.0)).psnr < intra.psnr - 5.0);
    }

    #[test]
    fn the_same_seed_gives_the_same_frames() {
        assert_eq!(frames(ModelKind::Cuts, 7), frames(ModelKind::Cuts, 7));
        assert_ne!(frames(ModelKind::Cuts, 7), frames(ModelKind::Cuts, 8));
    }
}
