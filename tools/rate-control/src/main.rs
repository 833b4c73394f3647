// SPDX-License-Identifier: GPL-2.0

//! Simulator and scoreboard for rate controllers.
//!
//! Controllers run over one identical encoder core: the engine of the virtual hardware in a
//! closed loop, tables made with it, or a model. What they do is judged by metrics that share
//! nothing with them.

mod config;
mod content;
mod controller;
mod frame;
mod judge;
mod plant;
mod random;
mod run;
mod scenario;

fn main() {}
