// SPDX-License-Identifier: GPL-2.0

//! Guest memory as a job sees it: accesses end when the job is abandoned.

use crate::descriptor::Plane;
use crate::device::{
    Abandoned,
    Device,
    Start,
    State, //
};
use crate::dma::{
    Access,
    DmaFault, //
};

/// Most bytes copied under the device's lock at a time: some ten microseconds, which is what a
/// register access or a reset may have to wait.
const PIECE: usize = 64 * 1024;

/// Why an access was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessError {
    /// The job was abandoned.
    Abandoned,
    /// The first address that cannot be accessed.
    Fault(u64),
}

impl From<Abandoned> for AccessError {
    fn from(_: Abandoned) -> Self {
        Self::Abandoned
    }
}

impl From<DmaFault> for AccessError {
    fn from(DmaFault(addr): DmaFault) -> Self {
        Self::Fault(addr)
    }
}

/// Access to guest memory on behalf of a job.
pub(crate) struct Memory<'a> {
    device: &'a Device,
    start: &'a Start,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(device: &'a Device, start: &'a Start) -> Self {
        Self { device, start }
    }

    fn access(
        &self,
        f: impl FnOnce(&mut State) -> Result<(), DmaFault>,
    ) -> Result<(), AccessError> {
        Ok(self.device.with_job(self.start, f)??)
    }

    /// Checks that a range can be accessed.
    pub(crate) fn check(&self, addr: u64, len: u64, access: Access) -> Result<(), AccessError> {
        self.access(|state| state.memory(addr)?.check(addr, len, access))
    }

    /// Copies from guest memory.
    pub(crate) fn read(&self, addr: u64, data: &mut [u8]) -> Result<(), AccessError> {
        for (piece, at) in data.chunks_mut(PIECE).zip(pieces(addr)) {
            self.access(|state| state.memory(at)?.read(at, piece))?;
        }
        Ok(())
    }

    /// Copies to guest memory.
    pub(crate) fn write(&self, addr: u64, data: &[u8]) -> Result<(), AccessError> {
        for (piece, at) in data.chunks(PIECE).zip(pieces(addr)) {
            self.access(|state| state.memory(at)?.write(at, piece))?;
        }
        Ok(())
    }

    /// Copies the lines of a plane, without gaps.
    pub(crate) fn read_plane(&self, plane: &Plane, data: &mut [u8]) -> Result<(), AccessError> {
        if plane.stride == plane.line_bytes {
            return self.read(plane.addr, data);
        }
        let line = plane.line_bytes as usize;
        let lines_a_piece = (PIECE / line.max(1)).max(1);
        let mut at = plane.addr;
        for piece in data.chunks_mut(line * lines_a_piece) {
            self.access(|state| {
                for line in piece.chunks_mut(line) {
                    state.memory(at)?.read(at, line)?;
                    // The plane was checked to end before the address space does; behind its
                    // last line nothing is read.
                    at = at.wrapping_add(plane.stride.into());
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// Addresses of the pieces of a range. One that wraps around is never used: the piece before it
/// faults.
fn pieces(addr: u64) -> impl Iterator<Item = u64> {
    (0..).map(move |i: u64| addr.wrapping_add(i.wrapping_mul(PIECE as u64)))
}
