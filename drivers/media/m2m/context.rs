// SPDX-License-Identifier: GPL-2.0

//! The context of an open file.

use super::{
    Device,
    DeviceRef,
    Driver,
    Operations, //
};
use crate::{
    bindings as media,
    v4l2::{
        ctrl::{
            Builder,
            Handler,
            Reader, //
        },
        event, //
    },
    videobuf2::{
        init_queues,
        Direction, //
    }, //
};
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    container_of,
    current,
    error::{
        from_err_ptr,
        to_result, //
    },
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            ordering::Relaxed,
            Atomic, //
        },
        lock::{
            mutex::MutexBackend,
            Guard, //
        },
        Arc,
        ArcBorrow,
        Mutex, //
    },
    types::Opaque, //
};

/// Numbers of the next buffers of each queue, and what draining depends on.
///
/// The lock is taken where a job ends and where draining begins, as both look for the last buffer.
/// A file is closed after it was free once without a job: the m2m core uses its context for a
/// moment after it has woken who waits for the end of the job. The one who ends a job still unlocks
/// it when the file may be gone, and therefore holds a reference of its own.
pub(crate) struct Flow {
    output: u32,
    capture: u32,
}

impl Flow {
    fn of(&mut self, direction: Direction) -> &mut u32 {
        match direction {
            Direction::Output => &mut self.output,
            Direction::Capture => &mut self.capture,
        }
    }

    /// Returns the sequence number of a buffer, and counts.
    pub(crate) fn next(&mut self, direction: Direction) -> u32 {
        let counter = self.of(direction);
        let number = *counter;
        *counter = counter.wrapping_add(1);
        number
    }
}

/// An open file: a control handler, two queues, and the driver's state.
///
/// # Invariants
///
/// From the end of `open` to `release` all C objects are initialised, and `fh.m2m_ctx` is the m2m
/// context whose private data this is.
#[pin_data]
pub struct Context<T: Operations> {
    #[pin]
    fh: Opaque<media::v4l2_fh>,
    #[pin]
    handler: Handler,
    #[pin]
    queue_lock: Mutex<()>,
    flow: Arc<Mutex<Flow>>,
    /// The task that completes the controls of a request, or null.
    completing: Atomic<*mut bindings::task_struct>,
    /// With a task above: the data of the CAPTURE buffer of the job that ended, or null.
    completed: Atomic<*mut T::BufferData>,
    /// With a task above: the timestamp of the request's OUTPUT buffer.
    completed_timestamp: Atomic<u64>,
    device: DeviceRef<T>,
    #[pin]
    data: T,
}

// SAFETY: The C objects synchronise, and the rest can be sent.
unsafe impl<T: Operations> Send for Context<T> {}
// SAFETY: The C objects synchronise, and the rest can be shared.
unsafe impl<T: Operations> Sync for Context<T> {}

impl<T: Operations> Deref for Context<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T: Operations> Context<T> {
    /// Returns the device.
    pub fn device(&self) -> &Device<T> {
        &self.device
    }

    /// Returns the control handler.
    pub fn controls(&self) -> &Handler {
        &self.handler
    }

    /// Returns whether buffers of a queue are allocated.
    pub fn is_busy(&self, direction: Direction) -> bool {
        // SAFETY: By the invariants the queue is initialised.
        unsafe { media::media_helper_vb2_is_busy(self.queue_ptr(direction)) }
    }

    /// Returns how large the first plane is at least in all buffers of a queue, also in those that
    /// will be imported, if there are any.
    ///
    /// # Safety
    ///
    /// The queue lock is held, as in all functions of [`ioctl::Operations`] but those that enumerate.
    ///
    /// [`ioctl::Operations`]: crate::v4l2::ioctl::Operations
    pub unsafe fn smallest_plane(&self, direction: Direction) -> Option<u32> {
        // SAFETY: By the invariants the queue is initialised. By the requirements of this function
        // no buffer is freed.
        let size = unsafe { media::media_helper_vb2_smallest_plane(self.queue_ptr(direction)) };
        (size != u32::MAX).then_some(size)
    }

    /// Returns whether the buffers of a queue are imported. That does not change while it streams.
    pub fn is_imported(&self, direction: Direction) -> bool {
        // SAFETY: By the invariants the queue is initialised.
        let memory = unsafe { (*self.queue_ptr(direction)).memory };
        memory == media::vb2_memory_VB2_MEMORY_DMABUF
    }

    /// Returns whether a queue streams.
    pub fn is_streaming(&self, direction: Direction) -> bool {
        // SAFETY: By the invariants the queue is initialised.
        unsafe { media::media_helper_vb2_is_streaming(self.queue_ptr(direction)) }
    }

    pub(crate) fn m2m_ptr(&self) -> *mut media::v4l2_m2m_ctx {
        // SAFETY: By the invariants; it does not change while the file is open.
        unsafe { (*self.fh.get()).m2m_ctx }
    }

    pub(crate) fn fh_ptr(&self) -> *mut media::v4l2_fh {
        self.fh.get()
    }

    fn queue_ptr(&self, direction: Direction) -> *mut media::vb2_queue {
        // SAFETY: By the invariants.
        unsafe { media::v4l2_m2m_get_vq(self.m2m_ptr(), direction.as_raw()) }
    }

    /// Returns the lock of the queues as C takes it.
    pub(crate) fn queue_lock_ptr(&self) -> *mut bindings::mutex {
        // A `Mutex<()>` begins with the C mutex: this is the reverse of `Lock::from_raw()`.
        core::ptr::from_ref(&self.queue_lock).cast_mut().cast()
    }

    /// Takes the lock of the queues.
    pub(crate) fn lock_queues(&self) -> Guard<'_, (), MutexBackend> {
        self.queue_lock.lock()
    }

    /// Returns the lock under which jobs end.
    pub(crate) fn flow(&self) -> &Arc<Mutex<Flow>> {
        &self.flow
    }

    /// Returns the sequence number of the next buffer.
    pub(crate) fn next_sequence(&self, direction: Direction) -> u32 {
        self.flow.lock().next(direction)
    }

    /// Begins to count from 0.
    pub(crate) fn reset_sequence(&self, direction: Direction) {
        *self.flow.lock().of(direction) = 0;
    }

    /// # Safety
    ///
    /// `file` is an open file of the video node of a [`Device<T>`], and stays open during `'a`.
    pub(crate) unsafe fn from_file<'a>(file: *mut bindings::file) -> &'a Self {
        // SAFETY: `open` stored the file handle, which is in a context, in the file.
        unsafe {
            let fh = (*file).private_data.cast::<media::v4l2_fh>();
            &*container_of!(Opaque::cast_from(fh), Self, fh)
        }
    }

    /// # Safety
    ///
    /// `queue` is one of the queues of a [`Context<T>`], whose file stays open during `'a`.
    pub(crate) unsafe fn from_queue<'a>(queue: *mut media::vb2_queue) -> &'a Self {
        // SAFETY: The queue's private data is the context.
        unsafe { &*(*queue).drv_priv.cast::<Self>() }
    }

    /// # Safety
    ///
    /// `hdl` is the control handler of a [`Context<T>`], whose file stays open during `'a`.
    pub(crate) unsafe fn from_handler<'a>(hdl: *mut media::v4l2_ctrl_handler) -> &'a Self {
        // SAFETY: By the requirements of this function.
        unsafe { &*container_of!(Handler::from_raw(hdl), Self, handler) }
    }

    /// Tells who waits for buffers that there will be none.
    pub(super) fn fail_queues(&self) {
        let _queue_lock = self.lock_queues();
        for direction in [Direction::Output, Direction::Capture] {
            // SAFETY: By the invariants the queue is initialised.
            unsafe { media::vb2_queue_error(self.queue_ptr(direction)) };
        }
    }

    /// Stops both queues and frees their buffers, but for memory that is mapped or exported: that
    /// is freed when its last user goes. Nobody can allocate buffers after that: the node is not
    /// registered any more. Called with `req_queue_mutex` of the media device held.
    pub(super) fn free_buffers(&self) {
        let _queue_lock = self.lock_queues();
        self.stop_queues();
        for direction in [Direction::Output, Direction::Capture] {
            let mut count = 0;
            // With a count of zero it only frees, and cannot fail for a queue that is stopped.
            //
            // SAFETY: By the invariants the queue is initialised.
            unsafe {
                media::vb2_core_reqbufs(
                    self.queue_ptr(direction),
                    media::vb2_memory_VB2_MEMORY_UNKNOWN,
                    0,
                    &mut count,
                );
            }
        }
    }

    /// Stops both queues, which waits for a running job. Called with the queue lock held.
    fn stop_queues(&self) {
        for direction in [Direction::Output, Direction::Capture] {
            // It cannot fail for queues of this type, and does not use the file.
            //
            // SAFETY: By the invariants the m2m context is initialised.
            unsafe {
                media::v4l2_m2m_streamoff(
                    core::ptr::null_mut(),
                    self.m2m_ptr(),
                    direction.as_raw(),
                );
            }
        }
    }

    /// VIDIOC_ENCODER_CMD: starts and ends draining. Called with the queue lock held.
    pub(crate) fn encoder_cmd(&self, command: &mut media::v4l2_encoder_cmd) -> Result {
        // SAFETY: The function does not use the file.
        to_result(unsafe {
            media::v4l2_m2m_ioctl_try_encoder_cmd(
                core::ptr::null_mut(),
                core::ptr::null_mut(),
                command,
            )
        })?;
        if !self.is_streaming(Direction::Output) || !self.is_streaming(Direction::Capture) {
            return Ok(());
        }
        let m2m = self.m2m_ptr();
        {
            let mut flow = self.flow.lock();
            // SAFETY: By the invariants, with the locks that jobs and buffers are under. The
            // function does not use the file.
            unsafe {
                let stops = command.cmd == media::V4L2_ENC_CMD_STOP
                    && !(*m2m).is_draining
                    && !(*m2m).has_stopped;
                if stops && media::media_helper_m2m_next_src_buf(m2m).is_null() {
                    self.number_last(&mut flow);
                }
                to_result(media::v4l2_m2m_encoder_cmd(
                    core::ptr::null_mut(),
                    m2m,
                    command,
                ))?;
                // A device that was stopped before has said so.
                if stops && media::media_helper_m2m_has_stopped(m2m) {
                    event::queue_eos(self.fh_ptr());
                }
            }
        }
        if command.cmd == media::V4L2_ENC_CMD_START {
            // SAFETY: By the invariants. Buffers may have come while the device was stopped.
            unsafe {
                media::media_helper_vb2_clear_last_buffer_dequeued(
                    self.queue_ptr(Direction::Capture),
                );
                media::v4l2_m2m_try_schedule(m2m);
            }
        }
        Ok(())
    }

    /// Numbers the CAPTURE buffer that the m2m core is about to return empty as the last one, if
    /// there is one. Called with the queue lock held, and without a job.
    pub(crate) fn number_last(&self, flow: &mut Flow) {
        // SAFETY: By the invariants. The buffer belongs to the driver.
        unsafe {
            let buffer = media::media_helper_m2m_next_dst_buf(self.m2m_ptr());
            if !buffer.is_null() {
                (*buffer).field = media::v4l2_field_V4L2_FIELD_NONE;
                (*buffer).sequence = flow.next(Direction::Capture);
            }
        }
    }

    /// Returns all buffers of a queue that stops, or does not start, to videobuf2.
    pub(crate) fn return_buffers(&self, direction: Direction, state: media::vb2_buffer_state) {
        let m2m = self.m2m_ptr();
        loop {
            // SAFETY: By the invariants. No job runs, so that all buffers are ours; those of the
            // request are completed in the order that the media core asks for.
            unsafe {
                let buffer = match direction {
                    Direction::Output => media::media_helper_m2m_src_buf_remove(m2m),
                    Direction::Capture => media::media_helper_m2m_dst_buf_remove(m2m),
                };
                if buffer.is_null() {
                    break;
                }
                let request = (*buffer).vb2_buf.req_obj.req;
                let ends = state != media::vb2_buffer_state_VB2_BUF_STATE_QUEUED;
                if ends && !request.is_null() {
                    self.complete_controls(buffer, core::ptr::null_mut());
                }
                media::media_helper_m2m_buf_done(buffer, state);
                if ends && !request.is_null() {
                    media::media_request_manual_complete(request);
                }
            }
        }
    }

    /// Completes the controls of a request: copies what user space may read from them.
    ///
    /// # Safety
    ///
    /// `output` is the OUTPUT buffer, of this context, of a queued request, and no lock is held that
    /// comes after the handler's. `data` is null, or the data of the CAPTURE buffer of the job that
    /// ended.
    pub(crate) unsafe fn complete_controls(
        &self,
        output: *mut media::vb2_v4l2_buffer,
        data: *mut T::BufferData,
    ) {
        // SAFETY: By the requirements of this function.
        let (request, timestamp) = unsafe {
            let buffer = &raw const (*output).vb2_buf;
            ((*buffer).req_obj.req, (*buffer).timestamp)
        };
        self.completed.store(data, Relaxed);
        self.completed_timestamp.store(timestamp, Relaxed);
        self.completing.store(current!().as_ptr(), Relaxed);
        // SAFETY: By the requirements of this function.
        unsafe { media::v4l2_ctrl_request_complete(request, self.handler.as_ptr()) };
        self.completing.store(core::ptr::null_mut(), Relaxed);
    }

    /// Returns who reads a volatile control.
    pub(crate) fn reader(&self) -> Reader<'_, T::BufferData> {
        // Only the task that stored the pointers acts on them.
        if !core::ptr::eq(self.completing.load(Relaxed), current!().as_ptr()) {
            return Reader::File;
        }
        // SAFETY: This is called by `complete_controls`, whose requirements say what it is.
        match unsafe { self.completed.load(Relaxed).as_ref() } {
            Some(data) => Reader::Job(data),
            None => Reader::Cancelled {
                timestamp: self.completed_timestamp.load(Relaxed),
            },
        }
    }

    /// Checks that an object of a request with a buffer of this context belongs to it, too.
    pub(crate) fn owns_object(&self, object: NonNull<media::media_request_object>) -> Result {
        // SAFETY: The object is in the list of a request that is being validated. The private data
        // is the queue of a buffer and the handler of controls.
        unsafe {
            let owner = (*object.as_ptr()).priv_;
            let queue = self.queue_ptr(Direction::Output);
            if owner == queue.cast() || owner == self.handler.as_ptr().cast() {
                Ok(())
            } else {
                Err(EINVAL)
            }
        }
    }
}

impl<T: Driver> Context<T> {
    /// Opens a file.
    ///
    /// # Safety
    ///
    /// `file` is being opened on the video node of `device`.
    pub(crate) unsafe fn open(
        device: ArcBorrow<'_, Device<T>>,
        file: *mut bindings::file,
    ) -> Result {
        let mut context = KBox::pin_init(
            try_pin_init!(Self {
                fh: Opaque::zeroed(),
                handler <- Handler::zeroed(),
                queue_lock <- new_mutex!((), "media::Context::queue_lock"),
                flow: Arc::pin_init(
                    new_mutex!(Flow { output: 0, capture: 0 }, "media::Context::flow"),
                    GFP_KERNEL,
                )?,
                completing: Atomic::new(core::ptr::null_mut()),
                completed: Atomic::new(core::ptr::null_mut()),
                completed_timestamp: Atomic::new(0),
                device: device.into(),
                data <- T::open(device.deref()),
            }? Error),
            GFP_KERNEL,
        )?;
        let fh = context.fh.get();
        // SAFETY: The context is pinned, and freed after what refers to it.
        unsafe { media::v4l2_fh_init(fh, context.device.node_ptr()) };
        // SAFETY: The context is new and pinned.
        let result = unsafe { Self::set_up(context.as_mut()) }
            // SAFETY: The context is complete, and `release` removes it.
            .and_then(|()| unsafe { context.device.add_context(&context) });
        if let Err(error) = result {
            // SAFETY: Undoes what was done; nobody else knows of the context.
            unsafe {
                if !context.m2m_ptr().is_null() {
                    media::v4l2_m2m_ctx_release(context.m2m_ptr());
                }
                media::v4l2_fh_exit(fh);
                context.handler.free();
            }
            return Err(error);
        }
        // SAFETY: The context stays where it is; `release` makes the box again.
        let _ = KBox::into_raw(unsafe { Pin::into_inner_unchecked(context) });
        // SAFETY: By the requirements of this function. From here on there are callbacks.
        unsafe { media::v4l2_fh_add(fh, file) };
        Ok(())
    }

    /// Creates the controls and the queues.
    ///
    /// # Safety
    ///
    /// The context is new, with an initialised file handle. If this fails the control handler has
    /// to be freed.
    unsafe fn set_up(mut self: Pin<&mut Self>) -> Result {
        let context = self.as_ref().get_ref();
        // SAFETY: By the requirements of this function.
        let mut builder = unsafe { Builder::<T>::new(&context.handler) }?;
        T::init_controls(context.device(), &mut builder)?;
        let controls = builder.finish()?;
        // SAFETY: Nothing is moved.
        unsafe {
            let this = self.as_mut().get_unchecked_mut();
            Pin::new_unchecked(&mut this.handler).set_controls(controls);
        }

        let context = self.as_ref().get_ref();
        let private: *const Self = context;
        // SAFETY: The m2m device lives as long as the context; `private` is what the callbacks
        // expect.
        let m2m = from_err_ptr(unsafe {
            media::v4l2_m2m_ctx_init(
                context.device.m2m_ptr(),
                private.cast_mut().cast(),
                Some(init_queues::<T>),
            )
        })?;
        // SAFETY: The file handle is initialised and nobody else uses it.
        unsafe {
            (*context.fh.get()).m2m_ctx = m2m;
            (*context.fh.get()).ctrl_handler = context.handler.as_ptr();
        }
        Ok(())
    }

    /// Closes a file.
    ///
    /// # Safety
    ///
    /// `file` was opened by [`Context::open`], and nobody uses it any more.
    pub(crate) unsafe fn release(file: *mut bindings::file) {
        // SAFETY: By the requirements of this function.
        let context = unsafe { Self::from_file(file) };
        let m2m = context.m2m_ptr();
        {
            let _queue_lock = context.lock_queues();
            context.stop_queues();
        }
        // Not before: who waits for the running job of the device has the list locked, so that the
        // context stays.
        context.device.remove_context(context);
        // No job begins any more. Wait for the function that ended the last one: see `Flow`.
        drop(context.flow.lock());

        let context = core::ptr::from_ref(context).cast_mut();
        // SAFETY: Undoes `open`, in reverse order. Nobody refers to the context any more.
        unsafe {
            let fh = (*context).fh.get();
            media::v4l2_fh_del(fh, file);
            media::v4l2_m2m_ctx_release(m2m);
            // Unsubscribes events of controls.
            media::v4l2_fh_exit(fh);
            (*context).handler.free();
            drop(Pin::from(KBox::from_raw(context)));
        }
    }
}
