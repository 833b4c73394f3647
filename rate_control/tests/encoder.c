// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include "encoder.h"

struct v4l2_rc_config encoder_config(void)
{
	const struct v4l2_rc_limits limits = { .fixed_qp = 28, .max_qp = 51 };

	return (struct v4l2_rc_config) {
		.mode = V4L2_RC_MODE_CBR,
		.bitrate = 1000000,
		.interval_num = 1,
		.interval_den = 25,
		.i = limits,
		.p = limits,
		.initial_qp = V4L2_RC_NO_QP,
		.layers = 1,
		.quality = 50,
	};
}

struct v4l2_rc_caps encoder_caps(u32 levers)
{
	return (struct v4l2_rc_caps) {
		.macroblocks = ENCODER_MACROBLOCKS,
		.levers = levers,
		.max_checkpoints = 4,
		.intra_floor_q8 = 8 << 8,
		.skip_bits = ENCODER_SKIP_BITS,
	};
}

KUNIT_DEFINE_ACTION_WRAPPER(free_session, v4l2_rc_session_free,
			    struct v4l2_rc_session *);

struct v4l2_rc_session *encoder_session(struct kunit *test)
{
	struct v4l2_rc_session *session;

	session = v4l2_rc_session_alloc(V4L2_RC_CODEC_H264);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, session);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_session, session));
	return session;
}

struct encoder encoder_open(struct kunit *test, u32 levers,
			    const struct v4l2_rc_config *config)
{
	struct encoder encoder = {
		.session = encoder_session(test),
		.levers = levers,
		.i_bits = 100000,
		.p_bits = 20000,
		.seed = 1,
	};
	const struct v4l2_rc_caps caps = encoder_caps(levers);

	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_session_start(encoder.session, &caps));
	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_session_configure(encoder.session, config));
	return encoder;
}

struct v4l2_rc_frame encoder_picture(bool idr)
{
	return (struct v4l2_rc_frame) {
		.info = {
			.type = idr ? V4L2_RC_FRAME_I : V4L2_RC_FRAME_P,
			.flags = V4L2_RC_FRAME_REFERENCE |
				 (idr ? V4L2_RC_FRAME_IDR : 0),
			.fixed_qp = V4L2_RC_NO_QP,
			.header_bits = ENCODER_HEADER_BITS,
		},
	};
}

/* The size doubles every 6 steps of the QP, and varies by an eighth. */
u64 encoder_bits(struct encoder *encoder, bool idr, s32 qp)
{
	static const u32 sixths[] = { 256, 228, 203, 181, 161, 144 };
	u64 bits = idr ? encoder->i_bits : encoder->p_bits;

	/* QP 28 is 4 octaves and 4 sixths. */
	bits = div_u64((bits << 12) * sixths[qp % 6] >> (8 + qp / 6),
		       sixths[4]);
	encoder->seed = encoder->seed * 1664525 + 1013904223;
	bits += div_u64(bits * (encoder->seed >> 24), 1024);
	return bits - div_u64(bits, 8) + ENCODER_SKIP_BITS +
	       ENCODER_HEADER_BITS;
}

static u64 bits_of(u64 bytes)
{
	return bytes * 8;
}

void encoder_code(struct kunit *test, struct encoder *encoder, bool idr)
{
	struct v4l2_rc_frame frame = encoder_picture(idr);
	const struct v4l2_rc_decision *decision = &frame.decision;
	u64 bits, sent;

	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_begin(encoder->session, &frame));
	encoder->frames++;
	if (decision->action == V4L2_RC_ACTION_SKIP) {
		bits = ENCODER_SKIP_BITS + ENCODER_HEADER_BITS;
		encoder->skipped++;
	} else {
		bits = encoder_bits(encoder, idr, decision->qp);
		encoder->qps += decision->qp;
		encoder->coded++;
		if (encoder->levers & V4L2_RC_LEVER_HARD_MAX &&
		    decision->max_bits && bits > decision->max_bits) {
			bits = decision->max_bits;
			frame.result.forced_skips = 1;
			encoder->forced++;
		}
	}
	frame.result.bytes = bits / 8;
	frame.result.header_bits = ENCODER_HEADER_BITS;

	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_end(encoder->session, &frame));
	sent = frame.result.bytes + frame.judgement.filler_bytes;
	encoder->filler_bits += bits_of(frame.judgement.filler_bytes);
	switch (frame.judgement.verdict) {
	case V4L2_RC_VERDICT_KEEP:
		encoder->violations += frame.judgement.violation_bits != 0;
		break;
	case V4L2_RC_VERDICT_REPLACE_SKIP:
		KUNIT_ASSERT_TRUE(test,
				  encoder->levers & V4L2_RC_LEVER_POST_SKIP);
		sent = (ENCODER_SKIP_BITS + ENCODER_HEADER_BITS) / 8;
		encoder->replaced++;
		break;
	case V4L2_RC_VERDICT_DROP:
		KUNIT_ASSERT_TRUE(test,
				  encoder->levers & V4L2_RC_LEVER_POST_DROP);
		sent = 0;
		break;
	}
	encoder->sent_bits += bits_of(sent);
	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_frame_commit(encoder->session, &frame, sent));
	encoder->last = frame;
}

void encoder_play(struct kunit *test, struct encoder *encoder, u32 frames,
		  bool idr)
{
	u32 n;

	for (n = 0; n < frames; n++)
		encoder_code(test, encoder, idr && !n);
}
