// SPDX-License-Identifier: GPL-2.0

//! Another reader of the headers: ffmpeg's bitstream filter `trace_headers` prints every syntax
//! element, and each of them has to be what was meant, and where it was meant to end.

use crate::random::Random;
use slenc_pure::slenc::{
    adapt::{adapt_pps, adapt_sps, Abilities, Colour, Stream},
    dpb::{Asked, Dpb},
    encode_references::{EncodeReferences, Mark},
    filler,
    hrd::{Hrd, Timing},
    list::Modification,
    marking::Operation,
    params::{EncodeParams, Pps, Sps, SLICE_TYPE_I, SLICE_TYPE_P},
    slice::Picture,
    units::{Kind, Unit, Units},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    process::{Command, Stdio},
    thread,
};

/// A NAL unit as ffmpeg reads it.
#[derive(Debug, Default)]
struct Nal {
    elements: BTreeMap<String, i64>,
    /// Those of reference lists and marking, some of which come several times.
    references: Vec<(String, i64)>,
    /// Where the last element ends.
    bits: usize,
}

const REFERENCE_ELEMENTS: [&str; 10] = [
    "ref_pic_list_modification_flag_l0",
    "modification_of_pic_nums_idc",
    "abs_diff_pic_num_minus1",
    "long_term_pic_num",
    "long_term_reference_flag",
    "adaptive_ref_pic_marking_mode_flag",
    "memory_management_control_operation",
    "difference_of_pic_nums_minus1",
    "long_term_frame_idx",
    "max_long_term_frame_idx_plus1",
];

/// Appends NAL units with start codes and emulation prevention (H.264 clause 7.4.1), slices with
/// some data that nobody is going to understand.
fn append_stream(stream: &mut Vec<u8>, units: &Units<'_>) {
    for unit in units.units() {
        let end = unit.offset + unit.bits.div_ceil(8);
        let mut bytes = units.bytes()[unit.offset..end].to_vec();
        if matches!(unit.kind, Kind::Slice { .. }) {
            bytes.extend([0xff, 0x80]);
        }
        stream.extend([0, 0, 0, 1]);
        let mut zeros = 0;
        for byte in bytes {
            if zeros >= 2 && byte <= 3 {
                stream.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            stream.push(byte);
        }
    }
}

fn trace(stream: Vec<u8>) -> Vec<Nal> {
    let mut ffmpeg = Command::new("ffmpeg")
        .args("-hide_banner -f h264 -i - -c copy -bsf:v trace_headers -f null -".split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs ffmpeg");
    let mut stdin = ffmpeg.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(&stream));
    let output = ffmpeg.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");

    let mut nals: Vec<Nal> = Vec::new();
    // What comes before the first packet is a copy of the parameter sets.
    for line in log.lines().skip_while(|line| !line.contains("Packet:")) {
        let Some((_, text)) = line.split_once("] ") else {
            continue;
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let &[at, name, code, "=", value] = words.as_slice() else {
            continue;
        };
        if name == "forbidden_zero_bit" {
            nals.push(Nal::default());
        }
        let nal = nals.last_mut().unwrap();
        nal.bits = at.parse::<usize>().unwrap() + code.len();
        let value = value.parse().unwrap();
        if REFERENCE_ELEMENTS.contains(&name) {
            nal.references.push((name.into(), value));
        }
        nal.elements.insert(name.into(), value);
    }
    nals
}

fn expect(nal: &Nal, wanted: &[(&str, i64)]) {
    for &(name, value) in wanted {
        assert_eq!(nal.elements.get(name), Some(&value), "{name} in {nal:#?}");
    }
}

/// The decoder's buffer, of all sizes that an SPS can say; or none.
fn random_hrd(random: &mut Random) -> Option<Hrd> {
    let mut edgy = |bits: u64| random.next() >> (64 - bits + random.below(bits - 8));
    let (rate, size) = (edgy(31), edgy(46));
    Hrd::new(rate, size, random.one_in(2), random.one_in(2)).ok()
}

/// SchedSelIdx is part of the names of what is said for each schedule.
fn check_hrd(nal: &Nal, hrd: Option<&Hrd>) {
    expect(
        nal,
        &[
            ("nal_hrd_parameters_present_flag", i64::from(hrd.is_some())),
            ("vcl_hrd_parameters_present_flag", 0),
        ],
    );
    let Some(hrd) = hrd else {
        return;
    };
    expect(
        nal,
        &[
            ("cpb_cnt_minus1", 0),
            ("cbr_flag[0]", hrd.cbr.into()),
            ("low_delay_hrd_flag", hrd.low_delay.into()),
            ("initial_cpb_removal_delay_length_minus1", 31),
            ("cpb_removal_delay_length_minus1", 23),
        ],
    );
    // Clause E.2.2, with what was read.
    let read = |name: &str| nal.elements[name];
    let rate = (read("bit_rate_value_minus1[0]") + 1) << (6 + read("bit_rate_scale"));
    let size = (read("cpb_size_value_minus1[0]") + 1) << (4 + read("cpb_size_scale"));
    assert_eq!(rate as u64, hrd.bit_rate());
    assert_eq!(size as u64, hrd.cpb_bits());
}

fn check_sei(nal: &Nal, sps: &Sps, timing: &Timing) {
    expect(
        nal,
        &[
            ("nal_unit_type", 6),
            ("nal_ref_idc", 0),
            (
                "cpb_removal_delay",
                i64::from(timing.removal_delay % (1 << 24)),
            ),
            ("dpb_output_delay", 0),
        ],
    );
    let Some((delay, offset)) = timing.initial_delay else {
        assert!(!nal.elements.contains_key("initial_cpb_removal_delay[0]"));
        return;
    };
    expect(
        nal,
        &[
            ("seq_parameter_set_id", sps.seq_parameter_set_id.into()),
            ("initial_cpb_removal_delay[0]", delay.into()),
            ("initial_cpb_removal_delay_offset[0]", offset.into()),
        ],
    );
}

fn check_sps(nal: &Nal, sps: &Sps, stream: &Stream) {
    let crop = (
        i64::from(stream.width_mbs) * 8 - i64::from(stream.width) / 2,
        i64::from(stream.height_mbs) * 8 - i64::from(stream.height) / 2,
    );
    let colour = stream.colour.unwrap();
    let (numerator, denominator) = stream.interval.unwrap();
    expect(
        nal,
        &[
            ("nal_unit_type", 7),
            ("profile_idc", 66),
            ("constraint_set1_flag", 1),
            ("level_idc", sps.level_idc.into()),
            ("seq_parameter_set_id", sps.seq_parameter_set_id.into()),
            (
                "log2_max_frame_num_minus4",
                sps.log2_max_frame_num_minus4.into(),
            ),
            ("pic_order_cnt_type", sps.pic_order_cnt_type.into()),
            ("max_num_ref_frames", sps.max_num_ref_frames.into()),
            (
                "gaps_in_frame_num_allowed_flag",
                i64::from(sps.flags & Sps::GAPS_IN_FRAME_NUM_VALUE_ALLOWED != 0),
            ),
            ("pic_width_in_mbs_minus1", i64::from(stream.width_mbs) - 1),
            (
                "pic_height_in_map_units_minus1",
                i64::from(stream.height_mbs) - 1,
            ),
            ("frame_cropping_flag", i64::from(crop != (0, 0))),
            ("video_full_range_flag", colour.full_range.into()),
            ("num_units_in_tick", numerator.into()),
            ("time_scale", i64::from(denominator) * 2),
            ("max_num_reorder_frames", 0),
            ("max_dec_frame_buffering", sps.max_num_ref_frames.into()),
            ("rbsp_stop_one_bit", 1),
        ],
    );
    if crop != (0, 0) {
        expect(
            nal,
            &[
                ("frame_crop_left_offset", 0),
                ("frame_crop_right_offset", crop.0),
                ("frame_crop_top_offset", 0),
                ("frame_crop_bottom_offset", crop.1),
            ],
        );
    }
    check_hrd(nal, stream.hrd.as_ref());
    let described = nal.elements["colour_description_present_flag"] == 1;
    let codes = [colour.primaries, colour.transfer, colour.matrix];
    assert_eq!(described, codes != [Colour::UNSPECIFIED; 3]);
    if described {
        expect(
            nal,
            &[
                ("colour_primaries", codes[0].into()),
                ("transfer_characteristics", codes[1].into()),
                ("matrix_coefficients", codes[2].into()),
            ],
        );
    }
    let (width, height) = stream.sample_aspect_ratio.unwrap();
    match nal.elements["aspect_ratio_idc"] {
        255 => {
            assert_eq!((width, height), (100, 30));
            expect(nal, &[("sar_width", 10), ("sar_height", 3)]);
        }
        1 => assert_eq!(width, height),
        14 => assert_eq!(u32::from(width) * 3, u32::from(height) * 4),
        idc => panic!("aspect_ratio_idc {idc} for {width}:{height}"),
    }
}

fn check_pps(nal: &Nal, pps: &Pps) {
    expect(
        nal,
        &[
            ("nal_unit_type", 8),
            ("pic_parameter_set_id", pps.pic_parameter_set_id.into()),
            ("seq_parameter_set_id", pps.seq_parameter_set_id.into()),
            ("entropy_coding_mode_flag", 0),
            (
                "num_ref_idx_l0_default_active_minus1",
                pps.num_ref_idx_l0_default_active_minus1.into(),
            ),
            ("pic_init_qp_minus26", pps.pic_init_qp_minus26.into()),
            ("chroma_qp_index_offset", pps.chroma_qp_index_offset.into()),
            (
                "deblocking_filter_control_present_flag",
                pps.deblocking_control().into(),
            ),
            ("constrained_intra_pred_flag", 0),
            ("rbsp_stop_one_bit", 1),
        ],
    );
}

fn check_slice(nal: &Nal, unit: &Unit, sps: &Sps, pps: &Pps, picture: &Picture, qp: u8) {
    let Kind::Slice { first_row, .. } = unit.kind else {
        panic!("{unit:?} is no slice");
    };
    let width = i64::from(sps.pic_width_in_mbs_minus1) + 1;
    expect(
        nal,
        &[
            ("nal_unit_type", if picture.idr { 5 } else { 1 }),
            ("nal_ref_idc", picture.nal_ref_idc.into()),
            ("first_mb_in_slice", i64::from(first_row) * width),
            ("slice_type", i64::from(picture.slice_type) + 5),
            ("pic_parameter_set_id", pps.pic_parameter_set_id.into()),
            ("frame_num", picture.frame_num.into()),
            (
                "slice_qp_delta",
                i64::from(qp) - 26 - i64::from(pps.pic_init_qp_minus26),
            ),
        ],
    );
    if picture.idr {
        expect(nal, &[("idr_pic_id", picture.idr_pic_id.into())]);
    }
    if sps.pic_order_cnt_type == 0 {
        expect(
            nal,
            &[("pic_order_cnt_lsb", picture.pic_order_cnt_lsb.into())],
        );
    }
    if picture.slice_type == SLICE_TYPE_P {
        let default = i64::from(pps.num_ref_idx_l0_default_active_minus1);
        let active = i64::from(picture.num_ref_idx_l0_active) - 1;
        let overridden = active != default;
        expect(
            nal,
            &[("num_ref_idx_active_override_flag", overridden.into())],
        );
        if overridden {
            expect(nal, &[("num_ref_idx_l0_active_minus1", active)]);
        }
    }
    assert_eq!(nal.references, meant_of_references(picture));
    if pps.deblocking_control() {
        let d = picture.deblocking;
        expect(
            nal,
            &[("disable_deblocking_filter_idc", d.disable_idc.into())],
        );
        if d.disable_idc != 1 {
            expect(
                nal,
                &[
                    ("slice_alpha_c0_offset_div2", d.alpha_c0_offset_div2.into()),
                    ("slice_beta_offset_div2", d.beta_offset_div2.into()),
                ],
            );
        }
    }
    // The data begins where the header's bits end.
    assert_eq!(nal.bits, unit.bits);
}

/// The syntax elements of [`REFERENCE_ELEMENTS`] that a slice header has.
fn meant_of_references(picture: &Picture) -> Vec<(String, i64)> {
    let mut elements = Vec::new();
    let mut say = |name: &str, value: i64| elements.push((name.to_owned(), value));
    if picture.slice_type == SLICE_TYPE_P {
        let modified = !picture.modifications.is_empty();
        say("ref_pic_list_modification_flag_l0", modified.into());
        for modification in picture.modifications.iter() {
            let (idc, name, value) = match modification {
                Modification::Subtract(minus1) => (0, "abs_diff_pic_num_minus1", minus1),
                Modification::Add(minus1) => (1, "abs_diff_pic_num_minus1", minus1),
                Modification::LongTerm(number) => (2, "long_term_pic_num", number.into()),
            };
            say("modification_of_pic_nums_idc", idc);
            say(name, value.into());
        }
        if modified {
            say("modification_of_pic_nums_idc", 3);
        }
    }
    if picture.idr {
        say(
            "long_term_reference_flag",
            picture.long_term_reference.into(),
        );
    } else if picture.is_reference() {
        let adaptive = !picture.operations.is_empty();
        say("adaptive_ref_pic_marking_mode_flag", adaptive.into());
        for operation in picture.operations.iter() {
            let (number, operands) = match operation {
                Operation::ShortTermUnused(difference) => {
                    (1, vec![("difference_of_pic_nums_minus1", difference)])
                }
                Operation::LongTermUnused(number) => {
                    (2, vec![("long_term_pic_num", number.into())])
                }
                Operation::LongTerm {
                    difference_of_pic_nums_minus1,
                    long_term_frame_idx,
                } => (
                    3,
                    vec![
                        (
                            "difference_of_pic_nums_minus1",
                            difference_of_pic_nums_minus1,
                        ),
                        ("long_term_frame_idx", long_term_frame_idx.into()),
                    ],
                ),
                Operation::MaxLongTermFrameIdx(plus1) => {
                    (4, vec![("max_long_term_frame_idx_plus1", plus1.into())])
                }
                Operation::CurrentLongTerm(index) => {
                    (6, vec![("long_term_frame_idx", index.into())])
                }
            };
            say("memory_management_control_operation", number);
            for (name, value) in operands {
                say(name, value.into());
            }
        }
        if adaptive {
            say("memory_management_control_operation", 0);
        }
    }
    elements
}

/// A choice of references that can be: names are the numbers of pictures, of which those of `live`
/// are there.
fn choose_references(random: &mut Random, live: &[u64]) -> EncodeReferences {
    let mut wanted = EncodeReferences::DEFAULT;
    if live.is_empty() || random.one_in(3) {
        return wanted;
    }
    let first = random.below(live.len() as u64) as usize;
    wanted.flags = EncodeReferences::EXPLICIT;
    for name in live.iter().cycle().skip(first).take(live.len()) {
        if wanted.num_list0 == 0 || random.one_in(2) {
            wanted.list0[usize::from(wanted.num_list0)] = *name;
            wanted.num_list0 += 1;
        }
    }
    if random.one_in(2) {
        wanted.flags |= EncodeReferences::LONG_TERM;
        wanted.long_term_frame_idx = random.below(2) as u8;
    }
    if random.one_in(2) {
        wanted.num_marks = 1;
        wanted.marks[0] = Mark {
            timestamp: live[first],
            operation: random.below(2) as u8 + 1,
            long_term_frame_idx: 2,
            ..Mark::NONE
        };
    }
    wanted
}

/// One access unit, with everything that is needed to judge how it is read.
struct Written {
    units: Vec<Unit>,
    picture: Picture,
    sets: bool,
    timing: Option<Timing>,
    /// Bytes of the filler data behind the slices, without start code.
    filler: usize,
    qp: u8,
}

#[test]
fn ffmpeg_reads_what_was_meant() {
    let mut random = Random::new(7);
    let mut said = BTreeSet::new();
    for _ in 0..24 {
        let (width_mbs, height_mbs) = (random.below(119) as u16 + 2, random.below(66) as u16 + 2);
        let stream = Stream {
            width: width_mbs * 16 - random.below(8) as u16 * 2,
            height: height_mbs * 16 - random.below(8) as u16 * 2,
            width_mbs,
            height_mbs,
            interval: Some((
                random.below(2000) as u32 + 1,
                random.below(60_000) as u32 + 1,
            )),
            sample_aspect_ratio: Some(
                *[(1, 1), (8, 6), (100, 30)]
                    .get(random.below(3) as usize)
                    .unwrap(),
            ),
            colour: Some(Colour {
                full_range: random.one_in(2),
                primaries: random.below(2) as u8 + 1,
                transfer: random.below(2) as u8 + 1,
                matrix: random.below(2) as u8 + 1,
            }),
            hrd: random_hrd(&mut random),
        };
        let mut sps = Sps {
            seq_parameter_set_id: random.below(32) as u8,
            log2_max_frame_num_minus4: random.below(13) as u8,
            pic_order_cnt_type: random.below(2) as u8 * 2,
            log2_max_pic_order_cnt_lsb_minus4: random.below(13) as u8,
            max_num_ref_frames: 4,
            flags: random.next() as u32,
            ..Sps::DEFAULT
        };
        let mut pps = Pps {
            pic_parameter_set_id: random.next() as u8,
            seq_parameter_set_id: sps.seq_parameter_set_id,
            num_ref_idx_l0_default_active_minus1: random.below(3) as u8,
            pic_init_qp_minus26: random.below(52) as i8 - 26,
            chroma_qp_index_offset: random.below(25) as i8 - 12,
            flags: random.next() as u16,
            ..Pps::DEFAULT
        };
        // Slice headers for CABAC are the hardware's.
        let able = Abilities {
            references: 4,
            cabac: false,
            transform_8x8: false,
        };
        adapt_sps(&mut sps, &stream, &able).unwrap();
        adapt_pps(&mut pps, &sps).unwrap();

        let mut dpb = Dpb::new();
        let mut bytes = Vec::new();
        let mut written = Vec::new();
        for n in 0..12 {
            let intra = n == 0 || random.one_in(4);
            let params = EncodeParams {
                nal_ref_idc: 1 + random.below(3) as u8,
                slice_type: if intra { SLICE_TYPE_I } else { SLICE_TYPE_P },
                idr_pic_id: random.next() as u16,
                pic_order_cnt_lsb: n * 2,
                disable_deblocking_filter_idc: random.below(3) as u8,
                slice_alpha_c0_offset_div2: random.below(13) as i8 - 6,
                slice_beta_offset_div2: random.below(13) as i8 - 6,
                flags: match n {
                    0 => {
                        EncodeParams::IDR_PIC
                            | (random.below(2) as u32 * EncodeParams::LONG_TERM_REFERENCE)
                    }
                    _ => 0,
                },
                ..EncodeParams::DEFAULT
            };
            let live: Vec<u64> = dpb.references().filter_map(|r| r.timestamp).collect();
            let plain = EncodeReferences::DEFAULT;
            let asked = Asked {
                params: &params,
                references: &choose_references(&mut random, &live),
                sps: &sps,
                pps: &pps,
                timestamp: n.into(),
                max_list0: 4,
            };
            // A long-term reference does not become one again.
            let plan = dpb.plan(&asked).or_else(|_| {
                dpb.plan(&Asked {
                    references: &plain,
                    ..asked
                })
            });
            let plan = plan.unwrap();
            let qp = random.below(52) as u8;
            let (mut memory, mut entries) = ([0; 4096], [Unit::EMPTY; 17]);
            let mut units = Units::new(&mut memory, &mut entries, true);
            units.push_aud(params.slice_type).unwrap();
            let sets = n == 0 || random.one_in(3);
            if sets {
                units.push_sps(&sps, &stream).unwrap();
                units.push_pps(&pps).unwrap();
            }
            let timing = stream.hrd.map(|_| {
                let timing = Timing {
                    // A delay is not 0.
                    initial_delay: (n == 0).then(|| (random.edgy_u32().max(1), random.edgy_u32())),
                    removal_delay: random.edgy_u32(),
                };
                units.push_sei(sps.seq_parameter_set_id, &timing).unwrap();
                timing
            });
            let rows = height_mbs / (random.below(u64::from(height_mbs.min(8))) as u16 + 1);
            units
                .push_slices(&sps, &pps, &plan.picture, qp, rows)
                .unwrap();
            // As if slice data had needed it.
            let mut fill = vec![0; 5 + random.below(20) as usize];
            filler::write(&mut fill, true);
            append_stream(&mut bytes, &units);
            bytes.extend(&fill);
            dpb.commit(&plan).unwrap();
            said.extend(meant_of_references(&plan.picture).into_iter().map(|e| e.0));
            written.push(Written {
                units: units.units().to_vec(),
                picture: plan.picture,
                sets,
                timing,
                filler: fill.len() - 3,
                qp,
            });
        }

        let nals = trace(bytes);
        let mut nals = nals.iter();
        for au in &written {
            let mut units = au.units.iter();
            let aud = nals.next().unwrap();
            let intra = au.picture.slice_type == SLICE_TYPE_I;
            expect(
                aud,
                &[
                    ("nal_unit_type", 9),
                    ("primary_pic_type", i64::from(!intra)),
                ],
            );
            assert_eq!(aud.bits, units.next().unwrap().bits);
            if au.sets {
                let nal = nals.next().unwrap();
                check_sps(nal, &sps, &stream);
                assert_eq!(nal.bits, units.next().unwrap().bits);
                let nal = nals.next().unwrap();
                check_pps(nal, &pps);
                assert_eq!(nal.bits, units.next().unwrap().bits);
            }
            if let Some(timing) = au.timing {
                let nal = nals.next().unwrap();
                check_sei(nal, &sps, &timing);
                assert_eq!(nal.bits, units.next().unwrap().bits);
            }
            for unit in units {
                let nal = nals.next().unwrap();
                check_slice(nal, unit, &sps, &pps, &au.picture, au.qp);
            }
            let nal = nals.next().unwrap();
            expect(nal, &[("nal_unit_type", 12), ("nal_ref_idc", 0)]);
            assert_eq!(nal.bits, au.filler * 8);
        }
        assert!(nals.next().is_none());
    }
    // Every element was there to be read.
    for name in REFERENCE_ELEMENTS {
        assert!(said.contains(name), "{name}");
    }
}
