// SPDX-License-Identifier: GPL-2.0

//! What a job has to be, for hardware of any generation.

use super::{
    params::{Invalid, Pps, SLICE_TYPE_I, SLICE_TYPE_P},
    picture::{Capabilities, PictureJob},
    units::{Kind, Units},
};

/// Ranges of forced-intra macroblocks that descriptors have room for.
const FORCED_INTRA_ENTRIES: usize = 16;

/// An error of `what`, unless `ok`.
pub fn check(ok: bool, what: &'static str) -> Result<(), Invalid> {
    if ok {
        Ok(())
    } else {
        Err(Invalid(what))
    }
}

/// What hardware of any generation would refuse, refused before it sees it. `units` are those of the
/// job and its slices.
pub fn check_job(
    job: &PictureJob<'_>,
    units: &Units<'_>,
    able: &Capabilities,
) -> Result<(), Invalid> {
    able.check_size(job.width_mbs(), job.height_mbs())?;
    check(job.qp <= 51, "qp")?;
    let offsets = -12..=12;
    check(
        offsets.contains(&job.pps.chroma_qp_index_offset),
        "chroma_qp_index_offset",
    )?;
    let mut flags = Pps::DEBLOCKING_FILTER_CONTROL_PRESENT;
    if able.cabac {
        flags |= Pps::ENTROPY_CODING_MODE;
    }
    if able.transform_8x8 {
        flags |= Pps::TRANSFORM_8X8_MODE;
    }
    check(job.pps.flags & !flags == 0, "flags")?;
    check(
        offsets.contains(&job.pps.second_chroma_qp_index_offset)
            && (able.transform_8x8 || !job.pps.is_extended()),
        "second_chroma_qp_index_offset",
    )?;
    check(job.output.size != 0, "output_size")?;

    let inter = job.picture.slice_type == SLICE_TYPE_P;
    check(
        inter || job.picture.slice_type == SLICE_TYPE_I,
        "picture_type",
    )?;
    let references = job.references.len();
    check(
        (references != 0) == inter && references <= usize::from(able.references),
        "reference_addr",
    )?;
    check(
        !inter || references == usize::from(job.picture.num_ref_idx_l0_active),
        "num_ref_idx_l0_active_minus1",
    )?;
    check(inter || job.forced_intra.is_empty(), "forced_intra_count")?;
    let ranges = usize::from(able.forced_intra).min(FORCED_INTRA_ENTRIES);
    check(job.forced_intra.len() <= ranges, "forced_intra_count")?;
    for range in job.forced_intra {
        let end = range.first.checked_add(range.count);
        check(
            range.count != 0 && end.is_some_and(|end| end <= job.macroblocks()),
            "forced_intra",
        )?;
    }

    match &job.source {
        None => {
            check(inter && able.all_skip, "flags")?;
            check(job.forced_intra.is_empty(), "forced_intra_count")?;
        }
        Some(source) => {
            check(able.supports(source.format), "source_format")?;
            let coded_as = |samples: u16, mbs: u16| {
                samples % 2 == 0 && samples.div_ceil(16) == mbs && samples != 0
            };
            check(coded_as(source.width, job.width_mbs()), "source_width")?;
            check(coded_as(source.height, job.height_mbs()), "source_height")?;
            for (n, plane) in source.planes.iter().enumerate() {
                if n < source.format.planes() {
                    let line = source.format.line_bytes(n, u32::from(source.width));
                    check(plane.stride >= line, "source_stride")?;
                } else {
                    check(plane.stride == 0 && plane.address == 0, "source_addr")?;
                }
            }
        }
    }
    if let Some(control) = job.in_frame {
        control.check(job, able)?;
    }
    check_units(job, units, able)
}

/// The unit table: within header memory, and slices that cover the picture in order.
fn check_units(
    job: &PictureJob<'_>,
    units: &Units<'_>,
    able: &Capabilities,
) -> Result<(), Invalid> {
    check(units.units().len() <= usize::from(able.units), "unit_count")?;
    let memory = units.bytes().len();
    let mut next_row = 0;
    for unit in units.units() {
        let end = unit.offset.checked_add(unit.bits.div_ceil(8));
        check(end.is_some_and(|end| end <= memory), "bits_offset")?;
        match unit.kind {
            Kind::Whole => check(unit.bits != 0 && unit.bits % 8 == 0, "bits_length")?,
            Kind::Slice { first_row, rows } => {
                check(first_row == next_row && rows != 0, "first_row")?;
                next_row = first_row.checked_add(rows).ok_or(Invalid("rows"))?;
            }
        }
    }
    check(next_row == job.height_mbs(), "rows")
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_checks))]
mod tests {
    use super::super::{
        fixture::{job, with_units, PICTURE, PPS, SOURCE, SPS},
        params::Sps,
        picture::{MbRange, Output, Source, SourceFormat},
        slice::Picture,
        units::{self, Unit},
    };
    use super::*;

    /// Checks a job with its slices.
    fn checked(job: &PictureJob<'_>, able: &Capabilities) -> Result<(), units::Error> {
        let (mut bytes, mut entries) = ([0; 128], [Unit::EMPTY; 5]);
        let mut units = Units::after(job.units, &mut bytes, &mut entries)?;
        units.push_slices(
            job.sps,
            job.pps,
            job.picture,
            job.qp.min(51),
            job.slice_rows,
        )?;
        Ok(check_job(job, &units, able)?)
    }

    /// Whether a job is refused for what it is.
    fn refused(job: PictureJob<'_>) -> bool {
        matches!(
            checked(&job, &Capabilities::GEN1),
            Err(units::Error::Invalid(_))
        )
    }

    #[test]
    fn what_hardware_would_refuse_is_refused() {
        with_units(|units| {
            assert!(!refused(job(units)));
            assert!(refused(PictureJob {
                qp: 52,
                ..job(units)
            }));
            for (cb, cr) in [(13, 13), (-13, -13), (0, 1)] {
                assert!(refused(PictureJob {
                    pps: &Pps {
                        chroma_qp_index_offset: cb,
                        second_chroma_qp_index_offset: cr,
                        ..PPS
                    },
                    ..job(units)
                }));
            }
            for slice_type in [1, SLICE_TYPE_I] {
                assert!(refused(PictureJob {
                    picture: &Picture {
                        slice_type,
                        ..PICTURE
                    },
                    ..job(units)
                }));
            }
            assert!(refused(PictureJob {
                references: &[],
                ..job(units)
            }));
            let two = [0x3_0000_0000, 0x6_0000_0000];
            assert!(refused(PictureJob {
                references: &two,
                ..job(units)
            }));
            let of_two = Picture {
                num_ref_idx_l0_active: 2,
                ..PICTURE
            };
            assert!(refused(PictureJob {
                picture: &of_two,
                ..job(units)
            }));
            // More than this hardware has.
            assert!(refused(PictureJob {
                picture: &of_two,
                references: &two,
                ..job(units)
            }));
            let more = Capabilities {
                references: 2,
                ..Capabilities::GEN1
            };
            let job_of_two = PictureJob {
                picture: &of_two,
                references: &two,
                ..job(units)
            };
            assert!(checked(&job_of_two, &more).is_ok());
            let wide = Sps {
                pic_width_in_mbs_minus1: 120,
                ..SPS
            };
            assert!(refused(PictureJob {
                sps: &wide,
                source: Some(Source {
                    width: 1936,
                    ..SOURCE
                }),
                ..job(units)
            }));
            assert!(refused(PictureJob {
                slice_rows: 0,
                ..job(units)
            }));
            assert!(refused(PictureJob {
                output: Output {
                    address: 0,
                    size: 0,
                },
                ..job(units)
            }));
            for range in [
                MbRange { first: 0, count: 0 },
                MbRange {
                    first: 0,
                    count: 13,
                },
                MbRange {
                    first: 1,
                    count: u32::MAX,
                },
            ] {
                assert!(refused(PictureJob {
                    forced_intra: &[range],
                    ..job(units)
                }));
            }
            assert!(refused(PictureJob {
                forced_intra: &[MbRange { first: 0, count: 1 }; 17],
                ..job(units)
            }));
        });
    }

    #[test]
    fn sources_have_to_fit_their_picture() {
        with_units(|units| {
            let refused = |source: Source| {
                refused(PictureJob {
                    source: Some(source),
                    ..job(units)
                })
            };
            assert!(!refused(SOURCE));
            assert!(refused(Source {
                width: 51,
                ..SOURCE
            }));
            assert!(refused(Source {
                width: 48,
                ..SOURCE
            }));
            assert!(refused(Source {
                width: 66,
                ..SOURCE
            }));
            assert!(refused(Source {
                height: 50,
                ..SOURCE
            }));
            let mut narrow = SOURCE;
            narrow.planes[1].stride = 49;
            assert!(refused(narrow));
            let mut extra = SOURCE;
            extra.planes[2].stride = 64;
            assert!(refused(extra));
            // The same planes as a packed format: one too many, and lines too short.
            assert!(refused(Source {
                format: SourceFormat::Yuyv,
                ..SOURCE
            }));
        });
    }

    #[test]
    fn tools_that_hardware_may_have() {
        with_units(|units| {
            for (flags, cabac, transform_8x8, fine) in [
                (0x01, false, true, false),
                (0x01, true, false, true),
                (0x40, true, false, false),
                (0x40, false, true, true),
                (0x49, true, true, true),
                (0x02, true, true, false),
                (0x80, true, true, false),
            ] {
                let job = PictureJob {
                    pps: &Pps { flags, ..PPS },
                    ..job(units)
                };
                let able = Capabilities {
                    cabac,
                    transform_8x8,
                    ..Capabilities::GEN1
                };
                assert_eq!(checked(&job, &able).is_ok(), fine);
            }
        });
    }

    #[test]
    fn a_chroma_offset_of_its_own_is_of_high_profile() {
        with_units(|units| {
            for (second_chroma_qp_index_offset, fine) in [(12, true), (-12, true), (13, false)] {
                let job = PictureJob {
                    pps: &Pps {
                        second_chroma_qp_index_offset,
                        ..PPS
                    },
                    ..job(units)
                };
                let able = Capabilities {
                    transform_8x8: true,
                    ..Capabilities::GEN1
                };
                assert_eq!(checked(&job, &able).is_ok(), fine);
            }
        });
    }

    #[test]
    fn too_many_slices_for_the_unit_table() {
        with_units(|units| {
            let three = Capabilities {
                units: 3,
                ..Capabilities::GEN1
            };
            assert!(checked(&job(units), &three) == Err(Invalid("unit_count").into()));
        });
    }
}
