// SPDX-License-Identifier: GPL-2.0

//! The device and its registration.

use super::{
    job,
    sleep::Notifier,
    Context,
    Driver,
    M2mDevice,
    Operations, //
};
use crate::{
    bindings as media,
    controller::MediaDevice,
    copy_str,
    dmem::{
        Charge,
        Region, //
    },
    request,
    v4l2::{
        device::V4l2Device,
        ioctl,
        video, //
    }, //
};
use core::{
    marker::PhantomData,
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    container_of,
    device::{
        self,
        Bound, //
    },
    error::to_result,
    module::this_module,
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    types::Opaque, //
};

/// An open file in the list of its device.
///
/// # Invariants
///
/// The context is valid as long as this is in the list.
struct OpenContext<T: Operations>(NonNull<Context<T>>);

// SAFETY: Contexts can be shared.
unsafe impl<T: Operations> Send for OpenContext<T> {}

/// A mem2mem device with a video node, a media device and requests.
///
/// It lives as long as anybody refers to it: the driver, open files of the video node, or requests.
///
/// # Invariants
///
/// `node` is the video node: zeroed, or registered once with this device as its driver data and a
/// reference that its release gives back.
#[pin_data]
pub struct Device<T: Operations> {
    data: T::Device,
    /// The open files.
    #[pin]
    contexts: Mutex<KVec<OpenContext<T>>>,
    #[pin]
    node: Opaque<media::video_device>,
    // The entities of the graph are in the m2m device, and the media device goes first.
    #[pin]
    controller: MediaDevice,
    /// None when the device is not bound any more: it may be bound again under the same name.
    #[pin]
    memory: Mutex<Option<Region>>,
    m2m: M2mDevice,
    // Holds the reference on the parent.
    #[pin]
    v4l2: V4l2Device,
}

// SAFETY: The C objects synchronise, and the driver's data can be sent.
unsafe impl<T: Operations> Send for Device<T> {}
// SAFETY: The C objects synchronise, and the driver's data can be shared.
unsafe impl<T: Operations> Sync for Device<T> {}

impl<T: Operations> Deref for Device<T> {
    type Target = T::Device;

    fn deref(&self) -> &T::Device {
        &self.data
    }
}

impl<T: Operations> Device<T> {
    /// Returns the video node.
    pub(crate) fn node_ptr(&self) -> *mut media::video_device {
        self.node.get()
    }

    /// Returns the C m2m device.
    pub(crate) fn m2m_ptr(&self) -> *mut media::v4l2_m2m_dev {
        self.m2m.as_ptr()
    }

    /// Returns the parent.
    pub(crate) fn parent_ptr(&self) -> *mut bindings::device {
        // SAFETY: It is set once, when the V4L2 device is made.
        unsafe { (*self.v4l2.inner.get()).dev }
    }

    fn check_parent(&self, parent: &device::Device<Bound>) -> Result {
        let raw = core::ptr::from_ref(parent).cast::<bindings::device>();
        if core::ptr::eq(self.parent_ptr(), raw) {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Charges the cgroup of the current task for memory of the device, until what is returned is
    /// dropped: `ENOMEM` when it is at its limit, `ENODEV` when the device is not bound any more.
    /// Buffers of the queues are charged for already.
    pub fn charge(&self, bytes: u64) -> Result<Charge> {
        self.memory.lock().as_ref().ok_or(ENODEV)?.charge(bytes)
    }

    /// Returns whether user space can use the device.
    pub(crate) fn is_registered(&self) -> bool {
        // SAFETY: The flag is valid before, during and after registration.
        unsafe { media::media_helper_video_is_registered(self.node.get()) }
    }

    fn node_is_new(&self) -> bool {
        // SAFETY: The field is set when the node is registered.
        unsafe { (*self.node.get()).v4l2_dev.is_null() }
    }
}

impl<T: Driver> Device<T> {
    const M2M_OPS: media::v4l2_m2m_ops = media::v4l2_m2m_ops {
        device_run: Some(job::device_run::<T>),
        ..pin_init::zeroed()
    };

    /// Makes a device, which nobody sees before it is registered. Called while `parent` is being
    /// probed. User space finds `hw_revision` in the media device.
    pub fn new(
        parent: &device::Device<Bound>,
        data: T::Device,
        hw_revision: u32,
    ) -> Result<Arc<Self>> {
        // `Device` is transparent.
        let parent = core::ptr::from_ref(parent)
            .cast_mut()
            .cast::<bindings::device>();
        // SAFETY: `parent` is a valid device. The result only matters for the debugging of DMA.
        unsafe { media::vb2_dma_contig_set_max_seg_size(parent, u32::MAX) };
        Arc::pin_init(
            // SAFETY: `parent` is a valid device that is being probed. The V4L2 device holds a
            // reference on it, and is dropped after the media device.
            unsafe {
                try_pin_init!(Self {
                    data,
                    contexts <- new_mutex!(KVec::new(), "media::Device::contexts"),
                    // INVARIANT: It is zeroed.
                    node: Opaque::zeroed(),
                    controller <- MediaDevice::new(
                        parent,
                        T::INFO.driver,
                        T::INFO.card,
                        hw_revision,
                        &request::VTable::<T>::VTABLE,
                    ),
                    memory <- new_mutex!(Some(Region::new(parent)?), "media::Device::memory"),
                    m2m: M2mDevice::new(&Self::M2M_OPS)?,
                    v4l2 <- V4l2Device::new(parent),
                }? Error)
            },
            GFP_KERNEL,
        )
    }

    /// # Safety
    ///
    /// `mdev` is the media device in a [`Device<T>`].
    pub(crate) unsafe fn from_media_device(mdev: *mut media::media_device) -> *const Self {
        // SAFETY: By the requirements of this function.
        unsafe {
            let controller = container_of!(Opaque::cast_from(mdev), MediaDevice, inner);
            container_of!(controller, Self, controller)
        }
    }

    /// # Safety
    ///
    /// `vdev` is the video node in a [`Device<T>`].
    pub(crate) unsafe fn from_video_device(vdev: *mut media::video_device) -> *const Self {
        // SAFETY: By the requirements of this function.
        unsafe { container_of!(Opaque::cast_from(vdev), Self, node) }
    }

    /// Registers the video node.
    fn register_node(self: &Arc<Self>) -> Result {
        let node = self.node.get();
        let reference = Arc::into_raw(self.clone());
        // SAFETY: The node is zeroed, by the invariants, and nobody uses it yet.
        let result = unsafe {
            copy_str(&mut (*node).name, T::INFO.driver);
            (*node).fops = &video::VTable::<T>::VTABLE;
            (*node).ioctl_ops = &ioctl::VTable::<T>::VTABLE;
            (*node).minor = -1;
            (*node).release = Some(video::VTable::<T>::device_release);
            (*node).vfl_dir = media::vfl_devnode_direction_VFL_DIR_M2M;
            (*node).device_caps = media::V4L2_CAP_VIDEO_M2M_MPLANE | media::V4L2_CAP_STREAMING;
            (*node).v4l2_dev = self.v4l2.inner.get();
            (*self.v4l2.inner.get()).mdev = self.controller.inner.get();
            // INVARIANT: This is the node's reference.
            media::media_helper_video_set_drvdata(node, reference.cast_mut().cast());
            to_result(media::media_helper_video_register_device(node))
        };
        if result.is_err() {
            // SAFETY: The node is not registered, and its release is not called.
            drop(unsafe { Arc::from_raw(reference) });
        }
        result
    }

    /// Takes the video node from user space. Files that are open stay so, but who waits for a
    /// buffer is told that there will be none.
    fn unregister_node(&self) {
        // SAFETY: The node was registered.
        unsafe { media::video_unregister_device(self.node.get()) };
        for context in self.contexts.lock().iter() {
            // SAFETY: By the invariants of `OpenContext`, with the list locked.
            unsafe { context.0.as_ref() }.fail_queues();
        }
    }

    /// Waits for the running job, and lets no other begin before [`Device::unpause`].
    pub(super) fn pause(&self) {
        // The m2m core waits for the job in its context, which stays as long as the list is locked:
        // a file leaves the list when its queues have stopped, and its memory after that.
        let _contexts = self.contexts.lock();
        // SAFETY: The m2m device is valid.
        unsafe { media::v4l2_m2m_suspend(self.m2m_ptr()) };
    }

    /// Lets jobs run again, those first that wait.
    pub(super) fn unpause(&self) {
        // SAFETY: The m2m device is valid.
        unsafe { media::v4l2_m2m_resume(self.m2m_ptr()) };
    }

    /// Frees the buffers of open files, as far as nobody has them mapped or exported.
    fn free_buffers(&self) {
        // SAFETY: The media device is initialised as long as this is, and its mutex with it. The
        // core takes it, too, for what stops a queue or frees its buffers.
        let requests: &Mutex<()> =
            unsafe { Mutex::from_raw(&raw mut (*self.controller.inner.get()).req_queue_mutex) };
        let _requests = requests.lock();
        for context in self.contexts.lock().iter() {
            // SAFETY: By the invariants of `OpenContext`, with the list locked.
            unsafe { context.0.as_ref() }.free_buffers();
        }
    }

    /// Adds an open file.
    ///
    /// # Safety
    ///
    /// The file is complete, and is removed before it is closed.
    pub(super) unsafe fn add_context(&self, context: &Context<T>) -> Result {
        // INVARIANT: By the requirements of this function.
        Ok(self
            .contexts
            .lock()
            .push(OpenContext(context.into()), GFP_KERNEL)?)
    }

    /// Removes an open file.
    pub(super) fn remove_context(&self, context: &Context<T>) {
        self.contexts
            .lock()
            .retain(|other| !core::ptr::eq(other.0.as_ptr(), context));
    }

    /// Adds the device to the graph.
    fn register_graph(&self) -> Result {
        let function = T::INFO.function.as_raw().try_into()?;
        // SAFETY: The video node is registered.
        to_result(unsafe {
            media::v4l2_m2m_register_media_controller(self.m2m_ptr(), self.node.get(), function)
        })
    }

    fn unregister_graph(&self) {
        // SAFETY: The device was added to the graph.
        unsafe { media::v4l2_m2m_unregister_media_controller(self.m2m_ptr()) }
    }
}

/// The registration of a device with user space, and with system sleep. When it is dropped the
/// nodes disappear; files and requests that are open stay, and the device with them.
pub struct Registration<'a, T: Driver> {
    device: Arc<Device<T>>,
    _sleep: Pin<KBox<Notifier<T>>>,
    _parent: PhantomData<&'a device::Device<Bound>>,
}

impl<'a, T: Driver> Registration<'a, T> {
    /// Registers a device that was made for `parent`, and was not registered before.
    ///
    /// # Safety
    ///
    /// The registration is dropped, and not forgotten, before `parent` is unbound and the module's
    /// code goes. Nobody registers the same device at the same time.
    pub unsafe fn new(parent: &'a device::Device<Bound>, device: Arc<Device<T>>) -> Result<Self> {
        device.check_parent(parent)?;
        if !device.node_is_new() {
            return Err(EINVAL);
        }
        // SAFETY: By the requirements of this function.
        let sleep = unsafe { Notifier::new(device.clone()) }?;
        device.register_node()?;
        let result = device.register_graph().and_then(|()| {
            device
                .controller
                .register(this_module::<<T as Operations>::OwnerModule>())
                .inspect_err(|_| device.unregister_graph())
        });
        if let Err(error) = result {
            device.unregister_node();
            return Err(error);
        }
        Ok(Self {
            device,
            _sleep: sleep,
            _parent: PhantomData,
        })
    }
}

impl<T: Driver> Drop for Registration<'_, T> {
    fn drop(&mut self) {
        self.device.controller.unregister();
        self.device.unregister_graph();
        self.device.unregister_node();
    }
}

/// The buffers of a device's open files. When it is dropped they are freed, jobs that wait end, and
/// nobody is charged any more.
///
/// videobuf2 frees a buffer when its last user goes. A file that stays open may be that user, and
/// by then the device may have another driver, or no IOMMU domain any more.
pub struct Buffers<'a, T: Driver> {
    device: Arc<Device<T>>,
    _parent: PhantomData<&'a device::Device<Bound>>,
}

impl<'a, T: Driver> Buffers<'a, T> {
    /// Answers for the buffers of a device that was made for `parent`: [`EINVAL`] if it was made
    /// for another one.
    ///
    /// Drop it after the [`Registration`], as files may allocate buffers before. The running job is
    /// waited for, which is short after the hardware has stopped.
    pub fn new(parent: &'a device::Device<Bound>, device: Arc<Device<T>>) -> Result<Self> {
        device.check_parent(parent)?;
        Ok(Self {
            device,
            _parent: PhantomData,
        })
    }
}

impl<T: Driver> Drop for Buffers<'_, T> {
    fn drop(&mut self) {
        self.device.free_buffers();
        let region = self.device.memory.lock().take();
        drop(region);
    }
}
