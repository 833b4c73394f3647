// SPDX-License-Identifier: GPL-2.0

//! Rate control within pictures: streams decode to their reconstruction, QP goes where the bits want
//! it, and the hard maximum holds whatever the content. That of each picture is checked where
//! streams are coded.

mod support;

use slenc_engine::{Checkpoint, Correction, EntropyCoding, InFrame, Stats};
use support::{assert_all_decode, assert_decodes, code, moving, Random, Settings};

const ROWS: InFrame<'_> = InFrame {
    correction: Correction::Rows,
    checkpoints: &[],
    target_bits: 0,
    qp_min: 0,
    qp_max: 51,
    max_step: 4,
    gain: 256,
    max_bits: 0,
    hard_max: false,
};

const CODINGS: [EntropyCoding; 2] = [EntropyCoding::Cavlc, EntropyCoding::Cabac { init_idc: 0 }];

fn settings(entropy_coding: EntropyCoding, qp: u8, control: InFrame<'static>) -> Settings {
    Settings {
        entropy_coding,
        in_frame: Some(control),
        ..Settings::new(176, 144, qp)
    }
}

fn data_bits(stats: &Stats) -> u32 {
    stats.slice_data_bits + 8 * stats.emulation_bytes
}

/// What is hard on a maximum: nothing, noise, text on paper that is scrolled and repainted, the ends of
/// the range, and a change from one to the other.
fn hard_content(settings: &Settings) -> Vec<Vec<Vec<u8>>> {
    let mut random = Random(11);
    let (width, height) = (settings.width, settings.height);
    let size = settings.source_size();
    let gray = vec![128; size];
    let mut noise = || -> Vec<u8> { (0..size).map(|_| random.next() as u8).collect() };
    let (first, second) = (noise(), noise());
    let glyphs: Vec<bool> = first.iter().map(|&byte| byte > 100).collect();
    let page = |scroll: usize, number: usize| -> Vec<u8> {
        let mut page = vec![235; width * height];
        page.resize(size, 128);
        for y in 0..height {
            let line = (y + scroll) / 10;
            for x in 0..width {
                let letter = (line * 31 + x / 7 * 17 + number * 101) % 64;
                let dot = letter * 49 + (y + scroll) % 10 / 2 * 7 + x % 7;
                if (y + scroll) % 10 < 8 && x % 7 < 6 && glyphs[dot] {
                    page[y * width + x] = 16;
                }
            }
        }
        page
    };
    let extremes = first.iter().map(|&byte| if byte > 127 { 255 } else { 0 });
    let extremes: Vec<u8> = extremes.collect();
    vec![
        vec![gray.clone(); 3],
        vec![first.clone(), second, first.clone()],
        vec![page(0, 0), page(3, 0), page(0, 1)],
        vec![extremes.clone(), gray.clone(), extremes],
        vec![gray, first, page(0, 0)],
    ]
}

#[test]
fn the_hard_maximum_holds() {
    let mut streams = Vec::new();
    for coding in CODINGS {
        for slices in [1, 4] {
            for max_bits in [0, 900, 3000, 20_000, 100_000] {
                for (qp, qp_max) in [(0, 0), (0, 51), (30, 40)] {
                    let control = InFrame {
                        max_bits,
                        qp_max,
                        hard_max: true,
                        ..ROWS
                    };
                    let settings = Settings {
                        slices,
                        ..settings(coding, qp, control)
                    };
                    for pictures in hard_content(&settings) {
                        let coded = code(&settings, &pictures);
                        if slices == 4 && qp_max != 51 {
                            streams.push((settings.clone(), coded));
                        }
                    }
                }
            }
        }
    }
    let streams: Vec<_> = streams.iter().map(|(a, b)| (a, b)).collect();
    assert_all_decode(&streams);
}

/// Below the floor hardly anything is coded, and that is close to what the manual says it is.
#[test]
fn the_floor_is_small() {
    for (coding, i_limit, p_limit) in [
        (CODINGS[0], 99 * 8 + 32, 64),
        (CODINGS[1], 99 / 2 + 800, 400),
    ] {
        let control = InFrame {
            max_bits: 1,
            hard_max: true,
            ..ROWS
        };
        let settings = settings(coding, 20, control);
        let mut pictures = hard_content(&settings).remove(1);
        pictures.truncate(2);
        let coded = code(&settings, &pictures);
        assert_decodes(&settings, &coded);
        for (stats, limit) in coded.stats.iter().zip([i_limit, p_limit]) {
            assert!(stats.in_frame.max_raised);
            assert!(stats.in_frame.max_bits <= limit, "{stats:?}");
            assert_eq!(stats.in_frame.forced_skips, 99);
        }
        assert_eq!(coded.stats[0].intra_mbs, 99);
        assert_eq!(coded.stats[1].skip_mbs, 99);
        // Blocks without residual and without neighbours are gray.
        assert!(coded.recons[0].iter().all(|&sample| sample == 128));
        assert!(coded.recons[1] == coded.recons[0]);
    }
}

#[test]
fn a_large_maximum_changes_nothing() {
    for coding in CODINGS {
        let control = InFrame {
            max_bits: 1 << 30,
            hard_max: true,
            ..ROWS
        };
        let limited = settings(coding, 28, control);
        let pictures = moving(&limited, 3);
        let free = Settings {
            in_frame: None,
            ..limited.clone()
        };
        assert!(code(&limited, &pictures).bytes == code(&free, &pictures).bytes);
    }
}

/// Most of the room is used: what is coded comes close to the maximum.
#[test]
fn the_maximum_is_made_use_of() {
    for coding in CODINGS {
        let control = InFrame {
            max_bits: 60_000,
            hard_max: true,
            ..ROWS
        };
        let settings = settings(coding, 10, control);
        let coded = code(&settings, &hard_content(&settings)[1]);
        for stats in &coded.stats {
            assert!(data_bits(stats) > 50_000, "{stats:?}");
        }
    }
}

#[test]
fn rows_keep_to_the_target() {
    for coding in CODINGS {
        let plain = Settings {
            in_frame: None,
            ..settings(coding, 24, ROWS)
        };
        let pictures = moving(&plain, 4);
        let free = code(&plain, &pictures);
        for picture in 1..4 {
            for percent in [60, 140] {
                let bits = free.stats[picture].slice_data_bits;
                let control = InFrame {
                    target_bits: bits * percent / 100,
                    ..ROWS
                };
                let settings = settings(coding, 24, control);
                let coded = code(&settings, &pictures);
                assert_decodes(&settings, &coded);
                let got = coded.stats[picture].slice_data_bits;
                let error = f64::from(got) / f64::from(control.target_bits) - 1.0;
                assert!(error.abs() < 0.2, "{picture} {percent}: {error}");
            }
        }
    }
}

#[test]
fn checkpoints_tell_their_bits_and_move_qp() {
    let points = vec![
        Checkpoint { row: 3, bits: 3000 },
        Checkpoint { row: 6, bits: 6000 },
    ];
    for coding in CODINGS {
        let control = InFrame {
            correction: Correction::Checkpoints,
            target_bits: 9000,
            max_step: 2,
            qp_max: 27,
            ..ROWS
        };
        let settings = Settings {
            checkpoints: points.clone(),
            ..settings(coding, 24, control)
        };
        let coded = code(&settings, &hard_content(&settings)[1][..1]);
        assert_decodes(&settings, &coded);
        let stats = &coded.stats[0];
        let bits = stats.in_frame.checkpoint_bits;
        assert!(bits[0] > 9000 && bits[1] > bits[0] && stats.slice_data_bits > bits[1]);
        assert!(bits[2..].iter().all(|&bits| bits == 0));
        // Three rows with 24, three with 26 and the last three with 27.
        assert_eq!((stats.qp_min, stats.qp_max), (24, 27));
        assert_eq!(stats.qp_sum, 33 * (24 + 26 + 27));
    }
}

#[test]
fn qp_without_residual_is_that_before() {
    // A P picture of noise between skipped macroblocks, with QPs that rise from row to row: those of
    // skipped macroblocks lag behind.
    for coding in CODINGS {
        let control = InFrame {
            target_bits: 20_000,
            max_step: 3,
            ..ROWS
        };
        let settings = settings(coding, 20, control);
        let mut random = Random(3);
        let still = vec![100; settings.source_size()];
        let mut next = still.clone();
        for (i, sample) in next[..176 * 144].iter_mut().enumerate() {
            if (i / 16) % 3 == 0 && i / 176 % 32 < 16 {
                *sample = random.next() as u8;
            }
        }
        let coded = code(&settings, &[still, next]);
        assert_decodes(&settings, &coded);
        let stats = &coded.stats[1];
        assert!(
            stats.qp_max > stats.qp_min + 6 && stats.skip_mbs > 20,
            "{stats:?}"
        );
    }
}

#[test]
fn output_does_not_depend_on_threads() {
    for coding in CODINGS {
        let control = InFrame {
            target_bits: 60_000,
            max_bits: 70_000,
            hard_max: true,
            ..ROWS
        };
        let one = Settings {
            slices: 3,
            in_frame: Some(control),
            entropy_coding: coding,
            ..Settings::new(352, 288, 20)
        };
        let pictures = moving(&one, 3);
        let coded = code(&one, &pictures);
        assert_decodes(&one, &coded);
        let many = code(&Settings { threads: 4, ..one }, &pictures);
        assert!(coded.bytes == many.bytes && coded.recons == many.recons);
        assert_eq!(coded.stats, many.stats);
    }
}
