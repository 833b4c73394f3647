// SPDX-License-Identifier: GPL-2.0

//! Allocations at the end of a job fail, in the thread of the interrupt: the request
//! completes all the same, and the next picture is as good as any.

use super::{
    arm,
    disarm,
    injection,
    LIMIT,
    MOST, //
};
use crate::{
    encoder::{
        idr,
        wait_completed,
        Encoder, //
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
    v4l2::device::{
        CAPTURE,
        OUTPUT, //
    },
};
use std::{
    fs::{
        self,
        File, //
    },
    path::PathBuf,
};

pub(super) fn run(ktap: &mut Ktap) {
    for (name, with_controls) in [
        ("the end of the job of a request with controls", true),
        ("the end of the job of a request without controls", false),
    ] {
        ktap.test(
            format!("{name}: each failure inside is survived"),
            LIMIT,
            move || ends(with_controls),
        );
    }
}

/// The directory of the thread that serves the encoder's interrupt.
fn interrupt_thread() -> Result<PathBuf> {
    fs::read_dir("/proc")
        .context("/proc")?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            fs::read_to_string(path.join("comm"))
                .is_ok_and(|name| name.starts_with("irq/") && name.contains("slenc"))
        })
        .ok_or_else(|| Error::new("the encoder's interrupt has no thread"))
}

fn ends(with_controls: bool) -> Result<()> {
    let encoder = Encoder::streaming()?;
    let thread = injection(&interrupt_thread()?.to_string_lossy())?;
    for nth in 1..MOST {
        let passed = one_job(&encoder, with_controls, nth, &thread)
            .map_err(|err| Error::new(format!("at {nth}: {err}")))?;
        let request = encoder.request()?;
        encoder
            .encode(&request, &idr())
            .context(format!("after failure {nth}"))?;
        if passed {
            println!("# {} failures", nth - 1);
            return Ok(());
        }
    }
    Err(Error::new(format!("no end after {MOST} failures")))
}

/// Codes a picture, good or not. Whether its end passed fewer points.
fn one_job(encoder: &Encoder, with_controls: bool, nth: u32, thread: &File) -> Result<bool> {
    let request = encoder.request()?;
    if with_controls {
        encoder
            .set_params(&request, &idr())
            .map_err(|err| err.source)
            .context("ENCODE_PARAMS")?;
    }
    encoder
        .queue_source(0, 7, Some(&request))
        .context("QBUF OUTPUT")?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    arm(thread, nth)?;
    request.queue().context("REQUEST_IOC_QUEUE")?;
    let completed = wait_completed(&request);
    let passed = disarm(thread)? != 0;
    completed?;
    for queue in [CAPTURE, OUTPUT] {
        encoder.dequeue(queue)?;
    }
    // Values may be missing, and no others be there.
    if let Ok(stats) = encoder.stats(&request) {
        ensure!(
            passed || stats.timestamp == 7000 || stats.timestamp == 0,
            "the statistics are of another picture"
        );
    }
    Ok(passed)
}
