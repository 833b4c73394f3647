// SPDX-License-Identifier: GPL-2.0
/* Deciding must not sleep. */
/* expect: unsupported member frame_begin */
#include <v4l2_rc.h>

SEC("struct_ops.s/frame_begin")
int BPF_PROG(begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	return 0;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops sleeping = {
	.frame_begin = (void *)begin,
	.name = "sleeping",
};

char LICENSE[] SEC("license") = "GPL";
