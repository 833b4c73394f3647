// SPDX-License-Identifier: GPL-2.0
/*
 * chaos: decides at random, and out of every range.
 *
 * What comes out has to be a stream all the same.
 */
#include <v4l2_rc.h>

static __u32 dice(__u32 sides)
{
	return bpf_get_prandom_u32() % sides;
}

/* Any number, the extreme ones often. */
static __u64 any(void)
{
	switch (dice(6)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return ~0ULL;
	case 3:
		return dice(100000);
	default:
		return (__u64)bpf_get_prandom_u32() << dice(33);
	}
}

SEC("struct_ops/budget")
int BPF_PROG(chaos_budget, struct v4l2_rc_bpf_session *session,
	     struct v4l2_rc_bpf_budget *budget)
{
	if (!dice(4))
		budget->bitrate = any();
	if (!dice(4))
		budget->cpb_bits = any();
	return dice(16) ? 0 : -1;
}

SEC("struct_ops/frame_begin")
int BPF_PROG(chaos_begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	decision->qp = dice(2) ? dice(64) : (__s32)any();
	if (dice(2)) {
		decision->min_qp = any();
		decision->max_qp = any();
	}
	if (dice(2))
		decision->target_bits = any();
	if (dice(2))
		decision->max_bits = any();
	if (!dice(4))
		decision->action = dice(4);
	if (!dice(4)) {
		decision->num_checkpoints = dice(20);
		decision->checkpoints[0] = any();
		decision->checkpoints[1] = any();
		decision->checkpoints[15] = any();
	}
	/* Seldom enough not to be thrown out. */
	return dice(16) ? 0 : -1;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops chaos = {
	.budget = (void *)chaos_budget,
	.frame_begin = (void *)chaos_begin,
	.name = "chaos",
};

char LICENSE[] SEC("license") = "GPL";
