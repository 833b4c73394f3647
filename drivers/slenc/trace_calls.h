/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What Rust calls for the trace events of trace.h: trace.rs declares the same.
 */
#ifndef SLENC_TRACE_CALLS_H
#define SLENC_TRACE_CALLS_H

#include <linux/types.h>

struct slenc_trace_picture {
	const void *file;
	u64 timestamp;
	u16 frame_num;
	u8 slice_type;
	u8 nal_ref_idc;
	u8 idr;
	u8 qp;
	u8 references;
};

struct slenc_trace_done {
	const void *file;
	u64 timestamp;
	u64 encode_ns;
	u32 bytes;
	int error;
};

void slenc_trace_picture(const char *device,
			 const struct slenc_trace_picture *picture);
void slenc_trace_done(const char *device, const struct slenc_trace_done *done);
void slenc_trace_refused(const char *parameter, size_t length);

#endif /* SLENC_TRACE_CALLS_H */
