/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that a BPF program of rate control includes.
 *
 * What the members mean is described in media/v4l2-rate-control-bpf.h and in
 * the documentation (Rate control in BPF). The structures need not be complete
 * and their members need not be where the kernel has them: the loader finds
 * them by name, and a program runs on every kernel that has those that it uses.
 *
 * A program is compiled with
 *
 *	clang -O2 -g -target bpf -mcpu=v4 -I DIRECTORY-OF-THIS \
 *		-idirafter /usr/include/$(uname -m)-linux-gnu \
 *		-c name.bpf.c -o name.bpf.o
 *
 * where -g makes the type information, -mcpu=v4 allows signed division, and
 * -idirafter is where Debian has asm/types.h.
 */
#ifndef V4L2_RC_H
#define V4L2_RC_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define V4L2_RC_MAX_CHECKPOINTS		16
#define V4L2_RC_NAME_MAX		16

/* In place of a QP: none is given. */
#define V4L2_RC_NO_QP			(-1)

enum v4l2_rc_mode {
	V4L2_RC_MODE_OFF,
	V4L2_RC_MODE_CBR,
	V4L2_RC_MODE_VBR,
	V4L2_RC_MODE_CQ,
	V4L2_RC_MODE_CAPPED_CQ,
};

enum v4l2_rc_frame_type {
	V4L2_RC_FRAME_I,
	V4L2_RC_FRAME_P,
};

enum v4l2_rc_action {
	V4L2_RC_ACTION_ENCODE,
	V4L2_RC_ACTION_SKIP,
};

enum v4l2_rc_verdict {
	V4L2_RC_VERDICT_KEEP,
	V4L2_RC_VERDICT_REPLACE_SKIP,
	V4L2_RC_VERDICT_DROP,
};

/* v4l2_rc_bpf_session.levers */
#define V4L2_RC_LEVER_HARD_MAX		(1U << 0)
#define V4L2_RC_LEVER_POST_SKIP		(1U << 1)
#define V4L2_RC_LEVER_POST_DROP		(1U << 2)
#define V4L2_RC_LEVER_FILLER		(1U << 3)

/* v4l2_rc_bpf_session.flags */
#define V4L2_RC_CONFIG_STRICT		(1U << 0)
#define V4L2_RC_CONFIG_LOW_DELAY	(1U << 1)
#define V4L2_RC_CONFIG_FILLER		(1U << 2)
#define V4L2_RC_CONFIG_INTRA_SAFE	(1U << 3)
#define V4L2_RC_CONFIG_HRD		(1U << 4)

/* v4l2_rc_bpf_frame.flags, v4l2_rc_bpf_result.flags */
#define V4L2_RC_FRAME_IDR		(1U << 0)
#define V4L2_RC_FRAME_REFERENCE		(1U << 1)
#define V4L2_RC_FRAME_LONG_TERM		(1U << 2)
#define V4L2_RC_FRAME_UNDROPPABLE	(1U << 3)
#define V4L2_RC_FRAME_DISCONTINUITY	(1U << 4)
#define V4L2_RC_FRAME_ANALYSIS		(1U << 5)

/* v4l2_rc_bpf_result.valid */
#define V4L2_RC_RESULT_MEAN_QP		(1U << 0)
#define V4L2_RC_RESULT_NONZERO		(1U << 1)
#define V4L2_RC_RESULT_SAD		(1U << 2)
#define V4L2_RC_RESULT_MAD		(1U << 3)
#define V4L2_RC_RESULT_SSE		(1U << 4)
#define V4L2_RC_RESULT_MBS		(1U << 5)

/* v4l2_rc_bpf_result.clamps */
#define V4L2_RC_BPF_CLAMP_QP		(1U << 0)
#define V4L2_RC_BPF_CLAMP_RANGE		(1U << 1)
#define V4L2_RC_BPF_CLAMP_BITS		(1U << 2)
#define V4L2_RC_BPF_CLAMP_CHECKPOINTS	(1U << 3)
#define V4L2_RC_BPF_CLAMP_ACTION	(1U << 4)
#define V4L2_RC_BPF_CLAMP_BUDGET	(1U << 5)

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

struct v4l2_rc_bpf_limits {
	__s32 min_qp;
	__s32 max_qp;
	__u64 max_bits;
};

struct v4l2_rc_bpf_result {
	__u64 number;
	__u64 bytes;
	__u64 coded_bytes;
	__u64 header_bits;
	__u64 target_bits;
	__u64 max_bits;
	__u64 predicted_bits;
	__u64 cpb_fill;
	__u64 cpb_bits;
	__u64 delay_ns;
	__u64 violation_bits;
	__u64 sad;
	__u64 mad;
	__u64 sse;
	__u32 valid;
	__u32 type;
	__u32 flags;
	__u32 temporal_layer;
	__u32 action;
	__u32 verdict;
	__s32 qp;
	__s32 builtin_qp;
	__s32 mean_qp_q8;
	__u32 reasons;
	__u32 clamps;
	__u32 forced_skips;
	__u32 nonzero;
	__u32 intra_mbs;
	__u32 skip_mbs;
	__u64 filler_bytes;
};

struct v4l2_rc_bpf_session {
	__u64 id;
	__u64 cgroup_id;
	__u64 config_seq;
	__u64 bitrate;
	__u64 peak_bitrate;
	__u64 cpb_bits;
	__u64 max_delay_ns;
	__u64 layer_bitrates[3];
	__u64 budget_bitrate;
	__u64 budget_cpb_bits;
	struct v4l2_rc_bpf_limits i;
	struct v4l2_rc_bpf_limits p;
	__u32 codec;
	__s32 codec_max_qp;
	__u32 macroblocks;
	__u32 levers;
	__u32 max_checkpoints;
	__u32 intra_floor_q8;
	__u32 skip_bits;
	__u32 mode;
	__u32 flags;
	__u32 skip_mode;
	__u32 content;
	__u32 quality;
	__u32 layers;
	__u32 interval_num;
	__u32 interval_den;
	__u64 frames;
	__u64 bits;
	__u64 cpb_fill;
	__s64 debt;
	struct v4l2_rc_bpf_result last;
	struct v4l2_rc_bpf_result last_i;
};

struct v4l2_rc_bpf_frame {
	__u64 number;
	__u64 duration_ns;
	__u64 header_bits;
	__u64 max_bits;
	__u64 inter_cost;
	__u64 intra_cost;
	__u64 cpb_fill;
	__u64 share_bits;
	__u32 type;
	__u32 flags;
	__u32 temporal_layer;
	__s32 fixed_qp;
	__u32 ref_distance;
};

struct v4l2_rc_bpf_decision {
	__s32 qp;
	__u32 action;
	__s32 min_qp;
	__s32 max_qp;
	__u64 target_bits;
	__u64 max_bits;
	__u32 num_checkpoints;
	__u32 checkpoints[V4L2_RC_MAX_CHECKPOINTS];
	__u64 predicted_bits;
	__u32 reasons;
};

struct v4l2_rc_bpf_budget {
	__u64 bitrate;
	__u64 cpb_bits;
};

#pragma clang attribute pop

/*
 * The program: frame_begin has to be there, the rest need not be. The loader
 * matches these members by name itself.
 */
struct v4l2_rc_ops {
	int (*init)(struct v4l2_rc_bpf_session *session);
	void (*exit)(struct v4l2_rc_bpf_session *session);
	int (*budget)(struct v4l2_rc_bpf_session *session,
		      struct v4l2_rc_bpf_budget *budget);
	int (*frame_begin)(struct v4l2_rc_bpf_session *session,
			   const struct v4l2_rc_bpf_frame *frame,
			   struct v4l2_rc_bpf_decision *decision);
	void (*frame_end)(struct v4l2_rc_bpf_session *session,
			  const struct v4l2_rc_bpf_result *result);
	void (*drop)(struct v4l2_rc_bpf_session *session, __u64 number);
	__u32 flags;
	char name[V4L2_RC_NAME_MAX];
};

/* a * b / c without loss; the largest number for what does not fit. */
extern __u64 v4l2_rc_mul_div(__u64 a, __u64 b, __u64 c) __ksym;
/* log2(value), times 65536; of 0 as of 1. */
extern __s32 v4l2_rc_log2(__u64 value) __ksym;
/* 2 to the power of log_q16 / 65536. */
extern __u64 v4l2_rc_exp2(__s32 log_q16) __ksym;
/* log2 of a QP's quantizer step, times 65536: one QP of H.264 is 65536 / 6. */
extern __s32 v4l2_rc_qp_to_step(const struct v4l2_rc_bpf_session *session,
				__s32 qp) __ksym;
/* The QP whose step is nearest. */
extern __s32 v4l2_rc_step_to_qp(const struct v4l2_rc_bpf_session *session,
				__s32 step_q16) __ksym;
/*
 * In frame_begin: bits that the built-in model expects of this picture at a QP.
 */
extern __u64 v4l2_rc_predict_bits(const struct v4l2_rc_bpf_session *session,
				  __s32 qp) __ksym;

#endif /* V4L2_RC_H */
