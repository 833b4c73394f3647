// SPDX-License-Identifier: GPL-2.0
/* target: leaves the QP alone, and wants other bits within the picture. */
#include <v4l2_rc.h>

/* Part of the built-in controller's target to aim at, in percent. */
const volatile __u32 share = 100;
/* How many checkpoints, half of the bits at once; above 16: as they are. */
const volatile __u32 points = 17;

SEC("struct_ops/frame_begin")
int BPF_PROG(target_begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	__u32 half, n;

	decision->target_bits = decision->target_bits * share / 100;
	if (points > V4L2_RC_MAX_CHECKPOINTS)
		return 0;
	decision->num_checkpoints = points;
	half = decision->target_bits / 2;
	for (n = 0; n < V4L2_RC_MAX_CHECKPOINTS; n++)
		decision->checkpoints[n] = half + half * n / 16;
	return 0;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops target = {
	.frame_begin = (void *)target_begin,
	.name = "target",
};

char LICENSE[] SEC("license") = "GPL";
