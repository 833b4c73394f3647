// SPDX-License-Identifier: GPL-2.0

//! What holds for any input: compared with plainer models of the same, over random input.

use crate::{bits::Reader, random::Random};
use slenc_pure::slenc::{
    adapt::{adapt_pps, adapt_sps, Abilities, Colour, Stream},
    bits::BitWriter,
    dpb::{Asked, Dpb},
    encode_references::EncodeReferences,
    few::Few,
    gen1::{self, DESCRIPTOR_BYTES},
    hrd::Hrd,
    in_frame::{Checkpoint, InFrame, Limits},
    level::{self, Demand},
    measure::Measurement,
    params::{EncodeParams, Pps, Sps, SLICE_TYPE_I, SLICE_TYPE_P},
    picture::{Capabilities, Expected, MbRange, Output, PictureJob, Plane, Source, SourceFormat},
    result::{self, RESULT_BYTES},
    slice::Picture,
    unit_table::{self, Memory},
    units::{Unit, Units},
};

#[test]
fn what_is_written_is_read_back() {
    let mut random = Random::new(1);
    for _ in 0..2_000 {
        let mut bytes = [0; 256];
        random
            .next()
            .to_le_bytes()
            .iter()
            .enumerate()
            .for_each(|(n, b)| bytes[n] = *b);
        let mut writer = BitWriter::new(&mut bytes);
        let mut values = Vec::new();
        for _ in 0..random.below(20) {
            let kind = random.below(3);
            let count = random.below(33) as u32;
            let value = random.edgy_u32();
            let value = match kind {
                0 => value & 1u64.wrapping_shl(count).wrapping_sub(1) as u32,
                1 => value.min(u32::MAX - 1),
                _ => (value as i32).max(i32::MIN + 1) as u32,
            };
            match kind {
                0 => writer.u(count, value),
                1 => writer.ue(value),
                _ => writer.se(value as i32),
            }
            values.push((kind, count, value));
        }
        let total = writer.finish().unwrap();
        let mut reader = Reader::new(&bytes);
        for (kind, count, value) in values {
            match kind {
                0 => assert_eq!(reader.u(count), u64::from(value)),
                1 => assert_eq!(reader.ue(), u64::from(value)),
                _ => assert_eq!(reader.se(), i64::from(value as i32)),
            }
        }
        assert_eq!(reader.bit, total);
    }
}

fn random_sps(random: &mut Random) -> Sps {
    Sps {
        profile_idc: random.next() as u8,
        constraint_set_flags: random.next() as u8,
        level_idc: random.next() as u8,
        seq_parameter_set_id: random.edgy_u8() % 40,
        chroma_format_idc: random.edgy_u8(),
        log2_max_frame_num_minus4: random.below(14) as u8,
        pic_order_cnt_type: random.below(4) as u8,
        log2_max_pic_order_cnt_lsb_minus4: random.below(14) as u8,
        max_num_ref_frames: random.edgy_u8(),
        num_ref_frames_in_pic_order_cnt_cycle: random.edgy_u8(),
        offset_for_ref_frame: [random.next() as i32; 255],
        offset_for_non_ref_pic: random.next() as i32,
        flags: random.next() as u32,
        ..Sps::DEFAULT
    }
}

#[test]
fn adaptation_ends_at_something_legal_and_stays_there() {
    let mut random = Random::new(2);
    let mut adapted = 0;
    for _ in 0..20_000 {
        let (width_mbs, height_mbs) = (random.below(130) as u16, random.below(80) as u16);
        let stream = Stream {
            width: (width_mbs * 16).wrapping_sub(random.edgy_u8().into()),
            height: (height_mbs * 16).wrapping_sub(random.below(10) as u16 * 2),
            width_mbs,
            height_mbs,
            interval: Some((random.edgy_u32(), random.edgy_u32())),
            sample_aspect_ratio: Some((random.next() as u16, random.next() as u16)),
            colour: Some(Colour {
                full_range: random.one_in(2),
                primaries: random.edgy_u8(),
                transfer: random.edgy_u8(),
                matrix: random.edgy_u8(),
            }),
            hrd: Hrd::new(
                random.edgy_u32().into(),
                random.edgy_u32().into(),
                random.one_in(2),
                random.one_in(2),
            )
            .ok(),
        };
        let able = Abilities {
            references: random.below(5) as u8,
            cabac: random.one_in(2),
            transform_8x8: random.one_in(2),
        };
        let mut sps = random_sps(&mut random);
        let mut pps = Pps {
            seq_parameter_set_id: sps.seq_parameter_set_id,
            num_ref_idx_l0_default_active_minus1: random.edgy_u8(),
            pic_init_qp_minus26: random.below(56) as i8 - 28,
            chroma_qp_index_offset: random.below(28) as i8 - 13,
            flags: random.next() as u16,
            ..Pps::DEFAULT
        };
        if adapt_sps(&mut sps, &stream, &able).is_err() || adapt_pps(&mut pps, &sps).is_err() {
            continue;
        }
        adapted += 1;
        match sps.profile_idc {
            66 => assert_eq!((sps.constraint_set_flags & 3, pps.flags & !8), (3, 0)),
            77 => assert!(able.cabac && pps.flags & !9 == 0),
            100 => assert!(able.cabac && able.transform_8x8 && pps.flags & !0x49 == 0),
            other => panic!("profile {other}"),
        }
        assert!(sps.max_num_ref_frames <= able.references);
        assert!(stream.width != 0 && stream.width <= width_mbs * 16);
        let untimed = Demand {
            width_mbs,
            height_mbs,
            interval: None,
            frames: sps.max_num_ref_frames,
            buffer: None,
        };
        assert!(level::named(&sps).unwrap().allows(&untimed));

        let before = (sps, pps);
        adapt_sps(&mut sps, &stream, &able).unwrap();
        adapt_pps(&mut pps, &sps).unwrap();
        assert!((sps, pps) == before);

        // What is adapted can be written.
        let (mut bytes, mut entries) = ([0; 256], [Unit::EMPTY; 2]);
        let mut units = Units::new(&mut bytes, &mut entries, true);
        units.push_sps(&sps, &stream).unwrap();
        units.push_pps(&pps).unwrap();
    }
    assert!(adapted > 1_000, "{adapted} of them were legal");
}

const GEN1: Capabilities = Capabilities {
    generation: 1,
    revision: 0,
    min_size: (16, 16),
    max_size: (1920, 1088),
    formats: 0xf,
    references: 1,
    units: 64,
    forced_intra: 16,
    all_skip: true,
    cavlc: true,
    cabac: false,
    transform_8x8: false,
    header_bits: true,
    header_fields: false,
    sse: false,
    checkpoints: 16,
    rows: false,
    hard_max: false,
    pre_analysis: false,
};

#[test]
fn any_result_block_is_judged() {
    let mut random = Random::new(4);
    let (mut believed, mut controlled) = (0, 0);
    for _ in 0..200_000 {
        let macroblocks = random.below(8160) as u32 + 1;
        let expected = Expected {
            tag: 5,
            output_size: random.edgy_u32(),
            macroblocks,
            intra: random.one_in(2),
            all_skip: random.one_in(16),
            sse: random.one_in(2),
            elapsed_ns: random.next(),
            in_frame: random.one_in(2).then(|| Limits {
                qp: (random.below(20) as u8, 30 + random.below(20) as u8),
                max_bits: random.one_in(2).then(|| random.edgy_u32()),
                checkpoints: random.below(17) as u8,
            }),
        };
        let mut block = [0; RESULT_BYTES];
        let bytes = random.below(100_000) as u32 + 1;
        let mut words = [0u32; RESULT_BYTES / 4];
        words[0] = random.below(7) as u32;
        words[1] = 5;
        words[2] = bytes;
        words[7] = bytes;
        words[9] = macroblocks * 20;
        words[11] = if expected.intra { macroblocks } else { 0 };
        words[20] = (30 << 8) | 10;
        if words[0] == 0 {
            words[0] = 1;
        }
        for _ in 0..random.below(3) {
            words[random.below(61) as usize] = random.edgy_u32();
        }
        for (bytes, word) in block.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        if let Ok(done) = result::parse(&block, &expected) {
            believed += 1;
            assert_eq!(block[4..8], expected.tag.to_le_bytes());
            assert!(done.bytes <= expected.output_size && done.bytes > 0);
            assert!(u64::from(done.header_bits) <= u64::from(done.bytes) * 8);
            assert!(done.encode_ns <= expected.elapsed_ns);
            assert!(done.qp_max <= 51);
            assert!(done.qp_mean_q8() >= u32::from(done.qp_min) * 256);
            assert!(done.qp_mean_q8() <= u32::from(done.qp_max) * 256);
            assert!(done.intra_mbs <= macroblocks && done.skip_mbs <= macroblocks);
            assert!(done.pcm_mbs <= done.intra_mbs);
            assert_eq!(done.sse.is_some(), expected.sse);
            assert_eq!(done.in_frame.is_some(), expected.in_frame.is_some());
            if let (Some(control), Some(limits)) = (done.in_frame, expected.in_frame) {
                assert!(control.forced_skips <= macroblocks);
                assert_eq!(control.max_bits.is_some(), limits.max_bits.is_some());
                assert!(control
                    .max_bits
                    .is_none_or(|max| done.slice_data_bits <= max));
                let (bits, none) = control.checkpoint_bits.split_at(limits.checkpoints.into());
                assert!(bits.is_sorted() && none.iter().all(|&bits| bits == 0));
                assert!(limits.qp.0 <= done.qp_min && done.qp_max <= limits.qp.1);
                controlled += 1;
            }
            let samples = u64::from(macroblocks) * 256;
            assert!(done.sse.unwrap_or_default()[0] <= samples * 255 * 255);
        }
    }
    assert!(believed > 1_000, "{believed} results were believed");
    assert!(
        controlled > 1_000,
        "{controlled} of them with in-frame control"
    );
}

#[test]
fn any_result_of_a_measurement_is_judged() {
    let mut random = Random::new(6);
    let mut believed = 0;
    for _ in 0..100_000 {
        let measurement = Measurement {
            size_mbs: (random.below(257) as u16, random.below(145) as u16),
            source: Source {
                format: SourceFormat::Nv12,
                width: 16,
                height: 16,
                planes: [Plane::default(); 3],
            },
            reference: random.one_in(2).then(|| random.next()),
        };
        let elapsed_ns = random.next();
        let mut words = [0u32; RESULT_BYTES / 4];
        (words[0], words[1]) = (1, 5);
        for at in [0x12, 0x13, 0x1e, 0x24] {
            words[at] = random.below(1 << 24) as u32;
        }
        for _ in 0..random.below(3) {
            words[random.below(64) as usize] = random.edgy_u32();
        }
        let mut block = [0; RESULT_BYTES];
        for (bytes, word) in block.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        if let Ok(done) = measurement.parse(&block, 5, elapsed_ns) {
            believed += 1;
            assert_eq!(block[..4], 1u32.to_le_bytes());
            assert_eq!(block[4..8], 5u32.to_le_bytes());
            assert_eq!(block[8..12], [0; 4]);
            let (width, height) = measurement.size_mbs;
            let most = u64::from(width) * u64::from(height) * 130_560;
            assert!(done.intra_cost <= most && done.encode_ns <= elapsed_ns);
            assert_eq!(done.motion_cost.is_some(), measurement.reference.is_some());
            assert!(done.motion_cost.is_none_or(|cost| cost <= most));
        }
    }
    assert!(believed > 1_000, "{believed} results were believed");
}

#[test]
fn any_job_is_described_or_refused() {
    let mut random = Random::new(5);
    let (mut described, mut controlled) = (0, 0);
    for _ in 0..20_000 {
        let (width_mbs, height_mbs) = (random.below(4) as u16, random.below(4) as u16);
        let sps = Sps {
            pic_width_in_mbs_minus1: width_mbs.saturating_sub(1),
            pic_height_in_map_units_minus1: height_mbs.saturating_sub(1),
            ..Sps::DEFAULT
        };
        let idr = Dpb::new()
            .plan(&Asked {
                params: &EncodeParams::DEFAULT,
                references: &EncodeReferences::DEFAULT,
                sps: &sps,
                pps: &Pps::DEFAULT,
                timestamp: 0,
                max_list0: 1,
            })
            .unwrap();
        let (mut bytes, mut entries) = ([0; 512], [Unit::EMPTY; 4]);
        let mut before = Units::new(&mut bytes, &mut entries, random.one_in(2));
        if random.one_in(2) {
            before.push_aud(idr.picture.slice_type).unwrap();
        }
        let mut offset = || random.below(27) as i8 - 13;
        let (cb, cr) = (offset(), offset());
        let pps = Pps {
            chroma_qp_index_offset: cb,
            second_chroma_qp_index_offset: if random.one_in(8) { cr } else { cb },
            ..Pps::DEFAULT
        };
        let inter = random.one_in(2);
        let picture = Picture {
            idr: !inter,
            slice_type: if inter { SLICE_TYPE_P } else { SLICE_TYPE_I },
            num_ref_idx_l0_active: inter.into(),
            ..idr.picture
        };
        let references = [random.next(), random.next()];
        let referred = if random.one_in(20) {
            random.below(3) as usize
        } else {
            inter.into()
        };
        let format = *[
            SourceFormat::Nv12,
            SourceFormat::Planar420,
            SourceFormat::Yuyv,
            SourceFormat::Uyvy,
        ]
        .get(random.below(4) as usize)
        .unwrap();
        let mut planes = [Plane::default(); 3];
        for (n, plane) in planes.iter_mut().enumerate() {
            if n < format.planes() || random.one_in(20) {
                *plane = Plane {
                    address: random.next(),
                    stride: random.below(200) as u32,
                };
            }
        }
        let ranges = [MbRange {
            first: random.below(20) as u32,
            count: random.edgy_u32(),
        }];
        let mut checkpoints = Few::new();
        for row in 1..random.below(4) {
            let bits = random.below(200) as u32;
            checkpoints
                .push(Checkpoint {
                    row: row as u16,
                    bits,
                })
                .unwrap();
        }
        let control = InFrame {
            target_bits: random.below(400) as u32,
            max_bits: random.edgy_u32(),
            hard_max: random.one_in(8),
            qp_min: random.below(8) as u8,
            qp_max: 45 + random.below(8) as u8,
            max_step: random.below(53) as u8,
            gain: random.below(260) as u16,
            checkpoints,
        };
        let job = PictureJob {
            picture: &picture,
            sps: &sps,
            pps: &pps,
            qp: random.below(54) as u8,
            cabac_init_idc: random.below(4) as u8,
            slice_rows: random.below(4) as u16,
            source: (!random.one_in(8)).then(|| Source {
                format,
                width: (width_mbs * 16).wrapping_sub(random.below(6) as u16 * 2),
                height: height_mbs * 16,
                planes,
            }),
            references: &references[..referred],
            reconstruction: random.one_in(2).then(|| random.next()),
            output: Output {
                address: random.next(),
                size: random.edgy_u32(),
            },
            forced_intra: if random.one_in(8) { &ranges } else { &[] },
            in_frame: random.one_in(4).then_some(&control),
            units: &before,
        };
        let memory = Memory {
            headers: 0x1000,
            units: 0x2000,
            control: 0x3000,
        };
        let mut descriptor = [0xa5; DESCRIPTOR_BYTES];
        let (mut bytes, mut entries) = ([0; 512], [Unit::EMPTY; 8]);
        let mut units = Units::after(&before, &mut bytes, &mut entries).unwrap();
        if gen1::describe(&job, &GEN1, &memory, &mut units, &mut descriptor).is_ok() {
            described += 1;
            // Reserved fields are zero.
            for reserved in [0x1e..0x20, 0x2c..0x30, 0x7c..0x80, 0x88..0x100] {
                assert!(descriptor[reserved].iter().all(|&byte| byte == 0));
            }
            let at = if job.in_frame.is_some() { 0x3000 } else { 0u32 };
            assert_eq!(descriptor[0x78..0x7c], at.to_le_bytes());
            if let Some(control) = job.in_frame {
                controlled += 1;
                assert!(!control.hard_max && job.source.is_some());
                assert!((control.qp_min..=control.qp_max).contains(&job.qp));
                let points: Vec<_> = control.checkpoints.iter().collect();
                let last = points.last().copied().unwrap_or_default();
                assert!(points.is_sorted_by_key(|point| point.bits));
                assert!(last.row < job.height_mbs() && last.bits <= control.target_bits);
            }
            assert_eq!(descriptor[0x10], job.width_mbs() as u8);
            assert_eq!(
                units.units().len(),
                before.units().len() + usize::from(job.height_mbs().div_ceil(job.slice_rows))
            );
            let skip = descriptor[0x08] & 1 != 0;
            assert_eq!(skip, job.source.is_none());
            assert!(!skip || inter);
        }
        for unit in units.units() {
            let entry = unit_table::describe(unit);
            assert!(entry[0x10..].iter().all(|&byte| byte == 0));
        }
    }
    assert!(described > 500, "{described} jobs were described");
    assert!(
        controlled > 20,
        "{controlled} of them with in-frame control"
    );
}
