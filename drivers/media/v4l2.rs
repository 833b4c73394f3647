// SPDX-License-Identifier: GPL-2.0

//! Video4Linux2.

pub mod ctrl;
pub(crate) mod device;
pub(crate) mod event;
pub mod format;
pub mod ioctl;
pub(crate) mod video;
