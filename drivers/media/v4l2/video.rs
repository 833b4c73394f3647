// SPDX-License-Identifier: GPL-2.0

//! The video node and its file operations.
//!
//! C header: [`include/media/v4l2-dev.h`](srctree/include/media/v4l2-dev.h)

use crate::{
    bindings as media,
    m2m::{
        Context,
        Device,
        Driver,
        Operations, //
    },
};
use core::marker::PhantomData;
use kernel::{
    bindings,
    error::from_result,
    module::this_module,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    }, //
};

/// The node's operations for contexts of type `T`.
pub(crate) struct VTable<T: Driver>(PhantomData<T>);

impl<T: Driver> VTable<T> {
    pub(crate) const VTABLE: media::v4l2_file_operations = media::v4l2_file_operations {
        owner: this_module::<<T as Operations>::OwnerModule>().as_ptr(),
        open: Some(Self::open),
        release: Some(Self::release),
        poll: Some(media::v4l2_m2m_fop_poll),
        unlocked_ioctl: Some(media::video_ioctl2),
        mmap: Some(media::v4l2_m2m_fop_mmap),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `file` is being opened on the video node of a [`Device<T>`].
    unsafe extern "C" fn open(file: *mut bindings::file) -> c_int {
        from_result(|| {
            // SAFETY: By the requirements of this function; the driver data is set before the node
            // is registered.
            let device = unsafe { media::media_helper_video_drvdata(file) }.cast::<Device<T>>();
            // SAFETY: A `Device` only ever lives in an `Arc`, and the node holds a reference.
            let device = unsafe { ArcBorrow::from_raw(device.cast_const()) };
            // SAFETY: By the requirements of this function.
            unsafe { Context::open(device, file) }?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// `file` was opened by `open`, and this is its last operation.
    unsafe extern "C" fn release(file: *mut bindings::file) -> c_int {
        // SAFETY: By the requirements of this function.
        unsafe { Context::<T>::release(file) };
        0
    }

    /// Called when the node is unregistered and its last file is closed.
    ///
    /// # Safety
    ///
    /// `vdev` is the video node of a [`Device<T>`], whose registration took a reference.
    pub(crate) unsafe extern "C" fn device_release(vdev: *mut media::video_device) {
        // SAFETY: By the requirements of this function.
        let device = unsafe { Device::<T>::from_video_device(vdev) };
        // SAFETY: This is the reference that the registration took.
        drop(unsafe { Arc::from_raw(device) });
    }
}
