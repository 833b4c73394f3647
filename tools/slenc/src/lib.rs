// SPDX-License-Identifier: GPL-2.0

//! A client of V4L2 stateless H.264 encoders: the program `slenc`, and what other
//! tools and tests of the project share with it.

#![deny(unsafe_code)]

pub mod cli;
pub mod conformance;
pub mod encode;
pub mod h264;
pub mod info;
pub mod input;
pub mod interrupt;
pub mod output;
pub mod picture;
pub mod progress;
pub mod psnr;
pub mod rate;
pub mod report;
pub mod session;
pub mod stats;
pub mod v4l2;

pub use slenc_error as error;
