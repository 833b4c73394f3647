// SPDX-License-Identifier: GPL-2.0

//! The parts of the kernel modules that need no kernel, compiled from the modules' own files.
//!
//! Their tests are KUnit suites in the modules and ordinary tests here.

#![cfg_attr(not(test), no_std)]

#[path = "../../../rate_control/pure/mod.rs"]
pub mod rate_control;
#[path = "../../../drivers/slenc/pure/mod.rs"]
pub mod slenc;
