// SPDX-License-Identifier: GPL-2.0
/* What calls refuse and what they take. */
#include "encoder.h"

static void capabilities_are_checked(struct kunit *test)
{
	struct v4l2_rc_session *session = encoder_session(test);
	static const struct {
		struct v4l2_rc_caps caps;
		int ret;
	} table[] = {
		{ { .macroblocks = 1 }, 0 },
		{ { .macroblocks = V4L2_RC_MAX_MACROBLOCKS }, 0 },
		{ { .macroblocks = 0 }, -EINVAL },
		{ { .macroblocks = V4L2_RC_MAX_MACROBLOCKS + 1 }, -EINVAL },
		{ { .macroblocks = ~0 }, -EINVAL },
		{ { .macroblocks = 1, .levers = V4L2_RC_LEVER_ALL }, 0 },
		{ { .macroblocks = 1, .levers = V4L2_RC_LEVER_ALL + 1 },
		  -EINVAL },
		{ { .macroblocks = 1, .levers = 1U << 31 }, -EINVAL },
		{ { .macroblocks = 1,
		    .max_checkpoints = V4L2_RC_MAX_CHECKPOINTS }, 0 },
		{ { .macroblocks = 1,
		    .max_checkpoints = V4L2_RC_MAX_CHECKPOINTS + 1 },
		  -EINVAL },
		{ { .macroblocks = 1, .max_checkpoints = ~0 }, -EINVAL },
		{ { .macroblocks = V4L2_RC_MAX_MACROBLOCKS,
		    .intra_floor_q8 = ~0, .skip_bits = ~0 }, 0 },
	};
	u32 n;

	for (n = 0; n < ARRAY_SIZE(table); n++)
		KUNIT_EXPECT_EQ_MSG(test, table[n].ret,
				    v4l2_rc_session_start(session,
							  &table[n].caps),
				    "capabilities %u", n);
}

/* An expectation takes hundreds of bytes of stack where KASAN guards them. */
static noinline_for_stack void try_config(struct kunit *test,
					  struct v4l2_rc_session *session,
					  const struct v4l2_rc_config *config,
					  int ret, const char *field, s64 value)
{
	KUNIT_EXPECT_EQ_MSG(test, ret,
			    v4l2_rc_session_configure(session, config),
			    "%s %lld", field, value);
}

/* One field of the configuration with values that are and are not taken. */
#define TRIES(_mode, _field, _ok1, _ok2, _bad1, _bad2)			\
do {									\
	static const u64 values[] = { _ok1, _ok2, _bad1, _bad2 };	\
									\
	config = base;							\
	config.mode = _mode;						\
	config.peak_bitrate = 2000000;					\
	for (n = 0; n < 4; n++) {					\
		config._field = values[n];				\
		try_config(test, session, &config,			\
			   n < 2 ? 0 : -EINVAL, #_field, values[n]);	\
	}								\
} while (0)

static void configurations_are_checked(struct kunit *test)
{
	struct v4l2_rc_session *session = encoder_session(test);
	const struct v4l2_rc_config base = encoder_config();
	struct v4l2_rc_config config;
	u32 n;

	TRIES(V4L2_RC_MODE_CBR, mode, V4L2_RC_MODE_OFF, V4L2_RC_MODE_CAPPED_CQ,
	      V4L2_RC_MODE_CAPPED_CQ + 1, U32_MAX);
	TRIES(V4L2_RC_MODE_CBR, flags, 0, V4L2_RC_CONFIG_ALL,
	      V4L2_RC_CONFIG_ALL + 1, 1U << 31);
	TRIES(V4L2_RC_MODE_CBR, bitrate, 1, V4L2_RC_MAX_BITRATE, 0,
	      V4L2_RC_MAX_BITRATE + 1);
	TRIES(V4L2_RC_MODE_VBR, peak_bitrate, 0, V4L2_RC_MAX_BITRATE,
	      V4L2_RC_MAX_BITRATE + 1, U64_MAX);
	TRIES(V4L2_RC_MODE_CAPPED_CQ, peak_bitrate, 1, V4L2_RC_MAX_BITRATE, 0,
	      U64_MAX);
	/* 25 pictures in up to 25 * 1001 seconds; 1000 a second at most. */
	TRIES(V4L2_RC_MODE_CBR, interval_num, 1, 25 * 1001, 0, 25 * 1001 + 1);
	TRIES(V4L2_RC_MODE_CBR, interval_den, 1, 1000, 0, 1001);
	TRIES(V4L2_RC_MODE_CBR, i.fixed_qp, 0, 51, -1, 52);
	TRIES(V4L2_RC_MODE_CBR, i.min_qp, 0, 51, -1, 52);
	TRIES(V4L2_RC_MODE_CBR, i.max_qp, 0, 51, -1, 52);
	TRIES(V4L2_RC_MODE_CBR, p.fixed_qp, 0, 51, S32_MIN, S32_MAX);
	TRIES(V4L2_RC_MODE_CBR, p.min_qp, 0, 51, S32_MIN, S32_MAX);
	TRIES(V4L2_RC_MODE_CBR, p.max_qp, 0, 51, S32_MIN, S32_MAX);
	TRIES(V4L2_RC_MODE_CBR, initial_qp, V4L2_RC_NO_QP, 51, -2, 52);
	TRIES(V4L2_RC_MODE_CBR, skip_mode, V4L2_RC_SKIP_DISABLED,
	      V4L2_RC_SKIP_BUFFER, V4L2_RC_SKIP_BUFFER + 1, U32_MAX);
	TRIES(V4L2_RC_MODE_CBR, layers, 1, V4L2_RC_MAX_TEMPORAL_LAYERS, 0,
	      V4L2_RC_MAX_TEMPORAL_LAYERS + 1);
	TRIES(V4L2_RC_MODE_CBR, layers, 1, 2, 257, U32_MAX);
	TRIES(V4L2_RC_MODE_CBR, content, V4L2_RC_CONTENT_CAMERA,
	      V4L2_RC_CONTENT_SCREEN, V4L2_RC_CONTENT_SCREEN + 1, U32_MAX);
	TRIES(V4L2_RC_MODE_CQ, quality, 1, 100, 0, 101);
	TRIES(V4L2_RC_MODE_CAPPED_CQ, quality, 1, 100, 257, U32_MAX);
	/* There need not be such a program, but an end of its name. */
	config = base;
	memset(config.program, 'a', sizeof(config.program) - 1);
	try_config(test, session, &config, 0, "program", 15);
	config.program[sizeof(config.program) - 1] = 'a';
	try_config(test, session, &config, -EINVAL, "program", 16);
}

static void what_a_mode_does_not_use_is_ignored(struct kunit *test)
{
	struct v4l2_rc_session *session = encoder_session(test);
	struct v4l2_rc_config config = encoder_config();

	config.bitrate = 0;
	config.peak_bitrate = U64_MAX;
	config.quality = 0;
	config.layers = 0;
	config.mode = V4L2_RC_MODE_OFF;
	KUNIT_EXPECT_EQ(test, 0, v4l2_rc_session_configure(session, &config));
	config.quality = 100;
	config.mode = V4L2_RC_MODE_CQ;
	KUNIT_EXPECT_EQ(test, 0, v4l2_rc_session_configure(session, &config));
	config.layers = 1;
	config.peak_bitrate = 1;
	config.mode = V4L2_RC_MODE_CAPPED_CQ;
	KUNIT_EXPECT_EQ(test, 0, v4l2_rc_session_configure(session, &config));
}

/* Times and sizes are never too large, and nothing overflows. */
static void times_and_sizes_are_clamped(struct kunit *test)
{
	struct v4l2_rc_config config = encoder_config();
	struct encoder encoder = encoder_open(test, V4L2_RC_LEVER_ALL, &config);
	u32 mode;

	config.bitrate = V4L2_RC_MAX_BITRATE;
	config.peak_bitrate = V4L2_RC_MAX_BITRATE;
	config.flags = V4L2_RC_CONFIG_ALL;
	config.window_ns = U64_MAX;
	config.cpb_ns = U64_MAX;
	config.initial_delay_ns = U64_MAX;
	config.max_delay_ns = U64_MAX;
	config.level_cpb_bits = U64_MAX;
	config.i.max_bits = U64_MAX;
	config.p.max_bits = U64_MAX;
	config.max_skips = U32_MAX;
	config.layers = V4L2_RC_MAX_TEMPORAL_LAYERS;
	config.layer_bitrates[0] = U64_MAX;
	config.interval_num = 1001;
	config.interval_den = 1;
	for (mode = V4L2_RC_MODE_OFF; mode <= V4L2_RC_MODE_CAPPED_CQ; mode++) {
		config.mode = mode;
		config.cpb_bits = mode == V4L2_RC_MODE_VBR ? U64_MAX : 0;
		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_session_configure(encoder.session,
							  &config));
		encoder_play(test, &encoder, 10, true);
		KUNIT_EXPECT_LE(test, encoder.last.decision.cpb_bits,
				V4L2_RC_MAX_BITS);
	}
}

static int begin_and_cancel(struct v4l2_rc_session *session,
			    struct v4l2_rc_frame *frame)
{
	int ret = v4l2_rc_frame_begin(session, frame);

	return ret ?: v4l2_rc_frame_cancel(session, frame);
}

static void frames_are_checked(struct kunit *test)
{
	struct v4l2_rc_config config = encoder_config();
	struct encoder encoder = encoder_open(test, 0, &config);
	static const struct {
		struct v4l2_rc_frame_info info;
		int ret;
	} table[] = {
		{ { .type = V4L2_RC_FRAME_I }, 0 },
		{ { .type = V4L2_RC_FRAME_P }, 0 },
		{ { .type = V4L2_RC_FRAME_P + 1 }, -EINVAL },
		{ { .type = ~0 }, -EINVAL },
		{ { .flags = V4L2_RC_FRAME_ALL }, 0 },
		{ { .flags = V4L2_RC_FRAME_ALL + 1 }, -EINVAL },
		{ { .flags = 1U << 31 }, -EINVAL },
		/* An IDR picture is no P picture. */
		{ { .type = V4L2_RC_FRAME_P, .flags = V4L2_RC_FRAME_IDR },
		  -EINVAL },
		{ { .fixed_qp = 51 }, 0 },
		{ { .fixed_qp = 52 }, -EINVAL },
		{ { .fixed_qp = -2 }, -EINVAL },
		{ { .fixed_qp = S32_MIN }, -EINVAL },
		{ { .temporal_layer = 1 }, -EINVAL },
		{ { .temporal_layer = 256 }, -EINVAL },
		{ { .temporal_layer = ~0 }, -EINVAL },
		{ { .duration_ns = 1 }, 0 },
		{ { .duration_ns = V4L2_RC_MAX_DURATION_NS }, 0 },
		{ { .duration_ns = V4L2_RC_MAX_DURATION_NS + 1 }, -EINVAL },
		{ { .duration_ns = U64_MAX }, -EINVAL },
		{ { .header_bits = V4L2_RC_MAX_BITS }, 0 },
		{ { .header_bits = V4L2_RC_MAX_BITS + 1 }, -EINVAL },
		{ { .header_bits = U64_MAX }, -EINVAL },
		{ { .max_bits = 1 }, 0 },
		{ { .max_bits = U64_MAX }, 0 },
		{ { .flags = V4L2_RC_FRAME_ANALYSIS, .inter_cost = U64_MAX,
		    .intra_cost = U64_MAX }, 0 },
		{ { .type = V4L2_RC_FRAME_P, .ref_distance = U32_MAX }, 0 },
		{ { .ref_distance = U32_MAX }, 0 },
	};
	struct v4l2_rc_frame frame = {};
	u32 n;

	for (n = 0; n < ARRAY_SIZE(table); n++) {
		frame.info = table[n].info;
		KUNIT_EXPECT_EQ_MSG(test, table[n].ret,
				    begin_and_cancel(encoder.session, &frame),
				    "frame %u", n);
	}
	/* Where there is no account of layers, they are what they may be. */
	config.mode = V4L2_RC_MODE_OFF;
	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_session_configure(encoder.session, &config));
	frame = encoder_picture(false);
	frame.info.temporal_layer = V4L2_RC_MAX_TEMPORAL_LAYERS - 1;
	KUNIT_EXPECT_EQ(test, 0, begin_and_cancel(encoder.session, &frame));
	frame.info.temporal_layer++;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			begin_and_cancel(encoder.session, &frame));
}

#define MOST_BYTES	(V4L2_RC_MAX_BITS / 8)

static void results_are_checked(struct kunit *test)
{
	const struct v4l2_rc_config config = encoder_config();
	struct encoder encoder = encoder_open(test, 0, &config);
	static const struct {
		struct v4l2_rc_result result;
		int ret;
	} table[] = {
		{ { .bytes = 0 }, -EINVAL },
		{ { .bytes = MOST_BYTES + 1 }, -EINVAL },
		{ { .bytes = U64_MAX }, -EINVAL },
		{ { .bytes = 10, .header_bits = 81 }, -EINVAL },
		{ { .bytes = 10, .valid = V4L2_RC_RESULT_ALL + 1 }, -EINVAL },
		{ { .bytes = 10, .valid = 1U << 31 }, -EINVAL },
		/* The last one is taken. */
		{ { .bytes = MOST_BYTES, .header_bits = V4L2_RC_MAX_BITS,
		    .valid = V4L2_RC_RESULT_ALL, .mean_qp_q8 = S32_MIN,
		    .forced_skips = ~0, .nonzero = ~0, .intra_mbs = ~0,
		    .skip_mbs = ~0, .sad = U64_MAX, .mad = U64_MAX,
		    .sse = U64_MAX }, 0 },
	};
	struct v4l2_rc_frame frame = encoder_picture(true);
	u32 n;

	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_begin(encoder.session, &frame));
	for (n = 0; n < ARRAY_SIZE(table); n++) {
		frame.result = table[n].result;
		KUNIT_EXPECT_EQ_MSG(test, table[n].ret,
				    v4l2_rc_frame_end(encoder.session, &frame),
				    "result %u", n);
	}
	KUNIT_EXPECT_EQ(test, -EINVAL,
			v4l2_rc_frame_commit(encoder.session, &frame,
					     MOST_BYTES + 1));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			v4l2_rc_frame_commit(encoder.session, &frame, U64_MAX));
	KUNIT_EXPECT_EQ(test, 0,
			v4l2_rc_frame_commit(encoder.session, &frame,
					     MOST_BYTES));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(capabilities_are_checked),
	KUNIT_CASE(configurations_are_checked),
	KUNIT_CASE(what_a_mode_does_not_use_is_ignored),
	KUNIT_CASE(times_and_sizes_are_clamped),
	KUNIT_CASE(frames_are_checked),
	KUNIT_CASE(results_are_checked),
	{}
};

static struct kunit_suite suite = {
	.name = "v4l2_rc_abi_ranges",
	.test_cases = cases,
};

kunit_test_suite(suite);
