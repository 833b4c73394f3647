// SPDX-License-Identifier: GPL-2.0

//! Runs made once and kept: by the pictures, the options, and the program that coded them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::encode::Frame;
use crate::content::cache::{hash, store};
use crate::content::Sequence;

/// What a run depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    /// A hash of the pictures in their order, and their size and rate.
    pub(super) pictures: u64,
    pub(super) frames: usize,
    pub(super) options: Vec<String>,
    /// As the program names itself.
    pub(super) version: String,
}

/// A run that is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: Key,
    frames: Vec<Frame>,
}

/// Changes when the pictures do.
pub(super) fn pictures(sequence: &Sequence) -> u64 {
    let numbers = [
        sequence.width as u64,
        sequence.height as u64,
        sequence.rate.0,
        sequence.rate.1,
    ];
    let order = sequence.order.iter().map(|&n| n as u64);
    let samples = sequence.pictures.iter().map(|p| hash(p.iter().copied()));
    let words = numbers.into_iter().chain(order).chain(samples);
    hash(words.flat_map(u64::to_le_bytes))
}

fn path(directory: &Path, name: &str, key: &Key) -> PathBuf {
    let text = format!("{key:?}");
    directory.join(format!("{name}-{:016x}.json", hash(text.bytes())))
}

/// The run of a key, from `directory` or put there.
pub(super) fn run(
    directory: &Path,
    name: &str,
    key: Key,
    make: impl FnOnce() -> Result<Vec<Frame>, String>,
) -> Result<Vec<Frame>, String> {
    let path = path(directory, name, &key);
    if let Some(frames) = load(&path, &key) {
        return Ok(frames);
    }
    let kept = Kept {
        frames: make()?,
        key,
    };
    let failed = |error| format!("{}: {error}", path.display());
    store(&path, &kept).map_err(failed)?;
    Ok(kept.frames)
}

/// What cannot be read, or is another's, is made anew.
fn load(path: &Path, key: &Key) -> Option<Vec<Frame>> {
    let kept: Kept = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    (kept.key == *key && kept.frames.len() == key.frames).then_some(kept.frames)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::plant::table::tests::sequence;

    #[test]
    fn a_run_is_made_once() {
        let directory = std::env::temp_dir().join(format!("slenc-rc-runs-{}", std::process::id()));
        let key = Key {
            pictures: pictures(&sequence()),
            frames: 2,
            options: vec!["-qp".to_owned(), "30".to_owned()],
            version: "1".to_owned(),
        };
        let frames = [1000, 0].map(|bits| Frame {
            bits,
            key: bits > 0,
            quantizer: None,
            psnr: 30.0 + 1.0 / 3.0,
        });
        let made = run(&directory, "x", key.clone(), || Ok(frames.to_vec()));
        let kept = run(&directory, "x", key.clone(), || unreachable!("it is kept"));
        assert_eq!((&made, &kept), (&Ok(frames.to_vec()), &made));

        let others = [
            Key {
                pictures: 1,
                ..key.clone()
            },
            Key {
                options: vec!["-qp 30".to_owned()],
                ..key.clone()
            },
            Key {
                version: "2".to_owned(),
                ..key.clone()
            },
        ];
        for other in others {
            let failed = run(&directory, "x", other, || Err("not kept".to_owned()));
            assert!(failed.is_err());
        }

        // A file that is broken, or another's under this name, is no run.
        let file = path(&directory, "x", &key);
        let text = fs::read_to_string(&file).expect("it was made");
        for text in [
            "{",
            &text.replace("-qp", "-crf"),
            &text.replace("1000", "-1"),
        ] {
            fs::write(&file, text).expect("it can be written");
            assert!(load(&file, &key).is_none());
        }
        fs::remove_dir_all(directory).expect("it was made");
    }

    #[test]
    fn other_pictures_are_others() {
        let first = sequence();
        let mut samples = first.clone();
        samples.pictures[7][0] ^= 1;
        let mut order = first.clone();
        order.order.swap(0, 1);
        let mut rate = first.clone();
        rate.rate = (30, 1);
        for other in [samples, order, rate] {
            assert_ne!(pictures(&first), pictures(&other));
        }
    }
}
