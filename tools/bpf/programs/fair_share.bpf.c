// SPDX-License-Identifier: GPL-2.0
/*
 * fair_share: streams share one uplink.
 *
 * Each has what it has used of late, and a quarter more, up to what the
 * application allows it; what the uplink has beyond that is divided in equal
 * parts, and when it has less, all get less in proportion. A stream that is
 * still leaves its part to those that move. A stream that no picture came from
 * for a second uses nothing.
 */
#include <v4l2_rc.h>

/* What the uplink carries, in bits a second. */
const volatile __u64 uplink = 4000000;
/* Only streams of this cgroup share it; 0 for all. */
const volatile __u64 cgroup = 0;

#define SECOND		1000000000LL

struct stream {
	/* When the last picture began, and since when bits are counted. */
	__u64 seen;
	__u64 since;
	/* Bits since then, and a second in the time before. */
	__u64 bits;
	__u64 rate;
	/* What the application allows it. */
	__u64 most;
	/* What it was given. */
	__u64 given;
	/* What all streams need that are there, and how many they are. */
	__u64 needs;
	__u64 streams;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, struct stream);
} streams SEC(".maps");

static __u64 need_of(const struct stream *stream)
{
	__u64 need = stream->rate + stream->rate / 4 + 32000;

	return need < stream->most ? need : stream->most;
}

/*
 * Adds what one stream needs. The sums are in a map: of those on the stack the
 * verifier would follow every value.
 */
static long add_need(void *map, const void *key, struct stream *stream,
		     struct stream **sums)
{
	/* Another processor's clock may be ahead. */
	if ((__s64)((*sums)->seen - stream->seen) <= SECOND) {
		(*sums)->needs += need_of(stream);
		(*sums)->streams++;
	}
	return 0;
}

SEC("struct_ops.s/init")
int BPF_PROG(fair_share_init, struct v4l2_rc_bpf_session *session)
{
	struct stream stream = {};
	__u64 id = session->id;

	if (cgroup && session->cgroup_id != cgroup)
		return 0;
	return bpf_map_update_elem(&streams, &id, &stream, BPF_ANY);
}

SEC("struct_ops.s/exit")
void BPF_PROG(fair_share_exit, struct v4l2_rc_bpf_session *session)
{
	__u64 id = session->id;

	bpf_map_delete_elem(&streams, &id);
}

SEC("struct_ops/budget")
int BPF_PROG(fair_share_budget, struct v4l2_rc_bpf_session *session,
	     struct v4l2_rc_bpf_budget *budget)
{
	__u64 id = session->id, now = bpf_ktime_get_ns(), given, passed;
	struct stream *stream = bpf_map_lookup_elem(&streams, &id);

	if (!stream)
		return 0;
	if (!stream->since) {
		stream->since = now;
		/* Until it is known, it is as much as is allowed. */
		stream->rate = budget->bitrate;
	}
	stream->seen = now;
	stream->most = budget->bitrate;
	passed = now - stream->since;
	if (stream->given && passed < SECOND / 4) {
		/* A rate that changes with every picture is none. */
		budget->bitrate = stream->given;
		return 0;
	}
	if (passed >= SECOND / 4) {
		__u64 rate = v4l2_rc_mul_div(stream->bits, SECOND, passed);

		/* Needs rise at once and fall slowly. */
		stream->rate = rate > stream->rate ? rate :
			       stream->rate - (stream->rate - rate) / 4;
		stream->since = now;
		stream->bits = 0;
	}
	stream->needs = 0;
	stream->streams = 0;
	bpf_for_each_map_elem(&streams, add_need, &stream, 0);
	if (!stream->streams)
		return 0;
	if (stream->needs > uplink)
		given = v4l2_rc_mul_div(uplink, need_of(stream), stream->needs);
	else
		given = need_of(stream) +
			(uplink - stream->needs) / stream->streams;
	stream->given = given < stream->most ? given : stream->most;
	budget->bitrate = stream->given;
	return 0;
}

SEC("struct_ops/frame_begin")
int BPF_PROG(fair_share_begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	return 0;
}

SEC("struct_ops/frame_end")
void BPF_PROG(fair_share_end, struct v4l2_rc_bpf_session *session,
	      const struct v4l2_rc_bpf_result *result)
{
	__u64 id = session->id;
	struct stream *stream = bpf_map_lookup_elem(&streams, &id);

	if (stream)
		stream->bits += result->bytes * 8;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops fair_share = {
	.init = (void *)fair_share_init,
	.exit = (void *)fair_share_exit,
	.budget = (void *)fair_share_budget,
	.frame_begin = (void *)fair_share_begin,
	.frame_end = (void *)fair_share_end,
	.name = "fair_share",
};

char LICENSE[] SEC("license") = "GPL";
