// SPDX-License-Identifier: GPL-2.0

//! The hardware as a client and a driver see it: over a socket, with a file as guest memory.

mod client;
mod control_block;
mod descriptor;
mod faults;
mod gen2;
mod gen2_descriptor;
mod gen2_stream;
mod jobs;
mod machine;
mod protocol;
mod reset;
mod stream;
