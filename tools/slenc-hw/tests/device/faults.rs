// SPDX-License-Identifier: GPL-2.0

//! Faults do what the manual's appendix says, and nothing else.

use std::time::{
    Duration,
    Instant, //
};

use slenc_hw::control::command;
use slenc_hw::registers::offset;

use crate::client::BAR0;
use crate::machine::{
    Machine,
    DESCRIPTOR, //
};
use crate::stream::{
    Frame,
    OUTPUT_SIZE, //
};

const SHORT: Duration = Duration::from_millis(60);

/// A machine that has `fault` and a job to run.
fn machine(fault: &str) -> Machine {
    let machine = Machine::new(None);
    Frame::default().prepare(&machine, 1);
    assert_eq!(command(&machine.device, &format!("fault {fault}")), "ok");
    machine
}

fn status(machine: &Machine) -> u32 {
    machine.word(DESCRIPTOR + 0x100)
}

fn tag(machine: &Machine) -> u32 {
    machine.word(DESCRIPTOR + 0x104)
}

/// Runs one job without a fault.
fn runs(machine: &mut Machine, number: u32) {
    machine.fill(DESCRIPTOR + 0x100, &[0; 256]);
    machine.ring(number, DESCRIPTOR);
    machine.interrupt();
    assert_eq!((status(machine), tag(machine)), (1, number));
    assert!(machine.word(DESCRIPTOR + 0x108) < OUTPUT_SIZE);
    assert_eq!(machine.interrupts(SHORT), 0);
}

#[test]
fn hang() {
    let mut machine = machine("hang@2");
    runs(&mut machine, 1);
    machine.fill(DESCRIPTOR + 0x100, &[0; 256]);
    machine.ring(2, DESCRIPTOR);
    assert_eq!(machine.interrupts(2 * SHORT), 0);
    assert_eq!(machine.read_register(offset::STATUS), 1);
    assert_eq!(tag(&machine), 0);
    machine.write_register(offset::CTRL, 1);
    machine.wait_register(offset::CTRL, 0);
    machine.enable();
    runs(&mut machine, 3);
}

#[test]
fn lost_interrupt() {
    let mut machine = machine("lost-irq@1");
    machine.ring(1, DESCRIPTOR);
    machine.wait_register(offset::DONE_TAG, 1);
    assert_eq!(machine.interrupts(SHORT), 0);
    assert_eq!((status(&machine), tag(&machine)), (1, 1));
    assert_eq!(machine.read_register(offset::IRQ_STATUS), 1);
    runs(&mut machine, 2);
}

#[test]
fn late_interrupt() {
    let mut machine = machine("late-irq=150@1");
    let began = Instant::now();
    machine.ring(1, DESCRIPTOR);
    machine.wait_register(offset::DONE_TAG, 1);
    assert_eq!(machine.read_register(offset::STATUS), 0);
    assert_eq!(machine.interrupts(SHORT), 0);
    machine.interrupt();
    assert!(began.elapsed() >= Duration::from_millis(150));
    runs(&mut machine, 2);
}

#[test]
fn late_interrupt_after_a_reset_never_comes() {
    let mut machine = machine("late-irq=100@1");
    machine.ring(1, DESCRIPTOR);
    machine.wait_register(offset::DONE_TAG, 1);
    machine.write_register(offset::CTRL, 1);
    assert_eq!(machine.interrupts(Duration::from_millis(200)), 0);
}

#[test]
fn spurious_interrupts() {
    let mut machine = machine("spurious-irq@1");
    machine.ring(1, DESCRIPTOR);
    let mut count = 0;
    while count < 3 {
        let more = machine.interrupts(Duration::from_secs(20));
        assert_ne!(more, 0);
        count += more;
    }
    assert_eq!(machine.interrupts(SHORT), 0);
    assert_eq!(count, 3);
    assert_eq!((status(&machine), tag(&machine)), (1, 1));
    runs(&mut machine, 2);
    assert_eq!(command(&machine.device, "irq"), "ok");
    machine.interrupt();
}

#[test]
fn wrong_results() {
    let mut machine = machine("wrong-length@1");
    for fault in [
        "status-garbage@2",
        "wrong-tag@3",
        "bus-error@4",
        "slow=80@5",
    ] {
        assert_eq!(command(&machine.device, &format!("fault {fault}")), "ok");
    }
    let mut run = |number| {
        machine.fill(DESCRIPTOR + 0x100, &[0; 256]);
        let began = Instant::now();
        machine.ring(number, DESCRIPTOR);
        machine.interrupt();
        assert_eq!(machine.read_register(offset::DONE_TAG), number);
        let bytes = machine.word(DESCRIPTOR + 0x108);
        (status(&machine), tag(&machine), bytes, began.elapsed())
    };
    assert_eq!(run(1).2, OUTPUT_SIZE + 1);
    assert!(run(2).0 > 5);
    assert_ne!(run(3).1, 3);
    assert_eq!(run(4).0, 3);
    let slow = run(5);
    assert_eq!((slow.0, slow.1), (1, 5));
    assert!(slow.3 >= Duration::from_millis(80));
    runs(&mut machine, 6);
}

#[test]
fn lost_device() {
    let mut machine = machine("all-ones@2");
    runs(&mut machine, 1);
    assert_eq!(machine.read_register(offset::ID), 0x434e_4c53);
    machine.fill(DESCRIPTOR + 0x100, &[0; 256]);
    let before = machine.snapshot();
    machine.ring(2, DESCRIPTOR);
    for at in (0..0x40).step_by(4) {
        assert_eq!(machine.client.read32(BAR0, at), 0xffff_ffff);
    }
    machine.write_register(offset::CTRL, 1);
    machine.ring(3, DESCRIPTOR);
    assert_eq!(machine.interrupts(SHORT), 0);
    assert!(machine.snapshot() == before);
    assert_eq!(command(&machine.device, "clear"), "ok");
    assert_eq!(machine.read_register(offset::IRQ_ENABLE), 0);
    machine.enable();
    runs(&mut machine, 4);
    // Without a job it happens at once.
    assert_eq!(command(&machine.device, "fault all-ones"), "ok");
    assert_eq!(machine.read_register(offset::ID), 0xffff_ffff);
}

#[test]
fn reset_by_itself() {
    let mut machine = machine("reset@1");
    machine.ring(1, DESCRIPTOR);
    machine.wait_register(offset::IRQ_ENABLE, 0);
    machine.wait_register(offset::CTRL, 0);
    assert_eq!(machine.read_register(offset::STATUS), 0);
    assert_eq!(machine.interrupts(SHORT), 0);
    assert_eq!(tag(&machine), 0);
    machine.enable();
    runs(&mut machine, 2);
    assert_eq!(command(&machine.device, "fault reset"), "ok");
    assert_eq!(machine.read_register(offset::IRQ_ENABLE), 0);
}

#[test]
fn control_commands() {
    let mut machine = machine("hang@7");
    runs(&mut machine, 1);
    machine.write_register(offset::DOORBELL, 0);
    machine.interrupt();
    assert_eq!(
        command(&machine.device, "status"),
        "{\"jobs\":1,\"ok\":1,\"irqs\":2,\"resets\":0,\"faults\":0,\"dma_errors\":0,\
         \"doorbell_errors\":1,\"busy\":false,\"lost\":false}"
    );
    for bad in [
        "",
        "fault",
        "fault x",
        "fault hang hang",
        "status now",
        "STATUS",
    ] {
        let reply = command(&machine.device, bad);
        assert!(reply.starts_with("error: "), "{bad:?}: {reply}");
    }
}
