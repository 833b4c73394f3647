// SPDX-License-Identifier: GPL-2.0

//! Tests against other models of the same: plainer ones, and ffmpeg.

mod properties;
mod random;
mod trace_headers;
