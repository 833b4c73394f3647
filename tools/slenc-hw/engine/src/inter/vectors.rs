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
    /// Predicted from the reference with an index.
    Inter(Mv, u8),
}

impl Motion {
    fn mv(self) -> Mv {
        match self {
            Self::Inter(mv, _) => mv,
            _ => Mv::default(),
        }
    }

    fn is_inter(self) -> bool {
        matches!(self, Self::Inter(..))
    }

    fn refers_to(self, reference: u8) -> bool {
        matches!(self, Self::Inter(_, index) if index == reference)
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

    /// Notes the vector and reference of a partition, which comes before later ones.
    pub(crate) fn set(&mut self, partition: Partition, mv: Mv, reference: u8) {
        for y in 0..partition.height {
            for x in 0..partition.width {
                self.grid[1 + partition.y + y][1 + partition.x + x] = Motion::Inter(mv, reference);
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
    pub(crate) fn candidates(&self) -> impl Iterator<Item = Mv> + Clone + '_ {
        let [above, upper, lower] = &self.grid;
        [upper[0], lower[0], above[1], above[2], above[3], above[0]]
            .into_iter()
            .filter(|motion| motion.is_inter())
            .map(Motion::mv)
    }

    /// The vector predicted for a partition that uses a reference.
    pub(crate) fn predict(&self, partition: Partition, reference: u8) -> Mv {
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
            Some(Motion::Inter(mv, index)) if index == reference => mv,
            _ => Self::median([a, b, c], reference),
        }
    }

    fn median([a, b, c]: [Motion; 3], reference: u8) -> Mv {
        if b == Motion::Unavailable && c == Motion::Unavailable && a != Motion::Unavailable {
            return a.mv();
        }
        match [a, b, c].map(|motion| motion.refers_to(reference)) {
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

    /// The vector of P_Skip, which uses the first reference; clause 8.4.1.1.
    pub(crate) fn skip(&self) -> Mv {
        let still =
            |motion| motion == Motion::Unavailable || motion == Motion::Inter(Mv::default(), 0);
        if still(self.grid[1][0]) || still(self.grid[0][1]) {
            return Mv::default();
        }
        self.predict(super::Shape::Whole.partitions()[0], 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Shape;
    use super::*;

    fn inter(x: i16, y: i16) -> Motion {
        Motion::Inter(Mv::new(x, y), 0)
    }

    #[test]
    fn whole_macroblocks_use_the_median() {
        let whole = Shape::Whole.partitions()[0];
        let around = Surroundings::new(
            [inter(4, -8), Motion::Intra],
            [inter(9, 9), inter(1, 20), inter(7, 7), inter(2, 3)],
        );
        assert_eq!(around.predict(whole, 0), Mv::new(2, 3));
        // Above right missing: above left stands in.
        let around = Surroundings::new(
            [inter(4, -8); 2],
            [inter(9, 9), inter(1, 20), inter(7, 7), Motion::Unavailable],
        );
        assert_eq!(around.predict(whole, 0), Mv::new(4, 9));
        // One neighbour only.
        let around = Surroundings::new(
            [Motion::Intra; 2],
            [Motion::Intra, inter(1, 20), Motion::Intra, Motion::Intra],
        );
        assert_eq!(around.predict(whole, 0), Mv::new(1, 20));
        // First line of a slice.
        let around = Surroundings::new([inter(5, 6); 2], [Motion::Unavailable; 4]);
        assert_eq!(around.predict(whole, 0), Mv::new(5, 6));
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
            parts.iter().map(|&p| around.predict(p, 0)).collect()
        };
        assert_eq!(predicted(Shape::Rows), [Mv::new(4, 4), Mv::new(2, 2)]);
        assert_eq!(predicted(Shape::Columns), [Mv::new(1, 1), Mv::new(6, 6)]);
    }

    #[test]
    fn neighbours_with_another_reference_do_not_count() {
        let whole = Shape::Whole.partitions()[0];
        let other = |x, y| Motion::Inter(Mv::new(x, y), 1);
        let mut around = Surroundings::new(
            [other(4, -8), Motion::Intra],
            [inter(9, 9), inter(1, 20), inter(7, 7), inter(2, 3)],
        );
        // Only one has the reference.
        assert_eq!(around.predict(whole, 1), Mv::new(4, -8));
        // Two have it: the median of all.
        assert_eq!(around.predict(whole, 0), Mv::new(2, 3));
        // None has it.
        assert_eq!(around.predict(whole, 2), Mv::new(2, 3));
        let [upper, lower] = [0, 1].map(|i| Shape::Rows.partitions()[i]);
        assert_eq!(around.predict(upper, 0), Mv::new(1, 20));
        assert_eq!(around.predict(upper, 1), Mv::new(4, -8));
        around.set(upper, Mv::new(8, 8), 0);
        assert_eq!(around.predict(lower, 0), Mv::new(8, 8));
        assert_eq!(around.predict(lower, 1), Mv::new(4, -8));
        // A still neighbour makes P_Skip still only with the first reference.
        let around = Surroundings::new(
            [other(0, 0), Motion::Intra],
            [inter(9, 9), inter(1, 20), inter(7, 7), inter(2, 3)],
        );
        assert_eq!(around.skip(), Mv::new(1, 3));
    }
}
