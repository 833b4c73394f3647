// SPDX-License-Identifier: GPL-2.0

//! Memory of buffers: that of `videobuf2-dma-contig`, charged to the cgroup that asks for it.
//!
//! Memory that was allocated for a buffer stays until its last user goes: videobuf2, a mapping, or a
//! dma-buf. `vb2_dma_contig_memops` counts them, and tells nobody of the last one. Therefore each is
//! counted here instead: a mapping has a handler of ours, and a dma-buf operations of ours, that
//! give back our count. Below it `vb2_dma_contig_memops` knows of videobuf2 alone, and of each
//! dma-buf.
//!
//! Imported memory is not charged: who allocated it is.

use crate::{
    bindings as media,
    dmem::Charge,
    m2m::{
        Context,
        Driver,
        Operations, //
    }, //
};
use core::{
    cell::UnsafeCell,
    marker::PhantomData, //
};
use kernel::{
    bindings,
    container_of,
    error::{
        from_err_ptr,
        from_result,
        to_result, //
    },
    module::this_module,
    prelude::*,
    sync::Refcount, //
};

/// The memory of one plane.
///
/// # Invariants
///
/// `inner` is what `vb2_dma_contig_memops` made for it. `users` is the number of users of allocated
/// memory, and the handler refers to it; imported memory has one.
struct Memory<T> {
    inner: *mut c_void,
    /// Bytes of it: all that was allocated, or the whole of a dma-buf.
    size: usize,
    users: Refcount,
    handler: UnsafeCell<media::vb2_vmarea_handler>,
    /// The operations of its dma-bufs, once there is one.
    ops: UnsafeCell<Option<Exporter>>,
    _charge: Option<Charge>,
    _driver: PhantomData<fn() -> T>,
}

/// How a dma-buf of the memory works.
#[repr(C)]
struct Exporter {
    /// Those of `videobuf2-dma-contig`, with ours in the place of some.
    ops: bindings::dma_buf_ops,
    /// All of `videobuf2-dma-contig`.
    inner: *const bindings::dma_buf_ops,
    /// The memory, to which the operations lead.
    memory: *mut c_void,
}

/// Calls an operation of `vb2_dma_contig_memops`: `None` if there is no such.
macro_rules! inner {
    ($operation:ident($($argument:expr),*)) => {
        media::vb2_dma_contig_memops
            .$operation
            .map(|operation| operation($($argument),*))
    };
}

/// The memory operations of queues of contexts of type `T`.
pub(super) struct VTable<T: Driver>(PhantomData<T>);

impl<T: Driver> VTable<T> {
    pub(super) const VTABLE: media::vb2_mem_ops = media::vb2_mem_ops {
        alloc: Some(Memory::<T>::alloc),
        put: Some(Memory::<T>::put),
        get_dmabuf: Some(Memory::<T>::get_dmabuf),
        prepare: Some(Memory::<T>::prepare),
        finish: Some(Memory::<T>::finish),
        attach_dmabuf: Some(Memory::<T>::attach_dmabuf),
        detach_dmabuf: Some(Memory::<T>::detach_dmabuf),
        map_dmabuf: Some(Memory::<T>::map_dmabuf),
        unmap_dmabuf: Some(Memory::<T>::unmap_dmabuf),
        vaddr: Some(Memory::<T>::vaddr),
        cookie: Some(Memory::<T>::cookie),
        num_users: Some(Memory::<T>::num_users),
        mmap: Some(Memory::<T>::mmap),
        ..pin_init::zeroed()
    };
}

/// Returns how many bytes of a plane there are: as many as user space says, and no more than its
/// memory has. Of planes that lie in one dma-buf, videobuf2 compares only the first with it.
///
/// # Safety
///
/// `vb` is a buffer of a queue with the operations of [`VTable<T>`], and not being prepared by
/// anybody else.
pub(crate) unsafe fn plane_size<T>(vb: *mut media::vb2_buffer, plane: usize) -> Result<usize> {
    // SAFETY: By the requirements of this function.
    let plane = unsafe { &(*vb).planes }.get(plane).ok_or(EINVAL)?;
    if plane.mem_priv.is_null() {
        return Err(EINVAL);
    }
    // SAFETY: By the requirements of this function videobuf2 uses memory of this type.
    let memory = unsafe { Memory::<T>::from_raw(plane.mem_priv) };
    Ok(memory.size.min(plane.length.try_into()?))
}

impl<T> Memory<T> {
    /// # Safety
    ///
    /// `private` is memory that videobuf2, a mapping or a dma-buf uses during `'a`.
    unsafe fn from_raw<'a>(private: *mut c_void) -> &'a Self {
        // SAFETY: By the requirements of this function.
        unsafe { &*private.cast::<Self>() }
    }
}

impl<T: Driver> Memory<T> {
    /// Makes memory on top of the `size` bytes that `inner` allocates or attaches.
    fn make(
        size: usize,
        charge: Option<Charge>,
        inner: impl FnOnce() -> Option<*mut c_void>,
    ) -> Result<*mut c_void> {
        let mut memory = KBox::new(
            Self {
                inner: core::ptr::null_mut(),
                size,
                users: Refcount::new(1),
                handler: UnsafeCell::new(pin_init::zeroed()),
                ops: UnsafeCell::new(None),
                _charge: charge,
                _driver: PhantomData,
            },
            GFP_KERNEL,
        )?;
        // INVARIANT: The operation made it for this memory, and the first user is videobuf2.
        memory.inner = from_err_ptr(inner().ok_or(EINVAL)?)?;
        if memory.inner.is_null() {
            return Err(ENOMEM);
        }
        let memory = KBox::into_raw(memory);
        // SAFETY: The memory is valid, and nobody else has it yet. It stays where it is.
        unsafe {
            *(*memory).handler.get() = media::vb2_vmarea_handler {
                refcount: (&raw const (*memory).users).cast_mut().cast(),
                put: Some(Self::put),
                arg: memory.cast(),
            };
        }
        Ok(memory.cast())
    }

    /// # Safety
    ///
    /// Called by videobuf2 for a buffer of a queue of a context of type `T`, which is open.
    unsafe extern "C" fn alloc(
        vb: *mut media::vb2_buffer,
        dev: *mut bindings::device,
        size: c_ulong,
    ) -> *mut c_void {
        // SAFETY: By the requirements of this function.
        let context = unsafe { Context::<T>::from_queue((*vb).vb2_queue) };
        u64::try_from(size)
            .map_err(Error::from)
            .and_then(|bytes| context.device().charge(bytes))
            .and_then(|charge| {
                // SAFETY: Called as this function is.
                Self::make(size, Some(charge), || unsafe {
                    inner!(alloc(vb, dev, size))
                })
            })
            .unwrap_or_else(Error::to_ptr)
    }

    /// One user less.
    ///
    /// # Safety
    ///
    /// `private` is memory of this type, and the caller is one of its users, and is no more.
    unsafe extern "C" fn put(private: *mut c_void) {
        // SAFETY: By the requirements of this function there is a user, the one that goes.
        if unsafe { Self::from_raw(private) }.users.dec_and_test() {
            // SAFETY: It was the last one, and `make` made the memory of a box. All dma-bufs have
            // given back what they have of the inner memory.
            unsafe {
                let memory = KBox::from_raw(private.cast::<Self>());
                inner!(put(memory.inner));
            }
        }
    }

    /// # Safety
    ///
    /// `private` is memory of this type that videobuf2 uses.
    unsafe extern "C" fn num_users(private: *mut c_void) -> c_uint {
        // SAFETY: By the requirements of this function.
        let users = unsafe { Self::from_raw(private) }.users.as_atomic();
        users
            .load(kernel::sync::atomic::ordering::Relaxed)
            .try_into()
            .unwrap_or(0)
    }

    /// # Safety
    ///
    /// `private` is memory of this type that videobuf2 uses, and `vma` is being mapped.
    unsafe extern "C" fn mmap(private: *mut c_void, vma: *mut bindings::vm_area_struct) -> c_int {
        from_result(|| {
            // SAFETY: By the requirements of this function.
            unsafe {
                let memory = Self::from_raw(private);
                to_result(inner!(mmap(memory.inner, vma)).ok_or(EINVAL)?)?;
                memory.adopt(vma);
            }
            Ok(0)
        })
    }

    /// Makes a mapping one of this memory's users, and no more one of the inner memory's.
    ///
    /// # Safety
    ///
    /// `videobuf2-dma-contig` has just set up `vma`, which nobody else can see yet, for the inner
    /// memory.
    unsafe fn adopt(&self, vma: *mut bindings::vm_area_struct) {
        self.users.inc();
        // SAFETY: By the requirements of this function. The operations of the area take the
        // handler from here, when it is copied or goes.
        unsafe {
            (*vma).vm_private_data = self.handler.get().cast();
            inner!(put(self.inner));
        }
    }

    /// # Safety
    ///
    /// `private` is memory of this type that videobuf2 uses. The lock of the queue is held.
    unsafe extern "C" fn get_dmabuf(
        vb: *mut media::vb2_buffer,
        private: *mut c_void,
        flags: c_ulong,
    ) -> *mut bindings::dma_buf {
        // SAFETY: By the requirements of this function.
        unsafe { Self::from_raw(private).export(vb, flags) }.unwrap_or_else(Error::to_ptr)
    }

    /// # Safety
    ///
    /// videobuf2 uses the memory, for the buffer `vb`. The lock of the queue is held.
    unsafe fn export(
        &self,
        vb: *mut media::vb2_buffer,
        flags: c_ulong,
    ) -> Result<*mut bindings::dma_buf> {
        let module = this_module::<<T as Operations>::OwnerModule>().as_ptr();
        // SAFETY: By the requirements of this function.
        let buffer = unsafe { inner!(get_dmabuf(vb, self.inner, flags)) }.ok_or(EINVAL)?;
        let buffer = from_err_ptr(buffer)?;
        if buffer.is_null() {
            return Err(ENOMEM);
        }
        // The code of ours that a dma-buf needs has to stay with it.
        //
        // SAFETY: This is the module whose code runs.
        if !unsafe { media::media_helper_try_module_get(module) } {
            // SAFETY: Just exported, and still wholly that of `videobuf2-dma-contig`.
            unsafe { bindings::dma_buf_put(buffer) };
            return Err(ENODEV);
        }
        // SAFETY: The dma-buf is new, and nobody else uses it. With the lock of the queue held nobody
        // else exports the memory, and without an exporter there is no dma-buf that refers to it:
        // it is written once.
        unsafe {
            let exporter = self.ops.get();
            if (*exporter).is_none() {
                *exporter = Some(Exporter {
                    ops: bindings::dma_buf_ops {
                        release: Some(Self::release_dmabuf),
                        mmap: Some(Self::mmap_dmabuf),
                        ..*(*buffer).ops
                    },
                    inner: (*buffer).ops,
                    memory: core::ptr::from_ref(self).cast_mut().cast(),
                });
            }
            if let Some(exporter) = &*exporter {
                (*buffer).ops = &raw const exporter.ops;
            }
            media::media_helper_module_put((*buffer).owner);
            (*buffer).owner = module;
        }
        self.users.inc();
        Ok(buffer)
    }

    /// # Safety
    ///
    /// `buffer` was exported by this type, and is in use.
    unsafe fn exporter<'a>(buffer: *mut bindings::dma_buf) -> &'a Exporter {
        // SAFETY: By the requirements of this function its operations are in an exporter.
        unsafe { &*container_of!((*buffer).ops, Exporter, ops) }
    }

    /// # Safety
    ///
    /// Called by the dma-buf core: `buffer` was exported by this type, and its last user is gone.
    unsafe extern "C" fn release_dmabuf(buffer: *mut bindings::dma_buf) {
        // SAFETY: The dma-buf is a user of the memory, and the operations with it, up to the last
        // line; the dma-buf core does not use them after this.
        unsafe {
            let exporter = Self::exporter(buffer);
            let memory = exporter.memory;
            if let Some(release) = (*exporter.inner).release {
                release(buffer);
            }
            Self::put(memory);
        }
    }

    /// # Safety
    ///
    /// `buffer` was exported by this type, and `vma` is being mapped.
    unsafe extern "C" fn mmap_dmabuf(
        buffer: *mut bindings::dma_buf,
        vma: *mut bindings::vm_area_struct,
    ) -> c_int {
        from_result(|| {
            // SAFETY: The dma-buf is a user of the memory, and `vma` is being mapped.
            unsafe {
                let exporter = Self::exporter(buffer);
                let mmap = (*exporter.inner).mmap.ok_or(EINVAL)?;
                to_result(mmap(buffer, vma))?;
                Self::from_raw(exporter.memory).adopt(vma);
            }
            Ok(0)
        })
    }

    /// Attaches the whole of a dma-buf: videobuf2 attaches one that several planes lie in only once,
    /// with the length of the first, and the others count on memory that is contiguous up to them.
    ///
    /// A length beyond its end is refused when the buffer is prepared, not here: where attaching
    /// fails, videobuf2 of Linux 7.3 never lets go of the dma-buf.
    ///
    /// # Safety
    ///
    /// Called by videobuf2 for a buffer of a queue of a context of type `T`, which is open.
    unsafe extern "C" fn attach_dmabuf(
        vb: *mut media::vb2_buffer,
        dev: *mut bindings::device,
        buffer: *mut bindings::dma_buf,
        _size: c_ulong,
    ) -> *mut c_void {
        // SAFETY: By the requirements of this function.
        let size = unsafe { (*buffer).size };
        // SAFETY: Called as this function is.
        Self::make(size, None, || unsafe {
            inner!(attach_dmabuf(vb, dev, buffer, size))
        })
        .unwrap_or_else(Error::to_ptr)
    }

    /// # Safety
    ///
    /// `private` was returned by `attach_dmabuf`, and is not used any more.
    unsafe extern "C" fn detach_dmabuf(private: *mut c_void) {
        // SAFETY: By the requirements of this function nobody else has the memory, which `make` made
        // of a box.
        unsafe {
            let memory = KBox::from_raw(private.cast::<Self>());
            inner!(detach_dmabuf(memory.inner));
        }
    }

    /// # Safety
    ///
    /// `private` was returned by `attach_dmabuf`, and videobuf2 uses it.
    unsafe extern "C" fn map_dmabuf(private: *mut c_void) -> c_int {
        // SAFETY: By the requirements of this function.
        unsafe { inner!(map_dmabuf(Self::from_raw(private).inner)) }
            .unwrap_or_else(|| EINVAL.to_errno())
    }

    /// # Safety
    ///
    /// `private` was returned by `attach_dmabuf`, and videobuf2 uses it.
    unsafe extern "C" fn unmap_dmabuf(private: *mut c_void) {
        // SAFETY: By the requirements of this function.
        unsafe { inner!(unmap_dmabuf(Self::from_raw(private).inner)) };
    }

    /// # Safety
    ///
    /// `private` is memory of this type that videobuf2 uses.
    unsafe extern "C" fn prepare(private: *mut c_void) {
        // SAFETY: By the requirements of this function.
        unsafe { inner!(prepare(Self::from_raw(private).inner)) };
    }

    /// # Safety
    ///
    /// `private` is memory of this type that videobuf2 uses.
    unsafe extern "C" fn finish(private: *mut c_void) {
        // SAFETY: By the requirements of this function.
        unsafe { inner!(finish(Self::from_raw(private).inner)) };
    }

    /// # Safety
    ///
    /// `private` is memory of this type that videobuf2 uses.
    unsafe extern "C" fn vaddr(vb: *mut media::vb2_buffer, private: *mut c_void) -> *mut c_void {
        // SAFETY: By the requirements of this function.
        unsafe { inner!(vaddr(vb, Self::from_raw(private).inner)) }.unwrap_or(core::ptr::null_mut())
    }

    /// # Safety
    ///
    /// `private` is memory of this type that videobuf2 uses.
    unsafe extern "C" fn cookie(vb: *mut media::vb2_buffer, private: *mut c_void) -> *mut c_void {
        // SAFETY: By the requirements of this function.
        unsafe { inner!(cookie(vb, Self::from_raw(private).inner)) }
            .unwrap_or(core::ptr::null_mut())
    }
}
