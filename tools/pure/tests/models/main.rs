// SPDX-License-Identifier: GPL-2.0

//! Tests against other models of the same: plainer ones, and ffmpeg.

mod bits;
mod decoder;
mod properties;
mod random;
mod references;
mod trace_headers;
