// SPDX-License-Identifier: GPL-2.0

//! The tracepoints of pictures: a branch that is patched in when somebody listens. `trace.c` has
//! the macros, which are C's.

use crate::bindings as c;
#[cfg(CONFIG_TRACEPOINTS)]
use kernel::{
    bindings::tracepoint,
    jump_label::static_branch_unlikely, //
};

/// Gives a tracepoint of a picture a function that calls C's when somebody listens. What it is
/// told of is read then.
macro_rules! picture {
    ($(#[$doc:meta])* $name:ident, $key:ident, $call:ident) => {
        $(#[$doc])*
        #[inline(always)]
        pub(crate) fn $name(session: &u64, frame: &c::v4l2_rc_frame) {
            #[cfg(CONFIG_TRACEPOINTS)]
            // SAFETY: `trace.c` defines it.
            if !unsafe { static_branch_unlikely!(c::$key, tracepoint, key) } {
                return;
            }
            // SAFETY: `frame` is valid during the call.
            unsafe { c::$call(*session, frame) };
        }
    };
}

picture!(
    /// A picture has begun.
    frame_begin,
    __tracepoint_v4l2_rc_frame_begin,
    rc_trace_frame_begin
);
picture!(
    /// A picture has been judged.
    frame_end,
    __tracepoint_v4l2_rc_frame_end,
    rc_trace_frame_end
);
