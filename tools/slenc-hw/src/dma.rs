// SPDX-License-Identifier: GPL-2.0

//! Guest memory: the ranges the client announced with DMA_MAP, mapped into this process.
//!
//! Guest memory is shared with the guest, which may change it at any time. It is therefore only
//! copied from and to, never referred to.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::os::fd::{
    AsFd,
    OwnedFd, //
};
use std::ptr::NonNull;
use std::sync::atomic::{
    AtomicU32,
    Ordering, //
};

use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::mm::{
    MapFlags,
    ProtFlags, //
};

const PAGE: u64 = 4096;

/// More ranges than any client needs; the protocol's default of max_dma_maps.
const MAX_RANGES: usize = 65535;

/// What a range is accessed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The device reads.
    Read,
    /// The device writes.
    Write,
    /// Both.
    ReadWrite,
}

impl Access {
    /// Parses the flags of a DMA_MAP message.
    fn from_flags(flags: u32) -> Option<Self> {
        match flags & 3 {
            1 => Some(Self::Read),
            2 => Some(Self::Write),
            3 => Some(Self::ReadWrite),
            _ => None,
        }
    }

    fn reads(self) -> bool {
        self != Self::Write
    }

    fn writes(self) -> bool {
        self != Self::Read
    }

    fn allows(self, wanted: Self) -> bool {
        (self.reads() || !wanted.reads()) && (self.writes() || !wanted.writes())
    }
}

/// The first address that could not be accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaFault(pub u64);

/// A shared mapping of part of a file.
///
/// # Invariants
///
/// `base` is page-aligned and valid for `size` bytes, with the protection it was mapped with,
/// until the mapping is dropped.
struct Mapping {
    base: NonNull<c_void>,
    size: usize,
}

// SAFETY: The mapping belongs to the process, and munmap may be called from any thread.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(file: &OwnedFd, offset: u64, size: u64, access: Access) -> Result<Self, Errno> {
        let size = usize::try_from(size).map_err(|_| Errno::INVAL)?;
        let mut protection = ProtFlags::empty();
        protection.set(ProtFlags::READ, access.reads());
        protection.set(ProtFlags::WRITE, access.writes());
        // SAFETY: The kernel chooses the address, so no existing mapping is replaced.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                size,
                protection,
                MapFlags::SHARED,
                file.as_fd(),
                offset,
            )
        }?;
        let base = NonNull::new(base).ok_or(Errno::NOMEM)?;
        // INVARIANT: mmap succeeded for `size` bytes and gives page-aligned addresses.
        Ok(Self { base, size })
    }

    /// Pointer to `offset`; `None` when `len` bytes from there are not inside.
    fn at(&self, offset: u64, len: usize) -> Option<*mut u8> {
        let offset = usize::try_from(offset).ok()?;
        if offset.checked_add(len)? > self.size {
            return None;
        }
        // SAFETY: By the invariant `size` bytes from `base` are one mapped object, and `offset`
        // is within.
        Some(unsafe { self.base.as_ptr().cast::<u8>().add(offset) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: By the invariant this is a whole mapping of ours, and all pointers into it are
        // local to functions that borrow it.
        if let Err(e) = unsafe { rustix::mm::munmap(self.base.as_ptr(), self.size) } {
            log::error!("munmap: {e}");
        }
    }
}

/// A range of bus addresses. One without memory faults: the client has it, but cannot share it.
pub struct DmaRange {
    size: u64,
    access: Access,
    memory: Option<Mapping>,
}

/// The announced ranges, by their first address. They do not overlap.
#[derive(Default)]
pub struct DmaTable {
    ranges: BTreeMap<u64, DmaRange>,
}

impl DmaTable {
    /// Announces a range; `file` holds its memory from `offset` on.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a range that is empty, not made of whole pages or outside of the file,
    /// `EEXIST` for one that overlaps another, or what mapping it gave.
    pub fn map(
        &mut self,
        flags: u32,
        offset: u64,
        addr: u64,
        size: u64,
        file: Option<OwnedFd>,
    ) -> Result<(), Errno> {
        let access = Access::from_flags(flags).ok_or(Errno::INVAL)?;
        let last = size.checked_sub(1).and_then(|n| addr.checked_add(n));
        let last = last.ok_or(Errno::INVAL)?;
        if (addr | size | offset) % PAGE != 0 {
            return Err(Errno::INVAL);
        }
        if self.ranges.len() >= MAX_RANGES {
            return Err(Errno::NOSPC);
        }
        if let Some((&start, range)) = self.ranges.range(..=last).next_back() {
            if start >= addr || addr - start < range.size {
                return Err(Errno::EXIST);
            }
        }
        let memory = match file {
            Some(file) if shares_memory(&file, offset, size)? => {
                Some(Mapping::new(&file, offset, size, access)?)
            }
            _ => None,
        };
        self.ranges.insert(
            addr,
            DmaRange {
                size,
                access,
                memory,
            },
        );
        Ok(())
    }

    /// Withdraws the ranges inside of `addr` and `size`, or all, and returns them for the caller
    /// to drop, with the number of bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` when that would cut a range in two; nothing is withdrawn then.
    pub fn unmap(
        &mut self,
        all: bool,
        addr: u64,
        size: u64,
    ) -> Result<(BTreeMap<u64, DmaRange>, u64), Errno> {
        let mut removed = BTreeMap::new();
        if all {
            std::mem::swap(&mut removed, &mut self.ranges);
        } else {
            let last = size.checked_sub(1).and_then(|n| addr.checked_add(n));
            for start in self.whole_ranges(addr, last.ok_or(Errno::INVAL)?)? {
                removed.extend(self.ranges.remove_entry(&start));
            }
        }
        let bytes = removed.values().map(|range| range.size).sum();
        Ok((removed, bytes))
    }

    /// First addresses of the ranges in `addr..=last`, none of which may reach out of it.
    fn whole_ranges(&self, addr: u64, last: u64) -> Result<Vec<u64>, Errno> {
        let mut starts = Vec::new();
        for (&start, range) in self.ranges.range(..=last).rev() {
            let range_last = start + (range.size - 1);
            if range_last < addr {
                break;
            }
            if start < addr || range_last > last {
                return Err(Errno::INVAL);
            }
            starts.push(start);
        }
        Ok(starts)
    }

    /// Whether no announced range has memory that this process can access.
    pub fn shares_nothing(&self) -> bool {
        self.ranges.values().all(|range| range.memory.is_none())
    }

    /// The piece of `len` bytes at `addr` that lies in one range.
    fn piece(&self, addr: u64, len: usize, access: Access) -> Result<(*mut u8, usize), DmaFault> {
        let fault = DmaFault(addr);
        let (start, range) = self.ranges.range(..=addr).next_back().ok_or(fault)?;
        let offset = addr - start;
        let left = range.size.checked_sub(offset).filter(|&n| n > 0);
        let left = usize::try_from(left.ok_or(fault)?).unwrap_or(usize::MAX);
        let memory = range.memory.as_ref().ok_or(fault)?;
        if !range.access.allows(access) {
            return Err(fault);
        }
        let len = len.min(left);
        Ok((memory.at(offset, len).ok_or(fault)?, len))
    }

    /// Calls `copy` with a pointer, valid for `access`, and the part of `0..len` for each piece.
    fn for_each_piece(
        &self,
        addr: u64,
        len: usize,
        access: Access,
        mut copy: impl FnMut(*mut u8, std::ops::Range<usize>),
    ) -> Result<(), DmaFault> {
        let mut done = 0;
        while done < len {
            // After the last address there is nothing.
            let at = addr.checked_add(done as u64).ok_or(DmaFault(u64::MAX))?;
            let (pointer, n) = self.piece(at, len - done, access)?;
            copy(pointer, done..done + n);
            done += n;
        }
        Ok(())
    }

    /// Checks that a range can be accessed.
    ///
    /// # Errors
    ///
    /// The first address that cannot.
    pub fn check(&self, addr: u64, len: u64, access: Access) -> Result<(), DmaFault> {
        let mut at = addr;
        let mut left = len;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX);
            let (_, n) = self.piece(at, want, access)?;
            left -= n as u64;
            if left > 0 {
                at = at.checked_add(n as u64).ok_or(DmaFault(u64::MAX))?;
            }
        }
        Ok(())
    }

    /// Copies from guest memory.
    ///
    /// # Errors
    ///
    /// The first address that cannot be read; `data` is then undefined.
    pub fn read(&self, addr: u64, data: &mut [u8]) -> Result<(), DmaFault> {
        self.for_each_piece(addr, data.len(), Access::Read, |from, part| {
            let to = &mut data[part];
            // SAFETY: `from` is valid for reads of the piece's length by `piece`, and `to` is
            // memory of this process alone. That the guest may write at the same time can
            // tear the bytes, which the caller expects.
            unsafe { std::ptr::copy_nonoverlapping(from, to.as_mut_ptr(), to.len()) };
        })
    }

    /// Copies to guest memory.
    ///
    /// # Errors
    ///
    /// The first address that cannot be written; what comes before it may be written.
    pub fn write(&self, addr: u64, data: &[u8]) -> Result<(), DmaFault> {
        self.for_each_piece(addr, data.len(), Access::Write, |to, part| {
            let from = &data[part];
            // SAFETY: `to` is valid for writes of the piece's length by `piece`, and `from` is
            // memory of this process alone.
            unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to, from.len()) };
        })
    }

    /// Stores an aligned word at once, after everything written before.
    ///
    /// # Errors
    ///
    /// `addr` when it is not aligned or not writable.
    pub fn store_release(&self, addr: u64, value: u32) -> Result<(), DmaFault> {
        let (to, n) = self.piece(addr, 4, Access::Write)?;
        if n < 4 || addr % 4 != 0 {
            return Err(DmaFault(addr));
        }
        // SAFETY: `to` is valid for writes of four bytes, and aligned: ranges and mappings begin
        // with a page, and `addr` is aligned. This process accesses it atomically only here, and
        // all other accesses are copies under the same lock.
        let word = unsafe { AtomicU32::from_ptr(to.cast()) };
        word.store(value.to_le(), Ordering::Release);
        Ok(())
    }
}

/// Whether `file` is memory that can be mapped. Anything but a regular file, such as a device of
/// the client, is not.
fn shares_memory(file: &OwnedFd, offset: u64, size: u64) -> Result<bool, Errno> {
    let stat = rustix::fs::fstat(file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(false);
    }
    // Access behind the end of a file raises SIGBUS.
    let end = offset.checked_add(size).ok_or(Errno::INVAL)?;
    if u64::try_from(stat.st_size).unwrap_or(0) < end {
        return Err(Errno::INVAL);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::MemfdFlags;

    const RW: u32 = 3;

    fn memfd(size: u64) -> OwnedFd {
        let file = rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&file, size).unwrap();
        file
    }

    #[test]
    fn copies_across_ranges() {
        let file = memfd(4 * PAGE);
        let mut table = DmaTable::default();
        for (addr, offset) in [(0x10000, 2 * PAGE), (0x11000, 0)] {
            let file = file.try_clone().unwrap();
            table.map(RW, offset, addr, PAGE, Some(file)).unwrap();
        }
        table.write(0x10ffc, &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        let mut data = [0; 8];
        table.read(0x10ffc, &mut data).unwrap();
        assert_eq!(data, [1, 2, 3, 4, 5, 6, 7, 8]);
        rustix::io::pread(&file, &mut data[..4], 0).unwrap();
        assert_eq!(data[..4], [5, 6, 7, 8]);
        assert_eq!(table.read(0x11ffc, &mut data), Err(DmaFault(0x12000)));
        assert_eq!(
            table.check(0x10000, 0x2001, Access::Read),
            Err(DmaFault(0x12000))
        );
        assert_eq!(table.check(0x10000, 0x2000, Access::Write), Ok(()));
    }

    #[test]
    fn access_is_checked() {
        let mut table = DmaTable::default();
        table.map(1, 0, 0x1000, PAGE, Some(memfd(PAGE))).unwrap();
        table.map(2, 0, 0x2000, PAGE, Some(memfd(PAGE))).unwrap();
        table.map(RW, 0, 0x3000, PAGE, None).unwrap();
        assert_eq!(table.write(0x1000, &[0]), Err(DmaFault(0x1000)));
        assert_eq!(table.store_release(0x1000, 1), Err(DmaFault(0x1000)));
        assert_eq!(table.read(0x2000, &mut [0]), Err(DmaFault(0x2000)));
        assert_eq!(table.store_release(0x2002, 1), Err(DmaFault(0x2002)));
        assert_eq!(table.store_release(0x2004, 1), Ok(()));
        assert_eq!(table.read(0x3000, &mut [0]), Err(DmaFault(0x3000)));
        assert_eq!(table.read(0, &mut [0]), Err(DmaFault(0)));
        assert_eq!(table.read(0, &mut []), Ok(()));
    }

    #[test]
    fn bad_ranges_are_refused() {
        let mut table = DmaTable::default();
        let mut map = |flags, offset, addr, size| {
            let file = memfd(2 * PAGE);
            table.map(flags, offset, addr, size, Some(file))
        };
        assert_eq!(map(0, 0, 0, PAGE), Err(Errno::INVAL));
        assert_eq!(map(RW, 0, 0, 0), Err(Errno::INVAL));
        assert_eq!(map(RW, 0, 0x800, PAGE), Err(Errno::INVAL));
        assert_eq!(map(RW, 0x800, 0, PAGE), Err(Errno::INVAL));
        assert_eq!(map(RW, 0, 0, 100), Err(Errno::INVAL));
        assert_eq!(map(RW, 0, 0, 3 * PAGE), Err(Errno::INVAL));
        assert_eq!(map(RW, !(PAGE - 1), 0, PAGE), Err(Errno::INVAL));
        assert_eq!(map(RW, 0, !(PAGE - 1), 2 * PAGE), Err(Errno::INVAL));
        assert_eq!(map(RW, 0, !(PAGE - 1), PAGE), Ok(()));
        assert_eq!(map(RW, 0, 0x2000, 2 * PAGE), Ok(()));
        for addr in [0x1000, 0x2000, 0x3000] {
            assert_eq!(map(RW, 0, addr, 2 * PAGE), Err(Errno::EXIST));
        }
        assert_eq!(map(RW, 0, 0x4000, 2 * PAGE), Ok(()));
    }

    #[test]
    fn last_page_of_the_address_space() {
        let mut table = DmaTable::default();
        let top = !(PAGE - 1);
        table.map(RW, 0, top, PAGE, Some(memfd(PAGE))).unwrap();
        assert_eq!(table.check(top, PAGE, Access::ReadWrite), Ok(()));
        assert_eq!(
            table.check(top, PAGE + 1, Access::Read),
            Err(DmaFault(u64::MAX))
        );
        assert_eq!(table.read(u64::MAX, &mut [0, 0]), Err(DmaFault(u64::MAX)));
        assert_eq!(table.unmap(false, top, PAGE).unwrap().1, PAGE);
    }

    #[test]
    fn files_that_are_no_memory_are_not_mapped() {
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut table = DmaTable::default();
        table.map(RW, 0, 0, PAGE, Some(socket.into())).unwrap();
        assert!(table.shares_nothing());
        assert_eq!(table.read(0, &mut [0]), Err(DmaFault(0)));
    }

    #[test]
    fn unmap() {
        let mut table = DmaTable::default();
        for addr in [0x1000, 0x2000, 0x4000] {
            table.map(RW, 0, addr, PAGE, Some(memfd(PAGE))).unwrap();
        }
        table.map(RW, 0, 0x8000, 2 * PAGE, None).unwrap();
        assert!(table.unmap(false, 0x8000, PAGE).is_err());
        assert!(table.unmap(false, 0x9000, PAGE).is_err());
        assert!(table.unmap(false, 0x1000, 0).is_err());
        assert_eq!(table.unmap(false, 0x5000, 0x1000).unwrap().1, 0);
        assert_eq!(table.unmap(false, 0x1000, 0x3000).unwrap().1, 2 * PAGE);
        assert_eq!(table.read(0x2000, &mut [0]), Err(DmaFault(0x2000)));
        assert_eq!(table.read(0x4000, &mut [0]), Ok(()));
        assert_eq!(table.unmap(true, 0, 0).unwrap().1, 3 * PAGE);
        assert_eq!(table.read(0x4000, &mut [0]), Err(DmaFault(0x4000)));
    }
}
