// SPDX-License-Identifier: GPL-2.0

//! dma-bufs of a heap: contiguous memory that is no device's.
//!
//! C header: `linux/dma-heap.h`

use super::{
    update,
    Plain, //
};
use rustix::{
    fs::OFlags,
    ioctl::opcode, //
};
use std::{
    fs::File,
    io,
    os::fd::{
        AsFd,
        FromRawFd,
        OwnedFd, //
    },
    path::Path,
};

/// `struct dma_heap_allocation_data`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Allocation {
    len: u64,
    fd: u32,
    fd_flags: u32,
    heap_flags: u64,
}

// SAFETY: It is made of integers.
unsafe impl Plain for Allocation {}

const DMA_HEAP_IOCTL_ALLOC: u32 = opcode::read_write::<Allocation>(b'H', 0);

/// Makes a dma-buf of so many bytes from a heap, such as one in `/dev/dma_heap`.
pub fn allocate(heap: &Path, len: u64) -> io::Result<OwnedFd> {
    const { assert!(size_of::<Allocation>() == 24) };
    let heap = File::open(heap)?;
    let mut arg = Allocation {
        len,
        fd_flags: (OFlags::RDWR | OFlags::CLOEXEC).bits(),
        ..Allocation::zeroed()
    };
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<DMA_HEAP_IOCTL_ALLOC, _>(heap.as_fd(), &mut arg) }?;
    // SAFETY: The kernel has just opened this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(arg.fd as i32) })
}
