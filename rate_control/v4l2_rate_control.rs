// SPDX-License-Identifier: GPL-2.0

//! Rate control of V4L2 video encoders.
//!
//! Drivers call it through the C ABI of [`include/media/v4l2-rate-control.h`], from Rust and from
//! C. [`abi`] is its edge; [`convert`] knows its structures; [`pure`] is
//! what it does. Sessions show themselves in [`debugfs`].

use kernel::prelude::*;

mod abi;
mod bindings;
mod convert;
mod debugfs;
#[cfg_attr(not(v4l2_rc_bpf), path = "hook_absent.rs")]
mod hook;
#[cfg(v4l2_rc_bpf)]
mod kfuncs;
pub mod pure;
mod trace;

struct RateControl;

impl kernel::Module for RateControl {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // SAFETY: There is no session before the module is initialised, and this is called once.
        unsafe { bindings::rc_debugfs_init() };
        hook::register();
        Ok(Self)
    }
}

impl Drop for RateControl {
    fn drop(&mut self) {
        hook::unregister();
        // SAFETY: There is no session any more: who has one uses symbols of this module.
        unsafe { bindings::rc_debugfs_exit() };
    }
}

module! {
    type: RateControl,
    name: "v4l2_rate_control",
    authors: ["slenc developers"],
    description: "Rate control of V4L2 video encoders",
    license: "GPL",
}
