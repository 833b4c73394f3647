// SPDX-License-Identifier: GPL-2.0
/* Nor is a picture. */
/* expect: only the decision and the budget are writable */
#include <v4l2_rc.h>

SEC("struct_ops/frame_begin")
int BPF_PROG(begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	struct v4l2_rc_bpf_frame *own = (void *)frame;

	*(volatile __u32 *)&own->flags = 0;
	return 0;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops write_frame = {
	.frame_begin = (void *)begin,
	.name = "write_frame",
};

char LICENSE[] SEC("license") = "GPL";
