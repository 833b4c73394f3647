/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An encoder driver in small: what the tests of the rate control drive it
 * with. Its hardware is a formula.
 */
#ifndef RATE_CONTROL_TESTS_ENCODER_H
#define RATE_CONTROL_TESTS_ENCODER_H

#include <kunit/test.h>
#include <media/v4l2-rate-control.h>

/* 640x360. */
#define ENCODER_MACROBLOCKS	(40 * 23)
#define ENCODER_HEADER_BITS	200
#define ENCODER_SKIP_BITS	160

/**
 * struct encoder - An encoder with a stream
 *
 * @session: the rate control.
 * @levers: V4L2_RC_LEVER\_\* bits, which it has.
 * @i_bits: size of an I picture at QP 28.
 * @p_bits: size of a P picture at QP 28.
 * @seed: of the noise.
 * @frames: pictures that it was asked for.
 * @coded: pictures that were coded as they are.
 * @skipped: pictures that only skip by decision.
 * @replaced: pictures that only skip by verdict.
 * @forced: pictures that the hardware had to cut.
 * @violations: pictures that exceed the CPB and were kept.
 * @sent_bits: of everything.
 * @filler_bits: part of it that is filler data.
 * @qps: sum of the QPs of pictures that were coded.
 * @last: the last picture, as it was left.
 */
struct encoder {
	struct v4l2_rc_session *session;
	u32 levers;
	u32 i_bits;
	u32 p_bits;
	u32 seed;
	u32 frames;
	u32 coded;
	u32 skipped;
	u32 replaced;
	u32 forced;
	u32 violations;
	u64 sent_bits;
	u64 filler_bits;
	u64 qps;
	struct v4l2_rc_frame last;
};

/* What a driver would make of the controls' defaults: CBR of 1 Mbit/s. */
struct v4l2_rc_config encoder_config(void);
struct v4l2_rc_caps encoder_caps(u32 levers);

/* A session that is freed with the test. */
struct v4l2_rc_session *encoder_session(struct kunit *test);

/* A session that is started and configured. */
struct encoder encoder_open(struct kunit *test, u32 levers,
			    const struct v4l2_rc_config *config);

/* A picture of which nothing is known. */
struct v4l2_rc_frame encoder_picture(bool idr);

/* What the hardware makes of a picture. */
u64 encoder_bits(struct encoder *encoder, bool idr, s32 qp);

/* Has one picture coded, as drivers do; or several, the first one as IDR. */
void encoder_code(struct kunit *test, struct encoder *encoder, bool idr);
void encoder_play(struct kunit *test, struct encoder *encoder, u32 frames,
		  bool idr);

#endif /* RATE_CONTROL_TESTS_ENCODER_H */
