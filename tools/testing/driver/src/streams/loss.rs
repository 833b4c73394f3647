// SPDX-License-Identifier: GPL-2.0

//! Recovery from loss with long-term references: what was lost, and what came
//! after it, is missing, and what comes after the recovery is right.

use super::{
    recorder::{
        keep,
        Picture,
        Recorder, //
    },
    Test, //
};
use crate::{
    encoder::{
        idr,
        predicted,
        Params,
        SIZE, //
    },
    expect::ensure,
    references::{
        long_term,
        marked,
        named,
        plain,
        References, //
    },
};
use slenc::{
    error::Result,
    h264,
    v4l2::uapi::*, //
};

pub(super) const TESTS: &[Test] = &[
    (
        "recovery from a long-term IDR picture, and from one that replaces it",
        recovery,
    ),
    (
        "recovery from a reference that was acknowledged, and is long-term since",
        acknowledged,
    ),
    (
        "long-term references over more pictures than frame_num counts",
        wrapped,
    ),
    (
        "references that are removed, and lists out of order",
        removed,
    ),
];

/// An encoder whose frame_num wraps after 16, and that keeps so many references.
fn recorder(frames: u8) -> Result<Recorder> {
    let mut sps = h264::sps(SIZE.0, SIZE.1, (25, 1));
    sps.max_num_ref_frames = frames;
    sps.log2_max_frame_num_minus4 = 0;
    Recorder::with(SIZE, &sps, &h264::pps())
}

fn p(recorder: &mut Recorder, references: &References) -> Result<Picture> {
    recorder.code(&predicted(), references, &mut [])
}

fn recovery() -> Result<()> {
    let mut r = recorder(2)?;
    let first = Params {
        flags: V4L2_H264_ENCODE_FLAG_IDR_PIC | V4L2_H264_ENCODE_FLAG_LONG_TERM_REFERENCE,
        ..idr()
    };
    let mut all = vec![r.code(&first, &plain(), &mut [])?];
    for _ in 2..6 {
        all.push(p(&mut r, &plain())?);
    }
    // Pictures 4 and 5 do not arrive.
    all.push(p(&mut r, &named(&[1]))?);
    for _ in 7..10 {
        all.push(p(&mut r, &plain())?);
    }
    // Picture 10 takes the place of the IDR picture; 12 and 13 do not arrive.
    all.push(p(&mut r, &long_term(plain(), 0))?);
    for _ in 11..14 {
        all.push(p(&mut r, &plain())?);
    }
    all.push(p(&mut r, &named(&[10]))?);
    for _ in 15..20 {
        all.push(p(&mut r, &plain())?);
    }
    keep("long-term", &all)?;
    let arrived = |range: std::ops::Range<usize>| all[range].iter();
    keep(
        "long-term-loss",
        arrived(0..3)
            .chain(arrived(5..11))
            .chain(arrived(13..all.len())),
    )
}

fn acknowledged() -> Result<()> {
    let mut r = recorder(3)?;
    let mut all = vec![r.code(&idr(), &plain(), &mut [])?];
    for _ in 2..4 {
        all.push(p(&mut r, &plain())?);
    }
    // The receiver has picture 2.
    let keeps = marked(plain(), (2, V4L2_H264_ENCODE_MARK_LONG_TERM, 1));
    all.push(p(&mut r, &keeps)?);
    for _ in 5..9 {
        all.push(p(&mut r, &plain())?);
    }
    // Pictures 6 to 8 do not arrive.
    all.push(p(&mut r, &named(&[2]))?);
    for _ in 10..14 {
        all.push(p(&mut r, &plain())?);
    }
    keep("acknowledged", &all)?;
    keep("acknowledged-loss", all[..5].iter().chain(&all[8..]))
}

fn wrapped() -> Result<()> {
    let mut r = recorder(4)?;
    let mut all = vec![r.code(&idr(), &long_term(plain(), 0), &mut [])?];
    for number in 2..60u64 {
        let references = match number % 9 {
            // From here the newest is not the one that the list begins with.
            3 => long_term(plain(), 1),
            5 => named(&[1]),
            7 => named(&[number - 2]),
            _ => plain(),
        };
        all.push(p(&mut r, &references)?);
    }
    keep("long-term-wrap", &all)
}

fn removed() -> Result<()> {
    let mut r = recorder(4)?;
    let mut all = vec![r.code(&idr(), &plain(), &mut [])?];
    all.push(p(&mut r, &plain())?);
    let removing = |references, name| marked(references, (name, V4L2_H264_ENCODE_MARK_UNUSED, 0));
    // The IDR picture stays, and each other one goes with the next.
    for number in 3..=16 {
        let references = match number % 3 {
            0 => named(&[1]),
            _ => plain(),
        };
        all.push(p(&mut r, &removing(references, number - 1))?);
    }
    // Its number is used up: the next picture has the same one.
    ensure!(
        p(&mut r, &named(&[1])).is_err(),
        "two references have one frame_num"
    );
    for number in 18..40 {
        let references = match number % 5 {
            0 => removing(named(&[number - 2]), number - 1),
            _ => plain(),
        };
        all.push(p(&mut r, &references)?);
    }
    keep("removed", &all)
}
