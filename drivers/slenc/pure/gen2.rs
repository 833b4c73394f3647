// SPDX-License-Identifier: GPL-2.0

//! Job descriptor of the second generation, byte for byte as in Documentation/slenc/hardware.rst.

use super::{
    checks::{check, check_job},
    fields::Fields,
    list::Modification,
    marking::Operation,
    params::Invalid,
    picture::{Capabilities, PictureJob},
    slice::Picture,
    unit_table::Memory,
    units::{self, Units},
};

/// Bytes of a descriptor that the driver writes; the result block follows.
pub const DESCRIPTOR_BYTES: usize = 512;

const LAYOUT: u32 = 2;
const OPERATION_ENCODE: u32 = 1;
const FLAG_ALL_SKIP: u32 = 1 << 0;
const FLAG_NO_RECON: u32 = 1 << 1;
const FLAG_CABAC: u32 = 1 << 2;
const FLAG_TRANSFORM_8X8: u32 = 1 << 3;
const FLAG_DEBLOCKING_CONTROL: u32 = 1 << 4;
const FLAG_IDR: u32 = 1 << 5;
const FLAG_NO_OUTPUT_OF_PRIOR: u32 = 1 << 6;
const FLAG_LONG_TERM_REFERENCE: u32 = 1 << 7;

/// Largest long_term_frame_idx, and of frames the largest long_term_pic_num.
const MAX_LONG_TERM_FRAME_IDX: u8 = 15;

/// References that the layout has room for.
const REFERENCES: usize = 4;
/// Where the fields of slice headers begin.
const SLICE_HEADER: usize = 0x0a0;
/// Where the operations on the reference list begin.
const MODIFICATIONS: usize = 0x0b0;
/// Where the marking operations begin.
const MARKING: usize = 0x100;
/// Marking operations that the layout has room for.
const MARKING_OPERATIONS: usize = 16;
/// Where the forced-intra ranges begin.
const FORCED_INTRA: usize = 0x180;

/// Whether the hardware has what this layout is for.
pub fn check_capabilities(able: &Capabilities) -> Result<(), Invalid> {
    check(able.cavlc, "entropy_coding_mode_flag")?;
    check(able.header_fields, "nal_ref_idc")?;
    check(
        usize::from(able.references) <= REFERENCES,
        "reference_count",
    )
}

/// What the hardware would refuse of the parameter sets and of the slice headers.
fn check_syntax(job: &PictureJob<'_>) -> Result<(), Invalid> {
    let (sps, pps, picture) = (job.sps, job.pps, job.picture);
    check(
        (-26..=25).contains(&pps.pic_init_qp_minus26),
        "pic_init_qp_minus26",
    )?;
    check(
        pps.num_ref_idx_l0_default_active_minus1 <= 31,
        "num_ref_idx_l0_default_active_minus1",
    )?;
    let fits = |value: u16, bits_minus4: u8| {
        bits_minus4 <= 12 && u32::from(value) >> (u32::from(bits_minus4) + 4) == 0
    };
    check(
        fits(picture.frame_num, sps.log2_max_frame_num_minus4),
        "frame_num",
    )?;
    match sps.pic_order_cnt_type {
        0 => check(
            fits(
                picture.pic_order_cnt_lsb,
                sps.log2_max_pic_order_cnt_lsb_minus4,
            ),
            "pic_order_cnt_lsb",
        )?,
        order => check(order == 2, "pic_order_cnt_type")?,
    }
    check(job.cabac_init_idc <= 2, "cabac_init_idc")?;
    check(picture.nal_ref_idc <= 3, "nal_ref_idc")?;
    if picture.idr {
        check(picture.is_reference(), "nal_ref_idc")?;
        check(job.references.is_empty(), "slice_type")?;
        check(picture.frame_num == 0, "frame_num")?;
    }
    check_operations(job)
}

/// What the hardware would refuse of the operations on list and marking.
fn check_operations(job: &PictureJob<'_>) -> Result<(), Invalid> {
    let picture = job.picture;
    check(
        picture.modifications.len() <= job.references.len(),
        "ref_pic_list_modification_flag_l0",
    )?;
    check(
        picture.operations.len() <= MARKING_OPERATIONS
            && (picture.operations.is_empty() || (picture.is_reference() && !picture.idr)),
        "adaptive_ref_pic_marking_mode_flag",
    )?;
    // log2_max_frame_num_minus4 has been checked.
    let fits =
        |minus1: u16| u32::from(minus1) >> (u32::from(job.sps.log2_max_frame_num_minus4) + 4) == 0;
    for modification in picture.modifications.iter() {
        match modification {
            Modification::Subtract(minus1) | Modification::Add(minus1) => {
                check(fits(minus1), "abs_diff_pic_num_minus1")?;
            }
            Modification::LongTerm(number) => {
                check(number <= MAX_LONG_TERM_FRAME_IDX, "long_term_pic_num")?;
            }
        }
    }
    for operation in picture.operations.iter() {
        match operation {
            Operation::ShortTermUnused(minus1) => {
                check(fits(minus1), "difference_of_pic_nums_minus1")?;
            }
            Operation::LongTermUnused(number) => {
                check(number <= MAX_LONG_TERM_FRAME_IDX, "long_term_pic_num")?;
            }
            Operation::LongTerm {
                difference_of_pic_nums_minus1,
                long_term_frame_idx,
            } => {
                check(
                    fits(difference_of_pic_nums_minus1),
                    "difference_of_pic_nums_minus1",
                )?;
                check(
                    long_term_frame_idx <= MAX_LONG_TERM_FRAME_IDX,
                    "long_term_frame_idx",
                )?;
            }
            Operation::MaxLongTermFrameIdx(plus1) => check(
                plus1 <= MAX_LONG_TERM_FRAME_IDX + 1,
                "max_long_term_frame_idx_plus1",
            )?,
            Operation::CurrentLongTerm(index) => {
                check(index <= MAX_LONG_TERM_FRAME_IDX, "long_term_frame_idx")?;
            }
        }
    }
    Ok(())
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
    units.push_bare_slices(job.sps, job.slice_rows)?;
    check_job(job, units, able)?;
    check_syntax(job)?;
    descriptor.fill(0);
    describe_picture(job, memory, units, descriptor);
    describe_header(job, descriptor.get_mut(SLICE_HEADER..).unwrap_or_default());
    describe_operations(job.picture, descriptor);
    let mut f = Fields::new(descriptor.get_mut(FORCED_INTRA..).unwrap_or_default());
    for range in job.forced_intra {
        f.u32(range.first).u32(range.count);
    }
    Ok(())
}

fn flags(job: &PictureJob<'_>) -> u32 {
    [
        (job.source.is_none(), FLAG_ALL_SKIP),
        (job.reconstruction.is_none(), FLAG_NO_RECON),
        (job.pps.cabac(), FLAG_CABAC),
        (job.pps.transform_8x8(), FLAG_TRANSFORM_8X8),
        (job.pps.deblocking_control(), FLAG_DEBLOCKING_CONTROL),
        (job.picture.idr, FLAG_IDR),
        (
            job.picture.idr && job.picture.no_output_of_prior_pics,
            FLAG_NO_OUTPUT_OF_PRIOR,
        ),
        (
            job.picture.idr && job.picture.long_term_reference,
            FLAG_LONG_TERM_REFERENCE,
        ),
    ]
    .iter()
    .filter(|(set, _)| *set)
    .fold(0, |flags, (_, flag)| flags | flag)
}

/// The fields before those of slice headers.
fn describe_picture(
    job: &PictureJob<'_>,
    memory: &Memory,
    units: &Units<'_>,
    descriptor: &mut [u8],
) {
    let source = job.source.as_ref();
    let format = source.map_or(0, |source| source.format.number());
    let (width, height) = source.map_or((0, 0), |source| (source.width, source.height));
    let planes = source.map_or_else(Default::default, |source| source.planes);
    // check_job() has seen that all counts and the size of header memory fit.
    let reference_count = u8::try_from(job.references.len()).unwrap_or(0);
    let forced_count = u8::try_from(job.forced_intra.len()).unwrap_or(0);
    let unit_count = u16::try_from(units.units().len()).unwrap_or(0);
    let header_size = u32::try_from(units.bytes().len()).unwrap_or(0);
    let headers = if header_size == 0 { 0 } else { memory.headers };

    let mut f = Fields::new(descriptor);
    f.u32(LAYOUT).u32(OPERATION_ENCODE).u32(flags(job));
    f.u8(job.picture.slice_type).u8(job.qp);
    f.i8(job.pps.chroma_qp_index_offset);
    f.i8(job.pps.second_chroma_qp_index_offset);
    f.u16(job.width_mbs()).u16(job.height_mbs());
    f.u16(width).u16(height);
    let deblocking = &job.picture.deblocking;
    f.u8(format).u8(deblocking.disable_idc);
    f.i8(deblocking.alpha_c0_offset_div2);
    f.i8(deblocking.beta_offset_div2);
    f.u8(reference_count).u8(forced_count).u16(unit_count);
    for plane in &planes {
        f.u32(plane.stride);
    }
    f.u32(0);
    for plane in &planes {
        f.u64(plane.address);
    }
    f.u64(0);
    for n in 0..REFERENCES {
        f.u64(job.references.get(n).copied().unwrap_or(0));
    }
    f.u64(job.reconstruction.unwrap_or(0));
    f.u64(job.output.address).u32(job.output.size);
    f.u32(header_size).u64(headers).u64(memory.units);
}

/// The fields of slice headers.
fn describe_header(job: &PictureJob<'_>, fields: &mut [u8]) {
    let (sps, pps, picture) = (job.sps, job.pps, job.picture);
    let (order_bits, order) = if sps.pic_order_cnt_type == 0 {
        (
            sps.log2_max_pic_order_cnt_lsb_minus4,
            picture.pic_order_cnt_lsb,
        )
    } else {
        (0, 0)
    };
    let cabac_init_idc = if pps.cabac() && !job.references.is_empty() {
        job.cabac_init_idc
    } else {
        0
    };
    let idr_pic_id = if picture.idr { picture.idr_pic_id } else { 0 };
    let mut f = Fields::new(fields);
    f.u8(picture.nal_ref_idc).u8(pps.pic_parameter_set_id);
    f.i8(pps.pic_init_qp_minus26);
    f.u8(pps.num_ref_idx_l0_default_active_minus1);
    f.u8(sps.log2_max_frame_num_minus4);
    f.u8(sps.pic_order_cnt_type).u8(order_bits);
    f.u8(cabac_init_idc);
    f.u16(picture.frame_num).u16(idr_pic_id).u16(order);
    // check_operations() has seen that both counts fit.
    f.u8(u8::try_from(picture.modifications.len()).unwrap_or(0));
    f.u8(u8::try_from(picture.operations.len()).unwrap_or(0));
}

/// The operations on list and marking; those that are not used stay zero.
fn describe_operations(picture: &Picture, descriptor: &mut [u8]) {
    let mut f = Fields::new(descriptor.get_mut(MODIFICATIONS..).unwrap_or_default());
    for modification in picture.modifications.iter() {
        let (modification_of_pic_nums_idc, value) = match modification {
            Modification::Subtract(minus1) => (0, minus1.into()),
            Modification::Add(minus1) => (1, minus1.into()),
            Modification::LongTerm(number) => (2, number.into()),
        };
        f.u8(modification_of_pic_nums_idc).u8(0).u16(0).u32(value);
    }
    let mut f = Fields::new(descriptor.get_mut(MARKING..).unwrap_or_default());
    for operation in picture.operations.iter() {
        // The operation's number, long_term_frame_idx and the other operand.
        let (number, index, value): (u8, u8, u32) = match operation {
            Operation::ShortTermUnused(difference) => (1, 0, difference.into()),
            Operation::LongTermUnused(number) => (2, 0, number.into()),
            Operation::LongTerm {
                difference_of_pic_nums_minus1,
                long_term_frame_idx,
            } => (3, long_term_frame_idx, difference_of_pic_nums_minus1.into()),
            Operation::MaxLongTermFrameIdx(plus1) => (4, 0, plus1.into()),
            Operation::CurrentLongTerm(index) => (6, index, 0),
        };
        f.u8(number).u8(index).u16(0).u32(value);
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_gen2))]
mod tests {
    use super::super::{
        few::Few,
        fixture::{job, u32_at, u64_at, with_units, MEMORY, PICTURE, PPS, SPS},
        params::{Pps, Sps, SLICE_TYPE_I},
        picture::MbRange,
        units::{Kind, Unit},
    };
    use super::*;

    const GEN2: Capabilities = Capabilities::GEN2;

    /// Describes a job of a few slices, and runs `check` with its units.
    fn described(
        job: &PictureJob<'_>,
        check: impl FnOnce(&[u8; DESCRIPTOR_BYTES], &Units<'_>),
    ) -> Result<(), units::Error> {
        let (mut bytes, mut entries) = ([0; 16], [Unit::EMPTY; 5]);
        let mut units = Units::after(job.units, &mut bytes, &mut entries)?;
        let mut descriptor = [0xff; DESCRIPTOR_BYTES];
        describe(job, &GEN2, &MEMORY, &mut units, &mut descriptor)?;
        check(&descriptor, &units);
        Ok(())
    }

    /// Whether a job is refused for what it is.
    fn refused(job: PictureJob<'_>) -> bool {
        matches!(described(&job, |_, _| ()), Err(units::Error::Invalid(_)))
    }

    #[test]
    fn fields_are_where_the_manual_says() {
        with_units(|units| {
            let ranges = [
                MbRange { first: 1, count: 2 },
                MbRange { first: 7, count: 5 },
            ];
            let pps = Pps {
                pic_parameter_set_id: 200,
                pic_init_qp_minus26: -26,
                num_ref_idx_l0_default_active_minus1: 7,
                second_chroma_qp_index_offset: 4,
                flags: PPS.flags | Pps::ENTROPY_CODING_MODE | Pps::TRANSFORM_8X8_MODE,
                ..PPS
            };
            let sps = Sps {
                log2_max_frame_num_minus4: 12,
                pic_order_cnt_type: 0,
                log2_max_pic_order_cnt_lsb_minus4: 6,
                ..SPS
            };
            let picture = Picture {
                nal_ref_idc: 2,
                frame_num: 0x1234,
                pic_order_cnt_lsb: 0x2ab,
                num_ref_idx_l0_active: 3,
                ..PICTURE
            };
            let job = PictureJob {
                sps: &sps,
                pps: &pps,
                picture: &picture,
                references: &[0x3_0000_0000, 0x6_0000_0000, 0x7_0000_0000],
                forced_intra: &ranges,
                cabac_init_idc: 2,
                ..job(units)
            };
            let done = described(&job, |d, units| {
                assert_eq!(u32_at(d, 0x00), 2);
                assert_eq!(u32_at(d, 0x04), 1);
                assert_eq!(u32_at(d, 0x08), 0x1c);
                assert!(d[0x0c..0x10] == [0, 30, 0xfd, 4][..]);
                assert_eq!(u32_at(d, 0x10), (3 << 16) | 4);
                assert_eq!(u32_at(d, 0x14), (48 << 16) | 50);
                assert!(d[0x18..0x20] == [0, 2, 0xfe, 5, 3, 2, 4, 0][..]);
                assert_eq!(u32_at(d, 0x20), 64);
                assert_eq!(u32_at(d, 0x24), 50);
                assert_eq!(u64_at(d, 0x28), 0);
                assert_eq!(u64_at(d, 0x30), 0x2_0000_0001);
                assert_eq!(u64_at(d, 0x38), 0x2_0000_1001);
                assert_eq!(u64_at(d, 0x40), 0);
                assert_eq!(u64_at(d, 0x48), 0);
                assert_eq!(u64_at(d, 0x50), 0x3_0000_0000);
                assert_eq!(u64_at(d, 0x58), 0x6_0000_0000);
                assert_eq!(u64_at(d, 0x60), 0x7_0000_0000);
                assert_eq!(u64_at(d, 0x68), 0);
                assert_eq!(u64_at(d, 0x70), 0x4_0000_0000);
                assert_eq!(u64_at(d, 0x78), 0x5_0000_0000);
                assert_eq!(u32_at(d, 0x80), 4096);
                assert_eq!(u32_at(d, 0x84) as usize, units.bytes().len());
                assert_eq!(u64_at(d, 0x88), MEMORY.headers);
                assert_eq!(u64_at(d, 0x90), MEMORY.units);
                assert_eq!(u64_at(d, 0x98), 0);
                assert!(d[0xa0..0xa8] == [2, 200, 0xe6, 7, 12, 0, 6, 2][..]);
                assert_eq!(u32_at(d, 0xa8), 0x1234);
                assert_eq!(u32_at(d, 0xac), 0x2ab);
                assert!(d[0xb0..0x180].iter().all(|&byte| byte == 0));
                assert_eq!(u64_at(d, 0x180), (2 << 32) | 1);
                assert_eq!(u64_at(d, 0x188), (5 << 32) | 7);
                assert!(d[0x190..].iter().all(|&byte| byte == 0));
            });
            assert!(done.is_ok());
        });
    }

    fn few<T: Copy, const N: usize>(values: &[T]) -> Few<T, N> {
        let mut few = Few::new();
        for value in values {
            assert!(few.push(*value).is_ok());
        }
        few
    }

    #[test]
    fn list_and_marking() {
        with_units(|units| {
            let picture = Picture {
                num_ref_idx_l0_active: 3,
                modifications: few(&[
                    Modification::Subtract(2),
                    Modification::Add(255),
                    Modification::LongTerm(15),
                ]),
                operations: few(&[
                    Operation::MaxLongTermFrameIdx(16),
                    Operation::ShortTermUnused(255),
                    Operation::LongTermUnused(14),
                    Operation::LongTerm {
                        difference_of_pic_nums_minus1: 7,
                        long_term_frame_idx: 3,
                    },
                    Operation::CurrentLongTerm(2),
                ]),
                ..PICTURE
            };
            let job = PictureJob {
                picture: &picture,
                references: &[0x3_0000_0000, 0x6_0000_0000, 0x7_0000_0000],
                ..job(units)
            };
            let done = described(&job, |d, _| {
                assert_eq!((d[0xae], d[0xaf]), (3, 5));
                for (at, word, value) in [
                    (0xb0, 0, 2),
                    (0xb8, 1, 255),
                    (0xc0, 2, 15),
                    (0xc8, 0, 0),
                    (0x100, 4, 16),
                    (0x108, 1, 255),
                    (0x110, 2, 14),
                    (0x118, 0x303, 7),
                    (0x120, 0x206, 0),
                ] {
                    assert_eq!((u32_at(d, at), u32_at(d, at + 4)), (word, value));
                }
                assert!(d[0xd0..0x100].iter().all(|&byte| byte == 0));
                assert!(d[0x128..0x180].iter().all(|&byte| byte == 0));
            });
            assert!(done.is_ok());
        });
    }

    #[test]
    fn operations_that_cannot_be() {
        let one = |modification| Picture {
            modifications: few(&[modification]),
            ..PICTURE
        };
        let marked = |operation| Picture {
            operations: few(&[operation]),
            ..PICTURE
        };
        let three = |difference_of_pic_nums_minus1, long_term_frame_idx| {
            marked(Operation::LongTerm {
                difference_of_pic_nums_minus1,
                long_term_frame_idx,
            })
        };
        with_units(|units| {
            let asked = |picture: &Picture| {
                refused(PictureJob {
                    picture,
                    ..job(units)
                })
            };
            assert!(!asked(&one(Modification::Add(255))));
            assert!(!asked(&three(255, 15)));
            for bad in [
                // Largest numbers: of 8 bits in this SPS, and of indices.
                one(Modification::Subtract(256)),
                one(Modification::Add(256)),
                one(Modification::LongTerm(16)),
                marked(Operation::ShortTermUnused(256)),
                marked(Operation::LongTermUnused(16)),
                three(256, 0),
                three(0, 16),
                marked(Operation::MaxLongTermFrameIdx(17)),
                marked(Operation::CurrentLongTerm(16)),
                // More operations than references.
                Picture {
                    modifications: few(&[Modification::Add(0), Modification::Add(0)]),
                    ..PICTURE
                },
                // There is no marking in its header.
                Picture {
                    nal_ref_idc: 0,
                    ..marked(Operation::ShortTermUnused(0))
                },
            ] {
                assert!(asked(&bad));
            }
        });
    }

    #[test]
    fn an_idr_picture() {
        with_units(|units| {
            let picture = Picture {
                idr: true,
                slice_type: SLICE_TYPE_I,
                frame_num: 0,
                idr_pic_id: 0x0a0b,
                no_output_of_prior_pics: true,
                long_term_reference: true,
                num_ref_idx_l0_active: 0,
                ..PICTURE
            };
            let job = PictureJob {
                picture: &picture,
                references: &[],
                reconstruction: None,
                ..job(units)
            };
            let done = described(&job, |d, _| {
                assert_eq!(u32_at(d, 0x08), 0xf2);
                assert_eq!(d[0x0c], 2);
                assert_eq!(d[0x1c], 0);
                assert!(d[0x50..0x78].iter().all(|&byte| byte == 0));
                assert_eq!(u32_at(d, 0xa8), 0x0a0b_0000);
            });
            assert!(done.is_ok());
            for bad in [
                Picture {
                    nal_ref_idc: 0,
                    ..picture
                },
                Picture {
                    frame_num: 1,
                    ..picture
                },
            ] {
                assert!(refused(PictureJob {
                    picture: &bad,
                    references: &[],
                    ..job
                }));
            }
        });
    }

    #[test]
    fn slices_have_no_bits() {
        with_units(|units| {
            let done = described(&job(units), |d, all| {
                assert!(all.units().first() == units.units().first());
                let slice = |n: usize| all.units().get(n).copied().unwrap_or(Unit::EMPTY);
                for (n, row) in [(1, 0), (2, 1), (3, 2)] {
                    let kind = Kind::Slice {
                        first_row: row,
                        rows: 1,
                    };
                    assert!(slice(n).kind == kind);
                    assert_eq!(slice(n).bits, 0);
                }
                assert_eq!(u32_at(d, 0x84) as usize, units.bytes().len());
            });
            assert!(done.is_ok());
        });
        // Nothing but slices: no header memory.
        let (mut bytes, mut entries) = ([0; 0], [Unit::EMPTY; 0]);
        let units = Units::new(&mut bytes, &mut entries, true);
        let done = described(&job(&units), |d, _| {
            assert_eq!((u32_at(d, 0x84), u64_at(d, 0x88)), (0, 0));
            assert_eq!(d[0x1e], 3);
        });
        assert!(done.is_ok());
    }

    #[test]
    fn a_skipped_picture_has_no_source() {
        with_units(|units| {
            let skip = PictureJob {
                source: None,
                ..job(units)
            };
            let done = described(&skip, |d, _| {
                assert_eq!(u32_at(d, 0x08), 0x11);
                assert_eq!(u32_at(d, 0x14), 0);
                assert!(d[0x20..0x50].iter().all(|&byte| byte == 0));
            });
            assert!(done.is_ok());
        });
    }

    #[test]
    fn what_hardware_would_refuse_is_refused() {
        with_units(|units| {
            assert!(!refused(job(units)));
            assert!(refused(PictureJob {
                cabac_init_idc: 3,
                ..job(units)
            }));
            for pps in [
                Pps {
                    pic_init_qp_minus26: 26,
                    ..PPS
                },
                Pps {
                    num_ref_idx_l0_default_active_minus1: 32,
                    ..PPS
                },
            ] {
                assert!(refused(PictureJob {
                    pps: &pps,
                    ..job(units)
                }));
            }
            for sps in [
                Sps {
                    log2_max_frame_num_minus4: 13,
                    ..SPS
                },
                Sps {
                    pic_order_cnt_type: 1,
                    ..SPS
                },
                Sps {
                    pic_order_cnt_type: 0,
                    log2_max_pic_order_cnt_lsb_minus4: 13,
                    ..SPS
                },
            ] {
                assert!(refused(PictureJob {
                    sps: &sps,
                    ..job(units)
                }));
            }
            for picture in [
                Picture {
                    nal_ref_idc: 4,
                    ..PICTURE
                },
                Picture {
                    frame_num: 0x100,
                    ..PICTURE
                },
            ] {
                assert!(refused(PictureJob {
                    picture: &picture,
                    ..job(units)
                }));
            }
        });
    }

    #[test]
    fn tools_that_this_hardware_lacks() {
        with_units(|units| {
            for (flags, able) in [
                (
                    Pps::TRANSFORM_8X8_MODE,
                    Capabilities {
                        transform_8x8: false,
                        ..GEN2
                    },
                ),
                (
                    Pps::ENTROPY_CODING_MODE,
                    Capabilities {
                        cabac: false,
                        ..GEN2
                    },
                ),
            ] {
                let pps = Pps { flags, ..PPS };
                let picture = Picture {
                    deblocking: Default::default(),
                    ..PICTURE
                };
                let job = PictureJob {
                    pps: &pps,
                    picture: &picture,
                    ..job(units)
                };
                for (able, said) in [(GEN2, Ok(())), (able, Err(Invalid("flags").into()))] {
                    let (mut bytes, mut entries) = ([0; 16], [Unit::EMPTY; 5]);
                    let mut descriptor = [0; DESCRIPTOR_BYTES];
                    let done = Units::after(job.units, &mut bytes, &mut entries)
                        .map_err(units::Error::from)
                        .and_then(|mut units| {
                            describe(&job, &able, &MEMORY, &mut units, &mut descriptor)
                        });
                    assert!(done == said);
                }
            }
        });
    }

    #[test]
    fn hardware_without_this_layout() {
        assert!(check_capabilities(&GEN2).is_ok());
        for unable in [
            Capabilities {
                cavlc: false,
                ..GEN2
            },
            Capabilities {
                header_fields: false,
                ..GEN2
            },
            Capabilities {
                references: 5,
                ..GEN2
            },
        ] {
            assert!(check_capabilities(&unable).is_err());
        }
    }
}
