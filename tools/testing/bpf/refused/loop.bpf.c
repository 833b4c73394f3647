// SPDX-License-Identifier: GPL-2.0
/* It has to end. */
/* expect: infinite loop detected|too large|too complex|not terminate */
#include <v4l2_rc.h>

SEC("struct_ops/frame_begin")
int BPF_PROG(begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	volatile __u32 n = 1;

	while (n)
		n = session->id ? 1 : 2;
	return 0;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops loop = {
	.frame_begin = (void *)begin,
	.name = "loop",
};

char LICENSE[] SEC("license") = "GPL";
