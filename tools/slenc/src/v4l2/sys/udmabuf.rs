// SPDX-License-Identifier: GPL-2.0

//! dma-bufs of ordinary memory, whose pages lie anywhere: what a program that draws
//! with the processor has to offer a device.
//!
//! C header: `linux/udmabuf.h`

use rustix::{
    fs::{
        fcntl_add_seals,
        ftruncate,
        memfd_create,
        MemfdFlags,
        SealFlags, //
    },
    ioctl::{
        ioctl,
        opcode,
        Ioctl,
        IoctlOutput,
        Opcode, //
    },
};
use std::{
    ffi::c_void,
    fs::OpenOptions,
    io,
    os::fd::{
        AsFd,
        AsRawFd,
        FromRawFd,
        OwnedFd, //
    },
};

/// `struct udmabuf_create_item`.
#[repr(C)]
struct Item {
    memfd: u32,
    padding: u32,
    offset: u64,
    size: u64,
}

/// `struct udmabuf_create_list`, without its items.
#[repr(C)]
struct Header {
    flags: u32,
    count: u32,
}

/// The pages of a memfd in the order of a list, as a dma-buf.
struct CreateList<'a>(&'a mut [u64]);

// SAFETY: UDMABUF_CREATE_LIST takes a pointer to a list, whose first words say how long
// it is, and returns a new file descriptor.
unsafe impl Ioctl for CreateList<'_> {
    type Output = OwnedFd;
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        opcode::write::<Header>(b'u', 0x43)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }

    unsafe fn output_from_ptr(out: IoctlOutput, _: *mut c_void) -> rustix::io::Result<OwnedFd> {
        // SAFETY: The kernel has just opened this descriptor for us alone.
        Ok(unsafe { OwnedFd::from_raw_fd(out) })
    }
}

/// Makes a dma-buf of so many pages of `page_size` bytes, and the memfd that they
/// belong to. The last page of the file is the first one of the dma-buf, and so on:
/// its memory is not contiguous.
pub fn backwards(pages: u32, page_size: u64) -> io::Result<(OwnedFd, OwnedFd)> {
    const { assert!(size_of::<Header>() == 8 && size_of::<Item>() == 24) };
    let memfd = memfd_create(c"udmabuf", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&memfd, u64::from(pages) * page_size)?;
    fcntl_add_seals(&memfd, SealFlags::SHRINK)?;
    let fd = memfd.as_raw_fd() as u32;
    // In words of 64 bits, which is how the structures are aligned.
    let word = |low: u32, high: u32| {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&low.to_ne_bytes());
        bytes[4..].copy_from_slice(&high.to_ne_bytes());
        u64::from_ne_bytes(bytes)
    };
    // UDMABUF_FLAGS_CLOEXEC
    let mut list = vec![word(1, pages)];
    for page in (0..u64::from(pages)).rev() {
        list.extend([word(fd, 0), page * page_size, page_size]);
    }
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/udmabuf")?;
    // SAFETY: The list has as many items as it says, and lives until after the call.
    let dma_buf = unsafe { ioctl(device.as_fd(), CreateList(&mut list)) }?;
    Ok((dma_buf, memfd))
}
