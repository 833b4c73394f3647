// SPDX-License-Identifier: GPL-2.0

//! One client: receives requests, asks the device, sends replies.

use std::io::{
    self,
    IoSliceMut,
    Write, //
};
use std::mem::MaybeUninit;
use std::os::fd::{
    AsFd,
    BorrowedFd,
    OwnedFd, //
};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{
    PollFd,
    PollFlags, //
};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer,
    RecvAncillaryMessage,
    RecvFlags, //
};

use crate::config_space::CONFIG_SIZE;
use crate::device::Device;
use crate::protocol::{
    self,
    FramingError,
    Header,
    RegionWrite,
    Request,
    HEADER_SIZE,
    MAX_FDS, //
};
use crate::registers::BAR0_SIZE;

const REGIONS: u32 = 9;
const REGION_BAR0: u32 = 0;
const REGION_CONFIG: u32 = 7;

const IRQS: u32 = 5;
const IRQ_MSI: u32 = 1;
/// QEMU warns about a device without it. It is never raised.
const IRQ_ERR: u32 = 3;

const IRQ_DATA_NONE: u32 = 1 << 0;
const IRQ_DATA_EVENTFD: u32 = 1 << 2;
const IRQ_ACTION_TRIGGER: u32 = 1 << 5;

/// A client that takes no replies for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a connection ended before its time.
#[derive(Debug)]
pub enum Error {
    /// The socket failed, or the client closed it in the middle of a message.
    Io(io::Error),
    /// What the client sends is no sequence of messages.
    Framing(FramingError),
    /// The first message was no version this server speaks.
    NoVersion,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(e) => e.fmt(f),
            Self::Framing(e) => e.fmt(f),
            Self::NoVersion => f.write_str("no version of vfio-user that is known"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

impl From<Errno> for Error {
    fn from(e: Errno) -> Self {
        Self::Io(e.into())
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client closed it between two messages.
    Closed,
    /// The stop descriptor became readable.
    Stopped,
}

/// Serves `client` until it closes the connection, or `stop` becomes readable.
///
/// Afterwards nothing the client gave is used any more.
///
/// # Errors
///
/// Why the connection could not be continued. The device is as after a close.
pub fn serve(
    client: UnixStream,
    device: &Device,
    stop: Option<BorrowedFd<'_>>,
) -> Result<End, Error> {
    let mut connection = Connection { client, stop };
    let end = connection.run(device);
    device.disconnect();
    match end {
        // A client that was killed did not read all replies.
        Err(Error::Io(e))
            if matches!(
                e.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
            ) =>
        {
            Ok(End::Closed)
        }
        other => other,
    }
}

struct Connection<'a> {
    client: UnixStream,
    stop: Option<BorrowedFd<'a>>,
}

/// What arrived.
enum Received {
    All,
    Ended(End),
}

impl Connection<'_> {
    fn run(&mut self, device: &Device) -> Result<End, Error> {
        self.client.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let mut negotiated = false;
        let mut body = Vec::new();
        loop {
            let mut fds = Vec::new();
            let mut bytes = [0; HEADER_SIZE];
            if let Received::Ended(end) = self.receive(&mut bytes, &mut fds)? {
                return Ok(end);
            }
            let header = Header::parse(&bytes).map_err(Error::Framing)?;
            body.resize(header.body_size, 0);
            match self.receive(&mut body, &mut fds)? {
                Received::All => {}
                Received::Ended(End::Closed) if !body.is_empty() => {
                    return Err(Error::Io(io::ErrorKind::UnexpectedEof.into()));
                }
                Received::Ended(end) => return Ok(end),
            }
            let request = Request::parse(header.command, &body);
            log::trace!("{request:x?}");
            if !negotiated {
                if !matches!(request, Ok(Request::Version { major: 0, .. })) {
                    self.client
                        .write_all(&header.reply(Err(Errno::PROTONOSUPPORT)))?;
                    return Err(Error::NoVersion);
                }
                negotiated = true;
            }
            let outcome = request.and_then(|request| handle(device, request, fds));
            if let Err(e) = &outcome {
                log::warn!("command {}: {e}", header.command);
            }
            if header.wants_reply {
                self.client
                    .write_all(&header.reply(outcome.as_deref().map_err(|e| *e)))?;
            }
        }
    }

    /// Receives `data.len()` bytes, and the descriptors that come with them.
    fn receive(&mut self, data: &mut [u8], fds: &mut Vec<OwnedFd>) -> Result<Received, Error> {
        let mut done = 0;
        while done < data.len() {
            if self.stopped()? {
                return Ok(Received::Ended(End::Stopped));
            }
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut iov = [IoSliceMut::new(&mut data[done..])];
            let received = rustix::io::retry_on_intr(|| {
                rustix::net::recvmsg(
                    &self.client,
                    &mut iov,
                    &mut control,
                    RecvFlags::CMSG_CLOEXEC,
                )
            })?;
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(rights) = message {
                    fds.extend(rights);
                }
            }
            match received.bytes {
                0 if done == 0 => return Ok(Received::Ended(End::Closed)),
                0 => return Err(Error::Io(io::ErrorKind::UnexpectedEof.into())),
                n => done += n,
            }
        }
        Ok(Received::All)
    }

    /// Waits for the client to send, or to be told to stop.
    fn stopped(&self) -> Result<bool, Error> {
        let Some(stop) = self.stop else {
            return Ok(false);
        };
        let mut fds = [
            PollFd::new(&self.client, PollFlags::IN),
            PollFd::from_borrowed_fd(stop.as_fd(), PollFlags::IN),
        ];
        rustix::io::retry_on_intr(|| rustix::event::poll(&mut fds, None))?;
        Ok(!fds[1].revents().is_empty())
    }
}

/// Carries out a request. Returns the body of the reply.
fn handle(device: &Device, request: Request<'_>, mut fds: Vec<OwnedFd>) -> Result<Vec<u8>, Errno> {
    if fds.len() > 1 {
        return Err(Errno::INVAL);
    }
    let fd = fds.pop();
    match request {
        Request::Version { major: 0, .. } => Ok(protocol::version_reply()),
        Request::Version { .. } => Err(Errno::PROTONOSUPPORT),
        Request::DmaMap {
            flags,
            offset,
            addr,
            size,
        } => {
            log::debug!(
                "map {addr:#x}, {size:#x} bytes, flags {flags:#x}, shared {}",
                fd.is_some()
            );
            device.map(flags, offset, addr, size, fd)?;
            Ok(Vec::new())
        }
        Request::DmaUnmap { flags, addr, size } => {
            const DIRTY_BITMAP: u32 = 1 << 0;
            const ALL: u32 = 1 << 1;
            log::debug!("unmap {addr:#x}, {size:#x} bytes, flags {flags:#x}");
            if flags & DIRTY_BITMAP != 0 {
                return Err(Errno::OPNOTSUPP);
            }
            let bytes = device.unmap(flags & ALL != 0, addr, size)?;
            Ok(protocol::unmap_reply(flags, addr, bytes))
        }
        Request::DeviceInfo => Ok(protocol::device_info_reply(REGIONS, IRQS)),
        Request::RegionInfo { index } if index < REGIONS => {
            Ok(protocol::region_info_reply(index, region_size(index)))
        }
        Request::RegionInfo { .. } => Err(Errno::INVAL),
        Request::IrqInfo { index } if index < IRQS => {
            let count = u32::from(matches!(index, IRQ_MSI | IRQ_ERR));
            Ok(protocol::irq_info_reply(index, count))
        }
        Request::IrqInfo { .. } => Err(Errno::INVAL),
        Request::SetIrqs {
            flags,
            index,
            start,
            count,
        } => {
            set_irqs(device, flags, index, (start, count), fd)?;
            Ok(Vec::new())
        }
        Request::RegionRead {
            region,
            offset,
            count,
        } => {
            let at = check_access(region, offset, count as usize)?;
            let mut data = vec![0; count as usize];
            match region {
                REGION_BAR0 => device.read_registers(offset, &mut data),
                _ => device.read_config(at, &mut data),
            }
            Ok(protocol::region_read_reply(region, offset, &data))
        }
        Request::RegionWrite(write) => {
            write_region(device, &write)?;
            Ok(protocol::region_write_reply(
                write.region,
                write.offset,
                write.data.len(),
            ))
        }
        Request::RegionWriteMulti(writes) => {
            for write in &writes {
                write_region(device, write)?;
            }
            Ok((writes.len() as u64).to_le_bytes().to_vec())
        }
        Request::Reset => {
            log::info!("device reset");
            device.reset();
            Ok(Vec::new())
        }
    }
}

fn region_size(index: u32) -> u64 {
    match index {
        REGION_BAR0 => BAR0_SIZE,
        REGION_CONFIG => CONFIG_SIZE,
        _ => 0,
    }
}

/// Checks that an access lies within its region. Returns its offset.
fn check_access(region: u32, offset: u64, count: usize) -> Result<usize, Errno> {
    match offset.checked_add(count as u64) {
        Some(end) if end <= region_size(region) => Ok(offset as usize),
        _ => Err(Errno::INVAL),
    }
}

fn write_region(device: &Device, write: &RegionWrite<'_>) -> Result<(), Errno> {
    let at = check_access(write.region, write.offset, write.data.len())?;
    match write.region {
        REGION_BAR0 => device.write_registers(write.offset, write.data),
        REGION_CONFIG => device.write_config(at, write.data),
        // An empty write to a region that does not exist.
        _ => return Err(Errno::INVAL),
    }
    Ok(())
}

fn set_irqs(
    device: &Device,
    flags: u32,
    index: u32,
    (start, count): (u32, u32),
    fd: Option<OwnedFd>,
) -> Result<(), Errno> {
    match index {
        IRQ_MSI => {}
        IRQ_ERR => return Ok(()),
        _ => return Err(Errno::INVAL),
    }
    const NONE: u32 = IRQ_DATA_NONE | IRQ_ACTION_TRIGGER;
    const EVENTFD: u32 = IRQ_DATA_EVENTFD | IRQ_ACTION_TRIGGER;
    match (flags, start, count) {
        (NONE, 0, 0) => device.set_msi(None),
        (NONE, 0, 1) => {
            device.spurious_interrupt();
            Ok(())
        }
        // Without a descriptor the vector has no receiver.
        (EVENTFD, 0, 1) => device.set_msi(fd),
        _ => Err(Errno::INVAL),
    }
}
