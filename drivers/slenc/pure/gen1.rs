// SPDX-License-Identifier: GPL-2.0

//! Job descriptor of the first generation, byte for byte as in Documentation/slenc/hardware.rst.

use super::{
    checks::{check, check_job},
    fields::Fields,
    params::Invalid,
    picture::{Capabilities, PictureJob},
    unit_table::Memory,
    units::{self, Units},
};

/// Bytes of a descriptor that the driver writes; the result block follows.
pub const DESCRIPTOR_BYTES: usize = 256;

const LAYOUT: u32 = 1;
const OPERATION_ENCODE: u32 = 1;
const FLAG_ALL_SKIP: u32 = 1 << 0;
const FLAG_NO_RECON: u32 = 1 << 1;

/// Whether the hardware has what this layout is for.
pub fn check_capabilities(able: &Capabilities) -> Result<(), Invalid> {
    check(able.cavlc, "entropy_coding_mode_flag")?;
    check(able.all_skip, "flags")?;
    check(able.header_bits, "bits_length")?;
    // A descriptor has no fields for any of these.
    check(!able.cabac, "entropy_coding_mode_flag")?;
    check(!able.transform_8x8, "transform_8x8_mode_flag")?;
    check(able.references == 1, "reference_count")
}

/// Adds the slices to `units`, which are those of `job` before, and fills a descriptor of
/// [`DESCRIPTOR_BYTES`], all of it; or says which field the hardware would refuse.
pub fn describe(
    job: &PictureJob<'_>,
    able: &Capabilities,
    memory: &Memory,
    units: &mut Units<'_>,
    descriptor: &mut [u8],
) -> Result<(), units::Error> {
    units.push_slices(job.sps, job.pps, job.picture, job.qp, job.slice_rows)?;
    check_job(job, units, able)?;
    descriptor.fill(0);
    let mut flags = 0;
    if job.source.is_none() {
        flags |= FLAG_ALL_SKIP;
    }
    if job.reconstruction.is_none() {
        flags |= FLAG_NO_RECON;
    }
    let source = job.source.as_ref();
    let format = source.map_or(0, |source| source.format.number());
    let (width, height) = source.map_or((0, 0), |source| (source.width, source.height));
    let planes = source.map_or_else(Default::default, |source| source.planes);
    // check_job() has seen that both counts and the size of header memory fit.
    let forced_count = u8::try_from(job.forced_intra.len()).unwrap_or(0);
    let unit_count = u16::try_from(units.units().len()).unwrap_or(0);
    let header_size = u32::try_from(units.bytes().len()).unwrap_or(0);

    let mut f = Fields::new(descriptor);
    f.u32(LAYOUT).u32(OPERATION_ENCODE).u32(flags);
    f.u8(job.picture.slice_type).u8(job.qp);
    f.i8(job.pps.chroma_qp_index_offset).u8(format);
    f.u16(job.width_mbs()).u16(job.height_mbs());
    f.u16(width).u16(height);
    let deblocking = &job.picture.deblocking;
    f.u8(deblocking.disable_idc);
    f.i8(deblocking.alpha_c0_offset_div2);
    f.i8(deblocking.beta_offset_div2);
    f.u8(forced_count);
    f.u16(unit_count).u16(0);
    for plane in &planes {
        f.u32(plane.stride);
    }
    f.u32(0);
    for plane in &planes {
        f.u64(plane.address);
    }
    f.u64(job.references.first().copied().unwrap_or(0));
    f.u64(job.reconstruction.unwrap_or(0));
    f.u64(job.output.address).u32(job.output.size);
    f.u32(header_size).u64(memory.headers);
    f.u64(memory.units).u64(memory.control_of(job));
    for range in job.forced_intra {
        f.u32(range.first).u32(range.count);
    }
    Ok(())
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_gen1))]
mod tests {
    use super::super::{
        fixture::{job, u32_at, u64_at, with_units, IN_FRAME, MEMORY},
        picture::MbRange,
        units::{Kind, Unit},
    };
    use super::*;

    const GEN1: Capabilities = Capabilities::GEN1;
    /// Describes a job of a few slices, and runs `check` with its units.
    fn described(
        job: &PictureJob<'_>,
        able: &Capabilities,
        check: impl FnOnce(&[u8; DESCRIPTOR_BYTES], &Units<'_>),
    ) -> Result<(), units::Error> {
        let (mut bytes, mut entries) = ([0; 128], [Unit::EMPTY; 5]);
        let mut units = Units::after(job.units, &mut bytes, &mut entries)?;
        let mut descriptor = [0xff; DESCRIPTOR_BYTES];
        describe(job, able, &MEMORY, &mut units, &mut descriptor)?;
        check(&descriptor, &units);
        Ok(())
    }

    #[test]
    fn fields_are_where_the_manual_says() {
        with_units(|units| {
            let ranges = [
                MbRange { first: 1, count: 2 },
                MbRange { first: 7, count: 5 },
            ];
            let job = PictureJob {
                forced_intra: &ranges,
                ..job(units)
            };
            let done = described(&job, &GEN1, |d, units| {
                assert_eq!(u32_at(d, 0x00), 1);
                assert_eq!(u32_at(d, 0x04), 1);
                assert_eq!(u32_at(d, 0x08), 0);
                assert!(d[0x0c..0x10] == [0, 30, 0xfd, 0][..]);
                assert_eq!(u32_at(d, 0x10), (3 << 16) | 4);
                assert_eq!(u32_at(d, 0x14), (48 << 16) | 50);
                assert!(d[0x18..0x1c] == [2, 0xfe, 5, 2][..]);
                assert_eq!(u32_at(d, 0x1c), 4);
                assert_eq!(u32_at(d, 0x20), 64);
                assert_eq!(u32_at(d, 0x24), 50);
                assert_eq!(u64_at(d, 0x28), 0);
                assert_eq!(u64_at(d, 0x30), 0x2_0000_0001);
                assert_eq!(u64_at(d, 0x38), 0x2_0000_1001);
                assert_eq!(u64_at(d, 0x40), 0);
                assert_eq!(u64_at(d, 0x48), 0x3_0000_0000);
                assert_eq!(u64_at(d, 0x50), 0x4_0000_0000);
                assert_eq!(u64_at(d, 0x58), 0x5_0000_0000);
                assert_eq!(u32_at(d, 0x60), 4096);
                assert_eq!(u32_at(d, 0x64) as usize, units.bytes().len());
                assert_eq!(u64_at(d, 0x68), MEMORY.headers);
                assert_eq!(u64_at(d, 0x70), MEMORY.units);
                assert_eq!(u64_at(d, 0x78), 0);
                assert_eq!(u64_at(d, 0x80), (2 << 32) | 1);
                assert_eq!(u64_at(d, 0x88), (5 << 32) | 7);
                assert!(d[0x90..].iter().all(|&byte| byte == 0));
            });
            assert!(done.is_ok());
        });
    }

    #[test]
    fn in_frame_control_is_somewhere_else() {
        with_units(|units| {
            let controlled = PictureJob {
                in_frame: Some(&IN_FRAME),
                ..job(units)
            };
            let done = described(&controlled, &GEN1, |d, _| {
                assert_eq!(u64_at(d, 0x78), MEMORY.control);
            });
            assert!(done.is_ok());
            let unable = Capabilities {
                checkpoints: 0,
                ..GEN1
            };
            assert!(described(&controlled, &unable, |_, _| ()).is_err());
        });
    }

    #[test]
    fn slices_come_after_the_other_units() {
        with_units(|units| {
            let done = described(&job(units), &GEN1, |_, all| {
                assert!(all.units().first() == units.units().first());
                let slice = |n: usize| all.units().get(n).copied().unwrap_or(Unit::EMPTY);
                for (n, row) in [(1, 0), (2, 1), (3, 2)] {
                    let kind = Kind::Slice {
                        first_row: row,
                        rows: 1,
                    };
                    assert!(slice(n).kind == kind);
                    assert!(slice(n).bits > 8);
                }
                assert_eq!(all.units().len(), 4);
            });
            assert!(done.is_ok());
        });
    }

    #[test]
    fn a_skipped_picture_has_no_source() {
        with_units(|units| {
            let skip = PictureJob {
                source: None,
                reconstruction: None,
                ..job(units)
            };
            let done = described(&skip, &GEN1, |d, _| {
                assert_eq!(u32_at(d, 0x08), 3);
                assert_eq!(u32_at(d, 0x14), 0);
                assert!(d[0x20..0x48].iter().all(|&byte| byte == 0));
                assert_eq!(u64_at(d, 0x50), 0);
            });
            assert!(done.is_ok());
            let unable = Capabilities {
                all_skip: false,
                ..GEN1
            };
            assert!(described(&skip, &unable, |_, _| ()).is_err());
        });
    }

    #[test]
    fn hardware_without_this_layout() {
        assert!(check_capabilities(&GEN1).is_ok());
        for without in 0..3 {
            let unable = Capabilities {
                cavlc: without != 0,
                header_bits: without != 1,
                all_skip: without != 2,
                ..GEN1
            };
            assert!(check_capabilities(&unable).is_err());
        }
    }

    #[test]
    fn hardware_with_more_than_this_layout_says() {
        for with in 0..3 {
            let other = Capabilities {
                cabac: with == 0,
                transform_8x8: with == 1,
                references: if with == 2 { 2 } else { 1 },
                ..GEN1
            };
            assert!(check_capabilities(&other).is_err());
        }
    }
}
