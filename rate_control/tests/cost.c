// SPDX-License-Identifier: GPL-2.0
/*
 * What a picture costs: said, and not judged, as the processor may be emulated
 * and the kernel one for debugging. On a clock that counts instructions (QEMU's
 * -icount shift=0) a nanosecond is one of them.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include "encoder.h"

#define PICTURES	500

/* Something else may run meanwhile: the shortest time counts. */
#define ROUNDS		20

static void pictures_in_a_row_are_timed(struct kunit *test)
{
	const struct v4l2_rc_config config = encoder_config();
	struct encoder encoder = encoder_open(test, 0, &config);
	struct v4l2_rc_session *session = encoder.session;
	struct v4l2_rc_frame frame = encoder_picture(false);
	u64 ns, all = U64_MAX, commit = U64_MAX, clock = U64_MAX;
	int ret = 0;
	u32 round, n;

	encoder_play(test, &encoder, 50, true);
	frame.result.bytes = 5000;
	frame.result.header_bits = ENCODER_HEADER_BITS;
	for (round = 0; round < ROUNDS; round++) {
		ns = ktime_get_ns();
		for (n = 0; n < PICTURES; n++) {
			ret |= v4l2_rc_frame_begin(session, &frame);
			ret |= v4l2_rc_frame_end(session, &frame);
			ret |= v4l2_rc_frame_commit(session, &frame, 5000);
		}
		all = min(all, ktime_get_ns() - ns);

		for (ns = 0, n = 0; n < PICTURES; n++) {
			ret |= v4l2_rc_frame_begin(session, &frame);
			ret |= v4l2_rc_frame_end(session, &frame);
			ns -= ktime_get_ns();
			ret |= v4l2_rc_frame_commit(session, &frame, 5000);
			ns += ktime_get_ns();
		}
		commit = min(commit, ns);

		for (ns = 0, n = 0; n < PICTURES; n++) {
			ns -= ktime_get_ns();
			ns += ktime_get_ns();
		}
		clock = min(clock, ns);
	}
	commit = div_u64(commit - min(commit, clock), PICTURES);
	all = div_u64(all, PICTURES);
	kunit_info(test, "begin and end: %llu ns, commit: %llu ns",
		   all - min(all, commit), commit);
	KUNIT_EXPECT_EQ(test, 0, ret);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(pictures_in_a_row_are_timed),
	{}
};

static struct kunit_suite suite = {
	.name = "v4l2_rc_abi_cost",
	.test_cases = cases,
};

kunit_test_suite(suite);
