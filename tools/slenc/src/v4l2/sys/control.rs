// SPDX-License-Identifier: GPL-2.0

//! Control ioctls: QUERY_EXT_CTRL, QUERYMENU, G/S_EXT_CTRLS.

use super::{
    plain,
    text,
    uapi::*,
    update,
    Plain, //
};
use std::{
    fmt, io,
    marker::PhantomData,
    os::fd::{
        AsRawFd,
        BorrowedFd, //
    },
};

plain!(
    v4l2_query_ext_ctrl,
    v4l2_querymenu,
    v4l2_ext_control,
    v4l2_ext_controls,
    v4l2_ctrl_h264_sps,
    v4l2_ctrl_h264_pps,
    v4l2_ctrl_h264_encode_params,
    v4l2_ctrl_stateless_enc_stats,
    v4l2_h264_encode_mark,
    v4l2_ctrl_h264_encode_references,
);

/// One control of a G/S_EXT_CTRLS call.
#[repr(transparent)]
pub struct ExtControl<'a> {
    raw: v4l2_ext_control,
    payload: PhantomData<&'a mut ()>,
}

impl fmt::Debug for ExtControl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtControl({:#x})", self.id())
    }
}

impl<'a> ExtControl<'a> {
    /// An integer, menu or boolean control.
    pub fn int(id: u32, value: i32) -> Self {
        let mut raw = v4l2_ext_control::zeroed();
        raw.id = id;
        raw.__bindgen_anon_1.value = value;
        Self {
            raw,
            payload: PhantomData,
        }
    }

    /// A compound control, read from or written to `payload`.
    pub fn compound<T: Plain>(id: u32, payload: &'a mut T) -> Self {
        let mut raw = v4l2_ext_control::zeroed();
        raw.id = id;
        raw.size = size_of::<T>() as u32;
        raw.__bindgen_anon_1.p_u8 = (payload as *mut T).cast();
        Self {
            raw,
            payload: PhantomData,
        }
    }

    /// A string control, written from `text`, which has its 0.
    pub fn string(id: u32, text: &'a mut [u8]) -> Self {
        let mut raw = v4l2_ext_control::zeroed();
        raw.id = id;
        raw.size = text.len() as u32;
        raw.__bindgen_anon_1.p_u8 = text.as_mut_ptr();
        Self {
            raw,
            payload: PhantomData,
        }
    }

    /// Which control it is.
    pub fn id(&self) -> u32 {
        self.raw.id
    }

    /// The value of an integer, menu or boolean control.
    pub fn value(&self) -> i32 {
        // SAFETY: All members of the union are integers in the sense of `Plain`.
        unsafe { self.raw.__bindgen_anon_1.value }
    }
}

/// Which values an [`ExtControl`] stands for.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// The current values of the file handle.
    Current,
    /// Those of a request.
    Request(BorrowedFd<'a>),
}

/// A failed G/S_EXT_CTRLS call.
#[derive(Debug)]
pub struct ControlError {
    /// The control it failed at, where the kernel names one.
    pub id: Option<u32>,
    /// What it failed with.
    pub source: io::Error,
}

fn ext_controls<const OPCODE: u32>(
    fd: BorrowedFd<'_>,
    which: Which<'_>,
    controls: &mut [ExtControl<'_>],
) -> Result<(), ControlError> {
    let mut arg = v4l2_ext_controls::zeroed();
    match which {
        Which::Current => arg.__bindgen_anon_1.which = V4L2_CTRL_WHICH_CUR_VAL,
        Which::Request(request) => {
            arg.__bindgen_anon_1.which = V4L2_CTRL_WHICH_REQUEST_VAL;
            arg.request_fd = request.as_raw_fd();
        }
    }
    arg.count = controls.len() as u32;
    arg.controls = controls.as_mut_ptr().cast();
    // SAFETY: Only G and S_EXT_CTRLS come here. `controls` is borrowed for this
    // call, has `count` elements and, by `repr(transparent)`, the kernel's layout.
    // Each payload is exclusively borrowed for the lifetime of its element, has the
    // size the element says, and is `Plain`.
    unsafe { update::<OPCODE, _>(fd, &mut arg) }.map_err(|source| ControlError {
        id: controls
            .get(arg.error_idx as usize)
            .map(|control| control.id()),
        source,
    })
}

/// S_EXT_CTRLS.
pub fn set(
    fd: BorrowedFd<'_>,
    which: Which<'_>,
    controls: &mut [ExtControl<'_>],
) -> Result<(), ControlError> {
    ext_controls::<VIDIOC_S_EXT_CTRLS>(fd, which, controls)
}

/// G_EXT_CTRLS.
pub fn get(
    fd: BorrowedFd<'_>,
    which: Which<'_>,
    controls: &mut [ExtControl<'_>],
) -> Result<(), ControlError> {
    ext_controls::<VIDIOC_G_EXT_CTRLS>(fd, which, controls)
}

/// QUERY_EXT_CTRL, where flags in `id` ask for the next control.
pub fn query(fd: BorrowedFd<'_>, id: u32) -> io::Result<v4l2_query_ext_ctrl> {
    let mut arg = v4l2_query_ext_ctrl::zeroed();
    arg.id = id;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_QUERY_EXT_CTRL, _>(fd, &mut arg) }?;
    Ok(arg)
}

/// The name of a control.
pub fn name(control: &v4l2_query_ext_ctrl) -> String {
    text(&control.name)
}

/// QUERYMENU: the text of an item of a menu.
pub fn menu_item(fd: BorrowedFd<'_>, id: u32, index: u32) -> io::Result<String> {
    let mut arg = v4l2_querymenu::zeroed();
    arg.id = id;
    arg.index = index;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_QUERYMENU, _>(fd, &mut arg) }?;
    // SAFETY: Both members of the union are integers.
    Ok(text(unsafe { &arg.__bindgen_anon_1.name }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_have_the_kernels_layout() {
        let mut pps = v4l2_ctrl_h264_pps::zeroed();
        let address = &raw const pps as usize;
        let control = ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps);
        assert_eq!(size_of_val(&control), 20);
        assert_eq!({ control.raw.size }, 12);
        // SAFETY: All members of the union are integers in the sense of `Plain`.
        let pointer = unsafe { control.raw.__bindgen_anon_1.p_u8 };
        assert_eq!(pointer as usize, address);

        let control = ExtControl::int(V4L2_CID_MPEG_VIDEO_H264_MIN_QP, -5);
        assert_eq!((control.id(), control.value()), (0x0099_0a61, -5));
    }
}
