// SPDX-License-Identifier: GPL-2.0

//! The algorithms of rate control, apart from the kernel.
//!
//! Everything below needs `core` only: no allocation, no panic, integers, and paths that begin
//! with `super`. The module and the cargo crate `slenc-pure` compile the same files.
//!
//! What is marked `inline(always)` is small, or called in one place, and on the way of each picture.
//! The compiler takes what is behind many branches for rare, and would call it.

pub mod aim;
pub mod bucket;
pub mod config;
pub mod controller;
pub mod cycle;
pub mod error;
pub mod far;
pub mod frame;
pub mod hrd;
pub mod lesson;
pub mod log2;
pub mod math;
pub mod model;
pub mod pending;
pub mod plan;
pub mod quantizer;
pub mod scale;
pub mod session;
pub mod takeover;

/// The KUnit suite attribute that the crate root has from the kernel's prelude; cargo has its own
/// harness.
#[cfg(CONFIG_KUNIT = "y")]
use super::kunit_tests;
