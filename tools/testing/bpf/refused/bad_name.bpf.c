// SPDX-License-Identifier: GPL-2.0
/* A name has letters, digits, _ and . */
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
struct v4l2_rc_ops bad_name = {
	.frame_begin = (void *)begin,
	.name = "no/name",
};

char LICENSE[] SEC("license") = "GPL";
