// SPDX-License-Identifier: GPL-2.0
/* There are helpers that are not for it. */
/* expect: unknown func|program of this type cannot use|cannot call */
#include <v4l2_rc.h>

SEC("struct_ops/frame_begin")
int BPF_PROG(begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	return bpf_override_return((void *)ctx, 0);
}

SEC(".struct_ops.link")
struct v4l2_rc_ops helper = {
	.frame_begin = (void *)begin,
	.name = "helper",
};

char LICENSE[] SEC("license") = "GPL";
