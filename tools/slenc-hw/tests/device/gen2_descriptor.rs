// SPDX-License-Identifier: GPL-2.0

//! Descriptors of generation 2 that are wrong: refused with the field's offset, and nothing else
//! written.

use proptest::prelude::*;
use proptest::test_runner::{
    Config,
    TestRunner, //
};

use slenc_hw::descriptor::Task;
use slenc_hw::generation::Generation;
use slenc_hw::registers::offset;

use crate::control_block::{
    Control,
    CONTROL,
    CONTROL_SIZE,
    HARD_MAX,
    ROWS, //
};
use crate::descriptor::writable_parts;
use crate::gen2_stream::{
    Picture,
    CABAC,
    LONG_TERM_REFERENCE, //
};
use crate::machine::{
    Machine,
    BAD_DESCRIPTOR,
    BASE,
    DESCRIPTOR,
    DMA_FAULT,
    IN_UNITS,
    OK,
    READ_ONLY,
    RO_SIZE,
    RW_SIZE,
    TOTAL,
    UNMAPPED, //
};
use crate::stream::{
    Frame,
    HEADER,
    UNITS, //
};

/// Pictures that together use every field.
fn intra() -> Picture {
    Picture {
        frame: Frame {
            slices: 2,
            control: Some(Control {
                qps: [28, 40],
                checkpoints: vec![(1, 9)],
                target_bits: 9,
                max_bits: 3000,
                ..Control::new(ROWS | HARD_MAX)
            }),
            ..Frame::default()
        },
        flags: CABAC | LONG_TERM_REFERENCE,
        order_bits: 4,
        qp_map: Some((4, |_| 3)),
        ..Picture::new()
    }
}

fn inter() -> Picture {
    Picture {
        frame: Frame {
            number: 3,
            slices: 2,
            forced_intra: vec![(2, 3), (0, 12)],
            ..Frame::default()
        },
        flags: CABAC,
        references: vec![2, 1, 0],
        modifications: vec![(0, 0), (1, 0), (2, 0)],
        marking: vec![(1, 0, 2), (2, 0, 1), (3, 1, 1), (4, 0, 2), (6, 0, 0)],
        ..Picture::new()
    }
}

fn all_skip() -> Picture {
    Picture {
        frame: Frame {
            number: 1,
            all_skip: true,
            ..Frame::default()
        },
        references: vec![0],
        ..Picture::new()
    }
}

#[test]
fn every_field_out_of_range() {
    let mut machine = Machine::gen2(None);
    let two = Picture::recon_of(2).to_le_bytes();
    let near = (Picture::recon_of(1) + 12 * 384 - 1).to_le_bytes();
    let planar = Picture {
        frame: Frame {
            format: 1,
            ..intra().frame
        },
        ..intra()
    };
    let uncontrolled = [CABAC as u8, 0, 0, 0];
    #[rustfmt::skip]
    let cases: &[(Picture, usize, &[u8], u32)] = &[
        (intra(), 0x00, &[1], 0x00),
        (intra(), 0x00, &[3], 0x00),
        (intra(), 0x04, &[0], 0x04),
        (intra(), 0x04, &[3], 0x04),
        (intra(), 0x09, &[1], 0x08),
        (intra(), 0x0b, &[0x80], 0x08),
        (inter(), 0x08, &[0x54], 0x08),
        (inter(), 0x08, &[0x94], 0x08),
        (inter(), 0x08, &[0x34], 0x0c),
        (intra(), 0x08, &[1], 0x0c),
        (intra(), 0x0c, &[1], 0x0c),
        (intra(), 0x0c, &[0], 0x0c),
        (intra(), 0x0d, &[52], 0x0d),
        (intra(), 0x0e, &[13], 0x0e),
        (intra(), 0x0f, &[243], 0x0f),
        (intra(), 0x10, &[0, 0], 0x10),
        (intra(), 0x10, &[1, 1], 0x10),
        (intra(), 0x12, &[0, 0], 0x12),
        (intra(), 0x12, &[145, 0], 0x12),
        (intra(), 0x14, &[48], 0x14),
        (intra(), 0x16, &[35], 0x16),
        (intra(), 0x18, &[4], 0x18),
        (intra(), 0x19, &[3], 0x19),
        (intra(), 0x1a, &[7], 0x1a),
        (intra(), 0x1b, &[249], 0x1b),
        (inter(), 0x1c, &[0], 0x1c),
        (inter(), 0x1c, &[5], 0x1c),
        (intra(), 0x1c, &[1], 0x1c),
        (intra(), 0x1d, &[1], 0x1d),
        (inter(), 0x1d, &[17], 0x1d),
        (intra(), 0x1e, &[0], 0x1e),
        (intra(), 0x1e, &[129], 0x1e),
        (intra(), 0x1f, &[1], 0x1e),
        (intra(), 0x20, &[49, 0, 0, 0], 0x20),
        (intra(), 0x28, &[50], 0x28),
        (intra(), 0x2c, &[3], 0x2c),
        (all_skip(), 0x2c, &[4], 0x2c),
        (intra(), 0x30, &[0; 8], 0x30),
        (intra(), 0x40, &[8], 0x40),
        (planar.clone(), 0x40, &[0; 8], 0x40),
        (intra(), 0x48, &[0; 8], 0x48),
        (intra(), 0x2c, &[0], 0x48),
        (inter(), 0x48, &[8], 0x48),
        (intra(), 0x50, &[8], 0x50),
        (inter(), 0x50, &[0; 8], 0x50),
        (inter(), 0x60, &[0; 8], 0x60),
        (inter(), 0x60, &two, 0x60),
        (inter(), 0x68, &[8], 0x68),
        (intra(), 0x70, &[0; 8], 0x70),
        (inter(), 0x70, &two, 0x70),
        (inter(), 0x70, &near, 0x70),
        (intra(), 0x78, &[0; 8], 0x78),
        (intra(), 0x80, &[0; 4], 0x80),
        (intra(), 0x84, &[1, 0, 0x10, 0], 0x84),
        (intra(), 0x84, &[0; 4], 0x88),
        (intra(), 0x88, &[0; 8], 0x88),
        (intra(), 0x88, &[4], 0x88),
        (inter(), 0x88, &[8], 0x88),
        (intra(), 0x90, &[0; 8], 0x90),
        (intra(), 0x90, &[9], 0x90),
        (intra(), 0x98, &[4], 0x98),
        (all_skip(), 0x98, &[8], 0x98),
        (all_skip(), 0x9f, &[1], 0x98),
        (intra(), 0xa0, &[4], 0xa0),
        (intra(), 0xa0, &[0], 0xa0),
        (intra(), 0xa2, &[26], 0xa2),
        (intra(), 0xa2, &[229], 0xa2),
        (intra(), 0xa3, &[32], 0xa3),
        (intra(), 0xa4, &[13], 0xa4),
        (intra(), 0xa5, &[1], 0xa5),
        (intra(), 0xa5, &[3], 0xa5),
        (intra(), 0xa6, &[13], 0xa6),
        (inter(), 0xa6, &[1], 0xa6),
        (intra(), 0xa7, &[1], 0xa7),
        (inter(), 0xa7, &[3], 0xa7),
        (all_skip(), 0xa7, &[1], 0xa7),
        (intra(), 0xa8, &[1], 0xa8),
        (inter(), 0xa8, &[16], 0xa8),
        (inter(), 0xa9, &[1], 0xa8),
        (inter(), 0xaa, &[1], 0xaa),
        (intra(), 0xac, &[16], 0xac),
        (inter(), 0xac, &[1], 0xac),
        (intra(), 0xae, &[1], 0xae),
        (inter(), 0xae, &[4], 0xae),
        (intra(), 0xaf, &[1], 0xaf),
        (inter(), 0xaf, &[17], 0xaf),
        (inter(), 0xa0, &[0], 0xaf),
        (inter(), 0xb0, &[3], 0xb0),
        (inter(), 0xb3, &[1], 0xb1),
        (inter(), 0xb4, &[16], 0xb4),
        (inter(), 0xbc, &[16], 0xbc),
        (inter(), 0xc4, &[16], 0xc4),
        (inter(), 0xae, &[2], 0xc0),
        (inter(), 0xcc, &[1], 0xcc),
        (intra(), 0xb4, &[1], 0xb4),
        (intra(), 0xd0, &[1], 0xd0),
        (intra(), 0xff, &[1], 0xd0),
        (inter(), 0x100, &[0], 0x100),
        (inter(), 0x100, &[5], 0x100),
        (inter(), 0x100, &[7], 0x100),
        (inter(), 0x101, &[1], 0x101),
        (inter(), 0x103, &[1], 0x102),
        (inter(), 0x104, &[16], 0x104),
        (inter(), 0x109, &[1], 0x109),
        (inter(), 0x10c, &[16], 0x10c),
        (inter(), 0x111, &[16], 0x111),
        (inter(), 0x114, &[16], 0x114),
        (inter(), 0x119, &[1], 0x119),
        (inter(), 0x11c, &[17], 0x11c),
        (inter(), 0x121, &[16], 0x121),
        (inter(), 0x124, &[1], 0x124),
        (inter(), 0x128, &[1], 0x128),
        (inter(), 0x12c, &[1], 0x12c),
        (intra(), 0x17f, &[1], 0x17c),
        (intra(), 0x180, &[1], 0x180),
        (inter(), 0x180, &[12, 0, 0, 0], 0x180),
        (inter(), 0x184, &[0], 0x184),
        (inter(), 0x1fc, &[1], 0x1fc),
        (all_skip(), 0x18, &[1], 0x18),
        (all_skip(), 0x14, &[50], 0x14),
        (all_skip(), 0x1d, &[1], 0x1d),
        (all_skip(), 0x20, &[64], 0x20),
        (all_skip(), 0x30, &[64], 0x30),
    ];
    for (i, (picture, at, bytes, error)) in cases.iter().enumerate() {
        picture.prepare(&machine, 1);
        machine.fill(DESCRIPTOR + *at as u64, bytes);
        let got = machine.run(i as u32 + 1);
        assert_eq!(got, (BAD_DESCRIPTOR, *error, 0), "{at:#x} {bytes:x?}");
    }
    // Deblocking parameters without a place in the slice header.
    for at in [0x19, 0x1a, 0x1b] {
        inter().prepare(&machine, 1);
        machine.fill(DESCRIPTOR + 8, &uncontrolled);
        machine.fill(DESCRIPTOR + at, &[1]);
        assert_eq!(machine.run(500), (BAD_DESCRIPTOR, at as u32, 0));
    }
    for (i, picture) in [intra(), inter(), all_skip()].iter().enumerate() {
        picture.prepare(&machine, 1);
        assert_eq!(machine.run(1000 + i as u32), (OK, 0, 0));
    }
}

#[test]
fn every_field_of_a_measurement_out_of_range() {
    let mut machine = Machine::gen2(None);
    #[rustfmt::skip]
    let cases: &[(usize, &[u8], u32)] = &[
        (0x08, &[1], 0x08),
        (0x0c, &[2], 0x08),
        (0x0f, &[1], 0x08),
        (0x10, &[0, 0], 0x10),
        (0x12, &[145, 0], 0x12),
        (0x14, &[0, 0], 0x14),
        (0x16, &[35], 0x16),
        (0x18, &[4], 0x18),
        (0x19, &[1], 0x19),
        (0x1b, &[1], 0x19),
        (0x1c, &[2], 0x1c),
        (0x1d, &[1], 0x1d),
        (0x1e, &[1], 0x1d),
        (0x20, &[49, 0, 0, 0], 0x20),
        (0x2c, &[4], 0x2c),
        (0x30, &[0; 8], 0x30),
        (0x48, &[8], 0x48),
        (0x50, &[0; 8], 0x50),
        (0x1c, &[0], 0x50),
        (0x58, &[8], 0x58),
        (0x78, &[8], 0x58),
        (0xa0, &[1], 0x58),
        (0x1ff, &[1], 0x58),
    ];
    for (i, (at, bytes, error)) in cases.iter().enumerate() {
        inter().measure(&machine, 1);
        machine.fill(DESCRIPTOR + *at as u64, bytes);
        let got = machine.run(i as u32 + 1);
        assert_eq!(got, (BAD_DESCRIPTOR, *error, 0), "{at:#x} {bytes:x?}");
    }
    for (at, addr) in [(0x30, UNMAPPED), (0x38, BASE + TOTAL), (0x50, UNMAPPED)] {
        inter().measure(&machine, 1);
        machine.fill(DESCRIPTOR + at, &addr.to_le_bytes());
        assert_eq!(machine.run(100), (DMA_FAULT, 0, addr), "{at:#x}");
    }
    inter().measure(&machine, 1);
    assert_eq!(machine.run(200), (OK, 0, 0));
}

#[test]
fn slices_have_no_bits() {
    // SPS, PPS and two slices; then only slices, and no header memory.
    let mut machine = Machine::gen2(None);
    #[rustfmt::skip]
    let cases: &[(Picture, usize, &[u8], u32)] = &[
        (intra(), 0x44, &[1], 0x44),
        (intra(), 0x48, &[8], 0x48),
        (intra(), 0x28, &[0], 0x28),
        (intra(), 0x4e, &[0], 0x4e),
        (inter(), 0x04, &[1], 0x04),
        (inter(), 0x08, &[8], 0x08),
        (inter(), 0x00, &[0], 0x04),
        (inter(), 0x2e, &[1], 0x2e),
    ];
    for (i, (picture, at, bytes, error)) in cases.iter().enumerate() {
        picture.prepare(&machine, 1);
        machine.fill(UNITS + *at as u64, bytes);
        let got = machine.run(i as u32 + 1);
        let expected = (BAD_DESCRIPTOR, IN_UNITS | *error, 0);
        assert_eq!(got, expected, "{at:#x} {bytes:x?}");
    }
    intra().prepare(&machine, 1);
    machine.fill(DESCRIPTOR + 0x1e, &[2]);
    assert_eq!(machine.run(100), (BAD_DESCRIPTOR, 0x1e, 0));
}

#[test]
fn ranges_that_cannot_be_accessed() {
    let mut machine = Machine::gen2(None);
    #[rustfmt::skip]
    let cases: &[(Picture, usize, u64, u64)] = &[
        (intra(), 0x30, UNMAPPED - 100, UNMAPPED),
        (intra(), 0x48, UNMAPPED - 10, UNMAPPED),
        (inter(), 0x50, UNMAPPED, UNMAPPED),
        (inter(), 0x60, UNMAPPED - 12 * 384 + 1, UNMAPPED),
        (intra(), 0x70, READ_ONLY - 12 * 384 + 1, READ_ONLY),
        (intra(), 0x78, READ_ONLY - 16, READ_ONLY),
        (intra(), 0x88, UNMAPPED, UNMAPPED),
        (intra(), 0x90, READ_ONLY, READ_ONLY),
    ];
    for (i, (picture, at, addr, error)) in cases.iter().enumerate() {
        picture.prepare(&machine, 1);
        machine.fill(DESCRIPTOR + *at as u64, &addr.to_le_bytes());
        let got = machine.run(i as u32 + 1);
        assert_eq!(got, (DMA_FAULT, 0, *error), "{at:#x}: {addr:#x}");
    }
}

#[test]
fn descriptor_that_cannot_be_read() {
    let mut machine = Machine::gen2(None);
    let descriptor = intra().prepare(&machine, 1);
    // The result block alone is out of reach in the first and second.
    for addr in [READ_ONLY - 512, READ_ONLY - 576, READ_ONLY] {
        machine.fill(addr, &descriptor);
    }
    let places = [
        DESCRIPTOR + 32,
        READ_ONLY - 512,
        READ_ONLY - 576,
        READ_ONLY,
        READ_ONLY + RO_SIZE - 256,
        u64::MAX - 511,
    ];
    for (i, addr) in places.into_iter().enumerate() {
        let before = machine.snapshot();
        machine.ring(i as u32 + 1, addr);
        machine.interrupt();
        assert_eq!(machine.read_register(offset::IRQ_STATUS), 4, "{addr:#x}");
        assert!(machine.snapshot() == before, "{addr:#x}");
    }
}

#[test]
fn random_descriptors() {
    let mut machine = Machine::gen2(None);
    let value = prop_oneof![
        3 => any::<u8>(),
        2 => 0u8..5,
        1 => Just(0xff),
    ];
    let addresses = prop_oneof![
        BASE..BASE + RW_SIZE,
        BASE..BASE + TOTAL + 100,
        (0u64..64).prop_map(|n| READ_ONLY - n),
        Just(UNITS),
        Just(HEADER),
        Just(DESCRIPTOR),
        any::<u64>(),
    ];
    let used = vec![0x30, 0x38, 0x48, 0x50, 0x70, 0x78, 0x88, 0x90, 0x98];
    let address_fields = prop_oneof![
        3 => proptest::sample::select(used),
        1 => (6u64..20).prop_map(|n| 8 * n),
    ];
    // What decides on the syntax is changed more often than the tables.
    let places = prop_oneof![0u64..0x20, 0xa0u64..0xd0, 0u64..512];
    let strategy = (
        0u8..4,
        proptest::collection::vec((places, value.clone()), 0..2),
        proptest::collection::vec((0u64..128, value.clone()), 0..2),
        proptest::collection::vec((0..CONTROL_SIZE, value), 0..3),
        proptest::collection::vec((address_fields, addresses), 0..3),
    );
    let tag = std::cell::Cell::new(0u32);
    let machine = std::cell::RefCell::new(&mut machine);
    let outcomes = std::cell::RefCell::new([0u32; 6]);
    TestRunner::new(Config::with_cases(1000))
        .run(
            &strategy,
            |(kind, bytes, unit_bytes, control, addresses)| {
                let mut machine = machine.borrow_mut();
                match kind {
                    0 => drop(intra().prepare(&machine, 1)),
                    1 => drop(inter().prepare(&machine, 1)),
                    2 => drop(all_skip().prepare(&machine, 1)),
                    _ => inter().measure(&machine, 1),
                }
                for (at, value) in bytes {
                    machine.fill(DESCRIPTOR + at, &[value]);
                }
                for (at, value) in unit_bytes {
                    machine.fill(UNITS + at, &[value]);
                }
                for (at, value) in control {
                    machine.fill(CONTROL + at, &[value]);
                }
                for (at, addr) in addresses {
                    machine.fill(DESCRIPTOR + at, &addr.to_le_bytes());
                }
                let task = Task::parse(Generation::Gen2, &machine.bytes(DESCRIPTOR, 512));
                let mut before = machine.snapshot();
                tag.set(tag.get() + 1);
                machine.ring(tag.get(), DESCRIPTOR);
                machine.interrupt();
                let status = machine.word(machine.result());
                prop_assert_eq!(machine.word(machine.result() + 4), tag.get());
                outcomes.borrow_mut()[status as usize] += 1;
                prop_assert!(status != 5, "the engine failed");
                prop_assert_eq!(task.is_err() && status != BAD_DESCRIPTOR, false);
                let mut after = machine.snapshot();
                let done = task.ok().filter(|_| status == OK);
                for part in writable_parts(machine.result(), done) {
                    before[part.clone()].fill(0);
                    after[part].fill(0);
                }
                prop_assert!(before == after, "written where it must not");
                Ok(())
            },
        )
        .unwrap();
    let outcomes = outcomes.into_inner();
    for status in [OK, BAD_DESCRIPTOR, DMA_FAULT] {
        assert!(outcomes[status as usize] > 10, "{outcomes:?}");
    }
}
