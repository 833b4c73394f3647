// SPDX-License-Identifier: GPL-2.0

//! What the plugin sees in the guest's code: marks, and what is counted together.

use crate::marks::{
    BEGIN,
    END, //
};
use std::collections::HashMap;

/// What an instruction says to the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Begin,
    End,
}

impl Mark {
    /// Bytes of a mark, NOP DWORD PTR [RAX + disp32].
    pub(crate) const BYTES: usize = 7;

    /// The mark that an instruction is.
    pub(crate) fn of(instruction: &[u8]) -> Option<Self> {
        let displacement = instruction.strip_prefix(&[0x0f, 0x1f, 0x80])?;
        match i32::from_le_bytes(displacement.try_into().ok()?) {
            BEGIN => Some(Self::Begin),
            END => Some(Self::End),
            _ => None,
        }
    }
}

/// Counters: one for all programs, one for each 16 bytes of the kernel, to which its
/// functions are aligned.
pub(crate) struct Counters {
    /// Where each counter's code begins.
    starts: Vec<u64>,
    of_start: HashMap<u64, usize>,
}

/// Where the programs' counter is said to begin.
const PROGRAMS: u64 = 0;
/// The kernel has the upper half of the addresses.
const KERNEL: u64 = 1 << 63;

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            starts: Vec::new(),
            of_start: HashMap::new(),
        }
    }

    /// The index of the counter for an instruction.
    pub(crate) fn of(&mut self, address: u64) -> usize {
        let start = if address < KERNEL {
            PROGRAMS
        } else {
            address & !15
        };
        *self.of_start.entry(start).or_insert_with(|| {
            self.starts.push(start);
            self.starts.len() - 1
        })
    }

    /// Where the code of each counter begins, in the order of their indices.
    pub(crate) fn starts(&self) -> &[u64] {
        &self.starts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_told_from_other_nops() {
        let nop = |displacement: i32| {
            let mut bytes = vec![0x0f, 0x1f, 0x80];
            bytes.extend(displacement.to_le_bytes());
            bytes
        };
        assert_eq!(Mark::of(&nop(BEGIN)), Some(Mark::Begin));
        assert_eq!(Mark::of(&nop(END)), Some(Mark::End));
        assert_eq!(Mark::of(&nop(0)), None);
        assert_eq!(Mark::of(&nop(BEGIN)[..6]), None);
        let mut other_register = nop(BEGIN);
        other_register[2] = 0x83;
        assert_eq!(Mark::of(&other_register), None);
        assert_eq!(nop(BEGIN).len(), Mark::BYTES);
    }

    #[test]
    fn programs_have_one_counter_and_the_kernel_many() {
        let mut counters = Counters::new();
        let program = counters.of(0x5555_0000_1234);
        assert_eq!(counters.of(0x7fff_ffff_f000), program);
        let kernel = counters.of(0xffff_ffff_8100_0010);
        assert_ne!(kernel, program);
        assert_eq!(counters.of(0xffff_ffff_8100_001f), kernel);
        assert_ne!(counters.of(0xffff_ffff_8100_0020), kernel);
        assert_eq!(
            counters.starts(),
            [0, 0xffff_ffff_8100_0010, 0xffff_ffff_8100_0020]
        );
    }
}
