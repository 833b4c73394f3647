// SPDX-License-Identifier: GPL-2.0

//! In-frame control of both generations: QP goes with the bits, the maximum holds, and what the
//! decoder makes of the output is the reconstruction.

use crate::gen2;
use crate::gen2_stream::{
    Picture,
    CABAC, //
};
use crate::jobs;
use crate::machine::{
    Machine,
    BAD_DESCRIPTOR,
    BASE,
    DESCRIPTOR,
    DMA_FAULT,
    OK,
    UNMAPPED, //
};
use crate::stream::{
    Frame,
    UNITS, //
};

/// Where the block is.
pub(crate) const CONTROL: u64 = BASE + 0x4_0000;
/// Its bytes.
pub(crate) const CONTROL_SIZE: u64 = 0x98;

/// Set in error_info when the offset is one in the block.
const IN_CONTROL: u32 = 1 << 30;

pub(crate) const ROWS: u32 = 1 << 0;
pub(crate) const HARD_MAX: u32 = 1 << 1;

/// An in-frame control block.
#[derive(Clone, Default)]
pub(crate) struct Control {
    pub(crate) flags: u32,
    pub(crate) qps: [u8; 2],
    pub(crate) max_step: u8,
    pub(crate) gain: u16,
    pub(crate) target_bits: u32,
    pub(crate) max_bits: u32,
    /// Rows and the bits before them.
    pub(crate) checkpoints: Vec<(u32, u32)>,
}

impl Control {
    /// One that may do anything with QP.
    pub(crate) fn new(flags: u32) -> Self {
        Self {
            flags,
            qps: [0, 51],
            max_step: 6,
            gain: 256,
            ..Self::default()
        }
    }

    pub(crate) fn fill(&self, machine: &Machine) {
        let mut out = Vec::from(self.flags.to_le_bytes());
        out.extend(self.qps);
        out.extend([self.max_step, self.checkpoints.len() as u8]);
        out.extend(self.gain.to_le_bytes());
        out.extend([0; 2]);
        out.extend(self.target_bits.to_le_bytes());
        out.extend(self.max_bits.to_le_bytes());
        out.extend([0; 4]);
        for (row, bits) in &self.checkpoints {
            out.extend(row.to_le_bytes());
            out.extend(bits.to_le_bytes());
        }
        out.resize(CONTROL_SIZE as usize, 0);
        machine.fill(CONTROL, &out);
    }
}

/// A frame of nine rows that is hard to code.
fn frame(control: Control) -> Frame {
    Frame {
        width: 176,
        height: 144,
        qp: 20,
        control: Some(control),
        ..Frame::default()
    }
}

fn gen1_frame() -> Frame {
    frame(Control {
        target_bits: 20_000,
        checkpoints: vec![(2, 4000), (3, 6000), (8, 19_000)],
        ..Control::new(0)
    })
}

fn gen2_picture(flags: u32, max_bits: u32) -> Picture {
    Picture {
        frame: frame(Control {
            max_bits,
            ..Control::new(ROWS | HARD_MAX)
        }),
        flags,
        ..Picture::new()
    }
}

#[test]
fn checkpoints() {
    let machine = jobs::matches_decoder("checkpoints", &gen1_frame());
    let word = |at| machine.word(machine.result() + at);
    let bits = [word(0xb0), word(0xb4), word(0xb8)];
    assert!(
        0 < bits[0] && bits.is_sorted() && bits[2] < word(0x1c),
        "{bits:?}"
    );
    assert_eq!(word(0xbc), 0);
    assert_eq!((word(0x9c), word(0xa0)), (0, 0));
    let bytes = machine.bytes(machine.result() + 0x50, 2);
    assert!(bytes[0] < bytes[1], "{bytes:?}");
}

#[test]
fn rows_with_a_hard_maximum() {
    for flags in [0, CABAC] {
        let first = gen2_picture(flags, 16_000);
        let machine =
            gen2::matches_decoder(&format!("gen2_rows{flags}"), &gen2::sliding(&first, 4, 2));
        let word = |at| machine.word(machine.result() + at);
        assert_eq!(word(0xa0), 16_000);
        // The last picture is one slice and nothing else.
        assert!(8 * word(8) - word(0x18) <= 16_000);
        assert!(word(0x1c) > 12_000);
    }
}

/// Every size of the maximum: the last bytes of the picture are what is left out.
#[test]
fn every_maximum() {
    let mut machine = Machine::gen2(None);
    for flags in [0, CABAC] {
        let mut forced = Vec::new();
        for max_bits in [1, 500, 1000, 3000, 9000, 50_000, u32::MAX] {
            gen2_picture(flags, max_bits).prepare(&machine, 1);
            assert_eq!(machine.run(max_bits), (OK, 0, 0));
            let word = |at| machine.word(machine.result() + at);
            let parameter_sets = machine.word(UNITS + 0x10) + machine.word(UNITS + 0x30);
            let slice = 8 * machine.word(UNITS + 0x50);
            // Start code, NAL unit header and slice header.
            let headers = word(0x18) - 8 * parameter_sets;
            assert!(word(0xa0) >= max_bits);
            assert!(
                slice - headers <= word(0xa0),
                "{slice} {headers} {max_bits}"
            );
            forced.push(word(0x9c));
        }
        assert_eq!(forced[0], 99);
        assert_eq!(forced[6], 0);
        assert!(forced.is_sorted_by(|a, b| a >= b), "{forced:?}");
    }
}

#[test]
fn every_field_out_of_range() {
    #[rustfmt::skip]
    let both: &[(u64, &[u8], u32)] = &[
        (0x03, &[1], 0x00),
        (0x04, &[21], 0x04),
        (0x05, &[19], 0x05),
        (0x05, &[52], 0x05),
        (0x06, &[0], 0x06),
        (0x06, &[52], 0x06),
        (0x07, &[17], 0x07),
        (0x07, &[4], 0x30),
        (0x07, &[2], 0x28),
        (0x08, &[1, 1], 0x08),
        (0x0a, &[1], 0x0a),
        (0x0b, &[1], 0x0a),
        (0x0c, &[0x37, 0x4a], 0x2c),
        (0x14, &[1], 0x14),
        (0x17, &[1], 0x14),
        (0x18, &[0], 0x18),
        (0x18, &[9], 0x18),
        (0x1b, &[0xff], 0x18),
        (0x20, &[2], 0x20),
        (0x24, &[0, 0, 0], 0x24),
        (0x2f, &[0xff], 0x2c),
        (0x30, &[1], 0x30),
        (0x37, &[1], 0x34),
        (0x97, &[1], 0x94),
    ];
    let of_gen1: &[(u64, &[u8], u32)] = &[(0x00, &[1], 0x00), (0x00, &[2], 0x00)];
    let of_gen2: &[(u64, &[u8], u32)] = &[(0x00, &[0], 0x00), (0x00, &[2], 0x00), (0x00, &[5], 0)];
    let second = Picture {
        frame: Frame {
            control: gen1_frame().control.map(|control| Control {
                flags: ROWS | HARD_MAX,
                ..control
            }),
            ..gen1_frame()
        },
        ..Picture::new()
    };
    let mut gen1 = Machine::new(None);
    let mut gen2 = Machine::gen2(None);
    for (tag, &(at, bytes, error)) in both.iter().chain(of_gen1).enumerate() {
        gen1_frame().prepare(&gen1, 1);
        gen1.fill(CONTROL + at, bytes);
        let expected = (BAD_DESCRIPTOR, IN_CONTROL | error, 0);
        assert_eq!(gen1.run(tag as u32 + 1), expected, "{at:#x} {bytes:x?}");
    }
    for (tag, &(at, bytes, error)) in both.iter().chain(of_gen2).enumerate() {
        second.prepare(&gen2, 1);
        gen2.fill(CONTROL + at, bytes);
        let expected = (BAD_DESCRIPTOR, IN_CONTROL | error, 0);
        assert_eq!(gen2.run(tag as u32 + 1), expected, "{at:#x} {bytes:x?}");
    }
    gen1_frame().prepare(&gen1, 1);
    assert_eq!(gen1.run(1000), (OK, 0, 0));
    second.prepare(&gen2, 1);
    assert_eq!(gen2.run(1000), (OK, 0, 0));
}

#[test]
fn a_block_that_cannot_be_read() {
    let mut machine = Machine::new(None);
    for (addr, error) in [
        (UNMAPPED, UNMAPPED),
        (UNMAPPED - CONTROL_SIZE + 8, UNMAPPED),
        (u64::MAX & !7, u64::MAX & !7),
    ] {
        gen1_frame().prepare(&machine, 1);
        machine.fill(DESCRIPTOR + 0x78, &addr.to_le_bytes());
        assert_eq!(machine.run(1), (DMA_FAULT, 0, error), "{addr:#x}");
    }
}
