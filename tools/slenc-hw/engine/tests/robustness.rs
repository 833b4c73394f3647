// SPDX-License-Identifier: GPL-2.0

//! Whatever the content and the parameters: streams decode to the reconstruction, output does not
//! depend on threads and instructions, and arguments that contradict each other are refused.

mod support;

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use slenc_engine::{
    Checkpoint, Correction, Deblocking, Encoder, EntropyCoding, Error, InFrame, ListModification,
    Marking, Picture, PictureType, SliceHeader, Source, SourceFormat, Stats, Unit, MAX_CHECKPOINTS,
    MAX_REFERENCES,
};
use support::{assert_decodes, code, Random, Settings};

/// Kinds of content, each hard on something else.
#[derive(Clone, Copy, Debug)]
enum Content {
    Noise,
    Extremes,
    Checkers,
    Flat,
    Drift,
}

fn pictures(settings: &Settings, content: Content, seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut random = Random(seed | 1);
    let still: Vec<u8> = (0..settings.source_size())
        .map(|_| random.next() as u8)
        .collect();
    let size = settings.source_size();
    (0..count)
        .map(|t| match content {
            Content::Noise => (0..size).map(|_| random.next() as u8).collect(),
            Content::Extremes => (0..size).map(|_| 255 * random.below(2) as u8).collect(),
            Content::Checkers => (0..size)
                .map(|i| {
                    if (i + i / settings.width + t) % 2 == 0 {
                        0
                    } else {
                        255
                    }
                })
                .collect(),
            Content::Flat => vec![(seed >> 8) as u8 ^ (80 * t) as u8; size],
            Content::Drift => (0..size)
                .map(|i| still[(i + 5 * t) % size] / 4 + random.below(3) as u8 * 20)
                .collect(),
        })
        .collect()
}

/// What only High has.
fn any_high() -> impl Strategy<Value = (bool, Option<i8>)> {
    (any::<bool>(), proptest::option::of(-12..=12i8))
}

/// Rate control within pictures, with sizes from nothing to more than such pictures can have, and
/// checkpoints as shares of the target and the height.
fn any_in_frame() -> impl Strategy<Value = (Option<InFrame<'static>>, Vec<(u32, u32)>)> {
    let size = || (0..22u32, 0..1000u32).prop_map(|(log, part)| ((1u32 << log) - 1) * part / 1000);
    let control = (
        any::<bool>(),
        size(),
        (0..52u8, 0..52u8, 1..52u8, 0..=256u16),
        size(),
        any::<bool>(),
    );
    let control = control.prop_map(|(rows, target_bits, qps, max_bits, hard_max)| {
        let (qp_min, qp_max, max_step, gain) = qps;
        InFrame {
            correction: match rows {
                true => Correction::Rows,
                false => Correction::Checkpoints,
            },
            checkpoints: &[],
            target_bits,
            qp_min,
            qp_max,
            max_step,
            gain,
            max_bits,
            hard_max,
        }
    });
    let points = proptest::collection::vec((0..100u32, 0..100u32), 0..MAX_CHECKPOINTS);
    (proptest::option::of(control), points)
}

/// Checkpoints of a picture from shares of its target and its rows.
fn checkpoints(control: &InFrame<'_>, shares: &[(u32, u32)], rows: u32) -> Vec<Checkpoint> {
    let (mut at, mut bits): (Vec<u32>, Vec<u32>) = shares
        .iter()
        .map(|(row, share)| (row * rows / 100, control.target_bits / 100 * share))
        .unzip();
    at.sort_unstable();
    at.dedup();
    at.retain(|&row| row > 0);
    bits.sort_unstable();
    let points = at.into_iter().zip(bits);
    points.map(|(row, bits)| Checkpoint { row, bits }).collect()
}

fn any_settings() -> impl Strategy<Value = (Settings, Content, u64)> {
    use SourceFormat::{Nv12, Uyvy, Yuyv, I420};
    let deblocking = (0..3u8, -6..=6i8, -6..=6i8);
    let format = prop_oneof![Just(Nv12), Just(I420), Just(Yuyv), Just(Uyvy)];
    let entropy_coding = prop_oneof![
        Just(EntropyCoding::Cavlc),
        (0..3u8).prop_map(|init_idc| EntropyCoding::Cabac { init_idc }),
    ];
    let content = prop_oneof![
        Just(Content::Noise),
        Just(Content::Extremes),
        Just(Content::Checkers),
        Just(Content::Flat),
        Just(Content::Drift),
    ];
    (
        (
            1..60usize,
            1..40usize,
            0..52u8,
            0..52u8,
            -12..=12i8,
            any_high(),
        ),
        proptest::collection::vec(-60..60i8, 0..5),
        (deblocking, 1..5usize, 0..4usize, format, 1..=MAX_REFERENCES),
        (content, any::<u64>(), 0..4usize, entropy_coding),
        any_in_frame(),
    )
        .prop_map(|(size, qp_offsets, coding, content, in_frame)| {
            let (in_frame, shares) = in_frame;
            let (width, height, i_qp, p_qp, chroma_qp_index_offset, high) = size;
            let (transform_8x8, second_chroma_qp_index_offset) = high;
            let ((disable_idc, alpha, beta), slices, gop, format, references) = coding;
            let (kind, seed, skipped, entropy_coding) = content;
            let base = Settings::new(2 * width, 2 * height, 0);
            let mbs = (base.width_mbs() * base.height_mbs()) as u32;
            let forced = (seed % u64::from(mbs)) as u32;
            let settings = Settings {
                format,
                qp: [i_qp, p_qp],
                chroma_qp_index_offset,
                second_chroma_qp_index_offset,
                transform_8x8,
                deblocking: Deblocking {
                    disable_idc,
                    alpha_c0_offset_div2: alpha,
                    beta_offset_div2: beta,
                },
                slices,
                gop,
                qp_offsets,
                in_frame,
                checkpoints: in_frame.map_or_else(Vec::new, |control| {
                    checkpoints(&control, &shares, base.height_mbs() as u32)
                }),
                fields: seed % 2 == 0,
                measure_sse: seed % 5 == 0,
                entropy_coding,
                references,
                forced_intra: (seed % 3 == 0).then_some(forced..mbs).into_iter().collect(),
                all_skip: (gop == 0 && skipped > 1)
                    .then_some(skipped)
                    .into_iter()
                    .collect(),
                ..base
            };
            (settings, kind, seed)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn any_picture_decodes_to_its_reconstruction((settings, content, seed) in any_settings()) {
        let pictures = pictures(&settings, content, seed, 4);
        let coded = code(&settings, &pictures);
        assert_decodes(&settings, &coded);
    }

    #[test]
    fn output_depends_on_neither_threads_nor_instructions(
        (settings, content, seed) in any_settings(),
    ) {
        let pictures = pictures(&settings, content, seed, 3);
        let coded = code(&settings, &pictures);
        let portable = Settings { portable: true, ..settings };
        let other = code(&portable, &pictures);
        prop_assert!(coded.bytes == other.bytes);
        prop_assert!(coded.recons == other.recons);
        prop_assert_eq!(coded.stats, other.stats);
    }
}

#[test]
fn threads_give_the_same_output() {
    let cavlc = Settings {
        slices: 3,
        ..Settings::new(352, 288, 27)
    };
    let cabac = Settings {
        entropy_coding: EntropyCoding::Cabac { init_idc: 1 },
        references: 3,
        ..cavlc.clone()
    };
    let mut pictures = support::moving(&cavlc, 4);
    // Noise makes I_PCM of macroblocks at a low QP.
    let mut random = Random(5);
    for line in pictures[2].chunks_exact_mut(352).skip(90).take(60) {
        line[100..200].fill_with(|| random.next() as u8);
    }
    let with_pcm = Settings {
        qp: [20, 0],
        ..cabac.clone()
    };
    for settings in [cavlc, cabac, with_pcm] {
        let one = code(&settings, &pictures);
        assert_eq!(settings.qp[1] == 0, one.stats[2].pcm_mbs > 0);
        for threads in [2, 3, 5] {
            let settings = Settings {
                threads,
                ..settings.clone()
            };
            let many = code(&settings, &pictures);
            assert!(one.bytes == many.bytes && one.recons == many.recons);
            assert_eq!(one.stats, many.stats);
        }
    }
}

#[test]
fn noise_at_low_qp_becomes_pcm_within_limits() {
    for entropy_coding in [EntropyCoding::Cavlc, EntropyCoding::Cabac { init_idc: 0 }] {
        let settings = Settings {
            entropy_coding,
            ..Settings::new(64, 64, 0)
        };
        let coded = code(&settings, &pictures(&settings, Content::Extremes, 3, 2));
        assert_decodes(&settings, &coded);
        for stats in &coded.stats {
            assert!(stats.pcm_mbs > 0);
            assert!(stats.slice_data_bits <= 16 * 3200 + 32 * 16);
        }
    }
}

const LUMA: [u8; 1024] = [100; 1024];
const CHROMA: [u8; 512] = [128; 512];
const HEADER: [u8; 2] = [0x65, 0x80];

/// A valid picture of 32x32.
fn picture<'a>(units: &'a [Unit<'a>]) -> Picture<'a> {
    Picture {
        width_mbs: 2,
        height_mbs: 2,
        source: Some(Source {
            format: SourceFormat::Nv12,
            width: 32,
            height: 32,
            planes: [&LUMA, &CHROMA, &[]],
            strides: [32, 32, 0],
        }),
        picture_type: PictureType::I,
        qp: 26,
        units,
        ..Picture::default()
    }
}

fn slice(first: usize, count: usize) -> Unit<'static> {
    Unit {
        start_code: 4,
        bits: &HEADER,
        bit_length: 9,
        rows: Some((first, count)),
        ..Unit::default()
    }
}

fn encode(picture: &Picture<'_>, references: &[&[u8]]) -> Result<Stats, Error> {
    let (mut recon, mut output) = ([0; 4 * 384], [0; 4096]);
    Encoder::new(1).encode(picture, references, &mut recon, &mut output, &mut [0; 4])
}

/// A header of an I picture that is no IDR picture.
const GOOD_HEADER: SliceHeader<'static> = SliceHeader {
    nal_ref_idc: 1,
    idr_pic_id: None,
    pic_parameter_set_id: 255,
    frame_num: 15,
    frame_num_bits: 4,
    pic_order_cnt_lsb: u16::MAX,
    pic_order_cnt_lsb_bits: 16,
    delta_pic_order_cnt_bottom: Some(-((1 << 30) - 1)),
    num_ref_idx_default: 32,
    list_modifications: &[],
    no_output_of_prior_pics: true,
    long_term_reference: true,
    marking: &[Marking::UnusedAll; 32],
    pic_init_qp: 51,
    deblocking_control_present: false,
};

/// That header with one thing wrong.
fn bad_headers() -> Vec<SliceHeader<'static>> {
    let good = GOOD_HEADER;
    vec![
        SliceHeader {
            nal_ref_idc: 4,
            ..good
        },
        SliceHeader {
            nal_ref_idc: 0,
            ..good
        },
        SliceHeader {
            idr_pic_id: Some(0),
            frame_num: 0,
            ..good
        },
        SliceHeader {
            idr_pic_id: Some(0),
            marking: &[],
            ..good
        },
        SliceHeader {
            frame_num: 16,
            ..good
        },
        SliceHeader {
            frame_num_bits: 3,
            frame_num: 0,
            ..good
        },
        SliceHeader {
            frame_num_bits: 17,
            ..good
        },
        SliceHeader {
            pic_order_cnt_lsb_bits: 15,
            ..good
        },
        SliceHeader {
            pic_order_cnt_lsb_bits: 17,
            ..good
        },
        SliceHeader {
            pic_order_cnt_lsb_bits: 0,
            pic_order_cnt_lsb: 0,
            ..good
        },
        SliceHeader {
            delta_pic_order_cnt_bottom: Some(i32::MIN),
            ..good
        },
        SliceHeader {
            num_ref_idx_default: 0,
            ..good
        },
        SliceHeader {
            num_ref_idx_default: 33,
            ..good
        },
        SliceHeader {
            list_modifications: &[ListModification::Add(0)],
            ..good
        },
        SliceHeader {
            marking: &[Marking::UnusedAll; 33],
            ..good
        },
        SliceHeader {
            marking: &[Marking::CurrentLongTerm {
                long_term_frame_idx: 65536,
            }],
            ..good
        },
        SliceHeader {
            pic_init_qp: 52,
            ..good
        },
    ]
}

#[test]
fn good_headers_are_written() {
    let units = [Unit {
        start_code: 4,
        rows: Some((0, 2)),
        header: Some(&GOOD_HEADER),
        ..Unit::default()
    }];
    assert!(encode(&picture(&units), &[]).is_ok());
}

#[test]
fn contradictory_arguments_are_refused() {
    let units = [slice(0, 2)];
    let good = picture(&units);
    assert!(encode(&good, &[]).is_ok());
    let reference = [0; 4 * 384];

    let mut bad: Vec<Picture<'_>> = Vec::new();
    let mut add = |change: &dyn Fn(&mut Picture<'static>)| {
        let mut picture = picture(&[]);
        let leaked: &'static [Unit<'static>] = Box::leak(Box::new([slice(0, 2)]));
        picture.units = leaked;
        change(&mut picture);
        bad.push(picture);
    };
    add(&|p| p.width_mbs = 0);
    add(&|p| p.height_mbs = usize::MAX);
    add(&|p| p.width_mbs = 1);
    add(&|p| p.height_mbs = 3);
    add(&|p| p.qp = 52);
    add(&|p| p.chroma_qp_index_offset = -13);
    add(&|p| p.deblocking.disable_idc = 3);
    add(&|p| p.deblocking.alpha_c0_offset_div2 = 7);
    add(&|p| p.deblocking.beta_offset_div2 = -7);
    add(&|p| p.second_chroma_qp_index_offset = Some(13));
    add(&|p| p.qp_offsets = &[0; 3]);
    add(&|p| p.entropy_coding = EntropyCoding::Cabac { init_idc: 3 });
    for header in bad_headers() {
        add(&|p| {
            let unit = Unit {
                start_code: 4,
                rows: Some((0, 2)),
                header: Some(Box::leak(Box::new(header))),
                ..Unit::default()
            };
            p.units = Box::leak(Box::new([unit]));
        });
    }
    add(&|p| {
        let unit = Unit {
            header: Some(&GOOD_HEADER),
            ..slice(0, 2)
        };
        p.units = Box::leak(Box::new([unit]));
    });
    add(&|p| {
        let whole = Unit {
            start_code: 4,
            header: Some(&GOOD_HEADER),
            ..Unit::default()
        };
        p.units = Box::leak(Box::new([whole, slice(0, 2)]));
    });
    let with_control = |change: &dyn Fn(&mut InFrame<'static>)| {
        let mut control = InFrame {
            qp_max: 51,
            max_step: 1,
            target_bits: 9,
            ..InFrame::default()
        };
        change(&mut control);
        Some(control)
    };
    const POINTS: [Checkpoint; 17] = [Checkpoint { row: 1, bits: 9 }; 17];
    for in_frame in [
        with_control(&|c| c.qp_min = 27),
        with_control(&|c| c.qp_max = 25),
        with_control(&|c| c.qp_max = 52),
        with_control(&|c| c.max_step = 0),
        with_control(&|c| c.max_step = 52),
        with_control(&|c| c.gain = 257),
        with_control(&|c| c.checkpoints = &POINTS[..2]),
        with_control(&|c| c.checkpoints = &POINTS),
        with_control(&|c| c.checkpoints = &[Checkpoint { row: 0, bits: 9 }]),
        with_control(&|c| c.checkpoints = &[Checkpoint { row: 2, bits: 9 }]),
        with_control(&|c| c.checkpoints = &[Checkpoint { row: 1, bits: 10 }]),
    ] {
        add(&|p| p.in_frame = in_frame);
    }
    add(&|p| p.source = None);
    add(&|p| p.picture_type = PictureType::P);
    add(&|p| p.forced_intra = Box::leak(Box::new([0..1, 3..5])));
    add(&|p| p.forced_intra = Box::leak(Box::new([std::ops::Range { start: 2, end: 1 }])));
    add(&|p| p.units = &[]);
    add(&|p| p.units = Box::leak(Box::new([slice(0, 1)])));
    add(&|p| p.units = Box::leak(Box::new([slice(1, 1)])));
    add(&|p| p.units = Box::leak(Box::new([slice(0, 0), slice(0, 2)])));
    add(&|p| p.units = Box::leak(Box::new([slice(0, usize::MAX)])));
    add(&|p| p.units = Box::leak(Box::new([slice(0, 3)])));
    add(&|p| p.units = Box::leak(Box::new([slice(0, 1), slice(0, 2)])));
    add(&|p| {
        let unit = Unit {
            start_code: 2,
            ..slice(0, 2)
        };
        p.units = Box::leak(Box::new([unit]));
    });
    add(&|p| {
        let unit = Unit {
            bit_length: 17,
            ..slice(0, 2)
        };
        p.units = Box::leak(Box::new([unit]));
    });
    add(&|p| {
        let whole = Unit {
            rows: None,
            ..slice(0, 2)
        };
        p.units = Box::leak(Box::new([whole, slice(0, 2)]));
    });
    let with_source = |change: &dyn Fn(&mut Source<'static>)| {
        let mut source = Source {
            format: SourceFormat::Nv12,
            width: 32,
            height: 32,
            planes: [&LUMA[..], &CHROMA[..], &[]],
            strides: [32, 32, 0],
        };
        change(&mut source);
        source
    };
    for source in [
        with_source(&|s| s.width = 31),
        with_source(&|s| s.width = 16),
        with_source(&|s| s.height = 34),
        with_source(&|s| s.height = 0),
        with_source(&|s| s.strides[0] = 31),
        with_source(&|s| s.strides[0] = 33),
        with_source(&|s| s.strides[1] = usize::MAX),
        with_source(&|s| s.planes[1] = &CHROMA[1..]),
        with_source(&|s| s.format = SourceFormat::I420),
        with_source(&|s| s.format = SourceFormat::Yuyv),
    ] {
        add(&|p| p.source = Some(source));
    }
    for picture in &bad {
        let result = encode(picture, &[]);
        assert!(matches!(result, Err(Error::Invalid(_))), "{picture:?}");
    }

    let controlled = Picture {
        in_frame: with_control(&|c| c.checkpoints = &POINTS[..1]),
        ..good.clone()
    };
    assert!(encode(&controlled, &[]).is_ok());
    let mut inter = good.clone();
    inter.picture_type = PictureType::P;
    for count in 0..=5 {
        let result = encode(&inter, &vec![&reference[..]; count]);
        let is_good = (1..=MAX_REFERENCES).contains(&count);
        assert_eq!(result.is_ok(), is_good, "{count}: {result:?}");
        assert!(is_good || matches!(result, Err(Error::Invalid(_))));
    }
    let short = encode(&inter, &[&reference, &reference[1..]]);
    assert!(matches!(short, Err(Error::Invalid(_))));
    let (mut recon, mut output) = ([0; 4 * 384], [0; 4096]);
    let mut encoder = Encoder::new(1);
    let result = encoder.encode(&good, &[], &mut recon[1..], &mut output, &mut [0]);
    assert!(matches!(result, Err(Error::Invalid(_))));
    let result = encoder.encode(&good, &[], &mut recon, &mut output, &mut []);
    assert!(matches!(result, Err(Error::Invalid(_))));
}

#[test]
fn a_small_output_is_full_at_every_size() {
    let units = [slice(0, 1), slice(1, 1)];
    let picture = picture(&units);
    let needed = encode(&picture, &[]).expect("it fits").bytes as usize;
    let mut encoder = Encoder::new(1);
    for size in 0..=needed {
        let mut recon = [0; 4 * 384];
        let mut output = vec![0x5a; needed + 16];
        let result = encoder.encode(&picture, &[], &mut recon, &mut output[..size], &mut [0; 2]);
        assert_eq!(result.is_ok(), size == needed);
        assert!(size == needed || result == Err(Error::OutputFull));
        assert!(output[size..].iter().all(|&byte| byte == 0x5a));
    }
}

#[test]
fn an_encode_that_is_stopped_writes_nothing_and_harms_no_later_one() {
    let units = [slice(0, 1), slice(1, 1)];
    let picture = picture(&units);
    for threads in [1, 3] {
        let mut encoder = Encoder::new(threads);
        let mut recon = [0; 4 * 384];
        let mut output = [0x5a; 4096];
        let stop = AtomicBool::new(true);
        let result =
            encoder.encode_unless(&stop, &picture, &[], &mut recon, &mut output, &mut [0; 2]);
        assert_eq!(result, Err(Error::Stopped));
        assert!(output.iter().all(|&byte| byte == 0x5a));
        let again = encoder.encode(&picture, &[], &mut recon, &mut output, &mut [0; 2]);
        assert_eq!(again, encode(&picture, &[]));
    }
}
