// SPDX-License-Identifier: GPL-2.0

//! Selection ioctls: the part of a picture that is used.

use super::{
    uapi::*,
    update,
    Plain, //
};
use std::{
    io,
    os::fd::BorrowedFd, //
};

/// A rectangle, in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// Columns to its left.
    pub left: i32,
    /// Lines above it.
    pub top: i32,
    /// Columns.
    pub width: u32,
    /// Lines.
    pub height: u32,
}

fn argument(queue: u32, target: u32) -> v4l2_selection {
    let mut arg = v4l2_selection::zeroed();
    arg.type_ = queue;
    arg.target = target;
    arg
}

fn rect(arg: &v4l2_selection) -> Rect {
    Rect {
        left: arg.r.left,
        top: arg.r.top,
        width: arg.r.width,
        height: arg.r.height,
    }
}

/// G_SELECTION: V4L2_SEL_TGT_*.
pub fn get(fd: BorrowedFd<'_>, queue: u32, target: u32) -> io::Result<Rect> {
    let mut arg = argument(queue, target);
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_G_SELECTION, _>(fd, &mut arg) }?;
    Ok(rect(&arg))
}

/// S_SELECTION, with V4L2_SEL_FLAG_* flags: what the driver made of it.
pub fn set(
    fd: BorrowedFd<'_>,
    queue: u32,
    target: u32,
    wanted: Rect,
    flags: u32,
) -> io::Result<Rect> {
    let mut arg = argument(queue, target);
    arg.flags = flags;
    arg.r.left = wanted.left;
    arg.r.top = wanted.top;
    arg.r.width = wanted.width;
    arg.r.height = wanted.height;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_S_SELECTION, _>(fd, &mut arg) }?;
    Ok(rect(&arg))
}
