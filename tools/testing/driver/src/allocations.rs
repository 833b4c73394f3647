// SPDX-License-Identifier: GPL-2.0

//! Every allocation and every copy to or from user space that a call makes fails
//! once: the call fails or does without, and the same call made again succeeds.
//!
//! Needs a kernel with fault injection: `/proc/thread-self/fail-nth` lets the nth
//! injection point that this thread passes fail.

use crate::{
    encoder::{
        idr,
        wait_completed,
        Encoder,
        BUFFERS,
        SIZE, //
    },
    expect::ensure,
    ktap::Ktap,
};
use rustix::io::Errno;
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::{
        device::{
            Device,
            CAPTURE,
            OUTPUT, //
        },
        media::MediaDevice,
        queue::is_error,
        request::Request,
        sys::{
            buffers,
            drain,
            video, //
        },
        uapi::*,
    },
};
use std::{
    fs::{
        File,
        OpenOptions, //
    },
    io,
    os::{
        fd::AsFd,
        unix::fs::FileExt, //
    },
    path::PathBuf,
    time::Duration,
};

/// The debug kernel takes its time.
const LIMIT: Duration = Duration::from_secs(600);
/// How errors of system calls end when copying failed.
const EFAULT: &str = "(os error 14)";
/// A call has fewer injection points.
const MOST: u32 = 2000;

/// What the calls of a session have made so far.
struct Session<'a> {
    /// Of the video node and the media device.
    paths: &'a (PathBuf, PathBuf),
    video: Option<Device>,
    encoder: Option<Encoder>,
    request: Option<Request>,
    /// A picture was queued by a call in which something failed, and may be spoilt.
    may_be_spoilt: bool,
}

/// One call.
struct Step {
    name: &'static str,
    /// It cannot be made twice. V4L2 acts before it copies the answer to user space, and
    /// when that fails, with EFAULT, it has acted all the same.
    once: bool,
    /// It may start a job.
    starts_job: bool,
    call: fn(&mut Session<'_>) -> Result<()>,
}

const STEPS: [Step; 20] = [
    step("open of the video node", |s| {
        s.video = Some(Device::open(&s.paths.0)?);
        Ok(())
    }),
    step("open of the media device", |s| {
        let media = MediaDevice::open(&s.paths.1).context("opening the media device")?;
        let video = s.video.take().ok_or_else(|| Error::new("not open"))?;
        s.encoder = Some(Encoder { video, media });
        Ok(())
    }),
    step("S_FMT", |s| {
        s.encoder()?.set_format(V4L2_PIX_FMT_NV12, SIZE)
    }),
    step("REQBUFS", |s| s.encoder()?.allocate(BUFFERS)),
    step("EXPBUF", |s| {
        let fd = s.encoder()?.video.as_fd();
        buffers::export(fd, OUTPUT, 0, 0).context("EXPBUF")?;
        Ok(())
    }),
    step("mmap", |s| {
        s.encoder()?.map(CAPTURE, 0)?;
        Ok(())
    }),
    step("SUBSCRIBE_EVENT", |s| {
        drain::subscribe(s.encoder()?.video.as_fd(), V4L2_EVENT_EOS).context("SUBSCRIBE_EVENT")
    }),
    step("S_EXT_CTRLS", |s| s.encoder()?.set_parameter_sets(SIZE)),
    step("STREAMON", |s| s.encoder()?.start()),
    step("REQUEST_ALLOC", |s| {
        s.request = Some(s.encoder()?.request()?);
        Ok(())
    }),
    step("S_EXT_CTRLS of a request", |s| {
        s.encoder()?
            .set_params(s.request()?, &idr())
            .map_err(|err| Error::new(format!("ENCODE_PARAMS: {}", err.source)))
    }),
    once("QBUF OUTPUT in a request", |s| {
        let queued = s.encoder()?.queue_source(0, 7, Some(s.request()?));
        queued.context("QBUF OUTPUT")
    }),
    once("QBUF CAPTURE", |s| {
        s.encoder()?.queue_coded(0).context("QBUF CAPTURE")
    }),
    Step {
        name: "REQUEST_IOC_QUEUE",
        once: false,
        starts_job: true,
        call: |s| s.request()?.queue().context("REQUEST_IOC_QUEUE"),
    },
    once("DQBUF CAPTURE", |s| {
        wait_completed(s.request()?)?;
        s.dequeue(CAPTURE)
    }),
    once("DQBUF OUTPUT", |s| s.dequeue(OUTPUT)),
    step("STREAMOFF", |s| s.encoder()?.stop()),
    // A queue takes buffers with requests or without them, until it stops.
    step("STREAMON again", |s| s.encoder()?.start()),
    once("QBUF OUTPUT", |s| {
        s.encoder()?.queue_source(1, 8, None).context("QBUF OUTPUT")
    }),
    Step {
        name: "QBUF CAPTURE that starts a job",
        once: true,
        starts_job: true,
        call: |s| s.encoder()?.queue_coded(1).context("QBUF CAPTURE"),
    },
];

const fn once(name: &'static str, call: fn(&mut Session<'_>) -> Result<()>) -> Step {
    Step {
        once: true,
        ..step(name, call)
    }
}

const fn step(name: &'static str, call: fn(&mut Session<'_>) -> Result<()>) -> Step {
    Step {
        name,
        once: false,
        starts_job: false,
        call,
    }
}

impl Session<'_> {
    fn encoder(&self) -> Result<&Encoder> {
        self.encoder.as_ref().ok_or_else(|| Error::new("not open"))
    }

    fn request(&self) -> Result<&Request> {
        self.request
            .as_ref()
            .ok_or_else(|| Error::new("no request"))
    }

    fn dequeue(&mut self, queue: u32) -> Result<()> {
        let buffer = video::dequeue_buffer(self.encoder()?.video.as_fd(), queue)
            .context("DQBUF")?
            .ok_or_else(|| Error::new("DQBUF: nothing, but the request is completed"))?;
        ensure!(
            !is_error(&buffer) || self.may_be_spoilt,
            "a picture is spoilt though nothing failed in its job"
        );
        Ok(())
    }
}

pub(crate) fn run(ktap: &mut Ktap) {
    for index in 0..STEPS.len() {
        let name = STEPS.get(index).map_or("", |step| step.name);
        ktap.test(
            format!("{name}: each failure inside is survived"),
            LIMIT,
            move || survives(index),
        );
    }
}

/// Lets one more injection point fail in each session, until the call passes fewer.
fn survives(index: usize) -> Result<()> {
    let fail_nth = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/proc/thread-self/fail-nth")
        .context("the kernel has no fault injection: /proc/thread-self/fail-nth")?;
    let found = Encoder::open()?;
    let paths = (found.video.path().into(), found.media.path().into());
    drop(found);
    for nth in 1..MOST {
        let passed = session(&paths, index, nth, &fail_nth)
            .map_err(|err| Error::new(format!("at {nth}: {err}")))?;
        if passed {
            ensure!(nth > 1, "nothing can fail in this call");
            println!("# {} failures", nth - 1);
            return Ok(());
        }
    }
    Err(Error::new(format!("no end after {MOST} failures")))
}

/// Runs all calls; in one of them the nth injection point fails. Whether it has fewer.
fn session(paths: &(PathBuf, PathBuf), index: usize, nth: u32, fail_nth: &File) -> Result<bool> {
    let mut session = Session {
        paths,
        video: None,
        encoder: None,
        request: None,
        may_be_spoilt: false,
    };
    let mut passed = false;
    for (at, step) in STEPS.iter().enumerate() {
        if at == index {
            fail_nth
                .write_at(nth.to_string().as_bytes(), 0)
                .context("fail-nth")?;
            let result = (step.call)(&mut session);
            passed = disarm(fail_nth)? != 0;
            session.may_be_spoilt = step.starts_job;
            if passed || result.is_ok() {
                result?;
                continue;
            }
            let error = result.map_or_else(|err| err.to_string(), |()| String::new());
            if step.once && error.contains(EFAULT) {
                let _ = (step.call)(&mut session);
                continue;
            }
        }
        (step.call)(&mut session).map_err(|err| Error::new(format!("{}: {err}", step.name)))?;
    }
    Ok(passed)
}

/// Ends the injection: how many points were left to pass, 0 if one failed.
///
/// Reading and writing the file pass points as well. One that fails there was not passed
/// before, and nothing is armed after it.
fn disarm(fail_nth: &File) -> Result<u32> {
    let injected = |err: &io::Error| err.raw_os_error() == Some(Errno::FAULT.raw_os_error());
    let mut bytes = [0; 16];
    let count = match fail_nth.read_at(&mut bytes, 0) {
        Err(err) if injected(&err) => return Ok(1),
        result => result.context("fail-nth")?,
    };
    match fail_nth.write_at(b"0", 0) {
        Err(err) if injected(&err) => {}
        result => {
            result.context("fail-nth")?;
        }
    }
    std::str::from_utf8(&bytes[..count])
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| Error::new("fail-nth is no number"))
}
