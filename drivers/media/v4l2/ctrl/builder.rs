// SPDX-License-Identifier: GPL-2.0

//! Creation of controls.

use super::{
    compound::TypeOps,
    Compound,
    Handler,
    VTable, //
};
use crate::{
    bindings as media,
    m2m::Driver, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Creates the controls of a context.
pub struct Builder<'a, T> {
    /// Initialised.
    pub(super) handler: &'a Handler,
    pub(super) controls: KVec<NonNull<media::v4l2_ctrl>>,
    pub(super) rate: Option<media::v4l2_rc_ctrls>,
    _context: PhantomData<T>,
}

/// The controls that a handler has, with their values set up.
pub(crate) struct Created {
    pub(super) controls: KVec<NonNull<media::v4l2_ctrl>>,
    /// Those of rate control, which are among them.
    pub(super) rate: Option<media::v4l2_rc_ctrls>,
}

impl<'a, T: Driver> Builder<'a, T> {
    /// Initialises the handler.
    ///
    /// # Safety
    ///
    /// The handler is zeroed, and is that of a pinned context of type `T`. It has to be freed also
    /// when this or the creation of a control fails.
    pub(crate) unsafe fn new(handler: &'a Handler) -> Result<Self> {
        // SAFETY: By the requirements of this function.
        to_result(unsafe { media::media_helper_ctrl_handler_init(handler.as_ptr(), 32) })?;
        Ok(Self {
            handler,
            controls: KVec::new(),
            rate: None,
            _context: PhantomData,
        })
    }

    /// Ends the creation.
    pub(crate) fn finish(self) -> Result<Created> {
        let handler = self.handler.as_ptr();
        // SAFETY: The handler is initialised.
        unsafe {
            to_result((*handler).error)?;
            to_result(media::v4l2_ctrl_handler_setup(handler))?;
        }
        Ok(Created {
            controls: self.controls,
            rate: self.rate,
        })
    }

    fn add(&mut self, ctrl: *mut media::v4l2_ctrl) -> Result<NonNull<media::v4l2_ctrl>> {
        let Some(ctrl) = NonNull::new(ctrl) else {
            // SAFETY: The handler is initialised.
            to_result(unsafe { (*self.handler.as_ptr()).error })?;
            return Err(EINVAL);
        };
        self.controls.push(ctrl, GFP_KERNEL)?;
        Ok(ctrl)
    }

    /// Makes a control one that is read from the driver.
    fn set_volatile(&mut self, ctrl: NonNull<media::v4l2_ctrl>) {
        const FLAGS: u32 = media::V4L2_CTRL_FLAG_VOLATILE | media::V4L2_CTRL_FLAG_READ_ONLY;
        // CAST: The flags of a control are a `long`, which is not smaller.
        //
        // SAFETY: The control is valid, and its file is not open yet.
        unsafe { (*ctrl.as_ptr()).flags |= FLAGS as c_ulong };
    }

    /// Creates a standard integer or boolean control.
    pub fn integer(&mut self, id: u32, min: i64, max: i64, default: i64) -> Result {
        // SAFETY: The handler is initialised.
        let ctrl = unsafe {
            media::v4l2_ctrl_new_std(
                self.handler.as_ptr(),
                &VTable::<T>::VTABLE,
                id,
                min,
                max,
                1,
                default,
            )
        };
        self.add(ctrl).map(|_| ())
    }

    /// Creates a standard menu control with the items up to `max` that `skip` has no bit of.
    pub fn menu(&mut self, id: u32, max: u8, skip: u64, default: u8) -> Result {
        // SAFETY: The handler is initialised.
        let ctrl = unsafe {
            media::v4l2_ctrl_new_std_menu(
                self.handler.as_ptr(),
                &VTable::<T>::VTABLE,
                id,
                max,
                skip,
                default,
            )
        };
        self.add(ctrl).map(|_| ())
    }

    /// Creates an integer control that the framework does not know.
    pub fn custom_integer(
        &mut self,
        id: u32,
        name: &'static CStr,
        min: i64,
        max: i64,
        default: i64,
    ) -> Result {
        let config = media::v4l2_ctrl_config {
            ops: &VTable::<T>::VTABLE,
            id,
            name: name.as_char_ptr(),
            type_: media::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER,
            min,
            max,
            step: 1,
            def: default,
            ..pin_init::zeroed()
        };
        // SAFETY: The handler is initialised.
        let ctrl = unsafe {
            media::v4l2_ctrl_new_custom(self.handler.as_ptr(), &config, core::ptr::null_mut())
        };
        self.add(ctrl).map(|_| ())
    }

    /// Creates an integer control that the framework does not know and that always has one value.
    pub fn constant(&mut self, id: u32, name: &'static CStr, value: i64) -> Result {
        let config = media::v4l2_ctrl_config {
            ops: &VTable::<T>::VTABLE,
            id,
            name: name.as_char_ptr(),
            type_: media::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER,
            min: value,
            max: value,
            step: 1,
            def: value,
            flags: media::V4L2_CTRL_FLAG_READ_ONLY,
            ..pin_init::zeroed()
        };
        // SAFETY: The handler is initialised.
        let ctrl = unsafe {
            media::v4l2_ctrl_new_custom(self.handler.as_ptr(), &config, core::ptr::null_mut())
        };
        self.add(ctrl).map(|_| ())
    }

    /// Creates a compound control.
    pub fn compound<C: Compound>(&mut self) -> Result {
        self.new_compound::<C>().map(|_| ())
    }

    /// Creates a standard integer control that is read from the driver.
    pub fn volatile_integer(&mut self, id: u32, min: i64, max: i64, default: i64) -> Result {
        // SAFETY: The handler is initialised.
        let ctrl = unsafe {
            media::v4l2_ctrl_new_std(
                self.handler.as_ptr(),
                &VTable::<T>::VTABLE,
                id,
                min,
                max,
                1,
                default,
            )
        };
        let ctrl = self.add(ctrl)?;
        self.set_volatile(ctrl);
        Ok(())
    }

    /// Creates a compound control that is read from the driver.
    pub fn volatile_compound<C: Compound>(&mut self) -> Result {
        let ctrl = self.new_compound::<C>()?;
        self.set_volatile(ctrl);
        Ok(())
    }

    fn new_compound<C: Compound>(&mut self) -> Result<NonNull<media::v4l2_ctrl>> {
        let initial = C::initial();
        let mut config = media::v4l2_ctrl_config {
            ops: &VTable::<T>::VTABLE,
            id: C::ID,
            p_def: media::v4l2_ctrl_ptr {
                p_const: core::ptr::from_ref(&initial).cast(),
            },
            ..pin_init::zeroed()
        };
        if let Some(custom) = C::CUSTOM {
            config.name = custom.name.as_char_ptr();
            config.type_ = custom.ctrl_type;
            config.type_ops = &TypeOps::<C>::VTABLE;
            config.elem_size = core::mem::size_of::<C>().try_into()?;
        } else if standard_size(C::ID) != Some(core::mem::size_of::<C>()) {
            return Err(EINVAL);
        }
        // SAFETY: The handler is initialised. The framework copies the initial value, with the size
        // it has for the control: that of a `C`.
        let ctrl = unsafe {
            media::v4l2_ctrl_new_custom(self.handler.as_ptr(), &config, core::ptr::null_mut())
        };
        self.add(ctrl)
    }
}

/// Returns the size of the compound controls that the framework knows and drivers use.
fn standard_size(id: u32) -> Option<usize> {
    match id {
        media::V4L2_CID_STATELESS_H264_SPS => {
            Some(core::mem::size_of::<media::v4l2_ctrl_h264_sps>())
        }
        media::V4L2_CID_STATELESS_H264_PPS => {
            Some(core::mem::size_of::<media::v4l2_ctrl_h264_pps>())
        }
        _ => None,
    }
}
