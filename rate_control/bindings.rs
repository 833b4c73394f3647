// SPDX-License-Identifier: GPL-2.0

//! The C ABI as its header defines it.

#![allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unused_imports
)]

use kernel::{
    bindings::{
        delayed_work,
        dentry,
        list_head,
        module,
        seq_file,
        static_key_false,
        tracepoint, //
    },
    ffi, //
};
use pin_init::MaybeZeroable;

include!(concat!(
    env!("SLENC_OBJ"),
    "/rate_control/bindings_generated.rs"
));
