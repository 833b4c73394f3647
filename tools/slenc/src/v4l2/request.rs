// SPDX-License-Identifier: GPL-2.0

//! Media requests: controls and a buffer that belong together.

use super::sys::media;
use rustix::{
    event::{
        poll,
        PollFd,
        PollFlags,
        Timespec, //
    },
    io::Errno,
};
use std::{
    io,
    os::fd::{
        AsFd,
        BorrowedFd,
        OwnedFd, //
    },
    time::{
        Duration,
        Instant, //
    },
};

/// A request, to be used again after [`Request::reinit`].
#[derive(Debug)]
pub struct Request(OwnedFd);

impl Request {
    /// Allocates a request of a media device.
    pub fn new(media: BorrowedFd<'_>) -> io::Result<Self> {
        media::request_alloc(media).map(Self)
    }

    /// Hands it to the driver.
    pub fn queue(&self) -> io::Result<()> {
        media::request_queue(self.as_fd())
    }

    /// Waits until it is completed: false when the time is over.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        wait_for(self.as_fd(), PollFlags::PRI, timeout)
    }

    /// Makes a completed request an empty one.
    pub fn reinit(&self) -> io::Result<()> {
        media::request_reinit(self.as_fd())
    }
}

impl AsFd for Request {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits for events of a descriptor, beyond signals: false when the time is over.
///
/// When the descriptor reports an error instead of the events, that is one here.
pub(super) fn wait_for(
    fd: BorrowedFd<'_>,
    events: PollFlags,
    timeout: Duration,
) -> io::Result<bool> {
    let end = Instant::now() + timeout;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut fds = [PollFd::new(&fd, events)];
        match poll(&mut fds, Some(&left)) {
            Ok(0) => return Ok(false),
            Ok(_) if fds[0].revents().intersects(events) => return Ok(true),
            Ok(_) => return Err(io::Error::other("the driver has nothing to wait for")),
            Err(Errno::INTR) => {}
            Err(err) => return Err(err.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn waiting_ends_with_an_event_or_in_time() {
        let (reader, mut writer) = std::os::unix::net::UnixStream::pair().unwrap();
        let short = Duration::from_millis(10);
        assert!(!wait_for(reader.as_fd(), PollFlags::IN, short).unwrap());
        writer.write_all(b"x").unwrap();
        assert!(wait_for(reader.as_fd(), PollFlags::IN, short).unwrap());
        drop(reader);
        assert!(wait_for(writer.as_fd(), PollFlags::empty(), short).is_err());
    }
}
