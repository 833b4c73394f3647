// SPDX-License-Identifier: GPL-2.0

//! Memory-to-memory devices: one buffer in, one buffer out, a job at a time.
//!
//! C header: [`include/media/v4l2-mem2mem.h`](srctree/include/media/v4l2-mem2mem.h)

mod context;
mod device;
mod job;
mod sleep;

pub use self::context::Context;
pub use self::device::{
    Buffers,
    Device,
    Registration, //
};
pub use self::job::{
    Job,
    Memory,
    PictureType,
    State, //
};

use crate::{
    bindings as media,
    v4l2::{
        ctrl,
        ioctl, //
    },
    videobuf2, //
};
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    prelude::*,
    sync::Arc, //
};
use pin_init::Zeroable;

/// What a device tells user space about itself.
#[derive(Clone, Copy)]
pub struct Info {
    /// Name of the driver.
    pub driver: &'static CStr,
    /// Name of the hardware.
    pub card: &'static CStr,
    /// What the hardware does.
    pub function: Function,
}

/// What the hardware of a mem2mem device does, for the media graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// It encodes video.
    VideoEncoder,
}

impl Function {
    fn as_raw(self) -> u32 {
        match self {
            Self::VideoEncoder => media::MEDIA_ENT_F_PROC_VIDEO_ENCODER,
        }
    }
}

/// A mem2mem driver. The implementing type is the state of an open file.
#[vtable]
pub trait Operations: Sized + Send + Sync + 'static {
    /// What the driver keeps with the [`Device`].
    type Device: Send + Sync + 'static;

    /// What the driver keeps with each CAPTURE buffer. Zero in a new buffer.
    type BufferData: Zeroable + Copy + Send + 'static;

    /// What is said about the device.
    const INFO: Info;

    /// A file is opened. Controls are created after it.
    fn open(device: &Device<Self>) -> impl PinInit<Self, Error>;

    /// Runs a job, whose parameters are the current values of the controls.
    ///
    /// Called in process context, maybe with the queue lock of any context held. The job ends when
    /// `job` is finished, at once or later.
    fn device_run(job: Job<Self>);

    /// The system wakes, and no job has run since it went to sleep: the hardware may have lost its
    /// state. Jobs run again after this. Called in process context.
    fn resume(device: &Device<Self>);
}

/// All that a driver implements.
pub trait Driver:
    Operations + ctrl::Operations + ioctl::Operations + videobuf2::Operations
{
}

impl<T> Driver for T where
    T: Operations + ctrl::Operations + ioctl::Operations + videobuf2::Operations
{
}

/// A `struct v4l2_m2m_dev`.
struct M2mDevice(NonNull<media::v4l2_m2m_dev>);

// SAFETY: The C object synchronises.
unsafe impl Send for M2mDevice {}
// SAFETY: As above.
unsafe impl Sync for M2mDevice {}

impl M2mDevice {
    fn new(ops: &'static media::v4l2_m2m_ops) -> Result<Self> {
        // SAFETY: The operations are static.
        let device = from_err_ptr(unsafe { media::v4l2_m2m_init(ops) })?;
        NonNull::new(device).map(Self).ok_or(ENOMEM)
    }

    fn as_ptr(&self) -> *mut media::v4l2_m2m_dev {
        self.0.as_ptr()
    }
}

impl Drop for M2mDevice {
    fn drop(&mut self) {
        // SAFETY: Made by `new`; its last context is released. The end of the last job scheduled
        // the device's `job_work`, which finds nothing to run and does not sleep, and for which
        // `v4l2_m2m_release()` does not wait.
        unsafe {
            media::media_helper_flush_percpu_work();
            media::v4l2_m2m_release(self.0.as_ptr());
        }
    }
}

/// A reference on a device, as contexts hold it.
type DeviceRef<T> = Arc<Device<T>>;
