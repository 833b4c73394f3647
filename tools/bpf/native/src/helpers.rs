// SPDX-License-Identifier: GPL-2.0

//! What programs call: the helpers and maps of BPF, and the functions of the rate control.
//!
//! A map is known by where it is, and has its memory here. All of it is the thread's own: streams
//! of one thread share it, and tests beside each other do not.

use crate::{
    bindings as c, context,
    pure::{
        controller::Controller,
        log2::Log2,
        scale::Scale, //
    },
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    collections::BTreeMap,
    ffi::{
        c_long,
        c_void, //
    },
    ptr,
};

/// A map's place, and a key in it.
type Key = (usize, Vec<u8>);

/// Memory that is aligned for whatever is in it.
type Memory = Box<[u64]>;

thread_local! {
    static MAPS: RefCell<BTreeMap<Key, Memory>> = const { RefCell::new(BTreeMap::new()) };
    static RECORDS: RefCell<Vec<(Memory, usize)>> = const { RefCell::new(Vec::new()) };
    static SENT: Cell<usize> = const { Cell::new(0) };
    static TIME: Cell<u64> = const { Cell::new(0) };
    static MODEL: Cell<(*const Controller, *const c::v4l2_rc_bpf_frame)> =
        const { Cell::new((ptr::null(), ptr::null())) };
}

/// A map of a program; where it is, is all that is known of it.
#[repr(C)]
struct Map {
    opaque: [u8; 0],
}

extern "C" {
    #[link_name = "session_weights"]
    static SESSION_WEIGHTS: Map;
    #[link_name = "cgroup_weights"]
    static CGROUP_WEIGHTS: Map;
}

/// What a weight of `fair_share` is for.
#[derive(Clone, Copy, Debug)]
pub enum Share {
    /// The session of a number.
    Session(u64),
    /// The sessions of a cgroup.
    Cgroup(u64),
}

/// Gives a weight, as its pinned maps do.
pub fn set_weight(share: Share, weight: u32) {
    let (map, id) = match share {
        Share::Session(id) => (&raw const SESSION_WEIGHTS, id),
        Share::Cgroup(id) => (&raw const CGROUP_WEIGHTS, id),
    };
    let mut value = [0; 8];
    value[..4].copy_from_slice(&weight.to_ne_bytes());
    let value = vec![u64::from_ne_bytes(value)].into_boxed_slice();
    let key = (map.addr(), id.to_ne_bytes().to_vec());
    MAPS.with_borrow_mut(|maps| maps.insert(key, value));
}

/// Sets what the clock says from now on, in ns.
pub fn set_time(ns: u64) {
    TIME.set(ns);
}

/// How many entries all maps have.
pub fn entries() -> usize {
    MAPS.with_borrow(BTreeMap::len)
}

/// Takes what was sent through ring buffers.
pub fn take_records() -> Vec<Vec<u8>> {
    let records = RECORDS.take();
    let sent = SENT.take();
    let bytes = |(memory, size): (Memory, usize)| {
        let all = memory.iter().flat_map(|word| word.to_ne_bytes());
        all.take(size).collect()
    };
    records.into_iter().take(sent).map(bytes).collect()
}

/// Calls a program that may ask the built-in model about a picture.
pub(crate) fn with_model<T>(
    model: Option<&Controller>,
    frame: &c::v4l2_rc_bpf_frame,
    call: impl FnOnce() -> T,
) -> T {
    MODEL.set((model.map_or(ptr::null(), ptr::from_ref), frame));
    let result = call();
    MODEL.set((ptr::null(), ptr::null()));
    result
}

fn memory(size: usize) -> Memory {
    vec![0; size.div_ceil(8)].into_boxed_slice()
}

/// # Safety
///
/// `key` has `size` bytes.
unsafe fn key_of(map: *const c_void, size: usize, key: *const c_void) -> Key {
    // SAFETY: By the contract.
    let key = unsafe { std::slice::from_raw_parts(key.cast::<u8>(), size) };
    (map.addr(), key.to_vec())
}

/// # Safety
///
/// `key` has `key_size` bytes.
#[no_mangle]
unsafe extern "C" fn native_lookup(
    map: *const c_void,
    key_size: usize,
    key: *const c_void,
) -> *mut c_void {
    // SAFETY: By the contract.
    let key = unsafe { key_of(map, key_size, key) };
    MAPS.with_borrow_mut(|maps| {
        maps.get_mut(&key)
            .map_or(ptr::null_mut(), |value| value.as_mut_ptr().cast())
    })
}

/// # Safety
///
/// `key` and `value` have so many bytes.
#[no_mangle]
unsafe extern "C" fn native_update(
    map: *const c_void,
    key_size: usize,
    value_size: usize,
    key: *const c_void,
    value: *const c_void,
) -> c_long {
    // SAFETY: By the contract.
    let key = unsafe { key_of(map, key_size, key) };
    let mut to = memory(value_size);
    // SAFETY: By the contract, and there is as much memory.
    unsafe { ptr::copy_nonoverlapping(value.cast(), to.as_mut_ptr().cast::<u8>(), value_size) };
    MAPS.with_borrow_mut(|maps| maps.insert(key, to));
    0
}

/// # Safety
///
/// `key` has `key_size` bytes.
#[no_mangle]
unsafe extern "C" fn native_delete(
    map: *const c_void,
    key_size: usize,
    key: *const c_void,
) -> c_long {
    // SAFETY: By the contract.
    let key = unsafe { key_of(map, key_size, key) };
    let gone = MAPS.with_borrow_mut(|maps| maps.remove(&key));
    if gone.is_some() {
        0
    } else {
        -1
    }
}

/// What is called for each entry.
type Function = unsafe extern "C" fn(
    map: *mut c_void,
    key: *const c_void,
    value: *mut c_void,
    context: *mut c_void,
) -> c_long;

/// # Safety
///
/// `function` takes entries of this map, and `context`.
#[no_mangle]
unsafe extern "C" fn native_for_each(
    map: *mut c_void,
    function: Function,
    context: *mut c_void,
) -> c_long {
    // The function may look into the map as well.
    let entries: Vec<(Vec<u8>, *mut c_void)> = MAPS.with_borrow_mut(|maps| {
        maps.iter_mut()
            .filter(|((place, _), _)| *place == map.addr())
            .map(|((_, key), value)| (key.clone(), value.as_mut_ptr().cast()))
            .collect()
    });
    let mut count = 0;
    for (key, value) in entries {
        count += 1;
        // SAFETY: By the contract; no program deletes what it goes through.
        if unsafe { function(map, key.as_ptr().cast(), value, context) } != 0 {
            break;
        }
    }
    count
}

#[no_mangle]
extern "C" fn native_reserve(_map: *const c_void, size: usize) -> *mut c_void {
    RECORDS.with_borrow_mut(|records| {
        records.push((memory(size), size));
        records
            .last_mut()
            .map_or(ptr::null_mut(), |(memory, _)| memory.as_mut_ptr().cast())
    })
}

#[no_mangle]
extern "C" fn native_submit(_record: *mut c_void) {
    SENT.set(SENT.get() + 1);
}

#[no_mangle]
extern "C" fn native_time() -> u64 {
    TIME.get()
}

#[no_mangle]
extern "C" fn v4l2_rc_mul_div(a: u64, b: u64, c: u64) -> u64 {
    (u128::from(a) * u128::from(b))
        .checked_div(u128::from(c))
        .and_then(|quotient| quotient.try_into().ok())
        .unwrap_or(u64::MAX)
}

#[no_mangle]
extern "C" fn v4l2_rc_log2(value: u64) -> i32 {
    Log2::of(value).raw()
}

#[no_mangle]
extern "C" fn v4l2_rc_exp2(log_q16: i32) -> u64 {
    Log2::from_raw(log_q16).exp()
}

/// The scale that a session's codec has.
///
/// # Safety
///
/// `session` is one.
unsafe fn scale(session: *const c::v4l2_rc_bpf_session) -> Scale {
    // SAFETY: By the contract.
    match unsafe { (*session).codec_max_qp } {
        51 => Scale::Qp51,
        _ => Scale::Index127,
    }
}

/// # Safety
///
/// `session` is one.
#[no_mangle]
unsafe extern "C" fn v4l2_rc_qp_to_step(session: *const c::v4l2_rc_bpf_session, qp: i32) -> i32 {
    // SAFETY: By the contract.
    unsafe { scale(session) }.step(qp).raw()
}

/// # Safety
///
/// `session` is one.
#[no_mangle]
unsafe extern "C" fn v4l2_rc_step_to_qp(session: *const c::v4l2_rc_bpf_session, step: i32) -> i32 {
    // SAFETY: By the contract.
    unsafe { scale(session) }.nearest(Log2::from_raw(step))
}

#[no_mangle]
extern "C" fn v4l2_rc_predict_bits(_session: *const c::v4l2_rc_bpf_session, qp: i32) -> u64 {
    let (model, frame) = MODEL.get();
    // SAFETY: Each is NULL, or what `with_model` was called with and has not returned from.
    match unsafe { (model.as_ref(), frame.as_ref()) } {
        (Some(model), Some(frame)) => model.predict(&context::frame_of(frame), qp),
        _ => 0,
    }
}
