// SPDX-License-Identifier: GPL-2.0

//! Extensions: what becomes of references.

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
    named_references::{
        begin,
        is_default,
        names,
        refers,
        stream,
        References,
        ID,
        LONG_TERM, //
    },
    stream::{
        idr,
        Stream, //
    },
    Test,
};
use crate::{
    h264::slice::Marking,
    v4l2::{
        sys::{
            control::Which,
            Plain, //
        },
        uapi::*,
    },
};

pub(super) const TESTS: &[Test] = &[
    ("ENCX-REF-10", becomes_long_term),
    ("ENCX-REF-11", made_long_term),
    ("ENCX-REF-12", removed),
    ("ENCX-REF-13", impossible),
    ("ENCX-REF-14", failed),
    ("ENCX-REF-15", begins_anew),
    ("ENCX-REF-16", one_picture),
];

const UNUSED: u32 = V4L2_H264_ENCODE_MARK_UNUSED;
const TO_LONG_TERM: u32 = V4L2_H264_ENCODE_MARK_LONG_TERM;

/// References with one mark.
fn mark(operation: u32, name: u64, index: u8) -> References {
    let mut references = References::zeroed();
    references.num_marks = 1;
    references.marks[0].timestamp = name * 1000;
    references.marks[0].operation = operation as u8;
    references.marks[0].long_term_frame_idx = index;
    references
}

/// References of a picture that becomes a long-term one.
fn long_term(index: u8) -> References {
    let mut references = References::zeroed();
    references.flags = LONG_TERM;
    references.long_term_frame_idx = index;
    references
}

fn frames(stream: &Stream) -> Outcome<usize> {
    let frames = stream
        .encoder
        .value(V4L2_CID_STATELESS_ENC_MAX_DPB_FRAMES)?;
    Ok(frames as usize)
}

/// Codes pictures until the window has slid over all short-term references.
fn slide(stream: &mut Stream) -> Outcome {
    for _ in 0..frames(stream)? + 2 {
        stream.code_p()?.keeps_all()?;
    }
    Ok(())
}

fn becomes_long_term(target: &Target) -> Outcome {
    let mut stream = stream(target, 2)?;
    stream.code_idr()?;
    let first = stream.code_p_with(&long_term(0))?;
    first.keeps_all()?;
    let wanted = vec![(0, first.serial)];
    equal(
        "long-term references",
        stream.decoder.references().long_term(),
        wanted,
    )?;
    slide(&mut stream)?;
    let picture = stream.code_p_with(&names(&[first.name]))?;
    refers(&picture, &[&first])?;
    // Another one takes its index.
    let second = stream.code_p_with(&long_term(0))?;
    second.keeps_all()?;
    stream.p_fails_with("the name of a replaced reference", &names(&[first.name]))?;
    slide(&mut stream)?;
    let picture = stream.code_p_with(&names(&[second.name]))?;
    refers(&picture, &[&second])
}

fn made_long_term(target: &Target) -> Outcome {
    let mut stream = stream(target, 2)?;
    let pictures = begin(&mut stream, 1)?;
    let picture = stream.code_p_with(&mark(TO_LONG_TERM, pictures[0].name, 0))?;
    picture.keeps_all()?;
    slide(&mut stream)?;
    let picture = stream.code_p_with(&names(&[pictures[0].name]))?;
    refers(&picture, &[&pictures[0]])?;
    if frames(&stream)? < 3 {
        return Ok(());
    }
    // A second one beside it, with an index of its own, and then with the same.
    let third = stream.code_p()?;
    stream
        .code_p_with(&mark(TO_LONG_TERM, third.name, 1))?
        .keeps_all()?;
    let wanted = vec![(0, pictures[0].serial), (1, third.serial)];
    equal(
        "long-term references",
        stream.decoder.references().long_term(),
        wanted,
    )?;
    let fourth = stream.code_p()?;
    stream
        .code_p_with(&mark(TO_LONG_TERM, fourth.name, 1))?
        .keeps_all()?;
    slide(&mut stream)?;
    for reference in [&pictures[0], &fourth] {
        let picture = stream.code_p_with(&names(&[reference.name]))?;
        refers(&picture, &[reference])?;
    }
    stream.p_fails_with("the name of a replaced reference", &names(&[third.name]))
}

fn removed(target: &Target) -> Outcome {
    let mut stream = stream(target, 2)?;
    // Short-term.
    let pictures = begin(&mut stream, 1)?;
    let picture = stream.code_p_with(&mark(UNUSED, pictures[1].name, 0))?;
    refers_at_first(&picture, pictures[1].serial)?;
    stream.p_fails_with("the name of what was removed", &names(&[pictures[1].name]))?;
    // Long-term.
    let kept = stream.code_p_with(&long_term(0))?;
    slide(&mut stream)?;
    let mut references = names(&[kept.name]);
    references.num_marks = 1;
    references.marks = mark(UNUSED, kept.name, 0).marks;
    let picture = stream.code_p_with(&references)?;
    refers(&picture, &[&kept])?;
    equal(
        "long-term references",
        stream.decoder.references().long_term(),
        Vec::new(),
    )?;
    stream.p_fails_with("the name of what was removed", &names(&[kept.name]))?;
    stream.code_p()?.keeps_all()
}

fn refers_at_first(picture: &super::stream::Picture, serial: u64) -> Outcome {
    picture.keeps_all()?;
    equal(
        "the first entry of RefPicList0",
        picture.list0.first().copied(),
        Some(serial),
    )
}

fn impossible(target: &Target) -> Outcome {
    let mut stream = stream(target, 2)?;
    let frames = frames(&stream)? as u8;
    let pictures = begin(&mut stream, 1)?;
    let name = pictures[1].name;
    for (what, references) in [
        ("a mark of nobody", mark(UNUSED, 999_999, 0)),
        ("a mark of nobody", mark(TO_LONG_TERM, 999_999, 0)),
        (
            "an index that is too high",
            mark(TO_LONG_TERM, name, frames),
        ),
        ("an index that is too high", long_term(frames)),
    ] {
        stream.p_fails_with(what, &references)?;
    }
    for (what, references) in [
        ("an IDR picture with an index of 1", long_term(1)),
        ("an IDR picture with marks", mark(UNUSED, name, 0)),
    ] {
        stream.fails_with(what, &idr(), &references)?;
    }
    let unused = Params {
        nal_ref_idc: 0,
        ..stream.p()
    };
    for (what, references) in [
        ("marks of no reference", mark(UNUSED, name, 0)),
        ("LONG_TERM of no reference", long_term(0)),
    ] {
        stream.fails_with(what, &unused, &references)?;
    }
    let kept = stream.code_p_with(&long_term(0))?;
    let again = mark(TO_LONG_TERM, kept.name, 1);
    stream.p_fails_with("a long-term reference made one", &again)?;
    // Long-term references fill the window: there is no room for a short-term one.
    for index in 1..frames {
        stream.code_p_with(&long_term(index))?.keeps_all()?;
    }
    let p = stream.p();
    stream.fails("a picture without room", &p, &mut [])?;
    stream.code_p_with(&long_term(0))?.keeps_all()
}

fn failed(target: &Target) -> Outcome {
    let mut stream = stream(target, 2)?;
    let pictures = begin(&mut stream, 1)?;
    let mut references = mark(UNUSED, pictures[0].name, 0);
    references.flags = LONG_TERM;
    let params = super::references::failing(stream.p());
    stream.fails_with("a picture without its PPS", &params, &references)?;
    let picture = stream.code_p_with(&names(&[pictures[0].name]))?;
    refers(&picture, &[&pictures[0]])?;
    equal(
        "long-term references",
        stream.decoder.references().long_term(),
        Vec::new(),
    )
}

fn begins_anew(target: &Target) -> Outcome {
    let mut stream = stream(target, 2)?;
    let before = stream.code_p_after_idr_with_long_term()?;
    let first = stream.code_with(&idr(), &long_term(0))?;
    equal(
        "the marking",
        &first.slice().marking,
        &Marking::Idr {
            no_output_of_prior_pics: false,
            long_term: true,
        },
    )?;
    stream.p_fails_with("a name from before", &names(&[before]))?;
    slide(&mut stream)?;
    let picture = stream.code_p_with(&names(&[first.name]))?;
    refers(&picture, &[&first])?;
    // The flag of the encode parameters says the same.
    let mut params = idr();
    params.flags |= V4L2_H264_ENCODE_FLAG_LONG_TERM_REFERENCE;
    let second = stream.code(&params, &mut [])?;
    slide(&mut stream)?;
    let picture = stream.code_p_with(&names(&[second.name]))?;
    refers(&picture, &[&second])
}

impl Stream {
    /// Codes an IDR picture and a long-term reference, and returns its name.
    fn code_p_after_idr_with_long_term(&mut self) -> Outcome<u64> {
        self.code_idr()?;
        Ok(self.code_p_with(&long_term(0))?.name)
    }
}

fn one_picture(target: &Target) -> Outcome {
    let mut stream = stream(target, 2)?;
    let pictures = begin(&mut stream, 1)?;
    let current = |stream: &Stream| -> Outcome<References> {
        Ok(stream.encoder.compound(Which::Current, ID)?)
    };
    stream.code_p_with(&names(&[pictures[0].name]))?;
    ensure!(
        is_default(&current(&stream)?),
        "the control is not the default after a request with it"
    );
    let picture = stream.code_p()?;
    ensure!(
        picture.slice().modifications.is_empty(),
        "the list of the next picture is modified"
    );
    stream.encoder.need_plain_buffers()?;
    stream.encoder.stop()?;
    stream.encoder.start()?;
    stream.begin_reading();
    stream.encoder.set_params(&idr())?;
    let first = stream.code_plain()?;
    let params = stream.p();
    stream.encoder.set_params(&params)?;
    stream.code_plain()?;
    stream.encoder.set_params(&stream.p())?;
    let references = names(&[first.name]);
    ensure!(
        stream.encoder.set_compound(ID, &references).is_ok(),
        "a name is refused"
    );
    let picture = stream.code_plain()?;
    refers(&picture, &[&first])?;
    ensure!(
        is_default(&current(&stream)?),
        "the control is not the default after a picture without a request"
    );
    stream.encoder.set_params(&stream.p())?;
    let next = stream.code_plain()?;
    refers_at_first(&next, picture.serial)
}
