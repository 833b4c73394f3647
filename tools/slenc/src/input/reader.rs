// SPDX-License-Identifier: GPL-2.0

//! Reads pictures ahead in a thread of its own, so that slow input delays
//! neither the device nor an interrupt by the user.

use super::Source;
use crate::error::Result;
use std::{
    sync::mpsc::{
        channel,
        sync_channel,
        Receiver,
        RecvTimeoutError,
        Sender, //
    },
    thread,
    time::Duration,
};

/// What asking for a picture gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A picture.
    Frame(Vec<u8>),
    /// None yet.
    Pending,
    /// There are no more.
    End,
}

/// Pictures from a [`Source`], a few of them in memory.
#[derive(Debug)]
pub struct Reader {
    frames: Receiver<Result<Vec<u8>>>,
    used: Sender<Vec<u8>>,
    ended: bool,
}

impl Reader {
    /// Starts reading at most `limit` pictures, `ahead` of them in advance.
    pub fn new(mut source: Box<dyn Source>, limit: Option<u64>, ahead: usize) -> Self {
        let (sender, frames) = sync_channel(ahead);
        let (used, reuse) = channel::<Vec<u8>>();
        let size = source.video().frame_bytes();
        // The thread is not joined: it may wait for input for ever. It ends with
        // the process, or when nobody takes its pictures any more.
        thread::spawn(move || {
            for _ in 0..limit.unwrap_or(u64::MAX) {
                let mut frame = reuse.try_recv().unwrap_or_else(|_| vec![0; size]);
                let item = match source.read(&mut frame) {
                    Ok(true) => Ok(frame),
                    Ok(false) => break,
                    Err(err) => Err(err),
                };
                let failed = item.is_err();
                if sender.send(item).is_err() || failed {
                    break;
                }
            }
        });
        Self {
            frames,
            used,
            ended: false,
        }
    }

    /// The next picture, after waiting for it at most this long.
    pub fn next(&mut self, timeout: Duration) -> Result<Next> {
        if self.ended {
            return Ok(Next::End);
        }
        match self.frames.recv_timeout(timeout) {
            Ok(Ok(frame)) => Ok(Next::Frame(frame)),
            Ok(Err(err)) => {
                self.ended = true;
                Err(err)
            }
            Err(RecvTimeoutError::Timeout) => Ok(Next::Pending),
            Err(RecvTimeoutError::Disconnected) => {
                self.ended = true;
                Ok(Next::End)
            }
        }
    }

    /// Gives back the memory of a picture.
    pub fn recycle(&self, frame: Vec<u8>) {
        // The thread may have ended, and then the memory is freed.
        let _ = self.used.send(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::Fraction,
        error::Error,
        input::Video,
        picture::Format, //
    };

    /// Pictures of one byte that count up, then an error or the end.
    struct Counter {
        next: u8,
        end: u8,
        fails: bool,
    }

    impl Source for Counter {
        fn video(&self) -> Video {
            Video {
                width: 1,
                height: 1,
                format: Format::Nv12,
                frame_rate: Fraction::new(25, 1),
            }
        }

        fn read(&mut self, frame: &mut [u8]) -> Result<bool> {
            if self.next == self.end {
                return if self.fails {
                    Err(Error::new("broken"))
                } else {
                    Ok(false)
                };
            }
            frame[0] = self.next;
            self.next += 1;
            Ok(true)
        }
    }

    fn read_all(end: u8, fails: bool, limit: Option<u64>) -> (Vec<u8>, bool) {
        let source = Counter {
            next: 0,
            end,
            fails,
        };
        let mut reader = Reader::new(Box::new(source), limit, 2);
        let mut seen = Vec::new();
        loop {
            match reader.next(Duration::from_secs(5)) {
                Ok(Next::Frame(frame)) => {
                    seen.push(frame[0]);
                    reader.recycle(frame);
                }
                Ok(Next::End) => return (seen, true),
                Ok(Next::Pending) => panic!("no picture in time"),
                Err(_) => return (seen, false),
            }
        }
    }

    #[test]
    fn pictures_come_in_order_up_to_the_limit() {
        assert_eq!(read_all(9, false, None), ((0..9).collect(), true));
        assert_eq!(read_all(9, true, Some(4)), ((0..4).collect(), true));
        assert_eq!(read_all(0, false, None), (vec![], true));
    }

    #[test]
    fn an_error_comes_after_the_pictures_before_it() {
        assert_eq!(read_all(3, true, None), (vec![0, 1, 2], false));
    }
}
