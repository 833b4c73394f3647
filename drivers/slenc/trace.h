/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM slenc

#if !defined(_SLENC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SLENC_TRACE_H

#include <linux/tracepoint.h>

/* A picture is about to be given to the hardware. */
TRACE_EVENT(slenc_picture,
	    TP_PROTO(const char *device,
		     const struct slenc_trace_picture *picture),
	    TP_ARGS(device, picture),
	    TP_STRUCT__entry(__string(device, device)
			     __field(const void *, file)
			     __field(u64, timestamp)
			     __field(u16, frame_num)
			     __field(u8, slice_type)
			     __field(u8, nal_ref_idc)
			     __field(u8, idr)
			     __field(u8, qp)
			     __field(u8, references)),
	    TP_fast_assign(__assign_str(device);
			   __entry->file = picture->file;
			   __entry->timestamp = picture->timestamp;
			   __entry->frame_num = picture->frame_num;
			   __entry->slice_type = picture->slice_type;
			   __entry->nal_ref_idc = picture->nal_ref_idc;
			   __entry->idr = picture->idr;
			   __entry->qp = picture->qp;
			   __entry->references = picture->references;),
	    TP_printk("%s file=%p timestamp=%llu type=%s nal_ref_idc=%u frame_num=%u qp=%u references=%u",
		      __get_str(device), __entry->file,
		      __entry->timestamp,
		      __entry->idr ? "IDR" :
		      __entry->slice_type == 2 ? "I" : "P",
		      __entry->nal_ref_idc, __entry->frame_num,
		      __entry->qp, __entry->references)
);

/* A picture is over: coded, or failed. */
TRACE_EVENT(slenc_done,
	    TP_PROTO(const char *device,
		     const struct slenc_trace_done *done),
	    TP_ARGS(device, done),
	    TP_STRUCT__entry(__string(device, device)
			     __field(const void *, file)
			     __field(u64, timestamp)
			     __field(u64, encode_ns)
			     __field(u32, bytes)
			     __field(int, error)),
	    TP_fast_assign(__assign_str(device);
			   __entry->file = done->file;
			   __entry->timestamp = done->timestamp;
			   __entry->encode_ns = done->encode_ns;
			   __entry->bytes = done->bytes;
			   __entry->error = done->error;),
	    TP_printk("%s file=%p timestamp=%llu error=%d bytes=%u encode_ns=%llu",
		      __get_str(device), __entry->file,
		      __entry->timestamp, __entry->error,
		      __entry->bytes, __entry->encode_ns)
);

/* A picture fails for this parameter; slenc_done of the same task follows. */
TRACE_EVENT(slenc_refused,
	    TP_PROTO(const char *parameter, size_t length),
	    TP_ARGS(parameter, length),
	    TP_STRUCT__entry(__string_len(parameter, parameter, length)),
	    TP_fast_assign(__assign_str(parameter);),
	    TP_printk("parameter=%s", __get_str(parameter))
);

#endif /* _SLENC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
