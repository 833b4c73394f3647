// SPDX-License-Identifier: GPL-2.0
/*
 * low_delay: a whole controller for a buffer of about one picture.
 *
 * Every picture is to leave before the next one comes: each gets what the
 * channel carries in its time, minus what is still queued, and nothing is saved
 * for later. What a picture takes is guessed by the last ones of its type, as
 * the QP at which they would have had one bit a macroblock, and followed at
 * once: a late picture does more harm than a coarse one.
 */
#include <v4l2_rc.h>

/* Part of the channel's picture time to aim at, in percent. */
const volatile __s32 aim = 85;

/*
 * Steps are logarithms with 16 fractional bits, as the kernel's functions have.
 */
#define ONE		65536
/* How the size falls with the step: log2(bits) = level - SLOPE * log2(step). */
#define SLOPE		(ONE + ONE / 10)

struct stream {
	/* Level of I and of P pictures; 0 before there was one. */
	__s32 level[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct stream);
} streams SEC(".maps");

static __s32 *level_of(__u64 id, __u32 type)
{
	struct stream *stream = bpf_map_lookup_elem(&streams, &id);

	if (!stream)
		return NULL;
	return type == V4L2_RC_FRAME_I ? &stream->level[0] : &stream->level[1];
}

SEC("struct_ops.s/init")
int BPF_PROG(low_delay_init, struct v4l2_rc_bpf_session *session)
{
	struct stream stream = {};
	__u64 id = session->id;

	return bpf_map_update_elem(&streams, &id, &stream, BPF_ANY);
}

SEC("struct_ops.s/exit")
void BPF_PROG(low_delay_exit, struct v4l2_rc_bpf_session *session)
{
	__u64 id = session->id;

	bpf_map_delete_elem(&streams, &id);
}

SEC("struct_ops/frame_begin")
int BPF_PROG(low_delay_begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	__s32 *level = level_of(session->id, frame->type);
	__u64 budget, target;
	__s32 qp;

	/* Without a rate there is nothing to hold. */
	if (!level || !session->budget_bitrate)
		return 0;
	budget = v4l2_rc_mul_div(session->peak_bitrate, frame->duration_ns,
				 1000000000);
	target = budget * aim / 100;
	if (target > frame->cpb_fill)
		target -= frame->cpb_fill;
	else
		target = 0;
	/* A picture of nothing is none: what is queued is paid in a few. */
	if (target < budget / 8)
		target = budget / 8;
	if (target < frame->header_bits * 2)
		target = frame->header_bits * 2;
	if (*level) {
		__s32 size = v4l2_rc_log2(target - frame->header_bits);
		__s64 step = (__s64)(*level - size) * ONE / SLOPE;

		qp = v4l2_rc_step_to_qp(session, step);
	} else {
		/* The built-in model guesses better than nothing. */
		__u64 bits = v4l2_rc_predict_bits(session, decision->qp);

		qp = decision->qp;
		if (bits > target)
			qp += (v4l2_rc_log2(bits) - v4l2_rc_log2(target)) *
			      6 / ONE + 1;
	}
	/*
	 * The target is left alone: rows that follow one spend what easy rows
	 * save on the hard ones, and more pictures are late.
	 */
	decision->qp = qp;
	return 0;
}

SEC("struct_ops/frame_end")
void BPF_PROG(low_delay_end, struct v4l2_rc_bpf_session *session,
	      const struct v4l2_rc_bpf_result *result)
{
	__s32 *level = level_of(session->id, result->type);
	__u64 bits = result->coded_bytes * 8;
	__s32 qp = result->qp, is, error;

	/* What was skipped or cut short says nothing of the next one. */
	if (!level || result->action != V4L2_RC_ACTION_ENCODE ||
	    result->forced_skips || bits <= result->header_bits)
		return;
	if (result->valid & V4L2_RC_RESULT_MEAN_QP)
		qp = (result->mean_qp_q8 + 128) >> 8;
	is = v4l2_rc_log2(bits - result->header_bits) +
	     (__s32)((__s64)v4l2_rc_qp_to_step(session, qp) * SLOPE / ONE);
	if (!*level) {
		*level = is;
		return;
	}
	/* Up at once, down by a third. */
	error = is - *level;
	*level += error > 0 ? error : error / 3;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops low_delay = {
	.init = (void *)low_delay_init,
	.exit = (void *)low_delay_exit,
	.frame_begin = (void *)low_delay_begin,
	.frame_end = (void *)low_delay_end,
	.name = "low_delay",
};

char LICENSE[] SEC("license") = "GPL";
