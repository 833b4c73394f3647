/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tells user space about pictures: what `slenc bpf watch NAME` shows of a
 * program that includes this and calls telemetry_send() in its frame_end().
 */
#ifndef TELEMETRY_H
#define TELEMETRY_H

#include <v4l2_rc.h>

/* What is sent for each picture, in the byte order of the machine. */
struct telemetry {
	__u64 session;
	__u64 cgroup;
	__u64 number;
	__u64 time_ns;
	__u64 bytes;
	__u64 coded_bytes;
	__u64 target_bits;
	__u64 predicted_bits;
	__u64 cpb_fill;
	__u64 cpb_bits;
	__u64 delay_ns;
	__u64 violation_bits;
	__u64 bitrate;
	__s64 debt;
	/* Pictures of all sessions that were lost before this one. */
	__u64 lost;
	__u32 type;
	__u32 action;
	__u32 verdict;
	__u32 temporal_layer;
	__s32 qp;
	__s32 builtin_qp;
	__s32 mean_qp_q8;
	__u32 valid;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} pictures SEC(".maps");

/* Pictures that there was no room for, as nobody read those before. */
__u64 pictures_lost;

/* Sends a picture that is done. */
static inline void telemetry_send(const struct v4l2_rc_bpf_session *session,
				  const struct v4l2_rc_bpf_result *result)
{
	struct telemetry *t = bpf_ringbuf_reserve(&pictures, sizeof(*t), 0);

	if (!t) {
		__sync_fetch_and_add(&pictures_lost, 1);
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
	t->lost = pictures_lost;
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

#endif /* TELEMETRY_H */
