// SPDX-License-Identifier: GPL-2.0

//! Filler data, and what streams say about the decoder's buffer.

use super::{
    encode::{
        encode,
        near,
        rate,
        Picture,
        FPS, //
    },
    Test,
};
use crate::expect::{
    ensure,
    equal, //
};
use slenc::{
    error::{
        Context,
        Result, //
    },
    h264::nal::{
        self,
        kind,
        Nal, //
    },
};

pub(super) const TESTS: &[Test] = &[
    ("filler data keeps a still picture at its rate", filler),
    ("HRD parameters and SEI are in the stream", hrd),
    ("the smallest CPB is said, and pictures are coded", smallest),
];

/// The NAL units of a picture.
fn units(picture: &Picture) -> Result<Vec<Nal>> {
    nal::byte_stream(&picture.bytes).context(format!("picture {}", picture.record.frame))
}

/// How many of them are of a kind.
fn count(picture: &Picture, kind: u8) -> Result<usize> {
    let units = units(picture)?;
    Ok(units.iter().filter(|unit| unit.kind == kind).count())
}

fn filler() -> Result<()> {
    let options = "--bitrate 400k --cpb 500ms --filler --min-qp 30";
    let pictures = encode("rate-filler", "still.y4m", 75, options)?;
    near("the rate", rate(&pictures[25..]), 400e3, 0.02)?;
    let mut with = 0;
    for picture in &pictures {
        let units = units(picture)?;
        let filler = picture.record.filler_bytes.unwrap_or(0) as usize;
        let last = units.last().filter(|unit| unit.kind == kind::FILLER);
        equal("filler data", last.is_some(), filler > 0)?;
        if let Some(last) = last {
            // The byte that heads the unit, and its payload.
            let size = last.start_code + 1 + last.rbsp.len();
            equal("filler_bytes", filler, size)?;
            with += 1;
        }
    }
    ensure!(with > 40, "{with} pictures have filler data");
    Ok(())
}

fn hrd() -> Result<()> {
    let options = "--bitrate 200k --cpb 1s --hrd --filler --gop 30 --at 40:bitrate=100k";
    let pictures = encode("rate-hrd", "carphone25.y4m", 90, options)?;
    for (n, picture) in pictures.iter().enumerate() {
        equal("SEI", count(picture, kind::SEI)?, 1)?;
        // The rate is in the SPS: it changes with the IDR picture after the request.
        let brings = usize::from(n == 0 || n == 60);
        equal("SPS", count(picture, kind::SPS)?, brings)?;
        let bits = if n < 60 { 200_000 } else { 100_000 };
        // Multiples of 64 bit/s and 16 bits.
        let cpb = picture.cpb()?.bits;
        ensure!(
            cpb <= bits && cpb + 64 + 16 > bits,
            "the CPB of picture {n} is {cpb}, and not {bits}"
        );
    }
    ensure!(FPS == 25, "the clips have changed");
    Ok(())
}

fn smallest() -> Result<()> {
    // Ten bits, which the stream cannot say.
    let options = "--bitrate 2000000 --cpb 5us --hrd --gop 5";
    let pictures = encode("rate-hrd-small", "still.y4m", 10, options)?;
    for (n, picture) in pictures.iter().enumerate() {
        equal("the CPB", picture.cpb()?.bits, 16)?;
        // The second IDR picture has nothing new to say.
        equal("SPS", count(picture, kind::SPS)?, usize::from(n == 0))?;
    }
    // Nor has it where both rate and size are rounded.
    let options = "--bitrate 500k --cpb 500ms --hrd --gop 5";
    let pictures = encode("rate-hrd-rounded", "still.y4m", 10, options)?;
    for (n, picture) in pictures.iter().enumerate() {
        equal("the CPB", picture.cpb()?.bits, 249_984)?;
        equal("SPS", count(picture, kind::SPS)?, usize::from(n == 0))?;
    }
    Ok(())
}
