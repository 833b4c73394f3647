// SPDX-License-Identifier: GPL-2.0

//! Messages of the vfio-user protocol, as bytes: parsing of requests, building of replies.
//!
//! This file does no input or output and cannot panic on any input. Message layouts and numbers
//! are those of QEMU's `docs/interop/vfio-user.rst`, version 0.0 of the protocol.

use rustix::io::Errno;

use crate::le::{
    u16_at,
    u32_at,
    u64_at, //
};

/// Bytes of a message's header.
pub const HEADER_SIZE: usize = 16;

/// Bytes of data that one region access may carry, told to the client.
pub const MAX_DATA: usize = 1 << 20;

/// Bytes of the largest message this server accepts.
pub const MAX_MESSAGE: usize = HEADER_SIZE + 64 + MAX_DATA;

/// File descriptors one message may carry, told to the client.
pub const MAX_FDS: usize = 8;

const TYPE_MASK: u32 = 0xf;
const TYPE_COMMAND: u32 = 0;
const TYPE_REPLY: u32 = 1;
const FLAG_NO_REPLY: u32 = 1 << 4;
const FLAG_ERROR: u32 = 1 << 5;

/// Numbers of the commands a client sends.
pub mod command {
    /// Version and capability negotiation, the first message.
    pub const VERSION: u16 = 1;
    /// Announces a range of guest memory.
    pub const DMA_MAP: u16 = 2;
    /// Withdraws ranges of guest memory.
    pub const DMA_UNMAP: u16 = 3;
    /// Numbers of regions and interrupts.
    pub const DEVICE_GET_INFO: u16 = 4;
    /// Size and access of one region.
    pub const DEVICE_GET_REGION_INFO: u16 = 5;
    /// Number of vectors of one kind of interrupt.
    pub const DEVICE_GET_IRQ_INFO: u16 = 7;
    /// Sets the event descriptors of interrupts.
    pub const DEVICE_SET_IRQS: u16 = 8;
    /// Reads from a region.
    pub const REGION_READ: u16 = 9;
    /// Writes to a region.
    pub const REGION_WRITE: u16 = 10;
    /// Resets the device.
    pub const DEVICE_RESET: u16 = 13;
    /// Several small writes in one message.
    pub const REGION_WRITE_MULTI: u16 = 15;
}

/// Header of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Chosen by the client, comes back in the reply.
    pub id: u16,
    /// One of [`command`].
    pub command: u16,
    /// Bytes that follow the header.
    pub body_size: usize,
    /// Whether the client wants to hear how it went.
    pub wants_reply: bool,
}

/// A header after which the byte stream cannot be trusted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// The message size is below the header's or above the limit.
    Size(u32),
    /// The message is no command.
    Type(u32),
}

impl std::fmt::Display for FramingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Size(size) => write!(f, "message of {size} bytes"),
            Self::Type(flags) => write!(f, "message that is no command, flags {flags:#x}"),
        }
    }
}

impl std::error::Error for FramingError {}

impl Header {
    /// Parses a header.
    ///
    /// # Errors
    ///
    /// A [`FramingError`] after which the connection has to be closed.
    pub fn parse(bytes: &[u8; HEADER_SIZE]) -> Result<Self, FramingError> {
        let size = u32_at(bytes, 4);
        let flags = u32_at(bytes, 8);
        let total = size as usize;
        if !(HEADER_SIZE..=MAX_MESSAGE).contains(&total) {
            return Err(FramingError::Size(size));
        }
        if flags & TYPE_MASK != TYPE_COMMAND {
            return Err(FramingError::Type(flags));
        }
        Ok(Self {
            id: u16_at(bytes, 0),
            command: u16_at(bytes, 2),
            body_size: total - HEADER_SIZE,
            wants_reply: flags & FLAG_NO_REPLY == 0,
        })
    }

    /// The reply message to this request.
    pub fn reply(&self, outcome: Result<&[u8], Errno>) -> Vec<u8> {
        let (body, flags, errno) = match outcome {
            Ok(body) => (body, TYPE_REPLY, 0),
            Err(e) => (&[][..], TYPE_REPLY | FLAG_ERROR, e.raw_os_error()),
        };
        let size = u32::try_from(HEADER_SIZE + body.len()).unwrap_or(u32::MAX);
        let mut out = Vec::with_capacity(HEADER_SIZE + body.len());
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.command.to_le_bytes());
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(&errno.to_le_bytes());
        out.extend_from_slice(body);
        out
    }
}

/// One write to a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionWrite<'a> {
    /// Region index.
    pub region: u32,
    /// Offset in the region.
    pub offset: u64,
    /// Bytes written.
    pub data: &'a [u8],
}

/// A request, of whose fields only the lengths are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Protocol version of the client. Its capabilities, a JSON object, limit nothing that
    /// this server sends and are not looked at.
    Version {
        /// Has to be equal on both sides.
        major: u16,
        /// The lower one counts.
        minor: u16,
    },
    /// Announces guest memory.
    DmaMap {
        /// Bit 0 readable, bit 1 writable.
        flags: u32,
        /// Where the range begins in the file.
        offset: u64,
        /// Bus address.
        addr: u64,
        /// Bytes.
        size: u64,
    },
    /// Withdraws guest memory.
    DmaUnmap {
        /// Bit 0 asks for a dirty bitmap, bit 1 means all.
        flags: u32,
        /// Bus address.
        addr: u64,
        /// Bytes.
        size: u64,
    },
    /// Asks for numbers of regions and interrupts.
    DeviceInfo,
    /// Asks about a region.
    RegionInfo {
        /// Region index.
        index: u32,
    },
    /// Asks about interrupts.
    IrqInfo {
        /// Interrupt index.
        index: u32,
    },
    /// Sets event descriptors.
    SetIrqs {
        /// Kind of data and action.
        flags: u32,
        /// Interrupt index.
        index: u32,
        /// First vector.
        start: u32,
        /// Number of vectors.
        count: u32,
    },
    /// Reads from a region.
    RegionRead {
        /// Region index.
        region: u32,
        /// Offset in the region.
        offset: u64,
        /// Bytes to read.
        count: u32,
    },
    /// Writes to a region.
    RegionWrite(RegionWrite<'a>),
    /// Writes to regions, in order.
    RegionWriteMulti(Vec<RegionWrite<'a>>),
    /// Resets the device.
    Reset,
}

/// Bytes of one entry of a REGION_WRITE_MULTI message.
const MULTI_ENTRY: usize = 24;

impl<'a> Request<'a> {
    /// Parses the body of a message.
    ///
    /// # Errors
    ///
    /// `EINVAL` when the body is too short for the command, `ENOTSUP` when the command is not
    /// known.
    pub fn parse(command: u16, body: &'a [u8]) -> Result<Self, Errno> {
        let need = match command {
            command::VERSION => 4,
            command::DMA_MAP => 32,
            command::DMA_UNMAP => 24,
            command::DEVICE_GET_INFO
            | command::DEVICE_GET_REGION_INFO
            | command::DEVICE_GET_IRQ_INFO => 16,
            command::DEVICE_SET_IRQS => 20,
            command::REGION_READ | command::REGION_WRITE => 16,
            command::DEVICE_RESET => 0,
            command::REGION_WRITE_MULTI => 8,
            _ => return Err(Errno::OPNOTSUPP),
        };
        if body.len() < need {
            return Err(Errno::INVAL);
        }
        Ok(match command {
            command::VERSION => Self::Version {
                major: u16_at(body, 0),
                minor: u16_at(body, 2),
            },
            command::DMA_MAP => Self::DmaMap {
                flags: u32_at(body, 4),
                offset: u64_at(body, 8),
                addr: u64_at(body, 16),
                size: u64_at(body, 24),
            },
            command::DMA_UNMAP => Self::DmaUnmap {
                flags: u32_at(body, 4),
                addr: u64_at(body, 8),
                size: u64_at(body, 16),
            },
            command::DEVICE_GET_INFO => Self::DeviceInfo,
            command::DEVICE_GET_REGION_INFO => Self::RegionInfo {
                index: u32_at(body, 8),
            },
            command::DEVICE_GET_IRQ_INFO => Self::IrqInfo {
                index: u32_at(body, 8),
            },
            command::DEVICE_SET_IRQS => Self::SetIrqs {
                flags: u32_at(body, 4),
                index: u32_at(body, 8),
                start: u32_at(body, 12),
                count: u32_at(body, 16),
            },
            command::REGION_READ => Self::RegionRead {
                offset: u64_at(body, 0),
                region: u32_at(body, 8),
                count: u32_at(body, 12),
            },
            command::REGION_WRITE => {
                let count = u32_at(body, 12) as usize;
                Self::RegionWrite(RegionWrite {
                    offset: u64_at(body, 0),
                    region: u32_at(body, 8),
                    data: body[16..].get(..count).ok_or(Errno::INVAL)?,
                })
            }
            command::REGION_WRITE_MULTI => Self::RegionWriteMulti(parse_multi(body)?),
            _ => Self::Reset,
        })
    }
}

fn parse_multi(body: &[u8]) -> Result<Vec<RegionWrite<'_>>, Errno> {
    let count = usize::try_from(u64_at(body, 0)).map_err(|_| Errno::INVAL)?;
    let bytes = count.checked_mul(MULTI_ENTRY).ok_or(Errno::INVAL)?;
    let entries = body[8..].get(..bytes).ok_or(Errno::INVAL)?;
    entries
        .chunks_exact(MULTI_ENTRY)
        .map(|entry| {
            Ok(RegionWrite {
                offset: u64_at(entry, 0),
                region: u32_at(entry, 8),
                data: entry[16..]
                    .get(..u32_at(entry, 12) as usize)
                    .ok_or(Errno::INVAL)?,
            })
        })
        .collect()
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Body of the reply to [`Request::Version`].
pub fn version_reply() -> Vec<u8> {
    // QEMU's buffer for this reply is as large as its own request: be terse.
    let capabilities = format!(
        "{{\"capabilities\":{{\"max_msg_fds\":{MAX_FDS},\"max_data_xfer_size\":{MAX_DATA},\
         \"write_multiple\":true}}}}\0"
    );
    let mut out = vec![0; 4];
    out.extend_from_slice(capabilities.as_bytes());
    out
}

/// Body of the reply to [`Request::DmaUnmap`].
pub fn unmap_reply(flags: u32, addr: u64, size: u64) -> Vec<u8> {
    let mut out = words(&[24, flags]);
    out.extend_from_slice(&addr.to_le_bytes());
    out.extend_from_slice(&size.to_le_bytes());
    out
}

/// Body of the reply to [`Request::DeviceInfo`].
pub fn device_info_reply(regions: u32, irqs: u32) -> Vec<u8> {
    const RESET: u32 = 1 << 0;
    const PCI: u32 = 1 << 1;
    words(&[16, RESET | PCI, regions, irqs])
}

/// Body of the reply to [`Request::RegionInfo`]; a region of no size does not exist.
pub fn region_info_reply(index: u32, size: u64) -> Vec<u8> {
    const READ: u32 = 1 << 0;
    const WRITE: u32 = 1 << 1;
    let flags = if size == 0 { 0 } else { READ | WRITE };
    let mut out = words(&[32, flags, index, 0]);
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&0u64.to_le_bytes());
    out
}

/// Body of the reply to [`Request::IrqInfo`].
pub fn irq_info_reply(index: u32, count: u32) -> Vec<u8> {
    const EVENTFD: u32 = 1 << 0;
    words(&[16, EVENTFD, index, count])
}

/// Body of the reply to [`Request::RegionRead`].
pub fn region_read_reply(region: u32, offset: u64, data: &[u8]) -> Vec<u8> {
    let mut out = region_write_reply(region, offset, data.len());
    out.extend_from_slice(data);
    out
}

/// Body of the reply to [`Request::RegionWrite`].
pub fn region_write_reply(region: u32, offset: u64, count: usize) -> Vec<u8> {
    let mut out = offset.to_le_bytes().to_vec();
    out.extend(words(&[region, u32::try_from(count).unwrap_or(u32::MAX)]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(command: u16, size: u32, flags: u32) -> [u8; HEADER_SIZE] {
        let mut out = [0; HEADER_SIZE];
        out[2..4].copy_from_slice(&command.to_le_bytes());
        out[4..8].copy_from_slice(&size.to_le_bytes());
        out[8..12].copy_from_slice(&flags.to_le_bytes());
        out
    }

    /// struct vfio_region_info and struct vfio_irq_info begin with argsz, flags and index.
    #[test]
    fn queries_name_their_index_third() {
        let body = words(&[32, 1, 2, 3]);
        assert_eq!(
            Request::parse(command::DEVICE_GET_REGION_INFO, &body),
            Ok(Request::RegionInfo { index: 2 })
        );
        assert_eq!(
            Request::parse(command::DEVICE_GET_IRQ_INFO, &body),
            Ok(Request::IrqInfo { index: 2 })
        );
    }

    #[test]
    fn header_limits() {
        assert_eq!(
            Header::parse(&header(1, 15, 0)),
            Err(FramingError::Size(15))
        );
        let above = MAX_MESSAGE as u32 + 1;
        assert_eq!(
            Header::parse(&header(1, above, 0)),
            Err(FramingError::Size(above))
        );
        assert_eq!(Header::parse(&header(1, 16, 1)), Err(FramingError::Type(1)));
        let parsed = Header::parse(&header(9, 32, FLAG_NO_REPLY)).unwrap();
        assert_eq!((parsed.body_size, parsed.wants_reply), (16, false));
    }

    #[test]
    fn short_bodies_are_refused() {
        for (command, need) in [(1, 4), (2, 32), (3, 24), (5, 16), (8, 20), (9, 16), (15, 8)] {
            assert_eq!(
                Request::parse(command, &vec![0; need - 1]),
                Err(Errno::INVAL)
            );
            assert!(Request::parse(command, &vec![0; need]).is_ok());
        }
        assert_eq!(Request::parse(99, &[0; 64]), Err(Errno::OPNOTSUPP));
    }

    #[test]
    fn write_longer_than_its_message_is_refused() {
        let mut body = vec![0; 20];
        body[12] = 5;
        assert_eq!(
            Request::parse(command::REGION_WRITE, &body),
            Err(Errno::INVAL)
        );
        let mut body = vec![0; 8 + MULTI_ENTRY];
        body[0] = 2;
        assert_eq!(
            Request::parse(command::REGION_WRITE_MULTI, &body),
            Err(Errno::INVAL)
        );
        body[0] = 1;
        body[8 + 12] = 9;
        assert_eq!(
            Request::parse(command::REGION_WRITE_MULTI, &body),
            Err(Errno::INVAL)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_fail(
            head in any::<[u8; HEADER_SIZE]>(),
            number in 0u16..20,
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = Header::parse(&head);
            if let Ok(Request::RegionWrite(write)) = Request::parse(number, &body) {
                prop_assert!(write.data.len() + 16 <= body.len());
            }
        }
    }
}
