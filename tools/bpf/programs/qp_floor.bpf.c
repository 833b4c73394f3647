// SPDX-License-Identifier: GPL-2.0
/*
 * qp_floor: no picture is finer than a QP.
 *
 * What a still scene does not need is left to others, and is not there to be
 * paid back when it moves.
 */
#include <v4l2_rc.h>

/* The loader sets it: slenc bpf load qp_floor --set lowest=30 */
const volatile __s32 lowest = 26;

SEC("struct_ops/frame_begin")
int BPF_PROG(floor_begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	if (decision->min_qp < lowest)
		decision->min_qp = lowest;
	if (decision->qp < lowest)
		decision->qp = lowest;
	return 0;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops qp_floor = {
	.frame_begin = (void *)floor_begin,
	.name = "qp_floor",
};

char LICENSE[] SEC("license") = "GPL";
