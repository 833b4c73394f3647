// SPDX-License-Identifier: GPL-2.0

//! One side of a crop rectangle: even, and within the constraints of `VIDIOC_S_SELECTION`.

/// What a side may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Shortest length, even and at most `length`.
    pub min: u32,
    /// Length of the source, even.
    pub length: u32,
}

/// How the side that is set may differ from the one asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// V4L2_SEL_FLAG_GE: the one asked for lies inside of it.
    pub at_least: bool,
    /// V4L2_SEL_FLAG_LE: it lies inside of the one asked for. With both, it is as long.
    pub at_most: bool,
}

impl Axis {
    /// Returns where the side begins and how long it is that is nearest to `length` from `start`
    /// on, if there is one.
    pub fn nearest(&self, start: i32, length: u32, limits: Limits) -> Option<(u32, u32)> {
        let first = i64::from(start);
        // Of 33 bits at most.
        let last = first.saturating_add(length.into());
        match (limits.at_least, limits.at_most) {
            (false, false) => Some(self.place(start, self.even(length))),
            (true, true) => (self.even(length) == length).then(|| self.place(start, length)),
            (true, false) => {
                let first = u32::try_from(first).ok()? & !1;
                let last = u32::try_from(last).ok()?.checked_next_multiple_of(2)?;
                if last > self.length {
                    return None;
                }
                let length = last.checked_sub(first)?.max(self.min);
                // To the left if there is no room at the right: it grows.
                Some((first.min(self.length.checked_sub(length)?), length))
            }
            (false, true) => {
                let first = u32::try_from(first.max(0))
                    .ok()?
                    .checked_next_multiple_of(2)?;
                let last = u32::try_from(last.min(self.length.into())).ok()? & !1;
                let length = last.checked_sub(first)?;
                (length >= self.min.max(2)).then_some((first, length))
            }
        }
    }

    /// The even length that is nearest.
    fn even(&self, length: u32) -> u32 {
        (length.saturating_add(1) & !1)
            .max(self.min)
            .min(self.length)
    }

    /// A side of this length within the source, from an even place that is near to `start`.
    fn place(&self, start: i32, length: u32) -> (u32, u32) {
        let start = u32::try_from(start).unwrap_or(0) & !1;
        (start.min(self.length.saturating_sub(length)), length)
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_crop))]
mod tests {
    use super::*;

    const AXIS: Axis = Axis {
        min: 16,
        length: 640,
    };
    const FREE: Limits = Limits {
        at_least: false,
        at_most: false,
    };
    const AT_LEAST: Limits = Limits {
        at_least: true,
        ..FREE
    };
    const AT_MOST: Limits = Limits {
        at_most: true,
        ..FREE
    };
    const EXACT: Limits = Limits {
        at_least: true,
        at_most: true,
    };

    fn nearest(start: i32, length: u32, limits: Limits) -> Option<(u32, u32)> {
        AXIS.nearest(start, length, limits)
    }

    #[test]
    fn without_constraints_anything_has_a_nearest() {
        assert_eq!(nearest(0, 639, FREE), Some((0, 640)));
        assert_eq!(nearest(-5, 100, FREE), Some((0, 100)));
        assert_eq!(nearest(33, 64, FREE), Some((32, 64)));
        assert_eq!(nearest(600, 100, FREE), Some((540, 100)));
        assert_eq!(nearest(i32::MAX, 0, FREE), Some((624, 16)));
        assert_eq!(nearest(i32::MIN, u32::MAX, FREE), Some((0, 640)));
    }

    #[test]
    fn what_was_asked_for_lies_inside() {
        assert_eq!(nearest(0, 63, AT_LEAST), Some((0, 64)));
        assert_eq!(nearest(33, 64, AT_LEAST), Some((32, 66)));
        assert_eq!(nearest(0, 640, AT_LEAST), Some((0, 640)));
        assert_eq!(nearest(1, 638, AT_LEAST), Some((0, 640)));
        assert_eq!(nearest(100, 1, AT_LEAST), Some((100, 16)));
        assert_eq!(nearest(639, 1, AT_LEAST), Some((624, 16)));
        assert_eq!(nearest(1, 640, AT_LEAST), None);
        assert_eq!(nearest(-1, 100, AT_LEAST), None);
        assert_eq!(nearest(i32::MAX, u32::MAX, AT_LEAST), None);
    }

    #[test]
    fn it_lies_inside_of_what_was_asked_for() {
        assert_eq!(nearest(0, 63, AT_MOST), Some((0, 62)));
        assert_eq!(nearest(33, 64, AT_MOST), Some((34, 62)));
        assert_eq!(nearest(-100, 200, AT_MOST), Some((0, 100)));
        assert_eq!(nearest(600, 1000, AT_MOST), Some((600, 40)));
        assert_eq!(nearest(0, 17, AT_MOST), Some((0, 16)));
        assert_eq!(nearest(1, 17, AT_MOST), Some((2, 16)));
        for none in [(0, 15), (1, 16), (-10, 20), (630, 100), (700, 50), (-9, 3)] {
            assert_eq!(nearest(none.0, none.1, AT_MOST), None);
        }
        assert_eq!(nearest(i32::MAX, u32::MAX, AT_MOST), None);
        assert_eq!(nearest(i32::MIN, u32::MAX, AT_MOST), Some((0, 640)));
    }

    #[test]
    fn it_is_as_long_as_asked_for() {
        assert_eq!(nearest(0, 64, EXACT), Some((0, 64)));
        assert_eq!(nearest(33, 64, EXACT), Some((32, 64)));
        for length in [0, 14, 63, 642, u32::MAX] {
            assert_eq!(nearest(0, length, EXACT), None);
        }
    }

    #[test]
    fn constraints_are_kept_wherever_there_is_a_side() {
        let axis = Axis { min: 4, length: 12 };
        for start in -3i32..15 {
            for length in 0u32..16 {
                let (first, last) = (i64::from(start), i64::from(start) + i64::from(length));
                let sides = || {
                    (0..=12i64)
                        .step_by(2)
                        .flat_map(|a| (0..=12i64).step_by(2).map(move |b| (a, b)))
                        .filter(|(a, b)| b - a >= 4)
                };
                let contains = |&(a, b): &(i64, i64)| a <= first && last <= b;
                let inside = |&(a, b): &(i64, i64)| first <= a && b <= last;
                let ends = |(start, length): (u32, u32)| {
                    (i64::from(start), i64::from(start) + i64::from(length))
                };
                let found = axis.nearest(start, length, AT_LEAST).map(ends);
                let shortest = sides().filter(contains).map(|(a, b)| b - a).min();
                assert!(found.is_none_or(|side| contains(&side)));
                assert_eq!(found.map(|(a, b)| b - a), shortest);
                let found = axis.nearest(start, length, AT_MOST).map(ends);
                let longest = sides().filter(inside).map(|(a, b)| b - a).max();
                assert!(found.is_none_or(|side| inside(&side)));
                assert_eq!(found.map(|(a, b)| b - a), longest);
            }
        }
    }
}
