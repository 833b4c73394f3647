/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM v4l2_rate_control

#if !defined(_TRACE_V4L2_RATE_CONTROL_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_V4L2_RATE_CONTROL_H

#include <linux/tracepoint.h>
#include <media/v4l2-rate-control.h>

TRACE_DEFINE_ENUM(V4L2_RC_FRAME_I);
TRACE_DEFINE_ENUM(V4L2_RC_FRAME_P);
TRACE_DEFINE_ENUM(V4L2_RC_ACTION_ENCODE);
TRACE_DEFINE_ENUM(V4L2_RC_ACTION_SKIP);
TRACE_DEFINE_ENUM(V4L2_RC_VERDICT_KEEP);
TRACE_DEFINE_ENUM(V4L2_RC_VERDICT_REPLACE_SKIP);
TRACE_DEFINE_ENUM(V4L2_RC_VERDICT_DROP);

#define show_v4l2_rc_type(type)						\
	__print_symbolic(type,						\
			 { V4L2_RC_FRAME_I,		"I" },		\
			 { V4L2_RC_FRAME_P,		"P" })

#define show_v4l2_rc_action(action)					\
	__print_symbolic(action,					\
			 { V4L2_RC_ACTION_ENCODE,	"encode" },	\
			 { V4L2_RC_ACTION_SKIP,		"skip" })

#define show_v4l2_rc_verdict(verdict)					\
	__print_symbolic(verdict,					\
			 { V4L2_RC_VERDICT_KEEP,	"keep" },	\
			 { V4L2_RC_VERDICT_REPLACE_SKIP, "replace" },	\
			 { V4L2_RC_VERDICT_DROP,	"drop" })

#define show_v4l2_rc_reasons(reasons)					\
	__print_flags(reasons, "|",					\
		      { V4L2_RC_REASON_FIXED_QP,	"fixed-qp" },	\
		      { V4L2_RC_REASON_INITIAL_QP,	"initial-qp" },	\
		      { V4L2_RC_REASON_MIN_QP,		"min-qp" },	\
		      { V4L2_RC_REASON_MAX_QP,		"max-qp" },	\
		      { V4L2_RC_REASON_NEW_CONTENT,	"new-content" }, \
		      { V4L2_RC_REASON_CPB_FULL,	"cpb-full" },	\
		      { V4L2_RC_REASON_FLOOR,		"floor" },	\
		      { V4L2_RC_REASON_PROGRAM,		"program" },	\
		      { V4L2_RC_REASON_PROGRAM_CLAMPED, "program-clamped" }, \
		      { V4L2_RC_REASON_PROGRAM_FAILED,	"program-failed" }, \
		      { V4L2_RC_REASON_PROGRAM_EJECTED, "program-ejected" }, \
		      { V4L2_RC_REASON_PROGRAM_TARGET,	"program-target" }, \
		      { V4L2_RC_REASON_PROGRAM_CHECKPOINTS,		\
			"program-checkpoints" })

/* A picture has begun. */
TRACE_EVENT(v4l2_rc_frame_begin,
	    TP_PROTO(u64 session, const struct v4l2_rc_frame *frame),
	    TP_ARGS(session, frame),
	    TP_STRUCT__entry(__field(u64, session)
			     __field(u64, cookie)
			     __field(u32, type)
			     __field(u32, temporal_layer)
			     __field(u32, action)
			     __field(s32, qp)
			     __field(s32, min_qp)
			     __field(s32, max_qp)
			     __field(u64, target_bits)
			     __field(u64, max_bits)
			     __field(u64, predicted)
			     __field(u64, cpb_fill)
			     __field(u64, cpb_bits)
			     __field(u32, reasons)),
	    TP_fast_assign(__entry->session = session;
			   __entry->cookie = frame->decision.cookie;
			   __entry->type = frame->info.type;
			   __entry->temporal_layer = frame->info.temporal_layer;
			   __entry->action = frame->decision.action;
			   __entry->qp = frame->decision.qp;
			   __entry->min_qp = frame->decision.min_qp;
			   __entry->max_qp = frame->decision.max_qp;
			   __entry->target_bits = frame->decision.target_bits;
			   __entry->max_bits = frame->decision.max_bits;
			   __entry->predicted = frame->decision.predicted_bits;
			   __entry->cpb_fill = frame->decision.cpb_fill;
			   __entry->cpb_bits = frame->decision.cpb_bits;
			   __entry->reasons = frame->decision.reasons;),
	    TP_printk("session=%llu frame=%llu type=%s layer=%u action=%s qp=%d [%d..%d] target=%llu max=%llu predicted=%llu cpb=%llu/%llu reasons=%s",
		      __entry->session, __entry->cookie,
		      show_v4l2_rc_type(__entry->type), __entry->temporal_layer,
		      show_v4l2_rc_action(__entry->action), __entry->qp,
		      __entry->min_qp, __entry->max_qp, __entry->target_bits,
		      __entry->max_bits, __entry->predicted,
		      __entry->cpb_fill, __entry->cpb_bits,
		      show_v4l2_rc_reasons(__entry->reasons))
);

/* A picture has been judged. What the result does not say is 0. */
TRACE_EVENT(v4l2_rc_frame_end,
	    TP_PROTO(u64 session, const struct v4l2_rc_frame *frame),
	    TP_ARGS(session, frame),
	    TP_STRUCT__entry(__field(u64, session)
			     __field(u64, cookie)
			     __field(u64, bytes)
			     __field(u64, header_bits)
			     __field(u32, valid)
			     __field(s32, mean_qp_q8)
			     __field(u32, forced_skips)
			     __field(u32, nonzero)
			     __field(u32, intra_mbs)
			     __field(u32, skip_mbs)
			     __field(u64, sad)
			     __field(u64, mad)
			     __field(u64, sse)
			     __field(u32, verdict)
			     __field(u64, filler)
			     __field(u64, violation)
			     __field(u64, cpb_fill)
			     __field(u64, delay_ns)),
	    TP_fast_assign(__entry->session = session;
			   __entry->cookie = frame->decision.cookie;
			   __entry->bytes = frame->result.bytes;
			   __entry->header_bits = frame->result.header_bits;
			   __entry->valid = frame->result.valid;
			   __entry->mean_qp_q8 = frame->result.mean_qp_q8;
			   __entry->forced_skips = frame->result.forced_skips;
			   __entry->nonzero = frame->result.nonzero;
			   __entry->intra_mbs = frame->result.intra_mbs;
			   __entry->skip_mbs = frame->result.skip_mbs;
			   __entry->sad = frame->result.sad;
			   __entry->mad = frame->result.mad;
			   __entry->sse = frame->result.sse;
			   __entry->verdict = frame->judgement.verdict;
			   __entry->filler = frame->judgement.filler_bytes;
			   __entry->violation = frame->judgement.violation_bits;
			   __entry->cpb_fill = frame->judgement.cpb_fill;
			   __entry->delay_ns = frame->judgement.delay_ns;),
	    TP_printk("session=%llu frame=%llu bytes=%llu header-bits=%llu valid=%#x mean-qp-q8=%d forced-skips=%u nonzero=%u intra=%u skip=%u sad=%llu mad=%llu sse=%llu verdict=%s filler=%llu violation=%llu cpb=%llu delay-ns=%llu",
		      __entry->session, __entry->cookie, __entry->bytes,
		      __entry->header_bits, __entry->valid,
		      __entry->mean_qp_q8, __entry->forced_skips,
		      __entry->nonzero, __entry->intra_mbs, __entry->skip_mbs,
		      __entry->sad, __entry->mad, __entry->sse,
		      show_v4l2_rc_verdict(__entry->verdict),
		      __entry->filler, __entry->violation,
		      __entry->cpb_fill, __entry->delay_ns)
);

/* A BPF program is attached to a session, refuses it, is ejected, detached. */
TRACE_EVENT(v4l2_rc_program,
	    TP_PROTO(u64 session, const char *name, const char *event),
	    TP_ARGS(session, name, event),
	    TP_STRUCT__entry(__field(u64, session)
			     __string(name, name)
			     __string(event, event)),
	    TP_fast_assign(__entry->session = session;
			   __assign_str(name);
			   __assign_str(event);),
	    TP_printk("session=%llu program=%s event=%s", __entry->session,
		      __get_str(name), __get_str(event))
);

/* A function of a BPF program has run, and time is measured. */
TRACE_EVENT(v4l2_rc_program_call,
	    TP_PROTO(u64 session, const char *name, const char *function,
		     u64 took_ns),
	    TP_ARGS(session, name, function, took_ns),
	    TP_STRUCT__entry(__field(u64, session)
			     __string(name, name)
			     __string(function, function)
			     __field(u64, took_ns)),
	    TP_fast_assign(__entry->session = session;
			   __assign_str(name);
			   __assign_str(function);
			   __entry->took_ns = took_ns;),
	    TP_printk("session=%llu program=%s function=%s took-ns=%llu",
		      __entry->session, __get_str(name), __get_str(function),
		      __entry->took_ns)
);

/*
 * A BPF program has failed, or has changed a decision: what became of it.
 * overrun: a function has taken too long since the picture before began.
 */
TRACE_EVENT(v4l2_rc_program_frame,
	    TP_PROTO(u64 session, const struct v4l2_rc_decision *decision,
		     s32 builtin_qp, u32 clamps, int error, bool overrun),
	    TP_ARGS(session, decision, builtin_qp, clamps, error, overrun),
	    TP_STRUCT__entry(__field(u64, session)
			     __field(u64, cookie)
			     __field(s32, builtin_qp)
			     __field(s32, qp)
			     __field(u32, action)
			     __field(u32, clamps)
			     __field(int, error)
			     __field(bool, overrun)),
	    TP_fast_assign(__entry->session = session;
			   __entry->cookie = decision->cookie;
			   __entry->builtin_qp = builtin_qp;
			   __entry->qp = decision->qp;
			   __entry->action = decision->action;
			   __entry->clamps = clamps;
			   __entry->error = error;
			   __entry->overrun = overrun;),
	    TP_printk("session=%llu frame=%llu builtin-qp=%d qp=%d action=%s clamps=%#x error=%d overrun=%d",
		      __entry->session, __entry->cookie, __entry->builtin_qp,
		      __entry->qp, show_v4l2_rc_action(__entry->action),
		      __entry->clamps, __entry->error, __entry->overrun)
);

#endif /* _TRACE_V4L2_RATE_CONTROL_H */

/* This part must be outside protection. */
#include <trace/define_trace.h>
