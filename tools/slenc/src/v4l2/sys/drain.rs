// SPDX-License-Identifier: GPL-2.0

//! Draining: ENCODER_CMD, and the event that tells of its end.

use super::{
    plain,
    uapi::*,
    update,
    Plain, //
};
use rustix::io::Errno;
use std::{
    io,
    os::fd::BorrowedFd, //
};

plain!(v4l2_encoder_cmd, v4l2_event_subscription, v4l2_event);

fn command<const OPCODE: u32>(fd: BorrowedFd<'_>, cmd: u32, flags: u32) -> io::Result<()> {
    let mut arg = v4l2_encoder_cmd::zeroed();
    arg.cmd = cmd;
    arg.flags = flags;
    // SAFETY: ENCODER_CMD and TRY_ENCODER_CMD, the only ones that come here, have
    // the same argument, without pointers.
    unsafe { update::<OPCODE, _>(fd, &mut arg) }
}

/// ENCODER_CMD: V4L2_ENC_CMD_* with V4L2_ENC_CMD_STOP_* flags.
pub fn encoder_command(fd: BorrowedFd<'_>, cmd: u32, flags: u32) -> io::Result<()> {
    command::<VIDIOC_ENCODER_CMD>(fd, cmd, flags)
}

/// TRY_ENCODER_CMD.
pub fn try_encoder_command(fd: BorrowedFd<'_>, cmd: u32, flags: u32) -> io::Result<()> {
    command::<VIDIOC_TRY_ENCODER_CMD>(fd, cmd, flags)
}

/// SUBSCRIBE_EVENT: V4L2_EVENT_*.
pub fn subscribe(fd: BorrowedFd<'_>, event: u32) -> io::Result<()> {
    let mut arg = v4l2_event_subscription::zeroed();
    arg.type_ = event;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_SUBSCRIBE_EVENT, _>(fd, &mut arg) }
}

/// DQEVENT: the type of the next event, `None` when there is none, with a node that
/// does not block.
pub fn dequeue_event(fd: BorrowedFd<'_>) -> io::Result<Option<u32>> {
    let mut arg = v4l2_event::zeroed();
    // SAFETY: The argument's type is the ioctl's, without pointers.
    match unsafe { update::<VIDIOC_DQEVENT, _>(fd, &mut arg) } {
        Ok(()) => Ok(Some(arg.type_)),
        Err(err) if err.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => Ok(None),
        Err(err) => Err(err),
    }
}
