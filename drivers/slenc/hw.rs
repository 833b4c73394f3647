// SPDX-License-Identifier: GPL-2.0

//! The device: one job at a time, from its descriptor to its end.
//!
//! A job is in the [slot](crate::pure::slot) from the doorbell until somebody takes it out: the
//! interrupt thread with its result, the watchdog when its time is over, or unbind. Who takes it
//! ends it, through [`Client::finished`], and so it ends once.
//!
//! Locks: job memory is taken before the slot. The slot is held over the doorbell, so that none
//! is rung after the slot is closed; it is a spinlock, and all its users are in process context.
//! Neither is held when a job is ended. The one on [reconstructions](reconstruction) is taken with
//! none of the others.

use crate::{
    hal::{
        self,
        Hal, //
    },
    pure::{
        measure::{
            Measured,
            Measurement, //
        },
        picture::{
            Capabilities,
            Completion,
            Expected,
            Failure,
            PictureJob, //
        },
        result::{
            self,
            RESULT_BYTES, //
        },
        slot::{
            Refused,
            Running,
            Slot,
            Then,
            Watch, //
        },
        units, //
    },
    trace, //
};
use kernel::{
    bindings,
    device::Core,
    dma::{
        Device as _,
        DmaMask, //
    },
    new_mutex,
    new_spinlock,
    pci,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        Mutex,
        SpinLock, //
    },
    time::{
        Instant,
        Monotonic, //
    },
    workqueue::new_delayed_work, //
};

mod bar;
mod counters;
mod interrupt;
mod memory;
mod reconstruction;
mod watchdog;

use bar::Bar;
use counters::Counters;
use interrupt::Interrupt;
use memory::JobMemory;
use reconstruction::Pool;

pub(crate) use counters::Count;
pub(crate) use reconstruction::Reconstruction;

/// What the hardware can be asked for.
pub(crate) enum Work<'a> {
    /// To code a picture.
    Picture(&'a PictureJob<'a>),
    /// To measure a source.
    Measurement(&'a Measurement),
}

/// What it has done.
pub(crate) enum Done {
    /// The picture is coded.
    Coded(Completion),
    /// The source is measured.
    Measured(Measured),
}

/// Who gives jobs to the hardware.
pub(crate) trait Client: 'static {
    /// What comes back when a job has ended.
    type Token: Send + Unpin + 'static;

    /// A job that [`Hardware::submit`] accepted has ended: called once for each, in process
    /// context, with no lock held. The next job may be submitted from here.
    ///
    /// What was done is what the job asked for.
    ///
    /// Errors: [`ETIMEDOUT`] it took too long; [`ENOSPC`] the output is too small; [`EFAULT`] the
    /// hardware could not access memory; [`EINVAL`] it refused the descriptor; [`EIO`] it failed,
    /// or what it says cannot be true; [`ENODEV`] it is gone. The output is undefined then.
    fn finished(token: Self::Token, outcome: Result<Done>);
}

/// What the result of a job has to agree with.
enum Asked {
    Picture(Expected),
    Measurement(Measurement),
}

impl Asked {
    /// Reads the result of the job with this tag, which was started so many nanoseconds ago.
    fn parse(
        &self,
        block: &[u8; RESULT_BYTES],
        tag: u32,
        elapsed_ns: u64,
    ) -> Result<Done, Failure> {
        match self {
            Self::Picture(expected) => {
                let expected = Expected {
                    tag,
                    elapsed_ns,
                    ..*expected
                };
                result::parse(block, &expected).map(Done::Coded)
            }
            Self::Measurement(measurement) => measurement
                .parse(block, tag, elapsed_ns)
                .map(Done::Measured),
        }
    }
}

/// A token with what is needed to read the job's result.
struct Job<T> {
    token: T,
    asked: Asked,
}

/// The hardware of one device.
///
/// It may outlive the binding to the device, in the hands of open files. Then it is gone, and
/// everything fails with [`ENODEV`].
#[pin_data]
pub(crate) struct Hardware<C: Client> {
    dev: ARef<pci::Device>,
    bar: Bar,
    hal: &'static Hal,
    capabilities: Capabilities,
    counters: Counters,
    /// Nanoseconds that a job may take.
    timeout: u64,
    /// Where the time of deadlines starts.
    epoch: Instant<Monotonic>,
    /// None when the device is not bound any more.
    #[pin]
    memory: Mutex<Option<JobMemory>>,
    /// Likewise.
    #[pin]
    pool: Mutex<Option<Pool>>,
    #[pin]
    slot: SpinLock<Slot<Job<C::Token>>>,
    #[pin]
    watchdog: watchdog::Item<C>,
}

impl<C: Client> Hardware<C> {
    /// What it can do. Known also when it is gone.
    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The name of the device.
    pub(crate) fn name(&self) -> &CStr {
        self.dev.as_ref().name()
    }

    /// Counts what the hardware did not see.
    pub(crate) fn count(&self, what: Count) {
        self.counters.count(what);
    }

    /// Starts a job. It ends in [`Client::finished`], unless this fails: then the token comes
    /// back.
    ///
    /// Sleeps for its lock, and never for the hardware. `v4l2_m2m_ops.device_run` may: it is
    /// called in process context without a spinlock.
    ///
    /// Errors: [`EBUSY`] a job runs already; [`EINVAL`] the hardware cannot do this job;
    /// [`ENOSPC`] its headers do not fit; [`ENODEV`] it is gone.
    pub(crate) fn submit(
        self: &Arc<Self>,
        work: &Work<'_>,
        token: C::Token,
    ) -> Result<(), (Error, C::Token)> {
        let mut memory = self.memory.lock();
        if let Err(e) = self.prepare(Option::as_mut(&mut memory), work) {
            return Err((e, token));
        }
        let deadline = self.now().saturating_add(self.timeout);
        let job = Job {
            token,
            asked: match work {
                Work::Picture(job) => Asked::Picture(job.expected(0, &self.capabilities)),
                Work::Measurement(measurement) => Asked::Measurement(**measurement),
            },
        };
        {
            let mut slot = self.slot.lock();
            let tag = match slot.start(job, deadline) {
                Ok(tag) => tag,
                Err((refused, job)) => return Err((errno_of_refusal(refused), job.token)),
            };
            if let Err(e) = self.bar.ring(tag) {
                // Not rung: nobody else has seen it.
                if let Some(running) = slot.take(tag, Then::Idle) {
                    return Err((e, running.token.token));
                }
            } else {
                // Before anybody can take it, and count what became of it.
                self.count(Count::Jobs);
            }
        }
        // With job memory still locked: `detach` takes it before it cancels the watchdog.
        watchdog::set(self, self.timeout);
        drop(memory);
        Ok(())
    }

    /// Writes the job to memory, which is the caller's: it holds the lock.
    fn prepare(&self, memory: Option<&mut JobMemory>, work: &Work<'_>) -> Result {
        self.slot.lock().ready().map_err(errno_of_refusal)?;
        let memory = memory.ok_or(ENODEV)?;
        let (hal, able) = (self.hal, &self.capabilities);
        let written = match work {
            Work::Picture(job) => memory.write(hal, job, able)?,
            Work::Measurement(measurement) => memory.write_measurement(hal, measurement, able)?,
        };
        written.map_err(|error| match error {
            units::Error::Full => ENOSPC,
            units::Error::Invalid(invalid) => {
                trace::refused(invalid.0);
                EINVAL
            }
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(0)
    }

    /// Serves an interrupt: ends the running job if its result is there. Says whether there was
    /// anything to do.
    fn serve(&self) -> bool {
        let Some(tag) = self.slot.lock().running() else {
            return false;
        };
        if let Some(block) = self.result_block(tag) {
            // Whoever ends it, this interrupt was the job's.
            self.conclude(tag, &block);
            return true;
        }
        // No result: a spurious or late interrupt, or a job that will have none.
        let Ok(status) = self.bar.irq_status() else {
            return false;
        };
        if status.is_gone() {
            self.lost();
        } else if status.job_lost() {
            dev_err!(
                self.dev,
                "job ended without a result, interrupt status {:#x}\n",
                status.into_raw()
            );
            self.fail(tag, EFAULT, Count::NoResult);
        } else {
            return false;
        }
        true
    }

    fn result_block(&self, tag: u32) -> Option<[u8; RESULT_BYTES]> {
        self.memory.lock().as_ref()?.result(tag)
    }

    /// Ends the job with this tag by its result. Says whether nobody else had ended it.
    fn conclude(&self, tag: u32, block: &[u8; RESULT_BYTES]) -> bool {
        let Some(running) = self.slot.lock().take(tag, Then::Reset) else {
            return false;
        };
        let began = running.deadline.saturating_sub(self.timeout);
        let elapsed_ns = self.now().saturating_sub(began);
        let outcome = running.token.asked.parse(block, tag, elapsed_ns);
        self.counters.result(&outcome);
        match &outcome {
            Ok(_) | Err(Failure::OutputFull) => self.slot.lock().reset_done(),
            Err(Failure::BadDescriptor { offset, within }) => {
                dev_err!(
                    self.dev,
                    "job failed: offset {:#x} of {:?} refused\n",
                    offset,
                    within
                );
                self.slot.lock().reset_done();
            }
            Err(Failure::DmaFault { address }) => {
                dev_err!(self.dev, "job failed: DMA fault at {:#x}\n", address);
                self.slot.lock().reset_done();
            }
            Err(failure) => {
                dev_err!(self.dev, "job failed: {:?}; resetting\n", failure);
                self.recover();
            }
        }
        C::finished(running.token.token, outcome.map_err(errno_of_failure));
        true
    }

    /// Takes the job with this tag, resets the hardware, and then ends the job: until the reset
    /// is done, or the bus closed to it, the hardware may write to the job's buffers.
    fn fail(&self, tag: u32, error: Error, why: Count) {
        let Some(running) = self.slot.lock().take(tag, Then::Reset) else {
            return;
        };
        self.count(why);
        self.recover();
        C::finished(running.token.token, Err(error));
    }

    /// Brings the hardware back after [`Then::Reset`]; if that fails it is gone, and cannot write
    /// to memory.
    fn recover(&self) {
        self.count(Count::Resets);
        match self.start_anew() {
            Ok(()) => self.slot.lock().reset_done(),
            Err(e) => {
                dev_err!(self.dev, "reset failed: {:?}\n", e);
                // The slot is empty: the caller has the job.
                self.slot.lock().close();
                self.stop_dma(self.memory.lock().as_ref());
            }
        }
    }

    /// Turns bus mastering off until the device is bound again: memory cannot be given back to
    /// others while hardware that does not stop may write to it.
    ///
    /// `memory` is the locked job memory. When there is none, `detach` has done this already, and
    /// the device may be another driver's.
    #[expect(unsafe_code, reason = "the edge of DMA")]
    fn stop_dma(&self, memory: Option<&JobMemory>) {
        if memory.is_none() {
            return;
        }
        let dev: *const pci::Device = &*self.dev;
        // SAFETY: `dev` is a `struct pci_dev` on which there is a reference, and it is still bound
        // to this driver: unbind has to wait for the lock on job memory, which the caller holds.
        // If it is unplugged already this writes to nobody.
        unsafe { bindings::pci_clear_master(dev.cast_mut().cast()) };
    }

    fn start_anew(&self) -> Result {
        self.bar.reset()?;
        let descriptor = match self.memory.lock().as_ref() {
            Some(memory) => memory.address(),
            None => return Err(ENODEV),
        };
        self.bar.program(descriptor)
    }

    /// Programs the hardware anew after system sleep, in which it may have lost its state. No job
    /// runs.
    pub(crate) fn resume(&self) {
        if self.slot.lock().ready().is_err() {
            return;
        }
        if let Err(e) = self.start_anew() {
            dev_err!(self.dev, "not back from system sleep: {:?}\n", e);
            self.lost();
        }
    }

    /// What the watchdog finds.
    fn watch(&self) -> Watch {
        self.slot.lock().watch(self.now())
    }

    /// The job with this tag is out of time.
    fn expire(&self, tag: u32) {
        if self.bar.is_gone() {
            self.lost();
        } else if let Some(block) = self.result_block(tag) {
            // Or it is just being served.
            if self.conclude(tag, &block) {
                dev_warn!(self.dev, "interrupt of job {} was lost\n", tag);
                self.count(Count::LostInterrupts);
            }
        } else {
            dev_err!(self.dev, "job {} timed out; resetting\n", tag);
            self.fail(tag, ETIMEDOUT, Count::TimedOut);
        }
    }

    /// Nothing answers any more. It may be the registers only: memory is out of reach before the
    /// job ends.
    fn lost(&self) {
        let running = self.slot.lock().close();
        self.stop_dma(self.memory.lock().as_ref());
        dev_err!(self.dev, "device is gone\n");
        self.finish_gone(running);
    }

    /// Ends everything before the device is unbound.
    fn detach(self: &Arc<Self>) {
        let running = self.slot.lock().close();
        // Fails when the device is gone, or when it does not stop. The bus is closed to it then.
        let _ = self.bar.reset();
        // Whoever came past the slot before has set the watchdog when this gets the lock, and
        // nobody comes past it any more. It is not held while the watchdog is waited for, which
        // takes it itself.
        let memory = {
            let mut memory = self.memory.lock();
            self.stop_dma(memory.as_ref());
            memory.take()
        };
        watchdog::cancel(self);
        drop(memory);
        self.finish_gone(running);
        // The hardware writes to no reconstruction any more.
        let pool = self.pool.lock().take();
        drop(pool);
    }

    fn finish_gone(&self, running: Option<Running<Job<C::Token>>>) {
        if let Some(running) = running {
            self.count(Count::Gone);
            C::finished(running.token.token, Err(ENODEV));
        }
    }
}

fn errno_of_refusal(refused: Refused) -> Error {
    match refused {
        Refused::Busy => EBUSY,
        Refused::Gone => ENODEV,
    }
}

fn errno_of_failure(failure: Failure) -> Error {
    match failure {
        Failure::BadDescriptor { .. } => EINVAL,
        Failure::DmaFault { .. } => EFAULT,
        Failure::OutputFull => ENOSPC,
        Failure::NotThisJob
        | Failure::Internal
        | Failure::UnknownStatus(_)
        | Failure::Implausible(_) => EIO,
    }
}

/// The hardware of a bound device, for the driver's data.
///
/// Dropping it ends everything: no job starts, the hardware is reset, the running job ends with
/// [`ENODEV`], and neither interrupt thread nor watchdog run any more.
pub(crate) struct Attached<'bound, C: Client> {
    hardware: Arc<Hardware<C>>,
    #[expect(dead_code, reason = "held for its drop, which waits for the thread")]
    interrupt: Interrupt<'bound, C>,
}

impl<'bound, C: Client> Attached<'bound, C> {
    /// Takes the device into use: identified, reset, bus mastering on, and ready for jobs, which
    /// may take `timeout_ms` each.
    #[expect(unsafe_code, reason = "the edge of DMA")]
    pub(crate) fn new(pdev: &'bound pci::Device<Core<'_>>, timeout_ms: u32) -> Result<Self> {
        pdev.enable_device_mem()?;
        // SAFETY: Nothing is allocated for the device before probe, which this is part of.
        unsafe { pdev.dma_set_mask_and_coherent(DmaMask::new::<64>())? };

        let bar = Bar::new(pdev)?;
        let mut capabilities = bar.identify().inspect_err(|_| {
            dev_err!(pdev, "this is no slenc hardware\n");
        })?;
        let hal = hal::of_generation(capabilities.generation)
            .ok_or(ENODEV)
            .inspect_err(|_| {
                dev_err!(
                    pdev,
                    "generation {} is not known\n",
                    capabilities.generation
                );
            })?;
        capabilities
            .check()
            .and_then(|()| (hal.check)(&capabilities))
            .map_err(|invalid| {
                dev_err!(pdev, "limits cannot be true: {}\n", invalid.0);
                ENODEV
            })?;
        // It is the layout that has a job for it.
        capabilities.pre_analysis &= hal.measure.is_some();
        let memory = JobMemory::new(pdev.as_ref(), hal, capabilities.units)?;
        let hardware = Arc::pin_init(
            try_pin_init!(Hardware {
                dev: pdev.into(),
                bar,
                hal,
                capabilities,
                counters: Counters::new(),
                timeout: u64::from(timeout_ms.max(1)) * 1_000_000,
                epoch: Instant::now(),
                memory <- new_mutex!(Some(memory)),
                pool <- new_mutex!(Some(Pool::new())),
                slot <- new_spinlock!(Slot::new()),
                watchdog <- new_delayed_work!("slenc::watchdog"),
            }? Error),
            GFP_KERNEL,
        )?;
        // Whatever the hardware was doing, it ends here, before it can access memory again.
        hardware.start_anew()?;
        pdev.set_master();
        let interrupt =
            Interrupt::new(pdev, hardware.clone()).inspect_err(|_| hardware.detach())?;
        Ok(Self {
            hardware,
            interrupt,
        })
    }

    /// The hardware, for files to hold.
    pub(crate) fn hardware(&self) -> &Arc<Hardware<C>> {
        &self.hardware
    }
}

impl<C: Client> Drop for Attached<'_, C> {
    fn drop(&mut self) {
        self.hardware.detach();
    }
}
