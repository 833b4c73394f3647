// SPDX-License-Identifier: GPL-2.0
/* failing: changes its mind about every picture, and then fails. */
#include <v4l2_rc.h>

SEC("struct_ops/frame_begin")
int BPF_PROG(failing_begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	decision->qp = 51;
	decision->min_qp = 51;
	return -1;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops failing = {
	.frame_begin = (void *)failing_begin,
	.name = "failing",
};

char LICENSE[] SEC("license") = "GPL";
