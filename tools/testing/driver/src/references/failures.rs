// SPDX-License-Identifier: GPL-2.0

//! Pictures whose references cannot be: they fail, and leave no trace.

use super::{
    long_term,
    marked,
    named,
    plain,
    streaming,
    submit,
    References,
    Test, //
};
use crate::{
    encoder::{
        idr,
        predicted,
        Encoder,
        Params, //
    },
    expect::{
        ensure,
        equal, //
    },
};
use slenc::{
    error::{
        Context,
        Result, //
    },
    v4l2::{
        queue::is_error,
        request::Request,
        uapi::*, //
    },
};

pub(super) const TESTS: &[Test] = &[
    ("a name that no reference has fails the picture", unknown),
    (
        "with SUBSTITUTE it stands for the newest reference",
        substituted,
    ),
    (
        "more references than the hardware takes fail the picture",
        too_many,
    ),
    (
        "marks and long-term indices that cannot be fail the picture",
        bad_marks,
    ),
    (
        "long-term references that leave no room fail the picture",
        no_room,
    ),
    (
        "a name that is given again stands for the newer picture",
        given_again,
    ),
    (
        "more reference frames than there is memory for are adapted",
        adapted,
    ),
];

/// Codes pictures call by call.
struct Stream {
    encoder: Encoder,
    request: Request,
}

impl Stream {
    fn new() -> Result<Self> {
        let encoder = streaming()?;
        let request = encoder.request()?;
        Ok(Self { encoder, request })
    }

    /// Whether the picture of this name was coded.
    fn code(&self, name: u64, params: &Params, references: &References) -> Result<bool> {
        submit(&self.encoder, &self.request, name, params, references)?;
        let coded = self.encoder.complete(&self.request)?;
        let stats = self
            .encoder
            .stats(&self.request)
            .map_err(|err| err.source)
            .context("statistics")?;
        let failed = stats.flags & V4L2_STATELESS_ENC_STATS_FLAG_ERROR != 0;
        equal("the error flag of statistics", failed, is_error(&coded))?;
        equal("bytesused", coded.bytes_used[0] == 0, failed)?;
        self.request.reinit().context("REINIT")?;
        Ok(!failed)
    }

    fn p(&self, name: u64, references: &References) -> Result<bool> {
        self.code(name, &predicted(), references)
    }

    /// An IDR picture 1 and P pictures 2 and 3.
    fn begun() -> Result<Self> {
        let stream = Self::new()?;
        ensure!(stream.code(1, &idr(), &plain())?, "the IDR picture failed");
        for name in [2, 3] {
            ensure!(stream.p(name, &plain())?, "picture {name} failed");
        }
        Ok(stream)
    }

    /// Each of these fails, and what comes after it is coded.
    fn fail(&self, cases: &[(&str, Params, References)]) -> Result<()> {
        for (what, params, references) in cases {
            ensure!(!self.code(50, params, references)?, "{what}: it was coded");
        }
        ensure!(
            !self.p(50, &named(&[50]))?,
            "a picture that failed is a reference"
        );
        // Nothing happened to those that were there.
        for name in [1, 2, 3] {
            ensure!(
                self.code(60, &unused(), &named(&[name]))?,
                "reference {name} is lost"
            );
            ensure!(self.p(name, &named(&[name]))?, "reference {name} is lost");
        }
        Ok(())
    }
}

/// A P picture that is no reference.
fn unused() -> Params {
    Params {
        nal_ref_idc: 0,
        ..predicted()
    }
}

const UNUSED: u32 = V4L2_H264_ENCODE_MARK_UNUSED;
const LONG_TERM: u32 = V4L2_H264_ENCODE_MARK_LONG_TERM;

fn unknown() -> Result<()> {
    let stream = Stream::begun()?;
    ensure!(stream.code(4, &unused(), &plain())?, "picture 4 failed");
    stream.fail(&[
        ("a name that nobody has", predicted(), named(&[77])),
        ("a picture that was no reference", predicted(), named(&[4])),
        ("no name at all", predicted(), named(&[])),
    ])?;
    // The window slides.
    let stream = Stream::begun()?;
    for name in [4, 5] {
        ensure!(stream.p(name, &plain())?, "picture {name} failed");
    }
    ensure!(!stream.p(6, &named(&[1]))?, "the oldest is still there");
    ensure!(stream.p(6, &named(&[2]))?, "the second is not there");
    // An IDR picture empties it.
    ensure!(stream.code(7, &idr(), &plain())?, "the IDR picture failed");
    ensure!(
        !stream.p(8, &named(&[6]))?,
        "one from before is still there"
    );
    ensure!(stream.p(8, &named(&[7]))?, "the IDR picture is not there");
    Ok(())
}

fn substituted() -> Result<()> {
    let stream = Stream::begun()?;
    let mut wanted = named(&[77]);
    wanted.flags |= V4L2_H264_ENCODE_REFERENCES_FLAG_SUBSTITUTE;
    ensure!(stream.p(4, &wanted)?, "the picture failed");
    // Names of marks have no substitute.
    let mut wanted = marked(plain(), (77, UNUSED, 0));
    wanted.flags |= V4L2_H264_ENCODE_REFERENCES_FLAG_SUBSTITUTE;
    ensure!(!stream.p(5, &wanted)?, "a mark found a substitute");
    Ok(())
}

fn too_many() -> Result<()> {
    let stream = Stream::begun()?;
    let list0 = stream.encoder.value(V4L2_CID_STATELESS_ENC_MAX_LIST0)? as usize;
    if list0 < 3 {
        let names = [3, 2, 1];
        stream.fail(&[("too many", predicted(), named(&names[..=list0]))])?;
    }
    let stream = Stream::begun()?;
    let most = list0.min(3);
    ensure!(
        stream.p(4, &named(&[3, 2, 1][..most]))?,
        "{most} are too many"
    );
    Ok(())
}

fn bad_marks() -> Result<()> {
    let stream = Stream::begun()?;
    let p = predicted();
    stream.fail(&[
        ("an unknown name", p, marked(plain(), (77, UNUSED, 0))),
        ("an index beyond", p, marked(plain(), (2, LONG_TERM, 4))),
        ("an own index beyond", p, long_term(plain(), 4)),
        (
            "a mark twice",
            p,
            marked(marked(plain(), (2, UNUSED, 0)), (2, UNUSED, 0)),
        ),
        (
            "long-term twice",
            p,
            marked(marked(plain(), (2, LONG_TERM, 0)), (2, LONG_TERM, 1)),
        ),
        (
            "a mark of a picture that is no reference",
            unused(),
            marked(plain(), (2, UNUSED, 0)),
        ),
        (
            "long-term without a reference",
            unused(),
            long_term(plain(), 0),
        ),
        (
            "a mark of an IDR picture",
            idr(),
            marked(plain(), (2, UNUSED, 0)),
        ),
        ("an IDR picture of index 1", idr(), long_term(plain(), 1)),
    ])
}

fn no_room() -> Result<()> {
    let stream = Stream::begun()?;
    let mut all = long_term(plain(), 3);
    for (index, name) in (0u8..).zip([1, 2, 3]) {
        all = marked(all, (name, LONG_TERM, index));
    }
    ensure!(stream.p(4, &all)?, "long-term references failed");
    ensure!(!stream.p(5, &plain())?, "a fifth reference was coded");
    ensure!(
        stream.code(5, &unused(), &plain())?,
        "no reference, no room"
    );
    // In the place of one of them.
    ensure!(stream.p(6, &long_term(plain(), 1))?, "index 1 is not free");
    ensure!(
        !stream.p(7, &long_term(named(&[2]), 2))?,
        "2 is still there"
    );
    ensure!(
        stream.p(7, &marked(named(&[3]), (3, UNUSED, 0)))?,
        "reference 3 is lost"
    );
    ensure!(!stream.p(8, &named(&[3]))?, "3 is still there");
    ensure!(stream.p(8, &named(&[7]))?, "reference 7 is lost");
    Ok(())
}

fn given_again() -> Result<()> {
    let stream = Stream::begun()?;
    ensure!(stream.p(1, &plain())?, "picture 1 failed");
    // Were it the old one, it would go first.
    for name in [5, 6, 7] {
        ensure!(stream.p(name, &named(&[1]))?, "picture {name} failed");
    }
    ensure!(!stream.p(8, &named(&[2]))?, "picture 2 is still there");
    Ok(())
}

fn adapted() -> Result<()> {
    // STREAMON with the default of one reference frame.
    let encoder = Encoder::streaming()?;
    let mut sps = slenc::h264::sps(176, 144, (25, 1));
    sps.max_num_ref_frames = 4;
    encoder
        .set(&mut [slenc::v4l2::sys::control::ExtControl::compound(
            V4L2_CID_STATELESS_H264_SPS,
            &mut sps,
        )])
        .map_err(|err| err.source)
        .context("SPS")?;
    let request = encoder.request()?;
    encoder.encode(&request, &idr())?;
    let used: v4l2_ctrl_h264_sps = encoder
        .compound(
            slenc::v4l2::sys::control::Which::Current,
            V4L2_CID_STATELESS_H264_SPS,
        )
        .map_err(|err| err.source)
        .context("SPS")?;
    equal("max_num_ref_frames", used.max_num_ref_frames, 1)
}
