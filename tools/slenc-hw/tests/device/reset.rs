// SPDX-License-Identifier: GPL-2.0

//! Resets of all kinds while a job runs, and memory that goes while it runs.

use std::time::{
    Duration,
    Instant, //
};

use slenc_hw::protocol::command;
use slenc_hw::registers::offset;

use crate::client::{
    BAR0,
    CONFIG, //
};
use crate::machine::{
    Machine,
    BASE,
    DESCRIPTOR,
    RW_SIZE, //
};
use crate::stream::Frame;

/// Longest that anything on the protocol's side may take; far below a slow job.
const PROMPT: Duration = Duration::from_millis(500);

/// Resets with `reset` while a job runs that would end `after_ms` later, and checks that nothing
/// comes of it and that the next job works.
fn reset_while_busy(after_ms: u64, reset: impl Fn(&mut Machine)) {
    let mut machine = Machine::new(None);
    let frame = Frame::default();
    frame.prepare(&machine, 1);
    machine
        .device
        .arm(format!("slow={after_ms}@1").parse().unwrap());
    let before = machine.snapshot();
    machine.ring(1, DESCRIPTOR);
    machine.wait_register(offset::STATUS, 1);
    let began = Instant::now();
    reset(&mut machine);
    assert_eq!(machine.read_register(offset::STATUS), 0);
    assert_eq!(machine.read_register(offset::DESC_ADDR_LO), 0);
    assert_eq!(machine.read_register(offset::IRQ_ENABLE), 0);
    machine.wait_register(offset::CTRL, 0);
    assert!(began.elapsed() < PROMPT);
    machine.enable();
    assert_eq!(machine.interrupts(Duration::from_millis(after_ms + 100)), 0);
    assert!(machine.snapshot() == before, "memory written after a reset");

    machine.ring(2, DESCRIPTOR);
    machine.interrupt();
    assert_eq!(machine.word(DESCRIPTOR + 0x100), 1);
    assert_eq!(machine.word(DESCRIPTOR + 0x104), 2);
    assert_eq!(machine.device.status().counters.jobs, 2);
}

#[test]
fn by_register() {
    reset_while_busy(200, |machine| machine.write_register(offset::CTRL, 1));
}

#[test]
fn by_function_level_reset() {
    reset_while_busy(200, |machine| {
        machine
            .client
            .write(CONFIG, 0x68, &0x8000u16.to_le_bytes())
            .unwrap();
        assert_eq!(machine.client.read32(CONFIG, 4) & 0xffff, 0);
    });
}

#[test]
fn by_message() {
    reset_while_busy(200, |machine| {
        let reply = machine.client.request(command::DEVICE_RESET, &[], &[]);
        assert_eq!(reply, Ok(Vec::new()));
    });
}

#[test]
fn at_any_time() {
    // The picture takes some milliseconds, so that resets meet all steps of the job.
    let mut machine = Machine::new(None);
    let frame = Frame {
        width: 640,
        height: 272,
        ..Frame::default()
    };
    frame.prepare(&machine, 1);
    let mut abandoned = 0;
    for i in 0..60u32 {
        machine.fill(DESCRIPTOR + 256, &[0; 256]);
        machine.enable();
        machine.ring(i + 1, DESCRIPTOR);
        std::thread::sleep(Duration::from_micros(u64::from(i) * 150));
        machine.write_register(offset::CTRL, 1);
        let ended = machine.interrupts(Duration::ZERO);
        let before = machine.snapshot();
        let began = Instant::now();
        machine.wait_register(offset::CTRL, 0);
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(machine.interrupts(Duration::from_millis(1)), 0);
        assert!(machine.snapshot() == before, "memory written after a reset");
        abandoned += 1 - ended;
    }
    assert!(abandoned > 0);
}

#[test]
fn doorbell_during_a_reset_is_ignored() {
    // A job that was abandoned in the engine keeps the worker for a while: try until a doorbell
    // met that time.
    let mut machine = Machine::new(None);
    let frame = Frame {
        width: 640,
        height: 272,
        ..Frame::default()
    };
    frame.prepare(&machine, 1);
    let mut jobs = 0;
    loop {
        assert!(jobs < 1000);
        machine.ring(1, DESCRIPTOR);
        std::thread::sleep(Duration::from_millis(2));
        machine.write_register(offset::CTRL, 1);
        machine.write_register(offset::DOORBELL, 2);
        let counters = machine.device.status().counters;
        if counters.doorbell_errors > 0 {
            assert_eq!(counters.jobs, jobs + 1);
            assert_eq!(machine.read_register(offset::IRQ_STATUS), 2);
            assert_eq!(machine.read_register(offset::STATUS), 0);
            break;
        }
        jobs = counters.jobs;
        machine.write_register(offset::CTRL, 1);
        machine.wait_register(offset::CTRL, 0);
    }
}

#[test]
fn memory_withdrawn_while_a_job_runs() {
    let mut machine = Machine::new(None);
    Frame::default().prepare(&machine, 1);
    machine.device.arm("slow=150@1".parse().unwrap());
    machine.ring(1, DESCRIPTOR);
    machine.wait_register(offset::STATUS, 1);
    let before = machine.snapshot();
    let began = Instant::now();
    assert_eq!(machine.client.unmap(0, BASE, RW_SIZE), Ok(RW_SIZE));
    assert!(began.elapsed() < Duration::from_millis(100));
    machine.interrupt();
    assert_eq!(machine.read_register(offset::IRQ_STATUS), 4);
    assert_eq!(machine.read_register(offset::DONE_TAG), 1);
    assert!(
        machine.snapshot() == before,
        "memory written after it was withdrawn"
    );
}

#[test]
fn client_gone_while_a_job_runs() {
    let mut machine = Machine::new(None);
    Frame::default().prepare(&machine, 1);
    machine.device.arm("slow=100@1".parse().unwrap());
    machine.ring(1, DESCRIPTOR);
    machine.wait_register(offset::STATUS, 1);
    let before = machine.snapshot();
    machine.close();
    std::thread::sleep(Duration::from_millis(200));
    assert!(
        machine.snapshot() == before,
        "memory written without a client"
    );
    assert_eq!(machine.interrupts(Duration::ZERO), 0);
    assert!(!machine.device.status().busy);
}

#[test]
fn registers_answer_while_a_job_runs() {
    let mut machine = Machine::new(None);
    let frame = Frame {
        width: 640,
        height: 272,
        ..Frame::default()
    };
    frame.prepare(&machine, 1);
    machine.ring(1, DESCRIPTOR);
    let mut longest = Duration::ZERO;
    loop {
        let began = Instant::now();
        let busy = machine.client.read32(BAR0, offset::STATUS);
        longest = longest.max(began.elapsed());
        if busy == 0 {
            break;
        }
    }
    machine.interrupt();
    assert!(longest < PROMPT, "{longest:?}");
}
