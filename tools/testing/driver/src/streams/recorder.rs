// SPDX-License-Identifier: GPL-2.0

//! Codes pictures one by one, and keeps those of a stream with what they have to
//! be decoded to.

use crate::{
    encoder::{
        Encoder,
        Params,
        Stats, //
    },
    expect::{
        ensure,
        equal, //
    },
    references::{
        self,
        References, //
    },
};
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    h264,
    v4l2::{
        device::OUTPUT,
        queue::is_error,
        request::Request,
        sys::{
            control::{
                self,
                ExtControl,
                Which, //
            },
            mapping::Mapping,
            video,
        },
        uapi::*,
    },
};
use std::{
    env,
    fs::{
        self,
        OpenOptions, //
    },
    io::Write,
    os::fd::AsFd,
    path::PathBuf, //
};

/// An access unit, how it was coded, and the MD5 of its picture.
#[derive(Clone)]
pub(super) struct Picture {
    pub(super) bytes: Vec<u8>,
    pub(super) stats: Stats,
    pub(super) md5: String,
}

/// Codes the pictures of a stream. They are named 1, 2 and so on.
pub(super) struct Recorder {
    pub(super) encoder: Encoder,
    request: Request,
    buffer: Mapping,
    size: (u32, u32),
    stride: u32,
    log: PathBuf,
    coded: u64,
}

/// A directory or file that the script which runs the tests names.
fn named_by(variable: &str) -> Result<PathBuf> {
    env::var(variable)
        .map(PathBuf::from)
        .context(format!("{variable} in the environment"))
}

impl Recorder {
    /// Starts an encoder that holds up to `frames` references.
    pub(super) fn new(size: (u32, u32), frames: u8) -> Result<Self> {
        let mut sps = h264::sps(size.0, size.1, (25, 1));
        sps.max_num_ref_frames = frames;
        Self::with(size, &sps, &h264::pps())
    }

    /// Starts an encoder with these parameter sets.
    pub(super) fn with(
        size: (u32, u32),
        sps: &v4l2_ctrl_h264_sps,
        pps: &v4l2_ctrl_h264_pps,
    ) -> Result<Self> {
        let encoder = Encoder::open()?;
        encoder.set_format(V4L2_PIX_FMT_NV12, size)?;
        encoder.allocate(1)?;
        let (mut sps, mut pps) = (*sps, *pps);
        set(
            &encoder,
            Which::Current,
            &mut [
                ExtControl::compound(V4L2_CID_STATELESS_H264_SPS, &mut sps),
                ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps),
            ],
        )?;
        encoder.start()?;
        let format = video::get_format(encoder.video.as_fd(), OUTPUT).context("G_FMT")?;
        Ok(Self {
            request: encoder.request()?,
            buffer: encoder.map(OUTPUT, 0)?,
            stride: format.planes()[0].bytes_per_line,
            size,
            encoder,
            log: named_by("RECONSTRUCTION_LOG")?,
            coded: 0,
        })
    }

    /// Codes a picture with these values of controls, and the references that are chosen.
    pub(super) fn code(
        &mut self,
        params: &Params,
        references: &References,
        values: &mut [ExtControl<'_>],
    ) -> Result<Picture> {
        self.coded += 1;
        self.buffer.write(0, &self.source(self.coded));
        let before = self.reconstructions()?;
        let which = Which::Request(self.request.as_fd());
        if !values.is_empty() {
            set(&self.encoder, which, values)?;
        }
        references::submit(&self.encoder, &self.request, self.coded, params, references)?;
        let coded = self.encoder.complete(&self.request)?;
        let bytes = self.encoder.content(&coded)?;
        let stats = self
            .encoder
            .stats(&self.request)
            .map_err(|err| err.source)
            .context("statistics")?;
        self.request.reinit().context("REINIT")?;
        ensure!(!is_error(&coded), "picture {} failed", self.coded);
        let mut after = self.reconstructions()?;
        equal("reconstructions", after.len(), before.len() + 1)?;
        Ok(Picture {
            bytes,
            stats,
            md5: after.pop().unwrap_or_default(),
        })
    }

    /// Something that moves: the source of a picture, in lines of the buffer's stride.
    fn source(&self, name: u64) -> Vec<u8> {
        let (width, height) = self.size;
        let lines = height + height.div_ceil(2);
        let mut bytes = vec![128; (self.stride * lines) as usize];
        for y in 0..lines {
            for x in 0..width {
                bytes[(y * self.stride + x) as usize] = sample(x, y, name);
            }
        }
        bytes
    }

    /// The MD5s that the hardware has logged.
    fn reconstructions(&self) -> Result<Vec<String>> {
        let text = fs::read_to_string(&self.log).context("reading the hardware's log")?;
        text.lines()
            .map(|line| line.rsplit(',').next().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| Error::new("a line of the hardware's log is empty"))
    }
}

/// A sample of the source of a picture, with Cb and Cr interleaved below luma.
pub(super) fn sample(x: u32, y: u32, name: u64) -> u8 {
    let step = name as u32;
    let (u, v) = (x + 3 * step, y + 2 * step);
    let edge = if (u / 24 + v / 16) % 2 == 0 { 90 } else { 0 };
    (40 + edge + (u * v / 64) % 50 + (x * 7 + y * 13 + step) % 8) as u8
}

/// Leaves a stream of these pictures to the host.
pub(super) fn keep<'a>(name: &str, pictures: impl IntoIterator<Item = &'a Picture>) -> Result<()> {
    let directory = named_by("STREAMS")?;
    let (mut stream, mut md5s, mut count) = (Vec::new(), String::new(), 0);
    for picture in pictures {
        stream.extend_from_slice(&picture.bytes);
        md5s.push_str(&picture.md5);
        md5s.push('\n');
        count += 1;
    }
    fs::write(directory.join(format!("{name}.h264")), stream).context("writing a stream")?;
    fs::write(directory.join(format!("{name}.h264.listed")), md5s).context("writing MD5s")?;
    let mut list = OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.join("streams"))
        .context("the list of streams")?;
    writeln!(list, "{name}.h264 listed {count}").context("the list of streams")
}

/// Sets controls that have to be there.
pub(super) fn set(
    encoder: &Encoder,
    which: Which<'_>,
    values: &mut [ExtControl<'_>],
) -> Result<()> {
    control::set(encoder.video.as_fd(), which, values)
        .map_err(|err| err.source)
        .context("S_EXT_CTRLS")
}
