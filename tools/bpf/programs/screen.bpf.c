// SPDX-License-Identifier: GPL-2.0
/*
 * screen: for desktops and slides, which are still, and then are new.
 *
 * A still picture costs next to nothing at any QP: it is made fine, a QP a
 * picture, and held so. A repaint is coded at a QP at which it fits into half
 * of the room in the buffer, and made fine again when it is there. What is
 * still is recognized by sizes: pictures that are far below their share.
 */
#include <v4l2_rc.h>

/* The QP that still pictures are made as fine as. */
const volatile __s32 finest = 20;
/* A picture is still below this part of its share, in percent. */
const volatile __s32 still = 25;

struct stream {
	/* QP of the last picture. */
	__s32 qp;
	/* Still pictures in a row. */
	__u32 quiet;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct stream);
} streams SEC(".maps");

SEC("struct_ops.s/init")
int BPF_PROG(screen_init, struct v4l2_rc_bpf_session *session)
{
	struct stream stream = { .qp = -1 };
	__u64 id = session->id;

	return bpf_map_update_elem(&streams, &id, &stream, BPF_ANY);
}

SEC("struct_ops.s/exit")
void BPF_PROG(screen_exit, struct v4l2_rc_bpf_session *session)
{
	__u64 id = session->id;

	bpf_map_delete_elem(&streams, &id);
}

SEC("struct_ops/frame_begin")
int BPF_PROG(screen_begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	__u64 id = session->id;
	struct stream *stream = bpf_map_lookup_elem(&streams, &id);
	__u64 room, bits;
	__s32 qp;

	if (!stream || !session->budget_cpb_bits ||
	    frame->type == V4L2_RC_FRAME_I || stream->qp < 0)
		return 0;
	if (stream->quiet >= 2) {
		/* Still: finer, a QP at a time, while the buffer drains. */
		qp = stream->qp > finest ? stream->qp - 1 : stream->qp;
		if (frame->cpb_fill > session->budget_cpb_bits / 4)
			qp = stream->qp;
	} else {
		qp = decision->qp;
	}
	/* Whatever comes has to fit. */
	room = session->budget_cpb_bits > frame->cpb_fill ?
	       session->budget_cpb_bits - frame->cpb_fill : 0;
	bits = v4l2_rc_predict_bits(session, qp);
	if (frame->flags & V4L2_RC_FRAME_ANALYSIS && bits > room / 2)
		qp += (v4l2_rc_log2(bits) - v4l2_rc_log2(room / 2 + 1)) *
		      6 / 65536;
	decision->qp = qp;
	return 0;
}

SEC("struct_ops/frame_end")
void BPF_PROG(screen_end, struct v4l2_rc_bpf_session *session,
	      const struct v4l2_rc_bpf_result *result)
{
	__u64 id = session->id;
	struct stream *stream = bpf_map_lookup_elem(&streams, &id);
	__u64 share;

	if (!stream || !session->interval_den)
		return;
	share = v4l2_rc_mul_div(session->budget_bitrate, session->interval_num,
				session->interval_den);
	stream->qp = result->qp;
	if (result->coded_bytes * 8 * 100 < share * still)
		stream->quiet++;
	else
		stream->quiet = 0;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops screen = {
	.init = (void *)screen_init,
	.exit = (void *)screen_exit,
	.frame_begin = (void *)screen_begin,
	.frame_end = (void *)screen_end,
	.name = "screen",
};

char LICENSE[] SEC("license") = "GPL";
