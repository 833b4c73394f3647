// SPDX-License-Identifier: GPL-2.0

//! Callbacks of videobuf2.

use super::{
    memory,
    Direction, //
};
use crate::{
    bindings as media,
    m2m::{
        Context,
        Driver, //
    },
    v4l2::{
        event,
        format::MAX_PLANES, //
    }, //
};
use core::marker::PhantomData;
use kernel::{
    bindings,
    error::{
        from_result,
        to_result, //
    },
    prelude::*, //
};
use pin_init::Zeroable;

/// A buffer as videobuf2 allocates it, zeroed.
#[repr(C)]
pub(crate) struct RawBuffer<D> {
    inner: media::v4l2_m2m_buffer,
    /// A job has written the data, since the buffer was queued.
    has_data: bool,
    data: D,
}

impl<D: Zeroable> RawBuffer<D> {
    /// Finds the whole of a buffer.
    pub(crate) fn from_vb2(vb: *mut media::vb2_buffer) -> *mut Self {
        const {
            assert!(core::mem::offset_of!(media::v4l2_m2m_buffer, vb) == 0);
            assert!(core::mem::offset_of!(media::vb2_v4l2_buffer, vb2_buf) == 0);
            // What `kzalloc()` gives for any size.
            assert!(core::mem::align_of::<Self>() <= 8);
        }
        vb.cast()
    }

    /// Returns the data that a job left, or null.
    pub(crate) fn data(&mut self) -> *mut D {
        if self.has_data {
            &raw mut self.data
        } else {
            core::ptr::null_mut()
        }
    }

    /// Returns the data for a job to write.
    pub(crate) fn set_data(&mut self) -> &mut D {
        self.has_data = true;
        &mut self.data
    }

    fn clear_data(&mut self) {
        self.has_data = false;
        self.data = D::zeroed();
    }
}

/// The queue operations for contexts of type `T`.
struct VTable<T: Driver>(PhantomData<T>);

/// Sets up the queues of a new context.
///
/// # Safety
///
/// Called by `v4l2_m2m_ctx_init()`: `private` is the [`Context<T>`] that is being opened, and the
/// queues are zeroed and live in its m2m context.
pub(crate) unsafe extern "C" fn init_queues<T: Driver>(
    private: *mut c_void,
    output: *mut media::vb2_queue,
    capture: *mut media::vb2_queue,
) -> c_int {
    from_result(|| {
        // SAFETY: By the requirements of this function.
        let context = unsafe { &*private.cast::<Context<T>>() };
        for (queue, direction) in [(output, Direction::Output), (capture, Direction::Capture)] {
            // SAFETY: By the requirements of this function nobody else uses the queue yet.
            unsafe {
                (*queue).type_ = direction.as_raw();
                (*queue).io_modes = media::vb2_io_modes_VB2_MMAP | media::vb2_io_modes_VB2_DMABUF;
                (*queue).drv_priv = private;
                (*queue).buf_struct_size =
                    core::mem::size_of::<RawBuffer<T::BufferData>>().try_into()?;
                (*queue).ops = &VTable::<T>::VTABLE;
                (*queue).mem_ops = &memory::VTable::<T>::VTABLE;
                (*queue).timestamp_flags = media::V4L2_BUF_FLAG_TIMESTAMP_COPY;
                (*queue).lock = context.queue_lock_ptr();
                (*queue).dev = context.device().parent_ptr();
                if direction == Direction::Output {
                    (*queue).set_supports_requests(1);
                }
                to_result(media::vb2_queue_init(queue))?;
            }
        }
        Ok(0)
    })
}

impl<T: Driver> VTable<T> {
    const VTABLE: media::vb2_ops = media::vb2_ops {
        queue_setup: Some(Self::queue_setup),
        buf_out_validate: Some(Self::buf_out_validate),
        buf_prepare: Some(Self::buf_prepare),
        buf_finish: Some(Self::buf_finish),
        buf_queue: Some(Self::buf_queue),
        buf_request_complete: Some(Self::buf_request_complete),
        start_streaming: Some(Self::start_streaming),
        stop_streaming: Some(Self::stop_streaming),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `queue` was set up by [`init_queues`] for a context of type `T`, which is open.
    unsafe fn of<'a>(queue: *mut media::vb2_queue) -> (&'a Context<T>, Direction) {
        // SAFETY: By the requirements of this function.
        let context = unsafe { Context::from_queue(queue) };
        // SAFETY: As above.
        let direction = match unsafe { (*queue).is_output() } {
            0 => Direction::Capture,
            _ => Direction::Output,
        };
        (context, direction)
    }

    /// # Safety
    ///
    /// As [`VTable::of`]; the other pointers are valid, and `sizes` has `VB2_MAX_PLANES` elements.
    unsafe extern "C" fn queue_setup(
        queue: *mut media::vb2_queue,
        _num_buffers: *mut c_uint,
        num_planes: *mut c_uint,
        sizes: *mut c_uint,
        _alloc_devs: *mut *mut bindings::device,
    ) -> c_int {
        from_result(|| {
            // SAFETY: By the requirements of this function.
            let (context, direction) = unsafe { Self::of(queue) };
            // SAFETY: As above; nobody else uses them during the call.
            let (num_planes, sizes) = unsafe {
                (
                    &mut *num_planes,
                    core::slice::from_raw_parts_mut(sizes, MAX_PLANES),
                )
            };
            let needed = T::queue_setup(context, direction);
            let count = needed.as_slice().len();
            if *num_planes == 0 {
                *num_planes = count.try_into()?;
                for (size, needed) in sizes.iter_mut().zip(needed.as_slice()) {
                    *size = *needed;
                }
            } else if usize::try_from(*num_planes) != Ok(count)
                || sizes.iter().zip(needed.as_slice()).any(|(a, b)| a < b)
            {
                // VIDIOC_CREATE_BUFS asks for less than the format needs.
                return Err(EINVAL);
            }
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// `vb` is a buffer of a queue set up by [`init_queues`].
    unsafe extern "C" fn buf_out_validate(vb: *mut media::vb2_buffer) -> c_int {
        // SAFETY: By the requirements of this function.
        unsafe {
            (*media::media_helper_to_vb2_v4l2_buffer(vb)).field = media::v4l2_field_V4L2_FIELD_NONE;
        }
        0
    }

    /// # Safety
    ///
    /// `vb` is a buffer of a queue set up by [`init_queues`] for a context of type `T`.
    unsafe extern "C" fn buf_prepare(vb: *mut media::vb2_buffer) -> c_int {
        from_result(|| {
            // SAFETY: By the requirements of this function.
            let (context, direction) = unsafe { Self::of((*vb).vb2_queue) };
            let needed = T::queue_setup(context, direction);
            for (plane, needed) in needed.as_slice().iter().enumerate() {
                // SAFETY: By the requirements of this function; nobody else prepares the buffer.
                let size = unsafe { memory::plane_size::<T>(vb, plane) }?;
                // SAFETY: By the requirements of this function.
                let planes = unsafe { &(*vb).planes };
                let offset = match direction {
                    Direction::Output => planes.get(plane).ok_or(EINVAL)?.data_offset,
                    Direction::Capture => 0,
                };
                if size.saturating_sub(offset.try_into()?) < (*needed).try_into()? {
                    return Err(EINVAL);
                }
            }
            if direction == Direction::Capture {
                // SAFETY: By the requirements of this function. The buffer was allocated with this
                // type, and no job has it.
                unsafe {
                    media::media_helper_vb2_set_plane_payload(vb, 0, 0);
                    (*RawBuffer::<T::BufferData>::from_vb2(vb)).clear_data();
                }
            }
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for `buf_prepare`.
    unsafe extern "C" fn buf_finish(vb: *mut media::vb2_buffer) {
        // SAFETY: By the requirements of this function.
        let (context, direction) = unsafe { Self::of((*vb).vb2_queue) };
        // A queue that does not stream any more is being emptied: nobody gets the buffer.
        if direction == Direction::Capture && context.is_streaming(direction) {
            // SAFETY: The buffer was allocated with this type; its job, which may have written the
            // data, is over.
            let data = unsafe { (*RawBuffer::<T::BufferData>::from_vb2(vb)).data().as_ref() };
            if let Some(data) = data {
                T::buf_finish(context, data);
            }
        }
    }

    /// # Safety
    ///
    /// As for `buf_prepare`.
    unsafe extern "C" fn buf_queue(vb: *mut media::vb2_buffer) {
        // SAFETY: By the requirements of this function.
        unsafe {
            let queue = (*vb).vb2_queue;
            let (context, direction) = Self::of(queue);
            let buffer = media::media_helper_to_vb2_v4l2_buffer(vb);
            let m2m = context.m2m_ptr();
            if direction == Direction::Capture
                && media::media_helper_vb2_is_streaming(queue)
                && media::media_helper_m2m_dst_buf_is_last(m2m)
            {
                // Draining found no buffer to end with: this is it, and it is empty.
                (*buffer).field = media::v4l2_field_V4L2_FIELD_NONE;
                (*buffer).sequence = context.next_sequence(Direction::Capture);
                media::media_helper_vb2_set_plane_payload(vb, 0, 0);
                media::v4l2_m2m_last_buffer_done(m2m, buffer);
                event::queue_eos(context.fh_ptr());
            } else {
                media::v4l2_m2m_buf_queue(m2m, buffer);
            }
        }
    }

    /// Ends the request of a buffer that never came to the driver.
    ///
    /// # Safety
    ///
    /// As for `buf_prepare`; the buffer is in a request that was queued.
    unsafe extern "C" fn buf_request_complete(vb: *mut media::vb2_buffer) {
        // SAFETY: By the requirements of this function.
        unsafe {
            let (context, _) = Self::of((*vb).vb2_queue);
            let request = (*vb).req_obj.req;
            let output = media::media_helper_to_vb2_v4l2_buffer(vb);
            context.complete_controls(output, core::ptr::null_mut());
            // The buffer is the only object left: let its end be the end of the request.
            (*request).manual_completion = false;
        }
    }

    /// # Safety
    ///
    /// As [`VTable::of`].
    unsafe extern "C" fn start_streaming(queue: *mut media::vb2_queue, _count: c_uint) -> c_int {
        from_result(|| {
            // SAFETY: By the requirements of this function.
            let (context, direction) = unsafe { Self::of(queue) };
            // SAFETY: As above, and the queue is one of the m2m context.
            unsafe { media::v4l2_m2m_update_start_streaming_state(context.m2m_ptr(), queue) };
            context.reset_sequence(direction);
            if let Err(error) = T::start_streaming(context, direction) {
                context.return_buffers(direction, media::vb2_buffer_state_VB2_BUF_STATE_QUEUED);
                return Err(error);
            }
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As [`VTable::of`]; the m2m core waited for the context's job.
    unsafe extern "C" fn stop_streaming(queue: *mut media::vb2_queue) {
        // SAFETY: By the requirements of this function.
        let (context, direction) = unsafe { Self::of(queue) };
        T::stop_streaming(context, direction);
        context.return_buffers(direction, media::vb2_buffer_state_VB2_BUF_STATE_ERROR);
        // SAFETY: The queue is one of the m2m context.
        unsafe {
            let m2m = context.m2m_ptr();
            let drains = direction == Direction::Output && (*m2m).is_draining;
            if drains {
                context.number_last(&mut context.flow().lock());
            }
            media::v4l2_m2m_update_stop_streaming_state(m2m, queue);
            if drains && media::media_helper_m2m_has_stopped(m2m) {
                event::queue_eos(context.fh_ptr());
            }
        }
    }
}
