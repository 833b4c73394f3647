// SPDX-License-Identifier: GPL-2.0

//! Rate control with a BPF program that decides at random, which whoever runs this has attached:
//! the streams are streams, and within the limits.

use super::{
    encode::{
        encode,
        walk,
        Picture, //
    },
    Test,
};
use crate::expect::ensure;
use slenc::error::Result;

pub(super) const TESTS: &[Test] = &[
    ("QPs are within the limits", qps),
    ("strict: no P picture exceeds the CPB", strict),
    ("no more pictures in a row are skipped than may be", skips),
    (
        "two temporal layers, and HRD parameters that change",
        layers,
    ),
    ("10000 pictures: limits and the CPB", long),
];

/// Cuts from easy to noise and back.
const CUTS: &str = "cuts.y4m";

/// The program has decided: QPs of the built-in controller are not all over the range.
fn is_at_random(pictures: &[Picture]) -> Result<()> {
    let mut jumps = 0;
    for pair in pictures.windows(2) {
        if let [a, b] = pair {
            jumps += usize::from(a.qp()?.abs_diff(b.qp()?) > 6);
        }
    }
    ensure!(
        jumps > pictures.len() / 4,
        "of {} pictures {jumps} have another QP: there is no program",
        pictures.len()
    );
    Ok(())
}

fn qps_within(pictures: &[Picture], lowest: i16, highest: i16) -> Result<()> {
    for picture in pictures {
        let qp = picture.qp()?;
        ensure!(
            (lowest..=highest).contains(&qp),
            "picture {} has QP {qp}",
            picture.record.frame
        );
    }
    Ok(())
}

fn qps() -> Result<()> {
    let options = "--bitrate 500k --min-qp 12 --max-qp 40 --gop 20";
    let pictures = encode("program-qp", CUTS, 100, options)?;
    is_at_random(&pictures)?;
    qps_within(&pictures, 12, 40)
}

/// No P picture that was coded fills the CPB beyond its size, of the rate and size that the
/// application has set, whatever part of it the program allows.
fn within_cpb(pictures: &[Picture], rate: u64, bits: f64) -> Result<()> {
    for (picture, fill) in pictures.iter().zip(walk(pictures, rate)) {
        let whole = !picture.is_idr() && !picture.record.skipped;
        ensure!(
            !whole || fill <= bits,
            "picture {} fills the CPB to {fill} of {bits} bits",
            picture.record.frame
        );
    }
    Ok(())
}

/// Pictures are skipped, and never more than so many in a row.
fn skipped_in_a_row(pictures: &[Picture], most: usize) -> Result<()> {
    let row = pictures
        .split(|picture| !picture.record.skipped)
        .map(<[_]>::len)
        .max();
    ensure!(
        row.is_some_and(|row| (1..=most).contains(&row)),
        "{row:?} pictures in a row are skipped"
    );
    Ok(())
}

fn strict() -> Result<()> {
    let options = "--bitrate 300k --cpb 500ms --strict --min-qp 8 --gop 50";
    let pictures = encode("program-strict", CUTS, 100, options)?;
    is_at_random(&pictures)?;
    within_cpb(&pictures, 300_000, 150_000.0)?;
    qps_within(&pictures, 8, 51)
}

fn skips() -> Result<()> {
    let options = "--bitrate 300k --cpb 500ms --skip buffer --max-skips 2 --min-qp 16";
    let pictures = encode("program-skips", CUTS, 100, options)?;
    skipped_in_a_row(&pictures, 2)
}

fn layers() -> Result<()> {
    let options = "--bitrate 300k --cpb 500ms --strict --hrd --layers 2 --gop 16 --min-qp 16";
    let pictures = encode("program-layers", CUTS, 100, options)?;
    is_at_random(&pictures)?;
    for picture in &pictures {
        let cpb = picture.cpb()?;
        ensure!(
            cpb.bits <= 150_000,
            "picture {} has a CPB of {} bits",
            picture.record.frame,
            cpb.bits
        );
    }
    qps_within(&pictures, 16, 51)
}

fn long() -> Result<()> {
    let options = "--bitrate 100k --cpb 500ms --strict --skip buffer --gop 250 \
                   --min-qp 16 --max-qp 40";
    let pictures = encode("program-long", "tiny.y4m", 10_000, options)?;
    is_at_random(&pictures)?;
    within_cpb(&pictures, 100_000, 50_000.0)?;
    qps_within(&pictures, 16, 40)
}
