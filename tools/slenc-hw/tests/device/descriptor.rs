// SPDX-License-Identifier: GPL-2.0

//! Descriptors that are wrong: refused with the field's offset, and nothing else written.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{
    Config,
    TestRunner, //
};

use slenc_hw::descriptor::Task;
use slenc_hw::generation::Generation;
use slenc_hw::registers::offset;

use crate::client::CONFIG;
use crate::control_block::{
    Control,
    CONTROL,
    CONTROL_SIZE, //
};
use crate::machine::{
    Machine,
    BAD_DESCRIPTOR,
    BASE,
    DESCRIPTOR,
    DMA_FAULT,
    IN_UNITS,
    OK,
    OUTPUT_FULL,
    READ_ONLY,
    RO_SIZE,
    RW_SIZE,
    TOTAL,
    UNMAPPED, //
};
use crate::stream::{
    Frame,
    HEADER,
    OUTPUT,
    RECON,
    UNITS, //
};

/// Frames that together use every field.
fn intra() -> Frame {
    Frame {
        slices: 2,
        control: Some(Control {
            qps: [28, 40],
            checkpoints: vec![(1, 9)],
            target_bits: 9,
            ..Control::new(0)
        }),
        ..Frame::default()
    }
}

fn inter() -> Frame {
    Frame {
        number: 1,
        slices: 2,
        forced_intra: vec![(2, 3), (0, 12)],
        ..Frame::default()
    }
}

fn all_skip() -> Frame {
    Frame {
        number: 1,
        all_skip: true,
        ..Frame::default()
    }
}

#[test]
fn every_field_out_of_range() {
    let mut machine = Machine::new(None);
    let near = RECON[0] + 12 * 384 - 1;
    #[rustfmt::skip]
    let cases: &[(Frame, usize, &[u8], u32)] = &[
        (intra(), 0x00, &[0], 0x00),
        (intra(), 0x00, &[2], 0x00),
        (intra(), 0x03, &[1], 0x00),
        (intra(), 0x04, &[0], 0x04),
        (intra(), 0x04, &[2], 0x04),
        (intra(), 0x08, &[4], 0x08),
        (intra(), 0x0b, &[0x80], 0x08),
        (intra(), 0x08, &[1], 0x0c),
        (intra(), 0x0c, &[1], 0x0c),
        (intra(), 0x0c, &[3], 0x0c),
        (intra(), 0x0d, &[52], 0x0d),
        (intra(), 0x0d, &[255], 0x0d),
        (intra(), 0x0e, &[13], 0x0e),
        (intra(), 0x0e, &[243], 0x0e),
        (intra(), 0x0f, &[4], 0x0f),
        (intra(), 0x10, &[0, 0], 0x10),
        (intra(), 0x10, &[121, 0], 0x10),
        (intra(), 0x10, &[0xff, 0xff], 0x10),
        (intra(), 0x12, &[0, 0], 0x12),
        (intra(), 0x12, &[69, 0], 0x12),
        (intra(), 0x14, &[0], 0x14),
        (intra(), 0x14, &[49], 0x14),
        (intra(), 0x14, &[48], 0x14),
        (intra(), 0x14, &[66], 0x14),
        (intra(), 0x16, &[35], 0x16),
        (intra(), 0x16, &[32], 0x16),
        (intra(), 0x16, &[50], 0x16),
        (Frame { width: 16, ..intra() }, 0x14, &[14], 0x14),
        (Frame { height: 16, slices: 1, ..intra() }, 0x16, &[14], 0x16),
        (intra(), 0x18, &[3], 0x18),
        (intra(), 0x19, &[7], 0x19),
        (intra(), 0x19, &[249], 0x19),
        (intra(), 0x1a, &[7], 0x1a),
        (intra(), 0x1a, &[249], 0x1a),
        (intra(), 0x1b, &[1], 0x1b),
        (inter(), 0x1b, &[17], 0x1b),
        (intra(), 0x1c, &[0], 0x1c),
        (intra(), 0x1c, &[65], 0x1c),
        (intra(), 0x1d, &[1], 0x1c),
        (intra(), 0x1e, &[1], 0x1e),
        (intra(), 0x1f, &[1], 0x1e),
        (intra(), 0x20, &[49, 0, 0, 0], 0x20),
        (intra(), 0x24, &[49, 0, 0, 0], 0x24),
        (intra(), 0x28, &[50], 0x28),
        (Frame { format: 1, ..intra() }, 0x28, &[24], 0x28),
        (Frame { format: 2, ..intra() }, 0x20, &[99], 0x20),
        (Frame { format: 3, ..intra() }, 0x24, &[100], 0x24),
        (intra(), 0x2c, &[1], 0x2c),
        (intra(), 0x2f, &[1], 0x2c),
        (intra(), 0x30, &[0; 8], 0x30),
        (intra(), 0x38, &[0; 8], 0x38),
        (intra(), 0x40, &[8], 0x40),
        (Frame { format: 1, ..intra() }, 0x40, &[0; 8], 0x40),
        (intra(), 0x48, &[8], 0x48),
        (inter(), 0x48, &[0; 8], 0x48),
        (intra(), 0x50, &[0; 8], 0x50),
        (intra(), 0x08, &[2], 0x50),
        (inter(), 0x50, &RECON[0].to_le_bytes(), 0x50),
        (inter(), 0x50, &near.to_le_bytes(), 0x50),
        (intra(), 0x58, &[0; 8], 0x58),
        (intra(), 0x60, &[0; 4], 0x60),
        (intra(), 0x64, &[0; 4], 0x64),
        (intra(), 0x64, &[1, 0, 0x10, 0], 0x64),
        (intra(), 0x68, &[0; 8], 0x68),
        (intra(), 0x68, &[4], 0x68),
        (intra(), 0x70, &[0; 8], 0x70),
        (intra(), 0x70, &[9], 0x70),
        (intra(), 0x78, &[4], 0x78),
        (all_skip(), 0x78, &[8], 0x78),
        (all_skip(), 0x7f, &[1], 0x78),
        (intra(), 0x80, &[1], 0x80),
        (intra(), 0xfc, &[1], 0xfc),
        (inter(), 0x80, &[12, 0, 0, 0], 0x80),
        (inter(), 0x84, &[0], 0x84),
        (inter(), 0x84, &[11], 0x84),
        (inter(), 0x84, &[0xff; 4], 0x84),
        (inter(), 0x8c, &[13], 0x8c),
        (inter(), 0x90, &[1], 0x90),
        (all_skip(), 0x0c, &[2], 0x0c),
        (all_skip(), 0x0f, &[1], 0x0f),
        (all_skip(), 0x14, &[50], 0x14),
        (all_skip(), 0x16, &[36], 0x16),
        (all_skip(), 0x1b, &[1], 0x1b),
        (all_skip(), 0x20, &[64], 0x20),
        (all_skip(), 0x30, &[64], 0x30),
    ];
    for (i, (frame, at, bytes, error)) in cases.iter().enumerate() {
        frame.prepare(&machine, 1);
        machine.fill(DESCRIPTOR + *at as u64, bytes);
        let got = machine.run(i as u32 + 1);
        assert_eq!(got, (BAD_DESCRIPTOR, *error, 0), "{at:#x} {bytes:x?}");
    }
    for (i, frame) in [intra(), inter(), all_skip()].iter().enumerate() {
        frame.prepare(&machine, 1);
        assert_eq!(machine.run(1000 + i as u32), (OK, 0, 0));
    }
}

#[test]
fn every_unit_field_out_of_range() {
    // Four units: SPS, PPS and slices of rows 0 and 1..=2.
    let mut machine = Machine::new(None);
    #[rustfmt::skip]
    let cases: &[(usize, &[u8], u32)] = &[
        (0x00, &[2], 0x00),
        (0x01, &[1], 0x01),
        (0x01, &[2], 0x01),
        (0x01, &[5], 0x01),
        (0x02, &[1], 0x02),
        (0x23, &[1], 0x22),
        (0x04, &[0, 1, 0, 0], 0x04),
        (0x04, &[0xff; 4], 0x04),
        (0x08, &[0; 4], 0x08),
        (0x08, &[9, 0, 0, 0], 0x08),
        (0x08, &[0, 0, 1, 0], 0x08),
        (0x48, &[7, 0, 0, 0], 0x48),
        (0x48, &[0xff; 4], 0x48),
        (0x0c, &[1], 0x0c),
        (0x0e, &[1], 0x0e),
        (0x4c, &[1], 0x4c),
        (0x4e, &[0], 0x4e),
        (0x4e, &[2], 0x6c),
        (0x4e, &[4], 0x4e),
        (0x4e, &[0xff; 2], 0x4e),
        (0x6c, &[0xff; 2], 0x6c),
        (0x6e, &[1], 0x6e),
        (0x14, &[1], 0x14),
        (0x7f, &[1], 0x7c),
    ];
    for (i, (at, bytes, error)) in cases.iter().enumerate() {
        intra().prepare(&machine, 1);
        machine.fill(UNITS + *at as u64, bytes);
        let got = machine.run(i as u32 + 1);
        let expected = (BAD_DESCRIPTOR, IN_UNITS | *error, 0);
        assert_eq!(got, expected, "{at:#x} {bytes:x?}");
    }
    // No slice at all.
    intra().prepare(&machine, 1);
    machine.fill(DESCRIPTOR + 0x1c, &[2]);
    assert_eq!(machine.run(100), (BAD_DESCRIPTOR, 0x1c, 0));
    // The size of a unit is the hardware's field, whatever is in it.
    intra().prepare(&machine, 1);
    machine.fill(UNITS + 0x10, &[0xff; 4]);
    assert_eq!(machine.run(101), (OK, 0, 0));
    assert!(machine.word(UNITS + 0x10) < 100);
}

#[test]
fn ranges_that_cannot_be_accessed() {
    let mut machine = Machine::new(None);
    let end = BASE + TOTAL;
    let top = u64::MAX - 7;
    #[rustfmt::skip]
    let cases: &[(Frame, usize, u64, u64)] = &[
        // Not there at all, or only in part.
        (intra(), 0x30, end, end),
        (intra(), 0x30, 8, 8),
        (intra(), 0x30, UNMAPPED - 100, UNMAPPED),
        (intra(), 0x30, top, u64::MAX),
        (intra(), 0x38, end, end),
        (Frame { format: 1, ..intra() }, 0x40, end, end),
        (inter(), 0x48, UNMAPPED - 12 * 384 + 1, UNMAPPED),
        (inter(), 0x48, end, end),
        (intra(), 0x50, end, end),
        (intra(), 0x58, end, end),
        (intra(), 0x68, end, end),
        (intra(), 0x70, end, end),
        (intra(), 0x70, UNMAPPED - 8, UNMAPPED - 8),
        // There, but not to be written.
        (intra(), 0x50, READ_ONLY - 12 * 384 + 1, READ_ONLY),
        (intra(), 0x50, READ_ONLY, READ_ONLY),
        (intra(), 0x58, READ_ONLY - 16, READ_ONLY),
        (intra(), 0x58, READ_ONLY + 16, READ_ONLY + 16),
        (intra(), 0x70, READ_ONLY, READ_ONLY),
    ];
    for (i, (frame, at, addr, error)) in cases.iter().enumerate() {
        frame.prepare(&machine, 1);
        machine.fill(DESCRIPTOR + *at as u64, &addr.to_le_bytes());
        let got = machine.run(i as u32 + 1);
        let what = format!("{at:#x}: {addr:#x}");
        if *addr == top {
            // The last bytes of the address space are not mapped either.
            assert_eq!(got, (DMA_FAULT, 0, top), "{what}");
        } else {
            assert_eq!(got, (DMA_FAULT, 0, *error), "{what}");
        }
    }
    // A stride that leads out, and an output that is longer than its range.
    intra().prepare(&machine, 1);
    machine.fill(DESCRIPTOR + 0x20, &0x8000_0000u32.to_le_bytes());
    assert_eq!(machine.run(100), (DMA_FAULT, 0, UNMAPPED));
    intra().prepare(&machine, 1);
    machine.fill(DESCRIPTOR + 0x60, &[0xff; 4]);
    assert_eq!(machine.run(101), (DMA_FAULT, 0, READ_ONLY));
    // What is only read may be in read-only memory.
    inter().prepare(&machine, 1);
    machine.fill(DESCRIPTOR + 0x48, &READ_ONLY.to_le_bytes());
    assert_eq!(machine.run(102), (OK, 0, 0));
    assert_eq!(
        machine.device.status().counters.dma_errors,
        2 + cases.len() as u64
    );
}

#[test]
fn descriptor_that_cannot_be_read() {
    let mut machine = Machine::new(None);
    let frame = Frame::default();
    let descriptor = frame.prepare(&machine, 1);
    // The result block alone is out of reach in the third and fourth.
    for addr in [READ_ONLY, READ_ONLY - 64, READ_ONLY - 256, READ_ONLY - 320] {
        machine.fill(addr, &descriptor);
    }
    let places = [
        0,
        DESCRIPTOR + 32,
        READ_ONLY - 256,
        READ_ONLY - 320,
        READ_ONLY - 64,
        READ_ONLY,
        READ_ONLY + RO_SIZE - 64,
        UNMAPPED,
        u64::MAX - 63,
        u64::MAX - 255,
        u64::MAX - 319,
    ];
    for (i, addr) in places.into_iter().enumerate() {
        let before = machine.snapshot();
        let tag = i as u32 + 1;
        machine.ring(tag, addr);
        machine.interrupt();
        assert_eq!(machine.read_register(offset::IRQ_STATUS), 4, "{addr:#x}");
        assert_eq!(machine.read_register(offset::DONE_TAG), tag);
        assert_eq!(machine.read_register(offset::STATUS), 0);
        assert!(machine.snapshot() == before, "{addr:#x}");
    }
    machine.ring(99, DESCRIPTOR);
    machine.interrupt();
    assert_eq!(machine.read_register(offset::IRQ_STATUS), 1);
}

#[test]
fn no_access_without_bus_mastering() {
    let mut machine = Machine::new(None);
    Frame::default().prepare(&machine, 1);
    machine.client.write(CONFIG, 4, &[2, 0]).unwrap();
    let before = machine.snapshot();
    machine.ring(1, DESCRIPTOR);
    machine.wait_register(offset::STATUS, 0);
    assert_eq!(machine.read_register(offset::IRQ_STATUS), 4);
    assert_eq!(machine.interrupts(Duration::ZERO), 0);
    assert!(machine.snapshot() == before);
}

#[test]
fn output_that_is_too_small() {
    let mut machine = Machine::new(None);
    let frame = intra();
    frame.prepare(&machine, 1);
    assert_eq!(machine.run(1).0, OK);
    let bytes = machine.word(DESCRIPTOR + 0x108);
    for (size, status) in [(1, OUTPUT_FULL), (bytes - 1, OUTPUT_FULL), (bytes, OK)] {
        frame.prepare(&machine, 1);
        machine.fill(DESCRIPTOR + 0x60, &size.to_le_bytes());
        let at = OUTPUT + u64::from(size);
        let before = machine.bytes(at, 4096);
        assert_eq!(machine.run(2 + size), (status, 0, 0), "{size}");
        assert!(
            machine.bytes(at, 4096) == before,
            "written behind {size} bytes"
        );
    }
}

/// Ranges that a job may write, as offsets into memory: only the result unless it is `done`.
pub(crate) fn writable_parts(result: u64, done: Option<Task>) -> Vec<std::ops::Range<usize>> {
    let part = |addr: u64, len: u64| {
        let at = addr.wrapping_sub(BASE) as usize;
        at..at.saturating_add(len as usize)
    };
    let mut parts = Vec::from([part(result, 256)]);
    if let Some(Task::Encode(job)) = done {
        parts.push(part(job.output, job.output_size.into()));
        parts.push(part(job.units, u64::from(job.unit_count) * 32));
        let recon_size = job.size.recon_size().into();
        parts.extend(job.recon.map(|addr| part(addr, recon_size)));
    }
    parts
}

#[test]
fn random_descriptors() {
    let mut machine = Machine::new(None);
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
    let address_fields = prop_oneof![
        Just(0x30u64),
        Just(0x38),
        Just(0x48),
        Just(0x50),
        Just(0x58),
        Just(0x68),
        Just(0x70),
        Just(0x78)
    ];
    let strategy = (
        0u8..3,
        proptest::collection::vec((0u64..256, value.clone()), 0..3),
        proptest::collection::vec((0u64..128, value.clone()), 0..3),
        proptest::collection::vec((0..CONTROL_SIZE, value), 0..3),
        proptest::collection::vec((address_fields, addresses), 0..3),
    );
    let tag = std::cell::Cell::new(0u32);
    let machine = std::cell::RefCell::new(&mut machine);
    let outcomes = std::cell::RefCell::new([0u32; 6]);
    TestRunner::new(Config::with_cases(400))
        .run(
            &strategy,
            |(kind, bytes, unit_bytes, control, addresses)| {
                let mut machine = machine.borrow_mut();
                [intra(), inter(), all_skip()][usize::from(kind)].prepare(&machine, 1);
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
                let task = Task::parse(Generation::Gen1, &machine.bytes(DESCRIPTOR, 256));
                let mut before = machine.snapshot();
                tag.set(tag.get() + 1);
                machine.ring(tag.get(), DESCRIPTOR);
                machine.interrupt();
                let status = machine.word(DESCRIPTOR + 0x100);
                prop_assert_eq!(machine.word(DESCRIPTOR + 0x104), tag.get());
                outcomes.borrow_mut()[status as usize] += 1;
                prop_assert!(status != 5, "the engine failed");
                prop_assert_eq!(task.is_err() && status != BAD_DESCRIPTOR, false);
                let mut after = machine.snapshot();
                for part in writable_parts(machine.result(), task.ok().filter(|_| status == OK)) {
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
