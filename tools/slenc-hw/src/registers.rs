// SPDX-License-Identifier: GPL-2.0

//! The registers in BAR0 (`Documentation/slenc/hardware.rst`, *Registers*).
//!
//! The register file knows what its bits mean and nothing of jobs or interrupts: a write that
//! starts something is returned as an [`Action`].

use slenc_engine::MAX_CHECKPOINTS;

use crate::generation::{
    Generation,
    MAX_FORCED_INTRA,
    MIN_SIZE, //
};
use crate::le::u32_at;

/// Bytes of BAR0.
pub const BAR0_SIZE: u64 = 0x1000;

/// "SLNC" in memory order.
pub const ID: u32 = 0x434e_4c53;
/// NV12, planar 4:2:0, YUYV, UYVY.
pub const FORMATS: u32 = 0xf;

/// Register offsets.
pub mod offset {
    /// Identification.
    pub const ID: u64 = 0x000;
    /// Generation and revision.
    pub const VERSION: u64 = 0x004;
    /// Features.
    pub const CAPS: u64 = 0x008;
    /// Counts.
    pub const LIMITS: u64 = 0x00c;
    /// Smallest picture.
    pub const MIN_SIZE: u64 = 0x010;
    /// Largest picture.
    pub const MAX_SIZE: u64 = 0x014;
    /// Source formats.
    pub const FORMATS: u64 = 0x018;
    /// Reset.
    pub const CTRL: u64 = 0x020;
    /// Busy.
    pub const STATUS: u64 = 0x024;
    /// Causes of the interrupt.
    pub const IRQ_STATUS: u64 = 0x028;
    /// Causes that send the MSI.
    pub const IRQ_ENABLE: u64 = 0x02c;
    /// Descriptor address, low half.
    pub const DESC_ADDR_LO: u64 = 0x030;
    /// Descriptor address, high half.
    pub const DESC_ADDR_HI: u64 = 0x034;
    /// Starts a job.
    pub const DOORBELL: u64 = 0x038;
    /// Tag of the job that ended last.
    pub const DONE_TAG: u64 = 0x03c;
}

/// CTRL.RESET.
pub const CTRL_RESET: u32 = 1 << 0;
/// STATUS.BUSY.
pub const STATUS_BUSY: u32 = 1 << 0;
/// Cause: a job ended with a result.
pub const IRQ_DONE: u32 = 1 << 0;
/// Cause: a doorbell was ignored.
pub const IRQ_DOORBELL_ERROR: u32 = 1 << 1;
/// Cause: a job ended without a result.
pub const IRQ_DESCRIPTOR_ERROR: u32 = 1 << 2;
const IRQ_ALL: u32 = IRQ_DONE | IRQ_DOORBELL_ERROR | IRQ_DESCRIPTOR_ERROR;

/// What a register write asks the device to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing more.
    None,
    /// Abandon the running job and reset.
    Reset,
    /// Start the job with this tag; the registers are busy already.
    Start {
        /// Tag written to DOORBELL.
        tag: u32,
        /// DESC_ADDR at that time.
        descriptor: u64,
    },
    /// A doorbell was ignored: raise [`IRQ_DOORBELL_ERROR`].
    DoorbellError,
}

/// State of the registers.
#[derive(Debug)]
pub struct Registers {
    generation: Generation,
    irq_status: u32,
    irq_enable: u32,
    desc_addr: u64,
    done_tag: u32,
    busy: bool,
    resetting: bool,
}

impl Registers {
    /// The reset values.
    pub fn new(generation: Generation) -> Self {
        Self {
            generation,
            irq_status: 0,
            irq_enable: 0,
            desc_addr: 0,
            done_tag: 0,
            busy: false,
            resetting: false,
        }
    }

    /// Reads `data.len()` bytes: all ones unless it is an aligned 32-bit access.
    pub fn read(&self, at: u64, data: &mut [u8]) {
        if data.len() == 4 && at % 4 == 0 {
            data.copy_from_slice(&self.register(at).to_le_bytes());
        } else {
            data.fill(0xff);
        }
    }

    fn register(&self, at: u64) -> u32 {
        match at {
            offset::ID => ID,
            offset::VERSION => self.generation.version(),
            offset::CAPS => self.generation.caps(),
            offset::LIMITS => {
                self.generation.references()
                    | (self.generation.units() << 8)
                    | (MAX_FORCED_INTRA << 16)
                    | ((MAX_CHECKPOINTS as u32) << 24)
            }
            offset::MIN_SIZE => MIN_SIZE | (MIN_SIZE << 16),
            offset::MAX_SIZE => {
                let (width, height) = self.generation.max_size();
                width | (height << 16)
            }
            offset::FORMATS => FORMATS,
            offset::CTRL => u32::from(self.resetting) * CTRL_RESET,
            offset::STATUS => u32::from(self.busy) * STATUS_BUSY,
            offset::IRQ_STATUS => self.irq_status,
            offset::IRQ_ENABLE => self.irq_enable,
            offset::DESC_ADDR_LO => self.desc_addr as u32,
            offset::DESC_ADDR_HI => (self.desc_addr >> 32) as u32,
            offset::DONE_TAG => self.done_tag,
            _ => 0,
        }
    }

    /// Writes `data`; anything but an aligned 32-bit access is ignored.
    pub fn write(&mut self, at: u64, data: &[u8]) -> Action {
        if data.len() != 4 || at % 4 != 0 {
            return Action::None;
        }
        let value = u32_at(data, 0);
        match at {
            offset::CTRL if value & CTRL_RESET != 0 => return Action::Reset,
            offset::IRQ_STATUS => self.irq_status &= !value,
            offset::IRQ_ENABLE => self.irq_enable = value & IRQ_ALL,
            offset::DESC_ADDR_LO => {
                self.desc_addr = (self.desc_addr & !0xffff_ffff) | u64::from(value);
            }
            offset::DESC_ADDR_HI => {
                self.desc_addr = (self.desc_addr & 0xffff_ffff) | (u64::from(value) << 32);
            }
            offset::DOORBELL => return self.ring(value),
            _ => {}
        }
        Action::None
    }

    fn ring(&mut self, tag: u32) -> Action {
        if tag == 0 || self.busy || self.resetting {
            return Action::DoorbellError;
        }
        self.irq_status = 0;
        self.busy = true;
        Action::Start {
            tag,
            descriptor: self.desc_addr,
        }
    }

    /// Gives every register its reset value; CTRL.RESET stays set while `resetting`.
    pub fn reset(&mut self, resetting: bool) {
        *self = Self {
            resetting,
            ..Self::new(self.generation)
        };
    }

    /// The reset is done.
    pub fn reset_done(&mut self) {
        self.resetting = false;
    }

    /// A job ended, with `cause`. Returns whether the MSI is to be sent.
    pub fn job_ended(&mut self, tag: u32, cause: u32) -> bool {
        let send = self.raise(cause);
        self.done_tag = tag;
        self.busy = false;
        send
    }

    /// Sets a cause. Returns whether the MSI is to be sent.
    pub fn raise(&mut self, cause: u32) -> bool {
        self.irq_status |= cause;
        self.irq_enable & cause != 0
    }

    /// Whether a job is running.
    pub fn busy(&self) -> bool {
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(registers: &Registers, at: u64) -> u32 {
        let mut data = [0; 4];
        registers.read(at, &mut data);
        u32::from_le_bytes(data)
    }

    fn write(registers: &mut Registers, at: u64, value: u32) -> Action {
        registers.write(at, &value.to_le_bytes())
    }

    #[test]
    fn reset_values_are_the_manuals() {
        let expected = [
            (0x00, 0x434e_4c53, 0x434e_4c53),
            (0x04, 0x0000_0101, 0x0000_0102),
            (0x08, 0x0000_00e9, 0x0000_1f77),
            (0x0c, 0x1010_4001, 0x1010_8004),
            (0x10, 0x0010_0010, 0x0010_0010),
            (0x14, 0x0440_0780, 0x0900_1000),
            (0x18, 0x0000_000f, 0x0000_000f),
        ];
        let gen1 = Registers::new(Generation::Gen1);
        let mut gen2 = Registers::new(Generation::Gen2);
        gen2.reset(false);
        for at in (0..BAR0_SIZE).step_by(4) {
            let values = expected.iter().find(|e| e.0 == at);
            let values = values.map_or((0, 0), |e| (e.1, e.2));
            assert_eq!(
                (read(&gen1, at), read(&gen2, at)),
                values,
                "register {at:#x}"
            );
        }
    }

    #[test]
    fn other_accesses_read_all_ones_and_write_nothing() {
        let mut registers = Registers::new(Generation::Gen1);
        for (at, size) in [(0, 1), (0, 2), (0, 8), (2, 4), (1, 4)] {
            let mut data = vec![0; size];
            registers.read(at, &mut data);
            assert!(data.iter().all(|&b| b == 0xff), "{size} bytes at {at}");
        }
        assert_eq!(registers.write(offset::CTRL, &[1]), Action::None);
        assert_eq!(registers.write(offset::DESC_ADDR_LO, &[1; 8]), Action::None);
        assert_eq!(read(&registers, offset::DESC_ADDR_LO), 0);
    }

    #[test]
    fn read_only_registers_stay() {
        let mut registers = Registers::new(Generation::Gen1);
        for at in [0x00, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x24, 0x3c, 0x40] {
            let before = read(&registers, at);
            assert_eq!(write(&mut registers, at, !before), Action::None);
            assert_eq!(read(&registers, at), before);
        }
    }

    #[test]
    fn interrupt_causes() {
        let mut registers = Registers::new(Generation::Gen1);
        assert!(!registers.raise(IRQ_DOORBELL_ERROR));
        write(&mut registers, offset::IRQ_ENABLE, 0xffff_ffff);
        assert_eq!(read(&registers, offset::IRQ_ENABLE), 7);
        assert!(registers.raise(IRQ_DOORBELL_ERROR));
        assert!(registers.raise(IRQ_DOORBELL_ERROR));
        assert_eq!(read(&registers, offset::IRQ_STATUS), IRQ_DOORBELL_ERROR);
        write(&mut registers, offset::IRQ_STATUS, IRQ_DONE);
        assert_eq!(read(&registers, offset::IRQ_STATUS), IRQ_DOORBELL_ERROR);
        write(&mut registers, offset::IRQ_STATUS, IRQ_DOORBELL_ERROR);
        assert_eq!(read(&registers, offset::IRQ_STATUS), 0);
    }

    #[test]
    fn doorbell() {
        let mut registers = Registers::new(Generation::Gen1);
        write(&mut registers, offset::DESC_ADDR_LO, 0x40);
        write(&mut registers, offset::DESC_ADDR_HI, 1);
        assert_eq!(
            write(&mut registers, offset::DOORBELL, 0),
            Action::DoorbellError
        );
        registers.raise(IRQ_DONE | IRQ_DESCRIPTOR_ERROR);
        let start = Action::Start {
            tag: 7,
            descriptor: 0x1_0000_0040,
        };
        assert_eq!(write(&mut registers, offset::DOORBELL, 7), start);
        assert_eq!(read(&registers, offset::IRQ_STATUS), 0);
        assert_eq!(read(&registers, offset::STATUS), STATUS_BUSY);
        assert_eq!(read(&registers, offset::DOORBELL), 0);
        assert_eq!(
            write(&mut registers, offset::DOORBELL, 8),
            Action::DoorbellError
        );
        assert!(!registers.job_ended(7, IRQ_DONE));
        assert_eq!(read(&registers, offset::DONE_TAG), 7);
        assert_eq!(read(&registers, offset::STATUS), 0);
        registers.reset(true);
        assert_eq!(read(&registers, offset::CTRL), CTRL_RESET);
        assert_eq!(
            write(&mut registers, offset::DOORBELL, 9),
            Action::DoorbellError
        );
        registers.reset_done();
        assert_eq!(read(&registers, offset::CTRL), 0);
        assert_eq!(read(&registers, offset::DESC_ADDR_HI), 0);
    }
}
