// SPDX-License-Identifier: GPL-2.0

//! The running job.

use super::{
    Context,
    Operations, //
};
use crate::{
    bindings as media,
    v4l2::{
        ctrl::Values,
        event,
        format::MAX_PLANES, //
    },
    videobuf2::{
        self,
        Direction,
        RawBuffer, //
    }, //
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    dma::DmaAddress,
    prelude::*, //
};

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The buffers are as they should be.
    Done,
    /// The buffers go back with an error flag.
    Error,
}

/// What kind of picture is in a CAPTURE buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureType {
    /// It needs no other.
    Key,
    /// Predicted from one picture for each block.
    Predicted,
}

/// Memory of a plane, as the device sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bus address.
    pub address: DmaAddress,
    /// Bytes from there on.
    pub size: usize,
}

/// The running job of a device: one OUTPUT and one CAPTURE buffer, and the request if there is one.
///
/// There is one at a time. Finishing consumes it; when it is dropped the job ends with an error, so
/// that buffers and requests come back on every path.
///
/// # Invariants
///
/// It is the current job of the m2m device: the context stays open and its buffers are the first
/// ones that are ready, and belong to the job alone. `request` is null or the queued request of
/// the OUTPUT buffer.
pub struct Job<T: Operations> {
    context: NonNull<Context<T>>,
    output: NonNull<media::vb2_v4l2_buffer>,
    capture: NonNull<media::vb2_v4l2_buffer>,
    request: *mut media::media_request,
}

// SAFETY: A job may be finished by any task, and the context can be shared.
unsafe impl<T: Operations> Send for Job<T> {}
// SAFETY: Shared access only reads.
unsafe impl<T: Operations> Sync for Job<T> {}

/// `v4l2_m2m_ops::device_run` for contexts of type `T`.
///
/// # Safety
///
/// Called by the m2m core: `private` is the [`Context<T>`] whose job is the current one from now
/// on.
pub(super) unsafe extern "C" fn device_run<T: Operations>(private: *mut c_void) {
    // SAFETY: By the requirements of this function.
    let context = unsafe { &*private.cast::<Context<T>>() };
    // SAFETY: By the requirements of this function.
    if let Some(job) = unsafe { Job::begin(context) } {
        T::device_run(job);
    }
}

impl<T: Operations> Job<T> {
    /// Begins the job; if that fails it has ended.
    ///
    /// # Safety
    ///
    /// The m2m core has just made the job of `context` the current one.
    unsafe fn begin(context: &Context<T>) -> Option<Self> {
        let m2m = context.m2m_ptr();
        // SAFETY: The m2m context is valid.
        let (output, capture) = unsafe {
            (
                NonNull::new(media::media_helper_m2m_next_src_buf(m2m)),
                NonNull::new(media::media_helper_m2m_next_dst_buf(m2m)),
            )
        };
        let (Some(output), Some(capture)) = (output, capture) else {
            // The m2m core does not run a job without both.
            //
            let flow = context.flow().clone();
            let guard = flow.lock();
            // SAFETY: The job is the current one.
            unsafe { media::v4l2_m2m_job_finish(context.device().m2m_ptr(), m2m) };
            drop(guard);
            return None;
        };
        // INVARIANT: By the requirements of this function.
        let job = Self {
            context: context.into(),
            output,
            capture,
            // SAFETY: The buffer is valid.
            request: unsafe { (*output.as_ptr()).vb2_buf.req_obj.req },
        };
        // SAFETY: By the invariants.
        unsafe {
            media::v4l2_m2m_buf_copy_metadata(output.as_ptr(), capture.as_ptr());
            let mut flow = context.flow().lock();
            (*output.as_ptr()).sequence = flow.next(Direction::Output);
            (*capture.as_ptr()).sequence = flow.next(Direction::Capture);
        }
        // Makes the values in the request the current ones. A job that is dropped here ends with
        // an error.
        //
        // SAFETY: By the invariants. No lock is held that comes after the handler's.
        let result =
            unsafe { media::v4l2_ctrl_request_setup(job.request, context.controls().as_ptr()) };
        (result == 0).then_some(job)
    }

    /// Returns the context of the job.
    pub fn context(&self) -> &Context<T> {
        // SAFETY: By the invariants.
        unsafe { self.context.as_ref() }
    }

    /// Locks the control handler of the context, for the values that the job has: those of its
    /// request, and the current ones of what it does not set.
    pub fn values(&self) -> Values<'_> {
        // SAFETY: By the invariants the request is queued until the job ends.
        unsafe { self.context().controls().lock_for(self.request) }
    }

    /// Returns the timestamp of the OUTPUT buffer.
    pub fn timestamp(&self) -> u64 {
        // SAFETY: By the invariants.
        unsafe { (*self.output.as_ptr()).vb2_buf.timestamp }
    }

    /// Returns the sequence number of the CAPTURE buffer.
    pub fn sequence(&self) -> u32 {
        // SAFETY: By the invariants.
        unsafe { (*self.capture.as_ptr()).sequence }
    }

    /// Returns the memory of a plane of the OUTPUT buffer, `EINVAL` if there is none.
    pub fn output(&self, plane: usize) -> Result<Memory> {
        // SAFETY: By the invariants.
        unsafe { memory_of::<T>(&raw mut (*self.output.as_ptr()).vb2_buf, plane) }
    }

    /// Returns the memory of the CAPTURE buffer.
    pub fn capture(&self) -> Result<Memory> {
        // SAFETY: By the invariants.
        unsafe { memory_of::<T>(&raw mut (*self.capture.as_ptr()).vb2_buf, 0) }
    }

    /// Says what is in the CAPTURE buffer: `EINVAL` if it is more than fits.
    pub fn set_capture(&mut self, bytes: usize, picture_type: PictureType) -> Result {
        if bytes > self.capture()?.size {
            return Err(EINVAL);
        }
        let flag = match picture_type {
            PictureType::Key => media::V4L2_BUF_FLAG_KEYFRAME,
            PictureType::Predicted => media::V4L2_BUF_FLAG_PFRAME,
        };
        let types = media::V4L2_BUF_FLAG_KEYFRAME
            | media::V4L2_BUF_FLAG_PFRAME
            | media::V4L2_BUF_FLAG_BFRAME;
        let buffer = self.capture.as_ptr();
        // SAFETY: By the invariants.
        unsafe {
            media::media_helper_vb2_set_plane_payload(&raw mut (*buffer).vb2_buf, 0, bytes);
            (*buffer).flags = ((*buffer).flags & !types) | flag;
        }
        Ok(())
    }

    /// Has `write` write `bytes` bytes of the CAPTURE buffer from `at` on: `EINVAL` if that is more
    /// than it has, `ENOMEM` for memory that the processor cannot see, and for imported memory: who
    /// exports it may have others use it, for whom a job cannot wait.
    ///
    /// The device has to be done with the buffer.
    pub fn write_capture(
        &mut self,
        at: usize,
        bytes: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> Result {
        let end = at.checked_add(bytes).ok_or(EINVAL)?;
        if end > self.capture()?.size {
            return Err(EINVAL);
        }
        // SAFETY: By the invariants the buffer is valid and the job's, and plane 0 exists.
        unsafe {
            let vb = &raw mut (*self.capture.as_ptr()).vb2_buf;
            let plane = (*vb).planes.first().ok_or(EINVAL)?;
            if !plane.dbuf.is_null() {
                return Err(ENOMEM);
            }
            let start = media::vb2_plane_vaddr(vb, 0).cast::<u8>();
            if start.is_null() {
                return Err(ENOMEM);
            }
            let offset = usize::try_from(plane.data_offset)?;
            let start = start.add(offset).add(at);
            write(core::slice::from_raw_parts_mut(start, bytes));
        }
        Ok(())
    }

    /// Returns the driver's data of the CAPTURE buffer, zero before it is written.
    pub fn data(&mut self) -> &mut T::BufferData {
        // SAFETY: By the invariants the buffer is the job's.
        unsafe { (*self.buffer()).set_data() }
    }

    fn buffer(&self) -> *mut RawBuffer<T::BufferData> {
        RawBuffer::from_vb2(self.capture.cast().as_ptr())
    }

    /// Ends the job: completes the request's controls, returns the buffers and completes the
    /// request. Called in process context, without a lock that comes after the control handler's.
    pub fn finish(self, state: State) {
        ManuallyDrop::new(self).end(state);
    }

    /// Ends the job, which is not used any more after it.
    fn end(&mut self, state: State) {
        let context = self.context();
        let (output, capture) = (self.output.as_ptr(), self.capture.as_ptr());
        let m2m = context.m2m_ptr();
        let state = match state {
            State::Done => media::vb2_buffer_state_VB2_BUF_STATE_DONE,
            State::Error => media::vb2_buffer_state_VB2_BUF_STATE_ERROR,
        };
        // SAFETY: By the invariants. No buffer is used after it is done, and neither the job nor
        // its request after they are finished. The file cannot be closed while the flow is locked.
        unsafe {
            if !self.request.is_null() {
                context.complete_controls(output, (*self.buffer()).data());
            }
            // The context may be gone when the lock is given back.
            let flow = context.flow().clone();
            let guard = flow.lock();
            let is_last = media::media_helper_m2m_is_last_draining_src_buf(m2m, output);
            if is_last {
                (*capture).flags |= media::V4L2_BUF_FLAG_LAST;
                media::media_helper_m2m_mark_stopped(m2m);
            }
            media::media_helper_m2m_src_buf_remove(m2m);
            media::media_helper_m2m_dst_buf_remove(m2m);
            // A request is ready when its CAPTURE buffer is.
            media::media_helper_m2m_buf_done(capture, state);
            media::media_helper_m2m_buf_done(output, state);
            if !self.request.is_null() {
                media::media_request_manual_complete(self.request);
            }
            if is_last {
                event::queue_eos(context.fh_ptr());
            }
            media::v4l2_m2m_job_finish(context.device().m2m_ptr(), m2m);
            drop(guard);
        }
    }
}

impl<T: Operations> Drop for Job<T> {
    fn drop(&mut self) {
        self.end(State::Error);
    }
}

/// Returns the memory of a plane.
///
/// # Safety
///
/// `vb` is a valid buffer of a context of type `T`. It belongs to the driver.
unsafe fn memory_of<T: Operations>(vb: *mut media::vb2_buffer, plane: usize) -> Result<Memory> {
    const { assert!(MAX_PLANES == media::VB2_MAX_PLANES as usize) };
    // SAFETY: By the requirements of this function.
    unsafe {
        if plane >= (*vb).num_planes.try_into()? {
            return Err(EINVAL);
        }
        let offset = (*vb).planes.get(plane).ok_or(EINVAL)?.data_offset;
        let address = media::media_helper_vb2_plane_dma_addr(vb, plane.try_into()?);
        let size = videobuf2::plane_size::<T>(vb, plane)?;
        Ok(Memory {
            address: address.checked_add(offset.into()).ok_or(EOVERFLOW)?,
            size: size.checked_sub(offset.try_into()?).ok_or(EINVAL)?,
        })
    }
}
