// SPDX-License-Identifier: GPL-2.0

//! The result block, as in Documentation/slenc/hardware.rst.

use super::{
    fields::Block,
    in_frame::{Controlled, Limits, MAX_CHECKPOINTS},
    picture::{Completion, Expected, Failure, Within},
};

/// Bytes of a result block.
pub const RESULT_BYTES: usize = 256;

const STATUS_OK: u32 = 1;
const STATUS_BAD_DESCRIPTOR: u32 = 2;
const STATUS_DMA_FAULT: u32 = 3;
const STATUS_OUTPUT_FULL: u32 = 4;
const STATUS_INTERNAL: u32 = 5;
/// Where the squared errors are, of hardware that counts them.
const SSE: usize = 0x058;
/// Where the outcome of in-frame control is, and of that the bits of checkpoints.
const CONTROL: usize = 0x09c;
const CHECKPOINT_BITS: usize = 0x0b0;
/// In error_info: the offset is one in the unit table, or in the in-frame control block.
const ERROR_IN_UNITS: u32 = 1 << 31;
const ERROR_IN_CONTROL: u32 = 1 << 30;

/// Reads how the job with this tag ended. If it did well, returns the bytes that it has written,
/// and what follows in the block.
pub fn ended(block: &[u8; RESULT_BYTES], tag: u32) -> Result<(u32, Block<'_>), Failure> {
    let mut b = Block::new(block);
    let status = b.u32();
    if b.u32() != tag {
        return Err(Failure::NotThisJob);
    }
    let bytes = b.u32();
    let error_info = b.u32();
    let address = b.u64();
    match status {
        STATUS_OK => Ok((bytes, b)),
        STATUS_BAD_DESCRIPTOR => Err(Failure::BadDescriptor {
            offset: error_info & !(ERROR_IN_UNITS | ERROR_IN_CONTROL),
            within: match error_info {
                info if info & ERROR_IN_UNITS != 0 => Within::Units,
                info if info & ERROR_IN_CONTROL != 0 => Within::Control,
                _ => Within::Descriptor,
            },
        }),
        STATUS_DMA_FAULT => Err(Failure::DmaFault { address }),
        STATUS_OUTPUT_FULL => Err(Failure::OutputFull),
        STATUS_INTERNAL => Err(Failure::Internal),
        other => Err(Failure::UnknownStatus(other)),
    }
}

/// Reads the result block of a picture. The hardware is not trusted: what it says has to be
/// possible.
pub fn parse(block: &[u8; RESULT_BYTES], expected: &Expected) -> Result<Completion, Failure> {
    let (bytes, mut b) = ended(block, expected.tag)?;
    let mut done = Completion {
        macroblocks: expected.macroblocks,
        bytes,
        header_bits: b.u32(),
        slice_data_bits: b.u32(),
        emulation_bytes: b.u32(),
        qp_sum: b.u32(),
        nonzero: b.u32(),
        intra_mbs: b.u32(),
        skip_mbs: b.u32(),
        pcm_mbs: b.u32(),
        sad: b.u64(),
        mad: b.u64(),
        // By a clock that may be another one, and so no reason to fail a job.
        encode_ns: b.u64().min(expected.elapsed_ns),
        qp_min: b.u8(),
        qp_max: b.u8(),
        sse: None,
        in_frame: None,
    };
    if expected.sse {
        let mut b = Block::new(block.get(SSE..).unwrap_or_default());
        done.sse = Some([b.u64(), b.u64(), b.u64()]);
    }
    if let Some(limits) = &expected.in_frame {
        let controlled = controlled(block, limits);
        if let Some(what) = implausible_control(&done, &controlled, limits) {
            return Err(Failure::Implausible(what));
        }
        done.in_frame = Some(controlled);
    }
    match implausible(&done, expected) {
        None => Ok(done),
        Some(what) => Err(Failure::Implausible(what)),
    }
}

/// What came of in-frame control.
fn controlled(block: &[u8; RESULT_BYTES], limits: &Limits) -> Controlled {
    let mut b = Block::new(block.get(CONTROL..).unwrap_or_default());
    let forced_skips = b.u32();
    let max_bits = b.u32();
    let mut b = Block::new(block.get(CHECKPOINT_BITS..).unwrap_or_default());
    let mut checkpoint_bits = [0; MAX_CHECKPOINTS];
    for bits in checkpoint_bits.iter_mut().take(limits.checkpoints.into()) {
        *bits = b.u32();
    }
    Controlled {
        forced_skips,
        max_bits: limits.max_bits.map(|_| max_bits),
        checkpoint_bits,
    }
}

/// The field of in-frame control that cannot be true, if there is one.
fn implausible_control(
    done: &Completion,
    controlled: &Controlled,
    limits: &Limits,
) -> Option<&'static str> {
    let (lowest, highest) = limits.qp;
    let mut before = 0;
    let mut rise = controlled
        .checkpoint_bits
        .iter()
        .take(limits.checkpoints.into())
        .map(|&bits| core::mem::replace(&mut before, bits) <= bits);
    let checks = [
        (lowest <= done.qp_min && done.qp_max <= highest, "qp_max"),
        (
            controlled.forced_skips <= done.macroblocks
                && (limits.max_bits.is_some() || controlled.forced_skips == 0),
            "forced_skips",
        ),
        (
            // None is below all that is there.
            controlled.max_bits >= limits.max_bits,
            "max_bits",
        ),
        (
            controlled
                .max_bits
                .is_none_or(|max| done.slice_data_bits <= max),
            "slice_data_bits",
        ),
        (
            rise.all(|rises| rises) && before <= done.slice_data_bits,
            "checkpoint_bits",
        ),
    ];
    checks
        .into_iter()
        .find(|(possible, _)| !possible)
        .map(|(_, what)| what)
}

/// The field that cannot be true, if there is one.
fn implausible(done: &Completion, expected: &Expected) -> Option<&'static str> {
    let mbs = u64::from(expected.macroblocks);
    let bits = u64::from(done.header_bits)
        + u64::from(done.slice_data_bits)
        + u64::from(done.emulation_bytes) * 8;
    let qps = mbs * u64::from(done.qp_min)..=mbs * u64::from(done.qp_max);
    // Luma of a macroblock: 256 samples, each at most 255 off.
    let largest_difference = mbs * 256 * 255;
    let [luma, cb, cr] = done.sse.unwrap_or_default();
    let checks = [
        (
            done.bytes != 0 && done.bytes <= expected.output_size,
            "bytes",
        ),
        (bits <= u64::from(done.bytes) * 8, "header_bits"),
        (done.qp_min <= done.qp_max && done.qp_max <= 51, "qp_max"),
        (qps.contains(&u64::from(done.qp_sum)), "qp_sum"),
        (u64::from(done.nonzero) <= mbs * 384, "nonzero"),
        (
            u64::from(done.intra_mbs) + u64::from(done.skip_mbs) <= mbs,
            "intra_mbs",
        ),
        (
            !expected.intra || u64::from(done.intra_mbs) == mbs,
            "skip_mbs",
        ),
        (
            !expected.all_skip || (u64::from(done.skip_mbs) == mbs && done.nonzero == 0),
            "skip_mbs",
        ),
        (done.pcm_mbs <= done.intra_mbs, "pcm_mbs"),
        (done.sad <= largest_difference, "sad_sum"),
        (done.mad <= largest_difference, "mad_sum"),
        (
            luma <= largest_difference * 255 && cb.max(cr) <= mbs * 64 * 255 * 255,
            "sse",
        ),
    ];
    checks
        .into_iter()
        .find(|(possible, _)| !possible)
        .map(|(_, what)| what)
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_result))]
mod tests {
    use super::super::fields::Fields;
    use super::*;

    const EXPECTED: Expected = Expected {
        tag: 77,
        elapsed_ns: 2_000_000,
        output_size: 4096,
        macroblocks: 12,
        intra: false,
        all_skip: false,
        sse: false,
        in_frame: None,
    };

    /// A result of a picture that is coded.
    fn result() -> [u8; RESULT_BYTES] {
        let mut block = [0; RESULT_BYTES];
        let mut f = Fields::new(&mut block);
        f.u32(STATUS_OK).u32(77).u32(1000).u32(0).u64(0);
        // header, slice data, emulation; QP sum, nonzero, intra, skip, I_PCM
        f.u32(100).u32(7892).u32(1);
        f.u32(12 * 30 + 2).u32(500).u32(2).u32(3).u32(1);
        f.u64(12_345).u64(54_321).u64(1_000_000).u8(30).u8(31);
        let mut f = Fields::new(block.get_mut(0x58..).unwrap_or_default());
        f.u64(7000).u64(800).u64(90);
        block
    }

    fn with(at: usize, value: u32) -> Result<Completion, Failure> {
        let mut block = result();
        Fields::new(block.get_mut(at..).unwrap_or_default()).u32(value);
        parse(&block, &EXPECTED)
    }

    #[test]
    fn a_result_is_read_from_where_the_manual_says() {
        let wanted = Completion {
            macroblocks: 12,
            bytes: 1000,
            header_bits: 100,
            slice_data_bits: 7892,
            emulation_bytes: 1,
            qp_sum: 362,
            qp_min: 30,
            qp_max: 31,
            nonzero: 500,
            intra_mbs: 2,
            skip_mbs: 3,
            pcm_mbs: 1,
            sad: 12_345,
            mad: 54_321,
            sse: None,
            in_frame: None,
            encode_ns: 1_000_000,
        };
        assert!(parse(&result(), &EXPECTED) == Ok(wanted));
        let counted = Completion {
            sse: Some([7000, 800, 90]),
            ..wanted
        };
        let expected = Expected {
            sse: true,
            ..EXPECTED
        };
        assert!(parse(&result(), &expected) == Ok(counted));
    }

    #[test]
    fn another_tag_is_another_job() {
        assert_eq!(with(0x04, 0), Err(Failure::NotThisJob));
        assert_eq!(with(0x04, 76), Err(Failure::NotThisJob));
    }

    #[test]
    fn each_status_is_told_apart() {
        assert_eq!(with(0x00, STATUS_OUTPUT_FULL), Err(Failure::OutputFull));
        assert_eq!(with(0x00, STATUS_INTERNAL), Err(Failure::Internal));
        assert_eq!(with(0x00, 0), Err(Failure::UnknownStatus(0)));
        assert_eq!(with(0x00, 6), Err(Failure::UnknownStatus(6)));
        let mut block = result();
        let mut f = Fields::new(&mut block);
        f.u32(STATUS_BAD_DESCRIPTOR).u32(77).u32(0);
        for (bits, within) in [
            (0, Within::Descriptor),
            (1 << 31, Within::Units),
            (1 << 30, Within::Control),
        ] {
            let mut f = Fields::new(block.get_mut(0x0c..).unwrap_or_default());
            f.u32(bits | 0x24);
            let bad = Failure::BadDescriptor {
                offset: 0x24,
                within,
            };
            assert!(parse(&block, &EXPECTED) == Err(bad));
        }
        let mut f = Fields::new(&mut block);
        f.u32(STATUS_DMA_FAULT).u32(77).u32(0).u32(0);
        f.u64(0xdead_0000_0000);
        let fault = Failure::DmaFault {
            address: 0xdead_0000_0000,
        };
        assert!(parse(&block, &EXPECTED) == Err(fault));
    }

    #[test]
    fn what_cannot_be_true_is_not_believed() {
        let lie = |at, value| matches!(with(at, value), Err(Failure::Implausible(_)));
        assert!(lie(0x08, 0));
        assert!(lie(0x08, 4097));
        assert!(lie(0x08, u32::MAX));
        assert!(lie(0x18, 101));
        assert!(lie(0x1c, u32::MAX));
        assert!(lie(0x20, u32::MAX));
        assert!(lie(0x24, 12 * 30 - 1));
        assert!(lie(0x24, 12 * 31 + 1));
        assert!(lie(0x28, 12 * 384 + 1));
        assert!(lie(0x2c, 10));
        assert!(lie(0x30, u32::MAX));
        assert!(lie(0x34, 3));
        assert!(lie(0x3c, 1));
        assert!(lie(0x44, 1));
        // qp_min above qp_max, qp_max above 51.
        assert!(lie(0x50, (31 << 8) | 32));
        assert!(lie(0x50, (52 << 8) | 30));
    }

    #[test]
    fn a_job_took_no_longer_than_since_it_was_started() {
        for (said, believed) in [
            (0, 0),
            (2_000_000, 2_000_000),
            (2_000_001, 2_000_000),
            (u64::MAX, 2_000_000),
        ] {
            let mut block = result();
            Fields::new(block.get_mut(0x48..).unwrap_or_default()).u64(said);
            assert!(parse(&block, &EXPECTED).is_ok_and(|done| done.encode_ns == believed));
        }
    }

    #[test]
    fn squared_errors_have_limits() {
        let with = |sse: [u64; 3], counted| {
            let mut block = result();
            let mut f = Fields::new(block.get_mut(SSE..).unwrap_or_default());
            f.u64(sse[0]).u64(sse[1]).u64(sse[2]);
            let expected = Expected {
                sse: counted,
                ..EXPECTED
            };
            parse(&block, &expected)
        };
        // 12 macroblocks of 256 and 64 samples.
        let most = [199_756_800, 49_939_200, 49_939_200];
        assert!(with(most, true).is_ok_and(|done| done.sse == Some(most)));
        for n in 0..3 {
            let mut more = most;
            more[n] += 1;
            assert!(with(more, true) == Err(Failure::Implausible("sse")));
            // Nobody reads what is not counted.
            assert!(with(more, false).is_ok());
        }
    }

    #[test]
    fn in_frame_control_keeps_to_what_was_asked() {
        let limits = Limits {
            qp: (30, 31),
            max_bits: Some(7892),
            checkpoints: 2,
        };
        let parsed = |words: [u32; 2], bits: [u32; 3], limits| {
            let mut block = result();
            let mut f = Fields::new(block.get_mut(CONTROL..).unwrap_or_default());
            f.u32(words[0]).u32(words[1]);
            let mut f = Fields::new(block.get_mut(CHECKPOINT_BITS..).unwrap_or_default());
            f.u32(bits[0]).u32(bits[1]).u32(bits[2]);
            let expected = Expected {
                in_frame: limits,
                ..EXPECTED
            };
            parse(&block, &expected)
        };
        let good = parsed([12, 8000], [5, 7892, 9], Some(limits));
        let mut wanted = Controlled {
            forced_skips: 12,
            max_bits: Some(8000),
            ..Controlled::default()
        };
        // There is no third checkpoint, whatever is there.
        wanted.checkpoint_bits[..2].copy_from_slice(&[5, 7892]);
        assert!(good.is_ok_and(|done| done.in_frame == Some(wanted)));
        let lie = |words, bits, limits| {
            matches!(
                parsed(words, bits, Some(limits)),
                Err(Failure::Implausible(_))
            )
        };
        assert!(lie([13, 8000], [0; 3], limits));
        assert!(lie([0, 7891], [0; 3], limits));
        assert!(lie([0, 8000], [6, 5, 0], limits));
        assert!(lie([0, 8000], [5, 7893, 0], limits));
        for qp in [(31, 31), (30, 30)] {
            assert!(lie([0, 8000], [0; 3], Limits { qp, ..limits }));
        }
        let small = Limits {
            max_bits: Some(7000),
            ..limits
        };
        assert!(lie([0, 7891], [0; 3], small));
        let soft = Limits {
            max_bits: None,
            ..limits
        };
        assert!(lie([1, 0], [0; 3], soft));
        let done = parsed([0, 1], [0; 3], Some(soft));
        assert!(done.is_ok_and(|done| done.in_frame == Some(Controlled::default())));
        // Nobody reads what was not asked for.
        assert!(parsed([13, 1], [9, 8, 7], None).is_ok_and(|done| done.in_frame.is_none()));
    }

    #[test]
    fn intra_pictures_skip_nothing() {
        let expected = Expected {
            intra: true,
            ..EXPECTED
        };
        let skipped = parse(&result(), &expected);
        assert!(skipped == Err(Failure::Implausible("skip_mbs")));
        let mut block = result();
        let mut f = Fields::new(block.get_mut(0x2c..).unwrap_or_default());
        f.u32(12).u32(0);
        assert!(parse(&block, &expected).is_ok());
    }

    #[test]
    fn all_skip_pictures_skip_everything() {
        let expected = Expected {
            all_skip: true,
            ..EXPECTED
        };
        let coded = parse(&result(), &expected);
        assert!(coded == Err(Failure::Implausible("skip_mbs")));
        let mut block = result();
        let mut f = Fields::new(block.get_mut(0x28..).unwrap_or_default());
        // Nonzero, intra, skip, I_PCM.
        f.u32(0).u32(0).u32(12).u32(0);
        assert!(parse(&block, &expected).is_ok());
        Fields::new(block.get_mut(0x28..).unwrap_or_default()).u32(1);
        let coded = parse(&block, &expected);
        assert!(coded == Err(Failure::Implausible("skip_mbs")));
    }

    #[test]
    fn a_device_that_is_gone_is_no_result() {
        let block = [0xff; RESULT_BYTES];
        assert!(parse(&block, &EXPECTED) == Err(Failure::NotThisJob));
        let expected = Expected {
            tag: u32::MAX,
            ..EXPECTED
        };
        assert!(parse(&block, &expected) == Err(Failure::UnknownStatus(u32::MAX)));
    }
}
