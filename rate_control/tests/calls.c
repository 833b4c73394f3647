// SPDX-License-Identifier: GPL-2.0
/* Sessions and the order of calls. */
#include <linux/err.h>
#include "encoder.h"

static void codecs_are_known(struct kunit *test)
{
	struct v4l2_rc_session *session;
	u32 codec;

	for (codec = V4L2_RC_CODEC_H264; codec <= V4L2_RC_CODEC_VP8; codec++) {
		session = v4l2_rc_session_alloc(codec);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, session);
		v4l2_rc_session_free(session);
	}
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(v4l2_rc_session_alloc(codec)));
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(v4l2_rc_session_alloc(~0)));
	v4l2_rc_session_free(NULL);
	v4l2_rc_session_free(ERR_PTR(-ENOMEM));
}

static void sessions_have_numbers(struct kunit *test)
{
	u64 first = v4l2_rc_session_id(encoder_session(test));
	u64 second = v4l2_rc_session_id(encoder_session(test));

	KUNIT_EXPECT_NE(test, 0, first);
	KUNIT_EXPECT_NE(test, first, second);
}

static void a_session_has_to_be_set_up(struct kunit *test)
{
	struct v4l2_rc_session *session = encoder_session(test);
	const struct v4l2_rc_config config = encoder_config();
	const struct v4l2_rc_caps caps = encoder_caps(0);
	struct v4l2_rc_frame frame = encoder_picture(true);
	struct v4l2_rc_state state;

	KUNIT_EXPECT_EQ(test, -ENODATA, v4l2_rc_frame_begin(session, &frame));
	KUNIT_EXPECT_EQ(test, -EINVAL, v4l2_rc_frame_end(session, &frame));
	KUNIT_EXPECT_EQ(test, -EINVAL, v4l2_rc_frame_cancel(session, &frame));
	v4l2_rc_session_reset(session);
	v4l2_rc_session_state(session, &state);
	KUNIT_EXPECT_EQ(test, 0, state.cpb_bits);

	KUNIT_EXPECT_EQ(test, 0, v4l2_rc_session_configure(session, &config));
	KUNIT_EXPECT_EQ(test, -ENODATA, v4l2_rc_frame_begin(session, &frame));
	KUNIT_EXPECT_EQ(test, 0, v4l2_rc_session_start(session, &caps));
	KUNIT_EXPECT_EQ(test, 0, v4l2_rc_frame_begin(session, &frame));
	KUNIT_EXPECT_NE(test, 0, frame.decision.cookie);
}

static void frames_of_eight_may_be_open(struct kunit *test)
{
	const struct v4l2_rc_config config = encoder_config();
	struct encoder encoder = encoder_open(test, 0, &config);
	struct v4l2_rc_frame surplus = encoder_picture(false);
	struct v4l2_rc_session *session = encoder.session;
	struct v4l2_rc_state state;
	struct v4l2_rc_frame *frames;
	u32 round, n;

	frames = kunit_kcalloc(test, V4L2_RC_MAX_OUTSTANDING, sizeof(*frames),
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, frames);
	for (round = 0; round < 3; round++) {
		for (n = 0; n < V4L2_RC_MAX_OUTSTANDING; n++) {
			frames[n] = encoder_picture(!round && !n);
			frames[n].result.bytes = 5000;
			KUNIT_ASSERT_EQ(test, 0,
					v4l2_rc_frame_begin(session,
							    &frames[n]));
		}
		KUNIT_EXPECT_EQ(test, -EBUSY,
				v4l2_rc_frame_begin(session, &surplus));
		v4l2_rc_session_state(session, &state);
		KUNIT_EXPECT_EQ(test, V4L2_RC_MAX_OUTSTANDING,
				state.outstanding);
		for (n = 0; n < V4L2_RC_MAX_OUTSTANDING; n++) {
			KUNIT_ASSERT_EQ(test, 0,
					v4l2_rc_frame_end(session, &frames[n]));
			KUNIT_EXPECT_EQ(test, V4L2_RC_VERDICT_KEEP,
					frames[n].judgement.verdict);
			KUNIT_ASSERT_EQ(test, 0,
					v4l2_rc_frame_commit(session,
							     &frames[n], 5000));
		}
	}
	v4l2_rc_session_state(session, &state);
	KUNIT_EXPECT_EQ(test, 0, state.outstanding);
	KUNIT_EXPECT_EQ(test, 3 * V4L2_RC_MAX_OUTSTANDING, state.frames);
	KUNIT_EXPECT_EQ(test, 3 * V4L2_RC_MAX_OUTSTANDING * 5000, state.bytes);
}

static void frames_come_in_their_order(struct kunit *test)
{
	const struct v4l2_rc_config config = encoder_config();
	struct encoder encoder = encoder_open(test, 0, &config);
	struct v4l2_rc_frame first = encoder_picture(true);
	struct v4l2_rc_frame second = encoder_picture(false);
	struct v4l2_rc_session *session = encoder.session;

	first.result.bytes = 1000;
	second.result.bytes = 1000;
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_begin(session, &first));
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_begin(session, &second));

	/* Not its turn, in whatever way. */
	KUNIT_EXPECT_EQ(test, -EINVAL, v4l2_rc_frame_end(session, &second));
	KUNIT_EXPECT_EQ(test, -EINVAL, v4l2_rc_frame_cancel(session, &second));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			v4l2_rc_frame_commit(session, &second, 1000));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			v4l2_rc_frame_commit(session, &first, 1000));
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_end(session, &first));
	KUNIT_EXPECT_EQ(test, -EINVAL, v4l2_rc_frame_end(session, &first));
	KUNIT_EXPECT_EQ(test, -EINVAL, v4l2_rc_frame_end(session, &second));
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_commit(session, &first, 1000));

	/* Done with. */
	KUNIT_EXPECT_EQ(test, -ESTALE, v4l2_rc_frame_end(session, &first));
	KUNIT_EXPECT_EQ(test, -ESTALE, v4l2_rc_frame_cancel(session, &first));
	KUNIT_EXPECT_EQ(test, -ESTALE,
			v4l2_rc_frame_commit(session, &first, 1000));

	/* One that was judged can still be lost. */
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_end(session, &second));
	KUNIT_EXPECT_EQ(test, 0, v4l2_rc_frame_cancel(session, &second));
	KUNIT_EXPECT_EQ(test, -ESTALE, v4l2_rc_frame_cancel(session, &second));
}

static void cancelled_frames_leave_nothing(struct kunit *test)
{
	const struct v4l2_rc_config config = encoder_config();
	struct encoder encoder = encoder_open(test, 0, &config);
	struct v4l2_rc_state state;
	u32 n;

	encoder_code(test, &encoder, true);
	for (n = 0; n < 100; n++) {
		struct v4l2_rc_frame frame = encoder_picture(false);

		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_frame_begin(encoder.session, &frame));
		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_frame_cancel(encoder.session, &frame));
	}
	v4l2_rc_session_state(encoder.session, &state);
	/* Their time has passed. */
	KUNIT_EXPECT_EQ(test, 0, state.cpb_fill);
	KUNIT_EXPECT_EQ(test, 0, state.outstanding);
	KUNIT_EXPECT_EQ(test, 1, state.frames);
	KUNIT_EXPECT_EQ(test, 100, state.cancelled);
}

static void a_reset_forgets_the_frames(struct kunit *test)
{
	const struct v4l2_rc_config config = encoder_config();
	const struct v4l2_rc_caps caps = encoder_caps(0);
	struct encoder encoder = encoder_open(test, 0, &config);
	struct v4l2_rc_session *session = encoder.session;
	struct v4l2_rc_frame before = encoder_picture(false);
	struct v4l2_rc_frame after = encoder_picture(true);
	struct v4l2_rc_state state;
	u32 round;

	before.result.bytes = 1000;
	for (round = 0; round < 2; round++) {
		encoder_play(test, &encoder, 10, true);
		KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_begin(session, &before));
		if (round)
			v4l2_rc_session_reset(session);
		else
			KUNIT_ASSERT_EQ(test, 0,
					v4l2_rc_session_start(session, &caps));
		KUNIT_EXPECT_EQ(test, -ESTALE,
				v4l2_rc_frame_end(session, &before));
		v4l2_rc_session_state(session, &state);
		KUNIT_EXPECT_EQ(test, 0, state.cpb_fill);
		KUNIT_EXPECT_EQ(test, 0, state.frames);
		/* The configuration is still there. */
		KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_begin(session, &after));
		KUNIT_EXPECT_EQ(test, 1000000, after.decision.cpb_bits);
		KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_cancel(session, &after));
	}
}

static void a_configuration_applies_from_the_next_frame(struct kunit *test)
{
	struct v4l2_rc_config config = encoder_config();
	struct encoder encoder = encoder_open(test, 0, &config);
	struct v4l2_rc_frame frame = encoder_picture(false);
	struct v4l2_rc_frame next = encoder_picture(false);
	struct v4l2_rc_session *session = encoder.session;

	encoder_play(test, &encoder, 10, true);
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_begin(session, &frame));
	config.p.min_qp = 45;
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_session_configure(session, &config));
	frame.result.bytes = 5000;
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_end(session, &frame));
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_commit(session, &frame, 5000));
	KUNIT_EXPECT_LT(test, frame.decision.qp, 45);
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_begin(session, &next));
	KUNIT_EXPECT_GE(test, next.decision.qp, 45);
	KUNIT_EXPECT_EQ(test, 45, next.decision.min_qp);
	KUNIT_EXPECT_TRUE(test,
			  next.decision.reasons & V4L2_RC_REASON_MIN_QP);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(codecs_are_known),
	KUNIT_CASE(sessions_have_numbers),
	KUNIT_CASE(a_session_has_to_be_set_up),
	KUNIT_CASE(frames_of_eight_may_be_open),
	KUNIT_CASE(frames_come_in_their_order),
	KUNIT_CASE(cancelled_frames_leave_nothing),
	KUNIT_CASE(a_reset_forgets_the_frames),
	KUNIT_CASE(a_configuration_applies_from_the_next_frame),
	{}
};

static struct kunit_suite suite = {
	.name = "v4l2_rc_abi_calls",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Tests of the rate control of V4L2 video encoders");
