// SPDX-License-Identifier: GPL-2.0

//! Structures and numbers of the kernel's headers, made by bindgen.

#![allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    clippy::all,
    clippy::undocumented_unsafe_blocks
)]

include!(concat!(env!("OUT_DIR"), "/uapi.rs"));
