/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rate control of V4L2 video encoders, shared by drivers.
 *
 * A driver has a session for each stream: v4l2_rc_session_alloc(), when the
 * stream starts v4l2_rc_session_start() with what the hardware can do, and at
 * any time v4l2_rc_session_configure() with what the application wants. For
 * each picture it calls v4l2_rc_frame_begin(), which decides how to code it,
 * lets the hardware code it, calls v4l2_rc_frame_end() with the result, carries
 * out the verdict on it, and calls v4l2_rc_frame_commit() with the size of what
 * goes to the application; or, whatever went wrong, v4l2_rc_frame_cancel().
 *
 * The caller owns &struct v4l2_rc_frame and passes the same one to all calls of
 * a picture. Several pictures may have begun; they end and are committed, or
 * are cancelled, in the order in which they began. A verdict other than
 * V4L2_RC_VERDICT_KEEP is only given when no later picture has begun, as
 * nothing can refer to this one then.
 *
 * All functions sleep and may be called concurrently. A session has a mutex,
 * which is the innermost lock of whatever the caller holds. Allocating and
 * freeing a session also makes and removes files in debugfs, and the latter
 * waits for their readers: no lock may be held then that a page fault takes.
 *
 * Sizes are in bits, of whole access units with all headers and emulation
 * prevention, times in nanoseconds, QPs in the scale of the codec. The coded
 * picture buffer (CPB) is that of a hypothetical decoder, seen from the
 * encoder: its *fill* is what has been coded and not been sent yet,
 *
 *	fill(n) = max(0, fill(n - 1) - rate * interval(n)) + bits(n)
 *
 * A fill above the size of the CPB is a *violation*: the picture reaches the
 * decoder after the time at which it is to be decoded (an underflow of the
 * decoder's buffer, Rec. ITU-T H.264 clause C.3). A fill of 0 is an idle
 * channel.
 */
#ifndef _MEDIA_V4L2_RATE_CONTROL_H
#define _MEDIA_V4L2_RATE_CONTROL_H

#include <linux/types.h>

struct v4l2_ctrl;
struct v4l2_ctrl_handler;
struct v4l2_ctrl_ops;
struct v4l2_rc_session;

/* Pictures of a session that may have begun and not be committed yet. */
#define V4L2_RC_MAX_OUTSTANDING		8

/* In place of a QP: none is given. */
#define V4L2_RC_NO_QP			(-1)

/* Temporal layers of a stream. */
#define V4L2_RC_MAX_TEMPORAL_LAYERS	3

/* Points within a picture that a target can be given for. */
#define V4L2_RC_MAX_CHECKPOINTS		16

/* Largest picture: 8192x8192. */
#define V4L2_RC_MAX_MACROBLOCKS		(512 * 512)

/* Highest rate, in bits a second. */
#define V4L2_RC_MAX_BITRATE		0x80000000ULL

/* Largest picture and CPB, in bits. */
#define V4L2_RC_MAX_BITS		0x10000000000ULL

/* Length of a BPF program's name, with the 0 behind it. */
#define V4L2_RC_PROGRAM_MAX		16

/* Longest CPB, delay and averaging window. */
#define V4L2_RC_MAX_TIME_NS		1000000000000ULL

/* Longest &v4l2_rc_frame_info.duration: what fits 31 bits in microseconds. */
#define V4L2_RC_MAX_DURATION_NS		2147483647000ULL

/**
 * enum v4l2_rc_codec - Codec of a session, which gives its QPs their scale
 *
 * @V4L2_RC_CODEC_H264: H.264 with 8 bits a sample: QP 0..51.
 * @V4L2_RC_CODEC_HEVC: HEVC with 8 bits a sample: QP 0..51.
 * @V4L2_RC_CODEC_VP8: VP8: quantizer index 0..127.
 */
enum v4l2_rc_codec {
	V4L2_RC_CODEC_H264,
	V4L2_RC_CODEC_HEVC,
	V4L2_RC_CODEC_VP8,
};

/**
 * enum v4l2_rc_mode - What decides about the QP
 *
 * @V4L2_RC_MODE_OFF: each type of picture has its QP. There is no CPB.
 * @V4L2_RC_MODE_CBR: the bitrate, at all times; it drains the CPB.
 * @V4L2_RC_MODE_VBR: the bitrate, on average over a window; the peak bitrate
 *	drains the CPB.
 * @V4L2_RC_MODE_CQ: a constant quality. There is no CPB.
 * @V4L2_RC_MODE_CAPPED_CQ: a constant quality, as far as the peak bitrate and
 *	the CPB that it drains allow.
 */
enum v4l2_rc_mode {
	V4L2_RC_MODE_OFF,
	V4L2_RC_MODE_CBR,
	V4L2_RC_MODE_VBR,
	V4L2_RC_MODE_CQ,
	V4L2_RC_MODE_CAPPED_CQ,
};

/**
 * enum v4l2_rc_skip_mode - When a P picture may be skipped, before it is coded
 *	or afterwards
 *
 * @V4L2_RC_SKIP_DISABLED: never, unless &V4L2_RC_CONFIG_STRICT asks for it.
 * @V4L2_RC_SKIP_LEVEL: when the CPB of the level has no room for the picture.
 * @V4L2_RC_SKIP_BUFFER: when the CPB has no room for the picture.
 */
enum v4l2_rc_skip_mode {
	V4L2_RC_SKIP_DISABLED,
	V4L2_RC_SKIP_LEVEL,
	V4L2_RC_SKIP_BUFFER,
};

/**
 * enum v4l2_rc_content - What the pictures show
 *
 * @V4L2_RC_CONTENT_CAMERA: nature: what follows new content costs much too.
 * @V4L2_RC_CONTENT_SCREEN: a screen: once it is painted it is still.
 */
enum v4l2_rc_content {
	V4L2_RC_CONTENT_CAMERA,
	V4L2_RC_CONTENT_SCREEN,
};

/**
 * enum v4l2_rc_frame_type - Type of a picture
 *
 * @V4L2_RC_FRAME_I: nothing is predicted from other pictures.
 * @V4L2_RC_FRAME_P: blocks are predicted from earlier pictures.
 */
enum v4l2_rc_frame_type {
	V4L2_RC_FRAME_I,
	V4L2_RC_FRAME_P,
};

/**
 * enum v4l2_rc_action - How a picture is coded
 *
 * @V4L2_RC_ACTION_ENCODE: as it is.
 * @V4L2_RC_ACTION_SKIP: its source is not looked at: every macroblock is
 *	skipped. For decoders it is a picture like any other, with the
 *	frame_num, the picture order count and the marking that it would have
 *	had.
 */
enum v4l2_rc_action {
	V4L2_RC_ACTION_ENCODE,
	V4L2_RC_ACTION_SKIP,
};

/**
 * enum v4l2_rc_verdict - What is to be done with a coded picture
 *
 * @V4L2_RC_VERDICT_KEEP: it goes to the application.
 * @V4L2_RC_VERDICT_REPLACE_SKIP: a picture that only skips takes its place, as
 *	with V4L2_RC_ACTION_SKIP. The references are what they were before.
 * @V4L2_RC_VERDICT_DROP: there is no access unit for this source.
 */
enum v4l2_rc_verdict {
	V4L2_RC_VERDICT_KEEP,
	V4L2_RC_VERDICT_REPLACE_SKIP,
	V4L2_RC_VERDICT_DROP,
};

/*
 * Bits of &v4l2_rc_caps.levers. HARD_MAX: no coded picture is larger than
 * max_bits of its decision, if that is not below the floor of its type.
 * POST_SKIP: the driver carries out V4L2_RC_VERDICT_REPLACE_SKIP. POST_DROP:
 * the driver carries out V4L2_RC_VERDICT_DROP, for pictures that are no
 * reference. FILLER: the driver appends filler data.
 */
#define V4L2_RC_LEVER_HARD_MAX		0x00000001
#define V4L2_RC_LEVER_POST_SKIP		0x00000002
#define V4L2_RC_LEVER_POST_DROP		0x00000004
#define V4L2_RC_LEVER_FILLER		0x00000008
#define V4L2_RC_LEVER_ALL		0x0000000f

/**
 * struct v4l2_rc_caps - What the hardware, and its driver, can do for a stream
 *
 * @macroblocks: of 16x16 luma samples in a picture:
 *	1..V4L2_RC_MAX_MACROBLOCKS.
 * @levers: V4L2_RC_LEVER\_\* bits.
 * @max_checkpoints: at how many points within a picture the hardware compares
 *	what it has written with a target and changes the QP:
 *	0..V4L2_RC_MAX_CHECKPOINTS. Hardware that does so for each row takes as
 *	many as it likes, and interpolates.
 * @intra_floor_q8: bits that a macroblock of an I picture takes at least, times
 *	256; with V4L2_RC_LEVER_HARD_MAX.
 * @skip_bits: upper bound of the size of a P picture that only skips, without
 *	its headers.
 */
struct v4l2_rc_caps {
	u32 macroblocks;
	u32 levers;
	u32 max_checkpoints;
	u32 intra_floor_q8;
	u32 skip_bits;
};

/**
 * struct v4l2_rc_limits - What applies to pictures of one type
 *
 * @fixed_qp: QP in V4L2_RC_MODE_OFF.
 * @min_qp: lowest QP.
 * @max_qp: highest QP. Where it is below @min_qp it wins: a picture that is too
 *	large does more harm than one that is too coarse.
 * @max_bits: largest size; 0 for no limit. It is a promise with
 *	V4L2_RC_LEVER_HARD_MAX, unless it is below the least size that a picture
 *	can have, which then counts; else it is aimed at. Above V4L2_RC_MAX_BITS
 *	it is lowered to that.
 */
struct v4l2_rc_limits {
	s32 fixed_qp;
	s32 min_qp;
	s32 max_qp;
	u64 max_bits;
};

/*
 * Bits of &v4l2_rc_config.flags. STRICT: there are no violations, by what the
 * hardware has for it: with V4L2_RC_LEVER_HARD_MAX every picture is bounded;
 * else P pictures are skipped, however many before it were, and whoever gives
 * their QP: by V4L2_RC_LEVER_POST_SKIP, and only I pictures can violate the
 * CPB, and pictures that another has begun after; or before they are coded, by
 * the size that is predicted. LOW_DELAY: a picture may exceed the CPB as long
 * as the queue takes no longer than max_delay (in H.264 what
 * low_delay_hrd_flag 1 allows). FILLER: in V4L2_RC_MODE_CBR the channel never
 * idles: filler data is sent; needs V4L2_RC_LEVER_FILLER. INTRA_SAFE: P
 * pictures are never finer than what lets an I picture of the same QP fit into
 * the CPB: a cut then does little harm, and easy content is worse than it could
 * be. HRD: the stream tells decoders about the CPB: see &struct v4l2_rc_hrd.
 */
#define V4L2_RC_CONFIG_STRICT		0x00000001
#define V4L2_RC_CONFIG_LOW_DELAY	0x00000002
#define V4L2_RC_CONFIG_FILLER		0x00000004
#define V4L2_RC_CONFIG_INTRA_SAFE	0x00000008
#define V4L2_RC_CONFIG_HRD		0x00000010
#define V4L2_RC_CONFIG_ALL		0x0000001f

/**
 * struct v4l2_rc_config - Configuration of a session
 *
 * What the mode does not use is not looked at. Enumerators and flags that do
 * not exist, QPs that the codec does not have, and intervals out of range are
 * refused in any case.
 *
 * @mode: &enum v4l2_rc_mode.
 * @flags: V4L2_RC_CONFIG\_\* bits.
 * @bitrate: bits a second of all layers, in V4L2_RC_MODE_CBR and
 *	V4L2_RC_MODE_VBR: 1..V4L2_RC_MAX_BITRATE, else refused.
 * @peak_bitrate: bits a second that drain the CPB. In V4L2_RC_MODE_VBR up to
 *	V4L2_RC_MAX_BITRATE, below @bitrate it is raised to that; in
 *	V4L2_RC_MODE_CAPPED_CQ 1..V4L2_RC_MAX_BITRATE; else refused.
 * @window_ns: in V4L2_RC_MODE_VBR, time over which @bitrate is met; 0 for 10 s.
 *	Lowered to V4L2_RC_MAX_TIME_NS.
 * @cpb_ns: size of the CPB, in time of the rate that drains it; 0 for 1 s.
 *	Lowered to V4L2_RC_MAX_TIME_NS.
 * @cpb_bits: size of the CPB in bits; where it is not 0, @cpb_ns does not
 *	count. Lowered to V4L2_RC_MAX_BITS.
 * @level_cpb_bits: with V4L2_RC_SKIP_LEVEL, the largest CPB that the level of
 *	the stream allows; 0 for that of the session.
 * @initial_delay_ns: how long the decoder's buffer fills before the first
 *	picture leaves it; 0, or more than the CPB holds, for until it is full.
 * @max_delay_ns: time that what is coded may take to be sent; 0 for that of
 *	the CPB. A longer time counts with V4L2_RC_CONFIG_LOW_DELAY. A shorter
 *	one is kept by what keeps the CPB, as far as @max_skips allows:
 *	pictures are skipped on cuts for the sake of delay. Lowered to
 *	V4L2_RC_MAX_TIME_NS.
 * @interval_num: numerator of the time between pictures, in seconds.
 * @interval_den: its denominator. From 1/1001 to 1000 pictures a second, else
 *	refused.
 * @i: of I pictures.
 * @p: of P pictures.
 * @initial_qp: QP of the first picture of a stream, within its limits, or
 *	V4L2_RC_NO_QP; not in V4L2_RC_MODE_OFF.
 * @skip_mode: &enum v4l2_rc_skip_mode.
 * @max_skips: how many pictures in a row may be skipped or replaced because of
 *	@skip_mode; 0 for any number.
 * @layers: temporal layers, 1..V4L2_RC_MAX_TEMPORAL_LAYERS, else refused.
 * @layer_bitrates: in V4L2_RC_MODE_CBR, bits a second of each layer alone; all
 *	0 for shares of @bitrate that suit the usual dyadic structures. Where
 *	they are less than @bitrate together, no more than that is sent; where
 *	they are more, @bitrate. Lowered to V4L2_RC_MAX_BITRATE. With one layer
 *	not used, nor in other modes, where a picture of any layer has what all
 *	of them have.
 * @content: &enum v4l2_rc_content.
 * @quality: in V4L2_RC_MODE_CQ and V4L2_RC_MODE_CAPPED_CQ, 1..100, else
 *	refused. 100 is the best.
 * @program: name of the BPF program that is to take part, with a 0 behind it;
 *	empty or "default" for the system's default, "builtin" for none. It need
 *	not be there: it takes part when it is. Without a 0 it is refused.
 */
struct v4l2_rc_config {
	u32 mode;
	u32 flags;
	u64 bitrate;
	u64 peak_bitrate;
	u64 window_ns;
	u64 cpb_ns;
	u64 cpb_bits;
	u64 level_cpb_bits;
	u64 initial_delay_ns;
	u64 max_delay_ns;
	u32 interval_num;
	u32 interval_den;
	struct v4l2_rc_limits i;
	struct v4l2_rc_limits p;
	s32 initial_qp;
	u32 skip_mode;
	u32 max_skips;
	u32 layers;
	u64 layer_bitrates[V4L2_RC_MAX_TEMPORAL_LAYERS];
	u32 content;
	u32 quality;
	char program[V4L2_RC_PROGRAM_MAX];
};

/*
 * Bits of &v4l2_rc_frame_info.flags. IDR: the picture starts a sequence and is
 * an I picture. REFERENCE: later pictures may refer to it. LONG_TERM: it
 * becomes a long-term reference, or marks others. UNDROPPABLE: it is coded
 * whatever the CPB says. DISCONTINUITY: its content has nothing to do with what
 * came before. ANALYSIS: inter_cost and intra_cost are valid. IDR and LONG_TERM
 * pictures are neither skipped nor replaced, as if they were UNDROPPABLE.
 */
#define V4L2_RC_FRAME_IDR		0x00000001
#define V4L2_RC_FRAME_REFERENCE		0x00000002
#define V4L2_RC_FRAME_LONG_TERM		0x00000004
#define V4L2_RC_FRAME_UNDROPPABLE	0x00000008
#define V4L2_RC_FRAME_DISCONTINUITY	0x00000010
#define V4L2_RC_FRAME_ANALYSIS		0x00000020
#define V4L2_RC_FRAME_ALL		0x0000003f

/**
 * struct v4l2_rc_frame_info - What is known of a picture before it is coded
 *
 * @type: &enum v4l2_rc_frame_type.
 * @flags: V4L2_RC_FRAME\_\* bits.
 * @fixed_qp: QP of this picture, within the limits of its type, or
 *	V4L2_RC_NO_QP.
 * @temporal_layer: 0, the base, and below the layers of the configuration, or
 *	V4L2_RC_MAX_TEMPORAL_LAYERS in V4L2_RC_MODE_OFF and V4L2_RC_MODE_CQ. A
 *	picture refers to none of a higher layer.
 * @duration_ns: time since the picture before, at most V4L2_RC_MAX_DURATION_NS;
 *	0 for the interval of the configuration.
 * @header_bits: upper bound of everything in the access unit that is not slice
 *	data: delimiter, parameter sets, SEI and slice headers.
 * @max_bits: largest size, for this picture alone: as
 *	&v4l2_rc_limits.max_bits.
 * @inter_cost: sum over the macroblocks of how much the source differs from its
 *	prediction, by the best prediction that a P picture has. The unit does
 *	not matter as long as it stays the same.
 * @intra_cost: the same with intra prediction alone, in the same unit.
 * @ref_distance: how many pictures of the stream back, in coding order and with
 *	those that only skip, the newest picture is that this one is predicted
 *	from: 1 for the one before. 0 where that is not known, which counts as
 *	1. Not looked at for I pictures. Pictures, not time: what changes in
 *	the interval of a picture is known from those before it.
 */
struct v4l2_rc_frame_info {
	u32 type;
	u32 flags;
	s32 fixed_qp;
	u32 temporal_layer;
	u64 duration_ns;
	u64 header_bits;
	u64 max_bits;
	u64 inter_cost;
	u64 intra_cost;
	u32 ref_distance;
};

/*
 * Bits of &v4l2_rc_decision.reasons. FIXED_QP: the QP is given, by the mode or
 * for this picture. INITIAL_QP: the QP is that of the first picture. MIN_QP and
 * MAX_QP: the limit decides. NEW_CONTENT: a picture much larger than the others
 * is expected. CPB_FULL: the picture is skipped for want of room. FLOOR:
 * max_bits is the least that a picture can have, which is more than the limits
 * allow. PROGRAM: a BPF program was asked about the picture, and after its
 * answer _CLAMPED: the kernel has changed some of that back; _FAILED: it gave
 * an error or took too long. PROGRAM_EJECTED: for that, the program that the
 * session asks for is not asked any more, from this picture on. PROGRAM_TARGET:
 * target_bits is what the program wants; PROGRAM_CHECKPOINTS: num_checkpoints
 * and checkpoints are. Without these a driver may well keep to the QP, as it
 * was chosen with the pictures to come in mind; a program that sets them wants
 * them followed.
 */
#define V4L2_RC_REASON_FIXED_QP		0x00000001
#define V4L2_RC_REASON_INITIAL_QP	0x00000002
#define V4L2_RC_REASON_MIN_QP		0x00000004
#define V4L2_RC_REASON_MAX_QP		0x00000008
#define V4L2_RC_REASON_NEW_CONTENT	0x00000010
#define V4L2_RC_REASON_CPB_FULL		0x00000020
#define V4L2_RC_REASON_FLOOR		0x00000040
#define V4L2_RC_REASON_PROGRAM		0x00000080
#define V4L2_RC_REASON_PROGRAM_CLAMPED	0x00000100
#define V4L2_RC_REASON_PROGRAM_FAILED	0x00000200
#define V4L2_RC_REASON_PROGRAM_EJECTED	0x00000400
#define V4L2_RC_REASON_PROGRAM_TARGET	0x00000800
#define V4L2_RC_REASON_PROGRAM_CHECKPOINTS	0x00001000

/**
 * struct v4l2_rc_hrd - What the stream tells decoders about the CPB
 *
 * Given with V4L2_RC_CONFIG_HRD in modes that have a CPB, and else zero. The
 * rate is then rounded to what Rec. ITU-T H.264 clause E.2.2 can express, and
 * the controller counts with that; durations are rounded to ticks; and a
 * configuration that changes the CPB, its rate or the interval waits for the
 * next IDR picture, which brings an SPS. Of one that waits, the QPs and their
 * limits, the sizes of pictures, strictness and the skip mode count at once;
 * and in V4L2_RC_MODE_OFF pictures have the fixed QP and none is skipped.
 *
 * @bit_rate: BitRate, a multiple of 64 bits a second.
 * @cpb_bits: CpbSize, a multiple of 16 bits.
 * @initial_removal_delay: initial_cpb_removal_delay for a buffering period that
 *	starts at this picture, in units of 90 kHz.
 * @initial_removal_delay_offset: initial_cpb_removal_delay_offset, likewise.
 * @removal_delay: cpb_removal_delay, in ticks since the last IDR picture: a
 *	tick is half of the interval (num_units_in_tick = interval_num and
 *	time_scale = 2 * interval_den). Modulo 2^32.
 */
struct v4l2_rc_hrd {
	u64 bit_rate;
	u64 cpb_bits;
	u32 initial_removal_delay;
	u32 initial_removal_delay_offset;
	u32 removal_delay;
};

/**
 * struct v4l2_rc_decision - How a picture is to be coded
 *
 * The members up to @checkpoints say what is to be done, the others why.
 *
 * @action: &enum v4l2_rc_action.
 * @qp: QP at which the picture starts, and has as a whole without checkpoints.
 * @min_qp: lowest QP of any macroblock.
 * @max_qp: highest QP of any macroblock. Both are @qp where it is given.
 * @target_bits: size to aim at; 0 where the mode has none.
 * @max_bits: size not to be exceeded, by hardware that has
 *	V4L2_RC_LEVER_HARD_MAX; 0 for none.
 * @num_checkpoints: entries of @checkpoints that are used. 0 when the QP is to
 *	be the same for all of the picture.
 * @checkpoints: bits that are to be written, headers included, after (n + 1) /
 *	@num_checkpoints of the picture's macroblocks; at most U32_MAX.
 * @reasons: V4L2_RC_REASON\_\* bits.
 * @predicted_bits: size that the picture probably has.
 * @cpb_fill: what the CPB holds before the picture, with predictions for those
 *	that have begun and not been committed.
 * @cpb_bits: size of the CPB; 0 where the mode has none.
 * @hrd: for VUI, buffering period and picture timing SEI.
 * @cookie: names the picture in its session. Never 0.
 */
struct v4l2_rc_decision {
	u32 action;
	s32 qp;
	s32 min_qp;
	s32 max_qp;
	u64 target_bits;
	u64 max_bits;
	u32 num_checkpoints;
	u32 checkpoints[V4L2_RC_MAX_CHECKPOINTS];
	u32 reasons;
	u64 predicted_bits;
	u64 cpb_fill;
	u64 cpb_bits;
	struct v4l2_rc_hrd hrd;
	u64 cookie;
};

/*
 * Bits of &v4l2_rc_result.valid: the fields of these names are valid. MBS:
 * intra_mbs and skip_mbs.
 */
#define V4L2_RC_RESULT_MEAN_QP		0x00000001
#define V4L2_RC_RESULT_NONZERO		0x00000002
#define V4L2_RC_RESULT_SAD		0x00000004
#define V4L2_RC_RESULT_MAD		0x00000008
#define V4L2_RC_RESULT_SSE		0x00000010
#define V4L2_RC_RESULT_MBS		0x00000020
#define V4L2_RC_RESULT_ALL		0x0000003f

/**
 * struct v4l2_rc_result - How a picture was coded
 *
 * What @valid has no bit of is ignored.
 *
 * @valid: V4L2_RC_RESULT\_\* bits.
 * @bytes: size of the access unit: 1..V4L2_RC_MAX_BITS / 8.
 * @header_bits: how much of it is no slice data.
 * @mean_qp_q8: mean QP of the macroblocks, times 256.
 * @forced_skips: macroblocks that were coded with the fewest bits to keep
 *	within &v4l2_rc_decision.max_bits; 0 without V4L2_RC_LEVER_HARD_MAX.
 * @nonzero: transform coefficient levels that are not 0.
 * @intra_mbs: intra macroblocks.
 * @skip_mbs: skipped macroblocks.
 * @sad: sum of absolute differences of source and prediction, luma.
 * @mad: sum of absolute differences of source and the mean of its macroblock.
 * @sse: sum of squared errors of the reconstruction, luma.
 */
struct v4l2_rc_result {
	u32 valid;
	u64 bytes;
	u64 header_bits;
	s32 mean_qp_q8;
	u32 forced_skips;
	u32 nonzero;
	u32 intra_mbs;
	u32 skip_mbs;
	u64 sad;
	u64 mad;
	u64 sse;
};

/**
 * struct v4l2_rc_judgement - What becomes of a coded picture
 *
 * @verdict: &enum v4l2_rc_verdict.
 * @filler_bytes: size of the filler data NAL unit, start code of four bytes
 *	included, to be appended: 0, or 6 and more. 0 without
 *	V4L2_RC_CONFIG_FILLER. With V4L2_RC_VERDICT_REPLACE_SKIP the size of the
 *	picture that takes the place is to be taken off.
 * @violation_bits: by how much the picture exceeds the CPB, or with
 *	V4L2_RC_CONFIG_LOW_DELAY the longest queue, if it is kept; once it is
 *	committed, by how much that which was sent does.
 * @cpb_fill: what the CPB holds with the picture and its filler data, or once
 *	it is committed with what took its place.
 * @delay_ns: how long it takes to send @cpb_fill.
 */
struct v4l2_rc_judgement {
	u32 verdict;
	u64 filler_bytes;
	u64 violation_bits;
	u64 cpb_fill;
	u64 delay_ns;
};

/**
 * struct v4l2_rc_frame - A picture, from begin to commit or cancel
 *
 * @info: set before v4l2_rc_frame_begin().
 * @decision: set by v4l2_rc_frame_begin(). Not to be changed.
 * @result: set before v4l2_rc_frame_end().
 * @judgement: set by v4l2_rc_frame_end().
 */
struct v4l2_rc_frame {
	struct v4l2_rc_frame_info info;
	struct v4l2_rc_decision decision;
	struct v4l2_rc_result result;
	struct v4l2_rc_judgement judgement;
};

/**
 * struct v4l2_rc_state - Where a session is
 *
 * @cpb_fill: what the CPB holds with all pictures that are committed.
 * @cpb_bits: size of the CPB; 0 where the mode has none.
 * @delay_ns: how long it takes to send @cpb_fill.
 * @debt: bits beyond the bitrate so far; negative for bits saved. What has
 *	expired is not in it.
 * @outstanding: pictures that have begun and are neither committed nor
 *	cancelled.
 * @frames: pictures committed since the start.
 * @bytes: their sizes.
 * @skipped: how many of them only skip, by decision or by verdict.
 * @dropped: how many of them have no access unit.
 * @cancelled: pictures cancelled since the start.
 * @violations: pictures that were kept and violate the CPB.
 */
struct v4l2_rc_state {
	u64 cpb_fill;
	u64 cpb_bits;
	u64 delay_ns;
	s64 debt;
	u32 outstanding;
	u64 frames;
	u64 bytes;
	u64 skipped;
	u64 dropped;
	u64 cancelled;
	u64 violations;
};

/**
 * v4l2_rc_session_alloc() - Allocate a session
 *
 * @codec: &enum v4l2_rc_codec of the stream.
 *
 * The session has to be started and configured before its first picture, in any
 * order.
 *
 * Return: the session, or ERR_PTR() of -EINVAL for an unknown codec or -ENOMEM.
 */
struct v4l2_rc_session *v4l2_rc_session_alloc(u32 codec);

/**
 * v4l2_rc_session_free() - Free a session
 *
 * @session: from v4l2_rc_session_alloc(), or NULL or an ERR_PTR(), which are
 *	ignored. No call that uses it may be running or follow.
 */
void v4l2_rc_session_free(struct v4l2_rc_session *session);

/**
 * v4l2_rc_session_start() - Start a stream
 *
 * @session: the session.
 * @caps: what the hardware can do for it.
 *
 * As v4l2_rc_session_reset(), and with other capabilities from now on: to be
 * called when a driver starts streaming, as the size of the pictures may have
 * changed. When this fails the session stays as it is.
 *
 * Return: 0, or -EINVAL for capabilities out of their ranges.
 */
int v4l2_rc_session_start(struct v4l2_rc_session *session,
			  const struct v4l2_rc_caps *caps);

/**
 * v4l2_rc_session_configure() - Set the parameters of a session
 *
 * @session: the session.
 * @config: the parameters, all of them.
 *
 * They apply to the pictures that begin from now on, and can be changed at any
 * time; those that have begun keep their decisions. The CPB stays as full as it
 * is. To set what is set already costs next to nothing. When this fails the
 * session keeps the parameters that it has.
 *
 * Return: 0, or -EINVAL as &struct v4l2_rc_config describes.
 */
int v4l2_rc_session_configure(struct v4l2_rc_session *session,
			      const struct v4l2_rc_config *config);

/**
 * v4l2_rc_session_reset() - Forget all pictures
 *
 * @session: the session.
 *
 * The next picture is the first one of a stream: the CPB is as it was
 * configured to start, and nothing is known of the content. Pictures that have
 * begun are forgotten: their next call fails with -ESTALE. Capabilities and
 * configuration stay.
 */
void v4l2_rc_session_reset(struct v4l2_rc_session *session);

/**
 * v4l2_rc_config_hrd() - What the stream will tell decoders about the CPB
 *
 * @config: a configuration, of no session yet.
 * @hrd: gets @bit_rate and @cpb_bits as the decisions on pictures with @config
 *	have them. What differs from picture to picture is zero, and all of it
 *	where decoders are told nothing.
 *
 * For what has to be known before a picture begins, as the level of its SPS.
 *
 * Return: 0, or -EINVAL for modes and flags that do not exist.
 */
int v4l2_rc_config_hrd(const struct v4l2_rc_config *config,
		       struct v4l2_rc_hrd *hrd);

/**
 * v4l2_rc_session_state() - Where a session is
 *
 * @session: the session.
 * @state: gets it.
 */
void v4l2_rc_session_state(struct v4l2_rc_session *session,
			   struct v4l2_rc_state *state);

/**
 * v4l2_rc_session_id() - The number of a session
 *
 * @session: the session.
 *
 * It names the session in debugfs and tracepoints.
 *
 * Return: a number that no other session has had since the module was loaded,
 * not 0.
 */
u64 v4l2_rc_session_id(const struct v4l2_rc_session *session);

/**
 * v4l2_rc_frame_begin() - Decide how to code a picture
 *
 * @session: the session.
 * @frame: with &v4l2_rc_frame.info set; gets &v4l2_rc_frame.decision.
 *
 * It is time to call this when the picture's job starts: the later, the more is
 * known. The interval since the picture before passes, whatever becomes of this
 * one.
 *
 * Return: 0; -EINVAL for what &struct v4l2_rc_frame_info does not allow;
 * -ENODATA when the session was never started or never configured; -EBUSY when
 * V4L2_RC_MAX_OUTSTANDING pictures have begun already.
 */
int v4l2_rc_frame_begin(struct v4l2_rc_session *session,
			struct v4l2_rc_frame *frame);

/**
 * v4l2_rc_frame_end() - Judge a coded picture
 *
 * @session: the session.
 * @frame: as v4l2_rc_frame_begin() left it, with &v4l2_rc_frame.result set;
 *	gets &v4l2_rc_frame.judgement.
 *
 * Return: 0; -EINVAL when it is not this picture's turn, or it has ended, or
 * for a result that cannot be; -ESTALE when the session was reset or the
 * picture is done with.
 */
int v4l2_rc_frame_end(struct v4l2_rc_session *session,
		      struct v4l2_rc_frame *frame);

/**
 * v4l2_rc_frame_commit() - The verdict on a picture has been carried out
 *
 * @session: the session.
 * @frame: as v4l2_rc_frame_end() left it; cpb_fill, violation_bits and delay_ns
 *	of its &v4l2_rc_frame.judgement are updated.
 * @bytes: size of what goes to the application: the access unit with its filler
 *	data, the picture in its place, or 0 for none.
 *
 * A driver that could not carry out a verdict commits what it did instead.
 *
 * Return: 0; -EINVAL when it is not this picture's turn, it has not ended, or
 * for a size above V4L2_RC_MAX_BITS; -ESTALE when the session was reset or the
 * picture is done with.
 */
int v4l2_rc_frame_commit(struct v4l2_rc_session *session,
			 struct v4l2_rc_frame *frame, u64 bytes);

/**
 * v4l2_rc_frame_cancel() - A picture will not be
 *
 * @session: the session.
 * @frame: as v4l2_rc_frame_begin() or v4l2_rc_frame_end() left it.
 *
 * For errors of the hardware, and whatever else keeps the picture from the
 * application. Nothing was sent. Nothing is learnt from a picture that has not
 * been judged; what was learnt by judging one stays. A picture for which a
 * buffer was too small is therefore judged first, with a size that is above the
 * buffer's: else the next one would be as large.
 *
 * Return: 0; -EINVAL when it is not this picture's turn; -ESTALE when the
 * session was reset or the picture is done with.
 */
int v4l2_rc_frame_cancel(struct v4l2_rc_session *session,
			 const struct v4l2_rc_frame *frame);

/* Controls that v4l2_rc_ctrls_init() makes at most. */
#define V4L2_RC_MAX_CTRLS		48

/**
 * struct v4l2_rc_ctrls - The controls by which an application sets up a session
 *
 * @handler: the handler that has them.
 * @ctrls: those that the driver has, in an order that is a matter of the
 *	helper, and NULL for the others.
 */
struct v4l2_rc_ctrls {
	struct v4l2_ctrl_handler *handler;
	struct v4l2_ctrl *ctrls[V4L2_RC_MAX_CTRLS];
};

/* A bit of &v4l2_rc_ctrls_params.modes. */
#define V4L2_RC_MODE_BIT(mode)		(1U << (mode))

/**
 * struct v4l2_rc_ctrls_params - What an application can choose
 *
 * @codec: &enum v4l2_rc_codec.
 * @modes: modes beside V4L2_RC_MODE_OFF, one at least: V4L2_RC_MODE_BIT() of
 *	each. V4L2_RC_MODE_CAPPED_CQ needs V4L2_RC_MODE_CQ.
 * @flags: V4L2_RC_CONFIG\_\* bits that an application can set.
 * @layers: most temporal layers.
 * @bitrate: default, in bits a second.
 * @max_bitrate: highest bitrate, at most S32_MAX; 0 for that.
 * @i_qp: default QP of I pictures in V4L2_RC_MODE_OFF.
 * @p_qp: default QP of P pictures in V4L2_RC_MODE_OFF.
 */
struct v4l2_rc_ctrls_params {
	u32 codec;
	u32 modes;
	u32 flags;
	u32 layers;
	u32 bitrate;
	u32 max_bitrate;
	s32 i_qp;
	s32 p_qp;
};

/**
 * v4l2_rc_ctrls_init() - Make the controls of a session
 *
 * @ctrls: gets them.
 * @handler: the handler that they are added to, with about as many buckets as
 *	for 40 controls more. It frees them.
 * @ops: operations of the controls, or NULL: none is needed.
 * @params: what an application can choose.
 *
 * Documentation/userspace-api/ext-ctrls-stateless-rate.rst describes them.
 *
 * Return: 0; -EINVAL for parameters that cannot be; or the error that the
 * handler has, of this or of an earlier call.
 */
int v4l2_rc_ctrls_init(struct v4l2_rc_ctrls *ctrls,
		       struct v4l2_ctrl_handler *handler,
		       const struct v4l2_ctrl_ops *ops,
		       const struct v4l2_rc_ctrls_params *params);

/**
 * v4l2_rc_ctrls_config() - What the controls say of a session
 *
 * @ctrls: from v4l2_rc_ctrls_init().
 * @request: the handler that a queued request has for that of @ctrls, from
 *	v4l2_ctrl_request_hdl_find(), or NULL.
 * @config: gets it. @interval_num, @interval_den and @level_cpb_bits, which no
 *	control has, are left alone.
 *
 * The lock of the handler of @ctrls is held; of a request,
 * v4l2_ctrl_request_setup() has been called. The values that the request has
 * count, whatever has been set on the file since. What this gives is never
 * refused, but for the interval.
 */
void v4l2_rc_ctrls_config(const struct v4l2_rc_ctrls *ctrls,
			  const struct v4l2_ctrl_handler *request,
			  struct v4l2_rc_config *config);

/**
 * v4l2_rc_ctrls_frame() - What the controls say of a picture
 *
 * @ctrls: from v4l2_rc_ctrls_init().
 * @request: as for v4l2_rc_ctrls_config().
 * @info: gets @fixed_qp, @temporal_layer and @duration_ns, and in @flags
 *	V4L2_RC_FRAME_UNDROPPABLE and V4L2_RC_FRAME_DISCONTINUITY in addition to
 *	those that are set. The rest is left alone.
 *
 * As v4l2_rc_ctrls_config(). A temporal layer that the configuration does not
 * have counts as the highest one that it has.
 */
void v4l2_rc_ctrls_frame(const struct v4l2_rc_ctrls *ctrls,
			 const struct v4l2_ctrl_handler *request,
			 struct v4l2_rc_frame_info *info);

#endif /* _MEDIA_V4L2_RATE_CONTROL_H */
