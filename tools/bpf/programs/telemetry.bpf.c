// SPDX-License-Identifier: GPL-2.0
/*
 * telemetry: tells user space about every picture, and changes nothing.
 *
 * Its ring buffer is what `slenc bpf watch` shows.
 */
#include <v4l2_rc.h>

#include "telemetry.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} pictures SEC(".maps");

/* Pictures that nobody read in time. */
__u64 lost;

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
	struct telemetry *t = bpf_ringbuf_reserve(&pictures, sizeof(*t), 0);

	if (!t) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	t->session = session->id;
	t->cgroup = session->cgroup_id;
	t->number = result->number;
	t->time_ns = bpf_ktime_get_ns();
	t->bytes = result->bytes;
	t->coded_bytes = result->coded_bytes;
	t->target_bits = result->target_bits;
	t->predicted_bits = result->predicted_bits;
	t->cpb_fill = result->cpb_fill;
	t->cpb_bits = result->cpb_bits;
	t->delay_ns = result->delay_ns;
	t->violation_bits = result->violation_bits;
	t->bitrate = session->budget_bitrate;
	t->debt = session->debt;
	t->type = result->type;
	t->action = result->action;
	t->verdict = result->verdict;
	t->temporal_layer = result->temporal_layer;
	t->qp = result->qp;
	t->builtin_qp = result->builtin_qp;
	t->mean_qp_q8 = result->mean_qp_q8;
	t->valid = result->valid;
	bpf_ringbuf_submit(t, 0);
}

SEC(".struct_ops.link")
struct v4l2_rc_ops telemetry = {
	.frame_begin = (void *)telemetry_begin,
	.frame_end = (void *)telemetry_end,
	.name = "telemetry",
};

char LICENSE[] SEC("license") = "GPL";
