// SPDX-License-Identifier: GPL-2.0

//! Jobs of generation 2 that succeed: what the decoder makes of the output is the reconstruction.

use std::fs;

use crate::gen2_stream::{
    Picture,
    CABAC,
    LONG_TERM_REFERENCE, //
};
use crate::machine::{
    Machine,
    OK, //
};
use crate::stream::{
    decode,
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
fn matches_decoder(name: &str, pictures: &[Picture]) -> Machine {
    let directory = scratch(name);
    let log = directory.join("recon.log");
    let mut machine = Machine::gen2(Some(&log));
    let mut stream = Vec::new();
    for (i, picture) in pictures.iter().enumerate() {
        stream.extend(run(&mut machine, picture, 100 + i as u32));
    }
    let decoded = decode(&directory, &stream);
    let log = fs::read_to_string(&log).unwrap();
    let (width, height) = (pictures[0].frame.width, pictures[0].frame.height);
    let expected: Vec<_> = decoded
        .iter()
        .enumerate()
        .map(|(i, md5)| format!("{},{width},{height},{md5}", 100 + i))
        .collect();
    assert_eq!(decoded.len(), pictures.len());
    assert_eq!(log.lines().collect::<Vec<_>>(), expected);
    machine
}

/// Pictures like `first`, of which each refers to up to `references` before it, newest first.
fn sliding(first: &Picture, count: u32, references: u32) -> Vec<Picture> {
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
fn four_references() {
    for flags in [0, CABAC] {
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
}

#[test]
fn the_largest_width() {
    let first = Picture {
        flags: CABAC,
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
