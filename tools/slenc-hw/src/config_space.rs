// SPDX-License-Identifier: GPL-2.0

//! PCI configuration space: identity, one memory BAR, MSI and function level reset.
//!
//! Offsets and bits are those of the PCI Local Bus Specification 3.0 (6.1, 6.8.1) and the PCI
//! Express Base Specification (7.5.3). Emulating BARs and MSI towards the guest is the VMM's
//! part; what it writes here is kept so that it reads back.

use crate::registers::BAR0_SIZE;

/// Bytes of the configuration space; the extended part has no capability.
pub const CONFIG_SIZE: u64 = 0x1000;

const VENDOR_ID: u16 = 0x1af4;
const DEVICE_ID: u16 = 0x10f0;
const SUBSYSTEM_ID: u16 = 0x5e1c;
/// Multimedia controller, other.
const CLASS: [u8; 3] = [0x00, 0x80, 0x04];

const COMMAND: usize = 0x04;
const COMMAND_MEMORY: u16 = 1 << 1;
const COMMAND_BUS_MASTER: u16 = 1 << 2;
const COMMAND_INTX_DISABLE: u16 = 1 << 10;
const STATUS: usize = 0x06;
const STATUS_CAPABILITIES: u16 = 1 << 4;
const CLASS_CODE: usize = 0x09;
const BAR0: usize = 0x10;
const SUBSYSTEM_VENDOR: usize = 0x2c;
const CAPABILITIES: usize = 0x34;
const INTERRUPT_LINE: usize = 0x3c;

const MSI: usize = 0x40;
const MSI_ID: u8 = 0x05;
const MSI_CONTROL_ENABLE: u16 = 1 << 0;
const MSI_CONTROL_64BIT: u16 = 1 << 7;

const EXPRESS: usize = 0x60;
const EXPRESS_ID: u8 = 0x10;
/// Capability version 2, endpoint.
const EXPRESS_FLAGS: u16 = 0x0002;
const DEVICE_CAPABILITIES_ROLE_BASED_ERRORS: u32 = 1 << 15;
const DEVICE_CAPABILITIES_FLR: u32 = 1 << 28;
const DEVICE_CONTROL: usize = EXPRESS + 0x08;
const DEVICE_CONTROL_FLR: u16 = 1 << 15;
/// One lane at 2.5 GT/s, in the link capability and status registers.
const LINK: u32 = 0x11;

/// The configuration space.
pub struct ConfigSpace {
    bytes: Box<[u8; CONFIG_SIZE as usize]>,
    writable: Box<[u8; CONFIG_SIZE as usize]>,
}

impl Default for ConfigSpace {
    fn default() -> Self {
        let mut space = Self {
            bytes: Box::new([0; CONFIG_SIZE as usize]),
            writable: Box::new([0; CONFIG_SIZE as usize]),
        };
        space.set16(0x00, VENDOR_ID, 0);
        space.set16(0x02, DEVICE_ID, 0);
        space.set16(
            COMMAND,
            0,
            COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_INTX_DISABLE,
        );
        space.set16(STATUS, STATUS_CAPABILITIES, 0);
        space.bytes[CLASS_CODE..CLASS_CODE + 3].copy_from_slice(&CLASS);
        space.set32(BAR0, 0, !(BAR0_SIZE as u32 - 1));
        space.set16(SUBSYSTEM_VENDOR, VENDOR_ID, 0);
        space.set16(SUBSYSTEM_VENDOR + 2, SUBSYSTEM_ID, 0);
        space.writable[INTERRUPT_LINE] = 0xff;

        space.bytes[CAPABILITIES] = MSI as u8;
        space.bytes[MSI] = MSI_ID;
        space.bytes[MSI + 1] = EXPRESS as u8;
        space.set16(MSI + 2, MSI_CONTROL_64BIT, MSI_CONTROL_ENABLE);
        space.set32(MSI + 4, 0, !3);
        space.set32(MSI + 8, 0, !0);
        space.set16(MSI + 12, 0, !0);

        space.bytes[EXPRESS] = EXPRESS_ID;
        space.set16(EXPRESS + 2, EXPRESS_FLAGS, 0);
        space.set32(
            EXPRESS + 4,
            DEVICE_CAPABILITIES_ROLE_BASED_ERRORS | DEVICE_CAPABILITIES_FLR,
            0,
        );
        space.set16(DEVICE_CONTROL, 0, !DEVICE_CONTROL_FLR);
        space.set32(EXPRESS + 0x0c, LINK, 0);
        space.set16(EXPRESS + 0x12, LINK as u16, 0);
        space
    }
}

impl ConfigSpace {
    fn set16(&mut self, at: usize, value: u16, writable: u16) {
        self.bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
        self.writable[at..at + 2].copy_from_slice(&writable.to_le_bytes());
    }

    fn set32(&mut self, at: usize, value: u32, writable: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        self.writable[at..at + 4].copy_from_slice(&writable.to_le_bytes());
    }

    /// Reads bytes; the caller has checked the range.
    pub fn read(&self, at: usize, data: &mut [u8]) {
        data.copy_from_slice(&self.bytes[at..at + data.len()]);
    }

    /// Writes bytes; the caller has checked the range. Returns whether a function level reset
    /// was asked for.
    #[must_use]
    pub fn write(&mut self, at: usize, data: &[u8]) -> bool {
        let mut reset = false;
        for (i, &value) in (at..).zip(data) {
            let mask = self.writable[i];
            self.bytes[i] = (self.bytes[i] & !mask) | (value & mask);
            reset |= i == DEVICE_CONTROL + 1 && value & (DEVICE_CONTROL_FLR >> 8) as u8 != 0;
        }
        reset
    }

    /// Whether the function may access memory, which includes sending an MSI.
    pub fn bus_master(&self) -> bool {
        self.bytes[COMMAND] & COMMAND_BUS_MASTER as u8 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read32(space: &ConfigSpace, at: usize) -> u32 {
        let mut data = [0; 4];
        space.read(at, &mut data);
        u32::from_le_bytes(data)
    }

    #[test]
    fn identity() {
        let space = ConfigSpace::default();
        assert_eq!(read32(&space, 0x00), 0x10f0_1af4);
        assert_eq!(read32(&space, 0x08), 0x0480_0000);
        assert_eq!(read32(&space, 0x2c), 0x5e1c_1af4);
        assert_eq!(read32(&space, 0x100), 0);
    }

    #[test]
    fn bar_sizing() {
        let mut space = ConfigSpace::default();
        assert!(!space.write(BAR0, &[0xff; 4]));
        assert_eq!(read32(&space, BAR0), 0xffff_f000);
        assert!(!space.write(BAR0 + 4, &[0xff; 4]));
        assert_eq!(read32(&space, BAR0 + 4), 0);
    }

    #[test]
    fn capabilities_are_linked() {
        let space = ConfigSpace::default();
        let mut at = read32(&space, CAPABILITIES) as usize & 0xff;
        let mut found = Vec::new();
        while at != 0 {
            found.push(read32(&space, at) as u8);
            at = (read32(&space, at) >> 8) as usize & 0xff;
        }
        assert_eq!(found, [MSI_ID, EXPRESS_ID]);
    }

    #[test]
    fn flr_bit_reads_as_zero() {
        let mut space = ConfigSpace::default();
        assert!(!space.write(DEVICE_CONTROL, &0x2810u16.to_le_bytes()));
        assert!(space.write(DEVICE_CONTROL, &0xa810u16.to_le_bytes()));
        assert_eq!(read32(&space, DEVICE_CONTROL) & 0xffff, 0x2810);
    }

    #[test]
    fn bus_master_bit() {
        let mut space = ConfigSpace::default();
        assert!(!space.bus_master());
        assert!(!space.write(COMMAND, &6u16.to_le_bytes()));
        assert!(space.bus_master());
    }
}
