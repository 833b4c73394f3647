// SPDX-License-Identifier: GPL-2.0

//! Driver of the slenc video encoder: stateless H.264 encoding with V4L2 requests.
//!
//! - [`driver`]: the PCI driver, which puts the parts together,
//! - [`device`]: what all open files share,
//! - [`context`]: an open file, with its [`formats`], [`controls`] and [`queue`]s,
//! - [`settings`]: the values of controls that a picture is coded with,
//! - [`job`]: from two buffers and the controls to a picture for the hardware, and back,
//! - [`references`]: reconstructions, and what is known of the stream so far,
//! - [`stats`], [`uapi`]: what applications get to know of each picture, and the layout of controls,
//! - [`trace`], [`statistics`]: trace events, and a file in debugfs,
//! - [`hw`], [`hal`], [`regs`]: the hardware, described in `Documentation/slenc/hardware.rst`,
//! - [`pure`]: what is computed without the kernel.
//!
//! # Locks
//!
//! In the order in which they are taken; see the crate [`media`] for those of the media subsystem:
//!
//! 1. the queue lock of an open file,
//! 2. the lock of its control handler,
//! 3. its formats,
//! 4. its stream ([`references::Stream`]), under which it calls its rate control session,
//! 5. its statistics,
//! 6. the locks of [`hw`].
//!
//! No `v4l2_ctrl_*` function is called with one of the locks from 3 on, and no job is finished. None
//! of 2 to 5 is held when the hardware is given a job. Between a measurement and its picture nothing
//! is locked: it is the m2m core that keeps other jobs of the file, and the end of its stream, away.

#![deny(unsafe_code)]

use kernel::{
    driver::Registration,
    pci,
    prelude::*,
    InPlaceModule,
    ModuleMetadata, //
};

mod colour;
mod context;
mod controls;
mod device;
mod driver;
mod formats;
mod hal;
mod hw;
mod job;
#[expect(
    unreachable_pub,
    reason = "the cargo crate of the same files exports it"
)]
mod pure;
mod queue;
mod references;
mod regs;
mod settings;
mod statistics;
mod stats;
mod trace;
mod uapi;

/// The module: its drivers, and what outlives their devices.
#[pin_data]
struct Slenc {
    #[pin]
    _driver: Registration<pci::Adapter<driver::Driver>>,
    // Dropped last: requests may outlive the devices.
    _requests: media::request::Service,
}

impl InPlaceModule for Slenc {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _requests: media::request::Service::start()?,
            _driver <- Registration::new(<Self as ModuleMetadata>::NAME, module),
        }? Error)
    }
}

module! {
    type: Slenc,
    name: "slenc",
    authors: ["slenc developers"],
    description: "slenc stateless H.264 video encoder",
    license: "GPL",
    imports_ns: ["DMA_BUF"],
    params: {
        watchdog_ms: u32 {
            default: 2000,
            description: "Milliseconds after which a job of the hardware counts as hanging",
        },
    },
}
