// SPDX-License-Identifier: GPL-2.0

//! The byte stream of Annex B of Recommendation ITU-T H.264, taken apart.

/// nal_unit_type of Table 7-1.
pub mod nal_type {
    /// Slice of a picture that is not IDR.
    pub const SLICE: u8 = 1;
    /// Slice of an IDR picture.
    pub const IDR_SLICE: u8 = 5;
    /// Sequence parameter set.
    pub const SPS: u8 = 7;
    /// Picture parameter set.
    pub const PPS: u8 = 8;
    /// Access unit delimiter.
    pub const AUD: u8 = 9;
    /// Filler data.
    pub const FILLER: u8 = 12;
}

/// nal_unit_type of a NAL unit; 0, which is unspecified, of an empty one.
pub fn unit_type(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |header| header & 0x1f)
}

/// The NAL units of a byte stream, without start codes and zero bytes around
/// them.
#[derive(Debug, Clone)]
pub struct NalUnits<'a> {
    rest: &'a [u8],
}

impl<'a> NalUnits<'a> {
    /// Takes `stream` apart; what precedes the first start code is skipped.
    pub fn new(stream: &'a [u8]) -> Self {
        let start = find_start_code(stream).map_or(stream.len(), |at| at + 3);
        Self {
            rest: &stream[start..],
        }
    }
}

impl<'a> Iterator for NalUnits<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (nal, rest) = match find_start_code(self.rest) {
                Some(at) => (&self.rest[..at], &self.rest[at + 3..]),
                None => (self.rest, &[][..]),
            };
            self.rest = rest;
            // A NAL unit does not end in a zero byte (7.4.1): these are
            // trailing_zero_8bits, or the first byte of a longer start code.
            let end = nal.iter().rposition(|&b| b != 0).map_or(0, |at| at + 1);
            if end > 0 {
                return Some(&nal[..end]);
            }
        }
        None
    }
}

/// Where three bytes 0, 0, 1 are.
fn find_start_code(data: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(&last) = data.get(at + 2) {
        match last {
            1 if data[at] == 0 && data[at + 1] == 0 => return Some(at),
            // A start code may begin one or two bytes on.
            0 => at += 1,
            _ => at += 3,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_come_without_start_codes_and_padding() {
        let stream = [
            &[0, 0, 0, 1, 0x67, 1, 2][..],
            &[0, 0, 1, 0x68, 3],
            &[0, 0, 0, 0, 1, 0x65, 0, 0, 3, 1, 0, 0],
        ]
        .concat();
        let units: Vec<_> = NalUnits::new(&stream).collect();
        assert_eq!(units, [&[0x67, 1, 2][..], &[0x68, 3], &[0x65, 0, 0, 3, 1]]);
        let types: Vec<_> = units.iter().map(|nal| unit_type(nal)).collect();
        assert_eq!(types, [nal_type::SPS, nal_type::PPS, nal_type::IDR_SLICE]);
    }

    #[test]
    fn streams_without_units_give_none() {
        for stream in [
            &[][..],
            &[0, 0, 1],
            &[0, 0, 1, 0, 0, 1],
            &[1, 2, 3],
            &[0; 9],
        ] {
            assert_eq!(NalUnits::new(stream).count(), 0, "{stream:?}");
        }
        assert_eq!(unit_type(&[]), 0);
    }

    /// The definition of a start code, without shortcuts.
    fn naive_start_code(data: &[u8]) -> Option<usize> {
        data.windows(3).position(|w| w == [0, 0, 1])
    }

    proptest! {
        #[test]
        fn start_codes_are_found(data in prop::collection::vec(0u8..3, 0..40)) {
            prop_assert_eq!(find_start_code(&data), naive_start_code(&data));
        }

        #[test]
        fn what_is_put_together_comes_apart(
            units in prop::collection::vec(
                (prop::collection::vec(2u8..=255, 1..20), 0usize..4),
                0..8,
            ),
        ) {
            let mut stream = Vec::new();
            for (nal, zeros) in &units {
                stream.extend(vec![0; 2 + zeros]);
                stream.push(1);
                stream.extend(nal);
            }
            let found: Vec<_> = NalUnits::new(&stream).map(<[u8]>::to_vec).collect();
            let expected: Vec<_> = units.into_iter().map(|(nal, _)| nal).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
