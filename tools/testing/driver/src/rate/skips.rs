// SPDX-License-Identifier: GPL-2.0

//! Pictures that are skipped, before they are coded or because of what they took.

use super::{
    encode::{
        encode,
        fills_agree,
        Picture, //
    },
    Test,
};
use crate::expect::ensure;
use slenc::error::Result;

pub(super) const TESTS: &[Test] = &[
    ("strict: P pictures never exceed the CPB", strict),
    (
        "skipping when the buffer is full keeps to its limit",
        buffer,
    ),
    ("nothing is skipped unless it is asked for", disabled),
    (
        "pictures that nobody refers to are skipped like others",
        layered,
    ),
];

/// Cuts from easy to noise and back.
const CUTS: &str = "cuts.y4m";

fn skipped(pictures: &[Picture]) -> usize {
    pictures.iter().filter(|p| p.record.skipped).count()
}

fn in_a_row(pictures: &[Picture]) -> usize {
    let mut most = 0;
    for run in pictures.split(|p| !p.record.skipped) {
        most = most.max(run.len());
    }
    most
}

fn strict() -> Result<()> {
    let options = "--bitrate 50k --cpb 300ms --strict";
    let pictures = encode("rate-strict", CUTS, 100, options)?;
    for picture in pictures.iter().skip(1) {
        let cpb = picture.cpb()?;
        ensure!(
            cpb.fill <= cpb.bits && cpb.violation == 0,
            "picture {}: {} of {} bits",
            picture.record.frame,
            cpb.fill,
            cpb.bits
        );
    }
    let cut = |p: &&Picture| p.record.forced_skip_mbs.is_some_and(|mbs| mbs > 0);
    ensure!(
        skipped(&pictures) + pictures.iter().filter(cut).count() > 0,
        "the clip is too easy: nothing is skipped"
    );
    for picture in pictures.iter().filter(|p| p.record.skipped) {
        ensure!(
            !picture.is_idr() && picture.bits() < 1000,
            "picture {} is skipped and has {} bits",
            picture.record.frame,
            picture.bits()
        );
    }
    fills_agree(&pictures, 50_000)
}

fn buffer() -> Result<()> {
    let options = "--bitrate 100k --cpb 300ms --skip buffer --max-skips 2 --max-qp 36";
    let pictures = encode("rate-skip", CUTS, 100, options)?;
    ensure!(
        skipped(&pictures) > 0,
        "the clip is too easy: nothing is skipped"
    );
    ensure!(
        in_a_row(&pictures) <= 2,
        "{} pictures in a row are skipped",
        in_a_row(&pictures)
    );
    Ok(())
}

fn disabled() -> Result<()> {
    let options = "--bitrate 100k --cpb 300ms --max-qp 36";
    let pictures = encode("rate-noskip", CUTS, 60, options)?;
    ensure!(skipped(&pictures) == 0, "pictures are skipped");
    let violations = pictures
        .iter()
        .filter(|p| p.record.violation_bits.unwrap_or(0) > 0);
    ensure!(
        violations.count() > 0,
        "the clip is too easy: the CPB suffices"
    );
    Ok(())
}

fn layered() -> Result<()> {
    let options = "--bitrate 150k --cpb 300ms --strict --layers 2";
    let pictures = encode("rate-strict2", CUTS, 60, options)?;
    for picture in pictures.iter().skip(1) {
        let cpb = picture.cpb()?;
        ensure!(cpb.violation == 0, "picture {}", picture.record.frame);
    }
    Ok(())
}
