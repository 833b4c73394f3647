// SPDX-License-Identifier: GPL-2.0

//! Inter prediction, ITU-T H.264 clause 8.4.

pub(crate) mod compensate;
pub(crate) mod reference;
pub(crate) mod search;
pub(crate) mod vectors;

/// A motion vector in quarter samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mv {
    /// To the right.
    pub(crate) x: i16,
    /// Down.
    pub(crate) y: i16,
}

impl Mv {
    /// Makes a vector.
    pub(crate) const fn new(x: i16, y: i16) -> Self {
        Self { x, y }
    }

    /// The vector moved by `x`, `y` quarter samples.
    pub(crate) const fn offset(self, x: i16, y: i16) -> Self {
        Self::new(self.x + x, self.y + y)
    }
}

/// Vectors a macroblock may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// Lowest of each component.
    pub(crate) min: Mv,
    /// Highest of each component.
    pub(crate) max: Mv,
}

impl Range {
    /// Samples a prediction may reach out of the picture.
    const OUTSIDE: i32 = 32;

    /// Range of the macroblock at `mb_x`, `mb_y` of a picture of `width_mbs` times `height_mbs`.
    pub(crate) fn new(mb_x: usize, mb_y: usize, width_mbs: usize, height_mbs: usize) -> Self {
        // Vertical range of Table A-1, of the lowest level the picture size permits.
        let vertical = match width_mbs * height_mbs {
            0..=99 => 64,
            100..=396 => 128,
            397..=1620 => 256,
            _ => 512,
        };
        let limits = |mb: usize, mbs: usize, most: i32| {
            let (before, behind) = (16 * mb as i32, 16 * (mbs - 1 - mb) as i32);
            let min = -(before + Self::OUTSIDE).min(most);
            let max = (behind + Self::OUTSIDE).min(most - 1);
            ((4 * min) as i16, (4 * max) as i16)
        };
        let (min_x, max_x) = limits(mb_x, width_mbs, 2048);
        let (min_y, max_y) = limits(mb_y, height_mbs, vertical);
        Self {
            min: Mv::new(min_x, min_y),
            max: Mv::new(max_x, max_y),
        }
    }

    /// Whether `mv` is within.
    pub(crate) fn contains(&self, mv: Mv) -> bool {
        (self.min.x..=self.max.x).contains(&mv.x) && (self.min.y..=self.max.y).contains(&mv.y)
    }

    /// The nearest vector within.
    pub(crate) fn clamp(&self, mv: Mv) -> Mv {
        Mv::new(
            mv.x.clamp(self.min.x, self.max.x),
            mv.y.clamp(self.min.y, self.max.y),
        )
    }
}

/// How a macroblock is divided, mb_type of Table 7-13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Whole = 0,
    Rows = 1,
    Columns = 2,
    Quarters = 3,
}

/// A partition, in units of 8 samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partition {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Shape {
    /// The partitions in order.
    pub(crate) const fn partitions(self) -> &'static [Partition] {
        const fn part(x: usize, y: usize, width: usize, height: usize) -> Partition {
            Partition {
                x,
                y,
                width,
                height,
            }
        }
        const WHOLE: [Partition; 1] = [part(0, 0, 2, 2)];
        const ROWS: [Partition; 2] = [part(0, 0, 2, 1), part(0, 1, 2, 1)];
        const COLUMNS: [Partition; 2] = [part(0, 0, 1, 2), part(1, 0, 1, 2)];
        const QUARTERS: [Partition; 4] = [
            part(0, 0, 1, 1),
            part(1, 0, 1, 1),
            part(0, 1, 1, 1),
            part(1, 1, 1, 1),
        ];
        match self {
            Self::Whole => &WHOLE,
            Self::Rows => &ROWS,
            Self::Columns => &COLUMNS,
            Self::Quarters => &QUARTERS,
        }
    }
}

impl Partition {
    /// The quadrants it covers, in raster order.
    pub(crate) fn quadrants(self) -> impl Iterator<Item = usize> {
        (self.y..self.y + self.height)
            .flat_map(move |y| (self.x..self.x + self.width).map(move |x| 2 * y + x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vertical_range_is_that_of_the_lowest_level_of_the_size() {
        // Table A-1: MaxFS of levels 1, 2, 3 and of what is above, and the range in samples.
        for (macroblocks, samples) in [
            (99, 64),
            (100, 128),
            (396, 128),
            (397, 256),
            (1620, 256),
            (1621, 512),
        ] {
            let range = Range::new(0, macroblocks / 2, 1, macroblocks);
            assert_eq!(range.min.y, -4 * samples, "{macroblocks} macroblocks");
            assert_eq!(range.max.y, 4 * (samples - 1), "{macroblocks} macroblocks");
        }
    }
}
