// SPDX-License-Identifier: GPL-2.0

//! The reconstruction equals what ffmpeg decodes, over sizes, QPs, slices and settings.

mod support;

use slenc_engine::{Deblocking, SourceFormat};
use support::{assert_decodes, code, moving, Settings};

fn check(settings: &Settings, count: usize) {
    let pictures = moving(settings, count);
    assert_decodes(settings, &code(settings, &pictures));
}

#[test]
fn intra_at_every_qp() {
    for qp in 0..=51 {
        check(&Settings::new(64, 48, qp), 1);
    }
}

#[test]
fn inter_at_every_qp() {
    for qp in 0..=51 {
        check(&Settings::new(64, 48, qp), 3);
    }
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
    for slices in [1, 2, 3, 9] {
        for disable_idc in 0..=2 {
            for (alpha, beta) in [(0, 0), (-6, 6), (6, -6), (6, 6), (-2, 1)] {
                let deblocking = Deblocking {
                    disable_idc,
                    alpha_c0_offset_div2: alpha,
                    beta_offset_div2: beta,
                };
                check(
                    &Settings {
                        slices,
                        deblocking,
                        ..Settings::new(80, 144, 33)
                    },
                    2,
                );
            }
        }
    }
}

#[test]
fn chroma_qp_offsets() {
    for offset in [-12, -5, 1, 12] {
        for qp in [0, 20, 35, 51] {
            check(
                &Settings {
                    chroma_qp_index_offset: offset,
                    ..Settings::new(64, 48, qp)
                },
                2,
            );
        }
    }
}

#[test]
fn source_formats() {
    for format in [
        SourceFormat::Nv12,
        SourceFormat::I420,
        SourceFormat::Yuyv,
        SourceFormat::Uyvy,
    ] {
        check(
            &Settings {
                format,
                ..Settings::new(90, 70, 24)
            },
            3,
        );
    }
}

#[test]
fn groups_of_pictures() {
    for gop in [1, 2, 5] {
        check(
            &Settings {
                gop,
                ..Settings::new(96, 64, 30)
            },
            7,
        );
    }
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
