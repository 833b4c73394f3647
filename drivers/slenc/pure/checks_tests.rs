// SPDX-License-Identifier: GPL-2.0

//! Tests of what a job has to be.

#[cfg_attr(not(test), super::kunit_tests(slenc_checks))]
mod tests {
    use super::super::{
        checks::*,
        fixture::{job, with_units, PICTURE, PPS, SOURCE, SPS},
        params::{Invalid, Pps, Sps, SLICE_TYPE_I},
        picture::{Capabilities, MbRange, Output, PictureJob, Source, SourceFormat},
        slice::{Deblocking, Picture},
        units::{self, Unit, Units},
    };

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
                    address: 1,
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
    fn parameters_of_the_deblocking_filter() {
        with_units(|units| {
            let asked = |disable_idc, alpha_c0_offset_div2, beta_offset_div2, flags| {
                refused(PictureJob {
                    picture: &Picture {
                        deblocking: Deblocking {
                            disable_idc,
                            alpha_c0_offset_div2,
                            beta_offset_div2,
                        },
                        ..PICTURE
                    },
                    pps: &Pps { flags, ..PPS },
                    ..job(units)
                })
            };
            assert!(!asked(2, -6, 6, PPS.flags));
            assert!(asked(3, 0, 0, PPS.flags));
            assert!(asked(0, -7, 0, PPS.flags));
            assert!(asked(0, 0, 7, PPS.flags));
            // What the slice headers do not say.
            assert!(!asked(0, 0, 0, 0));
            assert!(asked(1, 0, 0, 0));
            assert!(asked(0, 1, 0, 0));
        });
    }

    #[test]
    fn addresses_that_cannot_be() {
        with_units(|units| {
            let of_two = Picture {
                num_ref_idx_l0_active: 2,
                ..PICTURE
            };
            let able = Capabilities {
                references: 2,
                ..Capabilities::GEN1
            };
            // 12 macroblocks.
            const SIZE: u64 = 12 * 384;
            let asked = |references: &[u64], reconstruction| {
                let job = PictureJob {
                    picture: &of_two,
                    references,
                    reconstruction,
                    ..job(units)
                };
                checked(&job, &able).is_ok()
            };
            const AT: u64 = 0x1_0000;
            assert!(asked(&[AT, AT + 1], None));
            assert!(asked(&[AT, AT + 2 * SIZE], Some(AT + SIZE)));
            assert!(!asked(&[AT, AT + 2 * SIZE], Some(AT + SIZE + 1)));
            assert!(!asked(&[AT + 2 * SIZE, AT], Some(AT + SIZE - 1)));
            assert!(!asked(&[AT, AT], None));
            assert!(!asked(&[0, AT], None));
            assert!(!asked(&[AT, 2 * AT], Some(0)));
            assert!(refused(PictureJob {
                output: Output {
                    address: 0,
                    size: 1
                },
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
            let mut nowhere = SOURCE;
            nowhere.planes[1].address = 0;
            assert!(refused(nowhere));
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
                let picture = Picture {
                    deblocking: Deblocking::default(),
                    ..PICTURE
                };
                let job = PictureJob {
                    picture: &picture,
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
