// SPDX-License-Identifier: GPL-2.0
#include "trace_calls.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/*
 * The kernel crate calls only the tracepoints of the kernel's own headers. The
 * static key of a tracepoint is checked here.
 */
void slenc_trace_picture(const char *device,
			 const struct slenc_trace_picture *picture)
{
	trace_slenc_picture(device, picture);
}

void slenc_trace_done(const char *device, const struct slenc_trace_done *done)
{
	trace_slenc_done(device, done);
}

void slenc_trace_refused(const char *parameter, size_t length)
{
	trace_slenc_refused(parameter, length);
}
