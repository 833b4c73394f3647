/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rate control of V4L2 video encoders, shared by drivers.
 *
 * A driver has a session for each stream. For each picture it calls
 * v4l2_rc_frame_begin(), which decides how to code it, lets the hardware code
 * it, and calls v4l2_rc_frame_end() with the result and v4l2_rc_frame_commit()
 * when the picture is on its way to the application; or, whatever went wrong,
 * v4l2_rc_frame_cancel().
 *
 * The caller owns &struct v4l2_rc_frame and passes the same one to all calls of
 * a picture. Several pictures may have begun; they end, are committed or
 * cancelled in the order in which they began.
 *
 * All functions sleep and may be called concurrently.
 */
#ifndef _MEDIA_V4L2_RATE_CONTROL_H
#define _MEDIA_V4L2_RATE_CONTROL_H

#include <linux/types.h>

struct v4l2_rc_session;

/* Pictures of a session that may have begun and neither ended nor failed. */
#define V4L2_RC_MAX_OUTSTANDING	8

/* Of &v4l2_rc_frame.fixed_qp: the picture's QP is the session's. */
#define V4L2_RC_NO_FIXED_QP	(-1)

/* Temporal layers of a stream. */
#define V4L2_RC_MAX_TEMPORAL_LAYERS	3

/* Longest &v4l2_rc_frame.duration: what fits 31 bits in microseconds. */
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
 * @V4L2_RC_MODE_FIXED_QP: Each type of picture has its QP.
 */
enum v4l2_rc_mode {
	V4L2_RC_MODE_FIXED_QP,
};

/**
 * enum v4l2_rc_frame_type - Type of a picture
 *
 * @V4L2_RC_FRAME_I: Nothing is predicted from other pictures.
 * @V4L2_RC_FRAME_P: Each block is predicted from at most one other picture.
 */
enum v4l2_rc_frame_type {
	V4L2_RC_FRAME_I,
	V4L2_RC_FRAME_P,
};

/**
 * enum v4l2_rc_verdict - What is to be done with a coded picture
 *
 * @V4L2_RC_VERDICT_KEEP: It is given to the application as it is.
 */
enum v4l2_rc_verdict {
	V4L2_RC_VERDICT_KEEP,
};

/**
 * struct v4l2_rc_config - Configuration of a session
 *
 * All QPs are in the scale of the session's codec.
 *
 * @mode: &enum v4l2_rc_mode.
 * @i_qp: QP of I pictures.
 * @p_qp: QP of P pictures.
 * @min_qp: lowest QP of any picture.
 * @max_qp: highest QP of any picture. Where it is below @min_qp it wins: a
 *	picture that is too large does more harm than one that is too coarse.
 */
struct v4l2_rc_config {
	u32 mode;
	s32 i_qp;
	s32 p_qp;
	s32 min_qp;
	s32 max_qp;
};

/**
 * struct v4l2_rc_frame - A picture, from begin to commit or cancel
 *
 * @type: in, at begin: &enum v4l2_rc_frame_type.
 * @fixed_qp: in, at begin: QP of this picture, or V4L2_RC_NO_FIXED_QP.
 * @temporal_layer: in, at begin: 0, the base, and below
 *	V4L2_RC_MAX_TEMPORAL_LAYERS. A picture refers to none of a higher layer.
 * @duration: in, at begin: how long the picture is shown, in nanoseconds, at
 *	most V4L2_RC_MAX_DURATION_NS; 0 when it is as long as usual.
 * @cookie: out, at begin: names the picture. Not to be changed.
 * @qp: out, at begin: QP of every block.
 * @verdict: out, at end: &enum v4l2_rc_verdict.
 * @bytes: in, at end: size of the access unit in bytes, headers and emulation
 *	prevention included; not 0.
 * @header_bits: in, at end: how much of it are start codes, parameter sets and
 *	slice headers, in bits.
 */
struct v4l2_rc_frame {
	u32 type;
	s32 fixed_qp;
	u32 temporal_layer;
	u64 duration;
	u64 cookie;
	s32 qp;
	u32 verdict;
	u64 bytes;
	u64 header_bits;
};

/**
 * v4l2_rc_session_alloc() - Allocate a session
 *
 * @codec: &enum v4l2_rc_codec of the stream.
 *
 * The session has to be configured before its first picture.
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
 * v4l2_rc_session_configure() - Set the parameters of a session
 *
 * @session: the session.
 * @config: the parameters, all of them.
 *
 * They apply to the pictures that begin from now on, and can be changed at any
 * time. When this fails the session keeps those that it has.
 *
 * Return: 0, or -EINVAL for an unknown mode or a QP that the codec does not
 * have.
 */
int v4l2_rc_session_configure(struct v4l2_rc_session *session,
			      const struct v4l2_rc_config *config);

/**
 * v4l2_rc_session_reset() - Start a new stream
 *
 * @session: the session.
 *
 * Pictures that have begun are forgotten: their next call fails with -ESTALE.
 * The configuration stays.
 */
void v4l2_rc_session_reset(struct v4l2_rc_session *session);

/**
 * v4l2_rc_frame_begin() - Decide how to code a picture
 *
 * @session: the session.
 * @frame: with @type, @fixed_qp, @temporal_layer and @duration set; gets
 *	@cookie and @qp.
 *
 * Return: 0; -EINVAL for an unknown type, a fixed QP that the codec does not
 * have, or a layer or a duration out of range; -ENODATA when the session was
 * never configured; -EBUSY when V4L2_RC_MAX_OUTSTANDING pictures have begun
 * already.
 */
int v4l2_rc_frame_begin(struct v4l2_rc_session *session,
			struct v4l2_rc_frame *frame);

/**
 * v4l2_rc_frame_end() - Judge a coded picture
 *
 * @session: the session.
 * @frame: as v4l2_rc_frame_begin() left it, with @bytes and @header_bits set;
 *	gets @verdict.
 *
 * Return: 0; -EINVAL when it is not this picture's turn, or for sizes that
 * cannot be; -ESTALE when the session was reset or the picture is done with.
 */
int v4l2_rc_frame_end(struct v4l2_rc_session *session,
		      struct v4l2_rc_frame *frame);

/**
 * v4l2_rc_frame_commit() - The verdict on a picture has been carried out
 *
 * @session: the session.
 * @frame: as v4l2_rc_frame_end() left it.
 *
 * Return: 0; -EINVAL when it is not this picture's turn, or it has not ended;
 * -ESTALE when the session was reset or the picture is done with.
 */
int v4l2_rc_frame_commit(struct v4l2_rc_session *session,
			 const struct v4l2_rc_frame *frame);

/**
 * v4l2_rc_frame_cancel() - A picture will not be
 *
 * @session: the session.
 * @frame: as v4l2_rc_frame_begin() or v4l2_rc_frame_end() left it.
 *
 * Return: 0; -EINVAL when it is not this picture's turn; -ESTALE when the
 * session was reset or the picture is done with.
 */
int v4l2_rc_frame_cancel(struct v4l2_rc_session *session,
			 const struct v4l2_rc_frame *frame);

#endif /* _MEDIA_V4L2_RATE_CONTROL_H */
