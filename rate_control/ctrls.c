// SPDX-License-Identifier: GPL-2.0
/*
 * The controls by which an application sets up rate control: made on a
 * driver's handler, and read back into the configuration of a session.
 */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/v4l2-stateless-encoder.h>
#include <media/v4l2-ctrls.h>
#include <media/v4l2-rate-control.h>

/* Places in the array of &struct v4l2_rc_ctrls. */
enum rc_ctrl {
	RC_ENABLE,
	RC_BITRATE_MODE,
	RC_BITRATE,
	RC_BITRATE_PEAK,
	RC_BITRATE_WINDOW,
	RC_QUALITY,
	RC_QUALITY_CAP,
	RC_CPB_SIZE,
	RC_CPB_TIME,
	RC_CPB_STRICT,
	RC_INITIAL_DELAY,
	RC_MAX_DELAY,
	RC_FILLER,
	RC_HRD,
	RC_MIN_QP,
	RC_MAX_QP,
	RC_I_QP,
	RC_I_MIN_QP,
	RC_I_MAX_QP,
	RC_I_MAX_BITS,
	RC_P_QP,
	RC_P_MIN_QP,
	RC_P_MAX_QP,
	RC_P_MAX_BITS,
	RC_INITIAL_QP,
	RC_INTRA_SAFE,
	RC_SKIP_MODE,
	RC_MAX_SKIPS,
	RC_CONTENT,
	RC_LAYERS,
	RC_LAYER_BITRATE,
	RC_FRAME_QP = RC_LAYER_BITRATE + V4L2_RC_MAX_TEMPORAL_LAYERS,
	RC_TEMPORAL_ID,
	RC_DURATION,
	RC_HINTS,
	RC_PROGRAM,
	RC_COUNT,
};

static_assert(RC_COUNT <= V4L2_RC_MAX_CTRLS);

/* Standard controls of which each codec has its own; 0 for none. */
struct rc_codec {
	s32 max_qp;
	u32 cpb_size;
	u32 min_qp_id, max_qp_id;
	u32 i_qp_id, i_min_qp_id, i_max_qp_id;
	u32 p_qp_id, p_min_qp_id, p_max_qp_id;
	u32 layers_id, layer_bitrate_id;
};

static const struct rc_codec rc_codecs[] = {
	[V4L2_RC_CODEC_H264] = {
		.max_qp = 51,
		.cpb_size = V4L2_CID_MPEG_VIDEO_H264_CPB_SIZE,
		.min_qp_id = V4L2_CID_MPEG_VIDEO_H264_MIN_QP,
		.max_qp_id = V4L2_CID_MPEG_VIDEO_H264_MAX_QP,
		.i_qp_id = V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP,
		.i_min_qp_id = V4L2_CID_MPEG_VIDEO_H264_I_FRAME_MIN_QP,
		.i_max_qp_id = V4L2_CID_MPEG_VIDEO_H264_I_FRAME_MAX_QP,
		.p_qp_id = V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP,
		.p_min_qp_id = V4L2_CID_MPEG_VIDEO_H264_P_FRAME_MIN_QP,
		.p_max_qp_id = V4L2_CID_MPEG_VIDEO_H264_P_FRAME_MAX_QP,
		.layers_id =
			V4L2_CID_MPEG_VIDEO_H264_HIERARCHICAL_CODING_LAYER,
		.layer_bitrate_id = V4L2_CID_MPEG_VIDEO_H264_HIER_CODING_L0_BR,
	},
	[V4L2_RC_CODEC_HEVC] = {
		.max_qp = 51,
		.cpb_size = V4L2_CID_MPEG_VIDEO_VBV_SIZE,
		.min_qp_id = V4L2_CID_MPEG_VIDEO_HEVC_MIN_QP,
		.max_qp_id = V4L2_CID_MPEG_VIDEO_HEVC_MAX_QP,
		.i_qp_id = V4L2_CID_MPEG_VIDEO_HEVC_I_FRAME_QP,
		.i_min_qp_id = V4L2_CID_MPEG_VIDEO_HEVC_I_FRAME_MIN_QP,
		.i_max_qp_id = V4L2_CID_MPEG_VIDEO_HEVC_I_FRAME_MAX_QP,
		.p_qp_id = V4L2_CID_MPEG_VIDEO_HEVC_P_FRAME_QP,
		.p_min_qp_id = V4L2_CID_MPEG_VIDEO_HEVC_P_FRAME_MIN_QP,
		.p_max_qp_id = V4L2_CID_MPEG_VIDEO_HEVC_P_FRAME_MAX_QP,
		.layers_id = V4L2_CID_MPEG_VIDEO_HEVC_HIER_CODING_LAYER,
		.layer_bitrate_id = V4L2_CID_MPEG_VIDEO_HEVC_HIER_CODING_L0_BR,
	},
	[V4L2_RC_CODEC_VP8] = {
		.max_qp = 127,
		.cpb_size = V4L2_CID_MPEG_VIDEO_VBV_SIZE,
		.min_qp_id = V4L2_CID_MPEG_VIDEO_VPX_MIN_QP,
		.max_qp_id = V4L2_CID_MPEG_VIDEO_VPX_MAX_QP,
		.i_qp_id = V4L2_CID_MPEG_VIDEO_VPX_I_FRAME_QP,
		.p_qp_id = V4L2_CID_MPEG_VIDEO_VPX_P_FRAME_QP,
	},
};

/* The range of times, in microseconds. */
#define RC_MAX_TIME_US	(V4L2_RC_MAX_TIME_NS / NSEC_PER_USEC)

static const char * const rc_contents[] = {
	[V4L2_STATELESS_ENC_CONTENT_CAMERA] = "Camera",
	[V4L2_STATELESS_ENC_CONTENT_SCREEN] = "Screen",
	NULL,
};

#define RC_BOOLEAN(_id, _name) {					\
	.id = _id, .name = _name, .type = V4L2_CTRL_TYPE_BOOLEAN,	\
	.max = 1, .step = 1,						\
}

#define RC_INTEGER(_id, _name, _max) {					\
	.id = _id, .name = _name, .type = V4L2_CTRL_TYPE_INTEGER,	\
	.max = _max, .step = 1,						\
}

/* With the range -1, which is the default, to the highest QP of the codec. */
#define RC_QP(_id, _name) {						\
	.id = _id, .name = _name, .type = V4L2_CTRL_TYPE_INTEGER,	\
	.min = V4L2_RC_NO_QP, .def = V4L2_RC_NO_QP, .step = 1,		\
}

/* Controls that are not standard. */
static const struct v4l2_ctrl_config rc_own[RC_COUNT] = {
	[RC_BITRATE_WINDOW] = RC_INTEGER(V4L2_CID_STATELESS_ENC_BITRATE_WINDOW,
					 "Bitrate Window", RC_MAX_TIME_US),
	[RC_QUALITY_CAP] = RC_BOOLEAN(V4L2_CID_STATELESS_ENC_QUALITY_CAP,
				      "Constant Quality Cap"),
	[RC_CPB_TIME] = RC_INTEGER(V4L2_CID_STATELESS_ENC_CPB_TIME,
				   "CPB Size as Time", RC_MAX_TIME_US),
	[RC_CPB_STRICT] = RC_BOOLEAN(V4L2_CID_STATELESS_ENC_CPB_STRICT,
				     "Strict CPB"),
	[RC_MAX_DELAY] = RC_INTEGER(V4L2_CID_STATELESS_ENC_MAX_DELAY,
				    "Maximum Delay", RC_MAX_TIME_US),
	[RC_FILLER] = RC_BOOLEAN(V4L2_CID_STATELESS_ENC_FILLER, "Filler Data"),
	[RC_HRD] = RC_BOOLEAN(V4L2_CID_STATELESS_ENC_HRD, "HRD Parameters"),
	[RC_I_MAX_BITS] = RC_INTEGER(V4L2_CID_STATELESS_ENC_MAX_I_BITS,
				     "Maximum I-Frame Size in Bits", S32_MAX),
	[RC_P_MAX_BITS] = RC_INTEGER(V4L2_CID_STATELESS_ENC_MAX_P_BITS,
				     "Maximum P-Frame Size in Bits", S32_MAX),
	[RC_INITIAL_QP] = RC_QP(V4L2_CID_STATELESS_ENC_INITIAL_QP,
				"Initial QP Value"),
	[RC_INTRA_SAFE] = RC_BOOLEAN(V4L2_CID_STATELESS_ENC_INTRA_SAFE,
				     "Intra-Safe QP"),
	[RC_MAX_SKIPS] = RC_INTEGER(V4L2_CID_STATELESS_ENC_MAX_SKIPS,
				    "Maximum Skips in a Row", U16_MAX),
	[RC_CONTENT] = {
		.id = V4L2_CID_STATELESS_ENC_CONTENT,
		.name = "Content",
		.type = V4L2_CTRL_TYPE_MENU,
		.max = V4L2_STATELESS_ENC_CONTENT_SCREEN,
		.qmenu = rc_contents,
	},
	[RC_FRAME_QP] = RC_QP(V4L2_CID_STATELESS_ENC_FRAME_QP,
			      "Frame QP Value"),
	[RC_TEMPORAL_ID] = RC_INTEGER(V4L2_CID_STATELESS_ENC_TEMPORAL_ID,
				      "Temporal Layer ID",
				      V4L2_RC_MAX_TEMPORAL_LAYERS - 1),
	[RC_DURATION] = RC_INTEGER(V4L2_CID_STATELESS_ENC_FRAME_DURATION,
				   "Frame Duration in Microseconds", S32_MAX),
	[RC_HINTS] = {
		.id = V4L2_CID_STATELESS_ENC_HINTS,
		.name = "Frame Hints",
		.type = V4L2_CTRL_TYPE_BITMASK,
		.max = V4L2_STATELESS_ENC_HINT_NEW_CONTENT |
		       V4L2_STATELESS_ENC_HINT_KEEP,
	},
	[RC_PROGRAM] = {
		.id = V4L2_CID_STATELESS_ENC_RC_PROGRAM,
		.name = "Rate Control Program",
		.type = V4L2_CTRL_TYPE_STRING,
		.max = V4L2_RC_PROGRAM_MAX - 1,
		.step = 1,
	},
};

static_assert(V4L2_RC_MAX_DURATION_NS == (u64)S32_MAX * NSEC_PER_USEC);

/* What it takes to make a control. */
struct rc_maker {
	struct v4l2_rc_ctrls *ctrls;
	const struct v4l2_ctrl_ops *ops;
	const struct rc_codec *codec;
};

static void rc_std(const struct rc_maker *m, enum rc_ctrl which, u32 id,
		   s64 min, s64 max, s64 def)
{
	if (id)
		m->ctrls->ctrls[which] =
			v4l2_ctrl_new_std(m->ctrls->handler, m->ops, id, min,
					  max, 1, def);
}

static void rc_menu(const struct rc_maker *m, enum rc_ctrl which, u32 id,
		    u8 max, u64 skip, u8 def)
{
	if (id)
		m->ctrls->ctrls[which] =
			v4l2_ctrl_new_std_menu(m->ctrls->handler, m->ops, id,
					       max, skip, def);
}

static void rc_qp(const struct rc_maker *m, enum rc_ctrl which, u32 id, s32 def)
{
	rc_std(m, which, id, 0, m->codec->max_qp, def);
}

/* Not inlined: the frame of the caller would have a copy for each control. */
static noinline_for_stack void rc_make_own(const struct rc_maker *m,
					   enum rc_ctrl which)
{
	struct v4l2_ctrl_config config = rc_own[which];

	config.ops = m->ops;
	if (config.min == V4L2_RC_NO_QP)
		config.max = m->codec->max_qp;
	m->ctrls->ctrls[which] = v4l2_ctrl_new_custom(m->ctrls->handler,
						      &config, NULL);
}

static bool rc_has_mode(const struct v4l2_rc_ctrls_params *params,
			enum v4l2_rc_mode mode)
{
	return params->modes & V4L2_RC_MODE_BIT(mode);
}

static void rc_make_rates(const struct rc_maker *m,
			  const struct v4l2_rc_ctrls_params *params)
{
	s64 max = params->max_bitrate ?: S32_MAX;
	bool peak = rc_has_mode(params, V4L2_RC_MODE_VBR) ||
		    rc_has_mode(params, V4L2_RC_MODE_CAPPED_CQ);
	u8 def = V4L2_MPEG_VIDEO_BITRATE_MODE_CQ;
	u64 skip = 0;

	if (!rc_has_mode(params, V4L2_RC_MODE_CQ))
		skip |= BIT(V4L2_MPEG_VIDEO_BITRATE_MODE_CQ);
	if (rc_has_mode(params, V4L2_RC_MODE_VBR))
		def = V4L2_MPEG_VIDEO_BITRATE_MODE_VBR;
	else
		skip |= BIT(V4L2_MPEG_VIDEO_BITRATE_MODE_VBR);
	if (rc_has_mode(params, V4L2_RC_MODE_CBR))
		def = V4L2_MPEG_VIDEO_BITRATE_MODE_CBR;
	else
		skip |= BIT(V4L2_MPEG_VIDEO_BITRATE_MODE_CBR);

	rc_std(m, RC_ENABLE, V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 0, 1, 0);
	rc_menu(m, RC_BITRATE_MODE, V4L2_CID_MPEG_VIDEO_BITRATE_MODE,
		V4L2_MPEG_VIDEO_BITRATE_MODE_CQ, skip, def);
	rc_std(m, RC_BITRATE, V4L2_CID_MPEG_VIDEO_BITRATE, 1, max,
	       params->bitrate);
	if (peak)
		rc_std(m, RC_BITRATE_PEAK, V4L2_CID_MPEG_VIDEO_BITRATE_PEAK, 1,
		       max, params->bitrate);
	if (rc_has_mode(params, V4L2_RC_MODE_VBR))
		rc_make_own(m, RC_BITRATE_WINDOW);
	if (rc_has_mode(params, V4L2_RC_MODE_CQ))
		rc_std(m, RC_QUALITY, V4L2_CID_MPEG_VIDEO_CONSTANT_QUALITY, 1,
		       100, 80);
	if (rc_has_mode(params, V4L2_RC_MODE_CAPPED_CQ))
		rc_make_own(m, RC_QUALITY_CAP);
}

static void rc_make_cpb(const struct rc_maker *m, u32 flags)
{
	/* Longer than the longest CPB at the highest rate. */
	rc_std(m, RC_CPB_SIZE, m->codec->cpb_size, 0, S32_MAX, 0);
	rc_make_own(m, RC_CPB_TIME);
	rc_std(m, RC_INITIAL_DELAY, V4L2_CID_MPEG_VIDEO_VBV_DELAY, 0,
	       V4L2_RC_MAX_TIME_NS / NSEC_PER_MSEC, 0);
	if (flags & V4L2_RC_CONFIG_STRICT)
		rc_make_own(m, RC_CPB_STRICT);
	if (flags & V4L2_RC_CONFIG_LOW_DELAY)
		rc_make_own(m, RC_MAX_DELAY);
	if (flags & V4L2_RC_CONFIG_FILLER)
		rc_make_own(m, RC_FILLER);
	if (flags & V4L2_RC_CONFIG_HRD)
		rc_make_own(m, RC_HRD);
	rc_menu(m, RC_SKIP_MODE, V4L2_CID_MPEG_VIDEO_FRAME_SKIP_MODE,
		V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_BUF_LIMIT, 0,
		V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_DISABLED);
	rc_make_own(m, RC_MAX_SKIPS);
}

static void rc_make_limits(const struct rc_maker *m,
			   const struct v4l2_rc_ctrls_params *params)
{
	const struct rc_codec *codec = m->codec;

	rc_qp(m, RC_MIN_QP, codec->min_qp_id, 0);
	rc_qp(m, RC_MAX_QP, codec->max_qp_id, codec->max_qp);
	rc_qp(m, RC_I_QP, codec->i_qp_id, params->i_qp);
	rc_qp(m, RC_I_MIN_QP, codec->i_min_qp_id, 0);
	rc_qp(m, RC_I_MAX_QP, codec->i_max_qp_id, codec->max_qp);
	rc_make_own(m, RC_I_MAX_BITS);
	rc_qp(m, RC_P_QP, codec->p_qp_id, params->p_qp);
	rc_qp(m, RC_P_MIN_QP, codec->p_min_qp_id, 0);
	rc_qp(m, RC_P_MAX_QP, codec->p_max_qp_id, codec->max_qp);
	rc_make_own(m, RC_P_MAX_BITS);
	rc_make_own(m, RC_INITIAL_QP);
	if (params->flags & V4L2_RC_CONFIG_INTRA_SAFE)
		rc_make_own(m, RC_INTRA_SAFE);
	rc_make_own(m, RC_CONTENT);
}

static void rc_make_layers(const struct rc_maker *m, u32 layers)
{
	const struct rc_codec *codec = m->codec;
	u32 n;

	if (layers < 2 || !codec->layers_id)
		return;
	rc_std(m, RC_LAYERS, codec->layers_id, 1, layers, 1);
	for (n = 0; n < layers; n++)
		rc_std(m, RC_LAYER_BITRATE + n, codec->layer_bitrate_id + n, 0,
		       S32_MAX, 0);
}

int v4l2_rc_ctrls_init(struct v4l2_rc_ctrls *ctrls,
		       struct v4l2_ctrl_handler *handler,
		       const struct v4l2_ctrl_ops *ops,
		       const struct v4l2_rc_ctrls_params *params)
{
	const u32 modes = V4L2_RC_MODE_BIT(V4L2_RC_MODE_CBR) |
			  V4L2_RC_MODE_BIT(V4L2_RC_MODE_VBR) |
			  V4L2_RC_MODE_BIT(V4L2_RC_MODE_CQ) |
			  V4L2_RC_MODE_BIT(V4L2_RC_MODE_CAPPED_CQ);
	struct rc_maker m = { .ctrls = ctrls, .ops = ops };

	memset(ctrls, 0, sizeof(*ctrls));
	ctrls->handler = handler;
	if (params->codec >= ARRAY_SIZE(rc_codecs) ||
	    !params->modes || params->modes & ~modes ||
	    (rc_has_mode(params, V4L2_RC_MODE_CAPPED_CQ) &&
	     !rc_has_mode(params, V4L2_RC_MODE_CQ)) ||
	    params->flags & ~V4L2_RC_CONFIG_ALL ||
	    params->max_bitrate > S32_MAX ||
	    params->layers > V4L2_RC_MAX_TEMPORAL_LAYERS)
		return -EINVAL;

	m.codec = &rc_codecs[params->codec];
	rc_make_rates(&m, params);
	rc_make_cpb(&m, params->flags);
	rc_make_limits(&m, params);
	rc_make_layers(&m, params->layers);
	rc_make_own(&m, RC_FRAME_QP);
	rc_make_own(&m, RC_TEMPORAL_ID);
	rc_make_own(&m, RC_DURATION);
	rc_make_own(&m, RC_HINTS);
	rc_make_own(&m, RC_PROGRAM);
	return handler->error;
}
EXPORT_SYMBOL_GPL(v4l2_rc_ctrls_init);

/*
 * Where values are: those of the file, and before them those that a request
 * sets, of which there are few.
 */
struct rc_source {
	const struct v4l2_rc_ctrls *ctrls;
	u64 set;
	const void *values[RC_COUNT];
};

static_assert(RC_COUNT <= BITS_PER_LONG_LONG);

static void rc_source_init(struct rc_source *source,
			   const struct v4l2_rc_ctrls *ctrls,
			   const struct v4l2_ctrl_handler *request)
{
	const struct v4l2_ctrl_ref *ref;
	unsigned int which;

	source->ctrls = ctrls;
	source->set = 0;
	if (!request)
		return;
	list_for_each_entry(ref, &request->ctrl_refs, node) {
		if (!ref->p_req_valid)
			continue;
		for (which = 0; which < RC_COUNT; which++) {
			if (ctrls->ctrls[which] != ref->ctrl)
				continue;
			source->set |= BIT_ULL(which);
			source->values[which] = ref->p_req.p_const;
			break;
		}
	}
}

/*
 * Where the value of a control is, or NULL where the driver has none. What the
 * file has may have been set after the request was queued.
 */
static const void *rc_find(const struct rc_source *source, enum rc_ctrl which)
{
	const struct v4l2_ctrl *ctrl = source->ctrls->ctrls[which];

	if (!ctrl)
		return NULL;
	if (source->set & BIT_ULL(which))
		return source->values[which];
	return ctrl->p_cur.p_const;
}

/* The value of a control, or what stands for it where there is none. */
static s32 rc_value(const struct rc_source *source, enum rc_ctrl which,
		    s32 without)
{
	const s32 *value = rc_find(source, which);

	return value ? *value : without;
}

/* The same of a string. */
static const char *rc_string(const struct rc_source *source,
			     enum rc_ctrl which, const char *without)
{
	return rc_find(source, which) ?: without;
}

static u64 rc_time(const struct rc_source *source, enum rc_ctrl which)
{
	return (u64)rc_value(source, which, 0) * NSEC_PER_USEC;
}

static u32 rc_flag(const struct rc_source *source, enum rc_ctrl which,
		   u32 flag)
{
	return rc_value(source, which, 0) ? flag : 0;
}

static u32 rc_mode(const struct rc_source *source)
{
	if (!rc_value(source, RC_ENABLE, 0))
		return V4L2_RC_MODE_OFF;
	switch (rc_value(source, RC_BITRATE_MODE, 0)) {
	case V4L2_MPEG_VIDEO_BITRATE_MODE_CBR:
		return V4L2_RC_MODE_CBR;
	case V4L2_MPEG_VIDEO_BITRATE_MODE_VBR:
		return V4L2_RC_MODE_VBR;
	default:
		return rc_value(source, RC_QUALITY_CAP, 0) ?
			V4L2_RC_MODE_CAPPED_CQ : V4L2_RC_MODE_CQ;
	}
}

static u32 rc_skip_mode(const struct rc_source *source)
{
	switch (rc_value(source, RC_SKIP_MODE, 0)) {
	case V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_LEVEL_LIMIT:
		return V4L2_RC_SKIP_LEVEL;
	case V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_BUF_LIMIT:
		return V4L2_RC_SKIP_BUFFER;
	default:
		return V4L2_RC_SKIP_DISABLED;
	}
}

static u32 rc_layers(const struct rc_source *source)
{
	return rc_value(source, RC_LAYERS, 1);
}

/*
 * The limits of a type, whose controls are at @which and behind it. Those of
 * all types apply too.
 */
static struct v4l2_rc_limits rc_limits(const struct rc_source *source,
				       enum rc_ctrl which)
{
	s32 min = rc_value(source, RC_MIN_QP, 0);
	s32 max = rc_value(source, RC_MAX_QP, 0);

	static_assert(RC_I_MAX_BITS - RC_I_QP == 3);
	static_assert(RC_P_MAX_BITS - RC_P_QP == 3);
	return (struct v4l2_rc_limits) {
		.fixed_qp = rc_value(source, which, 0),
		.min_qp = max(min, rc_value(source, which + 1, min)),
		.max_qp = min(max, rc_value(source, which + 2, max)),
		.max_bits = rc_value(source, which + 3, 0),
	};
}

void v4l2_rc_ctrls_config(const struct v4l2_rc_ctrls *ctrls,
			  const struct v4l2_ctrl_handler *request,
			  struct v4l2_rc_config *config)
{
	struct rc_source source;
	u32 n;

	lockdep_assert_held(ctrls->handler->lock);

	rc_source_init(&source, ctrls, request);
	config->mode = rc_mode(&source);
	config->flags =
		rc_flag(&source, RC_CPB_STRICT, V4L2_RC_CONFIG_STRICT) |
		rc_flag(&source, RC_MAX_DELAY, V4L2_RC_CONFIG_LOW_DELAY) |
		rc_flag(&source, RC_FILLER, V4L2_RC_CONFIG_FILLER) |
		rc_flag(&source, RC_INTRA_SAFE, V4L2_RC_CONFIG_INTRA_SAFE) |
		rc_flag(&source, RC_HRD, V4L2_RC_CONFIG_HRD);
	config->bitrate = rc_value(&source, RC_BITRATE, 1);
	config->peak_bitrate = rc_value(&source, RC_BITRATE_PEAK, 1);
	config->window_ns = rc_time(&source, RC_BITRATE_WINDOW);
	config->cpb_ns = rc_time(&source, RC_CPB_TIME);
	/* In kilobytes; the time wins. */
	config->cpb_bits = config->cpb_ns ? 0 :
		(u64)rc_value(&source, RC_CPB_SIZE, 0) * 8000;
	config->initial_delay_ns =
		(u64)rc_value(&source, RC_INITIAL_DELAY, 0) * NSEC_PER_MSEC;
	config->max_delay_ns = rc_time(&source, RC_MAX_DELAY);
	config->i = rc_limits(&source, RC_I_QP);
	config->p = rc_limits(&source, RC_P_QP);
	config->initial_qp = rc_value(&source, RC_INITIAL_QP, V4L2_RC_NO_QP);
	config->skip_mode = rc_skip_mode(&source);
	config->max_skips = rc_value(&source, RC_MAX_SKIPS, 0);
	config->layers = rc_layers(&source);
	for (n = 0; n < V4L2_RC_MAX_TEMPORAL_LAYERS; n++)
		config->layer_bitrates[n] =
			rc_value(&source, RC_LAYER_BITRATE + n, 0);
	config->content = rc_value(&source, RC_CONTENT, 0) ==
			  V4L2_STATELESS_ENC_CONTENT_SCREEN ?
		V4L2_RC_CONTENT_SCREEN : V4L2_RC_CONTENT_CAMERA;
	config->quality = rc_value(&source, RC_QUALITY, 1);
	/* Without a control, the system's default. */
	strscpy(config->program, rc_string(&source, RC_PROGRAM, ""));
}
EXPORT_SYMBOL_GPL(v4l2_rc_ctrls_config);

void v4l2_rc_ctrls_frame(const struct v4l2_rc_ctrls *ctrls,
			 const struct v4l2_ctrl_handler *request,
			 struct v4l2_rc_frame_info *info)
{
	struct rc_source source;
	s32 hints;
	u32 layer;

	lockdep_assert_held(ctrls->handler->lock);

	rc_source_init(&source, ctrls, request);
	hints = rc_value(&source, RC_HINTS, 0);
	layer = rc_value(&source, RC_TEMPORAL_ID, 0);
	info->fixed_qp = rc_value(&source, RC_FRAME_QP, V4L2_RC_NO_QP);
	info->temporal_layer = min(layer, rc_layers(&source) - 1);
	info->duration_ns = rc_time(&source, RC_DURATION);
	if (hints & V4L2_STATELESS_ENC_HINT_NEW_CONTENT)
		info->flags |= V4L2_RC_FRAME_DISCONTINUITY;
	if (hints & V4L2_STATELESS_ENC_HINT_KEEP)
		info->flags |= V4L2_RC_FRAME_UNDROPPABLE;
}
EXPORT_SYMBOL_GPL(v4l2_rc_ctrls_frame);
