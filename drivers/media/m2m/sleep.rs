// SPDX-License-Identifier: GPL-2.0

//! System sleep: no job runs while the system sleeps, unless its device was bound after the
//! preparations.
//!
//! A driver of a Rust bus has no callbacks for it, and user space still runs when the notifiers are
//! called: what it queues then waits until the system is awake again.

use super::{
    Device,
    Driver, //
};
use crate::bindings as media;
use core::ops::Deref;
use kernel::{
    bindings,
    container_of,
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// Pauses the jobs of a device while the system sleeps.
///
/// # Invariants
///
/// `block` is registered from the end of `new` to the drop.
#[pin_data(PinnedDrop)]
pub(super) struct Notifier<T: Driver> {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    device: Arc<Device<T>>,
}

// SAFETY: The block is used by the chain only, which has a lock.
unsafe impl<T: Driver> Send for Notifier<T> {}
// SAFETY: As above.
unsafe impl<T: Driver> Sync for Notifier<T> {}

impl<T: Driver> Notifier<T> {
    /// Registers it.
    ///
    /// # Safety
    ///
    /// It is dropped, and not forgotten, before the module's code goes.
    pub(super) unsafe fn new(device: Arc<Device<T>>) -> Result<Pin<KBox<Self>>> {
        let notifier = KBox::pin_init(
            try_pin_init!(Self {
                block: Opaque::new(bindings::notifier_block {
                    notifier_call: Some(Self::notify),
                    ..pin_init::zeroed()
                }),
                device,
            }? Error),
            GFP_KERNEL,
        )?;
        // SAFETY: The block is pinned, and unregistered before it is freed. By the requirements of
        // this function that is before its code goes.
        //
        // INVARIANT: It is registered, or dropped.
        to_result(unsafe { media::media_helper_register_pm_notifier(notifier.block.get()) })?;
        Ok(notifier)
    }

    /// # Safety
    ///
    /// Called by the chain: `block` is in a [`Notifier<T>`].
    unsafe extern "C" fn notify(
        block: *mut bindings::notifier_block,
        action: c_ulong,
        _data: *mut c_void,
    ) -> c_int {
        // SAFETY: By the requirements of this function.
        let this = unsafe { &*container_of!(Opaque::cast_from(block), Self, block) };
        match u32::try_from(action) {
            Ok(
                bindings::PM_SUSPEND_PREPARE
                | bindings::PM_HIBERNATION_PREPARE
                | bindings::PM_RESTORE_PREPARE,
            ) => {
                this.device.pause();
            }
            Ok(
                bindings::PM_POST_SUSPEND
                | bindings::PM_POST_HIBERNATION
                | bindings::PM_POST_RESTORE,
            ) => {
                // A device that came after the preparations runs still.
                this.device.pause();
                T::resume(this.device.deref());
                this.device.unpause();
            }
            _ => {}
        }
        bindings::NOTIFY_DONE as c_int
    }
}

#[pinned_drop]
impl<T: Driver> PinnedDrop for Notifier<T> {
    fn drop(self: Pin<&mut Self>) {
        // Waits for a notifier that runs. Fails when it could not be registered, which is as good.
        //
        // SAFETY: The block is valid, and nobody uses it after this.
        unsafe { media::media_helper_unregister_pm_notifier(self.block.get()) };
    }
}
