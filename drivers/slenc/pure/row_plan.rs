// SPDX-License-Identifier: GPL-2.0

//! From what the rate control has decided about a picture to what hardware is asked for that
//! changes QP within it.
//!
//! The rate control has chosen the picture's QP for a reason, so rows do not chase its target: they
//! depart from that QP only to stay below a maximum. How the bits lie in the picture is taken from
//! the last one of its type. A BPF program is obeyed: where it has changed the target, or what is to
//! be written when, QP follows that.

use super::{
    few::Few,
    in_frame::{Checkpoint, Controlled, InFrame, MAX_CHECKPOINTS, MAX_GAIN},
    picture::Capabilities,
};

/// Largest step of QP from one row, or checkpoint, to the next for a program's target: noise of one
/// row is no reason to leave the picture's QP far behind.
const MAX_STEP: u8 = 4;

/// What a BPF program wants of the bits within a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The size to aim at; 0 for none.
    pub bits: u64,
    /// Where it says so: what is to be written after each of as many equal parts of the picture.
    /// Without any, QP stays.
    pub points: Option<&'a [u32]>,
}

impl Wanted<'_> {
    /// The size to aim at, if there is one.
    fn size(&self) -> Option<u64> {
        let last = || self.points.and_then(<[u32]>::last).copied().map(u64::from);
        Some(self.bits).filter(|&bits| bits != 0).or_else(last)
    }

    fn is_one_qp(&self) -> bool {
        self.points.is_some_and(<[u32]>::is_empty)
    }
}

/// What has been decided. Sizes are those of the access unit, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided<'a> {
    /// QP of the picture.
    pub qp: u8,
    /// Lowest and highest QP of a macroblock.
    pub qps: (u8, u8),
    /// The size that it probably has, if that is known.
    pub predicted_bits: Option<u64>,
    /// The size that it must not exceed, if there is one: that of its buffer, or less.
    pub max_bits: Option<u64>,
    /// The size of its buffer.
    pub buffer_bits: u64,
    /// The size that it had better not exceed, if there is one.
    pub room: Option<u64>,
    /// The most that everything but slice data has.
    pub header_bits: u64,
    /// What a program wants within the picture, if it wants something.
    pub wanted: Option<Wanted<'a>>,
}

/// How the bits of a picture lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bits before the row of each checkpoint.
    before: [u32; MAX_CHECKPOINTS],
    /// All of them.
    all: u32,
}

impl Shape {
    /// Of a picture that was coded with `all` bits of slice data. There is none of one that was
    /// cut.
    pub fn of(controlled: &Controlled, all: u32) -> Option<Self> {
        (controlled.forced_skips == 0 && all != 0).then_some(Self {
            before: controlled.checkpoint_bits,
            all,
        })
    }

    /// What is expected before a checkpoint of a picture with so many bits.
    fn scaled(&self, point: usize, bits: u32) -> u32 {
        let before = self.before.get(point).copied().unwrap_or(0).min(self.all);
        share(bits, before, self.all)
    }
}

/// `bits * part / all`, of which `part` is no more than `all`.
fn share(bits: u32, part: u32, all: u32) -> u32 {
    let share = u64::from(bits) * u64::from(part) / u64::from(all.max(1));
    share.try_into().unwrap_or(u32::MAX)
}

impl Decided<'_> {
    /// Returns what hardware that is `able` to do so is asked for, in a picture of so many rows of
    /// macroblocks; nothing where no program wants anything and there is no maximum, or only that of
    /// the buffer and a QP that cannot change: such a picture fits, or fails.
    pub fn plan(&self, shape: Option<&Shape>, rows: u16, able: &Capabilities) -> Option<InFrame> {
        if able.checkpoints == 0 {
            return None;
        }
        let slice_data = |bits: u64| {
            let bits = bits.saturating_sub(self.header_bits).max(1);
            u32::try_from(bits).unwrap_or(u32::MAX)
        };
        let (qp_min, qp_max) = if self.wanted.is_some_and(|wanted| wanted.is_one_qp()) {
            (self.qp, self.qp)
        } else {
            (self.qps.0.min(self.qp), self.qps.1.max(self.qp))
        };
        let is_given = qp_min == qp_max;
        // There is one maximum in the hardware. A limit that somebody has set goes before the room
        // in the CPB, and that before a larger buffer, which nothing can exceed anyway.
        let hard = self.max_bits.filter(|&max| {
            let keeps_to_buffer = || !is_given && self.room.is_none_or(|room| max <= room);
            able.hard_max && (max < self.buffer_bits || keeps_to_buffer())
        });
        let soft = || self.max_bits.into_iter().chain(self.room).min();
        let max = hard.or_else(|| soft().filter(|_| !is_given));
        let wanted = self
            .wanted
            .filter(|wanted| !is_given && wanted.size().is_some());
        if max.is_none() && wanted.is_none() {
            return None;
        }
        let size = wanted.map_or(self.predicted_bits, |wanted| wanted.size());
        let target_bits = size.map_or(0, slice_data);
        let points = wanted.and_then(|wanted| wanted.points);
        let expected = |n, row| match (points, shape) {
            (Some(points), _) => self.wanted_before(points, row, rows),
            (None, Some(shape)) => shape.scaled(n, target_bits),
            (None, None) => share(target_bits, row, rows.into()),
        };
        let expected = |n, row| expected(n, row).min(target_bits);
        Some(InFrame {
            target_bits,
            max_bits: max.map_or(0, slice_data),
            hard_max: hard.is_some(),
            qp_min,
            qp_max,
            max_step: if wanted.is_some() { MAX_STEP } else { 1 },
            gain: if wanted.is_some() { MAX_GAIN } else { 0 },
            checkpoints: checkpoints(expected, rows, able.checkpoints),
        })
    }

    /// Bits of slice data that `points` of the access unit, evenly spaced in a picture of so many
    /// rows, have before a row. The headers come first, and between points is a straight line.
    fn wanted_before(&self, points: &[u32], row: u32, rows: u16) -> u32 {
        let rows = u64::from(rows.max(1));
        let count = u64::try_from(points.len()).unwrap_or(0);
        let at = u64::from(row).saturating_mul(count);
        let (whole, part) = (at / rows, at % rows);
        let slice_data = |n: u64| {
            let place = n.checked_sub(1).and_then(|n| usize::try_from(n).ok());
            let bits = place.and_then(|place| points.get(place)).copied();
            u64::from(bits.unwrap_or(0)).saturating_sub(self.header_bits)
        };
        let before = slice_data(whole);
        let rise = slice_data(whole.saturating_add(1)).saturating_sub(before);
        let bits = before.saturating_add(rise.saturating_mul(part) / rows);
        u32::try_from(bits).unwrap_or(u32::MAX)
    }
}

/// Checkpoints at equal distances, and what is `expected` before them, by number and row.
fn checkpoints(
    expected: impl Fn(usize, u32) -> u32,
    rows: u16,
    most: u8,
) -> Few<Checkpoint, MAX_CHECKPOINTS> {
    let mut points = Few::new();
    let most = u32::from(most).min(MAX_CHECKPOINTS as u32);
    let count = most.min(u32::from(rows).saturating_sub(1));
    let mut before = 0;
    for (n, place) in (1..=count).enumerate() {
        // Below `rows`, and rising, as there are more rows than checkpoints.
        let row = u32::from(rows) * place / (count + 1);
        before = expected(n, row).max(before);
        let point = Checkpoint {
            row: row.try_into().unwrap_or(u16::MAX),
            bits: before,
        };
        if points.push(point).is_err() {
            break;
        }
    }
    points
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_row_plan))]
mod tests {
    use super::*;

    const GEN1: Capabilities = Capabilities::GEN1;
    const GEN2: Capabilities = Capabilities::GEN2;
    const DECIDED: Decided<'_> = Decided {
        qp: 30,
        qps: (20, 40),
        predicted_bits: Some(10_100),
        max_bits: Some(20_100),
        buffer_bits: 50_000,
        room: Some(15_100),
        header_bits: 100,
        wanted: None,
    };

    fn points(plan: &InFrame) -> impl Iterator<Item = (u16, u32)> + '_ {
        plan.checkpoints.iter().map(|point| (point.row, point.bits))
    }

    #[test]
    fn maximums_are_what_the_hardware_can_keep() {
        let soft = DECIDED.plan(None, 9, &GEN1);
        assert!(soft.is_some_and(|plan| !plan.hard_max && plan.max_bits == 15_000));
        let hard = DECIDED.plan(None, 9, &GEN2);
        assert!(hard.is_some_and(|plan| plan.hard_max && plan.max_bits == 20_000));
        let roomy = Decided {
            max_bits: None,
            ..DECIDED
        };
        let soft = roomy.plan(None, 9, &GEN2);
        assert!(soft.is_some_and(|plan| !plan.hard_max && plan.max_bits == 15_000));
        let free = Decided {
            room: None,
            ..roomy
        };
        assert!(free.plan(None, 9, &GEN2).is_none());
        let unable = Capabilities {
            checkpoints: 0,
            ..GEN1
        };
        assert!(DECIDED.plan(None, 9, &unable).is_none());
    }

    #[test]
    fn a_buffer_is_kept_to_where_qp_may_change() {
        let full = Decided {
            buffer_bits: 20_100,
            ..DECIDED
        };
        // The CPB has less room.
        let soft = full.plan(None, 9, &GEN2);
        assert!(soft.is_some_and(|plan| !plan.hard_max && plan.max_bits == 15_000));
        for room in [None, Some(20_100), Some(u64::MAX)] {
            let full = Decided { room, ..full };
            let hard = full.plan(None, 9, &GEN2);
            assert!(hard.is_some_and(|plan| plan.hard_max && plan.max_bits == 20_000));
            let soft = full.plan(None, 9, &GEN1);
            assert!(soft.is_some_and(|plan| !plan.hard_max && plan.max_bits == 20_000));
        }
    }

    #[test]
    fn a_given_qp_is_for_a_limit_only() {
        let given = Decided {
            qps: (30, 30),
            room: None,
            ..DECIDED
        };
        let hard = given.plan(None, 9, &GEN2);
        assert!(hard.is_some_and(|plan| plan.hard_max && plan.max_bits == 20_000));
        assert!(given.plan(None, 9, &GEN1).is_none());
        let full = Decided {
            buffer_bits: 20_100,
            ..given
        };
        assert!(full.plan(None, 9, &GEN2).is_none());
        assert!(full.plan(None, 9, &GEN1).is_none());
    }

    #[test]
    fn the_frame_decides_about_qp() {
        let plan = DECIDED.plan(None, 9, &GEN2);
        assert!(plan.is_some_and(|plan| {
            (plan.gain, plan.qp_min, plan.qp_max, plan.target_bits) == (0, 20, 40, 10_000)
        }));
        // Limits that QP is out of are not for the hardware.
        let odd = Decided {
            qps: (35, 25),
            ..DECIDED
        };
        let plan = odd.plan(None, 9, &GEN2);
        assert!(plan.is_some_and(|plan| (plan.qp_min, plan.qp_max) == (30, 30)));
    }

    #[test]
    fn checkpoints_lie_evenly() {
        let plan = DECIDED.plan(None, 4, &GEN1);
        let expected = [(1, 2_500), (2, 5_000), (3, 7_500)];
        assert!(plan.is_some_and(|plan| points(&plan).eq(expected)));
        assert!(DECIDED
            .plan(None, 1, &GEN1)
            .is_some_and(|plan| plan.checkpoints.is_empty()));
        assert!(DECIDED
            .plan(None, 0, &GEN1)
            .is_some_and(|plan| plan.checkpoints.is_empty()));
        for rows in 2..600 {
            let plan = DECIDED.plan(None, rows, &GEN1);
            assert!(plan.is_some_and(|plan| {
                let (mut above, mut before) = (0, 0);
                plan.checkpoints.len() == usize::from(rows - 1).min(16)
                    && points(&plan).all(|(row, bits)| {
                        let rises = above < row && row < rows;
                        let fits = before <= bits && bits <= plan.target_bits;
                        (above, before) = (row, bits);
                        rises && fits
                    })
            }));
        }
    }

    #[test]
    fn pictures_are_like_the_one_before() {
        let mut controlled = Controlled::default();
        controlled.checkpoint_bits[..3].copy_from_slice(&[10, 20, 90]);
        let shape = Shape::of(&controlled, 100);
        let plan = DECIDED.plan(shape.as_ref(), 4, &GEN1);
        let expected = [(1, 1_000), (2, 2_000), (3, 9_000)];
        assert!(plan.is_some_and(|plan| points(&plan).eq(expected)));
        // Whatever hardware says.
        controlled.checkpoint_bits[..3].copy_from_slice(&[u32::MAX, 0, 200]);
        let shape = Shape::of(&controlled, 100);
        let plan = DECIDED.plan(shape.as_ref(), 4, &GEN1);
        let expected = [(1, 10_000), (2, 10_000), (3, 10_000)];
        assert!(plan.is_some_and(|plan| points(&plan).eq(expected)));
        controlled.forced_skips = 1;
        assert!(Shape::of(&controlled, 100).is_none());
        assert!(Shape::of(&Controlled::default(), 0).is_none());
    }

    #[test]
    fn without_a_prediction_there_is_no_plan() {
        let given = Decided {
            predicted_bits: None,
            ..DECIDED
        };
        let plan = given.plan(None, 4, &GEN2);
        assert!(plan.is_some_and(|plan| {
            plan.target_bits == 0 && points(&plan).eq([(1, 0), (2, 0), (3, 0)])
        }));
    }

    /// What a program wants, where nothing else bounds the picture.
    fn wanting(bits: u64, points: Option<&[u32]>) -> Decided<'_> {
        Decided {
            max_bits: None,
            room: None,
            wanted: Some(Wanted { bits, points }),
            ..DECIDED
        }
    }

    #[test]
    fn the_target_of_a_program_is_followed() {
        for able in [&GEN1, &GEN2] {
            let plan = wanting(5_100, None).plan(None, 4, able);
            assert!(plan.is_some_and(|plan| {
                (plan.target_bits, plan.max_bits, plan.gain) == (5_000, 0, MAX_GAIN)
                    && (plan.qp_min, plan.qp_max) == (20, 40)
                    && points(&plan).eq([(1, 1_250), (2, 2_500), (3, 3_750)])
            }));
            // As the last picture was, where it says nothing of that.
            let mut controlled = Controlled::default();
            controlled.checkpoint_bits[..3].copy_from_slice(&[10, 20, 90]);
            let shape = Shape::of(&controlled, 100);
            let plan = wanting(5_100, None).plan(shape.as_ref(), 4, able);
            let expected = [(1, 500), (2, 1_000), (3, 4_500)];
            assert!(plan.is_some_and(|plan| points(&plan).eq(expected)));
        }
        // A maximum stays.
        let bounded = Decided {
            wanted: Some(Wanted {
                bits: 5_100,
                points: None,
            }),
            ..DECIDED
        };
        let plan = bounded.plan(None, 4, &GEN2);
        assert!(plan.is_some_and(|plan| plan.hard_max && plan.max_bits == 20_000));
        // No size is nothing to follow.
        assert!(wanting(0, None).plan(None, 4, &GEN1).is_none());
    }

    #[test]
    fn the_checkpoints_of_a_program_are_followed() {
        let plan = |bits, wanted: &[u32]| wanting(bits, Some(wanted)).plan(None, 4, &GEN1);
        let even = plan(4_100, &[1_100, 2_100, 3_100, 4_100]);
        let expected = [(1, 1_000), (2, 2_000), (3, 3_000)];
        assert!(even.is_some_and(|plan| points(&plan).eq(expected) && plan.target_bits == 4_000));
        // Between them is a line, also from the headers to the first.
        let half = plan(4_100, &[1_100, 4_100]);
        let expected = [(1, 500), (2, 1_000), (3, 2_500)];
        assert!(half.is_some_and(|plan| points(&plan).eq(expected)));
        // The size is that of the last where there is no other, and no point is above it.
        let alone = plan(0, &[3_000, 4_100]);
        assert!(alone.is_some_and(|plan| plan.target_bits == 4_000));
        let above = plan(2_100, &[1_100, 9_100]);
        let expected = [(1, 500), (2, 1_000), (3, 2_000)];
        assert!(above.is_some_and(|plan| points(&plan).eq(expected)));
        for odd in [&[0; 16][..], &[u32::MAX; 16], &[1], &[5, 4, 3]] {
            for (bits, rows) in [(0, 2), (1, 9), (u64::MAX, 600)] {
                let plan = wanting(bits, Some(odd)).plan(None, rows, &GEN1);
                assert!(plan.is_some_and(|plan| {
                    let mut before = 0;
                    plan.target_bits >= 1
                        && points(&plan).all(|(_, bits)| {
                            let rises = before <= bits && bits <= plan.target_bits;
                            before = bits;
                            rises
                        })
                }));
            }
        }
    }

    #[test]
    fn a_program_may_want_one_qp() {
        let one = Wanted {
            bits: 5_100,
            points: Some(&[]),
        };
        assert!(wanting(5_100, Some(&[])).plan(None, 9, &GEN2).is_none());
        let bounded = Decided {
            wanted: Some(one),
            ..DECIDED
        };
        // The room in a CPB is no reason to change it, and a limit is kept without.
        assert!(bounded.plan(None, 9, &GEN1).is_none());
        let hard = bounded.plan(None, 9, &GEN2);
        assert!(hard.is_some_and(|plan| {
            plan.hard_max && (plan.qp_min, plan.qp_max, plan.gain) == (30, 30, 0)
        }));
        // A QP that is given is followed by nothing.
        let given = Decided {
            qps: (30, 30),
            ..wanting(5_100, None)
        };
        assert!(given.plan(None, 9, &GEN1).is_none());
    }

    #[test]
    fn nothing_is_too_large() {
        for bits in [0, 1, u64::MAX] {
            let decided = Decided {
                predicted_bits: Some(bits),
                max_bits: Some(bits),
                header_bits: 5,
                ..DECIDED
            };
            let plan = decided.plan(None, 9, &GEN2);
            assert!(plan.is_some_and(|plan| plan.max_bits >= 1 && plan.target_bits >= 1));
        }
    }
}
