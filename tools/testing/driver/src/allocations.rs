// SPDX-License-Identifier: GPL-2.0

//! Every allocation and every copy to or from user space that a call makes fails
//! once: the call fails or does without, and made again until nothing in it fails it
//! succeeds, and the rest of the session with it. And so does every allocation at the end
//! of a job, in the thread of the interrupt.
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
    v4l2::sys::dma_heap, //
};
use std::{
    fs::{
        self,
        File,
        OpenOptions, //
    },
    io,
    os::{
        fd::OwnedFd,
        unix::fs::FileExt, //
    },
    path::PathBuf,
    time::Duration,
};
use steps::{
    Session,
    Step,
    STEPS, //
};

/// The debug kernel takes its time.
const LIMIT: Duration = Duration::from_secs(900);
/// How errors of system calls end when copying failed.
const EFAULT: &str = "(os error 14)";
/// Room for the source of any format.
const SOURCE_BYTES: u64 = SIZE.0 as u64 * SIZE.1 as u64 * 4;
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
    /// A source for those that import.
    ///
    /// Not the driver's own: where attaching it fails videobuf2 keeps a reference on it, and
    /// it would stay in use.
    source: OwnedFd,
}

/// Lets the injection points of a call fail, one after the other, until it passes fewer.
///
/// A call that fails is made again at once, in the same session. One that did without what
/// failed cannot be: the next point fails in a session of its own.
fn survives(index: usize) -> Result<()> {
    let fail_nth = injection("/proc/thread-self")?;
    let found = Encoder::open()?;
    let rig = Rig {
        video: found.video.path().into(),
        media: found.media.path().into(),
        source: contiguous(SOURCE_BYTES)?,
    };
    let can_fail = STEPS.get(index).is_some_and(|step| step.can_fail);
    let mut first = 1;
    loop {
        let reached = session(&rig, index, first, &fail_nth)
            .map_err(|err| Error::new(format!("at {first} or later: {err}")))?;
        first = match reached {
            Reached::Failing(nth) => nth + 1,
            Reached::End(failures) => {
                ensure!(
                    can_fail == (failures > 0),
                    "{failures} failures in this call"
                );
                println!("# {failures} failures");
                return Ok(());
            }
        };
    }
}

/// Memory of the heap that has contiguous memory.
fn contiguous(len: u64) -> Result<OwnedFd> {
    let heap = fs::read_dir("/dev/dma_heap")
        .context("/dev/dma_heap")?
        .flatten()
        .find(|heap| heap.file_name() != "system")
        .ok_or_else(|| Error::new("the kernel has no heap of contiguous memory"))?;
    dma_heap::allocate(&heap.path(), len).context("memory of a heap")
}

/// How far a session came with the injection points of a call.
enum Reached {
    /// The nth has failed, and the call has acted all the same.
    Failing(u32),
    /// So many have failed, and there are no more.
    End(u32),
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

/// Runs all calls; in one of them injection points fail.
fn session(rig: &Rig, index: usize, first: u32, fail_nth: &File) -> Result<Reached> {
    let mut session = Session::new(rig);
    let mut reached = Reached::End(0);
    for (at, step) in STEPS.iter().enumerate() {
        let result = if at == index {
            inject(&mut session, step, first, fail_nth).map(|to| reached = to)
        } else {
            (step.call)(&mut session)
        };
        result.map_err(|err| Error::new(format!("{}: {err}", step.name)))?;
    }
    Ok(reached)
}

/// Makes a call with one failing point after the other, until it acts.
fn inject(session: &mut Session<'_>, step: &Step, first: u32, fail_nth: &File) -> Result<Reached> {
    session.may_be_spoilt = step.starts_job;
    for nth in first..MOST {
        arm(fail_nth, nth)?;
        let result = (step.call)(session);
        if disarm(fail_nth)? != 0 {
            return result.map(|()| Reached::End(nth - 1));
        }
        match result {
            Ok(()) => return Ok(Reached::Failing(nth)),
            Err(err) if step.once && err.to_string().contains(EFAULT) => {
                let _ = (step.call)(session);
                return Ok(Reached::Failing(nth));
            }
            Err(_) => {}
        }
    }
    Err(Error::new(format!("no end after {MOST} failures")))
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
