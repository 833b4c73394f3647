// SPDX-License-Identifier: GPL-2.0

//! The hardware as a client and a driver see it: over a socket, with a file as guest memory.

mod client;
mod descriptor;
mod faults;
mod jobs;
mod machine;
mod protocol;
mod reset;
mod stream;
