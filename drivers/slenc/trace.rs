// SPDX-License-Identifier: GPL-2.0

//! The trace events `slenc:*`, which `trace.h` defines.

use crate::{
    context::Encoder,
    pure::slice, //
};
use kernel::prelude::*;
use media::m2m::{
    Context,
    Job, //
};

/// `struct slenc_trace_picture`.
#[repr(C)]
struct Picture {
    file: *const Context<Encoder>,
    timestamp: u64,
    frame_num: u16,
    slice_type: u8,
    nal_ref_idc: u8,
    idr: u8,
    qp: u8,
    references: u8,
}

/// `struct slenc_trace_done`.
#[repr(C)]
struct Done {
    file: *const Context<Encoder>,
    timestamp: u64,
    encode_ns: u64,
    bytes: u32,
    error: c_int,
}

// The file is for its address only.
#[allow(improper_ctypes)]
extern "C" {
    fn slenc_trace_picture(device: *const c_char, picture: *const Picture);
    fn slenc_trace_done(device: *const c_char, done: *const Done);
    fn slenc_trace_refused(parameter: *const c_char, length: usize);
}

/// The picture of a job is about to be given to the hardware.
#[expect(unsafe_code, reason = "calls C")]
pub(crate) fn picture(job: &Job<Encoder>, picture: &slice::Picture, qp: u8) {
    let entry = Picture {
        file: job.context(),
        timestamp: job.timestamp(),
        frame_num: picture.frame_num,
        slice_type: picture.slice_type,
        nal_ref_idc: picture.nal_ref_idc,
        idr: picture.idr.into(),
        qp,
        references: picture.num_ref_idx_l0_active,
    };
    let device = job.context().device().hardware().name();
    // SAFETY: Both are valid during the call.
    unsafe { slenc_trace_picture(device.as_char_ptr(), &entry) };
}

/// The picture of a job is over: so many bytes that took so many nanoseconds, or an error.
#[expect(unsafe_code, reason = "calls C")]
pub(crate) fn done(job: &Job<Encoder>, outcome: Result<(u32, u64)>) {
    let (bytes, encode_ns) = outcome.unwrap_or_default();
    let entry = Done {
        file: job.context(),
        timestamp: job.timestamp(),
        encode_ns,
        bytes,
        error: outcome.err().map_or(0, |error| error.to_errno()),
    };
    let device = job.context().device().hardware().name();
    // SAFETY: Both are valid during the call.
    unsafe { slenc_trace_done(device.as_char_ptr(), &entry) };
}

/// A parameter makes a picture fail.
#[expect(unsafe_code, reason = "calls C")]
pub(crate) fn refused(parameter: &str) {
    // SAFETY: The string is valid during the call, and of this length.
    unsafe { slenc_trace_refused(parameter.as_ptr(), parameter.len()) };
}
