// SPDX-License-Identifier: GPL-2.0

//! Jobs of generation 2 that succeed: what the decoder makes of the output is the reconstruction.

use std::fs;

use crate::gen2_stream::{
    Picture,
    CABAC,
    LONG_TERM_REFERENCE,
    TRANSFORM_8X8, //
};
use crate::machine::{
    Machine,
    OK, //
};
use crate::stream::{
    decode,
    sample,
    scratch,
    Frame,
    OUTPUT,
    UNITS, //
};

/// Runs a job; returns what it coded.
fn run(machine: &mut Machine, picture: &Picture, tag: u32) -> Vec<u8> {
    picture.prepare(machine, 1);
    assert_eq!(machine.run(tag), (OK, 0, 0));
    let result = machine.result();
    let word = |at| machine.word(result + at);
    let bytes = word(8);
    let whole = if picture.is_idr() { 2 } else { 0 };
    let units = whole + u64::from(picture.frame.slices);
    let sizes: u32 = (0..units)
        .map(|i| machine.word(UNITS + 32 * i + 0x10))
        .sum();
    assert_eq!(sizes, bytes);
    let bits = word(0x18) + word(0x1c) + 8 * word(0x20);
    assert_eq!(bits, 8 * bytes);
    machine.bytes(OUTPUT, bytes as usize)
}

/// Codes pictures and compares what FFmpeg decodes with the log. Returns the machine.
pub(crate) fn matches_decoder(name: &str, pictures: &[Picture]) -> Machine {
    let directory = scratch(name);
    let log = directory.join("recon.log");
    let mut machine = Machine::gen2(Some(&log));
    let mut stream = Vec::new();
    for (i, picture) in pictures.iter().enumerate() {
        stream.push(run(&mut machine, picture, 100 + i as u32));
    }
    let decoded = decode(&directory, &stream.concat());
    let log = fs::read_to_string(&log).unwrap();
    let (width, height) = (pictures[0].frame.width, pictures[0].frame.height);
    let expected: Vec<_> = decoded
        .iter()
        .zip(&stream)
        .enumerate()
        .map(|(i, (md5, coded))| format!("{},{width},{height},{},{md5}", 100 + i, coded.len()))
        .collect();
    assert_eq!(decoded.len(), pictures.len());
    assert_eq!(log.lines().collect::<Vec<_>>(), expected);
    machine
}

/// Pictures like `first`, of which each refers to up to `references` before it, newest first.
pub(crate) fn sliding(first: &Picture, count: u32, references: u32) -> Vec<Picture> {
    (0..count)
        .map(|number| Picture {
            frame: Frame {
                number,
                ..first.frame.clone()
            },
            references: (0..number).rev().take(references as usize).collect(),
            flags: first.flags & if number > 0 { !LONG_TERM_REFERENCE } else { !0 },
            cabac_init_idc: if number > 0 { first.cabac_init_idc } else { 0 },
            ..first.clone()
        })
        .collect()
}

#[test]
fn cavlc() {
    let first = Picture {
        second_chroma_offset: 5,
        order_bits: 5,
        ..Picture::new()
    };
    matches_decoder("gen2_cavlc", &sliding(&first, 4, 1));
}

#[test]
fn cabac_with_each_table() {
    for cabac_init_idc in 0..3 {
        let first = Picture {
            flags: CABAC,
            cabac_init_idc,
            pic_init_qp: 51,
            ..Picture::new()
        };
        let name = format!("gen2_cabac{cabac_init_idc}");
        matches_decoder(&name, &sliding(&first, 4, 1));
    }
}

#[test]
fn transform_8x8() {
    for (name, flags) in [
        ("gen2_8x8", TRANSFORM_8X8),
        ("gen2_high", TRANSFORM_8X8 | CABAC),
    ] {
        let first = Picture {
            flags,
            frame: Frame {
                format: 1,
                slices: 3,
                chroma_offset: -4,
                ..Frame::default()
            },
            second_chroma_offset: 3,
            pic_init_qp: 0,
            ..Picture::new()
        };
        matches_decoder(name, &sliding(&first, 4, 2));
    }
}

#[test]
fn four_references() {
    for flags in [0, CABAC | TRANSFORM_8X8] {
        let first = Picture {
            flags,
            default_references: 3,
            frame_num_bits: 16,
            order_bits: 16,
            ..Picture::new()
        };
        matches_decoder(&format!("gen2_references{flags}"), &sliding(&first, 7, 4));
    }
}

#[test]
fn lists_in_another_order() {
    let first = Picture {
        flags: CABAC,
        ..Picture::new()
    };
    let mut pictures = sliding(&first, 5, 4);
    // 2, then 3: two back from the fourth, and one forth from there.
    pictures[4].references = vec![2, 3, 0];
    pictures[4].modifications = vec![(0, 1), (1, 0), (0, 2)];
    // One reference, not the newest one.
    pictures[3].references = vec![0];
    pictures[3].modifications = vec![(0, 2)];
    matches_decoder("gen2_lists", &pictures);
}

#[test]
fn long_term_references() {
    let first = Picture {
        flags: CABAC | LONG_TERM_REFERENCE,
        ..Picture::new()
    };
    let mut pictures = sliding(&first, 8, 1);
    // Picture 0 is long-term, with index 0, until picture 6.
    pictures[2].references = vec![0];
    pictures[2].modifications = vec![(2, 0)];
    // Up to index 2; 1 becomes index 2, 2 goes, and 3 itself is index 1.
    pictures[3].marking = vec![(4, 0, 3), (3, 2, 1), (1, 0, 0), (6, 1, 0)];
    // Only long-term references are left.
    pictures[4].references = vec![3, 1, 0];
    pictures[4].modifications = vec![(2, 1), (2, 2), (2, 0)];
    // Index 2 goes.
    pictures[5].marking = vec![(2, 0, 2)];
    pictures[5].references = vec![4, 0];
    // No long-term references any more.
    pictures[6].references = vec![5, 3];
    pictures[6].modifications = vec![(0, 0), (2, 1)];
    pictures[6].marking = vec![(4, 0, 0)];
    pictures[7].references = vec![6, 5, 4];
    matches_decoder("gen2_long_term", &pictures);
}

#[test]
fn all_skip() {
    let first = Picture {
        flags: CABAC,
        frame: Frame {
            // Without cropping, the logged size of a picture without a source is the visible one.
            width: 64,
            height: 48,
            slices: 2,
            ..Frame::default()
        },
        ..Picture::new()
    };
    let mut pictures = sliding(&first, 4, 2);
    pictures[1].frame.all_skip = true;
    pictures[3].frame.all_skip = true;
    let machine = matches_decoder("gen2_all_skip", &pictures);
    let result = machine.result();
    assert_eq!(machine.word(result + 0x30), 12);
    assert!(machine.bytes(result + 0x58, 24).iter().all(|&b| b == 0));
}

#[test]
fn qp_map() {
    for flags in [0, CABAC | TRANSFORM_8X8] {
        let first = Picture {
            flags,
            qp_map: Some((7, |mb| (mb * 37 % 100) as i8 - 50)),
            ..Picture::new()
        };
        matches_decoder(&format!("gen2_qp_map{flags}"), &sliding(&first, 3, 1));

        // All macroblocks of this picture have an mb_qp_delta.
        let first = Picture {
            qp_map: Some((7, |mb| [3, -128, 0, 127][mb % 4])),
            ..first
        };
        let machine = matches_decoder(&format!("gen2_qp_clip{flags}"), &sliding(&first, 1, 1));
        let qp = u32::from(first.frame.qp);
        let result = machine.result();
        assert_eq!(machine.word(result + 0x24), 3 * (qp + 3 + qp + 51));
        assert_eq!(machine.bytes(result + 0x50, 2), [0, 51]);
    }
}

#[test]
fn squared_errors() {
    let mut machine = Machine::gen2(None);
    let picture = Picture {
        frame: Frame {
            qp: 40,
            ..Frame::default()
        },
        ..Picture::new()
    };
    run(&mut machine, &picture, 1);
    let frame = &picture.frame;
    let recon = machine.bytes(Picture::recon_of(0), frame.recon_size());
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    let stride = usize::from(frame.width_mbs()) * 16;
    let chroma = &recon[stride * usize::from(frame.height_mbs()) * 16..];
    let square = |got: u8, want: u8| u64::from(got.abs_diff(want)).pow(2);
    let mut expected = [0; 3];
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        expected[0] += square(recon[y * stride + x], sample(x, y, 1));
        if y < height / 2 {
            expected[1 + x % 2] += square(chroma[y * stride + x], sample(x, y, 1));
        }
    }
    let result = machine.result();
    let sse: Vec<_> = machine
        .bytes(result + 0x58, 24)
        .chunks_exact(8)
        .map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert_eq!(sse, expected);
    assert!(expected.iter().all(|&sse| sse > 0));
}

#[test]
fn measurement() {
    let mut machine = Machine::gen2(None);
    let pictures = sliding(&Picture::new(), 2, 1);
    run(&mut machine, &pictures[0], 1);
    let figures = |machine: &Machine| -> Vec<u64> {
        machine
            .bytes(machine.result() + 0x70, 0x28)
            .chunks_exact(8)
            .map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()))
            .collect()
    };
    pictures[0].measure(&machine, 1);
    assert_eq!(machine.run(2), (OK, 0, 0));
    let alone = figures(&machine);
    assert!(alone[0] > 0 && alone[1] > 0, "{alone:?}");
    assert_eq!(alone[2..], [0, 0, 0]);
    assert_eq!(machine.word(machine.result() + 8), 0);

    // The picture and its own reconstruction, and another picture.
    for (seed, tag) in [(0, 3), (40, 4)] {
        pictures[1].measure(&machine, seed);
        assert_eq!(machine.run(tag), (OK, 0, 0));
        let found = figures(&machine);
        let inter_mbs = machine.word(machine.result() + 0x98);
        if seed == 0 {
            // The source of number 1 with seed 0 is that of number 0 with seed 1.
            assert_eq!(found[..2], alone[..2]);
            assert!(found[2] < 3 * 4 * 256 * 8, "{found:?}");
            assert!(found[4] < found[1], "{found:?}");
            assert!(inter_mbs > 0);
        } else {
            assert!(found[2] > 3 * 4 * 256 * 8, "{found:?}");
        }
        assert!(found[3] <= found[2] && inter_mbs <= 12, "{found:?}");
    }
}

#[test]
fn the_largest_width() {
    let first = Picture {
        flags: CABAC | TRANSFORM_8X8,
        frame: Frame {
            width: 4096,
            height: 16,
            padding: 0,
            ..Frame::default()
        },
        ..Picture::new()
    };
    // Its reconstruction is longer than the distance of two.
    let pictures = sliding(&first, 1, 1);
    matches_decoder("gen2_wide", &pictures);
}

#[test]
fn the_largest_height_in_as_many_slices_as_there_can_be() {
    let first = Picture {
        flags: CABAC,
        frame: Frame {
            width: 16,
            height: 2304,
            slices: 126,
            ..Frame::default()
        },
        ..Picture::new()
    };
    matches_decoder("gen2_high_picture", &sliding(&first, 2, 1));
}
