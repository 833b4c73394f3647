/* SPDX-License-Identifier: GPL-2.0 */
/* The tracepoints, as functions: their macros are C's. */
#ifndef RATE_CONTROL_TRACE_H
#define RATE_CONTROL_TRACE_H

#include <linux/tracepoint-defs.h>
#include <media/v4l2-rate-control.h>

DECLARE_TRACEPOINT(v4l2_rc_frame_begin);
DECLARE_TRACEPOINT(v4l2_rc_frame_end);

void rc_trace_frame_begin(u64 session, const struct v4l2_rc_frame *frame);
void rc_trace_frame_end(u64 session, const struct v4l2_rc_frame *frame);
void rc_trace_program_frame(u64 session,
			    const struct v4l2_rc_decision *decision,
			    s32 builtin_qp, u32 clamps, int error,
			    bool overrun);

#endif /* RATE_CONTROL_TRACE_H */
