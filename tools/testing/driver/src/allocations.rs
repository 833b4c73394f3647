// SPDX-License-Identifier: GPL-2.0

//! Every allocation and every copy to or from user space that a call makes fails
//! once: the call fails or does without, and the same call made again succeeds. And so
//! does every allocation at the end of a job, in the thread of the interrupt.
//!
//! Needs a kernel with fault injection: `/proc/thread-self/fail-nth` lets the nth
//! injection point that this thread passes fail, and another thread's its own.

mod job;
mod steps;

use crate::{
    encoder::{
        Encoder,
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
        device::OUTPUT,
        sys::buffers,
        uapi::*, //
    },
};
use std::{
    fs::{
        File,
        OpenOptions, //
    },
    io,
    os::{
        fd::{
            AsFd,
            OwnedFd, //
        },
        unix::fs::FileExt, //
    },
    path::PathBuf,
    time::Duration,
};
use steps::{
    Session,
    STEPS, //
};

/// The debug kernel takes its time.
const LIMIT: Duration = Duration::from_secs(900);
/// How errors of system calls end when copying failed.
const EFAULT: &str = "(os error 14)";
/// A call has fewer injection points.
const MOST: u32 = 2000;

pub(crate) fn run(ktap: &mut Ktap) {
    for (index, step) in STEPS.iter().enumerate() {
        let promise = match step.can_fail {
            true => "each failure inside is survived",
            false => "nothing inside can fail",
        };
        ktap.test(format!("{}: {promise}", step.name), LIMIT, move || {
            survives(index)
        });
    }
    job::run(ktap);
}

/// What sessions have in common.
struct Rig {
    video: PathBuf,
    media: PathBuf,
    /// A source for those that import, which another file has.
    source: OwnedFd,
}

/// Lets one more injection point fail in each session, until the call passes fewer.
fn survives(index: usize) -> Result<()> {
    let fail_nth = injection("/proc/thread-self")?;
    let found = Encoder::open()?;
    found.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    found.allocate(1)?;
    let rig = Rig {
        video: found.video.path().into(),
        media: found.media.path().into(),
        source: buffers::export(found.video.as_fd(), OUTPUT, 0, 0).context("EXPBUF")?,
    };
    let can_fail = STEPS.get(index).is_some_and(|step| step.can_fail);
    for nth in 1..MOST {
        let passed = session(&rig, index, nth, &fail_nth)
            .map_err(|err| Error::new(format!("at {nth}: {err}")))?;
        if passed {
            ensure!(can_fail == (nth > 1), "{} failures in this call", nth - 1);
            println!("# {} failures", nth - 1);
            return Ok(());
        }
    }
    Err(Error::new(format!("no end after {MOST} failures")))
}

/// The file that arms the injection for a thread.
fn injection(thread: &str) -> Result<File> {
    let path = format!("{thread}/fail-nth");
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .context(format!("the kernel has no fault injection: {path}"))
}

fn arm(fail_nth: &File, nth: u32) -> Result<()> {
    fail_nth
        .write_at(nth.to_string().as_bytes(), 0)
        .context("fail-nth")?;
    Ok(())
}

/// Runs all calls; in one of them the nth injection point fails. Whether it has fewer.
fn session(rig: &Rig, index: usize, nth: u32, fail_nth: &File) -> Result<bool> {
    let mut session = Session::new(rig);
    let mut passed = false;
    for (at, step) in STEPS.iter().enumerate() {
        if at == index {
            arm(fail_nth, nth)?;
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
