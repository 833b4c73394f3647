// SPDX-License-Identifier: GPL-2.0
/* Streams: what the modes, limits and levers come to. */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/time64.h>
#include "encoder.h"

static struct v4l2_rc_config config_of(enum v4l2_rc_mode mode)
{
	struct v4l2_rc_config config = encoder_config();

	config.mode = mode;
	config.peak_bitrate = 2000000;
	return config;
}

/* Whether what was sent is the bitrate, within so many percent. */
static void expect_rate(struct kunit *test, const struct encoder *encoder,
			u64 bitrate, u32 percent)
{
	u64 part = div_u64(bitrate * encoder->frames, 25 * 100);

	KUNIT_EXPECT_LE(test, encoder->sent_bits, part * (100 + percent));
	KUNIT_EXPECT_GE(test, encoder->sent_bits, part * (100 - percent));
}

static void types_have_qps_without_control(struct kunit *test)
{
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_OFF);
	struct encoder encoder;

	config.i.fixed_qp = 20;
	config.p.fixed_qp = 30;
	encoder = encoder_open(test, 0, &config);
	encoder_code(test, &encoder, true);
	KUNIT_EXPECT_EQ(test, 20, encoder.last.decision.qp);
	encoder_code(test, &encoder, false);
	KUNIT_EXPECT_EQ(test, 30, encoder.last.decision.qp);
	KUNIT_EXPECT_EQ(test, 30, encoder.last.decision.min_qp);
	KUNIT_EXPECT_EQ(test, 30, encoder.last.decision.max_qp);
	KUNIT_EXPECT_EQ(test, V4L2_RC_REASON_FIXED_QP,
			encoder.last.decision.reasons);
	/* There is nothing to aim at. */
	KUNIT_EXPECT_EQ(test, 0, encoder.last.decision.target_bits);
	KUNIT_EXPECT_EQ(test, 0, encoder.last.decision.num_checkpoints);
	KUNIT_EXPECT_EQ(test, 0, encoder.last.decision.cpb_bits);
	encoder_play(test, &encoder, 500, false);
	KUNIT_EXPECT_EQ(test, 0, encoder.violations);
	/* The highest QP wins. */
	config.p.min_qp = 40;
	config.p.max_qp = 25;
	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_session_configure(encoder.session, &config));
	encoder_code(test, &encoder, false);
	KUNIT_EXPECT_EQ(test, 25, encoder.last.decision.qp);
	/* There is no CPB to be strict about. */
	config.flags = V4L2_RC_CONFIG_STRICT;
	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_session_configure(encoder.session, &config));
	encoder_code(test, &encoder, false);
	KUNIT_EXPECT_EQ(test, 0, encoder.last.decision.max_bits);
}

static void cbr_meets_the_rate(struct kunit *test)
{
	static const u64 bitrates[] = { 300000, 1000000, 3000000 };
	u32 n;

	for (n = 0; n < ARRAY_SIZE(bitrates); n++) {
		struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
		struct encoder encoder;

		config.bitrate = bitrates[n];
		encoder = encoder_open(test, 0, &config);
		encoder_play(test, &encoder, 500, true);
		expect_rate(test, &encoder, bitrates[n], 3);
		KUNIT_EXPECT_EQ(test, 0, encoder.violations);
		KUNIT_EXPECT_EQ(test, bitrates[n],
				encoder.last.decision.cpb_bits);
	}
}

static void the_rate_can_change(struct kunit *test)
{
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
	struct encoder encoder = encoder_open(test, 0, &config);

	encoder_play(test, &encoder, 250, true);
	config.bitrate /= 2;
	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_session_configure(encoder.session, &config));
	encoder_play(test, &encoder, 25, false);
	encoder.frames = 0;
	encoder.sent_bits = 0;
	encoder_play(test, &encoder, 250, false);
	expect_rate(test, &encoder, config.bitrate, 5);
}

static void vbr_meets_the_mean(struct kunit *test)
{
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_VBR);
	struct encoder encoder = encoder_open(test, 0, &config);

	encoder_play(test, &encoder, 1500, true);
	expect_rate(test, &encoder, config.bitrate, 6);
	KUNIT_EXPECT_EQ(test, 0, encoder.violations);
	/* The peak drains the CPB. */
	KUNIT_EXPECT_EQ(test, config.peak_bitrate,
			encoder.last.decision.cpb_bits);
}

static void quality_is_constant_until_it_is_capped(struct kunit *test)
{
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CQ);
	struct encoder encoder = encoder_open(test, 0, &config);
	s32 qp;

	encoder_play(test, &encoder, 50, true);
	qp = encoder.last.decision.qp;
	KUNIT_EXPECT_EQ(test, (u64)qp * 50, encoder.qps);
	KUNIT_EXPECT_EQ(test, 0, encoder.last.decision.cpb_bits);
	config.quality = 80;
	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_session_configure(encoder.session, &config));
	encoder_play(test, &encoder, 1, false);
	KUNIT_EXPECT_LT(test, encoder.last.decision.qp, qp);

	config = config_of(V4L2_RC_MODE_CAPPED_CQ);
	config.quality = 100;
	config.peak_bitrate = 1000000;
	encoder = encoder_open(test, 0, &config);
	encoder_play(test, &encoder, 500, true);
	KUNIT_EXPECT_LE(test, encoder.sent_bits,
			config.peak_bitrate * 21);
	KUNIT_EXPECT_GT(test, encoder.last.decision.qp, 20);
}

static void targets_are_divided(struct kunit *test)
{
	const struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
	struct encoder encoder = encoder_open(test, 0, &config);
	const struct v4l2_rc_decision *decision = &encoder.last.decision;
	u32 n;

	encoder_play(test, &encoder, 2, true);
	KUNIT_ASSERT_EQ(test, 4, decision->num_checkpoints);
	for (n = 1; n < 4; n++)
		KUNIT_EXPECT_GT(test, decision->checkpoints[n],
				decision->checkpoints[n - 1]);
	KUNIT_EXPECT_GT(test, decision->checkpoints[0], ENCODER_HEADER_BITS);
	KUNIT_EXPECT_LE(test, decision->checkpoints[3], decision->target_bits);
	KUNIT_EXPECT_GT(test, decision->checkpoints[3] + 4,
			decision->target_bits);
	KUNIT_EXPECT_EQ(test, 0, decision->checkpoints[4]);
}

/* Checkpoints have 32 bits: what is above that is not wrapped around. */
static void large_targets_are_divided(struct kunit *test)
{
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
	struct v4l2_rc_frame frame = encoder_picture(true);
	const struct v4l2_rc_decision *decision = &frame.decision;
	struct encoder encoder;
	u64 part;
	u32 n, seconds;

	config.bitrate = V4L2_RC_MAX_BITRATE;
	config.cpb_bits = V4L2_RC_MAX_BITS;
	config.interval_den = 1;
	for (seconds = 1; seconds < 100; seconds *= 2) {
		config.interval_num = seconds;
		encoder = encoder_open(test, 0, &config);
		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_frame_begin(encoder.session, &frame));
		KUNIT_ASSERT_EQ(test, 4, decision->num_checkpoints);
		part = decision->target_bits - ENCODER_HEADER_BITS;
		part = div_u64(part, 4);
		for (n = 0; n < 4; n++)
			KUNIT_EXPECT_EQ(test, decision->checkpoints[n],
					min(ENCODER_HEADER_BITS +
					    (n + 1) * part, (u64)U32_MAX));
	}
	KUNIT_EXPECT_GT(test, decision->target_bits, 4 * (u64)U32_MAX);
}

/* Every 50 pictures something new: 8 times the size of the others. */
static void play_cuts(struct kunit *test, struct encoder *encoder)
{
	u32 n;

	for (n = 0; n < 300; n++) {
		encoder->p_bits = n % 50 == 49 ? 160000 : 20000;
		encoder_code(test, encoder, !n);
	}
}

static void strict_is_kept_by_whatever_there_is(struct kunit *test)
{
	static const u32 levers[] = {
		V4L2_RC_LEVER_HARD_MAX,
		V4L2_RC_LEVER_POST_SKIP,
		V4L2_RC_LEVER_HARD_MAX | V4L2_RC_LEVER_POST_SKIP,
	};
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
	struct encoder encoder;
	u32 n;

	config.cpb_ns = 60000000;
	encoder = encoder_open(test, 0, &config);
	play_cuts(test, &encoder);
	KUNIT_EXPECT_GT(test, encoder.violations, 0);
	KUNIT_EXPECT_EQ(test, 0, encoder.skipped);

	config.flags = V4L2_RC_CONFIG_STRICT;
	for (n = 0; n < ARRAY_SIZE(levers); n++) {
		encoder = encoder_open(test, levers[n], &config);
		/* Of the first picture, which is larger than the CPB, too. */
		if (!(levers[n] & V4L2_RC_LEVER_HARD_MAX))
			encoder.i_bits = 20000;
		play_cuts(test, &encoder);
		KUNIT_EXPECT_EQ_MSG(test, 0, encoder.violations, "levers %x",
				    levers[n]);
		KUNIT_EXPECT_GT(test, encoder.coded, 250);
		if (levers[n] & V4L2_RC_LEVER_HARD_MAX)
			KUNIT_EXPECT_GT(test, encoder.forced, 0);
		else
			KUNIT_EXPECT_GT(test, encoder.replaced, 0);
	}
}

static void pictures_are_skipped_when_that_is_wanted(struct kunit *test)
{
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
	struct v4l2_rc_state state;
	struct encoder encoder;

	/* Not even the highest QP is enough. */
	config.bitrate = 20000;
	encoder = encoder_open(test, 0, &config);
	encoder_play(test, &encoder, 200, true);
	KUNIT_EXPECT_EQ(test, 0, encoder.skipped);
	KUNIT_EXPECT_GT(test, encoder.violations, 0);

	config.skip_mode = V4L2_RC_SKIP_BUFFER;
	encoder = encoder_open(test, 0, &config);
	encoder_play(test, &encoder, 200, true);
	KUNIT_EXPECT_GT(test, encoder.skipped, 50);
	v4l2_rc_session_state(encoder.session, &state);
	KUNIT_EXPECT_EQ(test, encoder.skipped, state.skipped);
	KUNIT_EXPECT_EQ(test, encoder.violations, state.violations);
	KUNIT_EXPECT_EQ(test, 200, state.frames);

	/* The level has more room than the stream needs. */
	config.skip_mode = V4L2_RC_SKIP_LEVEL;
	config.level_cpb_bits = 10000000;
	encoder = encoder_open(test, 0, &config);
	encoder_play(test, &encoder, 200, true);
	KUNIT_EXPECT_EQ(test, 0, encoder.skipped);

	config.level_cpb_bits = 20000;
	encoder = encoder_open(test, 0, &config);
	encoder_play(test, &encoder, 200, true);
	KUNIT_EXPECT_GT(test, encoder.skipped, 50);
}

static void some_pictures_are_never_skipped(struct kunit *test)
{
	static const u32 flags[] = {
		V4L2_RC_FRAME_LONG_TERM,
		V4L2_RC_FRAME_UNDROPPABLE,
	};
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
	struct encoder encoder;
	u32 n;

	config.bitrate = 20000;
	config.skip_mode = V4L2_RC_SKIP_BUFFER;
	encoder = encoder_open(test, V4L2_RC_LEVER_POST_SKIP, &config);
	encoder_play(test, &encoder, 3, true);
	for (n = 0; n <= ARRAY_SIZE(flags); n++) {
		struct v4l2_rc_frame frame = encoder_picture(!n);

		if (n)
			frame.info.flags |= flags[n - 1];
		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_frame_begin(encoder.session, &frame));
		KUNIT_EXPECT_EQ(test, V4L2_RC_ACTION_ENCODE,
				frame.decision.action);
		frame.result.bytes = 10000;
		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_frame_end(encoder.session, &frame));
		KUNIT_EXPECT_EQ(test, V4L2_RC_VERDICT_KEEP,
				frame.judgement.verdict);
		KUNIT_EXPECT_GT(test, frame.judgement.violation_bits, 0);
		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_frame_commit(encoder.session, &frame,
						     10000));
	}
	encoder_code(test, &encoder, false);
	KUNIT_EXPECT_EQ(test, V4L2_RC_ACTION_SKIP,
			encoder.last.decision.action);
	KUNIT_EXPECT_TRUE(test, encoder.last.decision.reasons &
			  V4L2_RC_REASON_CPB_FULL);
}

/* A verdict is only given while nothing can refer to the picture. */
static void verdicts_need_the_last_picture(struct kunit *test)
{
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
	struct v4l2_rc_frame first = encoder_picture(false);
	struct v4l2_rc_frame second = encoder_picture(false);
	struct encoder encoder;

	config.flags = V4L2_RC_CONFIG_STRICT;
	config.cpb_ns = 100000000;
	encoder = encoder_open(test, V4L2_RC_LEVER_POST_SKIP |
			       V4L2_RC_LEVER_POST_DROP, &config);
	encoder_play(test, &encoder, 50, true);
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_begin(encoder.session, &first));
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_begin(encoder.session, &second));
	first.result.bytes = 20000;
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_end(encoder.session, &first));
	KUNIT_EXPECT_EQ(test, V4L2_RC_VERDICT_KEEP, first.judgement.verdict);
	KUNIT_EXPECT_GT(test, first.judgement.violation_bits, 0);
	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_frame_commit(encoder.session, &first, 20000));
	second.result.bytes = 20000;
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_frame_end(encoder.session, &second));
	KUNIT_EXPECT_EQ(test, V4L2_RC_VERDICT_REPLACE_SKIP,
			second.judgement.verdict);
	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_frame_commit(encoder.session, &second, 50));
	/* The time of the picture has passed, and 400 bits have come. */
	KUNIT_EXPECT_LT(test, second.judgement.cpb_fill,
			first.judgement.cpb_fill);
}

static void pictures_are_dropped_that_nobody_refers_to(struct kunit *test)
{
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
	struct encoder encoder;
	u32 n;

	config.flags = V4L2_RC_CONFIG_STRICT;
	config.cpb_ns = 100000000;
	encoder = encoder_open(test, V4L2_RC_LEVER_POST_DROP, &config);
	for (n = 0; n < 2; n++) {
		struct v4l2_rc_frame frame = encoder_picture(false);
		u32 verdict = n ? V4L2_RC_VERDICT_DROP : V4L2_RC_VERDICT_KEEP;

		/* Before it is coded, it seems to fit. */
		v4l2_rc_session_reset(encoder.session);
		encoder_play(test, &encoder, 1, true);
		frame.info.duration_ns = NSEC_PER_SEC;
		if (n)
			frame.info.flags &= ~V4L2_RC_FRAME_REFERENCE;
		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_frame_begin(encoder.session, &frame));
		KUNIT_ASSERT_EQ(test, V4L2_RC_ACTION_ENCODE,
				frame.decision.action);
		frame.result.bytes = 20000;
		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_frame_end(encoder.session, &frame));
		KUNIT_EXPECT_EQ(test, verdict, frame.judgement.verdict);
		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_frame_commit(encoder.session, &frame,
						     n ? 0 : 20000));
	}
}

static void filler_data_makes_up_for_the_rate(struct kunit *test)
{
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
	struct encoder encoder;

	config.flags = V4L2_RC_CONFIG_FILLER;
	config.bitrate = 2000000;
	config.p.min_qp = 40;
	/* Hardware that has none gets none. */
	encoder = encoder_open(test, 0, &config);
	encoder_play(test, &encoder, 100, true);
	KUNIT_EXPECT_EQ(test, 0, encoder.filler_bits);

	encoder = encoder_open(test, V4L2_RC_LEVER_FILLER, &config);
	encoder_play(test, &encoder, 100, true);
	KUNIT_EXPECT_GT(test, encoder.filler_bits, 0);
	expect_rate(test, &encoder, config.bitrate, 3);

	config.mode = V4L2_RC_MODE_VBR;
	encoder = encoder_open(test, V4L2_RC_LEVER_FILLER, &config);
	encoder_play(test, &encoder, 100, true);
	KUNIT_EXPECT_EQ(test, 0, encoder.filler_bits);
}

static void layers_have_their_rates(struct kunit *test)
{
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
	u64 bits[2] = {}, part;
	struct encoder encoder;
	u32 n;

	config.layers = 2;
	config.layer_bitrates[0] = 700000;
	config.layer_bitrates[1] = 300000;
	encoder = encoder_open(test, 0, &config);
	for (n = 0; n < 1000; n++) {
		struct v4l2_rc_frame frame = encoder_picture(!n);
		u64 bytes;

		frame.info.temporal_layer = n % 2;
		if (n % 2)
			frame.info.flags &= ~V4L2_RC_FRAME_REFERENCE;
		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_frame_begin(encoder.session, &frame));
		bytes = encoder_bits(&encoder, !n, frame.decision.qp) / 8;
		frame.result.bytes = bytes;
		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_frame_end(encoder.session, &frame));
		KUNIT_ASSERT_EQ(test, 0,
				v4l2_rc_frame_commit(encoder.session, &frame,
						     bytes));
		bits[n % 2] += bytes * 8;
	}
	for (n = 0; n < 2; n++) {
		part = div_u64(config.layer_bitrates[n] * 1000, 25 * 100);
		KUNIT_EXPECT_LT(test, bits[n], part * 105);
		KUNIT_EXPECT_GT(test, bits[n], part * 95);
	}
}

static void sizes_of_types_are_limited(struct kunit *test)
{
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
	struct encoder encoder;

	config.i.max_bits = 60000;
	config.p.max_bits = 30000;
	encoder = encoder_open(test, V4L2_RC_LEVER_HARD_MAX, &config);
	encoder_code(test, &encoder, true);
	KUNIT_EXPECT_EQ(test, 60000, encoder.last.decision.max_bits);
	encoder_code(test, &encoder, false);
	KUNIT_EXPECT_EQ(test, 30000, encoder.last.decision.max_bits);
	/* No less than what an I picture takes: 8 bits a macroblock. */
	config.i.max_bits = 10;
	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_session_configure(encoder.session, &config));
	encoder_code(test, &encoder, true);
	KUNIT_EXPECT_EQ(test, 8 * ENCODER_MACROBLOCKS + ENCODER_HEADER_BITS,
			encoder.last.decision.max_bits);
	KUNIT_EXPECT_TRUE(test, encoder.last.decision.reasons &
			  V4L2_RC_REASON_FLOOR);
}

static void decoders_are_told_what_is_true(struct kunit *test)
{
	struct v4l2_rc_config config = config_of(V4L2_RC_MODE_CBR);
	const struct v4l2_rc_hrd *hrd;
	struct v4l2_rc_hrd all;
	struct encoder encoder;

	config.flags = V4L2_RC_CONFIG_HRD;
	config.bitrate = 1000001;
	config.cpb_bits = 500001;
	memset(&all, 0xff, sizeof(all));
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_config_hrd(&config, &all));
	KUNIT_EXPECT_EQ(test, 1000000, all.bit_rate);
	KUNIT_EXPECT_EQ(test, 500000, all.cpb_bits);
	KUNIT_EXPECT_EQ(test, 0, all.initial_removal_delay);
	KUNIT_EXPECT_EQ(test, 0, all.removal_delay);
	encoder = encoder_open(test, 0, &config);
	hrd = &encoder.last.decision.hrd;
	encoder_code(test, &encoder, true);
	KUNIT_EXPECT_EQ(test, 1000000, hrd->bit_rate);
	KUNIT_EXPECT_EQ(test, 500000, hrd->cpb_bits);
	KUNIT_EXPECT_EQ(test, 45000, hrd->initial_removal_delay);
	KUNIT_EXPECT_EQ(test, 0, hrd->initial_removal_delay_offset);
	KUNIT_EXPECT_EQ(test, 0, hrd->removal_delay);
	encoder_play(test, &encoder, 5, false);
	KUNIT_EXPECT_EQ(test, 10, hrd->removal_delay);

	config.bitrate = 2000000;
	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_session_configure(encoder.session, &config));
	encoder_code(test, &encoder, false);
	KUNIT_EXPECT_EQ(test, 1000000, hrd->bit_rate);
	encoder_code(test, &encoder, true);
	KUNIT_EXPECT_EQ(test, 2000000, hrd->bit_rate);
	KUNIT_EXPECT_EQ(test, 14, hrd->removal_delay);
	KUNIT_EXPECT_EQ(test, 22500, hrd->initial_removal_delay +
			hrd->initial_removal_delay_offset);
	encoder_code(test, &encoder, false);
	KUNIT_EXPECT_EQ(test, 2, hrd->removal_delay);
	/* The IDR picture is still on its way. */
	KUNIT_EXPECT_LT(test, hrd->initial_removal_delay, 22500);

	config.flags = 0;
	encoder = encoder_open(test, 0, &config);
	encoder_code(test, &encoder, true);
	KUNIT_EXPECT_EQ(test, 0, hrd->bit_rate);
	KUNIT_ASSERT_EQ(test, 0, v4l2_rc_config_hrd(&config, &all));
	KUNIT_EXPECT_EQ(test, 0, all.bit_rate);
	KUNIT_EXPECT_EQ(test, 0, all.cpb_bits);
	config.flags = ~0;
	KUNIT_EXPECT_EQ(test, -EINVAL, v4l2_rc_config_hrd(&config, &all));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(types_have_qps_without_control),
	KUNIT_CASE(cbr_meets_the_rate),
	KUNIT_CASE(the_rate_can_change),
	KUNIT_CASE(vbr_meets_the_mean),
	KUNIT_CASE(quality_is_constant_until_it_is_capped),
	KUNIT_CASE(targets_are_divided),
	KUNIT_CASE(large_targets_are_divided),
	KUNIT_CASE(strict_is_kept_by_whatever_there_is),
	KUNIT_CASE(pictures_are_skipped_when_that_is_wanted),
	KUNIT_CASE(some_pictures_are_never_skipped),
	KUNIT_CASE(verdicts_need_the_last_picture),
	KUNIT_CASE(pictures_are_dropped_that_nobody_refers_to),
	KUNIT_CASE(filler_data_makes_up_for_the_rate),
	KUNIT_CASE(layers_have_their_rates),
	KUNIT_CASE(sizes_of_types_are_limited),
	KUNIT_CASE(decoders_are_told_what_is_true),
	{}
};

static struct kunit_suite suite = {
	.name = "v4l2_rc_abi_streams",
	.test_cases = cases,
};

kunit_test_suite(suite);
