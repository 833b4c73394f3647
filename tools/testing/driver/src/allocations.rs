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
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
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
    os::{
        fd::AsFd,
        unix::fs::FileExt, //
    },
    time::Duration,
};

/// The debug kernel takes its time.
const LIMIT: Duration = Duration::from_secs(600);
/// A call has fewer injection points.
const MOST: u32 = 2000;

/// What the calls of a session have made so far.
#[derive(Default)]
struct Session {
    encoder: Option<Encoder>,
    request: Option<Request>,
    /// A picture was queued by a call in which something failed, and may be spoilt.
    may_be_spoilt: bool,
}

/// One call, and whether it may start a job.
struct Step {
    name: &'static str,
    starts_job: bool,
    call: fn(&mut Session) -> Result<()>,
}

const STEPS: [Step; 20] = [
    step("open", |s| {
        s.encoder = Some(Encoder::open()?);
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
    step("QBUF OUTPUT in a request", |s| {
        let queued = s.encoder()?.queue_source(0, 7, Some(s.request()?));
        queued.context("QBUF OUTPUT")
    }),
    step("QBUF CAPTURE", |s| {
        s.encoder()?.queue_coded(0).context("QBUF CAPTURE")
    }),
    Step {
        name: "REQUEST_IOC_QUEUE",
        starts_job: true,
        call: |s| s.request()?.queue().context("REQUEST_IOC_QUEUE"),
    },
    step("DQBUF CAPTURE", |s| {
        wait_completed(s.request()?)?;
        s.dequeue(CAPTURE)
    }),
    step("DQBUF OUTPUT", |s| s.dequeue(OUTPUT)),
    step("REQUEST_IOC_REINIT", |s| {
        s.request()?.reinit().context("REINIT")
    }),
    step("STREAMOFF", |s| s.encoder()?.stop()),
    // A queue takes buffers with requests or without them, until it stops.
    step("STREAMON again", |s| s.encoder()?.start()),
    step("QBUF OUTPUT", |s| {
        s.encoder()?.queue_source(1, 8, None).context("QBUF OUTPUT")
    }),
    Step {
        name: "QBUF CAPTURE that starts a job",
        starts_job: true,
        call: |s| s.encoder()?.queue_coded(1).context("QBUF CAPTURE"),
    },
];

const fn step(name: &'static str, call: fn(&mut Session) -> Result<()>) -> Step {
    Step {
        name,
        starts_job: false,
        call,
    }
}

impl Session {
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
    for nth in 1..MOST {
        let passed =
            session(index, nth, &fail_nth).map_err(|err| Error::new(format!("at {nth}: {err}")))?;
        if passed {
            ensure!(nth > 1, "nothing can fail in this call");
            println!("# {} failures", nth - 1);
            return Ok(());
        }
    }
    Err(Error::new(format!("no end after {MOST} failures")))
}

/// Runs all calls; in one of them the nth injection point fails. Whether it has fewer.
fn session(index: usize, nth: u32, fail_nth: &File) -> Result<bool> {
    let mut session = Session::default();
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
        }
        (step.call)(&mut session).map_err(|err| Error::new(format!("{}: {err}", step.name)))?;
    }
    Ok(passed)
}

/// Ends the injection: how many points were left to pass, 0 if one failed.
fn disarm(fail_nth: &File) -> Result<u32> {
    let mut bytes = [0; 16];
    let count = fail_nth.read_at(&mut bytes, 0).context("fail-nth")?;
    fail_nth.write_at(b"0", 0).context("fail-nth")?;
    std::str::from_utf8(&bytes[..count])
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| Error::new("fail-nth is no number"))
}
