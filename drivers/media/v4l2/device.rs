// SPDX-License-Identifier: GPL-2.0

//! The V4L2 device: what the nodes of one piece of hardware have in common.
//!
//! C header: [`include/media/v4l2-device.h`](srctree/include/media/v4l2-device.h)

use crate::bindings as media;
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// A registered `struct v4l2_device`. It holds a reference on its parent.
#[pin_data(PinnedDrop)]
pub(crate) struct V4l2Device {
    #[pin]
    pub(crate) inner: Opaque<media::v4l2_device>,
}

impl V4l2Device {
    /// Registers a V4L2 device of `parent`.
    ///
    /// # Safety
    ///
    /// `parent` is a valid device, whose driver is being probed.
    pub(crate) unsafe fn new(parent: *mut bindings::device) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            inner <- Opaque::try_ffi_init(move |slot: *mut media::v4l2_device| {
                // SAFETY: `slot` is valid for writes and is pinned; `parent` is valid by the
                // requirements of this function.
                unsafe {
                    slot.write_bytes(0, 1);
                    to_result(media::v4l2_device_register(parent, slot))?;
                    // The V4L2 core stores itself in driver data that is empty, as during probe.
                    // It belongs to the driver core's Rust abstraction, which would free what it
                    // finds there after a failed probe.
                    if bindings::dev_get_drvdata(parent) == slot.cast() {
                        bindings::dev_set_drvdata(parent, core::ptr::null_mut());
                    }
                }
                Ok::<(), Error>(())
            }),
        }? Error)
    }
}

#[pinned_drop]
impl PinnedDrop for V4l2Device {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: `new` registered it.
        unsafe { media::v4l2_device_unregister(self.inner.get()) }
    }
}
