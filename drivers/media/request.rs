// SPDX-License-Identifier: GPL-2.0

//! Requests: parameters and a buffer that belong together.
//!
//! A request file can outlive the media device, the driver's binding and every other file:
//! `media_request_release()` then calls `req_free` through the media device, and touches the device
//! once more after it. Therefore each request holds a reference on the device and on the module,
//! and gives them back in a work item.
//!
//! C header: [`include/media/media-request.h`](srctree/include/media/media-request.h)

use crate::{
    bindings as media,
    m2m::{
        Context,
        Device,
        Driver,
        Operations, //
    },
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    container_of,
    error::from_result,
    impl_has_work,
    module::this_module,
    new_work,
    prelude::*,
    sync::{
        atomic::{
            ordering::{
                Acquire,
                Full, //
            },
            Atomic, //
        },
        Arc,
        ArcBorrow, //
    },
    types::Opaque,
    workqueue::{
        Queue,
        Work,
        WorkItem, //
    },
    ModuleMetadata, //
};

/// Where requests are freed: null outside of the lifetime of a [`Service`].
static QUEUE: Atomic<*mut bindings::workqueue_struct> = Atomic::new(core::ptr::null_mut());

/// Frees the requests of a module.
///
/// A module whose devices serve requests owns one, and drops it after its drivers: requests hold
/// references on the module, so that all of them are freed by then, but the work item that gave
/// back the last one may not have returned.
pub struct Service(());

impl Service {
    /// Starts the service. There is one in a module.
    pub fn start() -> Result<Self> {
        // SAFETY: The name is a valid string.
        let queue = unsafe { media::media_helper_alloc_workqueue(c"media_request".as_char_ptr()) };
        if queue.is_null() {
            return Err(ENOMEM);
        }
        if QUEUE.cmpxchg(core::ptr::null_mut(), queue, Full).is_err() {
            // SAFETY: Just allocated, and used by nobody.
            unsafe { bindings::destroy_workqueue(queue) };
            return Err(EBUSY);
        }
        Ok(Self(()))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let queue = QUEUE.xchg(core::ptr::null_mut(), Full);
        // SAFETY: The queue was allocated by `start`; it is drained before it is freed.
        unsafe { bindings::destroy_workqueue(queue) };
    }
}

/// A reference on the module `M`.
struct ModuleRef<M: ModuleMetadata>(PhantomData<fn() -> M>);

impl<M: ModuleMetadata> ModuleRef<M> {
    fn get() -> Option<Self> {
        // SAFETY: This is the module whose code runs.
        let taken = unsafe { media::media_helper_try_module_get(this_module::<M>().as_ptr()) };
        taken.then_some(Self(PhantomData))
    }
}

impl<M: ModuleMetadata> Drop for ModuleRef<M> {
    fn drop(&mut self) {
        // SAFETY: Gives back what `get` took.
        unsafe { media::media_helper_module_put(this_module::<M>().as_ptr()) }
    }
}

/// A `struct media_request` and what it keeps alive.
#[pin_data]
struct Request<T: Driver> {
    #[pin]
    inner: Opaque<media::media_request>,
    #[pin]
    work: Work<Self>,
    // Dropped in this order: the code that drops the device has to be there.
    device: Arc<Device<T>>,
    module: ModuleRef<<T as Operations>::OwnerModule>,
}

// SAFETY: The request is initialised by the media core and used through its functions only, which
// synchronise. The rest can be sent.
unsafe impl<T: Driver> Send for Request<T> {}

impl_has_work! {
    impl{T: Driver} HasWork<Self> for Request<T> { self.work }
}

impl<T: Driver> WorkItem for Request<T> {
    type Pointer = Pin<KBox<Self>>;

    fn run(this: Pin<KBox<Self>>) {
        drop(this);
    }
}

/// The media device's operations for contexts of type `T`.
pub(crate) struct VTable<T: Driver>(PhantomData<T>);

impl<T: Driver> VTable<T> {
    pub(crate) const VTABLE: media::media_device_ops = media::media_device_ops {
        req_alloc: Some(Self::req_alloc),
        req_free: Some(Self::req_free),
        req_validate: Some(Self::req_validate),
        req_queue: Some(Self::req_queue),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `mdev` is the media device of a [`Device<T>`] that is alive.
    unsafe extern "C" fn req_alloc(mdev: *mut media::media_device) -> *mut media::media_request {
        if QUEUE.load(Acquire).is_null() {
            return core::ptr::null_mut();
        }
        // SAFETY: By the requirements of this function.
        let device = unsafe { Device::<T>::from_media_device(mdev) };
        // SAFETY: A `Device` only ever lives in an `Arc`, and is alive during this call.
        let device: Arc<Device<T>> = unsafe { ArcBorrow::from_raw(device) }.into();
        let Some(module) = ModuleRef::get() else {
            return core::ptr::null_mut();
        };
        let request = KBox::pin_init(
            pin_init!(Request::<T> {
                inner: Opaque::zeroed(),
                work <- new_work!("media::Request::work"),
                device,
                module,
            }),
            GFP_KERNEL,
        );
        match request {
            Ok(request) => {
                // SAFETY: The box stays pinned; `req_free` takes it back.
                let request = KBox::into_raw(unsafe { Pin::into_inner_unchecked(request) });
                // SAFETY: `request` is valid.
                unsafe { (*request).inner.get() }
            }
            Err(_) => core::ptr::null_mut(),
        }
    }

    /// # Safety
    ///
    /// `req` comes from `req_alloc`, and nobody uses it any more.
    unsafe extern "C" fn req_free(req: *mut media::media_request) {
        // SAFETY: By the requirements of this function `req` is in a `Request<T>`.
        let request =
            unsafe { container_of!(Opaque::cast_from(req).cast_mut(), Request<T>, inner) };
        // SAFETY: `req_alloc` made it from a pinned box.
        let request = unsafe { Pin::from(KBox::from_raw(request)) };
        let Some(queue) = NonNull::new(QUEUE.load(Acquire)) else {
            // The service ended too early: better to lose the memory than to free it while the
            // media core uses the device.
            core::mem::forget(request);
            return;
        };
        // SAFETY: The queue lives as long as the service, and that as long as there are requests.
        let queue = unsafe { Queue::from_raw(queue.as_ptr()) };
        queue.enqueue(request);
    }

    /// # Safety
    ///
    /// `req` is a request of our media device in state VALIDATING, with `req_queue_mutex` held.
    unsafe extern "C" fn req_validate(req: *mut media::media_request) -> c_int {
        from_result(|| {
            // SAFETY: By the requirements of this function the list of objects is stable.
            let context = unsafe { context_of::<T>(req) }?;
            if !context.device().is_registered() {
                return Err(ENODEV);
            }
            // Controls of another file would never be completed.
            // SAFETY: As above.
            unsafe { for_each_object(req, |object| context.owns_object(object)) }?;
            // SAFETY: As above.
            let result = unsafe { media::vb2_request_validate(req) };
            Ok(result)
        })
    }

    /// # Safety
    ///
    /// `req` is a request that `req_validate` accepted, with `req_queue_mutex` held.
    unsafe extern "C" fn req_queue(req: *mut media::media_request) {
        // The controls are completed at the end of the job, and the request after its buffers.
        //
        // SAFETY: By the requirements of this function.
        unsafe {
            media::media_helper_request_mark_manual_completion(req);
            media::v4l2_m2m_request_queue(req);
        }
    }
}

/// Calls `f` for each object of `req`, until it fails.
///
/// # Safety
///
/// `req` is a valid request, whose list of objects does not change during the call.
unsafe fn for_each_object(
    req: *mut media::media_request,
    mut f: impl FnMut(NonNull<media::media_request_object>) -> Result,
) -> Result {
    // SAFETY: By the requirements of this function the list is valid and stable, and its entries
    // are embedded in request objects.
    unsafe {
        let head = &raw mut (*req).objects;
        let mut entry = (*head).next;
        while entry != head {
            let object = container_of!(entry, media::media_request_object, list);
            f(NonNull::new(object).ok_or(EINVAL)?)?;
            entry = (*entry).next;
        }
    }
    Ok(())
}

/// The context whose buffer is in the request: there is exactly one.
///
/// # Safety
///
/// As [`for_each_object`], and the buffers in `req` are those of contexts of type `T`. The result
/// is valid as long as `req_queue_mutex` is held: closing a file takes it.
unsafe fn context_of<'a, T: Driver>(req: *mut media::media_request) -> Result<&'a Context<T>> {
    let mut found = None;
    let find = |object: NonNull<media::media_request_object>| {
        // SAFETY: The object is in the list of a request.
        if unsafe { media::vb2_request_object_is_buffer(object.as_ptr()) } {
            // SAFETY: The object is embedded in a buffer.
            let vb = unsafe { container_of!(object.as_ptr(), media::vb2_buffer, req_obj) };
            if found.replace(vb).is_some() {
                return Err(EINVAL);
            }
        }
        Ok(())
    };
    // SAFETY: By the requirements of this function.
    unsafe { for_each_object(req, find) }?;
    let vb = found.ok_or(ENOENT)?;
    // SAFETY: The queue of a buffer in a request of our media device is that of one of our
    // contexts, and alive by the requirements of this function.
    Ok(unsafe { Context::from_queue((*vb).vb2_queue) })
}
