// SPDX-License-Identifier: GPL-2.0

//! In place of the BPF hook, for a kernel without what it takes (see Kbuild): the built-in
//! controller decides alone.

use crate::{
    abi::{
        Inner,
        Shared, //
    },
    bindings as c, convert,
    pure::{
        frame::FrameIn,
        session::Session, //
    },
};
use kernel::{
    bindings::dentry,
    prelude::*,
    sync::Arc, //
};

/// There is nothing to register.
pub(crate) fn register() {
    pr_info!("no BPF hook: the kernel is built without BPF_JIT or DEBUG_INFO_BTF_MODULES\n");
}

/// Nor to take back.
pub(crate) fn unregister() {}

/// Makes no file.
///
/// # Safety
///
/// Safe to call with any argument; `unsafe` only because with the hook it is.
pub(crate) unsafe fn show_in(_directory: *mut dentry, _shared: *const Shared) {}

/// A session that no programs come and go for.
pub(crate) struct Registration;

impl Registration {
    pub(crate) fn new(_shared: &Arc<Shared>) -> Self {
        Self
    }
}

/// The hook in a session: none.
pub(crate) struct Hook {
    /// `max_checkpoints` of the capabilities.
    pub(crate) max_checkpoints: u32,
}

impl Hook {
    pub(crate) fn new(_id: u64, _codec: u32) -> Result<Self> {
        Ok(Self { max_checkpoints: 0 })
    }

    /// No program can be attached to the session.
    pub(crate) fn is_there(&self) -> bool {
        false
    }

    pub(crate) fn renew(&mut self, _session: &Session) {}

    pub(crate) fn select(&mut self, _config: &c::v4l2_rc_config) {}

    #[inline(always)]
    pub(crate) fn begin(
        inner: &mut Inner,
        picture: &FrameIn,
        frame: &mut c::v4l2_rc_frame,
    ) -> Result {
        // Used where it is: it has a hundred bytes, which `?` would copy.
        let begun = inner.session.begin(picture);
        let begun = begun.as_ref().map_err(|&e| e)?;
        convert::decide(
            &mut frame.decision,
            begun,
            &frame.info,
            inner.hook.max_checkpoints,
        );
        Ok(())
    }

    pub(crate) fn commit(&mut self, _session: &Session, _frame: &c::v4l2_rc_frame, _bytes: u64) {}

    pub(crate) fn cancel(&mut self, _session: &Session, _cookie: u64) {}
}
