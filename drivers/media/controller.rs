// SPDX-License-Identifier: GPL-2.0

//! The media device: the graph's node, and the root of requests.
//!
//! C header: [`include/media/media-device.h`](srctree/include/media/media-device.h)

use crate::{
    bindings as media,
    copy_str, //
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    },
    types::Opaque, //
};

/// A `struct media_device`, initialised but not necessarily registered.
///
/// # Invariants
///
/// `inner` went through `media_device_init()`.
#[pin_data(PinnedDrop)]
pub(crate) struct MediaDevice {
    #[pin]
    pub(crate) inner: Opaque<media::media_device>,
}

impl MediaDevice {
    /// Initialises a media device of `parent`.
    ///
    /// # Safety
    ///
    /// `parent` is a valid device and stays valid as long as the result.
    pub(crate) unsafe fn new(
        parent: *mut bindings::device,
        driver: &'static CStr,
        model: &'static CStr,
        hw_revision: u32,
        ops: &'static media::media_device_ops,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: `media_device_init()` is called.
            inner <- Opaque::ffi_init(move |slot: *mut media::media_device| {
                // SAFETY: `slot` is valid for writes and is pinned; `parent` is valid by the
                // requirements of this function.
                unsafe {
                    slot.write_bytes(0, 1);
                    (*slot).dev = parent;
                    copy_str(&mut (*slot).driver_name, driver);
                    copy_str(&mut (*slot).model, model);
                    (*slot).hw_revision = hw_revision;
                    media::media_device_init(slot);
                    (*slot).ops = ops;
                }
            }),
        })
    }

    /// Makes the device visible to user space.
    pub(crate) fn register(&self, owner: &'static ThisModule) -> Result {
        // SAFETY: By the invariants the device is initialised; it is pinned.
        to_result(unsafe { media::media_helper_device_register(self.inner.get(), owner.as_ptr()) })
    }

    /// Takes the device from user space. Does nothing when it is not registered.
    pub(crate) fn unregister(&self) {
        // SAFETY: By the invariants the device is initialised.
        unsafe { media::media_device_unregister(self.inner.get()) }
    }
}

#[pinned_drop]
impl PinnedDrop for MediaDevice {
    fn drop(self: Pin<&mut Self>) {
        let device = self.inner.get();

        // `media_request_release()` decrements the counter after `req_free`, and this is its last
        // access to the device. All requests are freed here, as each holds a reference, so at most
        // a few instructions of other tasks are waited for.
        //
        // SAFETY: By the invariants the device is initialised.
        while unsafe { media::media_helper_num_requests(device) } != 0 {
            fsleep(Delta::from_millis(1));
        }
        // SAFETY: By the invariants the device is initialised; nobody refers to it any more.
        unsafe { media::media_device_cleanup(device) }
    }
}
