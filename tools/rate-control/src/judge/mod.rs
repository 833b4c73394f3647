// SPDX-License-Identifier: GPL-2.0

//! What is measured of a run. Nothing here is shared with any controller.
//!
//! Symbols: R bit/s, f frames/s, b = R/f, B the coded picture buffer, F its fullness.

pub(crate) mod buffer;
pub(crate) mod cuts;
pub(crate) mod metrics;
pub(crate) mod pulse;
pub(crate) mod quality;
pub(crate) mod rate;
pub(crate) mod settle;
pub(crate) mod stationary;
pub(crate) mod statistics;
pub(crate) mod suites;

#[cfg(test)]
pub(crate) mod samples;
