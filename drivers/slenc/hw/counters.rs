// SPDX-License-Identifier: GPL-2.0

//! What has become of jobs since the device was bound, and the debugfs file that tells.

use super::{
    Client,
    Hardware, //
};
use crate::pure::picture::{
    Completion,
    Failure, //
};
use kernel::{
    debugfs::{
        Dir,
        File,
        Writer, //
    },
    fmt,
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            ordering::Relaxed,
            Atomic, //
        },
        Arc, //
    }, //
};

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    /// Pictures whose parameters were refused before the hardware saw them.
    Refused,
    /// Jobs that were given to the hardware.
    Jobs,
    /// Of these, the ones that it coded.
    Coded,
    /// Output too small.
    OutputFull,
    /// A descriptor that the hardware does not like.
    BadDescriptor,
    /// Memory that it could not access.
    DmaFault,
    /// It failed, or said what cannot be true.
    Internal,
    /// Jobs that took too long.
    TimedOut,
    /// Jobs that ended without a result.
    NoResult,
    /// Jobs whose device went.
    Gone,
    /// Interrupts that did not come: the watchdog found the result.
    LostInterrupts,
    /// Resets after a failure.
    Resets,
}

/// Names in the file, in the order of [`Count`].
const NAMES: [&str; 12] = [
    "refused",
    "jobs",
    "coded",
    "output_full",
    "bad_descriptor",
    "dma_fault",
    "internal",
    "timed_out",
    "no_result",
    "gone",
    "lost_interrupts",
    "resets",
];

/// Counters of a device.
pub(super) struct Counters {
    counts: [Atomic<u64>; NAMES.len()],
    /// Nanoseconds that the hardware says that jobs took: of all, and of the longest.
    encode_ns: Atomic<u64>,
    longest_ns: Atomic<u64>,
}

impl Counters {
    pub(super) fn new() -> Self {
        Self {
            counts: [const { Atomic::new(0) }; NAMES.len()],
            encode_ns: Atomic::new(0),
            longest_ns: Atomic::new(0),
        }
    }

    pub(super) fn count(&self, what: Count) {
        if let Some(counter) = self.counts.get(what as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Counts a job that left a result. There is one at a time.
    pub(super) fn result(&self, outcome: &Result<Completion, Failure>) {
        self.count(match outcome {
            Ok(_) => Count::Coded,
            Err(Failure::OutputFull) => Count::OutputFull,
            Err(Failure::BadDescriptor { .. }) => Count::BadDescriptor,
            Err(Failure::DmaFault { .. }) => Count::DmaFault,
            Err(_) => Count::Internal,
        });
        if let Ok(completion) = outcome {
            self.encode_ns.fetch_add(completion.encode_ns, Relaxed);
            let longest = self.longest_ns.load(Relaxed).max(completion.encode_ns);
            self.longest_ns.store(longest, Relaxed);
        }
    }
}

/// What is in the file.
pub(super) struct Report<C: Client>(Arc<Hardware<C>>);

impl<C: Client> Writer for Report<C> {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = &self.0.counters;
        let state = self.0.slot.lock().state();
        writeln!(f, "state {state}")?;
        for (name, counter) in NAMES.iter().zip(&counters.counts) {
            writeln!(f, "{name} {}", counter.load(Relaxed))?;
        }
        writeln!(f, "encode_ns {}", counters.encode_ns.load(Relaxed))?;
        writeln!(f, "longest_ns {}", counters.longest_ns.load(Relaxed))
    }
}

/// The file, while it is there.
pub(super) type ReportFile<C> = Pin<KBox<File<Report<C>>>>;

/// Makes the file `slenc-DEVICE/statistics`, which is there until the result is dropped.
pub(super) fn report<C: Client>(hardware: &Arc<Hardware<C>>) -> Result<ReportFile<C>> {
    let name = CString::try_from_fmt(fmt!("slenc-{}", hardware.name()))?;
    let directory = Dir::new(&name);
    let report = Report(hardware.clone());
    KBox::pin_init(directory.read_only_file(c"statistics", report), GFP_KERNEL)
}
