// SPDX-License-Identifier: GPL-2.0

//! Device memory that cgroups are charged for, so that an administrator can limit it (`dmem.max`).
//!
//! C header: [`include/linux/cgroup_dmem.h`](srctree/include/linux/cgroup_dmem.h)

use crate::bindings as media;
use core::ptr::NonNull;
use kernel::{
    bindings,
    error::from_err_ptr,
    prelude::*, //
};

/// The memory of a device, as cgroups see it.
///
/// # Invariants
///
/// The region is registered; there is none in a kernel without `CONFIG_CGROUP_DMEM`, where nothing
/// is charged.
pub(crate) struct Region(Option<NonNull<media::dmem_cgroup_region>>);

// SAFETY: The C object synchronises.
unsafe impl Send for Region {}
// SAFETY: As above.
unsafe impl Sync for Region {}

impl Region {
    /// Registers the memory of `parent` under the name "v4l2/" and the device's own. Its size is
    /// that of the system's memory, of which it is a part.
    ///
    /// # Safety
    ///
    /// `parent` is a valid device.
    pub(crate) unsafe fn new(parent: *mut bindings::device) -> Result<Self> {
        // SAFETY: By the requirements of this function.
        let region = from_err_ptr(unsafe { media::media_helper_dmem_register_region(parent) })?;
        // INVARIANT: It was just registered, if there is one.
        Ok(Self(NonNull::new(region)))
    }

    /// Charges the cgroup of the current task: `ENOMEM` when it is at its limit.
    pub(crate) fn charge(&self, bytes: u64) -> Result<Charge> {
        let Some(region) = self.0 else {
            return Ok(Charge { pool: None, bytes });
        };
        let mut pool = core::ptr::null_mut();
        // SAFETY: By the invariants the region is registered.
        let result =
            unsafe { media::media_helper_dmem_try_charge(region.as_ptr(), bytes, &mut pool) };
        match result {
            // INVARIANT: These bytes were just charged.
            0 => Ok(Charge {
                pool: NonNull::new(pool),
                bytes,
            }),
            // At the limit, which is no reason to try again soon.
            error if Error::from_errno(error) == EAGAIN => Err(ENOMEM),
            error => Err(Error::from_errno(error)),
        }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if let Some(region) = self.0 {
            // SAFETY: By the invariants. Charges hold what they need.
            unsafe { media::media_helper_dmem_unregister_region(region.as_ptr()) }
        }
    }
}

/// What a cgroup is charged for, until this is dropped. It may outlive the [`Region`].
///
/// # Invariants
///
/// `bytes` are charged to `pool`, if there is one.
pub struct Charge {
    pool: Option<NonNull<media::dmem_cgroup_pool_state>>,
    bytes: u64,
}

// SAFETY: Any task may give it back.
unsafe impl Send for Charge {}
// SAFETY: Nothing can be done with a shared one.
unsafe impl Sync for Charge {}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(pool) = self.pool {
            // SAFETY: By the invariants.
            unsafe { media::media_helper_dmem_uncharge(pool.as_ptr(), self.bytes) }
        }
    }
}
