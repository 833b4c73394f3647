// SPDX-License-Identifier: GPL-2.0

//! Extensions: how many references, and references by name.

use super::{
    encoder::{
        Encoder,
        Params,
        Target, //
    },
    expect::{
        ensure,
        equal,
        fail,
        refused,
        unsupported,
        Outcome, //
    },
    references::{
        failing,
        with_references, //
    },
    stream::{
        idr,
        Picture,
        Stream, //
    },
    Test,
};
use crate::v4l2::{
    sys::{
        control::{
            ExtControl,
            Which, //
        },
        video::Dequeued,
        Plain,
    },
    uapi::*,
};
use rustix::io::Errno;

pub(super) const TESTS: &[Test] = &[
    ("ENCX-REF-1", numbers),
    ("ENCX-REF-2", frames),
    ("ENCX-REF-3", default),
    ("ENCX-REF-4", invalid),
    ("ENCX-REF-5", named),
    ("ENCX-REF-6", unknown),
    ("ENCX-REF-7", substituted),
    ("ENCX-REF-8", too_many),
    ("ENCX-REF-9", newest_of_a_name),
];

pub(super) const ID: u32 = V4L2_CID_STATELESS_ENC_H264_REFERENCES;
const MAX_LIST0: u32 = V4L2_CID_STATELESS_ENC_MAX_LIST0;
const MAX_DPB_FRAMES: u32 = V4L2_CID_STATELESS_ENC_MAX_DPB_FRAMES;

pub(super) const EXPLICIT: u32 = V4L2_H264_ENCODE_REFERENCES_FLAG_EXPLICIT;
pub(super) const SUBSTITUTE: u32 = V4L2_H264_ENCODE_REFERENCES_FLAG_SUBSTITUTE;
pub(super) const LONG_TERM: u32 = V4L2_H264_ENCODE_REFERENCES_FLAG_LONG_TERM;

/// References of a picture.
pub(super) type References = v4l2_ctrl_h264_encode_references;

/// References by name, in microseconds.
pub(super) fn names(names: &[u64]) -> References {
    let mut references = References::zeroed();
    for (entry, name) in references.list0.iter_mut().zip(names) {
        *entry = name * 1000;
    }
    references.num_list0 = names.len() as u8;
    references.flags = EXPLICIT;
    references
}

impl Stream {
    /// Codes a picture with references.
    pub(super) fn code_with(
        &mut self,
        params: &Params,
        references: &References,
    ) -> Outcome<Picture> {
        let mut references = *references;
        self.code(params, &mut [ExtControl::compound(ID, &mut references)])
    }

    /// Codes the next P picture with references.
    pub(super) fn code_p_with(&mut self, references: &References) -> Outcome<Picture> {
        let params = self.p();
        self.code_with(&params, references)
    }

    /// Expects that a picture with references fails.
    pub(super) fn fails_with(
        &mut self,
        what: &str,
        params: &Params,
        references: &References,
    ) -> Outcome<Dequeued> {
        let mut references = *references;
        let controls = &mut [ExtControl::compound(ID, &mut references)];
        self.fails(what, params, controls)
    }

    /// Expects that the next P picture fails with references.
    pub(super) fn p_fails_with(&mut self, what: &str, references: &References) -> Outcome {
        let params = self.p();
        self.fails_with(what, &params, references).map(|_| ())
    }
}

/// A stream of a driver with the control, and as many reference frames as there can
/// be, at least `least`.
pub(super) fn stream(target: &Target, least: u8) -> Outcome<Stream> {
    let encoder = Encoder::open(target)?;
    encoder.need_control(ID)?;
    let frames = encoder.value(MAX_DPB_FRAMES)?;
    if frames < least.into() {
        return unsupported(format!("the encoder holds {frames} reference frames"));
    }
    with_references(target, frames as u8)
}

/// An IDR picture and so many P pictures.
pub(super) fn begin(stream: &mut Stream, count: usize) -> Outcome<Vec<Picture>> {
    let mut pictures = vec![stream.code_idr()?];
    for _ in 0..count {
        pictures.push(stream.code_p()?);
    }
    Ok(pictures)
}

/// Expects that a picture refers to others, in this order.
pub(super) fn refers(picture: &Picture, wanted: &[&Picture]) -> Outcome {
    picture.keeps_all()?;
    let wanted: Vec<_> = wanted.iter().map(|picture| picture.serial).collect();
    equal("RefPicList0", &picture.list0, &wanted)
}

fn numbers(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let found = [MAX_LIST0, MAX_DPB_FRAMES, ID].map(|id| encoder.control(id));
    let [Some(list0), Some(frames), Some(references)] = found else {
        if found.iter().all(Option::is_none) {
            return unsupported("there are no controls of references");
        }
        return fail("some of the three controls of references are missing");
    };
    ensure!(
        list0.read_only && frames.read_only && !references.read_only,
        "what has to be read only is not, or the other way round"
    );
    equal("the size of the references", references.size, Some(512))?;
    let (list0, frames) = (encoder.value(MAX_LIST0)?, encoder.value(MAX_DPB_FRAMES)?);
    ensure!(
        1 <= list0 && list0 <= frames && frames <= 16,
        "MAX_LIST0 is {list0}, and MAX_DPB_FRAMES {frames}"
    );
    Ok(())
}

fn frames(target: &Target) -> Outcome {
    let wanted = {
        let encoder = Encoder::open(target)?;
        encoder.need_control(MAX_DPB_FRAMES)?;
        encoder.value(MAX_DPB_FRAMES)?
    };
    let mut stream = with_references(target, wanted as u8)?;
    let sps = stream.code_idr()?.active.0.clone();
    equal(
        "max_num_ref_frames",
        i32::from(sps.max_num_ref_frames),
        wanted,
    )
}

fn default(target: &Target) -> Outcome {
    let coded = |with: bool| -> Outcome<Vec<String>> {
        let mut stream = stream(target, 1)?;
        let current: References = stream.encoder.compound(Which::Current, ID)?;
        ensure!(is_default(&current), "the default is not all 0");
        (0..6)
            .map(|number| {
                let params = if number == 0 { idr() } else { stream.p() };
                let picture = match with {
                    true => stream.code_with(&params, &References::zeroed())?,
                    false => stream.code(&params, &mut [])?,
                };
                Ok(format!("{:?} {:?}", picture.slices, picture.list0))
            })
            .collect()
    };
    equal("the headers with the default", coded(true)?, coded(false)?)
}

/// Whether all fields are 0.
pub(super) fn is_default(references: &References) -> bool {
    references.list0 == [0; 16]
        && references.num_list0 == 0
        && references.num_marks == 0
        && references.long_term_frame_idx == 0
        && references.flags == 0
        && references.reserved0 == [0; 5]
        && references.reserved1.iter().all(|&word| word == 0)
        && references
            .marks
            .iter()
            .all(|mark| (mark.timestamp, mark.operation, mark.long_term_frame_idx) == (0, 0, 0))
}

fn invalid(target: &Target) -> Outcome {
    let stream = stream(target, 1)?;
    let changed = |change: fn(&mut References)| {
        let mut references = names(&[1, 2]);
        change(&mut references);
        references
    };
    let marked = |change: fn(&mut v4l2_h264_encode_mark)| {
        let mut references = names(&[1]);
        references.num_marks = 1;
        references.marks[0].operation = V4L2_H264_ENCODE_MARK_LONG_TERM as u8;
        change(&mut references.marks[0]);
        references
    };
    let wrong: [(&str, References); 14] = [
        ("17 names", changed(|r| r.num_list0 = 17)),
        ("17 marks", changed(|r| r.num_marks = 17)),
        ("an unknown flag", changed(|r| r.flags |= 8)),
        ("another unknown flag", changed(|r| r.flags |= 1 << 31)),
        (
            "a long-term index of 16",
            changed(|r| {
                r.flags |= LONG_TERM;
                r.long_term_frame_idx = 16;
            }),
        ),
        ("names without EXPLICIT", changed(|r| r.flags = 0)),
        ("a name twice", changed(|r| r.list0[1] = r.list0[0])),
        ("reserved0", changed(|r| r.reserved0[4] = 1)),
        ("the first of reserved1", changed(|r| r.reserved1[0] = 1)),
        ("the last of reserved1", changed(|r| r.reserved1[28] = 1)),
        ("operation 0", marked(|mark| mark.operation = 0)),
        ("operation 3", marked(|mark| mark.operation = 3)),
        (
            "a long-term index of 16 in a mark",
            marked(|mark| mark.long_term_frame_idx = 16),
        ),
        ("reserved of a mark", marked(|mark| mark.reserved[5] = 1)),
    ];
    for (what, references) in wrong {
        let set = stream.encoder.set_compound(ID, &references);
        refused(what, Errno::INVAL, set)?;
        let current: References = stream.encoder.compound(Which::Current, ID)?;
        ensure!(is_default(&current), "{what} is refused, and stored");
    }
    // What is wrong for a reason of state only can be set.
    let set = stream.encoder.set_compound(ID, &names(&[987_654]));
    ensure!(set.is_ok(), "a name that nobody has is refused: {set:?}");
    Ok(())
}

fn named(target: &Target) -> Outcome {
    let mut stream = stream(target, 2)?;
    let frames = stream.encoder.value(MAX_DPB_FRAMES)? as usize;
    let longest = stream.encoder.value(MAX_LIST0)? as usize;
    let mut window = begin(&mut stream, frames - 1)?;
    // Each of the window in turn, oldest first, which therefore leaves it after.
    for number in 0..4 {
        let at = number % frames;
        let picture = stream.code_p_with(&names(&[window[at].name]))?;
        refers(&picture, &[&window[at]])?;
        window.remove(0);
        window.push(picture);
    }
    // As many as there can be, oldest first.
    let count = longest.min(frames);
    let list: Vec<_> = window.iter().take(count).collect();
    let wanted: Vec<_> = list.iter().map(|picture| picture.name).collect();
    let picture = stream.code_p_with(&names(&wanted))?;
    refers(&picture, &list)
}

fn unknown(target: &Target) -> Outcome {
    let mut stream = stream(target, 2)?;
    let frames = stream.encoder.value(MAX_DPB_FRAMES)? as usize;
    let first = stream.code_idr()?;
    stream.p_fails_with("a name that was never given", &names(&[999_999]))?;
    // One that failed.
    let buffer = stream.fails("a picture without its PPS", &failing(idr()), &mut [])?;
    stream.p_fails_with("the name of a failed picture", &names(&[buffer.timestamp]))?;
    // One that nothing refers to.
    let params = Params {
        nal_ref_idc: 0,
        ..stream.p()
    };
    let unused = stream.code(&params, &mut [])?;
    stream.p_fails_with("the name of no reference", &names(&[unused.name]))?;
    // One that left the window.
    for _ in 0..frames {
        stream.code_p()?;
    }
    stream.p_fails_with("a name that left the window", &names(&[first.name]))?;
    // One that was marked.
    let removed = stream.code_p()?;
    let mut references = References::zeroed();
    references.num_marks = 1;
    references.marks[0].timestamp = removed.name * 1000;
    references.marks[0].operation = V4L2_H264_ENCODE_MARK_UNUSED as u8;
    stream.code_p_with(&references)?.keeps_all()?;
    stream.p_fails_with("the name of what was removed", &names(&[removed.name]))?;
    stream.code_p()?.keeps_all()
}

fn substituted(target: &Target) -> Outcome {
    let mut stream = stream(target, 2)?;
    let pictures = begin(&mut stream, 1)?;
    let mut references = names(&[999_999]);
    references.flags |= SUBSTITUTE;
    let picture = stream.code_p_with(&references)?;
    refers(&picture, &[&pictures[1]])?;
    // A good name is not replaced.
    let mut references = names(&[pictures[1].name]);
    references.flags |= SUBSTITUTE;
    let next = stream.code_p_with(&references)?;
    refers(&next, &[&pictures[1]])?;
    several_substituted(target)
}

/// What is the newest reference already, or twice, is in the list once.
fn several_substituted(target: &Target) -> Outcome {
    let mut stream = stream(target, 2)?;
    let longest = stream.encoder.value(MAX_LIST0)? as usize;
    let mut pictures = begin(&mut stream, 1)?;
    const UNKNOWN: [u64; 3] = [999_997, 999_998, 999_999];
    for number in 0..5 {
        let [.., older, newest] = &pictures[..] else {
            return fail("there are no two references");
        };
        let (list, wanted): (Vec<u64>, Vec<&Picture>) = match number {
            0 => (UNKNOWN[..2].to_vec(), vec![newest]),
            1 => (vec![newest.name, UNKNOWN[0]], vec![newest]),
            2 => (vec![UNKNOWN[0], newest.name], vec![newest]),
            3 => (vec![UNKNOWN[0], older.name], vec![newest, older]),
            _ => (
                vec![UNKNOWN[0], older.name, UNKNOWN[1]],
                vec![newest, older],
            ),
        };
        if list.len() > longest {
            continue;
        }
        let mut references = names(&list);
        references.flags |= SUBSTITUTE;
        let picture = stream.code_p_with(&references)?;
        refers(&picture, &wanted)?;
        pictures.push(picture);
    }
    Ok(())
}

fn too_many(target: &Target) -> Outcome {
    let mut stream = stream(target, 1)?;
    let frames = stream.encoder.value(MAX_DPB_FRAMES)? as usize;
    let longest = stream.encoder.value(MAX_LIST0)? as usize;
    let pictures = begin(&mut stream, frames)?;
    stream.p_fails_with("an empty list", &names(&[]))?;
    // With names of references, as far as there are so many.
    let list: Vec<_> = pictures
        .iter()
        .rev()
        .map(|picture| picture.name)
        .take(longest + 1)
        .chain(1_000_000..)
        .take(longest + 1)
        .collect();
    if list.len() <= 16 {
        stream.p_fails_with("a list that is too long", &names(&list))?;
        // Names that stand for one reference do not make it shorter.
        let unknown: Vec<_> = (1_000_000..).take(list.len()).collect();
        let mut references = names(&unknown);
        references.flags |= SUBSTITUTE;
        stream.p_fails_with("a list that is too long, of substitutes", &references)?;
    }
    stream.code_p()?.keeps_all()
}

fn newest_of_a_name(target: &Target) -> Outcome {
    let mut stream = stream(target, 3)?;
    stream.code_idr()?;
    let p = stream.p();
    stream.code_named(77, &p, &mut [])?;
    let p = stream.p();
    let second = stream.code_named(77, &p, &mut [])?;
    stream.code_p()?;
    let picture = stream.code_p_with(&names(&[77]))?;
    refers(&picture, &[&second])
}
