// SPDX-License-Identifier: GPL-2.0
/* Not even by half. */
/* expect: only its first 104 bytes are writable */
#include <v4l2_rc.h>

SEC("struct_ops/frame_begin")
int BPF_PROG(begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	*(volatile __u64 *)&decision->checkpoints[15] = 1;
	return 0;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops write_straddling = {
	.frame_begin = (void *)begin,
	.name = "write_straddling",
};

char LICENSE[] SEC("license") = "GPL";
