// SPDX-License-Identifier: GPL-2.0

//! Rate control within a picture: what is asked of the hardware, and the in-frame control block of
//! Documentation/slenc/hardware.rst, which is the same for every generation.

use super::{
    checks::check,
    few::Few,
    fields::Fields,
    params::Invalid,
    picture::{Capabilities, PictureJob},
};

/// Checkpoints that the block has room for.
pub const MAX_CHECKPOINTS: usize = 16;
/// Bytes of the block.
pub const CONTROL_BYTES: usize = 152;

const FLAG_ROWS: u32 = 1 << 0;
const FLAG_HARD_MAX: u32 = 1 << 1;

const MAX_QP: u8 = 51;
/// Corrects all of a deviation.
pub const MAX_GAIN: u16 = 256;

/// A point of the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Row of macroblocks, from 1.
    pub row: u16,
    /// Bits of slice data that the rows before it are expected to have.
    pub bits: u32,
}

/// Rate control within a picture. All sizes are in bits of slice data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFrame {
    /// Size that the picture is expected to have with its QP, and that QP is corrected for; 0 when
    /// there is no plan.
    pub target_bits: u32,
    /// Size that QP is raised for whatever the gain; 0 for none.
    pub max_bits: u32,
    /// The picture is never larger than `max_bits`, emulation prevention and cabac_zero_words
    /// included, or than the least that it can take.
    pub hard_max: bool,
    /// Lowest QP of a row, at most the picture's.
    pub qp_min: u8,
    /// Highest QP of a row, at least the picture's.
    pub qp_max: u8,
    /// Largest step of one correction for the target, 1..51.
    pub max_step: u8,
    /// Share of the expected deviation from the target that is corrected, in 256ths, 0..256.
    pub gain: u16,
    /// The plan. Rows rise, bits do not fall.
    pub checkpoints: Few<Checkpoint, MAX_CHECKPOINTS>,
}

/// What the result of a job with in-frame control has to agree with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lowest and highest QP of a row.
    pub qp: (u8, u8),
    /// The hard maximum that was asked for.
    pub max_bits: Option<u32>,
    /// Number of checkpoints.
    pub checkpoints: u8,
}

/// What came of in-frame control; checked for what the hardware could have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Controlled {
    /// Macroblocks that the hard maximum left without residual.
    pub forced_skips: u32,
    /// The hard maximum in force: what was asked for, or the least that the picture can take.
    pub max_bits: Option<u32>,
    /// Bits of slice data before the row of each checkpoint.
    pub checkpoint_bits: [u32; MAX_CHECKPOINTS],
}

impl InFrame {
    /// What the result has to agree with.
    pub fn limits(&self) -> Limits {
        Limits {
            qp: (self.qp_min, self.qp_max),
            max_bits: self.hard_max.then_some(self.max_bits),
            // At most MAX_CHECKPOINTS.
            checkpoints: u8::try_from(self.checkpoints.len()).unwrap_or(u8::MAX),
        }
    }

    /// Whether hardware can do this to a job.
    pub fn check(&self, job: &PictureJob<'_>, able: &Capabilities) -> Result<(), Invalid> {
        check(able.checkpoints > 0, "control_addr")?;
        check(job.source.is_some(), "control_addr")?;
        check(!self.hard_max || able.hard_max, "flags")?;
        check(self.qp_min <= job.qp, "qp_min")?;
        check(job.qp <= self.qp_max && self.qp_max <= MAX_QP, "qp_max")?;
        check((1..=MAX_QP).contains(&self.max_step), "max_step")?;
        check(self.gain <= MAX_GAIN, "gain")?;
        check(
            self.checkpoints.len() <= usize::from(able.checkpoints),
            "checkpoint_count",
        )?;
        let mut before = Checkpoint::default();
        for point in self.checkpoints.iter() {
            check(
                before.row < point.row && point.row < job.height_mbs(),
                "checkpoint",
            )?;
            check(
                before.bits <= point.bits && point.bits <= self.target_bits,
                "checkpoint",
            )?;
            before = point;
        }
        Ok(())
    }

    /// The block for hardware that can do this.
    pub fn describe(&self, able: &Capabilities) -> [u8; CONTROL_BYTES] {
        let mut flags = 0;
        if able.rows {
            flags |= FLAG_ROWS;
        }
        if self.hard_max {
            flags |= FLAG_HARD_MAX;
        }
        let mut block = [0; CONTROL_BYTES];
        let mut f = Fields::new(&mut block);
        f.u32(flags)
            .u8(self.qp_min)
            .u8(self.qp_max)
            .u8(self.max_step);
        f.u8(self.limits().checkpoints);
        f.u16(self.gain).u16(0);
        f.u32(self.target_bits).u32(self.max_bits).u32(0);
        for point in self.checkpoints.iter() {
            f.u32(point.row.into()).u32(point.bits);
        }
        block
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_in_frame))]
mod tests {
    use super::super::fixture::{job, u32_at, with_units};
    use super::*;

    const GEN1: Capabilities = Capabilities::GEN1;
    const GEN2: Capabilities = Capabilities::GEN2;

    fn points(points: &[(u16, u32)]) -> Few<Checkpoint, MAX_CHECKPOINTS> {
        let mut few = Few::new();
        for &(row, bits) in points {
            assert!(few.push(Checkpoint { row, bits }).is_ok());
        }
        few
    }

    /// Of a picture of three rows with QP 30.
    fn control() -> InFrame {
        InFrame {
            target_bits: 0x0302_0100,
            max_bits: 0x0706_0504,
            hard_max: true,
            qp_min: 20,
            qp_max: 40,
            max_step: 6,
            gain: 0x0100,
            checkpoints: points(&[(1, 1000), (2, 2000)]),
        }
    }

    #[test]
    fn fields_are_where_the_manual_says() {
        let block = control().describe(&GEN2);
        assert_eq!(u32_at(&block, 0x00), FLAG_ROWS | FLAG_HARD_MAX);
        assert!(block[0x04..0x08] == [20, 40, 6, 2]);
        assert_eq!(u32_at(&block, 0x08), 0x0100);
        assert_eq!(u32_at(&block, 0x0c), 0x0302_0100);
        assert_eq!(u32_at(&block, 0x10), 0x0706_0504);
        assert_eq!(u32_at(&block, 0x14), 0);
        assert_eq!((u32_at(&block, 0x18), u32_at(&block, 0x1c)), (1, 1000));
        assert_eq!((u32_at(&block, 0x20), u32_at(&block, 0x24)), (2, 2000));
        assert!(block[0x28..].iter().all(|&byte| byte == 0));
        let soft = InFrame {
            hard_max: false,
            ..control()
        };
        assert_eq!(u32_at(&soft.describe(&GEN1), 0x00), 0);
    }

    #[test]
    fn what_hardware_would_refuse_is_refused() {
        with_units(|units| {
            let able = job(units);
            let soft = InFrame {
                hard_max: false,
                ..control()
            };
            assert!(control().check(&able, &GEN2).is_ok());
            assert!(soft.check(&able, &GEN1).is_ok());
            assert_eq!(control().check(&able, &GEN1), Err(Invalid("flags")));
            for (checkpoints, what) in [(0, "control_addr"), (1, "checkpoint_count")] {
                let unable = Capabilities {
                    checkpoints,
                    ..GEN2
                };
                assert_eq!(soft.check(&able, &unable), Err(Invalid(what)));
            }
            let skip = PictureJob {
                source: None,
                ..job(units)
            };
            assert_eq!(soft.check(&skip, &GEN2), Err(Invalid("control_addr")));
            for (change, what) in [
                (InFrame { qp_min: 31, ..soft }, "qp_min"),
                (InFrame { qp_max: 29, ..soft }, "qp_max"),
                (InFrame { qp_max: 52, ..soft }, "qp_max"),
                (
                    InFrame {
                        max_step: 0,
                        ..soft
                    },
                    "max_step",
                ),
                (
                    InFrame {
                        max_step: 52,
                        ..soft
                    },
                    "max_step",
                ),
                (InFrame { gain: 257, ..soft }, "gain"),
            ] {
                assert_eq!(change.check(&able, &GEN2), Err(Invalid(what)));
            }
            for bad in [
                &[(0, 0)][..],
                &[(3, 0)],
                &[(1, 5), (1, 5)],
                &[(1, 5), (2, 4)],
                &[(1, u32::MAX)],
            ] {
                let bad = InFrame {
                    checkpoints: points(bad),
                    ..soft
                };
                let refused = bad.check(&able, &GEN2);
                assert_eq!(refused, Err(Invalid("checkpoint")));
            }
        });
    }
}
