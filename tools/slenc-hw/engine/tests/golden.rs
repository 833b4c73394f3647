// SPDX-License-Identifier: GPL-2.0

//! What the first generation writes does not change by itself: hashes of its streams.
//!
//! Streams of Constrained Baseline with one reference belong to the first generation of the
//! hardware. Whatever the engine learns for later ones, these stay as they are, bit for bit.

mod support;

use slenc_engine::{Deblocking, SourceFormat};
use support::{code, Coded, Random, Settings};

/// FNV-1a with 64 bits (RFC 9923) of streams, reconstructions and counts.
fn hash(coded: &Coded) -> u64 {
    let recons = coded.recons.iter().flatten().copied();
    let counts = coded.stats.iter().flat_map(|stats| {
        let counts = [
            stats.nonzero,
            stats.intra_mbs,
            stats.skip_mbs,
            stats.pcm_mbs,
        ];
        let sums = [stats.sad_sum, stats.mad_sum].map(u64::to_le_bytes);
        let counts = counts.map(u32::to_le_bytes);
        counts
            .into_iter()
            .flatten()
            .chain(sums.into_iter().flatten())
    });
    let bytes = coded.bytes.iter().copied().chain(recons).chain(counts);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Moving triangles with some noise, in integers: a sine may differ from one processor to another.
fn pictures(settings: &Settings, count: i32) -> Vec<Vec<u8>> {
    let mut random = Random(0x5851_f42d_4c95_7f2d);
    let triangle = |x: i32| (x.rem_euclid(256) - 128).abs();
    let size = settings.source_size();
    (0..count)
        .map(|t| {
            (0..size)
                .map(|i| {
                    let (x, y) = ((i % settings.width) as i32, (i / settings.width) as i32);
                    let near = triangle(9 * x + 4 * y + 23 * t) + triangle(3 * x - 7 * y + 5 * t);
                    let far = if (x + 3 * t) / 24 % 2 == 0 { 60 } else { 0 };
                    let noise = if y % 64 < 32 { random.below(9) } else { 0 };
                    (near / 2 + far + noise as i32) as u8
                })
                .collect()
        })
        .collect()
}

#[test]
fn streams_of_the_first_generation_stay_as_they_are() {
    let settings = [
        Settings::new(176, 144, 12),
        Settings::new(338, 274, 26),
        Settings {
            qp: [33, 36],
            slices: 3,
            gop: 3,
            format: SourceFormat::Yuyv,
            ..Settings::new(208, 112, 0)
        },
        Settings {
            chroma_qp_index_offset: -4,
            deblocking: Deblocking {
                disable_idc: 2,
                alpha_c0_offset_div2: 2,
                beta_offset_div2: -3,
            },
            slices: 2,
            forced_intra: vec![3..9, 30..31],
            all_skip: vec![2],
            ..Settings::new(128, 98, 41)
        },
        // Some macroblocks are I_PCM.
        Settings::new(96, 80, 0),
    ];
    let hashes = settings.map(|settings| {
        let mut pictures = pictures(&settings, 5);
        if settings.qp == [0, 0] {
            let mut random = Random(11);
            pictures[1].fill_with(|| random.next() as u8);
        }
        hash(&code(&settings, &pictures))
    });
    let expected = [
        0xc3af_d3f6_5c6f_60b7,
        0xfd7a_254d_af1e_10d4,
        0x4a80_7ac2_5b0a_7986,
        0xe685_3662_0c86_45e9,
        0x934c_d726_e4a8_8c99,
    ];
    assert_eq!(hashes, expected, "{hashes:#x?}");
}
