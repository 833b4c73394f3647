// SPDX-License-Identifier: GPL-2.0

//! The unit table (`Documentation/slenc/hardware.rst`, *Unit table*).

use std::ops::Range;

use crate::descriptor::{
    require,
    BadField,
    Job, //
};
use crate::le::{
    u16_at,
    u32_at, //
};

/// Bytes of an entry.
pub const UNIT_SIZE: usize = 32;

/// Where the hardware writes the size of the unit.
pub const BYTES_OFFSET: usize = 0x10;

/// Set in error_info when the offset is one in the unit table.
const IN_UNIT_TABLE: usize = 1 << 31;

const KIND: usize = 0x00;
const START_CODE: usize = 0x01;
const RESERVED_02: usize = 0x02;
const BITS_OFFSET: usize = 0x04;
const BITS_LENGTH: usize = 0x08;
const FIRST_ROW: usize = 0x0c;
const ROWS: usize = 0x0e;
const RESERVED_14: usize = 0x14;

/// A checked entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitEntry {
    /// Bytes of start code.
    pub start_code: u8,
    /// Where its bits are in header memory; nowhere when the hardware writes the slice's header.
    pub bits: Range<usize>,
    /// How many bits of them count.
    pub bit_length: usize,
    /// First macroblock row and number of rows of a slice.
    pub rows: Option<(usize, usize)>,
}

/// Parses and checks the unit table of `job`.
///
/// # Errors
///
/// The first field that is wrong. Rows that no slice covers are the error of the last slice's
/// number of rows, or of the number of units when there is no slice.
pub fn parse(table: &[u8], job: &Job) -> Result<Vec<UnitEntry>, BadField> {
    let (header_size, height_mbs) = (job.header_size, job.size.height_mbs);
    let mut next_row = 0;
    let mut last_rows_field = job.unit_count_field;
    let mut units = Vec::with_capacity(table.len() / UNIT_SIZE);
    for (i, entry) in table.chunks_exact(UNIT_SIZE).enumerate() {
        let at = |field| IN_UNIT_TABLE | (i * UNIT_SIZE + field);
        let kind = entry[KIND];
        require(kind <= 1, at(KIND))?;
        let is_slice = kind == 1;
        let start_code = entry[START_CODE];
        require(matches!(start_code, 0 | 3 | 4), at(START_CODE))?;
        require(u16_at(entry, RESERVED_02) == 0, at(RESERVED_02))?;

        let bits_offset = u32_at(entry, BITS_OFFSET);
        let bit_length = u32_at(entry, BITS_LENGTH);
        let bytes = bit_length.div_ceil(8);
        if is_slice && job.slice_header.is_some() {
            require(bits_offset == 0, at(BITS_OFFSET))?;
            require(bit_length == 0, at(BITS_LENGTH))?;
        } else {
            require(bits_offset < header_size, at(BITS_OFFSET))?;
            require(
                bit_length >= 8
                    && bytes <= header_size - bits_offset
                    && (is_slice || bit_length % 8 == 0),
                at(BITS_LENGTH),
            )?;
        }

        let first_row = u16_at(entry, FIRST_ROW);
        let rows = u16_at(entry, ROWS);
        if is_slice {
            require(
                first_row == next_row && first_row < height_mbs,
                at(FIRST_ROW),
            )?;
            require((1..=height_mbs - first_row).contains(&rows), at(ROWS))?;
            next_row = first_row + rows;
            last_rows_field = at(ROWS);
        } else {
            require(first_row == 0, at(FIRST_ROW))?;
            require(rows == 0, at(ROWS))?;
        }
        for reserved in (RESERVED_14..UNIT_SIZE).step_by(4) {
            require(u32_at(entry, reserved) == 0, at(reserved))?;
        }
        units.push(UnitEntry {
            start_code,
            bits: bits_offset as usize..(bits_offset + bytes) as usize,
            bit_length: bit_length as usize,
            rows: is_slice.then_some((first_row.into(), rows.into())),
        });
    }
    require(next_row == height_mbs, last_rows_field)?;
    Ok(units)
}
