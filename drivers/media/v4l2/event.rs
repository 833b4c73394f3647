// SPDX-License-Identifier: GPL-2.0

//! Events: end of stream, and changes of controls.
//!
//! C header: [`include/media/v4l2-event.h`](srctree/include/media/v4l2-event.h)

use crate::bindings as media;
use kernel::{
    error::from_result,
    prelude::*, //
};

/// Queues `V4L2_EVENT_EOS`.
///
/// # Safety
///
/// `fh` is an initialised file handle.
pub(crate) unsafe fn queue_eos(fh: *mut media::v4l2_fh) {
    let event = media::v4l2_event {
        type_: media::V4L2_EVENT_EOS,
        ..pin_init::zeroed()
    };
    // SAFETY: By the requirements of this function; the event is copied.
    unsafe { media::v4l2_event_queue_fh(fh, &event) }
}

/// VIDIOC_SUBSCRIBE_EVENT.
///
/// # Safety
///
/// `fh` is an initialised file handle, and `sub` is valid.
pub(crate) unsafe extern "C" fn subscribe(
    fh: *mut media::v4l2_fh,
    sub: *const media::v4l2_event_subscription,
) -> c_int {
    from_result(|| {
        // SAFETY: By the requirements of this function.
        let result = unsafe {
            match (*sub).type_ {
                // One event can be queued: there is nothing to tell apart in a second.
                media::V4L2_EVENT_EOS => media::v4l2_event_subscribe(fh, sub, 1, core::ptr::null()),
                _ => media::v4l2_ctrl_subscribe_event(fh, sub),
            }
        };
        Ok(result)
    })
}
