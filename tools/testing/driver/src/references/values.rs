// SPDX-License-Identifier: GPL-2.0

//! What the control takes, and how long its value lasts.

use super::{
    long_term,
    marked,
    named,
    plain,
    set,
    streaming,
    submit,
    References,
    Test, //
};
use crate::{
    encoder::{
        idr,
        predicted,
        Encoder, //
    },
    expect::{
        ensure,
        equal,
        refused, //
    },
};
use rustix::io::Errno;
use slenc::{
    error::{
        Context,
        Result, //
    },
    v4l2::{
        controls,
        queue::is_error,
        sys::control::{
            ExtControl,
            Which, //
        },
        uapi::*,
    },
};
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    ("the encoder tells how many references there can be", told),
    (
        "references that no picture can have are refused with EINVAL",
        invalid,
    ),
    ("references at their limits are accepted", limits),
    (
        "what does not apply of references is stored as zero",
        normalized,
    ),
    ("references are of one picture only", used_up),
    (
        "temporal layer and duration have their ranges, and change nothing of a picture",
        layer_and_duration,
    ),
];

fn told() -> Result<()> {
    let encoder = Encoder::open()?;
    let find = |id| {
        controls::find(&encoder.video, id).map(|control| {
            (
                control.minimum,
                control.maximum,
                control.default,
                control.read_only,
            )
        })
    };
    equal(
        "MAX_DPB_FRAMES",
        find(V4L2_CID_STATELESS_ENC_MAX_DPB_FRAMES),
        Some((4, 4, 4, true)),
    )?;
    let list0 = encoder.value(V4L2_CID_STATELESS_ENC_MAX_LIST0)?;
    ensure!((1..=4).contains(&list0), "MAX_LIST0 is {list0}");
    let size = controls::find(&encoder.video, V4L2_CID_STATELESS_ENC_H264_REFERENCES)
        .and_then(|control| control.size);
    equal("elem_size", size, Some(512))?;
    refused(
        "setting MAX_LIST0",
        Errno::ACCESS,
        encoder.set(&mut [ExtControl::int(V4L2_CID_STATELESS_ENC_MAX_LIST0, 2)]),
    )
}

/// On the file and in a request.
fn set_both(encoder: &Encoder, references: &References) -> Result<[std::io::Result<()>; 2]> {
    let request = encoder.request()?;
    Ok([
        set(encoder, Which::Current, references).map_err(|err| err.source),
        set(encoder, Which::Request(request.as_fd()), references).map_err(|err| err.source),
    ])
}

fn invalid() -> Result<()> {
    let encoder = Encoder::open()?;
    let unused = V4L2_H264_ENCODE_MARK_UNUSED;
    let mut reserved = marked(plain(), (1, unused, 0));
    reserved.marks[0].reserved[5] = 1;
    let mut end = plain();
    end.reserved1[28] = 1;
    for (what, bad) in [
        (
            "17 references",
            References {
                num_list0: 17,
                ..named(&[])
            },
        ),
        (
            "17 marks",
            References {
                num_marks: 17,
                ..plain()
            },
        ),
        (
            "a flag that does not exist",
            References {
                flags: 8,
                ..plain()
            },
        ),
        (
            "a list that is not explicit",
            References {
                flags: 0,
                ..named(&[1])
            },
        ),
        ("a name twice", named(&[1, 2, 1])),
        (
            "a mark without operation",
            References {
                num_marks: 1,
                ..plain()
            },
        ),
        ("operation 3", marked(plain(), (1, 3, 0))),
        ("long-term index 16 of the picture", long_term(plain(), 16)),
        (
            "long-term index 16 of a reference",
            marked(plain(), (1, V4L2_H264_ENCODE_MARK_LONG_TERM, 16)),
        ),
        ("a reserved field of a mark", reserved),
        (
            "a reserved field in the middle",
            References {
                reserved0: [0, 0, 0, 0, 1],
                ..plain()
            },
        ),
        ("a reserved field at the end", end),
    ] {
        for result in set_both(&encoder, &bad)? {
            refused(what, Errno::INVAL, result)?;
        }
        equal(what, current(&encoder)?.flags, 0)?;
    }
    Ok(())
}

fn current(encoder: &Encoder) -> Result<References> {
    encoder
        .compound(Which::Current, V4L2_CID_STATELESS_ENC_H264_REFERENCES)
        .map_err(|err| err.source)
        .context("H264_REFERENCES")
}

fn limits() -> Result<()> {
    let encoder = Encoder::open()?;
    let mut full = long_term(named(&(0..16).collect::<Vec<_>>()), 15);
    full.flags |= V4L2_H264_ENCODE_REFERENCES_FLAG_SUBSTITUTE;
    for name in 0..16 {
        full = marked(full, (name, V4L2_H264_ENCODE_MARK_LONG_TERM, 15));
    }
    for result in set_both(&encoder, &full)? {
        result.context("references at their limits")?;
    }
    let kept = current(&encoder)?;
    equal("list0", kept.list0[15], 15_000)?;
    equal("marks", kept.marks[15].long_term_frame_idx, 15)
}

fn normalized() -> Result<()> {
    let encoder = Encoder::open()?;
    let mut odd = marked(named(&[1, 2]), (7, V4L2_H264_ENCODE_MARK_UNUSED, 3));
    odd.num_list0 = 1;
    odd.long_term_frame_idx = 9;
    odd.marks[5].timestamp = 1;
    set(&encoder, Which::Current, &odd)
        .map_err(|err| err.source)
        .context("H264_REFERENCES")?;
    let kept = current(&encoder)?;
    equal("list0", (kept.list0[0], kept.list0[1]), (1000, 0))?;
    equal("the picture's index", kept.long_term_frame_idx, 0)?;
    equal("the mark's index", kept.marks[0].long_term_frame_idx, 0)?;
    equal("a mark behind the last", kept.marks[5].timestamp, 0)
}

fn used_up() -> Result<()> {
    let encoder = streaming()?;
    let request = encoder.request()?;
    let long_term = long_term(plain(), 0);
    submit(&encoder, &request, 1, &idr(), &long_term)?;
    ensure!(
        !is_error(&encoder.complete(&request)?),
        "the IDR picture failed"
    );
    equal("flags of the file", current(&encoder)?.flags, 0)?;
    let asked: References = encoder
        .compound(
            Which::Request(request.as_fd()),
            V4L2_CID_STATELESS_ENC_H264_REFERENCES,
        )
        .map_err(|err| err.source)
        .context("H264_REFERENCES of the request")?;
    equal("flags of the request", asked.flags, long_term.flags)?;

    // Also without a request, and when the picture fails.
    let missing = marked(plain(), (99, V4L2_H264_ENCODE_MARK_UNUSED, 0));
    request.reinit().context("REINIT")?;
    submit(&encoder, &request, 2, &predicted(), &missing)?;
    ensure!(
        is_error(&encoder.complete(&request)?),
        "a bad picture was coded"
    );
    equal("marks of the file", current(&encoder)?.num_marks, 0)?;
    request.reinit().context("REINIT")?;
    encoder.encode(&request, &predicted()).map(|_| ())
}

fn layer_and_duration() -> Result<()> {
    let encoder = streaming()?;
    for (id, maximum) in [
        (V4L2_CID_STATELESS_ENC_TEMPORAL_ID, 2),
        (V4L2_CID_STATELESS_ENC_FRAME_DURATION, i64::from(i32::MAX)),
    ] {
        let found = controls::find(&encoder.video, id)
            .map(|control| (control.minimum, control.maximum, control.default));
        equal("range", found, Some((0, maximum, 0)))?;
        // Integers out of range are clamped.
        encoder
            .set(&mut [ExtControl::int(id, -1)])
            .map_err(|err| err.source)
            .context("a value out of range")?;
        equal("value", encoder.value(id)?, 0)?;
    }
    let request = encoder.request()?;
    let mut coded = Vec::new();
    for (layer, duration) in [(0, 0), (2, 0), (0, i32::MAX), (1, 1)] {
        let values = [
            ExtControl::int(V4L2_CID_STATELESS_ENC_TEMPORAL_ID, layer),
            ExtControl::int(V4L2_CID_STATELESS_ENC_FRAME_DURATION, duration),
        ];
        let mut sizes = Vec::new();
        for params in [idr(), predicted()] {
            slenc::v4l2::sys::control::set(
                encoder.video.as_fd(),
                Which::Request(request.as_fd()),
                &mut [
                    ExtControl::int(values[0].id(), values[0].value()),
                    ExtControl::int(values[1].id(), values[1].value()),
                ],
            )
            .map_err(|err| err.source)
            .context("layer and duration")?;
            sizes.push(encoder.encode(&request, &params)?.bytes_used[0]);
            request.reinit().context("REINIT")?;
        }
        coded.push(sizes);
    }
    // IDR pictures differ, by their numbers.
    ensure!(
        coded.iter().all(|sizes| sizes[1] == coded[0][1]),
        "sizes are {coded:?}"
    );
    Ok(())
}
