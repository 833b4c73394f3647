// SPDX-License-Identifier: GPL-2.0

//! The thread that runs the jobs, and what injected faults make of them.

use std::io;
use std::sync::Arc;
use std::thread::{
    self,
    JoinHandle, //
};
use std::time::{
    Duration,
    Instant, //
};

use crate::descriptor::DESCRIPTOR_ALIGN;
use crate::device::{
    Abandoned,
    Device,
    Start, //
};
use crate::dma::Access;
use crate::fault::Kind;
use crate::generation::Generation;
use crate::job::{
    Engine,
    Failure, //
};
use crate::memory::{
    AccessError,
    Memory, //
};
use crate::recon_log::{
    self,
    ReconLog, //
};
use crate::result::{
    ResultBlock,
    Status,
    RESULT_SIZE, //
};

/// A status that no manual knows.
const GARBAGE_STATUS: u32 = 0xdead_beef;

/// The worker; dropping it abandons its job and ends the thread.
pub struct Worker {
    device: Arc<Device>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread. Its engine uses up to `threads` more.
    ///
    /// # Errors
    ///
    /// What starting it gave.
    pub fn spawn(
        device: Arc<Device>,
        threads: usize,
        recon_log: Option<ReconLog>,
    ) -> io::Result<Self> {
        let mut jobs = Jobs {
            device: device.clone(),
            engine: Engine::new(device.generation(), threads),
            recon_log,
        };
        let thread = thread::Builder::new()
            .name("jobs".into())
            .spawn(move || jobs.run())?;
        Ok(Self {
            device,
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.device.stop();
        if let Some(thread) = self.thread.take() {
            // A panic was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct Jobs {
    device: Arc<Device>,
    engine: Engine,
    recon_log: Option<ReconLog>,
}

impl Jobs {
    fn run(&mut self) {
        while let Some(start) = self.device.next_job() {
            let ended = self.run_one(&start);
            log::debug!("job {:#x}: {ended:?}", start.tag);
        }
    }

    fn run_one(&mut self, start: &Start) -> Result<(), Abandoned> {
        let device = self.device.clone();
        let began = Instant::now();
        let has = |kind| start.faults.contains(&kind);
        if has(Kind::Hang) {
            return device.wait(start, None);
        }
        if has(Kind::Reset) {
            return device.faulty_reset(start);
        }
        if has(Kind::SpuriousIrq) {
            device.faulty_interrupt(start)?;
        }
        for fault in &start.faults {
            if let Kind::Slow(ms) = fault {
                device.wait(start, Some(Duration::from_millis(*ms)))?;
            }
        }

        let memory = Memory::new(&device, start);
        match check_descriptor(&memory, start.descriptor, device.generation()) {
            Ok(()) => {}
            Err(AccessError::Abandoned) => return Err(Abandoned),
            Err(AccessError::Fault(addr)) => {
                log::warn!("job {:#x}: no descriptor at {addr:#x}", start.tag);
                return device.end_job_without_result(start);
            }
        }
        let mut output_size = 0;
        let mut line = None;
        let outcome = if has(Kind::BusError) {
            Err(Failure::Fault(start.descriptor))
        } else {
            self.engine.run(&memory, start)
        };
        let mut block = match outcome {
            Ok(done) => {
                output_size = done.output_size;
                line = done.coded.filter(|_| self.recon_log.is_some()).map(|size| {
                    let bytes = done.stats.bytes;
                    recon_log::line(start.tag, &size, bytes, self.engine.recon())
                });
                ResultBlock {
                    stats: done.stats,
                    analysis: done.analysis,
                    encode_ns: began.elapsed().as_nanos().try_into().unwrap_or(u64::MAX),
                    ..ResultBlock::new(Status::Ok)
                }
            }
            Err(failure) => {
                log::info!("job {:#x}: {failure:x?}", start.tag);
                failure.to_result().ok_or(Abandoned)?
            }
        };

        if has(Kind::WrongLength) {
            block.stats.bytes = output_size.saturating_add(1);
        }
        if has(Kind::StatusGarbage) {
            block.status = GARBAGE_STATUS;
        }
        let tag = if has(Kind::WrongTag) {
            !start.tag
        } else {
            start.tag
        };
        let late = start.faults.iter().find_map(|fault| match fault {
            Kind::LateIrq(ms) => Some(Duration::from_millis(*ms)),
            _ => None,
        });
        let interrupts = late.is_none() && !has(Kind::LostIrq);
        let recon_log = self.recon_log.as_mut();
        device.end_job(start, tag, &block, interrupts, || {
            if let (Some(log), Some(line)) = (recon_log, &line) {
                log.write(line);
            }
        })?;
        if let Some(delay) = late {
            send_later(device.clone(), start.clone(), delay);
        }
        if has(Kind::SpuriousIrq) {
            device.faulty_interrupt(start)?;
        }
        Ok(())
    }
}

/// Checks that the descriptor can be read and its result block written.
fn check_descriptor(
    memory: &Memory<'_>,
    descriptor: u64,
    generation: Generation,
) -> Result<(), AccessError> {
    let size = generation.descriptor_size() as u64;
    if descriptor % DESCRIPTOR_ALIGN != 0 {
        return Err(AccessError::Fault(descriptor));
    }
    memory.check(descriptor, size, Access::Read)?;
    let result = descriptor
        .checked_add(size)
        .ok_or(AccessError::Fault(u64::MAX))?;
    memory.check(result, RESULT_SIZE as u64, Access::Write)
}

/// Sends an interrupt after `delay`, unless a reset comes first. The next job may run meanwhile.
fn send_later(device: Arc<Device>, start: Start, delay: Duration) {
    let sender = move || {
        let _ = device
            .wait(&start, Some(delay))
            .and_then(|()| device.faulty_interrupt(&start));
    };
    if let Err(e) = thread::Builder::new().name("late irq".into()).spawn(sender) {
        log::error!("late interrupt: {e}");
    }
}
