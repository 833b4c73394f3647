// SPDX-License-Identifier: GPL-2.0

//! What BPF programs may compute with: the functions behind the kfuncs of `bpf_kfuncs.c`.

use crate::{
    abi::assert_prototypes,
    bindings,
    convert::scale_of,
    hook,
    pure::{
        controller::Controller,
        log2::Log2,
        scale::Scale, //
    }, //
};
use core::ffi::c_void;

assert_prototypes!(
    v4l2_rc_rust_log2,
    v4l2_rc_rust_exp2,
    v4l2_rc_rust_qp_to_step,
    v4l2_rc_rust_step_to_qp,
    v4l2_rc_rust_predict,
);

/// The scale of a codec that a session has.
fn scale(codec: u32) -> Scale {
    scale_of(codec).unwrap_or(Scale::Qp51)
}

/// See `bpf_kfuncs.c`.
///
/// # Safety
///
/// Safe to call with any argument; `unsafe` only because bindgen declares it so.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_rust_log2(value: u64) -> i32 {
    Log2::of(value).raw()
}

/// See `bpf_kfuncs.c`.
///
/// # Safety
///
/// Safe to call with any argument; `unsafe` only because bindgen declares it so.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_rust_exp2(log_q16: i32) -> u64 {
    Log2::from_raw(log_q16).exp()
}

/// See `bpf_kfuncs.c`.
///
/// # Safety
///
/// Safe to call with any argument; `unsafe` only because bindgen declares it so.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_rust_qp_to_step(codec: u32, qp: i32) -> i32 {
    scale(codec).step(qp).raw()
}

/// See `bpf_kfuncs.c`.
///
/// # Safety
///
/// Safe to call with any argument; `unsafe` only because bindgen declares it so.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_rust_step_to_qp(codec: u32, step_q16: i32) -> i32 {
    scale(codec).nearest(Log2::from_raw(step_q16))
}

/// See `bpf_kfuncs.c`.
///
/// # Safety
///
/// `model` is a [`Controller`] that nobody changes during the call, and `frame` a picture.
#[no_mangle]
pub(crate) unsafe extern "C" fn v4l2_rc_rust_predict(
    model: *const c_void,
    frame: *const bindings::v4l2_rc_bpf_frame,
    qp: i32,
) -> u64 {
    // SAFETY: By the contract.
    let (model, frame) = unsafe { (&*model.cast::<Controller>(), &*frame) };
    model.predict(&hook::frame_of(frame), qp)
}
