// SPDX-License-Identifier: GPL-2.0

//! The reconstruction equals what ffmpeg decodes, over sizes, QPs, slices and settings.

mod support;

use slenc_engine::{Deblocking, EntropyCoding, SourceFormat};
use support::{assert_all_decode, assert_decodes, code, moving, shown, Settings};

fn check(settings: &Settings, count: usize) {
    let pictures = moving(settings, count);
    assert_decodes(settings, &code(settings, &pictures));
}

/// Checks streams of one size.
fn check_all(settings: &[Settings], count: usize) {
    let coded: Vec<_> = settings
        .iter()
        .map(|settings| code(settings, &moving(settings, count)))
        .collect();
    let streams: Vec<_> = settings.iter().zip(&coded).collect();
    assert_all_decode(&streams);
}

#[test]
fn every_qp() {
    let settings: Vec<_> = (0..=51).map(|qp| Settings::new(80, 64, qp)).collect();
    check_all(&settings, 3);
}

fn cabac(init_idc: u8) -> EntropyCoding {
    EntropyCoding::Cabac { init_idc }
}

#[test]
fn every_qp_with_cabac() {
    let settings: Vec<_> = (0..=51)
        .map(|qp| Settings {
            entropy_coding: cabac(qp % 3),
            references: 1 + usize::from(qp % 4),
            ..Settings::new(80, 64, qp)
        })
        .collect();
    check_all(&settings, 4);
}

#[test]
fn slices_with_cabac() {
    let mut settings = Vec::new();
    for slices in [1, 2, 5, 9] {
        for init_idc in 0..3 {
            settings.push(Settings {
                slices,
                entropy_coding: cabac(init_idc),
                gop: 4,
                forced_intra: vec![5..7, 20..33],
                all_skip: vec![2],
                ..Settings::new(80, 144, 29)
            });
        }
    }
    check_all(&settings, 6);
}

#[test]
fn cabac_takes_fewer_bits() {
    let settings = Settings::new(208, 160, 30);
    let pictures = moving(&settings, 4);
    let cavlc = code(&settings, &pictures);
    let settings = Settings {
        entropy_coding: cabac(0),
        ..settings
    };
    let coded = code(&settings, &pictures);
    assert_decodes(&settings, &coded);
    // Decisions are the same.
    assert_eq!(coded.recons, cavlc.recons);
    assert!(100 * coded.bytes.len() < 93 * cavlc.bytes.len());
}

#[test]
fn every_qp_with_8x8_transforms() {
    for entropy_coding in [EntropyCoding::Cavlc, cabac(1)] {
        let settings: Vec<_> = (0..=51)
            .map(|qp| Settings {
                entropy_coding,
                transform_8x8: true,
                ..Settings::new(80, 64, qp)
            })
            .collect();
        check_all(&settings, 4);
    }
}

#[test]
fn slices_and_deblocking_with_8x8_transforms() {
    let mut settings = Vec::new();
    for slices in [1, 3, 9] {
        for disable_idc in 0..=2 {
            for entropy_coding in [EntropyCoding::Cavlc, cabac(2)] {
                settings.push(Settings {
                    slices,
                    entropy_coding,
                    transform_8x8: true,
                    references: 2,
                    forced_intra: vec![0..9, 30..31],
                    deblocking: Deblocking {
                        disable_idc,
                        alpha_c0_offset_div2: 3,
                        beta_offset_div2: 2,
                    },
                    ..Settings::new(80, 144, 31)
                });
            }
        }
    }
    check_all(&settings, 3);
}

#[test]
fn second_chroma_qp_offsets() {
    let mut settings = Vec::new();
    for (first, second) in [(0, 12), (-12, 3), (5, -5), (2, 2)] {
        for qp in [3, 22, 35, 51] {
            settings.push(Settings {
                chroma_qp_index_offset: first,
                second_chroma_qp_index_offset: Some(second),
                transform_8x8: qp % 2 == 0,
                slices: 2,
                ..Settings::new(64, 48, qp)
            });
        }
    }
    check_all(&settings, 3);
}

#[test]
fn headers_from_fields_are_those_of_bits() {
    for entropy_coding in [EntropyCoding::Cavlc, cabac(2)] {
        let settings = Settings {
            entropy_coding,
            slices: 3,
            references: 3,
            gop: 5,
            ..Settings::new(96, 80, 30)
        };
        let pictures = moving(&settings, 7);
        let bits = code(&settings, &pictures);
        let settings = Settings {
            fields: true,
            ..settings
        };
        let fields = code(&settings, &pictures);
        assert!(bits.bytes == fields.bytes && bits.stats == fields.stats);
    }
}

#[test]
fn qp_offsets() {
    let mut settings = Vec::new();
    for entropy_coding in [EntropyCoding::Cavlc, cabac(0)] {
        for offsets in [vec![9, -7, 0, 0, 3], vec![-128, 127], vec![-1], vec![0]] {
            for slices in [1, 3] {
                settings.push(Settings {
                    qp_offsets: offsets.clone(),
                    entropy_coding,
                    slices,
                    transform_8x8: slices == 1,
                    forced_intra: vec![17..20, 30..31],
                    all_skip: vec![3],
                    ..Settings::new(112, 96, 30)
                });
            }
        }
    }
    check_all(&settings, 5);
    // Nothing changes the QP, and only how it is coded may be different.
    let plain = Settings::new(112, 96, 30);
    let pictures = moving(&plain, 3);
    let none = code(&plain, &pictures);
    let zero = Settings {
        qp_offsets: vec![0],
        ..plain
    };
    let zero = code(&zero, &pictures);
    assert!(none.bytes == zero.bytes && none.stats == zero.stats);
}

#[test]
fn qp_offsets_move_bits() {
    let mut settings = Settings::new(160, 96, 32);
    let pictures = moving(&settings, 2);
    let plain = code(&settings, &pictures);
    settings.qp_offsets = vec![-6];
    let finer = code(&settings, &pictures);
    assert!(finer.bytes.len() > plain.bytes.len());
    let stats = &finer.stats[0];
    assert_eq!((stats.qp_min, stats.qp_max), (26, 26));
    assert_eq!(stats.qp_sum, 60 * 26);
}

#[test]
fn squared_differences() {
    let settings = Settings {
        measure_sse: true,
        threads: 2,
        ..Settings::new(338, 274, 34)
    };
    let pictures = moving(&settings, 2);
    let coded = code(&settings, &pictures);
    for ((source, recon), stats) in pictures.iter().zip(&coded.recons).zip(&coded.stats) {
        let luma = settings.width * settings.height;
        let recon = shown(&settings, recon);
        let error = |a: &[u8], b: &[u8]| -> u64 {
            let pairs = a.iter().zip(b);
            pairs.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum()
        };
        let plane = |first: usize| -> Vec<u8> {
            source[luma..]
                .iter()
                .skip(first)
                .step_by(2)
                .copied()
                .collect()
        };
        let (cb, cr) = recon[luma..].split_at(luma / 4);
        let want = [
            error(&source[..luma], &recon[..luma]),
            error(&plane(0), cb),
            error(&plane(1), cr),
        ];
        assert_eq!(stats.sse, Some(want));
    }
    let settings = Settings {
        measure_sse: false,
        ..settings
    };
    let plain = code(&settings, &pictures);
    assert!(plain.bytes == coded.bytes && plain.stats[0].sse.is_none());
}

#[test]
fn largest_size() {
    check(
        &Settings {
            entropy_coding: cabac(0),
            transform_8x8: true,
            references: 2,
            threads: 2,
            ..Settings::new(4096, 2304, 38)
        },
        2,
    );
}

#[test]
fn sizes() {
    for (width, height) in [
        (16, 16),
        (48, 16),
        (16, 80),
        (34, 50),
        (2, 2),
        (176, 144),
        (208, 112),
        (338, 274),
    ] {
        check(&Settings::new(width, height, 28), 4);
    }
}

#[test]
fn full_hd() {
    check(
        &Settings {
            slices: 4,
            ..Settings::new(1920, 1080, 30)
        },
        2,
    );
}

#[test]
fn slices_and_deblocking() {
    let mut settings = Vec::new();
    for slices in [1, 2, 3, 9] {
        for disable_idc in 0..=2 {
            for (alpha, beta) in [(0, 0), (-6, 6), (6, -6), (6, 6), (-2, 1)] {
                let deblocking = Deblocking {
                    disable_idc,
                    alpha_c0_offset_div2: alpha,
                    beta_offset_div2: beta,
                };
                settings.push(Settings {
                    slices,
                    deblocking,
                    ..Settings::new(80, 144, 33)
                });
            }
        }
    }
    check_all(&settings, 2);
}

#[test]
fn chroma_qp_offsets() {
    let mut settings = Vec::new();
    for chroma_qp_index_offset in [-12, -5, 1, 12] {
        for qp in [0, 20, 35, 51] {
            settings.push(Settings {
                chroma_qp_index_offset,
                ..Settings::new(64, 48, qp)
            });
        }
    }
    check_all(&settings, 2);
}

#[test]
fn source_formats() {
    use SourceFormat::{Nv12, Uyvy, Yuyv, I420};
    let settings = [Nv12, I420, Yuyv, Uyvy].map(|format| Settings {
        format,
        ..Settings::new(90, 70, 24)
    });
    check_all(&settings, 3);
}

#[test]
fn groups_of_pictures() {
    let settings = [1, 2, 5].map(|gop| Settings {
        gop,
        ..Settings::new(96, 64, 30)
    });
    check_all(&settings, 7);
}

#[test]
fn references() {
    let mut settings = Vec::new();
    for references in 1..=4 {
        for qp in [8, 24, 34, 45] {
            settings.push(Settings {
                references,
                slices: 2,
                ..Settings::new(112, 96, qp)
            });
        }
    }
    check_all(&settings, 7);
}

#[test]
fn several_references_are_used() {
    // Every other picture is the same: the second reference is the better one.
    let mut settings = Settings::new(96, 64, 30);
    let moving = moving(&settings, 2);
    let pictures: Vec<_> = (0..6).map(|i| moving[i % 2].clone()).collect();
    let one = code(&settings, &pictures);
    settings.references = 2;
    let two = code(&settings, &pictures);
    assert_decodes(&settings, &two);
    assert!(4 * two.bytes.len() < 3 * one.bytes.len());
}

#[test]
fn forced_intra_macroblocks_are_intra() {
    let settings = Settings {
        forced_intra: vec![0..3, 10..11, 40..54],
        ..Settings::new(144, 96, 36)
    };
    let pictures = vec![moving(&settings, 1).remove(0); 3];
    let coded = code(&settings, &pictures);
    assert_decodes(&settings, &coded);
    assert!(coded.stats[1..].iter().all(|stats| stats.intra_mbs >= 18));
}

#[test]
fn all_skip_pictures_repeat_the_reference() {
    let settings = Settings {
        all_skip: vec![1, 3],
        slices: 2,
        ..Settings::new(176, 144, 30)
    };
    let pictures = moving(&settings, 5);
    let coded = code(&settings, &pictures);
    assert_decodes(&settings, &coded);
    assert_eq!(coded.recons[0], coded.recons[1]);
    assert_eq!(coded.stats[1].skip_mbs, 99);
    assert!(coded.stats[1].bytes < 24);
}
