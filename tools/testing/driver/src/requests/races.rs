// SPDX-License-Identifier: GPL-2.0

//! Requests, while the file's controls are set by another thread.

use super::Test;
use crate::{
    encoder::{
        idr,
        Encoder, //
    },
    expect::{
        ensure,
        equal, //
    },
};
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::{
        sys::control::{
            self,
            ControlError,
            ExtControl,
            Which, //
        },
        uapi::*,
    },
};
use std::{
    io,
    os::fd::AsFd,
    sync::atomic::{
        AtomicBool,
        Ordering, //
    },
    thread,
    time::{
        Duration,
        Instant, //
    },
};

pub(super) const TESTS: &[Test] = &[(
    "a request's values are its picture's, whatever is set on the file meanwhile",
    values_in_a_race,
)];

const FRAME_QP: u32 = V4L2_CID_STATELESS_ENC_FRAME_QP;

fn source(err: ControlError) -> io::Error {
    err.source
}

fn values_in_a_race() -> Result<()> {
    // A debug kernel needs its time for a picture, as the other thread takes the lock
    // again and again.
    const PICTURES: i32 = 300;
    const TIME: Duration = Duration::from_secs(20);
    let end = Instant::now() + TIME;
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let setter = scope.spawn(|| -> Result<u32> {
            let mut count = 0;
            while !done.load(Ordering::Relaxed) {
                control::set(
                    encoder.video.as_fd(),
                    Which::Current,
                    &mut [ExtControl::int(FRAME_QP, 51)],
                )
                .map_err(source)
                .context("FRAME_QP of the file")?;
                count += 1;
            }
            Ok(count)
        });
        let in_time = |number: &i32| *number < 20 || Instant::now() < end;
        let coded = (0..PICTURES).take_while(in_time).try_for_each(|number| {
            let qp = 20 + number % 20;
            control::set(
                encoder.video.as_fd(),
                Which::Request(request.as_fd()),
                &mut [ExtControl::int(FRAME_QP, qp)],
            )
            .map_err(source)
            .context("FRAME_QP of the request")?;
            encoder.encode(&request, &idr())?;
            let stats = encoder
                .stats(&request)
                .map_err(source)
                .context("statistics")?;
            equal("QP", i32::from(stats.qp_requested), qp)?;
            request.reinit().context("REINIT")
        });
        done.store(true, Ordering::Relaxed);
        let count = setter
            .join()
            .map_err(|_| Error::new("the thread that sets values died"))??;
        ensure!(count > 0, "nothing was set meanwhile");
        coded
    })
}
