// SPDX-License-Identifier: GPL-2.0

//! Controls that are structures.

use crate::bindings as media;
use core::marker::PhantomData;
use kernel::{
    error::from_result,
    prelude::*,
    transmute::{
        AsBytes,
        FromBytes, //
    }, //
};

/// The value of a compound control: a structure of the user space interface.
pub trait Compound: AsBytes + FromBytes + Copy + Send + Sync + 'static {
    /// `V4L2_CID_*`.
    const ID: u32;

    /// How a control is made that the framework does not know.
    const CUSTOM: Option<Custom>;

    /// Returns the value of a new control.
    fn initial() -> Self;

    /// Checks a value that user space wants to set, and clears what does not apply.
    ///
    /// Not called for controls that the framework knows: it checks them itself.
    fn validate(&mut self) -> Result {
        Ok(())
    }
}

/// Name and type of a control that the framework does not know.
#[derive(Clone, Copy)]
pub struct Custom {
    /// Name, at most 31 characters.
    pub name: &'static CStr,
    /// `V4L2_CTRL_TYPE_*`, a compound type.
    pub ctrl_type: u32,
}

/// Returns whether `ctrl` holds one `C`.
///
/// # Safety
///
/// `ctrl` is valid.
pub(super) unsafe fn holds<C: Compound>(ctrl: *mut media::v4l2_ctrl) -> bool {
    // SAFETY: By the requirements of this function; these fields do not change.
    unsafe {
        (*ctrl).id == C::ID
            && (*ctrl).is_ptr() != 0
            && (*ctrl).elems == 1
            && usize::try_from((*ctrl).elem_size) == Ok(core::mem::size_of::<C>())
    }
}

/// The type operations of a control that the framework does not know.
pub(super) struct TypeOps<C: Compound>(PhantomData<C>);

impl<C: Compound> TypeOps<C> {
    pub(super) const VTABLE: media::v4l2_ctrl_type_ops = media::v4l2_ctrl_type_ops {
        equal: Some(media::v4l2_ctrl_type_op_equal),
        // Copies `p_def`, whatever the type.
        init: Some(media::v4l2_ctrl_type_op_init),
        log: Some(media::v4l2_ctrl_type_op_log),
        validate: Some(Self::validate),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `ctrl` is a control that was created for `C`, and `value` its new value.
    unsafe extern "C" fn validate(
        _ctrl: *const media::v4l2_ctrl,
        value: media::v4l2_ctrl_ptr,
    ) -> c_int {
        from_result(|| {
            // SAFETY: By the requirements of this function; every bit pattern is a value.
            let mut checked = unsafe { value.p.cast::<C>().read_unaligned() };
            checked.validate()?;
            // SAFETY: As above.
            unsafe { value.p.cast::<C>().write_unaligned(checked) };
            Ok(0)
        })
    }
}
