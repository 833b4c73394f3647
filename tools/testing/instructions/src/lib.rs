// SPDX-License-Identifier: GPL-2.0

//! A plugin for QEMU's emulation (TCG) that counts each instruction the guest executes
//! between two marks, programs in one counter and the kernel by address.
//!
//! `-plugin libslenc_instructions.so,to=FILE`. A processor that is halted executes
//! nothing, so idling costs what its way in and out costs.

mod code;
mod marks;
// What it calls is in QEMU, with which tests are not linked.
#[cfg(not(test))]
mod plugin;

#[cfg(not(test))]
pub use plugin::{
    qemu_plugin_install,
    qemu_plugin_version, //
};
