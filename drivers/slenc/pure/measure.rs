// SPDX-License-Identifier: GPL-2.0

//! Measuring a source before it is coded, and what comes of it: "Measuring a source" in
//! Documentation/slenc/hardware.rst.

use super::{
    checks::{check, check_source},
    fields::Block,
    params::Invalid,
    picture::{Capabilities, Failure, Source},
    result::{self, RESULT_BYTES},
};

/// Where the time that a job took is in a result block.
const ENCODE_NS: usize = 0x048;
/// Where the costs are.
const INTRA_COST: usize = 0x078;
const MOTION_COST: usize = 0x090;

/// A source to measure. All addresses are bus addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// Coded width and height in macroblocks.
    pub size_mbs: (u16, u16),
    /// The source.
    pub source: Source,
    /// The reconstruction that it is compared with, if there is one.
    pub reference: Option<u64>,
}

/// What a source costs: sums of absolute transformed differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// To the prediction from the source itself.
    pub intra_cost: u64,
    /// To the reference; nothing without one.
    pub motion_cost: Option<u64>,
    /// Time the job took, in nanoseconds. Of the hardware's clock, and not checked.
    pub encode_ns: u64,
}

impl Measurement {
    /// What the hardware would refuse, refused before it sees it.
    pub fn check(&self, able: &Capabilities) -> Result<(), Invalid> {
        check(able.pre_analysis, "operation")?;
        able.check_size(self.size_mbs.0, self.size_mbs.1)?;
        check_source(&self.source, self.size_mbs, able)?;
        check(self.reference != Some(0), "reference_addr")
    }

    /// Reads the result of the job with this tag, which was started so many nanoseconds ago. The
    /// hardware is not trusted: what it says has to be possible.
    pub fn parse(
        &self,
        block: &[u8; RESULT_BYTES],
        tag: u32,
        elapsed_ns: u64,
    ) -> Result<Measured, Failure> {
        let bytes = match result::ended(block, tag) {
            Ok((bytes, _)) => bytes,
            // There is no output.
            Err(Failure::OutputFull) => return Err(Failure::Implausible("status")),
            Err(failure) => return Err(failure),
        };
        let at = |offset| Block::new(block.get(offset..).unwrap_or_default()).u64();
        let measured = Measured {
            intra_cost: at(INTRA_COST),
            motion_cost: self.reference.map(|_| at(MOTION_COST)),
            encode_ns: at(ENCODE_NS).min(elapsed_ns),
        };
        let mbs = u64::from(self.size_mbs.0) * u64::from(self.size_mbs.1);
        // The transform of a 4x4 block, halved, has at most twice the sum of 16 differences.
        let most = mbs * 256 * 255 * 2;
        let checks = [
            (bytes == 0, "bytes"),
            (measured.intra_cost <= most, "intra_cost"),
            (measured.motion_cost <= Some(most), "motion_cost"),
        ];
        match checks.into_iter().find(|(possible, _)| !possible) {
            None => Ok(measured),
            Some((_, what)) => Err(Failure::Implausible(what)),
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_measure))]
mod tests {
    use super::super::{fields::Fields, fixture::MEASUREMENT, picture::Plane};
    use super::*;

    const TAG: u32 = 77;
    const ELAPSED_NS: u64 = 2_000_000;
    /// Of 12 macroblocks.
    const MOST: u64 = 1_566_720;
    const ALONE: Measurement = Measurement {
        reference: None,
        ..MEASUREMENT
    };

    /// A result of a source that is measured.
    fn result() -> [u8; RESULT_BYTES] {
        let mut block = [0; RESULT_BYTES];
        Fields::new(&mut block).u32(1).u32(TAG);
        let mut f = Fields::new(block.get_mut(0x48..).unwrap_or_default());
        f.u64(1_000_000);
        let mut f = Fields::new(block.get_mut(0x70..).unwrap_or_default());
        // Variance, intra, without motion, with it, its cost.
        f.u64(70_000).u64(5000).u64(3000).u64(2000).u64(1000).u32(9);
        block
    }

    fn parsed(measurement: &Measurement, block: &[u8; RESULT_BYTES]) -> Result<Measured, Failure> {
        measurement.parse(block, TAG, ELAPSED_NS)
    }

    /// With a field of 64 bits changed.
    fn with(measurement: &Measurement, at: usize, value: u64) -> Result<Measured, Failure> {
        let mut block = result();
        Fields::new(block.get_mut(at..).unwrap_or_default()).u64(value);
        parsed(measurement, &block)
    }

    #[test]
    fn costs_are_read_from_where_the_manual_says() {
        let wanted = Measured {
            intra_cost: 5000,
            motion_cost: Some(1000),
            encode_ns: 1_000_000,
        };
        assert_eq!(parsed(&MEASUREMENT, &result()), Ok(wanted));
        let alone = Measured {
            motion_cost: None,
            ..wanted
        };
        assert_eq!(parsed(&ALONE, &result()), Ok(alone));
    }

    #[test]
    fn costs_have_limits() {
        let lie = |what| Err(Failure::Implausible(what));
        for most in [0, MOST] {
            let done = with(&MEASUREMENT, INTRA_COST, most);
            assert!(done.is_ok_and(|done| done.intra_cost == most));
            let done = with(&MEASUREMENT, MOTION_COST, most);
            assert!(done.is_ok_and(|done| done.motion_cost == Some(most)));
        }
        for more in [MOST + 1, 1 << 32, u64::MAX] {
            assert_eq!(with(&MEASUREMENT, INTRA_COST, more), lie("intra_cost"));
            assert_eq!(with(&MEASUREMENT, MOTION_COST, more), lie("motion_cost"));
            // Nobody reads what was not asked for.
            assert!(with(&ALONE, MOTION_COST, more).is_ok());
        }
    }

    #[test]
    fn nothing_is_coded() {
        assert_eq!(
            with(&MEASUREMENT, 0x08, 1),
            Err(Failure::Implausible("bytes"))
        );
    }

    #[test]
    fn it_ends_as_jobs_do() {
        let status = |status: u64| with(&MEASUREMENT, 0x00, status | (u64::from(TAG) << 32));
        let fault = Failure::DmaFault { address: 0 };
        assert_eq!(status(3), Err(fault));
        assert_eq!(status(4), Err(Failure::Implausible("status")));
        assert_eq!(status(5), Err(Failure::Internal));
        assert_eq!(status(6), Err(Failure::UnknownStatus(6)));
        assert!(matches!(status(2), Err(Failure::BadDescriptor { .. })));
        let other = MEASUREMENT.parse(&result(), TAG + 1, ELAPSED_NS);
        assert_eq!(other, Err(Failure::NotThisJob));
        let gone = [0xff; RESULT_BYTES];
        assert_eq!(parsed(&MEASUREMENT, &gone), Err(Failure::NotThisJob));
        let late = with(&MEASUREMENT, ENCODE_NS, u64::MAX);
        assert!(late.is_ok_and(|done| done.encode_ns == ELAPSED_NS));
    }

    #[test]
    fn what_hardware_would_refuse_is_refused() {
        const GEN2: Capabilities = Capabilities::GEN2;
        let refused = |measurement: Measurement, what| {
            assert_eq!(measurement.check(&GEN2), Err(Invalid(what)));
        };
        assert!(MEASUREMENT.check(&GEN2).is_ok() && ALONE.check(&GEN2).is_ok());
        let gen1 = MEASUREMENT.check(&Capabilities::GEN1);
        assert_eq!(gen1, Err(Invalid("operation")));
        for size_mbs in [(0, 3), (257, 3)] {
            refused(
                Measurement {
                    size_mbs,
                    ..MEASUREMENT
                },
                "width_mbs",
            );
        }
        for (size_mbs, what) in [((5, 3), "source_width"), ((4, 4), "source_height")] {
            refused(
                Measurement {
                    size_mbs,
                    ..MEASUREMENT
                },
                what,
            );
        }
        let mut source = MEASUREMENT.source;
        source.planes[1] = Plane::default();
        refused(
            Measurement {
                source,
                ..MEASUREMENT
            },
            "source_stride",
        );
        refused(
            Measurement {
                reference: Some(0),
                ..MEASUREMENT
            },
            "reference_addr",
        );
    }
}
