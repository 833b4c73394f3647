// SPDX-License-Identifier: GPL-2.0

//! The rate control in a loop with an encoder, and over the whole range of its parameters.

mod cbr;
mod kernels;
mod modes;
mod plant;
mod promises;
#[path = "../models/random.rs"]
mod random;
mod range;
mod session;
mod skips;
mod takeover;
mod turns;
