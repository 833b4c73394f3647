// SPDX-License-Identifier: GPL-2.0
/*
 * fair_share: streams share one uplink, by weight and need.
 *
 * A stream needs what it has used of late, and a quarter more, up to what the
 * application allows it. None gets more than it needs while another gets less
 * than its part by weight; what is over when all have what they need is divided
 * by weight, too (weighted max-min fairness). A stream that is still leaves its
 * part to those that move. A stream that no picture came from for a second uses
 * nothing.
 */
#include <v4l2_rc.h>

/* What the uplink carries, in bits a second. */
const volatile __u64 uplink = 4000000;
/* Only streams of exactly this cgroup share it; 0 for all. */
const volatile __u64 cgroup = 0;

#define SECOND		1000000000LL

/* Weights are 1 to this; a stream that has none has 1. */
#define MAX_WEIGHT	1000
/* Parts are found in so many steps at most; each but the last settles some. */
#define MAX_STEPS	8

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
	__u64 weight;
	/*
	 * On the way to its part: what a weight of 1 gets, the sum of what the
	 * streams need that need no more than their part, and the weights of
	 * all that are there and of those that need more.
	 */
	__u64 level;
	__u64 needs;
	__u64 weights;
	__u64 wanting;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, struct stream);
} streams SEC(".maps");

/* By the number of a session. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, __u32);
} session_weights SEC(".maps");

/* By the id of a cgroup, for its sessions that have none of their own. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, __u32);
} cgroup_weights SEC(".maps");

static __u64 weight_of(__u64 id, __u64 cgroup_id)
{
	const __u32 *weight = bpf_map_lookup_elem(&session_weights, &id);

	if (!weight)
		weight = bpf_map_lookup_elem(&cgroup_weights, &cgroup_id);
	if (!weight || *weight == 0)
		return 1;
	return *weight < MAX_WEIGHT ? *weight : MAX_WEIGHT;
}

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
	__u64 need;

	/* Another processor's clock may be ahead. */
	if ((__s64)((*sums)->seen - stream->seen) > SECOND)
		return 0;
	need = need_of(stream);
	(*sums)->weights += stream->weight;
	if (need > (*sums)->level * stream->weight)
		(*sums)->wanting += stream->weight;
	else
		(*sums)->needs += need;
	return 0;
}

/* The part of a stream. */
static __u64 part_of(struct stream *stream)
{
	__u64 wanting = 0, need = need_of(stream);
	int step;

	/*
	 * Of nothing everybody wants more. Each step divides what those leave
	 * that need no more than the step before has given them.
	 */
	stream->level = 0;
	for (step = 0; step < MAX_STEPS; step++) {
		stream->needs = 0;
		stream->weights = 0;
		stream->wanting = 0;
		bpf_for_each_map_elem(&streams, add_need, &stream, 0);
		/* Others may change what they need meanwhile. */
		if (stream->needs > uplink)
			break;
		/* Its own weight is among them. */
		if (!stream->wanting)
			return need + (uplink - stream->needs) /
				      stream->weights * stream->weight;
		if (stream->wanting == wanting)
			break;
		wanting = stream->wanting;
		stream->level = (uplink - stream->needs) / wanting;
	}
	return need < stream->level * stream->weight ?
	       need : stream->level * stream->weight;
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
	bpf_map_delete_elem(&session_weights, &id);
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
	stream->weight = weight_of(id, session->cgroup_id);
	given = part_of(stream);
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
