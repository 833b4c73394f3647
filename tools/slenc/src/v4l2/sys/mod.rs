// SPDX-License-Identifier: GPL-2.0

//! The edge to the kernel: ioctls and mapped buffers behind safe functions.
//!
//! All unsafe code of the client is here. A function takes and returns plain
//! values; the pointers inside of ioctl arguments are made from borrowed slices
//! and do not outlive the call.

#![allow(unsafe_code)]

pub mod buffers;
pub mod control;
pub mod dma_heap;
pub mod drain;
pub mod mapping;
pub mod media;
pub mod selection;
pub mod uapi;
pub mod udmabuf;
pub mod video;

use rustix::{
    io::Errno,
    ioctl::{
        ioctl,
        Opcode,
        Updater, //
    },
};
use std::{
    io,
    mem::MaybeUninit,
    os::fd::BorrowedFd, //
};

/// A structure of the kernel's interface: made of integers only, so that zeroes
/// and whatever the kernel writes are values of it.
///
/// # Safety
///
/// Every bit pattern is a valid value of the type. Raw pointers are integers in
/// this sense.
pub unsafe trait Plain: Copy {
    /// The structure with all bytes zero.
    fn zeroed() -> Self {
        // SAFETY: Zeroes are a bit pattern, and all of them are valid.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }
}

/// Marks structures of [`uapi`] as [`Plain`].
macro_rules! plain {
    ($($name:ident),* $(,)?) => {
        $(
            // SAFETY: The structure is made by bindgen from C without enumerated
            // types, references or booleans.
            unsafe impl $crate::v4l2::sys::Plain for $crate::v4l2::sys::uapi::$name {}
        )*
    };
}
pub(crate) use plain;

/// Runs an ioctl that reads and writes `arg`, again when a signal interrupts it.
///
/// # Safety
///
/// `OPCODE` takes a pointer to `T`. Pointers inside of `arg` are valid for what
/// the ioctl does with them, for as long as this call lasts.
unsafe fn update<const OPCODE: Opcode, T: Plain>(
    fd: BorrowedFd<'_>,
    arg: &mut T,
) -> io::Result<()> {
    loop {
        // SAFETY: The caller promises that this is the argument's type and that
        // what it points to is valid; `Plain` lets the kernel write any bytes.
        match unsafe { ioctl(fd, Updater::<OPCODE, T>::new(arg)) } {
            Err(Errno::INTR) => continue,
            result => return result.map_err(Into::into),
        }
    }
}

/// The text of a NUL-terminated field, as far as it is UTF-8.
fn text<T: Copy + Into<i64>>(field: &[T]) -> String {
    let bytes: Vec<u8> = field
        .iter()
        .map(|&c| c.into() as u8)
        .take_while(|&c| c != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_at_the_first_zero() {
        assert_eq!(text(&[115i8, 108, 101, 110, 99, 0, 120]), "slenc");
        assert_eq!(text(b"full"), "full");
        assert_eq!(text::<u8>(&[]), "");
    }

    #[test]
    fn sizes_are_those_of_the_interface() {
        assert_eq!(size_of::<uapi::v4l2_ctrl_h264_sps>(), 1048);
        assert_eq!(size_of::<uapi::v4l2_ctrl_h264_pps>(), 12);
        assert_eq!(size_of::<uapi::v4l2_ctrl_h264_encode_params>(), 44);
        assert_eq!(size_of::<uapi::v4l2_ctrl_stateless_enc_stats>(), 256);
        assert_eq!(uapi::V4L2_CID_STATELESS_H264_ENCODE_PARAMS, 0x00a4_0908);
        assert_eq!(uapi::V4L2_CID_STATELESS_ENC_BASE, 0x00a4_1000);
    }

    #[test]
    fn an_ioctl_on_a_plain_file_is_an_error() {
        use std::os::fd::AsFd;
        let file = tempfile::tempfile().unwrap();
        let err = video::query_capability(file.as_fd()).unwrap_err();
        assert_eq!(err.raw_os_error(), Some(Errno::NOTTY.raw_os_error()));
    }
}
