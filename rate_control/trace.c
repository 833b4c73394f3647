// SPDX-License-Identifier: GPL-2.0
#include "trace.h"

#define CREATE_TRACE_POINTS
#include <trace/events/v4l2_rate_control.h>

void rc_trace_frame_begin(u64 session, const struct v4l2_rc_frame *frame)
{
	trace_v4l2_rc_frame_begin(session, frame);
}

void rc_trace_frame_end(u64 session, const struct v4l2_rc_frame *frame)
{
	trace_v4l2_rc_frame_end(session, frame);
}

void rc_trace_program_frame(u64 session,
			    const struct v4l2_rc_decision *decision,
			    s32 builtin_qp, u32 clamps, int error,
			    bool overrun)
{
	trace_v4l2_rc_program_frame(session, decision, builtin_qp, clamps,
				    error, overrun);
}
