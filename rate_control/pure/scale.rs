// SPDX-License-Identifier: GPL-2.0

//! The scale that a codec's QPs are on.

use super::log2::Log2;

/// A codec, as far as its quantizer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// H.264 and HEVC with 8 bits a sample (ITU-T H.264 clause 7.4.2.2, H.265 clause 7.4.9.14).
    Qp51,
    /// VP8's quantizer index (RFC 6386 section 9.6).
    Index127,
}

/// Quantizer steps of VP8's AC coefficients by index (RFC 6386 section 14.1).
const VP8_AC: [u16; 128] = [
    4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
    53, 54, 55, 56, 57, 58, 60, 62, 64, 66, 68, 70, 72, 74, 76, 78, 80, 82, 84, 86, 88, 90, 92, 94,
    96, 98, 100, 102, 104, 106, 108, 110, 112, 114, 116, 119, 122, 125, 128, 131, 134, 137, 140,
    143, 146, 149, 152, 155, 158, 161, 164, 167, 170, 173, 177, 181, 185, 189, 193, 197, 201, 205,
    209, 213, 217, 221, 225, 229, 234, 239, 245, 249, 254, 259, 264, 269, 274, 279, 284,
];

/// The logarithms of the quantizer steps of H.264: a step doubles every 6 QPs and is 1 at QP 4
/// (clause 8.5.9: LevelScale and `qP / 6`).
const QP_STEPS: [Log2; 52] = {
    let mut steps = [Log2::ZERO; 52];
    let mut qp = 0;
    while qp < steps.len() {
        steps[qp] = Log2::ratio(qp as i32 - 4, 6);
        qp += 1;
    }
    steps
};

impl Scale {
    /// The coarsest value. The finest is 0.
    pub const fn max(self) -> i32 {
        match self {
            Self::Qp51 => 51,
            Self::Index127 => 127,
        }
    }

    /// Whether the codec has this value.
    pub fn contains(self, qp: i32) -> bool {
        (0..=self.max()).contains(&qp)
    }

    /// The logarithm of the quantizer step in samples; out of range, of the nearest value.
    ///
    /// VP8 tables twice the step, as its coefficients are twice those of an orthonormal transform
    /// (RFC 6386 section 14.4).
    pub fn step(self, qp: i32) -> Log2 {
        let qp = qp.max(0).min(self.max());
        match self {
            Self::Qp51 => QP_STEPS.get(qp as usize).map_or(Log2::ZERO, |&step| step),
            Self::Index127 => {
                let ac = VP8_AC.get(qp as usize).map_or(4, |&ac| ac);
                Log2::of(u64::from(ac)).minus(Log2::ONE)
            }
        }
    }

    /// A step, or that of the end of the scale that is nearest.
    pub fn within(self, step: Log2) -> Log2 {
        step.max(self.step(0)).min(self.step(self.max()))
    }

    /// The logarithm of the step between two values, from 256 times the value.
    pub fn step_q8(self, qp_q8: i32) -> Log2 {
        let low = self.step(qp_q8 >> 8);
        let high = self.step((qp_q8 >> 8).wrapping_add(1));
        low.plus(high.minus(low).times(Log2::from_raw((qp_q8 & 0xff) << 8)))
    }

    /// The coarsest value whose step is at most this, or the finest.
    pub fn at_most(self, step: Log2) -> i32 {
        match self {
            Self::Qp51 => {
                // A step of 6 for a factor of 2, and half of what `Log2::ratio` cuts off. On the
                // scale this has room in 32 bits, and ends there.
                let sixths = self.within(step).raw().wrapping_mul(6).wrapping_add(6);
                (sixths >> 16).wrapping_add(4)
            }
            Self::Index127 => {
                let (mut low, mut high) = (0i32, 127i32);
                while low < high {
                    // Their mean, rounded up.
                    let middle = (low | high).wrapping_sub((low ^ high) >> 1);
                    if self.step(middle) <= step {
                        low = middle;
                    } else {
                        high = middle.wrapping_sub(1);
                    }
                }
                low
            }
        }
    }

    /// The finest value whose step is at least this, or the coarsest.
    pub fn at_least(self, step: Log2) -> i32 {
        let below = self.at_most(step);
        if self.step(below) < step {
            below.saturating_add(1).min(self.max())
        } else {
            below
        }
    }

    /// The value whose step is nearest to this.
    pub fn nearest(self, step: Log2) -> i32 {
        let step = self.within(step);
        match self {
            // Rounded: what `Log2::ratio` cuts off, towards 0, matters below 0 only.
            Self::Qp51 => {
                let half = (1 << 15) - if step < Log2::ZERO { 4 } else { 0 };
                let sixths = step.raw().wrapping_mul(6).wrapping_add(half);
                (sixths >> 16).wrapping_add(4)
            }
            Self::Index127 => {
                let below = self.at_most(step);
                let above = below.wrapping_add(1).min(self.max());
                if step.minus(self.step(below)).abs() <= self.step(above).minus(step).abs() {
                    below
                } else {
                    above
                }
            }
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_scale))]
mod tests {
    use super::*;

    const SCALES: [Scale; 2] = [Scale::Qp51, Scale::Index127];

    #[test]
    fn every_value_is_found_by_its_step() {
        for scale in SCALES {
            for qp in 0..=scale.max() {
                assert_eq!(scale.at_most(scale.step(qp)), qp);
                assert_eq!(scale.nearest(scale.step(qp)), qp);
                assert_eq!(scale.at_least(scale.step(qp)), qp);
                let coarser = scale.step(qp).plus(Log2::from_raw(20));
                assert_eq!(scale.at_least(coarser), (qp + 1).min(scale.max()));
                assert_eq!(
                    scale.at_most(scale.step(qp).minus(Log2::from_raw(20))),
                    (qp - 1).max(0)
                );
            }
        }
    }

    #[test]
    fn no_step_is_nearer() {
        for scale in SCALES {
            let ends = scale.step(0).raw() - 3..scale.step(scale.max()).raw() + 3;
            let mut qp = 0;
            for step in ends.map(Log2::from_raw) {
                let off = |qp| step.minus(scale.step(qp)).abs();
                // Of two that are as near it is the finer one.
                while qp < scale.max() && off(qp + 1) < off(qp) {
                    qp += 1;
                }
                assert_eq!(scale.nearest(step), qp);
            }
        }
    }

    #[test]
    fn steps_grow() {
        for scale in SCALES {
            for qp in 0..scale.max() {
                assert!(scale.step(qp) < scale.step(qp + 1));
            }
        }
        assert_eq!(Scale::Qp51.step(4), Log2::ZERO);
        assert_eq!(Scale::Qp51.step(28), Log2::ratio(4, 1));
        assert_eq!(Scale::Index127.step(0), Log2::ONE);
        assert_eq!(Scale::Index127.step(12), Log2::ratio(3, 1));
        // Steps of 2 and of 20.
        assert_eq!(Scale::Qp51.nearest(Scale::Index127.step(0)), 10);
        assert_eq!(Scale::Qp51.nearest(Scale::Index127.step(36)), 30);
    }

    #[test]
    fn anything_has_a_value() {
        for scale in SCALES {
            for raw in [i32::MIN, -1 << 20, -1, 0, 1, 1 << 20, i32::MAX] {
                let step = Log2::from_raw(raw);
                assert!(scale.contains(scale.at_most(step)));
                assert!(scale.contains(scale.at_least(step)));
                assert!(scale.contains(scale.nearest(step)));
            }
            assert_eq!(scale.nearest(Log2::from_raw(i32::MIN)), 0);
            assert_eq!(scale.nearest(Log2::from_raw(i32::MAX)), scale.max());
            assert_eq!(scale.step(i32::MIN), scale.step(0));
            assert_eq!(scale.step(i32::MAX), scale.step(scale.max()));
        }
    }
}
