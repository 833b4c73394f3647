// SPDX-License-Identifier: GPL-2.0
/*
 * A program to start from: all that one may have. What is not needed goes.
 *
 * It counts the pictures of each stream, and does nothing with the number.
 */
#include <v4l2_rc.h>

/* A parameter: slenc bpf load ./template.bpf.o --set step=2 */
const volatile __u64 step = 1;

struct stream {
	__u64 pictures;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct stream);
} streams SEC(".maps");

/* The program is attached to a stream. May sleep. */
SEC("struct_ops.s/init")
int BPF_PROG(template_init, struct v4l2_rc_bpf_session *session)
{
	struct stream stream = {};
	__u64 id = session->id;

	return bpf_map_update_elem(&streams, &id, &stream, BPF_ANY);
}

/* It is detached, or the stream ends. May sleep. */
SEC("struct_ops.s/exit")
void BPF_PROG(template_exit, struct v4l2_rc_bpf_session *session)
{
	__u64 id = session->id;

	bpf_map_delete_elem(&streams, &id);
}

/* What the stream may use of its bitrate and its buffer. */
SEC("struct_ops/budget")
int BPF_PROG(template_budget, struct v4l2_rc_bpf_session *session,
	     struct v4l2_rc_bpf_budget *budget)
{
	return 0;
}

/* How a picture is coded: decision is what the built-in controller thinks. */
SEC("struct_ops/frame_begin")
int BPF_PROG(template_begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	__u64 id = session->id;
	struct stream *stream = bpf_map_lookup_elem(&streams, &id);

	/* An error leaves the picture to the built-in controller. */
	if (!stream)
		return -1;
	stream->pictures += step;
	return 0;
}

/* What became of it. */
SEC("struct_ops/frame_end")
void BPF_PROG(template_end, struct v4l2_rc_bpf_session *session,
	      const struct v4l2_rc_bpf_result *result)
{
}

/* It will not be. */
SEC("struct_ops/drop")
void BPF_PROG(template_drop, struct v4l2_rc_bpf_session *session, __u64 number)
{
}

/* The variable has the name that the program has. */
SEC(".struct_ops.link")
struct v4l2_rc_ops template = {
	.init = (void *)template_init,
	.exit = (void *)template_exit,
	.budget = (void *)template_budget,
	.frame_begin = (void *)template_begin,
	.frame_end = (void *)template_end,
	.drop = (void *)template_drop,
	.name = "template",
};

char LICENSE[] SEC("license") = "GPL";
