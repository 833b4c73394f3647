// SPDX-License-Identifier: GPL-2.0

//! What the driver describes, the hardware does not refuse: both have read the same manual.

#[path = "../../pure/tests/models/random.rs"]
mod random;

use random::Random;
use slenc_engine::{
    Encoder,
    Source as Samples,
    SourceFormat as Layout, //
};
use slenc_hw::descriptor::Task;
use slenc_hw::generation::Generation;
use slenc_hw::result::{
    ResultBlock,
    Status, //
};
use slenc_hw::units::parse;
use slenc_pure::slenc::{
    few::Few,
    gen1,
    gen2,
    list::Modification,
    marking::Operation,
    measure::Measurement,
    params::{
        Invalid,
        Pps,
        Sps,
        SLICE_TYPE_I,
        SLICE_TYPE_P, //
    },
    picture::{
        Capabilities,
        MbRange,
        Output,
        PictureJob,
        Plane,
        Source,
        SourceFormat, //
    },
    slice::{
        Deblocking,
        Picture, //
    },
    unit_table::{
        self,
        Memory, //
    },
    units::{
        self,
        Unit,
        Units, //
    }, //
};

type Describe = fn(
    &PictureJob<'_>,
    &Capabilities,
    &Memory,
    &mut Units<'_>,
    &mut [u8],
) -> Result<(), units::Error>;

/// What the registers of a generation say.
fn capabilities(generation: Generation) -> Capabilities {
    let has = |bit: u32| (generation.caps() >> bit) & 1 != 0;
    let (width, height) = generation.max_size();
    Capabilities {
        generation: generation.version() as u8,
        revision: 0,
        min_size: (16, 16),
        max_size: (width as u16, height as u16),
        formats: 0xf,
        references: generation.references() as u8,
        units: generation.units() as u8,
        forced_intra: 16,
        all_skip: has(5),
        cavlc: has(0),
        cabac: has(1),
        transform_8x8: has(2),
        header_bits: has(3),
        header_fields: has(4),
        sse: has(11),
        checkpoints: 0,
        rows: false,
        hard_max: false,
        pre_analysis: has(10),
    }
}

/// Mostly the value, and sometimes another.
fn mostly<T>(random: &mut Random, value: T, other: impl FnOnce(&mut Random) -> T) -> T {
    if random.one_in(16) {
        other(random)
    } else {
        value
    }
}

/// A bus address; rarely one that there is not, or that others have.
fn address(random: &mut Random) -> u64 {
    match random.below(100) {
        0 => 0,
        1 => random.below(0x3000),
        _ => 0x1_0000 + random.below(1 << 40),
    }
}

fn sps(random: &mut Random, (width_mbs, height_mbs): (u16, u16)) -> Sps {
    let order = [0, 2][random.below(2) as usize];
    Sps {
        pic_width_in_mbs_minus1: width_mbs - 1,
        pic_height_in_map_units_minus1: height_mbs - 1,
        log2_max_frame_num_minus4: mostly(random, 8, Random::edgy_u8),
        pic_order_cnt_type: mostly(random, order, Random::edgy_u8),
        log2_max_pic_order_cnt_lsb_minus4: mostly(random, 6, Random::edgy_u8),
        ..Sps::DEFAULT
    }
}

fn pps(random: &mut Random, able: &Capabilities) -> Pps {
    let high = able.transform_8x8 && random.one_in(2);
    let cb = mostly(random, -5, |random| random.edgy_u8() as i8);
    let mut flags = Pps::DEFAULT.flags;
    if able.cabac && random.one_in(2) {
        flags |= Pps::ENTROPY_CODING_MODE;
    }
    if high && random.one_in(2) {
        flags |= Pps::TRANSFORM_8X8_MODE;
    }
    Pps {
        pic_parameter_set_id: random.edgy_u8(),
        num_ref_idx_l0_default_active_minus1: mostly(random, 1, Random::edgy_u8),
        pic_init_qp_minus26: mostly(random, 3, |random| random.edgy_u8() as i8),
        chroma_qp_index_offset: cb,
        second_chroma_qp_index_offset: if high {
            mostly(random, 12, |random| random.edgy_u8() as i8)
        } else {
            mostly(random, cb, |random| random.edgy_u8() as i8)
        },
        flags: mostly(random, flags, |random| random.edgy_u8().into()),
        ..Pps::DEFAULT
    }
}

fn modification(random: &mut Random) -> Modification {
    match random.below(3) {
        0 => Modification::Subtract(random.edgy_u8().into()),
        1 => Modification::Add(mostly(random, 4095, |random| random.next() as u16)),
        _ => Modification::LongTerm(mostly(random, 15, Random::edgy_u8)),
    }
}

fn operation(random: &mut Random) -> Operation {
    let difference = mostly(random, 4095, |random| random.next() as u16);
    let index = mostly(random, 15, Random::edgy_u8);
    match random.below(5) {
        0 => Operation::ShortTermUnused(difference),
        1 => Operation::LongTermUnused(index),
        2 => Operation::LongTerm {
            difference_of_pic_nums_minus1: difference,
            long_term_frame_idx: index,
        },
        3 => Operation::MaxLongTermFrameIdx(index),
        _ => Operation::CurrentLongTerm(index),
    }
}

/// A picture with so many references.
fn picture(random: &mut Random, references: usize) -> Picture {
    let slice_type = if references == 0 {
        SLICE_TYPE_I
    } else {
        SLICE_TYPE_P
    };
    let idr = references == 0 && random.one_in(2);
    let idr = mostly(random, idr, |_| !idr);
    let mut picture = Picture {
        nal_ref_idc: mostly(random, 1, Random::edgy_u8),
        idr,
        slice_type: mostly(random, slice_type, Random::edgy_u8),
        frame_num: if idr { 0 } else { random.below(4096) as u16 },
        idr_pic_id: random.next() as u16,
        pic_order_cnt_lsb: mostly(random, 1000, |random| random.next() as u16),
        no_output_of_prior_pics: random.one_in(2),
        long_term_reference: random.one_in(2),
        num_ref_idx_l0_active: mostly(random, references as u8, Random::edgy_u8),
        modifications: Few::new(),
        operations: Few::new(),
        deblocking: Deblocking {
            disable_idc: mostly(random, 2, Random::edgy_u8),
            alpha_c0_offset_div2: mostly(random, -6, |random| random.edgy_u8() as i8),
            beta_offset_div2: mostly(random, 6, |random| random.edgy_u8() as i8),
        },
    };
    for _ in 0..random.below(references as u64 + 1) {
        let _ = picture.modifications.push(modification(random));
    }
    if random.one_in(4) {
        for _ in 0..random.below(4) {
            let _ = picture.operations.push(operation(random));
        }
    }
    picture
}

fn source(random: &mut Random, (width_mbs, height_mbs): (u16, u16)) -> Source {
    let format = SourceFormat::ALL[random.below(4) as usize];
    let (width, height) = (16 * width_mbs, 16 * height_mbs);
    let width = width - mostly(random, 2, |random| random.below(17) as u16);
    let height = height - mostly(random, 0, |random| random.below(17) as u16);
    let mut planes = [Plane::default(); 3];
    for (n, plane) in planes.iter_mut().enumerate() {
        if mostly(random, n < format.planes(), |_| true) {
            let line = format.line_bytes(n, width.into());
            *plane = Plane {
                address: address(random),
                stride: mostly(random, line, Random::edgy_u32),
            };
        }
    }
    Source {
        format,
        width,
        height,
        planes,
    }
}

/// Describes random jobs, of which the hardware must take those that the driver has not refused.
/// Returns how many there were.
fn describe_any(generation: Generation, describe: Describe) -> u32 {
    let mut random = Random::new(9);
    let able = capabilities(generation);
    let mut described = 0;
    for _ in 0..30_000 {
        let random = &mut random;
        let size = (random.below(5) as u16 + 1, random.below(5) as u16 + 1);
        let (sps, pps) = (sps(random, size), pps(random, &able));
        let count = random.below(u64::from(able.references) + 1) as usize;
        let references: Vec<u64> = (0..count).map(|_| address(random)).collect();
        let picture = picture(random, count);
        let all_skip = count > 0 && random.one_in(4);
        let ranges = [MbRange {
            first: random.below(20) as u32,
            count: mostly(random, 1, Random::edgy_u32),
        }];
        let (mut bytes, mut entries) = ([0; 64], [Unit::EMPTY; 2]);
        let mut before = Units::new(&mut bytes, &mut entries, random.one_in(2));
        if random.one_in(2) {
            before.push_aud(SLICE_TYPE_I).unwrap();
        }
        let forced = !all_skip && count > 0 && random.one_in(2);
        let job = PictureJob {
            picture: &picture,
            sps: &sps,
            pps: &pps,
            qp: mostly(random, 30, Random::edgy_u8),
            cabac_init_idc: mostly(random, 2, Random::edgy_u8),
            slice_rows: mostly(random, 2, |random| random.below(9) as u16),
            source: (!all_skip).then(|| source(random, size)),
            references: &references,
            reconstruction: random.one_in(2).then(|| address(random)),
            output: Output {
                address: address(random),
                size: mostly(random, 4096, Random::edgy_u32),
            },
            forced_intra: if forced { &ranges } else { &[] },
            in_frame: None,
            units: &before,
        };
        let memory = Memory {
            headers: 0x1000,
            units: 0x2000,
            control: 0x3000,
        };
        let mut descriptor = vec![0xa5; generation.descriptor_size()];
        let (mut bytes, mut entries) = ([0; 512], [Unit::EMPTY; 8]);
        let mut units = Units::after(&before, &mut bytes, &mut entries).unwrap();
        match describe(&job, &able, &memory, &mut units, &mut descriptor) {
            Ok(()) => described += 1,
            Err(units::Error::Full | units::Error::Invalid(Invalid(_))) => continue,
        }
        let Ok(Task::Encode(job)) = Task::parse(generation, &descriptor) else {
            let error = Task::parse(generation, &descriptor);
            panic!("{error:x?}: {picture:?} {sps:?} {pps:?} {descriptor:x?}");
        };
        let table: Vec<u8> = units
            .units()
            .iter()
            .flat_map(unit_table::describe)
            .collect();
        let parsed = parse(&table, &job).map(|units| units.len());
        assert_eq!(parsed, Ok(units.units().len()));
    }
    described
}

#[test]
fn generation_1() {
    let described = describe_any(Generation::Gen1, gen1::describe);
    assert!(described > 3000, "{described}");
}

#[test]
fn generation_2() {
    let described = describe_any(Generation::Gen2, gen2::describe);
    assert!(described > 3000, "{described}");
}

#[test]
fn measurements() {
    let mut random = Random::new(10);
    let able = capabilities(Generation::Gen2);
    let mut described = [0; 2];
    for _ in 0..20_000 {
        let random = &mut random;
        let size = (random.below(5) as u16 + 1, random.below(5) as u16 + 1);
        let measurement = Measurement {
            size_mbs: mostly(random, size, |random| (random.edgy_u8().into(), size.1)),
            source: source(random, size),
            reference: random.one_in(2).then(|| address(random)),
        };
        let mut descriptor = vec![0xa5; Generation::Gen2.descriptor_size()];
        if gen2::describe_measurement(&measurement, &able, &mut descriptor).is_err() {
            continue;
        }
        let task = Task::parse(Generation::Gen2, &descriptor);
        let Ok(Task::Measure(parsed)) = task else {
            panic!("{task:x?}: {measurement:x?} {descriptor:x?}");
        };
        let size = (parsed.size.width_mbs, parsed.size.height_mbs);
        assert_eq!(size, measurement.size_mbs);
        let source = &measurement.source;
        assert_eq!(parsed.size.width, source.width);
        assert_eq!(parsed.size.height, source.height);
        for (plane, parsed) in source.planes.iter().zip(&parsed.source.planes) {
            assert_eq!((parsed.addr, parsed.stride), (plane.address, plane.stride));
        }
        assert_eq!(parsed.reference, measurement.reference);
        described[usize::from(parsed.reference.is_some())] += 1;
    }
    assert!(described.iter().all(|&n| n > 2000), "{described:?}");
}

/// What the hardware finds is believed, also of the sources that cost most.
#[test]
fn findings() {
    let mut random = Random::new(11);
    let mut encoder = Encoder::new(1);
    for n in 0..200 {
        let (width, height) = (32, 16);
        // All samples are as far apart as can be, in patterns or at random.
        let sample = |x: usize, y: usize, random: &mut Random| match n % 4 {
            0 => ((x ^ y) & 1) * 255,
            1 => (x & 1) * 255,
            2 => ((y >> 1) & 1) * 255,
            _ => random.below(2) as usize * 255,
        };
        let luma: Vec<u8> = (0..width * height)
            .map(|at| sample(at % width, at / width, &mut random) as u8)
            .collect();
        let source = Samples {
            format: Layout::Nv12,
            width,
            height,
            planes: [&luma, &[128; 256], &[]],
            strides: [width, width, 0],
        };
        let reference = random.one_in(2).then(|| vec![255 * (n / 4 % 2) as u8; 768]);
        let analysis = encoder.analyse(2, 1, &source, reference.as_deref());
        let analysis = analysis.unwrap();
        let mut block = ResultBlock::new(Status::Ok);
        block.analysis = analysis;
        block.encode_ns = 5;
        let mut bytes = block.to_bytes();
        bytes[4] = 9;
        let measurement = Measurement {
            size_mbs: (2, 1),
            source: Source {
                format: SourceFormat::Nv12,
                width: 32,
                height: 16,
                planes: [Plane::default(); 3],
            },
            reference: reference.map(|_| 0x1000),
        };
        let measured = measurement.parse(&bytes, 9, 10).unwrap();
        assert_eq!(measured.intra_cost, analysis.intra_cost);
        let motion_cost = analysis.motion.map(|motion| motion.motion_cost);
        assert_eq!(measured.motion_cost, motion_cost);
        assert_eq!(measured.encode_ns, 5);
    }
}
