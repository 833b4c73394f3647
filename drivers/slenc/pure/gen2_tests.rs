// SPDX-License-Identifier: GPL-2.0

//! Tests of the descriptor of the second generation.

#[cfg_attr(not(test), super::kunit_tests(slenc_gen2))]
mod tests {
    use super::super::{
        few::Few,
        fixture::{
            job, u32_at, u64_at, with_units, IN_FRAME, MEASUREMENT, MEMORY, PICTURE, PPS, SPS,
        },
        gen2::*,
        in_frame::InFrame,
        list::Modification,
        marking::Operation,
        measure::Measurement,
        params::{Invalid, Pps, Sps, SLICE_TYPE_I},
        picture::{Capabilities, MbRange, PictureJob},
        slice::Picture,
        units::{self, Kind, Unit, Units},
    };

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

    #[test]
    fn a_measurement_has_a_source_and_a_reference() {
        let mut d = [0xff; DESCRIPTOR_BYTES];
        assert!(describe_measurement(&MEASUREMENT, &GEN2, &mut d).is_ok());
        assert_eq!((u32_at(&d, 0x00), u32_at(&d, 0x04)), (2, 2));
        assert_eq!(u64_at(&d, 0x08), 0);
        assert_eq!(u32_at(&d, 0x10), (3 << 16) | 4);
        assert_eq!(u32_at(&d, 0x14), (48 << 16) | 50);
        assert!(d[0x18..0x20] == [0, 0, 0, 0, 1, 0, 0, 0][..]);
        assert_eq!((u32_at(&d, 0x20), u32_at(&d, 0x24)), (64, 50));
        assert_eq!(u64_at(&d, 0x28), 0);
        assert_eq!(u64_at(&d, 0x30), 0x2_0000_0001);
        assert_eq!(u64_at(&d, 0x38), 0x2_0000_1001);
        assert_eq!((u64_at(&d, 0x40), u64_at(&d, 0x48)), (0, 0));
        assert_eq!(u64_at(&d, 0x50), 0x3_0000_0000);
        assert!(d[0x58..].iter().all(|&byte| byte == 0));
        let alone = Measurement {
            reference: None,
            ..MEASUREMENT
        };
        assert!(describe_measurement(&alone, &GEN2, &mut d).is_ok());
        assert_eq!(d[0x1c], 0);
        assert!(d[0x50..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn a_measurement_that_cannot_be_leaves_the_descriptor_alone() {
        let none = Measurement {
            reference: Some(0),
            ..MEASUREMENT
        };
        let mut d = [0xff; DESCRIPTOR_BYTES];
        let refused = describe_measurement(&none, &GEN2, &mut d);
        assert_eq!(refused, Err(Invalid("reference_addr")));
        assert!(d.iter().all(|&byte| byte == 0xff));
    }

    fn few<T: Copy, const N: usize>(values: &[T]) -> Few<T, N> {
        let mut few = Few::new();
        for value in values {
            assert!(few.push(*value).is_ok());
        }
        few
    }

    #[test]
    fn in_frame_control_is_somewhere_else() {
        with_units(|units| {
            let control = InFrame {
                hard_max: true,
                ..IN_FRAME
            };
            let controlled = PictureJob {
                in_frame: Some(&control),
                ..job(units)
            };
            let done = described(&controlled, |d, _| {
                assert_eq!(u64_at(d, 0x98), MEMORY.control);
            });
            assert!(done.is_ok());
            let done = described(&job(units), |d, _| assert_eq!(u64_at(d, 0x98), 0));
            assert!(done.is_ok());
        });
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
