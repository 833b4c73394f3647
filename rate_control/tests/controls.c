// SPDX-License-Identifier: GPL-2.0
/* The controls helper, on a handler as a driver has it. */
#include <linux/list.h>
#include <linux/time64.h>
#include <linux/v4l2-stateless-encoder.h>
#include <media/v4l2-ctrls.h>
#include "encoder.h"

#define ALL_MODES	(V4L2_RC_MODE_BIT(V4L2_RC_MODE_CBR) | \
			 V4L2_RC_MODE_BIT(V4L2_RC_MODE_VBR) | \
			 V4L2_RC_MODE_BIT(V4L2_RC_MODE_CQ) | \
			 V4L2_RC_MODE_BIT(V4L2_RC_MODE_CAPPED_CQ))

static const struct v4l2_rc_ctrls_params everything = {
	.codec = V4L2_RC_CODEC_H264,
	.modes = ALL_MODES,
	.flags = V4L2_RC_CONFIG_ALL,
	.layers = V4L2_RC_MAX_TEMPORAL_LAYERS,
	.bitrate = 2000000,
	.i_qp = 24,
	.p_qp = 28,
};

struct controls {
	struct v4l2_ctrl_handler handler;
	struct v4l2_rc_ctrls ctrls;
};

KUNIT_DEFINE_ACTION_WRAPPER(free_handler, v4l2_ctrl_handler_free,
			    struct v4l2_ctrl_handler *);

static struct controls *controls_alloc(struct kunit *test)
{
	struct controls *controls;

	controls = kunit_kzalloc(test, sizeof(*controls), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, controls);
	KUNIT_ASSERT_EQ(test, 0,
			v4l2_ctrl_handler_init(&controls->handler, 50));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_handler,
						  &controls->handler));
	return controls;
}

static struct controls *controls_make(struct kunit *test,
				      const struct v4l2_rc_ctrls_params *params)
{
	struct controls *controls = controls_alloc(test);

	KUNIT_ASSERT_EQ(test, 0,
			v4l2_rc_ctrls_init(&controls->ctrls, &controls->handler,
					   NULL, params));
	KUNIT_ASSERT_EQ(test, 0, v4l2_ctrl_handler_setup(&controls->handler));
	return controls;
}

/* As an application does it. */
static void set(struct kunit *test, struct controls *controls, u32 id,
		s32 value)
{
	struct v4l2_ctrl *ctrl = v4l2_ctrl_find(&controls->handler, id);

	KUNIT_ASSERT_NOT_NULL_MSG(test, ctrl, "control %x", id);
	KUNIT_ASSERT_EQ_MSG(test, 0, v4l2_ctrl_s_ctrl(ctrl, value),
			    "control %x", id);
}

static bool has(struct controls *controls, u32 id)
{
	return v4l2_ctrl_find(&controls->handler, id);
}

static struct v4l2_rc_config
config_of_request(struct controls *controls, struct v4l2_ctrl_handler *request)
{
	struct v4l2_rc_config config = {
		.interval_num = 1,
		.interval_den = 25,
	};

	mutex_lock(controls->handler.lock);
	v4l2_rc_ctrls_config(&controls->ctrls, request, &config);
	mutex_unlock(controls->handler.lock);
	return config;
}

static struct v4l2_rc_config config_of(struct controls *controls)
{
	return config_of_request(controls, NULL);
}

static void expect_good(struct kunit *test, const struct v4l2_rc_config *config)
{
	KUNIT_EXPECT_EQ(test, 0,
			v4l2_rc_session_configure(encoder_session(test),
						  config));
}

static struct v4l2_rc_frame_info
info_of_request(struct controls *controls, struct v4l2_ctrl_handler *request)
{
	struct v4l2_rc_frame_info info = { .flags = V4L2_RC_FRAME_REFERENCE };

	mutex_lock(controls->handler.lock);
	v4l2_rc_ctrls_frame(&controls->ctrls, request, &info);
	mutex_unlock(controls->handler.lock);
	return info;
}

static struct v4l2_rc_frame_info info_of(struct controls *controls)
{
	return info_of_request(controls, NULL);
}

static void defaults_are_rate_control_off(struct kunit *test)
{
	struct controls *controls = controls_make(test, &everything);
	struct v4l2_rc_config config = config_of(controls);
	struct v4l2_rc_frame_info info = info_of(controls);

	KUNIT_EXPECT_EQ(test, V4L2_RC_MODE_OFF, config.mode);
	KUNIT_EXPECT_EQ(test, 0, config.flags);
	KUNIT_EXPECT_EQ(test, 2000000, config.bitrate);
	KUNIT_EXPECT_EQ(test, 2000000, config.peak_bitrate);
	KUNIT_EXPECT_EQ(test, 0, config.cpb_ns);
	KUNIT_EXPECT_EQ(test, 0, config.cpb_bits);
	KUNIT_EXPECT_EQ(test, 24, config.i.fixed_qp);
	KUNIT_EXPECT_EQ(test, 28, config.p.fixed_qp);
	KUNIT_EXPECT_EQ(test, 0, config.p.min_qp);
	KUNIT_EXPECT_EQ(test, 51, config.p.max_qp);
	KUNIT_EXPECT_EQ(test, 0, config.p.max_bits);
	KUNIT_EXPECT_EQ(test, V4L2_RC_NO_QP, config.initial_qp);
	KUNIT_EXPECT_EQ(test, V4L2_RC_SKIP_DISABLED, config.skip_mode);
	KUNIT_EXPECT_EQ(test, 1, config.layers);
	/* What no control has. */
	KUNIT_EXPECT_EQ(test, 25, config.interval_den);
	expect_good(test, &config);

	KUNIT_EXPECT_EQ(test, V4L2_RC_NO_QP, info.fixed_qp);
	KUNIT_EXPECT_EQ(test, V4L2_RC_FRAME_REFERENCE, info.flags);
	KUNIT_EXPECT_EQ(test, 0, info.temporal_layer);
	KUNIT_EXPECT_EQ(test, 0, info.duration_ns);
}

static void controls_become_the_configuration(struct kunit *test)
{
	struct controls *controls = controls_make(test, &everything);
	struct v4l2_rc_config config;

	set(test, controls, V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1);
	KUNIT_EXPECT_EQ(test, V4L2_RC_MODE_CBR, config_of(controls).mode);
	set(test, controls, V4L2_CID_MPEG_VIDEO_BITRATE_MODE,
	    V4L2_MPEG_VIDEO_BITRATE_MODE_VBR);
	KUNIT_EXPECT_EQ(test, V4L2_RC_MODE_VBR, config_of(controls).mode);
	set(test, controls, V4L2_CID_MPEG_VIDEO_BITRATE_MODE,
	    V4L2_MPEG_VIDEO_BITRATE_MODE_CQ);
	KUNIT_EXPECT_EQ(test, V4L2_RC_MODE_CQ, config_of(controls).mode);
	set(test, controls, V4L2_CID_STATELESS_ENC_QUALITY_CAP, 1);
	KUNIT_EXPECT_EQ(test, V4L2_RC_MODE_CAPPED_CQ, config_of(controls).mode);

	set(test, controls, V4L2_CID_MPEG_VIDEO_BITRATE, 1);
	set(test, controls, V4L2_CID_MPEG_VIDEO_BITRATE_PEAK, S32_MAX);
	set(test, controls, V4L2_CID_STATELESS_ENC_BITRATE_WINDOW, 2);
	set(test, controls, V4L2_CID_MPEG_VIDEO_CONSTANT_QUALITY, 99);
	set(test, controls, V4L2_CID_STATELESS_ENC_CPB_TIME, 1000000000);
	set(test, controls, V4L2_CID_MPEG_VIDEO_VBV_DELAY, 200);
	set(test, controls, V4L2_CID_STATELESS_ENC_MAX_DELAY, 300);
	set(test, controls, V4L2_CID_STATELESS_ENC_CPB_STRICT, 1);
	set(test, controls, V4L2_CID_STATELESS_ENC_FILLER, 1);
	set(test, controls, V4L2_CID_STATELESS_ENC_HRD, 1);
	set(test, controls, V4L2_CID_STATELESS_ENC_INTRA_SAFE, 1);
	set(test, controls, V4L2_CID_STATELESS_ENC_INITIAL_QP, 33);
	set(test, controls, V4L2_CID_STATELESS_ENC_MAX_I_BITS, S32_MAX);
	set(test, controls, V4L2_CID_STATELESS_ENC_MAX_P_BITS, 5);
	set(test, controls, V4L2_CID_STATELESS_ENC_MAX_SKIPS, 6);
	set(test, controls, V4L2_CID_STATELESS_ENC_CONTENT,
	    V4L2_STATELESS_ENC_CONTENT_SCREEN);
	set(test, controls, V4L2_CID_MPEG_VIDEO_FRAME_SKIP_MODE,
	    V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_LEVEL_LIMIT);
	config = config_of(controls);
	KUNIT_EXPECT_EQ(test, 1, config.bitrate);
	KUNIT_EXPECT_EQ(test, S32_MAX, config.peak_bitrate);
	KUNIT_EXPECT_EQ(test, 2 * NSEC_PER_USEC, config.window_ns);
	KUNIT_EXPECT_EQ(test, 99, config.quality);
	KUNIT_EXPECT_EQ(test, V4L2_RC_MAX_TIME_NS, config.cpb_ns);
	KUNIT_EXPECT_EQ(test, 200 * NSEC_PER_MSEC, config.initial_delay_ns);
	KUNIT_EXPECT_EQ(test, 300 * NSEC_PER_USEC, config.max_delay_ns);
	KUNIT_EXPECT_EQ(test, V4L2_RC_CONFIG_ALL, config.flags);
	KUNIT_EXPECT_EQ(test, 33, config.initial_qp);
	KUNIT_EXPECT_EQ(test, S32_MAX, config.i.max_bits);
	KUNIT_EXPECT_EQ(test, 5, config.p.max_bits);
	KUNIT_EXPECT_EQ(test, 6, config.max_skips);
	KUNIT_EXPECT_EQ(test, V4L2_RC_CONTENT_SCREEN, config.content);
	KUNIT_EXPECT_EQ(test, V4L2_RC_SKIP_LEVEL, config.skip_mode);
	expect_good(test, &config);
	set(test, controls, V4L2_CID_MPEG_VIDEO_FRAME_SKIP_MODE,
	    V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_BUF_LIMIT);
	KUNIT_EXPECT_EQ(test, V4L2_RC_SKIP_BUFFER,
			config_of(controls).skip_mode);
}

static void the_time_of_the_cpb_wins(struct kunit *test)
{
	struct controls *controls = controls_make(test, &everything);
	struct v4l2_rc_config config;

	set(test, controls, V4L2_CID_MPEG_VIDEO_H264_CPB_SIZE, 125);
	config = config_of(controls);
	KUNIT_EXPECT_EQ(test, 0, config.cpb_ns);
	KUNIT_EXPECT_EQ(test, 1000000, config.cpb_bits);
	set(test, controls, V4L2_CID_STATELESS_ENC_CPB_TIME, 36700);
	config = config_of(controls);
	KUNIT_EXPECT_EQ(test, 36700 * NSEC_PER_USEC, config.cpb_ns);
	KUNIT_EXPECT_EQ(test, 0, config.cpb_bits);
	/* More than there can be is no reason to refuse it. */
	set(test, controls, V4L2_CID_STATELESS_ENC_CPB_TIME, 0);
	set(test, controls, V4L2_CID_MPEG_VIDEO_H264_CPB_SIZE, S32_MAX);
	config = config_of(controls);
	expect_good(test, &config);
}

static void limits_of_all_and_of_a_type_apply(struct kunit *test)
{
	struct controls *controls = controls_make(test, &everything);
	struct v4l2_rc_config config;

	set(test, controls, V4L2_CID_MPEG_VIDEO_H264_MIN_QP, 10);
	set(test, controls, V4L2_CID_MPEG_VIDEO_H264_MAX_QP, 40);
	set(test, controls, V4L2_CID_MPEG_VIDEO_H264_I_FRAME_MIN_QP, 5);
	set(test, controls, V4L2_CID_MPEG_VIDEO_H264_I_FRAME_MAX_QP, 45);
	set(test, controls, V4L2_CID_MPEG_VIDEO_H264_P_FRAME_MIN_QP, 15);
	set(test, controls, V4L2_CID_MPEG_VIDEO_H264_P_FRAME_MAX_QP, 35);
	config = config_of(controls);
	KUNIT_EXPECT_EQ(test, 10, config.i.min_qp);
	KUNIT_EXPECT_EQ(test, 40, config.i.max_qp);
	KUNIT_EXPECT_EQ(test, 15, config.p.min_qp);
	KUNIT_EXPECT_EQ(test, 35, config.p.max_qp);
}

static void layers_are_counted(struct kunit *test)
{
	struct controls *controls = controls_make(test, &everything);
	struct v4l2_rc_config config;

	set(test, controls, V4L2_CID_STATELESS_ENC_TEMPORAL_ID, 2);
	KUNIT_EXPECT_EQ(test, 1, config_of(controls).layers);
	KUNIT_EXPECT_EQ(test, 0, info_of(controls).temporal_layer);
	set(test, controls, V4L2_CID_MPEG_VIDEO_H264_HIERARCHICAL_CODING_LAYER,
	    2);
	set(test, controls, V4L2_CID_MPEG_VIDEO_H264_HIER_CODING_L0_BR, 100);
	set(test, controls, V4L2_CID_MPEG_VIDEO_H264_HIER_CODING_L2_BR, 300);
	config = config_of(controls);
	KUNIT_EXPECT_EQ(test, 2, config.layers);
	KUNIT_EXPECT_EQ(test, 100, config.layer_bitrates[0]);
	KUNIT_EXPECT_EQ(test, 0, config.layer_bitrates[1]);
	KUNIT_EXPECT_EQ(test, 300, config.layer_bitrates[2]);
	KUNIT_EXPECT_EQ(test, 1, info_of(controls).temporal_layer);
	/* The count says it all, and layers are a matter of the client. */
	KUNIT_EXPECT_FALSE(test,
			   has(controls,
			       V4L2_CID_MPEG_VIDEO_H264_HIERARCHICAL_CODING));
}

static void pictures_have_controls(struct kunit *test)
{
	struct controls *controls = controls_make(test, &everything);
	struct v4l2_rc_frame_info info;

	set(test, controls, V4L2_CID_STATELESS_ENC_FRAME_QP, 51);
	set(test, controls, V4L2_CID_STATELESS_ENC_FRAME_DURATION, S32_MAX);
	set(test, controls, V4L2_CID_STATELESS_ENC_HINTS,
	    V4L2_STATELESS_ENC_HINT_NEW_CONTENT);
	info = info_of(controls);
	KUNIT_EXPECT_EQ(test, 51, info.fixed_qp);
	KUNIT_EXPECT_EQ(test, V4L2_RC_MAX_DURATION_NS, info.duration_ns);
	KUNIT_EXPECT_EQ(test, V4L2_RC_FRAME_REFERENCE |
			V4L2_RC_FRAME_DISCONTINUITY, info.flags);
	set(test, controls, V4L2_CID_STATELESS_ENC_HINTS,
	    V4L2_STATELESS_ENC_HINT_KEEP);
	KUNIT_EXPECT_EQ(test, V4L2_RC_FRAME_REFERENCE |
			V4L2_RC_FRAME_UNDROPPABLE, info_of(controls).flags);
}

/* Has a request set a control, to what is at @value. */
static void set_in(struct kunit *test, struct v4l2_ctrl_handler *request,
		   u32 id, void *value)
{
	struct v4l2_ctrl_ref *ref;

	list_for_each_entry(ref, &request->ctrl_refs, node) {
		if (ref->ctrl->id == id) {
			ref->p_req.p = value;
			ref->p_req_valid = true;
			return;
		}
	}
	KUNIT_FAIL(test, "no control %x", id);
}

static void values_of_a_request_count(struct kunit *test)
{
	static struct lock_class_key of_requests;
	struct controls *controls = controls_make(test, &everything);
	struct controls *queued = controls_alloc(test);
	struct v4l2_ctrl_handler *request = &queued->handler;
	s32 bitrate = 300000, max_bits = 5000, qp = 33, layer = 1, layers = 2;
	struct v4l2_rc_config config;
	struct v4l2_rc_frame_info info;

	/* The file's is held while those of requests are taken. */
	lockdep_set_class(request->lock, &of_requests);
	KUNIT_ASSERT_EQ(test, 0, v4l2_ctrl_add_handler(request,
						       &controls->handler,
						       NULL, false));
	set_in(test, request, V4L2_CID_MPEG_VIDEO_BITRATE, &bitrate);
	set_in(test, request, V4L2_CID_STATELESS_ENC_MAX_P_BITS, &max_bits);
	set_in(test, request, V4L2_CID_STATELESS_ENC_FRAME_QP, &qp);
	set_in(test, request, V4L2_CID_STATELESS_ENC_TEMPORAL_ID, &layer);
	set_in(test, request,
	       V4L2_CID_MPEG_VIDEO_H264_HIERARCHICAL_CODING_LAYER, &layers);
	/* Whatever is set on the file after the request was queued. */
	set(test, controls, V4L2_CID_MPEG_VIDEO_BITRATE, 1);
	set(test, controls, V4L2_CID_STATELESS_ENC_MAX_P_BITS, 2);
	set(test, controls, V4L2_CID_STATELESS_ENC_FRAME_QP, 3);
	set(test, controls, V4L2_CID_STATELESS_ENC_TEMPORAL_ID, 0);
	config = config_of_request(controls, request);
	KUNIT_EXPECT_EQ(test, 300000, config.bitrate);
	KUNIT_EXPECT_EQ(test, 5000, config.p.max_bits);
	KUNIT_EXPECT_EQ(test, 2, config.layers);
	info = info_of_request(controls, request);
	KUNIT_EXPECT_EQ(test, 33, info.fixed_qp);
	KUNIT_EXPECT_EQ(test, 1, info.temporal_layer);
	/* What it does not set is the file's. */
	set(test, controls, V4L2_CID_STATELESS_ENC_MAX_I_BITS, 4);
	config = config_of_request(controls, request);
	KUNIT_EXPECT_EQ(test, 4, config.i.max_bits);
	KUNIT_EXPECT_EQ(test, 1, config_of(controls).bitrate);
	KUNIT_EXPECT_EQ(test, 3, info_of(controls).fixed_qp);
}

/* Of a request, of the file, and empty before there was one. */
static void programs_are_asked_for_by_name(struct kunit *test)
{
	static struct lock_class_key of_requests;
	struct controls *controls = controls_make(test, &everything);
	struct controls *queued = controls_alloc(test);
	struct v4l2_ctrl_handler *request = &queued->handler;
	u32 id = V4L2_CID_STATELESS_ENC_RC_PROGRAM;
	struct v4l2_ctrl *ctrl = v4l2_ctrl_find(&controls->handler, id);
	struct v4l2_rc_config config = config_of(controls);
	char of_request[V4L2_RC_PROGRAM_MAX] = "fifteen_letters";

	KUNIT_EXPECT_STREQ(test, "", config.program);
	KUNIT_ASSERT_NOT_NULL(test, ctrl);
	KUNIT_ASSERT_EQ(test, 0, v4l2_ctrl_s_ctrl_string(ctrl, "qp_floor"));
	config = config_of(controls);
	KUNIT_EXPECT_STREQ(test, "qp_floor", config.program);
	lockdep_set_class(request->lock, &of_requests);
	KUNIT_ASSERT_EQ(test, 0, v4l2_ctrl_add_handler(request,
						       &controls->handler,
						       NULL, false));
	set_in(test, request, id, of_request);
	config = config_of_request(controls, request);
	KUNIT_EXPECT_STREQ(test, of_request, config.program);
}

static void other_codecs_have_their_own(struct kunit *test)
{
	struct v4l2_rc_ctrls_params hevc = everything;
	struct v4l2_rc_config config;
	struct controls *controls;

	hevc.codec = V4L2_RC_CODEC_HEVC;
	controls = controls_make(test, &hevc);
	KUNIT_EXPECT_FALSE(test, has(controls,
				     V4L2_CID_MPEG_VIDEO_H264_MIN_QP));
	set(test, controls, V4L2_CID_MPEG_VIDEO_HEVC_MIN_QP, 11);
	set(test, controls, V4L2_CID_MPEG_VIDEO_HEVC_P_FRAME_MAX_QP, 44);
	set(test, controls, V4L2_CID_MPEG_VIDEO_HEVC_I_FRAME_QP, 22);
	set(test, controls, V4L2_CID_MPEG_VIDEO_VBV_SIZE, 1);
	set(test, controls, V4L2_CID_MPEG_VIDEO_HEVC_HIER_CODING_LAYER, 3);
	set(test, controls, V4L2_CID_MPEG_VIDEO_HEVC_HIER_CODING_L1_BR, 7);
	config = config_of(controls);
	KUNIT_EXPECT_EQ(test, 11, config.i.min_qp);
	KUNIT_EXPECT_EQ(test, 44, config.p.max_qp);
	KUNIT_EXPECT_EQ(test, 22, config.i.fixed_qp);
	KUNIT_EXPECT_EQ(test, 8000, config.cpb_bits);
	KUNIT_EXPECT_EQ(test, 3, config.layers);
	KUNIT_EXPECT_EQ(test, 7, config.layer_bitrates[1]);
}

static void a_driver_has_what_it_can_do(struct kunit *test)
{
	const struct v4l2_rc_ctrls_params little = {
		.codec = V4L2_RC_CODEC_VP8,
		.modes = V4L2_RC_MODE_BIT(V4L2_RC_MODE_CQ),
		.layers = 1,
		.bitrate = 1000,
		.max_bitrate = 2000,
		.i_qp = 100,
		.p_qp = 127,
	};
	struct controls *controls = controls_make(test, &little);
	struct v4l2_rc_config config;
	struct v4l2_ctrl *ctrl;

	KUNIT_EXPECT_FALSE(test, has(controls,
				     V4L2_CID_MPEG_VIDEO_BITRATE_PEAK));
	KUNIT_EXPECT_FALSE(test, has(controls,
				     V4L2_CID_STATELESS_ENC_QUALITY_CAP));
	KUNIT_EXPECT_FALSE(test, has(controls, V4L2_CID_STATELESS_ENC_FILLER));
	KUNIT_EXPECT_FALSE(test, has(controls, V4L2_CID_STATELESS_ENC_HRD));
	KUNIT_EXPECT_FALSE(test, has(controls,
				     V4L2_CID_MPEG_VIDEO_H264_MIN_QP));
	KUNIT_EXPECT_TRUE(test, has(controls, V4L2_CID_MPEG_VIDEO_VBV_SIZE));
	ctrl = v4l2_ctrl_find(&controls->handler, V4L2_CID_MPEG_VIDEO_BITRATE);
	KUNIT_ASSERT_NOT_NULL(test, ctrl);
	KUNIT_EXPECT_EQ(test, 2000, ctrl->maximum);
	ctrl = v4l2_ctrl_find(&controls->handler,
			      V4L2_CID_STATELESS_ENC_FRAME_QP);
	KUNIT_ASSERT_NOT_NULL(test, ctrl);
	KUNIT_EXPECT_EQ(test, 127, ctrl->maximum);

	config = config_of(controls);
	KUNIT_EXPECT_EQ(test, 100, config.i.fixed_qp);
	KUNIT_EXPECT_EQ(test, 127, config.p.max_qp);
	KUNIT_EXPECT_EQ(test, 1, config.layers);
	set(test, controls, V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1);
	KUNIT_EXPECT_EQ(test, V4L2_RC_MODE_CQ, config_of(controls).mode);
}

static void parameters_are_checked(struct kunit *test)
{
	struct controls *controls = controls_alloc(test);
	struct v4l2_rc_ctrls_params bad[7];
	u32 n;

	for (n = 0; n < ARRAY_SIZE(bad); n++)
		bad[n] = everything;
	bad[0].codec = V4L2_RC_CODEC_VP8 + 1;
	bad[1].modes = 0;
	bad[2].modes |= V4L2_RC_MODE_BIT(V4L2_RC_MODE_OFF);
	bad[3].modes = V4L2_RC_MODE_BIT(V4L2_RC_MODE_CAPPED_CQ);
	bad[4].flags = V4L2_RC_CONFIG_ALL + 1;
	bad[5].layers = V4L2_RC_MAX_TEMPORAL_LAYERS + 1;
	/* Controls are signed. */
	bad[6].max_bitrate = S32_MAX + 1U;
	for (n = 0; n < ARRAY_SIZE(bad); n++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    v4l2_rc_ctrls_init(&controls->ctrls,
						       &controls->handler,
						       NULL, &bad[n]),
				    "parameters %u", n);
	KUNIT_EXPECT_FALSE(test, has(controls,
				     V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE));
	/* A default out of range is the framework's matter. */
	bad[0] = everything;
	bad[0].p_qp = 52;
	KUNIT_EXPECT_EQ(test, -ERANGE,
			v4l2_rc_ctrls_init(&controls->ctrls, &controls->handler,
					   NULL, &bad[0]));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(defaults_are_rate_control_off),
	KUNIT_CASE(controls_become_the_configuration),
	KUNIT_CASE(the_time_of_the_cpb_wins),
	KUNIT_CASE(limits_of_all_and_of_a_type_apply),
	KUNIT_CASE(layers_are_counted),
	KUNIT_CASE(pictures_have_controls),
	KUNIT_CASE(values_of_a_request_count),
	KUNIT_CASE(programs_are_asked_for_by_name),
	KUNIT_CASE(other_codecs_have_their_own),
	KUNIT_CASE(a_driver_has_what_it_can_do),
	KUNIT_CASE(parameters_are_checked),
	{}
};

static struct kunit_suite suite = {
	.name = "v4l2_rc_abi_controls",
	.test_cases = cases,
};

kunit_test_suite(suite);
