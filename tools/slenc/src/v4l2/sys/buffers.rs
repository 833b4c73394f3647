// SPDX-License-Identifier: GPL-2.0

//! Buffer ioctls beyond mapping: memory types, exporting and importing.

use super::{
    plain,
    uapi::*,
    update,
    video::{
        buffer,
        Format, //
    },
    Plain, //
};
use std::{
    io,
    os::fd::{
        AsRawFd,
        BorrowedFd,
        FromRawFd,
        OwnedFd, //
    },
};

plain!(v4l2_exportbuffer, v4l2_create_buffers, v4l2_remove_buffers);

/// What REQBUFS says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocated {
    /// How many buffers there are.
    pub count: u32,
    /// V4L2_BUF_CAP_*.
    pub capabilities: u32,
}

/// REQBUFS of a memory type, V4L2_MEMORY_*.
pub fn request(fd: BorrowedFd<'_>, queue: u32, memory: u32, count: u32) -> io::Result<Allocated> {
    let mut arg = v4l2_requestbuffers::zeroed();
    arg.type_ = queue;
    arg.memory = memory;
    arg.count = count;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_REQBUFS, _>(fd, &mut arg) }?;
    Ok(Allocated {
        count: arg.count,
        capabilities: arg.capabilities,
    })
}

/// CREATE_BUFS with MMAP buffers for a format: the index of the first.
pub fn create(fd: BorrowedFd<'_>, queue: u32, count: u32, format: &Format) -> io::Result<u32> {
    let mut arg = v4l2_create_buffers::zeroed();
    arg.count = count;
    arg.memory = V4L2_MEMORY_MMAP;
    arg.format.type_ = queue;
    arg.format.fmt.pix_mp = format.raw();
    // SAFETY: The argument's type is the ioctl's; formats of a multi-planar queue
    // have no pointers.
    unsafe { update::<VIDIOC_CREATE_BUFS, _>(fd, &mut arg) }?;
    Ok(arg.index)
}

/// CREATE_BUFS of no buffers: V4L2_BUF_CAP_*.
pub fn capabilities(fd: BorrowedFd<'_>, queue: u32, format: &Format) -> io::Result<u32> {
    let mut arg = v4l2_create_buffers::zeroed();
    arg.memory = V4L2_MEMORY_MMAP;
    arg.format.type_ = queue;
    arg.format.fmt.pix_mp = format.raw();
    // SAFETY: As in `create`.
    unsafe { update::<VIDIOC_CREATE_BUFS, _>(fd, &mut arg) }?;
    Ok(arg.capabilities)
}

/// REMOVE_BUFS: removes buffers that the driver does not have.
pub fn remove(fd: BorrowedFd<'_>, queue: u32, index: u32, count: u32) -> io::Result<()> {
    let mut arg = v4l2_remove_buffers::zeroed();
    arg.type_ = queue;
    arg.index = index;
    arg.count = count;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_REMOVE_BUFS, _>(fd, &mut arg) }
}

/// EXPBUF: a plane of an MMAP buffer as a dma-buf, for reading and writing.
pub fn export(fd: BorrowedFd<'_>, queue: u32, index: u32, plane: u32) -> io::Result<OwnedFd> {
    let mut arg = v4l2_exportbuffer::zeroed();
    arg.type_ = queue;
    arg.index = index;
    arg.plane = plane;
    arg.flags = (rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC).bits();
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_EXPBUF, _>(fd, &mut arg) }?;
    if arg.fd < 0 {
        return Err(io::Error::other("the kernel gave no dma-buf"));
    }
    // SAFETY: The kernel has just opened this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(arg.fd) })
}

/// PREPARE_BUF of a multi-planar MMAP buffer with so many bytes in each plane.
pub fn prepare(fd: BorrowedFd<'_>, queue: u32, index: u32, bytes_used: &[u32]) -> io::Result<()> {
    let mut planes = vec![v4l2_plane::zeroed(); bytes_used.len()];
    for (plane, &bytes) in planes.iter_mut().zip(bytes_used) {
        plane.bytesused = bytes;
    }
    let mut arg = buffer(queue, index, &mut planes);
    arg.field = V4L2_FIELD_NONE;
    // SAFETY: The argument's type is the ioctl's; its planes live until after the
    // call, and it says how many there are.
    unsafe { update::<VIDIOC_PREPARE_BUF, _>(fd, &mut arg) }
}

/// A plane whose memory is a dma-buf.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// The memory.
    pub dma_buf: BorrowedFd<'a>,
    /// Bytes of it that are the plane.
    pub length: u32,
    /// Bytes that are filled, with those before the data.
    pub bytes_used: u32,
    /// Where the data begins.
    pub data_offset: u32,
}

/// QBUF of a multi-planar DMABUF buffer. The timestamp is in microseconds.
pub fn queue_imported(
    fd: BorrowedFd<'_>,
    queue: u32,
    index: u32,
    imports: &[Import<'_>],
    timestamp: u64,
    request: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let mut planes: Vec<v4l2_plane> = imports
        .iter()
        .map(|import| {
            let mut plane = v4l2_plane::zeroed();
            plane.m.fd = import.dma_buf.as_raw_fd();
            plane.length = import.length;
            plane.bytesused = import.bytes_used;
            plane.data_offset = import.data_offset;
            plane
        })
        .collect();
    let mut arg = buffer(queue, index, &mut planes);
    arg.memory = V4L2_MEMORY_DMABUF;
    arg.field = V4L2_FIELD_NONE;
    arg.timestamp.tv_sec = (timestamp / 1_000_000) as _;
    arg.timestamp.tv_usec = (timestamp % 1_000_000) as _;
    if let Some(request) = request {
        arg.flags |= V4L2_BUF_FLAG_REQUEST_FD;
        arg.__bindgen_anon_1.request_fd = request.as_raw_fd();
    }
    // SAFETY: The argument's type is the ioctl's; its planes live until after the
    // call, and it says how many there are.
    unsafe { update::<VIDIOC_QBUF, _>(fd, &mut arg) }
}
