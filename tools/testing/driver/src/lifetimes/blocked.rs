// SPDX-License-Identifier: GPL-2.0

//! Calls that wait when the driver is unbound: all of them return.

use super::{
    lasting,
    video_is_gone,
    LIMIT, //
};
use crate::{
    encoder::{
        idr,
        Encoder, //
    },
    expect::ensure,
    ktap::Ktap,
    rig::{
        unbind,
        Fault,
        STEP, //
    },
};
use rustix::{
    event::{
        poll,
        PollFd,
        PollFlags, //
    },
    fs::{
        fcntl_getfl,
        fcntl_setfl,
        OFlags, //
    },
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
        sys::{
            drain,
            video::{
                self,
                Dequeued, //
            },
        },
        uapi::V4L2_EVENT_EOS,
    },
};
use std::{
    io,
    os::fd::{
        AsFd,
        BorrowedFd, //
    },
    sync::mpsc::{
        channel,
        Receiver, //
    },
    thread,
    time::Duration,
};

pub(super) fn run(ktap: &mut Ktap) {
    ktap.test(
        "unbinding wakes DQBUF on CAPTURE that waits without a job",
        LIMIT,
        || lasting(|| dequeue_fails(CAPTURE)),
    );
    ktap.test(
        "unbinding wakes DQBUF on OUTPUT that waits without a job",
        LIMIT,
        || lasting(|| dequeue_fails(OUTPUT)),
    );
    ktap.test(
        "unbinding wakes DQBUF on CAPTURE that waits for a job",
        LIMIT,
        || lasting(dequeue_of_a_job),
    );
    ktap.test("unbinding wakes poll for buffers", LIMIT, || {
        lasting(|| poll_fails(PollFlags::IN | PollFlags::OUT))
    });
    ktap.test("unbinding wakes poll for events", LIMIT, || {
        lasting(|| poll_fails(PollFlags::PRI))
    });
    ktap.test("unbinding wakes poll for a request", LIMIT, || {
        lasting(poll_of_a_request)
    });
}

/// A call that waits in a thread of its own, with a descriptor of its own.
struct Blocked<T> {
    what: &'static str,
    result: Receiver<T>,
}

impl<T: Send + 'static> Blocked<T> {
    /// Starts the call, and sees that it waits.
    fn start(
        fd: BorrowedFd<'_>,
        what: &'static str,
        call: impl FnOnce(BorrowedFd<'_>) -> T + Send + 'static,
    ) -> Result<Self> {
        let fd = fd.try_clone_to_owned().context("dup")?;
        let (sender, result) = channel();
        thread::spawn(move || {
            let result = call(fd.as_fd());
            // Before anybody knows: what the test closes next is to be the last.
            drop(fd);
            let _ = sender.send(result);
        });
        if result.recv_timeout(Duration::from_millis(200)).is_ok() {
            return Err(Error::new(format!("{what} does not wait")));
        }
        Ok(Self { what, result })
    }

    /// What the call returned, which it has to by now.
    fn ended(self) -> Result<T> {
        self.result
            .recv_timeout(STEP)
            .map_err(|_| Error::new(format!("{} still waits after unbinding", self.what)))
    }
}

/// Lets calls on a file wait.
fn set_blocking(fd: BorrowedFd<'_>) -> Result<()> {
    let flags = fcntl_getfl(fd).context("F_GETFL")?;
    fcntl_setfl(fd, flags - OFlags::NONBLOCK).context("F_SETFL")
}

fn start_dequeue(encoder: &Encoder, queue: u32) -> Result<Blocked<io::Result<Option<Dequeued>>>> {
    set_blocking(encoder.video.as_fd())?;
    Blocked::start(encoder.video.as_fd(), "DQBUF", move |fd| {
        video::dequeue_buffer(fd, queue)
    })
}

fn dequeue_fails(queue: u32) -> Result<()> {
    let encoder = Encoder::streaming()?;
    match queue {
        CAPTURE => encoder.queue_coded(0),
        _ => encoder.queue_source(0, 0, None),
    }
    .context("QBUF")?;
    let blocked = start_dequeue(&encoder, queue)?;
    unbind()?;
    let result = blocked.ended()?;
    ensure!(result.is_err(), "DQBUF gave a buffer: {result:?}");
    video_is_gone(&encoder.video)
}

fn dequeue_of_a_job() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    let _fault = Fault::new("hang")?;
    encoder.submit(&request, 0, &idr())?;
    let blocked = start_dequeue(&encoder, CAPTURE)?;
    unbind()?;
    match blocked.ended()? {
        Err(_) => {}
        Ok(Some(buffer)) if is_error(&buffer) => {}
        Ok(other) => return Err(Error::new(format!("DQBUF gave {other:?}"))),
    }
    video_is_gone(&encoder.video)
}

/// Waits for events, however long it takes.
fn wait_for(fd: BorrowedFd<'_>, events: PollFlags) -> io::Result<PollFlags> {
    let mut fds = [PollFd::new(&fd, events)];
    poll(&mut fds, None)?;
    Ok(fds[0].revents())
}

fn poll_fails(events: PollFlags) -> Result<()> {
    let encoder = Encoder::streaming()?;
    drain::subscribe(encoder.video.as_fd(), V4L2_EVENT_EOS).context("SUBSCRIBE_EVENT")?;
    encoder.queue_coded(0).context("QBUF CAPTURE")?;
    let blocked = Blocked::start(encoder.video.as_fd(), "poll", move |fd| {
        wait_for(fd, events)
    })?;
    unbind()?;
    let got = blocked.ended()?.context("poll")?;
    ensure!(
        got.intersects(PollFlags::ERR | PollFlags::HUP),
        "poll reports {got:?}, no error"
    );
    video_is_gone(&encoder.video)
}

fn poll_of_a_request() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    let _fault = Fault::new("hang")?;
    encoder.submit(&request, 0, &idr())?;
    let blocked = Blocked::start(request.as_fd(), "poll", |fd| wait_for(fd, PollFlags::PRI))?;
    unbind()?;
    let got = blocked.ended()?.context("poll")?;
    ensure!(
        got.contains(PollFlags::PRI),
        "poll of the request reports {got:?}"
    );
    let stats = encoder.stats(&request);
    ensure!(stats.is_err(), "statistics can be read after unbinding");
    Ok(())
}
