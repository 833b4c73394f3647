// SPDX-License-Identifier: GPL-2.0

//! QPs of other codecs on the scale of H.264.

use crate::config::Scale;

/// First value and step of each run of VP8's table of AC steps (RFC 6386 section 14.1), and the
/// index that it begins at. The last runs are irregular and listed one by one.
const VP8_RUNS: [(usize, i32, i32); 4] = [(0, 4, 1), (55, 60, 2), (84, 119, 3), (103, 177, 4)];
const VP8_LAST: [i32; 11] = [234, 239, 245, 249, 254, 259, 264, 269, 274, 279, 284];

fn vp8_step(index: i32) -> i32 {
    let index = index.clamp(0, 127) as usize;
    if let Some(step) = index.checked_sub(117).and_then(|n| VP8_LAST.get(n)) {
        return *step;
    }
    let run = VP8_RUNS.iter().rev().find(|run| run.0 <= index);
    run.map_or(4, |&(begin, first, step)| {
        first + step * (index - begin) as i32
    })
}

/// The QP of H.264 with the same step size. Coefficients of VP8's transform are twice those of
/// an orthonormal one (section 14.3: a DC of 8 is one level of every sample of 16).
pub(crate) fn to_h264(scale: Scale, qp: i32) -> f64 {
    match scale {
        Scale::Qp51 => f64::from(qp.clamp(0, 51)),
        Scale::Index127 => {
            let step = f64::from(vp8_step(qp)) / 2.0;
            (6.0 * (step / 0.625).log2()).clamp(0.0, 51.0)
        }
    }
}

/// The coarsest QP of a scale.
pub(crate) fn max_qp(scale: Scale) -> i32 {
    match scale {
        Scale::Qp51 => 51,
        Scale::Index127 => 127,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_vp8() {
        let expected = [
            (0, 4),
            (54, 58),
            (55, 60),
            (83, 116),
            (84, 119),
            (102, 173),
            (103, 177),
        ];
        for (index, step) in expected
            .into_iter()
            .chain([(116, 229), (117, 234), (127, 284)])
        {
            assert_eq!(vp8_step(index), step, "{index}");
        }
        assert!((0..127).all(|index| vp8_step(index) < vp8_step(index + 1)));
    }

    #[test]
    fn equal_steps() {
        assert_eq!(to_h264(Scale::Qp51, 30), 30.0);
        // Step 20 is QP 30.
        assert!((to_h264(Scale::Index127, 36) - 30.0).abs() < 1e-9);
        assert!(to_h264(Scale::Index127, 127) < 51.0);
    }
}
