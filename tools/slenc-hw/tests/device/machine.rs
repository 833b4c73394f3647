// SPDX-License-Identifier: GPL-2.0

//! A machine with the device in it: guest memory, an interrupt and a served connection.

use std::fs::File;
use std::os::fd::{
    AsFd,
    OwnedFd, //
};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread::{
    self,
    JoinHandle, //
};
use std::time::{
    Duration,
    Instant, //
};

use rustix::event::{
    EventfdFlags,
    PollFd,
    PollFlags,
    Timespec, //
};

use slenc_hw::device::Device;
use slenc_hw::generation::Generation;
use slenc_hw::recon_log::ReconLog;
use slenc_hw::registers::offset;
use slenc_hw::server;
use slenc_hw::worker::Worker;

use crate::client::{
    Client,
    BAR0,
    CONFIG, //
};

/// Bus address of the file's first byte. The file has three parts, mapped readable and writable,
/// readable only, and not at all.
pub(crate) const BASE: u64 = 0x1_0000_0000;
pub(crate) const RW_SIZE: u64 = 6 << 20;
pub(crate) const READ_ONLY: u64 = BASE + RW_SIZE;
pub(crate) const RO_SIZE: u64 = 1 << 20;
pub(crate) const UNMAPPED: u64 = READ_ONLY + RO_SIZE;
pub(crate) const TOTAL: u64 = 8 << 20;

/// Values of a result's status.
pub(crate) const OK: u32 = 1;
pub(crate) const BAD_DESCRIPTOR: u32 = 2;
pub(crate) const DMA_FAULT: u32 = 3;
pub(crate) const OUTPUT_FULL: u32 = 4;

/// Set in error_info when the offset is one in the unit table.
pub(crate) const IN_UNITS: u32 = 1 << 31;

/// Where the tests put the descriptor.
pub(crate) const DESCRIPTOR: u64 = BASE + 0x1000;

pub(crate) struct Machine {
    pub(crate) client: Client,
    pub(crate) device: Arc<Device>,
    memory: File,
    interrupt: OwnedFd,
    server: Option<JoinHandle<()>>,
    _worker: Worker,
}

impl Machine {
    /// A machine with a device of generation 1.
    pub(crate) fn new(recon_log: Option<&Path>) -> Self {
        Self::of(Generation::Gen1, recon_log)
    }

    /// A machine with a device of generation 2.
    pub(crate) fn gen2(recon_log: Option<&Path>) -> Self {
        Self::of(Generation::Gen2, recon_log)
    }

    /// A machine after its driver's probe: memory announced, bus mastering and interrupts on.
    fn of(generation: Generation, recon_log: Option<&Path>) -> Self {
        let device = Arc::new(Device::new(generation));
        let log = recon_log.map(|path| ReconLog::create(path).unwrap());
        let worker = Worker::spawn(device.clone(), 1, log).unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let served = device.clone();
        let server = thread::spawn(move || {
            server::serve(theirs, &served, None).unwrap();
        });
        let memory = rustix::fs::memfd_create("guest", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let memory = File::from(memory);
        let canary: Vec<u8> = (0..TOTAL / 8)
            .flat_map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_le_bytes())
            .collect();
        memory.write_all_at(&canary, 0).unwrap();
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let mut machine = Self {
            client: Client::new(ours),
            device,
            memory,
            interrupt: rustix::event::eventfd(0, flags).unwrap(),
            server: Some(server),
            _worker: worker,
        };
        machine.client.negotiate();
        machine.map_all();
        let interrupt = machine.interrupt.as_fd();
        machine
            .client
            .set_irqs(1, 0x24, 0, 1, Some(interrupt))
            .unwrap();
        machine.enable();
        machine
    }

    pub(crate) fn map_all(&mut self) {
        let fd = self.memory.as_fd();
        let mut map = |flags, addr: u64, size| {
            self.client
                .map(flags, addr - BASE, addr, size, Some(fd))
                .unwrap();
        };
        // Two ranges side by side are one to a job.
        map(3, BASE, RW_SIZE / 2);
        map(3, BASE + RW_SIZE / 2, RW_SIZE / 2);
        map(1, READ_ONLY, RO_SIZE);
    }

    /// What a driver does after a reset of the function.
    pub(crate) fn enable(&mut self) {
        self.client.write(CONFIG, 4, &6u16.to_le_bytes()).unwrap();
        self.write_register(offset::IRQ_ENABLE, 7);
    }

    pub(crate) fn read_register(&mut self, at: u64) -> u32 {
        self.client.read32(BAR0, at)
    }

    pub(crate) fn write_register(&mut self, at: u64, value: u32) {
        self.client.write32(BAR0, at, value);
    }

    pub(crate) fn fill(&self, addr: u64, data: &[u8]) {
        self.memory.write_all_at(data, addr - BASE).unwrap();
    }

    pub(crate) fn bytes(&self, addr: u64, len: usize) -> Vec<u8> {
        let mut data = vec![0; len];
        self.memory.read_exact_at(&mut data, addr - BASE).unwrap();
        data
    }

    pub(crate) fn word(&self, addr: u64) -> u32 {
        u32::from_le_bytes(self.bytes(addr, 4).try_into().unwrap())
    }

    /// All memory, mapped or not.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        self.bytes(BASE, TOTAL as usize)
    }

    /// Rings the doorbell for the descriptor at `addr`, without waiting.
    pub(crate) fn ring(&mut self, tag: u32, addr: u64) {
        let low = (addr as u32).to_le_bytes();
        let high = ((addr >> 32) as u32).to_le_bytes();
        self.client.post(BAR0, offset::DESC_ADDR_LO, &low);
        self.client.post(BAR0, offset::DESC_ADDR_HI, &high);
        self.client.post(BAR0, offset::DOORBELL, &tag.to_le_bytes());
    }

    /// Where the result block is.
    pub(crate) fn result(&self) -> u64 {
        DESCRIPTOR + self.device.generation().descriptor_size() as u64
    }

    /// Runs the job in memory; returns status, error_info and error_addr. Unless it is OK or
    /// OUTPUT_FULL, nothing but the result block may have changed.
    pub(crate) fn run(&mut self, tag: u32) -> (u32, u32, u64) {
        let mut before = self.snapshot();
        self.ring(tag, DESCRIPTOR);
        self.interrupt();
        let result = self.bytes(self.result(), 256);
        let word = |at: usize| u32::from_le_bytes(result[at..at + 4].try_into().unwrap());
        assert_eq!(word(4), tag);
        let reserved = match self.device.generation() {
            Generation::Gen1 => [0x52..0xb0, 0xf0..0x100],
            Generation::Gen2 => [0xa4..0xb0, 0xf0..0x100],
        };
        for reserved in reserved {
            assert!(result[reserved].iter().all(|&b| b == 0));
        }
        if word(0) == BAD_DESCRIPTOR || word(0) == DMA_FAULT {
            let at = (self.result() - BASE) as usize;
            before[at..at + 256].copy_from_slice(&result);
            assert!(self.snapshot() == before, "more than the result written");
        }
        let addr = (u64::from(word(0x14)) << 32) | u64::from(word(0x10));
        (word(0), word(0xc), addr)
    }

    /// Waits for an interrupt; returns how many came, none after `time`.
    pub(crate) fn interrupts(&self, time: Duration) -> u64 {
        let timeout = Timespec {
            tv_sec: time.as_secs() as i64,
            tv_nsec: time.subsec_nanos().into(),
        };
        let mut fds = [PollFd::new(&self.interrupt, PollFlags::IN)];
        rustix::event::poll(&mut fds, Some(&timeout)).unwrap();
        let mut count = [0; 8];
        match rustix::io::read(&self.interrupt, &mut count) {
            Ok(_) => u64::from_ne_bytes(count),
            Err(_) => 0,
        }
    }

    /// Waits for the one interrupt that is due.
    pub(crate) fn interrupt(&self) {
        assert_eq!(self.interrupts(Duration::from_secs(20)), 1);
    }

    /// Waits until a register has the value.
    pub(crate) fn wait_register(&mut self, at: u64, value: u32) {
        let began = Instant::now();
        while self.read_register(at) != value {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "register {at:#x}"
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Closes the connection and waits for the server to notice.
    pub(crate) fn close(&mut self) {
        self.client
            .stream
            .shutdown(std::net::Shutdown::Both)
            .unwrap();
        if let Some(server) = self.server.take() {
            server.join().unwrap();
        }
    }
}
