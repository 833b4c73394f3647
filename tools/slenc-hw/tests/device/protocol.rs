// SPDX-License-Identifier: GPL-2.0

//! What a VMM asks, and what a broken or hostile one sends.

use std::io::{
    Read,
    Write, //
};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use slenc_hw::device::Device;
use slenc_hw::generation::Generation;
use slenc_hw::protocol::{
    command,
    MAX_MESSAGE, //
};
use slenc_hw::registers::offset;
use slenc_hw::server;

use crate::client::{
    words,
    write_body,
    Client,
    BAR0,
    CONFIG, //
};
use crate::machine::{
    Machine,
    BASE,
    RW_SIZE, //
};

const EINVAL: u32 = 22;
const ENOTSUP: u32 = 95;

#[test]
fn regions_and_interrupts() {
    let mut machine = Machine::new(None);
    let client = &mut machine.client;
    let info = client.request(command::DEVICE_GET_INFO, &[0; 16], &[]);
    assert_eq!(info, Ok(words(&[16, 3, 9, 5])));
    for index in 0..9 {
        let size = if index == 0 || index == 7 { 0x1000 } else { 0 };
        let request = words(&[32, 0, index, 0, 0, 0, 0, 0]);
        let reply = client.request(command::DEVICE_GET_REGION_INFO, &request, &[]);
        let flags = if size == 0 { 0 } else { 3 };
        assert_eq!(reply, Ok(words(&[32, flags, index, 0, size, 0, 0, 0])));
    }
    for index in 0..5 {
        let count = u32::from(index == 1 || index == 3);
        let reply = client.request(
            command::DEVICE_GET_IRQ_INFO,
            &words(&[16, 0, index, 0]),
            &[],
        );
        assert_eq!(reply, Ok(words(&[16, 1, index, count])));
    }
    let bad = client.request(command::DEVICE_GET_REGION_INFO, &words(&[32, 0, 9, 0]), &[]);
    assert_eq!(bad, Err(EINVAL));
    let bad = client.request(command::DEVICE_GET_IRQ_INFO, &words(&[16, 0, 5, 0]), &[]);
    assert_eq!(bad, Err(EINVAL));
}

#[test]
fn accesses() {
    let mut machine = Machine::new(None);
    let client = &mut machine.client;
    assert_eq!(client.read32(CONFIG, 0), 0x10f0_1af4);
    assert_eq!(
        client.read(CONFIG, 0x2c, 4).unwrap(),
        [0xf4, 0x1a, 0x1c, 0x5e]
    );
    assert_eq!(client.read(CONFIG, 0, 4096).unwrap().len(), 4096);
    assert_eq!(client.read32(BAR0, offset::ID), 0x434e_4c53);
    assert_eq!(client.read32(BAR0, offset::CAPS), 0xe9);
    assert_eq!(client.read(BAR0, 0, 8).unwrap(), [0xff; 8]);
    assert_eq!(client.read(BAR0, 0xffd, 4), Err(EINVAL));
    assert_eq!(client.read(CONFIG, 0xfff, 2), Err(EINVAL));
    assert_eq!(client.read(BAR0, u64::MAX, 4), Err(EINVAL));
    assert_eq!(client.read(1, 0, 1), Err(EINVAL));
    assert_eq!(client.write(BAR0, 0x1000, &[0; 4]), Err(EINVAL));
    assert_eq!(client.write(2, 0, &[]), Err(EINVAL));
    client.post(BAR0, offset::DESC_ADDR_LO, &[0x40, 0, 0, 0]);
    assert_eq!(client.read32(BAR0, offset::DESC_ADDR_LO), 0x40);
    assert_eq!(client.request(command::DMA_MAP, &[0; 31], &[]), Err(EINVAL));
    assert_eq!(client.request(77, &[0; 300], &[]), Err(ENOTSUP));
    assert_eq!(client.read32(BAR0, offset::ID), 0x434e_4c53);
}

#[test]
fn several_writes_in_one_message() {
    let mut machine = Machine::new(None);
    let mut body = 2u64.to_le_bytes().to_vec();
    for (at, value) in [(offset::DESC_ADDR_LO, 0x40u32), (offset::DESC_ADDR_HI, 7)] {
        let mut data = value.to_le_bytes().to_vec();
        data.resize(8, 0);
        let mut entry = write_body(BAR0, at, &data);
        entry[12] = 4;
        body.extend(entry);
    }
    let reply = machine
        .client
        .request(command::REGION_WRITE_MULTI, &body, &[]);
    assert_eq!(reply, Ok(2u64.to_le_bytes().to_vec()));
    assert_eq!(machine.read_register(offset::DESC_ADDR_LO), 0x40);
    assert_eq!(machine.read_register(offset::DESC_ADDR_HI), 7);
}

#[test]
fn interrupts_as_qemu_sets_them() {
    let mut machine = Machine::new(None);
    let none = Duration::from_millis(20);
    machine.write_register(offset::DOORBELL, 0);
    machine.interrupt();
    // A vector without a descriptor, and then none at all.
    machine.client.set_irqs(1, 0x24, 0, 1, None).unwrap();
    machine.write_register(offset::DOORBELL, 0);
    assert_eq!(machine.interrupts(none), 0);
    machine.client.set_irqs(1, 0x21, 0, 0, None).unwrap();
    machine.write_register(offset::DOORBELL, 0);
    assert_eq!(machine.interrupts(none), 0);
    let client = &mut machine.client;
    assert_eq!(client.set_irqs(3, 0x24, 0, 1, None), Ok(()));
    for (index, flags, start, count) in [
        (0, 0x24, 0, 1),
        (1, 0x24, 1, 1),
        (1, 0x24, 0, 2),
        (1, 0x22, 0, 1),
        (9, 0x24, 0, 1),
    ] {
        assert_eq!(
            client.set_irqs(index, flags, start, count, None),
            Err(EINVAL)
        );
    }
}

#[test]
fn no_interrupt_without_bus_mastering() {
    let mut machine = Machine::new(None);
    machine.client.write(CONFIG, 4, &[2, 0]).unwrap();
    machine.write_register(offset::DOORBELL, 0);
    assert_eq!(machine.interrupts(Duration::from_millis(20)), 0);
    machine.client.write(CONFIG, 4, &[6, 0]).unwrap();
    machine.write_register(offset::DOORBELL, 0);
    machine.interrupt();
}

#[test]
fn memory_messages() {
    let mut machine = Machine::new(None);
    let client = &mut machine.client;
    assert_eq!(client.map(3, 0, BASE, 0x1000, None), Err(17));
    assert_eq!(client.map(3, 0, 1, 0x1000, None), Err(EINVAL));
    assert_eq!(client.map(3, 0, 0x1000, 0x1000, None), Ok(()));
    assert_eq!(client.unmap(0, 0, 0x1800), Err(EINVAL));
    assert_eq!(client.unmap(1, 0x1000, 0x1000), Err(ENOTSUP));
    assert_eq!(client.unmap(0, 0x1000, 0x1000), Ok(0x1000));
    assert_eq!(client.unmap(0, BASE, RW_SIZE), Ok(RW_SIZE));
    let (a, b) = UnixStream::pair().unwrap();
    let mut body = words(&[32, 3]);
    body.extend([0; 24]);
    let two = client.request(command::DMA_MAP, &body, &[a.as_fd(), b.as_fd()]);
    assert_eq!(two, Err(EINVAL));
}

/// Serves `bytes` and returns what the server had to say before it closed.
fn serve_bytes(bytes: &[u8]) -> (Vec<u8>, bool) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let device = Device::new(Generation::Gen1);
    thread::scope(|scope| {
        let server = scope.spawn(|| server::serve(theirs, &device, None));
        // The server may close before it has taken all.
        let _ = ours.write_all(bytes);
        let _ = ours.shutdown(std::net::Shutdown::Write);
        ours.set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut said = Vec::new();
        let _ = ours.read_to_end(&mut said);
        (said, server.join().expect("the server panicked").is_ok())
    })
}

#[test]
fn broken_framing_ends_the_connection() {
    let version = Client::message(1, command::VERSION, 0, &[0; 4]);
    assert!(serve_bytes(&version).1);
    assert!(serve_bytes(&[]).1);
    let mut cases = vec![version[..10].to_vec(), version[..18].to_vec()];
    for size in [0u32, 15, MAX_MESSAGE as u32 + 1, u32::MAX] {
        let mut message = version.clone();
        message[4..8].copy_from_slice(&size.to_le_bytes());
        cases.push(message);
    }
    cases.push(Client::message(1, command::VERSION, 1, &[0; 4]));
    cases.push(Client::message(1, command::VERSION, 0, &[1, 0, 0, 0]));
    cases.push(Client::message(1, command::DEVICE_RESET, 0, &[]));
    cases.push(Client::message(1, command::VERSION, 0, &[]));
    for case in cases {
        assert!(!serve_bytes(&case).1, "{case:x?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        serve_bytes(&bytes);
    }

    #[test]
    fn random_messages(
        messages in proptest::collection::vec(
            (0u16..18, any::<bool>(), proptest::collection::vec(
                prop_oneof![Just(0u8), Just(0xff), 0u8..40, any::<u8>()], 0..64)),
            0..12,
        ),
        cut in 0usize..2000,
    ) {
        let mut bytes = Client::message(0, command::VERSION, 0, &[0; 4]);
        for (number, quiet, body) in &messages {
            let flags = if *quiet { 0x10 } else { 0 };
            bytes.extend(Client::message(1, *number, flags, body));
        }
        let whole = cut >= bytes.len();
        bytes.truncate(cut);
        let (_, ended_well) = serve_bytes(&bytes);
        prop_assert!(ended_well || !whole);
    }
}
