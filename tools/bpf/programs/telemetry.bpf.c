// SPDX-License-Identifier: GPL-2.0
/*
 * telemetry: tells user space about every picture, and changes nothing.
 */
#include <telemetry.h>

SEC("struct_ops/frame_begin")
int BPF_PROG(telemetry_begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	return 0;
}

SEC("struct_ops/frame_end")
void BPF_PROG(telemetry_end, struct v4l2_rc_bpf_session *session,
	      const struct v4l2_rc_bpf_result *result)
{
	telemetry_send(session, result);
}

SEC(".struct_ops.link")
struct v4l2_rc_ops telemetry = {
	.frame_begin = (void *)telemetry_begin,
	.frame_end = (void *)telemetry_end,
	.name = "telemetry",
};

char LICENSE[] SEC("license") = "GPL";
