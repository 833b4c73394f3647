// SPDX-License-Identifier: GPL-2.0

//! Filler data, H.264 clause 7.3.2.7: what is sent when there is nothing to say.

/// nal_unit_type of filler data, with nal_ref_idc 0.
const NAL_FILLER: u8 = 12;
/// rbsp_trailing_bits() of data that ends with a byte.
const STOP: u8 = 0x80;

/// A start code and the header of the NAL unit.
const HEAD: [u8; 4] = [0, 0, 1, NAL_FILLER];

/// The size of the smallest unit in a stream with start codes, and without.
pub const fn smallest(start_codes: bool) -> usize {
    if start_codes {
        HEAD.len() + 1
    } else {
        2
    }
}

/// How many bytes of filler data follow an access unit: those that are wanted, as far as there is
/// room. The unit is whole or not there at all.
pub fn size(wanted: u64, room: usize, start_codes: bool) -> usize {
    let size = usize::try_from(wanted).unwrap_or(usize::MAX).min(room);
    if size < smallest(start_codes) {
        0
    } else {
        size
    }
}

/// Writes a NAL unit of filler data that takes all of `bytes`, if it is large enough for one.
pub fn write(bytes: &mut [u8], start_codes: bool) {
    let skipped = if start_codes { 0 } else { 3 };
    let head = HEAD.get(skipped..).unwrap_or_default();
    // The data, FF, is nothing that emulation prevention is for.
    let Some((start, rest)) = bytes.split_at_mut_checked(head.len()) else {
        return;
    };
    let Some((stop, data)) = rest.split_last_mut() else {
        return;
    };
    start.copy_from_slice(head);
    data.fill(0xff);
    *stop = STOP;
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_filler))]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_whole_or_not_there() {
        for (wanted, room, start_codes, got) in [
            (0, 100, true, 0),
            (4, 100, true, 0),
            (5, 100, true, 5),
            (99, 100, true, 99),
            (101, 100, true, 100),
            (u64::MAX, 100, true, 100),
            (100, 4, true, 0),
            (1, 100, false, 0),
            (2, 100, false, 2),
        ] {
            assert_eq!(size(wanted, room, start_codes), got);
        }
    }

    #[test]
    fn every_byte_counts() {
        let mut bytes = [0xaa; 8];
        write(&mut bytes[..5], true);
        assert!(bytes == [0, 0, 1, 12, 0x80, 0xaa, 0xaa, 0xaa]);
        write(&mut bytes[..7], true);
        assert!(bytes == [0, 0, 1, 12, 0xff, 0xff, 0x80, 0xaa]);
        write(&mut bytes[..3], false);
        assert!(bytes[..4] == [12, 0xff, 0x80, 12][..]);
        // Too small for a unit: nothing is written.
        let mut none = [0xaa; 4];
        write(&mut none, true);
        assert!(none == [0xaa; 4]);
    }
}
