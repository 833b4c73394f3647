// SPDX-License-Identifier: GPL-2.0
/* A function takes a session, not a place within one. */
/* expect: expects? pointer to|expected pointer to */
#include <v4l2_rc.h>

SEC("struct_ops/frame_begin")
int BPF_PROG(begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	return v4l2_rc_predict_bits((void *)&session->last, 20);
}

SEC(".struct_ops.link")
struct v4l2_rc_ops inner_pointer = {
	.frame_begin = (void *)begin,
	.name = "inner_pointer",
};

char LICENSE[] SEC("license") = "GPL";
