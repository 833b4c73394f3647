// SPDX-License-Identifier: GPL-2.0

//! Prediction of motion vectors, ITU-T H.264 clause 8.4.1.

use super::{Mv, Partition};

/// What is known of the motion of an 8x8 block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Motion {
    /// Outside of the slice or not decoded yet.
    #[default]
    Unavailable,
    /// Of an intra macroblock.
    Intra,
    /// Predicted from the one reference.
    Inter(Mv),
}

impl Motion {
    fn mv(self) -> Mv {
        match self {
            Self::Inter(mv) => mv,
            _ => Mv::default(),
        }
    }

    fn is_inter(self) -> bool {
        matches!(self, Self::Inter(_))
    }
}

/// The motion of a macroblock's 8x8 blocks and of those around it: a line above, with both
/// corners, and a column on the left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    grid: [[Motion; 4]; 3],
}

impl Surroundings {
    /// The blocks on the left, and from above left to above right.
    pub(crate) fn new(left: [Motion; 2], above: [Motion; 4]) -> Self {
        let mut grid = [above, [Motion::Unavailable; 4], [Motion::Unavailable; 4]];
        grid[1][0] = left[0];
        grid[2][0] = left[1];
        Self { grid }
    }

    /// Notes the vector of a partition, which comes before later ones.
    pub(crate) fn set(&mut self, partition: Partition, mv: Mv) {
        for y in 0..partition.height {
            for x in 0..partition.width {
                self.grid[1 + partition.y + y][1 + partition.x + x] = Motion::Inter(mv);
            }
        }
    }

    /// Forgets the vectors of the macroblock itself.
    pub(crate) fn clear(&mut self) {
        for row in &mut self.grid[1..] {
            row[1..].fill(Motion::Unavailable);
        }
    }

    /// Vectors of the blocks around the macroblock.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = Mv> + '_ {
        let [above, upper, lower] = &self.grid;
        [upper[0], lower[0], above[1], above[2], above[3], above[0]]
            .into_iter()
            .filter(|motion| motion.is_inter())
            .map(Motion::mv)
    }

    /// The vector predicted for a partition.
    pub(crate) fn predict(&self, partition: Partition) -> Mv {
        let Partition {
            x,
            y,
            width,
            height,
        } = partition;
        let a = self.grid[1 + y][x];
        let b = self.grid[y][1 + x];
        let c = match self.grid[y][1 + x + width] {
            Motion::Unavailable => self.grid[y][x],
            c => c,
        };
        // Clause 8.4.1.3: the directional predictions of two partitions, or the median.
        let preferred = match (width, height, x, y) {
            (2, 1, _, 0) => Some(b),
            (2, 1, _, _) => Some(a),
            (1, 2, 0, _) => Some(a),
            (1, 2, _, _) => Some(c),
            _ => None,
        };
        match preferred {
            Some(Motion::Inter(mv)) => mv,
            _ => Self::median(a, b, c),
        }
    }

    fn median(a: Motion, b: Motion, c: Motion) -> Mv {
        if b == Motion::Unavailable && c == Motion::Unavailable && a != Motion::Unavailable {
            return a.mv();
        }
        match [a, b, c].map(Motion::is_inter) {
            [true, false, false] => a.mv(),
            [false, true, false] => b.mv(),
            [false, false, true] => c.mv(),
            _ => {
                let median = |a: i16, b: i16, c: i16| a.min(b).max(a.max(b).min(c));
                let (a, b, c) = (a.mv(), b.mv(), c.mv());
                Mv::new(median(a.x, b.x, c.x), median(a.y, b.y, c.y))
            }
        }
    }

    /// The vector of P_Skip, clause 8.4.1.1.
    pub(crate) fn skip(&self) -> Mv {
        let still =
            |motion| motion == Motion::Unavailable || motion == Motion::Inter(Mv::default());
        if still(self.grid[1][0]) || still(self.grid[0][1]) {
            return Mv::default();
        }
        self.predict(super::Shape::Whole.partitions()[0])
    }
}

#[cfg(test)]
mod tests {
    use super::super::Shape;
    use super::*;

    fn inter(x: i16, y: i16) -> Motion {
        Motion::Inter(Mv::new(x, y))
    }

    #[test]
    fn whole_macroblocks_use_the_median() {
        let whole = Shape::Whole.partitions()[0];
        let around = Surroundings::new(
            [inter(4, -8), Motion::Intra],
            [inter(9, 9), inter(1, 20), inter(7, 7), inter(2, 3)],
        );
        assert_eq!(around.predict(whole), Mv::new(2, 3));
        // Above right missing: above left stands in.
        let around = Surroundings::new(
            [inter(4, -8); 2],
            [inter(9, 9), inter(1, 20), inter(7, 7), Motion::Unavailable],
        );
        assert_eq!(around.predict(whole), Mv::new(4, 9));
        // One neighbour only.
        let around = Surroundings::new(
            [Motion::Intra; 2],
            [Motion::Intra, inter(1, 20), Motion::Intra, Motion::Intra],
        );
        assert_eq!(around.predict(whole), Mv::new(1, 20));
        // First line of a slice.
        let around = Surroundings::new([inter(5, 6); 2], [Motion::Unavailable; 4]);
        assert_eq!(around.predict(whole), Mv::new(5, 6));
        assert_eq!(around.skip(), Mv::default());
    }

    #[test]
    fn halves_prefer_the_neighbour_on_their_side() {
        let around = Surroundings::new(
            [inter(1, 1), inter(2, 2)],
            [inter(3, 3), inter(4, 4), inter(5, 5), inter(6, 6)],
        );
        let predicted = |shape: Shape| -> Vec<Mv> {
            let parts = shape.partitions();
            parts.iter().map(|&p| around.predict(p)).collect()
        };
        assert_eq!(predicted(Shape::Rows), [Mv::new(4, 4), Mv::new(2, 2)]);
        assert_eq!(predicted(Shape::Columns), [Mv::new(1, 1), Mv::new(6, 6)]);
    }
}
