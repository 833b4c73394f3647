// SPDX-License-Identifier: GPL-2.0

//! Controls of an open file.
//!
//! A driver creates them with a [`Builder`] and reads all that it needs for a picture from
//! [`Values`], with the handler locked once. Results are volatile controls: the driver is asked for
//! their value when somebody reads them, and when a request is completed.
//!
//! C header: [`include/media/v4l2-ctrls.h`](srctree/include/media/v4l2-ctrls.h)

mod builder;
mod compound;
mod rate_control;

pub use self::builder::Builder;
pub(crate) use self::builder::Created;
pub use self::compound::{
    Compound,
    Custom, //
};
pub use self::rate_control::{
    FrameControls,
    RateControls, //
};

use crate::{
    bindings as media,
    m2m::{
        self,
        Context,
        Device,
        Driver, //
    }, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::{
        from_result,
        to_result, //
    },
    prelude::*,
    sync::{
        lock::{
            mutex::MutexBackend,
            Guard, //
        },
        Mutex, //
    },
    types::Opaque, //
};

/// What a driver does with its controls.
#[vtable]
pub trait Operations: m2m::Operations {
    /// Creates the controls of a new file.
    fn init_controls(device: &Device<Self>, builder: &mut Builder<'_, Self>) -> Result
    where
        Self: Driver;

    /// Gives the value of a volatile control. Called with the handler locked.
    fn g_volatile_ctrl(
        context: &Context<Self>,
        control: &mut Volatile<'_>,
        reader: Reader<'_, Self::BufferData>,
    ) -> Result;
}

/// The control handler of a context.
///
/// # Invariants
///
/// `inner` is zeroed or initialised. `controls` and `rate` are controls of `inner`, and are not
/// changed after the context was opened.
#[pin_data]
pub struct Handler {
    #[pin]
    inner: Opaque<media::v4l2_ctrl_handler>,
    controls: KVec<NonNull<media::v4l2_ctrl>>,
    /// Those of rate control, if the driver has them.
    rate: Option<media::v4l2_rc_ctrls>,
}

// SAFETY: The handler is synchronised by its lock; the list of controls does not change.
unsafe impl Send for Handler {}
// SAFETY: As above.
unsafe impl Sync for Handler {}

impl Handler {
    /// Makes a handler without controls, which is not initialised.
    pub(crate) fn zeroed() -> impl PinInit<Self> {
        // INVARIANT: The handler is zeroed and the list is empty.
        pin_init!(Self {
            inner: Opaque::zeroed(),
            controls: KVec::new(),
            rate: None,
        })
    }

    /// Returns the C handler.
    pub(crate) fn as_ptr(&self) -> *mut media::v4l2_ctrl_handler {
        self.inner.get()
    }

    /// Sets the controls of a new handler.
    pub(crate) fn set_controls(self: Pin<&mut Self>, created: Created) {
        let this = self.project();
        *this.controls = created.controls;
        *this.rate = created.rate;
    }

    /// Finds the handler a C handler is in.
    ///
    /// # Safety
    ///
    /// `hdl` is the member of a [`Handler`].
    pub(crate) unsafe fn from_raw(hdl: *mut media::v4l2_ctrl_handler) -> *mut Self {
        // SAFETY: By the requirements of this function.
        unsafe { kernel::container_of!(Opaque::cast_from(hdl).cast_mut(), Self, inner) }
    }

    /// Frees the C handler and its controls.
    ///
    /// # Safety
    ///
    /// Nobody uses the handler or its controls any more.
    pub(crate) unsafe fn free(&self) {
        // SAFETY: By the requirements of this function; freeing a zeroed handler does nothing.
        unsafe { media::v4l2_ctrl_handler_free(self.inner.get()) };
    }

    /// Locks the handler for reading and setting values.
    ///
    /// Not called by functions that the control framework calls: these have it locked.
    pub fn lock(&self) -> Values<'_> {
        // SAFETY: Contexts with a handler that is not initialised are not given to drivers, and
        // the mutex lives as long as the handler.
        let lock = unsafe { Mutex::<()>::from_raw((*self.inner.get()).lock) };
        Values {
            handler: self,
            request: None,
            _guard: lock.lock(),
        }
    }

    /// Locks the handler as [`Handler::lock`] does, for the values of a request: its own, and the
    /// current ones of controls that it does not set. Somebody may have set others since its values
    /// were made the current ones.
    ///
    /// # Safety
    ///
    /// `request` is null, or a request that is queued and stays so for the lifetime of the values.
    pub(crate) unsafe fn lock_for(&self, request: *mut media::media_request) -> Values<'_> {
        let mut values = self.lock();
        if !request.is_null() {
            // SAFETY: By the requirements of this function. There is a reference on what is
            // returned.
            let own = unsafe { media::v4l2_ctrl_request_hdl_find(request, self.inner.get()) };
            // INVARIANT: By the requirements of this function, and as it was just found.
            values.request = NonNull::new(own).map(RequestValues);
        }
        values
    }

    fn find(&self, id: u32) -> Result<NonNull<media::v4l2_ctrl>> {
        self.controls
            .iter()
            // SAFETY: By the invariants; the id does not change.
            .find(|ctrl| unsafe { (*ctrl.as_ptr()).id } == id)
            .copied()
            .ok_or(EINVAL)
    }
}

/// The handler of a queued request, which holds the values that the request sets.
///
/// # Invariants
///
/// There is a reference on the handler, and its request is queued: nobody changes it.
struct RequestValues(NonNull<media::v4l2_ctrl_handler>);

impl RequestValues {
    /// Returns where the request's value of a control is, if it has one.
    fn find(&self, id: u32) -> Option<NonNull<c_void>> {
        // SAFETY: By the invariants.
        NonNull::new(unsafe { media::media_helper_ctrl_request_value(self.0.as_ptr(), id) })
    }
}

impl Drop for RequestValues {
    fn drop(&mut self) {
        // SAFETY: By the invariants.
        unsafe { media::media_helper_ctrl_request_hdl_put(self.0.as_ptr()) };
    }
}

/// The values of a handler's controls, locked.
///
/// Those for a job are the ones of its request, where it has any; what is compared and set is the
/// file's.
pub struct Values<'a> {
    handler: &'a Handler,
    request: Option<RequestValues>,
    _guard: Guard<'a, (), MutexBackend>,
}

impl Values<'_> {
    /// Returns the value of an integer, boolean or menu control, `EINVAL` for unknown ones.
    pub fn value(&self, id: u32) -> Result<i32> {
        let ctrl = self.handler.find(id)?.as_ptr();
        // SAFETY: By the invariants of the handler the control is valid; it is locked.
        unsafe {
            if (*ctrl).is_int() == 0 {
                return Err(EINVAL);
            }
            Ok(match self.of_request(id) {
                Some(value) => value.cast::<i32>().read(),
                None => (*ctrl).cur.val,
            })
        }
    }

    /// Returns the handler that the request has, or null.
    fn request_handler(&self) -> *const media::v4l2_ctrl_handler {
        self.request
            .as_ref()
            .map_or(core::ptr::null(), |own| own.0.as_ptr().cast_const())
    }

    fn of_request(&self, id: u32) -> Option<NonNull<c_void>> {
        self.request.as_ref()?.find(id)
    }

    /// Copies the value of a compound control to `to`.
    pub fn payload<C: Compound>(&self, to: &mut C) -> Result {
        let ctrl = self.checked::<C>()?;
        // SAFETY: The control is locked and holds a `C`, of which every bit pattern is a value.
        unsafe {
            let from = match self.of_request(C::ID) {
                Some(value) => value.as_ptr().cast::<u8>(),
                None => (*ctrl).p_cur.p.cast::<u8>(),
            };
            from.copy_to_nonoverlapping(core::ptr::from_mut(to).cast(), core::mem::size_of::<C>());
        }
        Ok(())
    }

    /// Returns whether this is the current value of a compound control of the file.
    pub fn is_payload<C: Compound>(&self, value: &C) -> Result<bool> {
        let ctrl = self.checked::<C>()?;
        // SAFETY: The control is locked and holds a `C`, which has no padding.
        let current = unsafe {
            core::slice::from_raw_parts((*ctrl).p_cur.p.cast::<u8>(), core::mem::size_of::<C>())
        };
        Ok(current == value.as_bytes())
    }

    /// Sets the current value of a compound control of the file, as if user space had done it.
    pub fn set_payload<C: Compound>(&mut self, value: &C) -> Result {
        let ctrl = self.checked::<C>()?;
        // SAFETY: The control is locked and holds a `C`.
        to_result(unsafe {
            media::__v4l2_ctrl_s_ctrl_compound(
                ctrl,
                (*ctrl).type_,
                core::ptr::from_ref(value).cast(),
            )
        })
    }

    /// Finds the control of `C` and checks that this is what it holds.
    fn checked<C: Compound>(&self) -> Result<*mut media::v4l2_ctrl> {
        let ctrl = self.handler.find(C::ID)?.as_ptr();
        // SAFETY: By the invariants of the handler the control is valid.
        unsafe { compound::holds::<C>(ctrl) }
            .then_some(ctrl)
            .ok_or(EINVAL)
    }
}

/// Whom the value of a volatile control is for.
#[derive(Clone, Copy, Debug)]
pub enum Reader<'a, D> {
    /// Somebody who reads the controls of the file.
    File,
    /// A request whose job ended and left this with its CAPTURE buffer.
    Job(&'a D),
    /// A request that was cancelled before its job left anything.
    Cancelled {
        /// Of its OUTPUT buffer.
        timestamp: u64,
    },
}

/// A volatile control whose value is asked for.
pub struct Volatile<'a> {
    ctrl: NonNull<media::v4l2_ctrl>,
    _ctrl: PhantomData<&'a mut media::v4l2_ctrl>,
}

impl Volatile<'_> {
    /// Returns the control's id.
    pub fn id(&self) -> u32 {
        // SAFETY: The control is valid during the call.
        unsafe { (*self.ctrl.as_ptr()).id }
    }

    /// Gives the value of an integer control.
    pub fn set_value(&mut self, value: i32) -> Result {
        let ctrl = self.ctrl.as_ptr();
        // SAFETY: The control is valid and locked during the call.
        unsafe {
            if (*ctrl).is_int() == 0 {
                return Err(EINVAL);
            }
            (*ctrl).val = value;
        }
        Ok(())
    }

    /// Gives the value of a compound control.
    pub fn set_payload<C: Compound>(&mut self, value: &C) -> Result {
        let ctrl = self.ctrl.as_ptr();
        // SAFETY: The control is valid and locked during the call, and holds a `C`.
        unsafe {
            if !compound::holds::<C>(ctrl) {
                return Err(EINVAL);
            }
            (*ctrl).p_new.p.cast::<C>().write_unaligned(*value);
        }
        Ok(())
    }
}

/// The operations of the controls of contexts of type `T`.
pub(crate) struct VTable<T: Driver>(PhantomData<T>);

impl<T: Driver> VTable<T> {
    pub(crate) const VTABLE: media::v4l2_ctrl_ops = media::v4l2_ctrl_ops {
        g_volatile_ctrl: Some(Self::g_volatile_ctrl),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `ctrl` is a control, which is locked, of the handler of a context of type `T`.
    unsafe extern "C" fn g_volatile_ctrl(ctrl: *mut media::v4l2_ctrl) -> c_int {
        from_result(|| {
            // The handler that created the control, also when a clone in a request is completed.
            //
            // SAFETY: By the requirements of this function.
            let context = unsafe { Context::<T>::from_handler((*ctrl).handler) };
            let mut control = Volatile {
                ctrl: NonNull::new(ctrl).ok_or(EINVAL)?,
                _ctrl: PhantomData,
            };
            T::g_volatile_ctrl(context, &mut control, context.reader())?;
            Ok(0)
        })
    }
}
