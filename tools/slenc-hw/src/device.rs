// SPDX-License-Identifier: GPL-2.0

//! The device: everything that the protocol, the worker and the control socket share.
//!
//! All of it is under one lock, which is held only for as long as it takes to copy a piece of
//! memory ([`crate::memory`]). Resets are counted under this lock, and the worker looks at the
//! count under the lock before each access: once a reset, or a withdrawal of memory, has returned,
//! nothing is accessed any more and no interrupt is sent, without waiting for the engine.

use std::os::fd::OwnedFd;
use std::sync::atomic::{
    AtomicBool,
    Ordering, //
};
use std::sync::{
    Arc,
    Condvar,
    Mutex,
    MutexGuard,
    PoisonError, //
};
use std::time::Duration;

use rustix::io::Errno;

use crate::config_space::ConfigSpace;
use crate::dma::{
    DmaFault,
    DmaTable, //
};
use crate::fault::{
    Fault,
    FaultPlan,
    Kind, //
};
use crate::generation::Generation;
use crate::registers::{
    Action,
    Registers,
    IRQ_DESCRIPTOR_ERROR,
    IRQ_DONE,
    IRQ_DOORBELL_ERROR, //
};
use crate::result::{
    ResultBlock,
    Status,
    TAG_OFFSET, //
};

/// What to do when the guest's memory is not what the device sees.
pub(crate) const SHARING_HINT: &str = "QEMU needs -machine memory-backend=mem and \
     -object memory-backend-memfd,id=mem,size=SIZE,share=on";

/// What happened since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Jobs started.
    pub jobs: u64,
    /// Jobs that ended with OK.
    pub ok: u64,
    /// Interrupts sent.
    pub irqs: u64,
    /// Resets of any kind.
    pub resets: u64,
    /// Faults that befell a job or the device.
    pub faults: u64,
    /// Jobs that ended with DMA_FAULT or without a result, injected ones included.
    pub dma_errors: u64,
    /// Doorbells that were ignored.
    pub doorbell_errors: u64,
}

/// State of the device for the control socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceStatus {
    /// Counters.
    pub counters: Counters,
    /// A job is running.
    pub busy: bool,
    /// The all-ones fault is in effect.
    pub lost: bool,
}

/// A job that a doorbell started.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) tag: u32,
    pub(crate) descriptor: u64,
    pub(crate) faults: Vec<Kind>,
    /// Resets before it.
    resets: u64,
    /// Set by a reset, for what takes long without an access to memory.
    pub(crate) abandoned: Arc<AtomicBool>,
}

/// The job does not count any more: a reset came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abandoned;

/// The part under the lock.
pub(crate) struct State {
    config: ConfigSpace,
    registers: Registers,
    dma: DmaTable,
    msi: Option<OwnedFd>,
    /// Started, but not yet taken by the worker.
    pending: Option<Start>,
    /// The flag of the job that the worker has, which a reset may have abandoned.
    working: Option<Arc<AtomicBool>>,
    /// The all-ones fault is in effect.
    lost: bool,
    stopping: bool,
    faults: FaultPlan,
    counters: Counters,
}

impl State {
    fn new(generation: Generation) -> Self {
        Self {
            config: ConfigSpace::default(),
            registers: Registers::new(generation),
            dma: DmaTable::default(),
            msi: None,
            pending: None,
            working: None,
            lost: false,
            stopping: false,
            faults: FaultPlan::default(),
            counters: Counters::default(),
        }
    }

    /// Guest memory, if the function may access it.
    ///
    /// # Errors
    ///
    /// A fault at `addr` without bus mastering.
    pub(crate) fn memory(&self, addr: u64) -> Result<&DmaTable, DmaFault> {
        if self.config.bus_master() {
            Ok(&self.dma)
        } else {
            Err(DmaFault(addr))
        }
    }

    fn send_msi(&mut self) {
        let (true, Some(msi)) = (self.config.bus_master(), &self.msi) else {
            log::debug!("interrupt without a receiver");
            return;
        };
        // EAGAIN would mean that 2^64 interrupts are waiting: one more makes no difference.
        match rustix::io::write(msi, &1u64.to_ne_bytes()) {
            Ok(_) => self.counters.irqs += 1,
            Err(e) => log::warn!("interrupt: {e}"),
        }
    }

    fn reset(&mut self) {
        self.counters.resets += 1;
        self.pending = None;
        if let Some(abandoned) = &self.working {
            abandoned.store(true, Ordering::Relaxed);
        }
        self.registers.reset(self.working.is_some());
    }

    fn start(&mut self, tag: u32, descriptor: u64) {
        self.counters.jobs += 1;
        let faults = self.faults.of_job(self.counters.jobs);
        self.counters.faults += faults.len() as u64;
        if faults.contains(&Kind::AllOnes) {
            self.lose();
            return;
        }
        if self.dma.shares_nothing() {
            log::error!("the client shares no memory; {SHARING_HINT}");
        }
        self.pending = Some(Start {
            tag,
            descriptor,
            faults,
            resets: self.counters.resets,
            abandoned: Arc::default(),
        });
    }

    fn lose(&mut self) {
        self.reset();
        self.lost = true;
    }

    fn doorbell_error(&mut self) {
        self.counters.doorbell_errors += 1;
        if self.registers.raise(IRQ_DOORBELL_ERROR) {
            self.send_msi();
        }
    }

    fn write_result(&self, at: u64, tag: u32, block: &ResultBlock) -> Result<(), DmaFault> {
        let bytes = block.to_bytes();
        let memory = self.memory(at)?;
        memory.write(at, &bytes[..TAG_OFFSET])?;
        memory.write(at + TAG_OFFSET as u64 + 4, &bytes[TAG_OFFSET + 4..])?;
        memory.store_release(at + TAG_OFFSET as u64, tag)
    }
}

/// The device.
pub struct Device {
    generation: Generation,
    state: Mutex<State>,
    changed: Condvar,
}

impl Device {
    /// A device of this generation, in its reset state.
    pub fn new(generation: Generation) -> Self {
        Self {
            generation,
            state: Mutex::new(State::new(generation)),
            changed: Condvar::new(),
        }
    }

    /// Its generation.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics but by a mistake in this crate, and then a worker that
        // is gone is better than a server that is.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from BAR0; the caller has checked the range.
    pub fn read_registers(&self, at: u64, data: &mut [u8]) {
        let state = self.lock();
        if state.lost {
            data.fill(0xff);
        } else {
            state.registers.read(at, data);
        }
    }

    /// Writes to BAR0; the caller has checked the range.
    pub fn write_registers(&self, at: u64, data: &[u8]) {
        let mut state = self.lock();
        if state.lost {
            return;
        }
        match state.registers.write(at, data) {
            Action::None => return,
            Action::Reset => state.reset(),
            Action::Start { tag, descriptor } => state.start(tag, descriptor),
            Action::DoorbellError => state.doorbell_error(),
        }
        self.changed.notify_all();
    }

    /// Reads from the configuration space; the caller has checked the range.
    pub fn read_config(&self, at: usize, data: &mut [u8]) {
        self.lock().config.read(at, data);
    }

    /// Writes to the configuration space; the caller has checked the range.
    pub fn write_config(&self, at: usize, data: &[u8]) {
        let mut state = self.lock();
        if state.config.write(at, data) {
            log::info!("function level reset");
            state.config = ConfigSpace::default();
            state.reset();
            self.changed.notify_all();
        }
    }

    /// Announces guest memory.
    ///
    /// # Errors
    ///
    /// See [`DmaTable::map`].
    pub fn map(
        &self,
        flags: u32,
        offset: u64,
        addr: u64,
        size: u64,
        file: Option<OwnedFd>,
    ) -> Result<(), Errno> {
        self.lock().dma.map(flags, offset, addr, size, file)
    }

    /// Withdraws guest memory, which is not accessed any more afterwards. Returns how many
    /// bytes.
    ///
    /// # Errors
    ///
    /// See [`DmaTable::unmap`].
    pub fn unmap(&self, all: bool, addr: u64, size: u64) -> Result<u64, Errno> {
        let (_removed, bytes) = self.lock().dma.unmap(all, addr, size)?;
        Ok(bytes)
    }

    /// Sets or takes away the event descriptor of the MSI.
    ///
    /// # Errors
    ///
    /// What making it non-blocking gave: a full counter must not stop the device.
    pub fn set_msi(&self, event: Option<OwnedFd>) -> Result<(), Errno> {
        if let Some(event) = &event {
            let flags = rustix::fs::fcntl_getfl(event)?;
            rustix::fs::fcntl_setfl(event, flags | rustix::fs::OFlags::NONBLOCK)?;
        }
        self.lock().msi = event;
        Ok(())
    }

    /// Sends an interrupt that no job caused.
    pub fn spurious_interrupt(&self) {
        self.lock().send_msi();
    }

    /// Resets the whole function.
    pub fn reset(&self) {
        let mut state = self.lock();
        state.config = ConfigSpace::default();
        state.reset();
        self.changed.notify_all();
    }

    /// The client is gone: nothing it gave is used any more.
    pub fn disconnect(&self) {
        self.reset();
        let mut state = self.lock();
        let gone = (std::mem::take(&mut state.dma), state.msi.take());
        drop(state);
        drop(gone);
    }

    /// Arms a fault.
    pub fn arm(&self, fault: Fault) {
        let mut state = self.lock();
        let jobs = state.counters.jobs;
        let at_once = state.faults.arm(fault, jobs);
        match at_once {
            Some(Kind::AllOnes) => state.lose(),
            Some(_) => state.reset(),
            None => return,
        }
        state.counters.faults += 1;
        self.changed.notify_all();
    }

    /// Disarms all faults; a device that was gone is back, in its reset state.
    pub fn clear_faults(&self) {
        let mut state = self.lock();
        state.faults.clear();
        state.lost = false;
    }

    /// What the control socket reports.
    pub fn status(&self) -> DeviceStatus {
        let state = self.lock();
        DeviceStatus {
            counters: state.counters,
            busy: state.registers.busy(),
            lost: state.lost,
        }
    }

    /// Makes [`Device::next_job`] return `None`, and abandons the running job.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.reset();
        state.stopping = true;
        self.changed.notify_all();
    }

    /// Lets go of the last job and waits for the next one.
    pub(crate) fn next_job(&self) -> Option<Start> {
        let mut state = self.lock();
        state.working = None;
        state.registers.reset_done();
        let mut state = self
            .changed
            .wait_while(state, |state| !state.stopping && state.pending.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        if state.stopping {
            return None;
        }
        let start = state.pending.take()?;
        state.working = Some(start.abandoned.clone());
        Some(start)
    }

    /// Calls `f` with the state, unless the job was abandoned.
    pub(crate) fn with_job<R>(
        &self,
        start: &Start,
        f: impl FnOnce(&mut State) -> R,
    ) -> Result<R, Abandoned> {
        let mut state = self.lock();
        if state.counters.resets == start.resets {
            Ok(f(&mut state))
        } else {
            Err(Abandoned)
        }
    }

    /// Waits until the job is abandoned, or for `time`.
    pub(crate) fn wait(&self, start: &Start, time: Option<Duration>) -> Result<(), Abandoned> {
        let current = |state: &mut State| state.counters.resets == start.resets;
        let state = self.lock();
        let mut state = match time {
            None => self
                .changed
                .wait_while(state, current)
                .unwrap_or_else(PoisonError::into_inner),
            Some(time) => {
                self.changed
                    .wait_timeout_while(state, time, current)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
        if current(&mut state) {
            Ok(())
        } else {
            Err(Abandoned)
        }
    }

    /// Sends an interrupt that the job's faults call for.
    pub(crate) fn faulty_interrupt(&self, start: &Start) -> Result<(), Abandoned> {
        self.with_job(start, State::send_msi)
    }

    /// A reset that nobody asked for.
    pub(crate) fn faulty_reset(&self, start: &Start) -> Result<(), Abandoned> {
        self.with_job(start, State::reset)
    }

    /// Ends a job with a result: calls `log`, writes the result block, tag last, sets DONE and
    /// clears BUSY, and sends the MSI if it `interrupts`.
    pub(crate) fn end_job(
        &self,
        start: &Start,
        tag: u32,
        block: &ResultBlock,
        interrupts: bool,
        log: impl FnOnce(),
    ) -> Result<(), Abandoned> {
        let size = self.generation.descriptor_size();
        let result = start.descriptor.wrapping_add(size as u64);
        self.with_job(start, |state| {
            log();
            let cause = match state.write_result(result, tag, block) {
                Ok(()) => IRQ_DONE,
                Err(DmaFault(addr)) => {
                    log::warn!("result block not written at {addr:#x}");
                    IRQ_DESCRIPTOR_ERROR
                }
            };
            if cause == IRQ_DONE && block.status == Status::Ok as u32 {
                state.counters.ok += 1;
            }
            if cause == IRQ_DESCRIPTOR_ERROR || block.status == Status::DmaFault as u32 {
                state.counters.dma_errors += 1;
            }
            if state.registers.job_ended(start.tag, cause) && interrupts {
                state.send_msi();
            }
        })
    }

    /// Ends a job whose descriptor could not be read.
    pub(crate) fn end_job_without_result(&self, start: &Start) -> Result<(), Abandoned> {
        self.with_job(start, |state| {
            state.counters.dma_errors += 1;
            if state.registers.job_ended(start.tag, IRQ_DESCRIPTOR_ERROR) {
                state.send_msi();
            }
        })
    }
}
