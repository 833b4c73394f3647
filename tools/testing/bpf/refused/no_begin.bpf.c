// SPDX-License-Identifier: GPL-2.0
/* A program decides. */
/* expect: Invalid argument */
#include <v4l2_rc.h>

SEC("struct_ops/drop")
void BPF_PROG(drop, struct v4l2_rc_bpf_session *session, __u64 number)
{
}

SEC(".struct_ops.link")
struct v4l2_rc_ops no_begin = {
	.drop = (void *)drop,
	.name = "no_begin",
};

char LICENSE[] SEC("license") = "GPL";
