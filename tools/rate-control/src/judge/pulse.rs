// SPDX-License-Identifier: GPL-2.0

//! Pulsing: how much the picture changes with each group of pictures.

use super::statistics::mean;
use crate::frame::Record;

/// Frames on both sides of a key frame.
const AROUND: usize = 5;

/// The mean step of PSNR at key frames after the first, up or down, in dB; a scene that begins
/// there is no pulse. `None` without any.
pub(crate) fn pulse(records: &[Record]) -> Option<f64> {
    let psnr = |part: &[Record]| {
        let all: Vec<f64> = part.iter().map(|record| record.psnr).collect();
        mean(&all)
    };
    let steps: Vec<f64> = (AROUND..records.len())
        .filter(|&n| records[n].key)
        .filter_map(|n| {
            let (before, after) = (&records[n - AROUND..n], records.get(n..n + AROUND)?);
            let cut = after.iter().any(|record| record.cut);
            (!cut).then(|| (psnr(after) - psnr(before)).abs())
        })
        .collect();
    (!steps.is_empty()).then(|| mean(&steps))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn steps_up_and_down_count_alike() {
        let mut records = samples::records(&[1000; 60]);
        assert_eq!(pulse(&records), None);
        for (n, record) in records.iter_mut().enumerate() {
            record.key = n % 20 == 0;
            record.psnr = if n / 20 == 1 { 42.0 } else { 40.0 };
        }
        assert_eq!(pulse(&records), Some(2.0));
        records[40].psnr = 45.0;
        // 2 dB, and 42 against (45 + 4 x 40) / 5.
        assert_eq!(pulse(&records), Some(1.5));
        records[41].cut = true;
        assert_eq!(pulse(&records), Some(2.0));
        // Too near to the end.
        assert_eq!(pulse(&records[..44]), Some(2.0));
        assert_eq!(pulse(&records[..3]), None);
    }
}
