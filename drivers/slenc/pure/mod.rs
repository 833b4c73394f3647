// SPDX-License-Identifier: GPL-2.0

//! What the driver computes, apart from the kernel it computes it in.
//!
//! Everything below needs `core` only: no allocation, no panic, integers, and paths that begin
//! with `super`. The module and the cargo crate `slenc-pure` compile the same files; their tests
//! are KUnit suites in one and ordinary tests in the other.
//!
//! "H.264" in comments is Recommendation ITU-T H.264, in the numbering of its 2021 edition.

pub mod adapt;
pub mod bits;
pub mod checks;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod checks_tests;
pub mod crop;
pub mod dpb;
pub mod encode_references;
pub mod few;
pub mod fields;
pub mod filler;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
pub mod fixture;
pub mod gen1;
pub mod gen2;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod gen2_tests;
pub mod headers;
pub mod hrd;
pub mod in_frame;
pub mod level;
pub mod list;
pub mod marking;
pub mod measure;
pub mod order;
pub mod params;
pub mod picture;
pub mod reference;
pub mod result;
pub mod row_plan;
pub mod sets;
pub mod slice;
pub mod slot;
pub mod unit_table;
pub mod units;
pub mod wishes;

/// The KUnit suite attribute that the crate root has from the kernel's prelude; cargo has its own
/// harness.
#[cfg(CONFIG_KUNIT = "y")]
use super::kunit_tests;
