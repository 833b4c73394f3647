// SPDX-License-Identifier: GPL-2.0

//! A queue of mapped buffers.

use super::{
    device::Device,
    sys::{
        mapping::Mapping,
        video::{
            self,
            Dequeued, //
        },
    },
    uapi::V4L2_BUF_FLAG_ERROR,
};
use crate::error::{
    Context,
    Error,
    Result, //
};
use std::{
    io,
    os::fd::{
        AsFd,
        BorrowedFd, //
    },
    time::{
        Duration,
        Instant, //
    },
};

/// OUTPUT or CAPTURE queue of a device, with its buffers.
#[derive(Debug)]
pub struct Queue<'a> {
    device: &'a Device,
    kind: u32,
    buffers: Vec<Buffer>,
}

/// A buffer and who has it.
#[derive(Debug)]
struct Buffer {
    planes: Vec<Mapping>,
    queued: bool,
}

impl<'a> Queue<'a> {
    /// Allocates and maps buffers of the format that is set.
    pub fn new(device: &'a Device, kind: u32, count: u32) -> Result<Self> {
        let fd = device.as_fd();
        let given = video::request_buffers(fd, kind, count).map_err(|err| {
            let error = Error::new(format!("the driver gives no {} buffers: {err}", name(kind)));
            match err.kind() {
                io::ErrorKind::OutOfMemory => error.remedy(
                    "give the device more contiguous memory (kernel parameter cma=) or use fewer frames with --in-flight",
                ),
                _ => error,
            }
        })?;
        let mut buffers = Vec::new();
        for index in 0..given {
            let what = || format!("mapping {} buffer {index}", name(kind));
            let planes = video::query_buffer(fd, kind, index)
                .context(what())?
                .iter()
                .map(|plane| Mapping::new(fd, plane.offset.into(), plane.length as usize))
                .collect::<io::Result<_>>()
                .context(what())?;
            buffers.push(Buffer {
                planes,
                queued: false,
            });
        }
        Ok(Self {
            device,
            kind,
            buffers,
        })
    }

    /// How many buffers the driver gave: it may be more or fewer than asked for.
    pub fn len(&self) -> usize {
        self.buffers.len()
    }

    /// Whether there are no buffers.
    pub fn is_empty(&self) -> bool {
        self.buffers.is_empty()
    }

    /// A buffer that the driver does not have.
    pub fn free(&self) -> Option<u32> {
        let index = self.buffers.iter().position(|buffer| !buffer.queued)?;
        Some(index as u32)
    }

    /// The planes of a buffer, to be filled.
    ///
    /// # Panics
    ///
    /// When the driver has the buffer.
    pub fn planes(&mut self, index: u32) -> &mut [Mapping] {
        let buffer = &mut self.buffers[index as usize];
        assert!(!buffer.queued, "the driver has buffer {index}");
        &mut buffer.planes
    }

    /// Hands a buffer to the driver, with so many bytes in each plane and a
    /// timestamp in microseconds.
    pub fn queue(
        &mut self,
        index: u32,
        bytes_used: &[u32],
        timestamp: u64,
        request: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let fd = self.device.as_fd();
        video::queue_buffer(fd, self.kind, index, bytes_used, timestamp, request)?;
        self.buffers[index as usize].queued = true;
        Ok(())
    }

    /// Hands an empty buffer to the driver.
    pub fn queue_empty(&mut self, index: u32) -> io::Result<()> {
        let planes = vec![0; self.buffers[index as usize].planes.len()];
        self.queue(index, &planes, 0, None)
    }

    /// Takes back a buffer that the driver is done with.
    pub fn dequeue(&mut self) -> Result<Option<Dequeued>> {
        let what = format!("taking back a {} buffer", name(self.kind));
        let dequeued = video::dequeue_buffer(self.device.as_fd(), self.kind).context(&what)?;
        let Some(dequeued) = dequeued else {
            return Ok(None);
        };
        match self.buffers.get_mut(dequeued.index as usize) {
            Some(buffer) if buffer.queued => buffer.queued = false,
            _ => {
                return Err(Error::new(format!(
                    "{what}: the driver returned buffer {}, which it did not have",
                    dequeued.index
                )));
            }
        }
        Ok(Some(dequeued))
    }

    /// Takes back a buffer, waiting for it: `None` when the time is over.
    pub fn dequeue_within(&mut self, timeout: Duration) -> Result<Option<Dequeued>> {
        let end = Instant::now() + timeout;
        loop {
            if let Some(dequeued) = self.dequeue()? {
                return Ok(Some(dequeued));
            }
            let left = end.saturating_duration_since(Instant::now());
            if !self
                .device
                .wait(self.kind, left)
                .context(format!("waiting for a {} buffer", name(self.kind)))?
            {
                return Ok(None);
            }
        }
    }

    /// Appends what the driver wrote to a buffer's first plane to `out`.
    ///
    /// # Panics
    ///
    /// When the driver has the buffer.
    pub fn copy_out(&self, dequeued: &Dequeued, out: &mut Vec<u8>) -> Result<()> {
        let buffer = &self.buffers[dequeued.index as usize];
        assert!(!buffer.queued, "the driver has buffer {}", dequeued.index);
        let used = dequeued.bytes_used.first().map_or(0, |&n| n as usize);
        match buffer.planes.first() {
            Some(plane) if used <= plane.len() => plane.read(0, used, out),
            _ => {
                return Err(Error::new(format!(
                    "the driver reports {used} bytes in buffer {}, which has fewer",
                    dequeued.index
                )));
            }
        }
        Ok(())
    }

    /// STREAMON.
    pub fn start(&self) -> Result<()> {
        video::stream_on(self.device.as_fd(), self.kind)
            .context(format!("starting the {} queue", name(self.kind)))
    }

    /// STREAMOFF: all buffers are the client's again.
    pub fn stop(&mut self) -> Result<()> {
        video::stream_off(self.device.as_fd(), self.kind)
            .context(format!("stopping the {} queue", name(self.kind)))?;
        for buffer in &mut self.buffers {
            buffer.queued = false;
        }
        Ok(())
    }
}

/// Whether the driver failed at a buffer.
pub fn is_error(dequeued: &Dequeued) -> bool {
    dequeued.flags & V4L2_BUF_FLAG_ERROR != 0
}

/// The name of a queue as in the V4L2 documentation.
fn name(kind: u32) -> &'static str {
    match kind {
        super::uapi::V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE => "CAPTURE",
        _ => "OUTPUT",
    }
}
