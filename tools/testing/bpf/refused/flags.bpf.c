// SPDX-License-Identifier: GPL-2.0
/* There are no flags yet. */
/* expect: Invalid argument */
#include <v4l2_rc.h>

SEC("struct_ops/frame_begin")
int BPF_PROG(begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	return 0;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops flags = {
	.frame_begin = (void *)begin,
	.name = "flags",
	.flags = 1,
};

char LICENSE[] SEC("license") = "GPL";
