// SPDX-License-Identifier: GPL-2.0

//! The table of NAL units, as in Documentation/slenc/hardware.rst.

use super::{
    fields::Fields,
    picture::PictureJob,
    units::{Kind, Unit},
};

/// Bytes of an entry.
pub const UNIT_BYTES: usize = 32;

/// Bus addresses of what a job needs besides pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Header memory.
    pub headers: u64,
    /// Unit table.
    pub units: u64,
    /// In-frame control block.
    pub control: u64,
}

impl Memory {
    /// In-frame control block of a job; 0 of one that has none.
    pub fn control_of(&self, job: &PictureJob<'_>) -> u64 {
        job.in_frame.map_or(0, |_| self.control)
    }
}

/// One entry of the unit table.
pub fn describe(unit: &Unit) -> [u8; UNIT_BYTES] {
    let mut entry = [0; UNIT_BYTES];
    let (kind, first_row, rows) = match unit.kind {
        Kind::Whole => (0, 0, 0),
        Kind::Slice { first_row, rows } => (1, first_row, rows),
    };
    // A unit without bits is nowhere. Header memory is some kilobytes.
    let offset = if unit.bits == 0 { 0 } else { unit.offset };
    let offset = u32::try_from(offset).unwrap_or(u32::MAX);
    let bits = u32::try_from(unit.bits).unwrap_or(u32::MAX);
    let mut f = Fields::new(&mut entry);
    f.u8(kind).u8(unit.start_code).u16(0);
    f.u32(offset).u32(bits).u16(first_row).u16(rows);
    entry
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_unit_table))]
mod tests {
    use super::super::fields::Block;
    use super::*;

    fn word(bytes: &[u8], at: usize) -> u32 {
        Block::new(bytes.get(at..).unwrap_or_default()).u32()
    }

    #[test]
    fn a_unit_is_where_the_manual_says() {
        let entry = describe(&Unit {
            kind: Kind::Slice {
                first_row: 0x0102,
                rows: 0x0304,
            },
            start_code: 3,
            offset: 0x1122,
            bits: 0x3344,
        });
        assert_eq!(word(&entry, 0), (3 << 8) | 1);
        assert_eq!(word(&entry, 4), 0x1122);
        assert_eq!(word(&entry, 8), 0x3344);
        assert_eq!(word(&entry, 12), 0x0304_0102);
        assert!(entry[16..] == [0; 16][..]);
        let bare = describe(&Unit {
            kind: Kind::Slice {
                first_row: 1,
                rows: 2,
            },
            start_code: 3,
            offset: 24,
            bits: 0,
        });
        assert_eq!((word(&bare, 4), word(&bare, 8)), (0, 0));
        let whole = describe(&Unit {
            start_code: 4,
            ..Unit::EMPTY
        });
        assert_eq!(word(&whole, 0), 4 << 8);
    }
}
