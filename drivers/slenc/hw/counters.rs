// SPDX-License-Identifier: GPL-2.0

//! What has become of jobs since the device was bound, and how it is told.

use super::{
    Client,
    Done,
    Hardware, //
};
use crate::pure::picture::Failure;
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::atomic::{
        ordering::Relaxed,
        Atomic, //
    }, //
};

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    /// Pictures that the hardware did not see: refused, or there was no memory, or no hardware.
    Refused,
    /// Jobs that were given to the hardware.
    Jobs,
    /// Of these, the pictures that it coded.
    Coded,
    /// And the sources that it measured.
    Measured,
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
const NAMES: [&str; 13] = [
    "refused",
    "jobs",
    "coded",
    "measured",
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
    pub(super) fn result(&self, outcome: &Result<Done, Failure>) {
        self.count(match outcome {
            Ok(Done::Coded(_)) => Count::Coded,
            Ok(Done::Measured(_)) => Count::Measured,
            Err(Failure::OutputFull) => Count::OutputFull,
            Err(Failure::BadDescriptor { .. }) => Count::BadDescriptor,
            Err(Failure::DmaFault { .. }) => Count::DmaFault,
            Err(_) => Count::Internal,
        });
        let took_ns = match outcome {
            Ok(Done::Coded(completion)) => completion.encode_ns,
            Ok(Done::Measured(measured)) => measured.encode_ns,
            Err(_) => return,
        };
        self.encode_ns.fetch_add(took_ns, Relaxed);
        let longest = self.longest_ns.load(Relaxed).max(took_ns);
        self.longest_ns.store(longest, Relaxed);
    }
}

impl<C: Client> Hardware<C> {
    /// Writes a line for each value: its name, and the value.
    pub(crate) fn report(&self, file: &SeqFile) {
        let counters = &self.counters;
        let state = self.slot.lock().state();
        seq_print!(file, "state {state}\n");
        for (name, counter) in NAMES.iter().zip(&counters.counts) {
            seq_print!(file, "{name} {}\n", counter.load(Relaxed));
        }
        seq_print!(file, "encode_ns {}\n", counters.encode_ns.load(Relaxed));
        seq_print!(file, "longest_ns {}\n", counters.longest_ns.load(Relaxed));
    }
}
