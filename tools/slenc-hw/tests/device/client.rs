// SPDX-License-Identifier: GPL-2.0

//! A vfio-user client, down to the bytes.

use std::io::{
    IoSlice,
    Read, //
};
use std::mem::MaybeUninit;
use std::os::fd::{
    AsFd,
    BorrowedFd, //
};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::{
    SendAncillaryBuffer,
    SendAncillaryMessage,
    SendFlags, //
};

use slenc_hw::protocol::command;

pub(crate) const BAR0: u32 = 0;
pub(crate) const CONFIG: u32 = 7;

/// Sends requests and checks the form of the replies.
pub(crate) struct Client {
    pub(crate) stream: UnixStream,
    next_id: u16,
}

impl Client {
    pub(crate) fn new(stream: UnixStream) -> Self {
        // A server that hangs fails the test instead of stopping it.
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self { stream, next_id: 1 }
    }

    /// Bytes of a request.
    pub(crate) fn message(id: u16, command: u16, flags: u32, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(id.to_le_bytes());
        out.extend(command.to_le_bytes());
        out.extend((16 + body.len() as u32).to_le_bytes());
        out.extend(flags.to_le_bytes());
        out.extend(0u32.to_le_bytes());
        out.extend(body);
        out
    }

    pub(crate) fn send_raw(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            assert!(control.push(SendAncillaryMessage::ScmRights(fds)));
        }
        let iov = [IoSlice::new(bytes)];
        let sent = rustix::net::sendmsg(&self.stream, &iov, &mut control, SendFlags::NOSIGNAL);
        assert_eq!(sent.unwrap(), bytes.len());
    }

    /// A request and the body of its reply, or its error number.
    pub(crate) fn request(
        &mut self,
        command: u16,
        body: &[u8],
        fds: &[BorrowedFd<'_>],
    ) -> Result<Vec<u8>, u32> {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        self.send_raw(&Self::message(id, command, 0, body), fds);
        self.reply(id, command)
    }

    pub(crate) fn reply(&mut self, id: u16, command: u16) -> Result<Vec<u8>, u32> {
        let mut header = [0; 16];
        self.stream.read_exact(&mut header).unwrap();
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        assert_eq!(word(0), u32::from(id) | (u32::from(command) << 16));
        let mut body = vec![0; word(4) as usize - 16];
        self.stream.read_exact(&mut body).unwrap();
        match (word(8), word(12)) {
            (1, 0) => Ok(body),
            (0x21, errno) if errno != 0 && body.is_empty() => Err(errno),
            other => panic!("flags and errno {other:x?}"),
        }
    }

    pub(crate) fn negotiate(&mut self) {
        let body = self
            .request(command::VERSION, b"\0\0\0\0{}\0", &[])
            .unwrap();
        assert_eq!(body[..4], [0; 4]);
        assert_eq!(body.last(), Some(&0));
    }

    pub(crate) fn map(
        &mut self,
        flags: u32,
        offset: u64,
        addr: u64,
        size: u64,
        fd: Option<BorrowedFd<'_>>,
    ) -> Result<(), u32> {
        let mut body = words(&[32, flags]);
        for value in [offset, addr, size] {
            body.extend(value.to_le_bytes());
        }
        let fds: Vec<_> = fd.into_iter().collect();
        let reply = self.request(command::DMA_MAP, &body, &fds)?;
        assert!(reply.is_empty());
        Ok(())
    }

    /// Returns the bytes withdrawn.
    pub(crate) fn unmap(&mut self, flags: u32, addr: u64, size: u64) -> Result<u64, u32> {
        let mut body = words(&[24, flags]);
        body.extend(addr.to_le_bytes());
        body.extend(size.to_le_bytes());
        let reply = self.request(command::DMA_UNMAP, &body, &[])?;
        Ok(u64::from_le_bytes(reply[16..24].try_into().unwrap()))
    }

    pub(crate) fn set_irqs(
        &mut self,
        index: u32,
        flags: u32,
        start: u32,
        count: u32,
        fd: Option<BorrowedFd<'_>>,
    ) -> Result<(), u32> {
        let fds: Vec<_> = fd.into_iter().collect();
        let body = words(&[20, flags, index, start, count]);
        self.request(command::DEVICE_SET_IRQS, &body, &fds)?;
        Ok(())
    }

    pub(crate) fn read(&mut self, region: u32, at: u64, count: u32) -> Result<Vec<u8>, u32> {
        let mut body = at.to_le_bytes().to_vec();
        body.extend(words(&[region, count]));
        let reply = self.request(command::REGION_READ, &body, &[])?;
        assert_eq!(reply[..16], body);
        assert_eq!(reply.len(), 16 + count as usize);
        Ok(reply[16..].to_vec())
    }

    pub(crate) fn write(&mut self, region: u32, at: u64, data: &[u8]) -> Result<(), u32> {
        let body = write_body(region, at, data);
        let reply = self.request(command::REGION_WRITE, &body, &[])?;
        assert_eq!(reply, body[..16]);
        Ok(())
    }

    /// A write that asks for no reply, as QEMU does.
    pub(crate) fn post(&mut self, region: u32, at: u64, data: &[u8]) {
        let body = write_body(region, at, data);
        self.send_raw(&Self::message(0, command::REGION_WRITE, 0x10, &body), &[]);
    }

    pub(crate) fn read32(&mut self, region: u32, at: u64) -> u32 {
        let data = self.read(region, at, 4).unwrap();
        u32::from_le_bytes(data.try_into().unwrap())
    }

    pub(crate) fn write32(&mut self, region: u32, at: u64, value: u32) {
        self.write(region, at, &value.to_le_bytes()).unwrap();
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

pub(crate) fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

pub(crate) fn write_body(region: u32, at: u64, data: &[u8]) -> Vec<u8> {
    let mut body = at.to_le_bytes().to_vec();
    body.extend(words(&[region, data.len() as u32]));
    body.extend(data);
    body
}
