// SPDX-License-Identifier: GPL-2.0
/* empty: what it costs to be asked. */
#include <v4l2_rc.h>

SEC("struct_ops/frame_begin")
int BPF_PROG(empty_begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	return 0;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops empty = {
	.frame_begin = (void *)empty_begin,
	.name = "empty",
};

char LICENSE[] SEC("license") = "GPL";
