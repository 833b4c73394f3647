// SPDX-License-Identifier: GPL-2.0

//! Memory of a V4L2 buffer's plane, shared with the driver.

use rustix::mm::{
    mmap,
    munmap,
    MapFlags,
    ProtFlags, //
};
use std::{
    ffi::c_void,
    io,
    os::fd::BorrowedFd,
    ptr::{
        self,
        NonNull, //
    },
};

/// A mapped plane.
///
/// Its content is only ever copied in and out: no reference to it exists, because
/// hardware or another process may write to it at any time.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

impl Mapping {
    /// Maps `len` bytes that QUERYBUF placed at `offset`.
    pub fn new(fd: BorrowedFd<'_>, offset: u64, len: usize) -> io::Result<Self> {
        // SAFETY: The kernel chooses an address where nothing is mapped.
        let start = unsafe {
            mmap(
                ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                fd,
                offset,
            )
        }?;
        let start = NonNull::new(start.cast())
            .ok_or_else(|| io::Error::other("a buffer was mapped at address 0"))?;
        Ok(Self { start, len })
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to copy.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Panics
    ///
    /// When they do not fit.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset.checked_add(bytes.len());
        assert!(end.is_some_and(|end| end <= self.len), "plane overrun");
        // SAFETY: The range lies within the mapping, as just checked; `bytes` is
        // a Rust slice and thus not part of the mapping.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.as_ptr().add(offset), bytes.len())
        };
    }

    /// Appends `len` bytes from `offset` on to `out`.
    ///
    /// # Panics
    ///
    /// When the plane has less.
    pub fn read(&self, offset: usize, len: usize, out: &mut Vec<u8>) {
        let end = offset.checked_add(len);
        assert!(end.is_some_and(|end| end <= self.len), "plane overrun");
        out.reserve(len);
        let old = out.len();
        // SAFETY: The source lies within the mapping, as just checked; the
        // target is spare capacity, just reserved, which the copy initialises
        // before the length grows over it.
        unsafe {
            ptr::copy_nonoverlapping(
                self.start.as_ptr().add(offset),
                out.as_mut_ptr().add(old),
                len,
            );
            out.set_len(old + len);
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: This is what `new` mapped, and nothing borrows from it. It cannot
        // fail with a range that was mapped, and there would be nothing to do.
        let _ = unsafe { munmap(self.start.as_ptr().cast::<c_void>(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::Write,
        os::fd::AsFd, //
    };

    fn mapped(len: usize) -> Mapping {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; len]).unwrap();
        Mapping::new(file.as_fd(), 0, len).unwrap()
    }

    #[test]
    fn bytes_come_back() {
        let mut map = mapped(16);
        map.write(3, b"abc");
        let mut out = vec![1];
        map.read(2, 5, &mut out);
        assert_eq!(out, [1, 7, b'a', b'b', b'c', 7]);
    }

    #[test]
    #[should_panic(expected = "plane overrun")]
    fn a_write_beyond_the_end_is_refused() {
        mapped(16).write(14, b"abc");
    }

    #[test]
    #[should_panic(expected = "plane overrun")]
    fn a_read_beyond_the_end_is_refused() {
        mapped(16).read(usize::MAX, 2, &mut Vec::new());
    }
}
