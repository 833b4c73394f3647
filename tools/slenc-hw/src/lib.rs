// SPDX-License-Identifier: GPL-2.0

//! The virtual hardware of slenc: a PCI video encoder served over vfio-user.
//!
//! `Documentation/slenc/hardware.rst` is the manual of what is modelled here. Three parts meet
//! in [`device::Device`]:
//!
//! - The protocol: [`protocol`] turns bytes into requests, [`server`] carries them out for one
//!   client. It never waits for a job.
//! - The hardware's state: [`config_space`], [`registers`] and [`dma`], the guest's memory.
//!   [`generation`] says what registers and descriptors differ in.
//! - The jobs: [`worker`] runs one at a time; [`descriptor`] and [`units`] check what the driver
//!   asks for, `job` copies in, encodes and copies out, [`result`] reports.
//!
//! [`fault`] and [`control`] make the hardware fail on purpose, and [`recon_log`] says what a
//! decoder has to come to.
//!
//! The guest is not trusted: nothing it writes may crash the server, or make it access anything
//! but the memory the client announced. The client (the VMM) may send anything as well, and then
//! loses its connection at worst; but it is trusted not to truncate the files it shares.

pub mod config_space;
pub mod control;
pub mod control_block;
pub mod descriptor;
pub mod device;
pub mod dma;
pub mod fault;
pub mod generation;
mod job;
mod le;
mod memory;
pub mod protocol;
pub mod recon_log;
pub mod registers;
pub mod result;
pub mod server;
pub mod units;
pub mod worker;
