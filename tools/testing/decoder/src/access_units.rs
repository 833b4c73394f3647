// SPDX-License-Identifier: GPL-2.0

//! Access units of a byte stream (ITU-T H.264, 7.4.1.2.3 and Annex B).

/// Where the NAL units begin: their start codes, and the bytes behind those.
fn nal_units(stream: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    stream
        .windows(3)
        .enumerate()
        .filter(|(_, window)| *window == [0, 0, 1])
        .map(|(at, _)| {
            // The zero_byte belongs to the start code.
            let zero = at.checked_sub(1).filter(|&before| stream[before] == 0);
            (zero.unwrap_or(at), &stream[at + 3..])
        })
}

/// Splits a stream of one slice layer: each item is all that is decoded to one picture.
pub(crate) fn access_units(stream: &[u8]) -> Vec<&[u8]> {
    let mut starts = Vec::new();
    let mut coded = true;
    for (at, unit) in nal_units(stream) {
        let is_slice = matches!(unit.first().map(|header| header & 0x1f), Some(1..=5));
        // first_mb_in_slice is 0, the code of which is a set bit.
        let is_first_slice = is_slice && unit.get(1).is_some_and(|byte| byte & 0x80 != 0);
        if coded && (!is_slice || is_first_slice) {
            starts.push(at);
            coded = false;
        }
        coded |= is_slice;
    }
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| &stream[start..end])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_and_headers_of_a_picture_are_together() {
        // An SPS, a PPS, and a picture of two slices; one of one slice with a start
        // code of three bytes; a delimiter and a slice.
        let stream = [
            &[0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 1][..],
            &[0, 0, 0, 1, 0x65, 0x80, 0, 0, 1, 0x65, 0x40],
            &[0, 0, 1, 0x41, 0x80, 7],
            &[0, 0, 0, 1, 0x09, 0xf0, 0, 0, 0, 1, 0x41, 0x88],
        ];
        let all = stream.concat();
        let wanted = [
            [stream[0], stream[1]].concat(),
            stream[2].into(),
            stream[3].into(),
        ];
        assert_eq!(access_units(&all), wanted);
    }

    #[test]
    fn what_is_no_stream_has_none() {
        assert!(access_units(&[]).is_empty());
        assert!(access_units(b"no start code").is_empty());
        assert_eq!(access_units(&[9, 0, 0, 1]), [[0, 0, 1]]);
    }
}
