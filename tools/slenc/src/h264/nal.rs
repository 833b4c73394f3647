// SPDX-License-Identifier: GPL-2.0

//! NAL units as they are written, to the byte: clause 7.3.1, and Annex B.
//!
//! [`crate::output::annexb`] takes a stream apart for a container and forgives;
//! this does not.

use super::bits::{
    Malformed,
    Result, //
};

/// nal_unit_type of table 7-1.
pub mod kind {
    /// A slice of a picture that is no IDR picture.
    pub const SLICE: u8 = 1;
    /// A slice of an IDR picture.
    pub const IDR_SLICE: u8 = 5;
    /// Supplemental enhancement information.
    pub const SEI: u8 = 6;
    /// Sequence parameter set.
    pub const SPS: u8 = 7;
    /// Picture parameter set.
    pub const PPS: u8 = 8;
    /// Access unit delimiter.
    pub const AUD: u8 = 9;
    /// Filler data.
    pub const FILLER: u8 = 12;
}

/// A NAL unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nal {
    /// 0..3.
    pub ref_idc: u8,
    /// nal_unit_type.
    pub kind: u8,
    /// Bytes of the start code in front, with its zero_byte; 0 without.
    pub start_code: usize,
    /// The payload without emulation prevention.
    pub rbsp: Vec<u8>,
}

impl Nal {
    /// Takes a NAL unit apart, and checks what clause 7.4.1 demands of any.
    pub fn parse(bytes: &[u8], start_code: usize) -> Result<Self> {
        let (&header, payload) = bytes
            .split_first()
            .ok_or_else(|| Malformed::new("a NAL unit is empty"))?;
        if header & 0x80 != 0 {
            return Err(Malformed::new("forbidden_zero_bit is set"));
        }
        if payload.last() == Some(&0) {
            return Err(Malformed::new("the last byte of a NAL unit is 0"));
        }
        Ok(Self {
            ref_idc: (header >> 5) & 3,
            kind: header & 0x1f,
            start_code,
            rbsp: unescape(payload)?,
        })
    }
}

/// Removes emulation_prevention_three_byte.
fn unescape(payload: &[u8]) -> Result<Vec<u8>> {
    let mut rbsp = Vec::with_capacity(payload.len());
    let mut zeros = 0;
    for (at, &byte) in payload.iter().enumerate() {
        if zeros >= 2 {
            match (byte, payload.get(at + 1)) {
                (3, None | Some(0..=3)) => {
                    zeros = 0;
                    continue;
                }
                (0..=3, _) => {
                    return Err(Malformed(format!(
                        "00 00 {byte:02x} is in a NAL unit without emulation prevention"
                    )));
                }
                _ => {}
            }
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        rbsp.push(byte);
    }
    Ok(rbsp)
}

/// The NAL units of an access unit in the byte stream format, from the first byte
/// to the last.
pub fn byte_stream(bytes: &[u8]) -> Result<Vec<Nal>> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(3).position(|w| w == [0, 0, 1]) {
        starts.push(at + found);
        at += found + 3;
    }
    if starts.is_empty() {
        return Err(Malformed::new("there is no start code"));
    }
    let mut units = Vec::new();
    // What is in front of a start code belongs to it when it is 0.
    let mut free = 0;
    for (index, &start) in starts.iter().enumerate() {
        let mut first = start;
        while first > free && bytes[first - 1] == 0 {
            first -= 1;
        }
        if index == 0 && first != 0 {
            return Err(Malformed::new("there is data in front of the start code"));
        }
        let begin = start + 3;
        let mut end = starts.get(index + 1).copied().unwrap_or(bytes.len());
        if index + 1 < starts.len() {
            while end > begin && bytes[end - 1] == 0 {
                end -= 1;
            }
        }
        units.push(Nal::parse(&bytes[begin..end], begin - first)?);
        free = end;
    }
    Ok(units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn start_codes_are_measured() {
        let bytes = [
            0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 0, 0, 3, 1,
        ];
        let units = byte_stream(&bytes).unwrap();
        let seen: Vec<_> = units
            .iter()
            .map(|unit| (unit.start_code, unit.ref_idc, unit.kind))
            .collect();
        assert_eq!(seen, [(4, 3, 7), (3, 3, 8), (4, 3, 5)]);
        assert_eq!(units[2].rbsp, [0, 0, 1]);
    }

    #[test]
    fn what_no_nal_unit_may_have_is_found() {
        for bad in [
            &[][..],
            &[1, 2],
            &[9, 0, 0, 1, 0x65, 1],
            &[0, 0, 1],
            &[0, 0, 1, 0xe5, 1],
            &[0, 0, 1, 0x65, 1, 0],
            &[0, 0, 1, 0x65, 0, 0, 2],
            &[0, 0, 1, 0x65, 0, 0, 3, 4],
        ] {
            assert!(byte_stream(bad).is_err(), "{bad:?}");
        }
        // Emulation prevention at the end, as cabac_zero_words have it.
        assert!(byte_stream(&[0, 0, 1, 0x65, 7, 0, 0, 3]).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_apart_without_a_panic(
            bytes in prop::collection::vec(0u8..4, 0..40),
        ) {
            let _ = byte_stream(&bytes);
        }

        #[test]
        fn escaped_data_comes_back(data in prop::collection::vec(0u8..5, 0..40)) {
            let mut escaped = vec![0x65];
            let mut zeros = 0;
            for &byte in data.iter().chain(&[0x80]) {
                if zeros >= 2 && byte <= 3 {
                    escaped.push(3);
                    zeros = 0;
                }
                zeros = if byte == 0 { zeros + 1 } else { 0 };
                escaped.push(byte);
            }
            let nal = Nal::parse(&escaped, 0).unwrap();
            prop_assert_eq!(&nal.rbsp[..data.len()], &data[..]);
        }
    }
}
