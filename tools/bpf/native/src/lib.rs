// SPDX-License-Identifier: GPL-2.0

//! The BPF programs of rate control, compiled for the machine itself from their own sources, with
//! the controller of the kernel module: for tests, and for the scoreboard.
//!
//! What they see is filled by the module's own code. What the verifier and the BPF core do is not
//! here: tests in the guest show that.

/// The kernel's structures, as programs have them.
mod bindings {
    #![allow(
        missing_docs,
        non_camel_case_types,
        non_upper_case_globals,
        unreachable_pub,
        dead_code,
        clippy::undocumented_unsafe_blocks
    )]

    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

#[path = "../../../../rate_control/hook/context.rs"]
mod context;
mod helpers;
mod program;
mod stream;

pub(crate) use slenc_pure::rate_control as pure;

pub use helpers::{
    entries,
    set_time,
    set_weight,
    take_records,
    Share, //
};
pub use program::Program;
pub use stream::Stream;
