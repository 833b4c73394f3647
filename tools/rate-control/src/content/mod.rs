// SPDX-License-Identifier: GPL-2.0

//! What is encoded: clips, pictures made up, and models of sizes.

pub(crate) mod cache;
mod clip;
mod screen;

use std::path::Path;

use crate::plant::model::ModelKind;
use crate::random::Random;

/// Pictures to encode, in the order in which they are played, which repeats.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sequence {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Frames a second, as a fraction.
    pub(crate) rate: (u64, u64),
    /// Planar 4:2:0.
    pub(crate) pictures: Vec<Vec<u8>>,
    /// Indices into the pictures.
    pub(crate) order: Vec<usize>,
    /// Whether another scene begins with each picture of the order.
    pub(crate) cuts: Vec<bool>,
}

/// Where content comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A clip, forth and back.
    Clip(&'static str),
    /// A clip with camera noise added, forth and back.
    Noisy(&'static str),
    /// Two seconds of each of these clips in turn, at this size.
    Spliced(&'static [&'static str], usize, usize),
    /// Pages of text that scroll and are repainted.
    Screen,
    /// Two seconds of black, two of noise.
    Flash,
    /// Sizes from a model, without pictures.
    Model(ModelKind),
}

/// Content with the two rates that it is coded at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) name: &'static str,
    pub(crate) source: Source,
    /// In bit/s.
    pub(crate) rates: [u64; 2],
}

/// All content.
pub(crate) static CONTENTS: &[Content] = &[
    Content {
        name: "bigbuckbunny",
        source: Source::Clip("bigbuckbunny.mp4"),
        rates: [300_000, 900_000],
    },
    Content {
        name: "bikes",
        source: Source::Clip("bikes.mp4"),
        rates: [200_000, 600_000],
    },
    Content {
        name: "carphone",
        source: Source::Clip("carphone_pristine.mp4"),
        rates: [100_000, 300_000],
    },
    Content {
        name: "noisy",
        source: Source::Noisy("carphone_pristine.mp4"),
        rates: [250_000, 700_000],
    },
    Content {
        name: "cuts",
        source: Source::Spliced(
            &["bigbuckbunny.mp4", "bikes.mp4", "carphone_pristine.mp4"],
            320,
            176,
        ),
        rates: [300_000, 900_000],
    },
    Content {
        name: "screen",
        source: Source::Screen,
        rates: [300_000, 1_000_000],
    },
    Content {
        name: "flash",
        source: Source::Flash,
        rates: [300_000, 900_000],
    },
    Content {
        name: "m-steady",
        source: Source::Model(ModelKind::Steady),
        rates: [300_000, 1_200_000],
    },
    Content {
        name: "m-noise",
        source: Source::Model(ModelKind::Noise),
        rates: [600_000, 2_000_000],
    },
    Content {
        name: "m-cuts",
        source: Source::Model(ModelKind::Cuts),
        rates: [300_000, 1_200_000],
    },
    Content {
        name: "m-screen",
        source: Source::Model(ModelKind::Screen),
        rates: [500_000, 1_500_000],
    },
    Content {
        name: "m-fades",
        source: Source::Model(ModelKind::Fades),
        rates: [300_000, 1_200_000],
    },
    Content {
        name: "m-low",
        source: Source::Model(ModelKind::Steady),
        rates: [64_000, 100_000],
    },
    Content {
        name: "m-long",
        source: Source::Model(ModelKind::LongStillness),
        rates: [300_000, 1_200_000],
    },
    Content {
        name: "m-stillness",
        source: Source::Model(ModelKind::Stillness),
        rates: [300_000, 1_200_000],
    },
];

/// Content by name.
pub(crate) fn find(name: &str) -> Option<&'static Content> {
    CONTENTS.iter().find(|content| content.name == name)
}

impl Content {
    /// Its pictures; `None` of a model. `clips` is the directory of the clips.
    pub(crate) fn sequence(&self, clips: &Path) -> Result<Option<Sequence>, String> {
        let sequence = match self.source {
            Source::Clip(file) => back_and_forth(clip::read(&clips.join(file), None)?),
            Source::Noisy(file) => {
                let mut clip = clip::read(&clips.join(file), None)?;
                clip.pictures.truncate(60);
                let mut random = Random::new(1);
                for picture in &mut clip.pictures {
                    add_noise(picture, clip.width * clip.height, &mut random);
                }
                back_and_forth(clip)
            }
            Source::Spliced(files, width, height) => {
                let size = Some((width, height));
                let parts: Result<Vec<_>, _> = files
                    .iter()
                    .map(|file| clip::read(&clips.join(file), size))
                    .collect();
                splice(parts?)
            }
            Source::Screen => screen::sequence(),
            Source::Flash => flash(),
            Source::Model(_) => return Ok(None),
        };
        Ok(Some(with_own_cuts(sequence)))
    }
}

/// Clips have cuts of their own: a picture that differs from the one before by half of what it
/// would cost without it, and by four times as much as those around it differ.
fn with_own_cuts(mut sequence: Sequence) -> Sequence {
    let changes = crate::plant::table::changes(&sequence);
    for n in 2..changes.len().saturating_sub(1) {
        let [before, this, after] = [n - 1, n, n + 1].map(|n| changes[n].sad);
        sequence.cuts[n] |= this > 4 * before.max(after) && 2 * this > changes[n].intra;
    }
    sequence
}

/// Without a cut at the ends.
fn back_and_forth(clip: clip::Clip) -> Sequence {
    let count = clip.pictures.len();
    let order: Vec<usize> = (0..count)
        .chain((1..count.saturating_sub(1)).rev())
        .collect();
    Sequence {
        width: clip.width,
        height: clip.height,
        rate: clip.rate,
        pictures: clip.pictures,
        cuts: vec![false; order.len()],
        order,
    }
}

/// Two scenes of two seconds of each clip, all at the rate of the first.
fn splice(clips: Vec<clip::Clip>) -> Sequence {
    let first = &clips[0];
    let (width, height, rate) = (first.width, first.height, first.rate);
    let scene = (2 * rate.0 / rate.1) as usize;
    let (mut pictures, mut cuts) = (Vec::new(), Vec::new());
    for turn in 0..2 {
        for clip in &clips {
            let from = turn * clip.pictures.len() / 2;
            for n in 0..scene {
                pictures.push(clip.pictures[(from + n) % clip.pictures.len()].clone());
                cuts.push(n == 0);
            }
        }
    }
    Sequence {
        width,
        height,
        rate,
        order: (0..pictures.len()).collect(),
        pictures,
        cuts,
    }
}

/// Normally distributed noise with a standard deviation of 5 levels of luma.
fn add_noise(picture: &mut [u8], luma: usize, random: &mut Random) {
    for sample in &mut picture[..luma] {
        let noisy = f64::from(*sample) + 5.0 * random.normal();
        *sample = noisy.clamp(0.0, 255.0) as u8;
    }
}

fn flash() -> Sequence {
    let (width, height, rate) = (176, 144, (25, 1));
    let mut random = Random::new(2);
    let scene = 50;
    let mut pictures = vec![vec![16; width * height * 3 / 2]];
    pictures[0][width * height..].fill(128);
    for _ in 0..scene {
        let luma = (0..width * height).map(|_| 16 + random.below(220) as u8);
        pictures.push(
            luma.chain(std::iter::repeat_n(128, width * height / 2))
                .collect(),
        );
    }
    Sequence {
        width,
        height,
        rate,
        pictures,
        order: (0..2 * scene)
            .map(|n: usize| (n + 1).saturating_sub(scene))
            .collect(),
        cuts: (0..2 * scene).map(|n| n % scene == 0).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (n, content) in CONTENTS.iter().enumerate() {
            assert_eq!(
                CONTENTS.iter().position(|c| c.name == content.name),
                Some(n)
            );
            assert!(content.rates[0] < content.rates[1]);
        }
    }

    #[test]
    fn there_and_back_again() {
        let clip = clip::Clip {
            width: 2,
            height: 2,
            rate: (25, 1),
            pictures: vec![vec![0; 6]; 4],
        };
        assert_eq!(back_and_forth(clip).order, [0, 1, 2, 3, 2, 1]);
    }

    #[test]
    fn splices_cut_every_two_seconds() {
        let clip = |level| clip::Clip {
            width: 2,
            height: 2,
            rate: (5, 1),
            pictures: vec![vec![level; 6]; 7],
        };
        let sequence = splice(vec![clip(1), clip(2)]);
        assert_eq!(sequence.pictures.len(), 40);
        let cuts: Vec<usize> = (0..40).filter(|&n| sequence.cuts[n]).collect();
        assert_eq!(cuts, [0, 10, 20, 30]);
        assert_eq!((sequence.pictures[9][0], sequence.pictures[10][0]), (1, 2));
    }

    #[test]
    fn the_flash_is_black_and_then_noise() {
        let sequence = flash();
        assert_eq!(sequence.order[..50], [0; 50]);
        assert_eq!(sequence.order[50..53], [1, 2, 3]);
        assert_eq!(sequence.pictures.len(), 51);
    }
}
