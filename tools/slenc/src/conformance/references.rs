// SPDX-License-Identifier: GPL-2.0

//! Reference management without further controls.

use super::{
    encoder::{
        Params,
        Target, //
    },
    expect::{
        ensure,
        equal,
        Outcome, //
    },
    sequence_headers::sps_after,
    stream::{
        idr,
        Stream, //
    },
    Test,
};
use crate::h264::{
    decoder::Rule,
    slice::Marking, //
};

pub(super) const TESTS: &[Test] = &[
    ("ENC-REF-1", number),
    ("ENC-REF-2", newest),
    ("ENC-REF-3", window),
    ("ENC-REF-4", unused),
    ("ENC-REF-5", no_trace),
    ("ENC-REF-6", no_reference),
];

/// A stream whose SPS asks for so many reference frames.
pub(super) fn with_references(target: &Target, references: u8) -> Outcome<Stream> {
    Stream::prepared(target, |encoder| {
        let (mut sps, _) = encoder.parameter_sets()?;
        sps.max_num_ref_frames = references;
        sps.level_idc = 40;
        Ok(encoder.set_sps(&sps)?)
    })
}

/// Parameters of a picture that fails whatever the state is: its PPS does not exist.
pub(super) fn failing(params: Params) -> Params {
    Params {
        pic_parameter_set_id: 200,
        ..params
    }
}

fn number(target: &Target) -> Outcome {
    for asked in [0, 1, 2, 4, 16] {
        let sps = sps_after(target, |encoder| {
            let (mut sps, _) = encoder.parameter_sets()?;
            sps.max_num_ref_frames = asked;
            sps.level_idc = 40;
            Ok(encoder.set_sps(&sps)?)
        })?;
        let got = sps.max_num_ref_frames;
        ensure!(
            got == asked || (asked > 1 && (1..asked).contains(&got)),
            "max_num_ref_frames is {got}, and {asked} were asked for"
        );
    }
    Ok(())
}

fn newest(target: &Target) -> Outcome {
    for references in [1, 4] {
        let mut stream = with_references(target, references)?;
        let mut last = stream.code_idr()?.serial;
        for _ in 0..6 {
            let picture = stream.code_p()?;
            picture.keeps(Rule::List)?;
            let first = picture.list0.first().copied();
            equal("the first entry of RefPicList0", first, Some(last))?;
            last = picture.serial;
        }
    }
    Ok(())
}

fn window(target: &Target) -> Outcome {
    for references in [1, 4] {
        let mut stream = with_references(target, references)?;
        for number in 0..20 {
            let picture = match number {
                0 | 15 => stream.code_idr()?,
                _ => stream.code_p()?,
            };
            picture.keeps(Rule::Marking)?;
            let slice = picture.slice();
            ensure!(
                slice.modifications.is_empty(),
                "the list of references is modified"
            );
            let wanted = match slice.idr {
                true => Marking::Idr {
                    no_output_of_prior_pics: false,
                    long_term: false,
                },
                false => Marking::SlidingWindow,
            };
            equal("the marking", &slice.marking, &wanted)?;
        }
    }
    Ok(())
}

fn unused(target: &Target) -> Outcome {
    for references in [1, 4] {
        let mut stream = with_references(target, references)?;
        let mut last = stream.code_idr()?.serial;
        for number in 0..6 {
            let params = Params {
                nal_ref_idc: number % 2,
                ..stream.p()
            };
            let picture = stream.code(&params, &mut [])?;
            picture.keeps_all()?;
            let first = picture.list0.first().copied();
            equal("the first entry of RefPicList0", first, Some(last))?;
            if number % 2 != 0 {
                last = picture.serial;
            }
        }
    }
    Ok(())
}

fn no_trace(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    // Before the first picture: the parameter sets are still to be written.
    stream.fails("a picture without its PPS", &failing(idr()), &mut [])?;
    let first = stream.code_idr()?;
    equal("parameter sets", first.brings(), (true, true))?;
    first.keeps_all()?;
    let second = stream.code_p()?;
    for params in [stream.p(), idr(), stream.i()] {
        stream.fails("a picture without its PPS", &failing(params), &mut [])?;
    }
    let third = stream.code_p()?;
    third.keeps_all()?;
    equal(
        "the reference after failures",
        third.list0.first().copied(),
        Some(second.serial),
    )?;
    equal("frame_num after failures", third.slice().frame_num, 2)?;
    // idr_pic_id 5 was never used.
    let params = Params {
        idr_pic_id: 5,
        ..idr()
    };
    stream.fails("a picture without its PPS", &failing(params), &mut [])?;
    let fourth = stream.code(&params, &mut [])?;
    equal(
        "idr_pic_id after a failure",
        fourth.slice().idr_pic_id,
        Some(5),
    )?;
    // An SPS that a failed picture would have brought comes with the next one.
    let (mut sps, _) = stream.encoder.parameter_sets()?;
    sps.log2_max_frame_num_minus4 = 2;
    stream.encoder.set_sps(&sps)?;
    stream.fails("a picture without its PPS", &failing(idr()), &mut [])?;
    stream.code_p()?.keeps_all()?;
    let fifth = stream.code_idr()?;
    equal("parameter sets", fifth.brings(), (true, true))?;
    fifth.keeps_all()
}

fn no_reference(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let p = stream.p();
    stream.fails("a P picture at the beginning of a stream", &p, &mut [])?;
    stream.code_idr()?.keeps_all()?;
    let mut stream = with_references(target, 0)?;
    stream.code_idr()?;
    let p = stream.p();
    stream.fails("a P picture in a stream without references", &p, &mut [])?;
    let i = stream.i();
    stream.code(&i, &mut [])?.keeps_all()
}
