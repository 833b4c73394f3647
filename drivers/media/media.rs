// SPDX-License-Identifier: GPL-2.0

//! Abstractions for memory-to-memory video devices with requests.
//!
//! The crate covers what a stateless codec driver needs of the media subsystem, and is laid out as
//! it would stand in `rust/kernel/media`:
//!
//! - [`m2m`]: the device with its nodes, the context of an open file, and the running job,
//! - [`v4l2`]: controls, formats, ioctls and events,
//! - [`videobuf2`]: the two buffer queues of a context,
//! - [`rate_control`]: which QP a picture gets,
//! - [`request`]: what a module that serves requests has to keep,
//! - [`uapi`]: constants and structures that drivers share with user space.
//!
//! A driver implements four traits on the type that holds the state of an open file:
//! [`m2m::Operations`], [`v4l2::ctrl::Operations`], [`v4l2::ioctl::Operations`] and
//! [`videobuf2::Operations`].
//!
//! # Lifetimes
//!
//! The [`m2m::Device`] lives until the driver is unbound, the last file of the video node is
//! closed and the last request is freed, whichever comes last. A [`m2m::Context`] lives as long as
//! its file is open; a running [`m2m::Job`] keeps the file from being closed.
//!
//! # Locks
//!
//! In the order in which they are taken:
//!
//! 1. `req_queue_mutex` of the media device (the media core: queueing a request, STREAMON,
//!    STREAMOFF, REQBUFS and closing the file),
//! 2. the list of open files of the device, and then the queue lock of a context (buffer and format
//!    ioctls, ENCODER_CMD),
//! 3. the flow lock of the context (end of a job, begin and end of draining): the last reference on
//!    a request may be dropped under it,
//! 4. the lock of the context's control handler,
//! 5. locks of the driver, with which no `v4l2_ctrl_*` function is called and no job is ended.
//!
//! The notifiers of system sleep are called before the list of open files is locked.
//!
//! The end of a job takes no queue lock: `v4l2_m2m_cancel_job()` waits for it with that lock held.
//! `device_run()` may be called with the queue lock of another context held.
//!
//! # Limitations
//!
//! The media device node of Linux 7.3 does not wait for ioctls when it is unregistered: one that
//! runs in that moment uses the media device without a reference. This has to be solved in C.
//!
//! A buffer that is mapped or exported when the device is removed is freed after it. Behind an IOMMU
//! its mapping is gone by then: `vb2_dma_contig_memops` cannot be told.

mod bindings;
pub mod controller;
mod dmem;
pub mod m2m;
pub mod rate_control;
pub mod request;
pub mod uapi;
pub mod v4l2;
pub mod videobuf2;

pub use dmem::Charge;

/// What `module!` would define; the printing macros need it.
#[allow(dead_code)]
const __LOG_PREFIX: &[u8] = b"media\0";

/// Copies `text` to a string of fixed size in a structure of the user space interface, which is
/// zero before and stays terminated.
fn copy_str(to: &mut [u8], text: &kernel::str::CStr) {
    let room = to.len().saturating_sub(1);
    for (to, from) in to.iter_mut().take(room).zip(text.to_bytes()) {
        *to = *from;
    }
}
