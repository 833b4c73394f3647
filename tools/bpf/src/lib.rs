// SPDX-License-Identifier: GPL-2.0

//! Loads BPF programs that take part in rate control: `slenc bpf`.
//!
//! A program that is loaded is registered with the kernel under its name, and stays when the
//! loader has ended: it is pinned below [`place::PINS`]. Streams that ask for its name have it
//! from their next picture on; streams that ask for none have the system's default, which a
//! program becomes when it is attached.

#![deny(unsafe_code)]

pub mod cli;
mod commands;
mod diagnosis;
mod load;
mod maps;
mod parameters;
mod place;
mod show;
mod telemetry;
mod watch;

pub use commands::run;
pub use slenc_error::{
    Error,
    Result, //
};

use slenc_error as error;
