// SPDX-License-Identifier: GPL-2.0
/* slow: thinks for long, and changes nothing. */
#include <v4l2_rc.h>

/* How long, in nanoseconds. */
#define LONG	100000

SEC("struct_ops/frame_begin")
int BPF_PROG(slow_begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	__u64 start = bpf_ktime_get_ns();

	bpf_repeat(1000000) {
		if (bpf_ktime_get_ns() - start > LONG)
			break;
	}
	return 0;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops slow = {
	.frame_begin = (void *)slow_begin,
	.name = "slow",
};

char LICENSE[] SEC("license") = "GPL";
