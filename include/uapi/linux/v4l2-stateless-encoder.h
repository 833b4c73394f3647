/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Controls of V4L2 stateless video encoders that Linux 7.3 does not have.
 *
 * This header is the only place where their numbers are defined: it is what
 * has to change when they are renumbered on their way upstream.
 *
 * The sizes and offsets of all structures are the same for 32-bit and 64-bit
 * user space, and no structure has an implicit hole.
 */
#ifndef _UAPI_LINUX_V4L2_STATELESS_ENCODER_H
#define _UAPI_LINUX_V4L2_STATELESS_ENCODER_H

#include <linux/types.h>
#include <linux/v4l2-controls.h>
#include <linux/videodev2.h>

#ifdef __KERNEL__
#include <linux/build_bug.h>
#endif

/*
 * H.264 encode parameters, as in the linux-media series "media: Add V4L2 H.264
 * stateless encode and VC8000E support". A kernel that has them wins.
 */
#ifndef V4L2_CID_STATELESS_H264_ENCODE_PARAMS

/* A value of enum v4l2_ctrl_type: &struct v4l2_ctrl_h264_encode_params. */
#define V4L2_CTRL_TYPE_H264_ENCODE_PARAMS	0x0206

/* &struct v4l2_ctrl_h264_encode_params, one per request. */
#define V4L2_CID_STATELESS_H264_ENCODE_PARAMS \
	(V4L2_CID_CODEC_STATELESS_BASE + 8)

#define V4L2_H264_ENCODE_FLAG_IDR_PIC				0x01
#define V4L2_H264_ENCODE_FLAG_FIELD_PIC				0x02
#define V4L2_H264_ENCODE_FLAG_BOTTOM_FIELD			0x04
#define V4L2_H264_ENCODE_FLAG_DIRECT_SPATIAL_MV_PRED		0x08
#define V4L2_H264_ENCODE_FLAG_NUM_REF_IDX_ACTIVE_OVERRIDE	0x10
#define V4L2_H264_ENCODE_FLAG_NO_OUTPUT_OF_PRIOR_PICS		0x20
#define V4L2_H264_ENCODE_FLAG_LONG_TERM_REFERENCE		0x40

/**
 * struct v4l2_ctrl_h264_encode_params - Parameters of one H.264 picture
 *
 * All fields but @flags are syntax elements of Recommendation ITU-T H.264, in
 * its ranges, of the slice headers (7.3.3) and NAL unit headers (7.3.1) that
 * all slices of the picture have in common. Together with the SPS and PPS
 * controls they govern how the picture is coded: no other control overrides
 * them. Fields that do not apply to the type of the slice are taken as zero.
 *
 * Setting the control fails with EINVAL for an IDR picture whose @slice_type is
 * not I, @colour_plane_id, @cabac_init_idc or
 * @disable_deblocking_filter_idc above 2, deblocking offsets outside of -6..6,
 * and reference counts above 32.
 *
 * @nal_ref_idc: 0 when no later picture refers to this one, else 1..3. Not 0 in
 *	IDR pictures.
 * @slice_type: type of all slices: V4L2_H264_SLICE_TYPE_P or
 *	V4L2_H264_SLICE_TYPE_I, and where the encoder can do it
 *	V4L2_H264_SLICE_TYPE_B.
 * @pic_parameter_set_id: 0..255, the PPS that the slices refer to.
 * @colour_plane_id: 0..2, with separate colour planes.
 * @frame_num: 0..65535, of the picture. Encoders that keep track of it
 *	themselves use their own value.
 * @idr_pic_id: 0..65535, of an IDR picture. The encoder changes it when two IDR
 *	pictures in a row have the same.
 * @pic_order_cnt_lsb: picture order count modulo MaxPicOrderCntLsb, with
 *	pic_order_cnt_type 0.
 * @reserved0: zero.
 * @delta_pic_order_cnt_bottom: with pic_order_cnt_type 0.
 * @delta_pic_order_cnt0: delta_pic_order_cnt[0], with pic_order_cnt_type 1.
 * @delta_pic_order_cnt1: delta_pic_order_cnt[1], with pic_order_cnt_type 1.
 * @num_ref_idx_l0_active_minus1: 0..31, with
 *	V4L2_H264_ENCODE_FLAG_NUM_REF_IDX_ACTIVE_OVERRIDE.
 * @num_ref_idx_l1_active_minus1: 0..31, with
 *	V4L2_H264_ENCODE_FLAG_NUM_REF_IDX_ACTIVE_OVERRIDE, of B slices.
 * @cabac_init_idc: 0..2, of P and B slices with CABAC entropy coding.
 * @slice_qp_delta: ignored: the QP comes from V4L2_CID_STATELESS_ENC_FRAME_QP
 *	or from the rate control.
 * @disable_deblocking_filter_idc: 0..2: the filter is on, off, or on but across
 *	slices.
 * @slice_alpha_c0_offset_div2: -6..6.
 * @slice_beta_offset_div2: -6..6.
 * @reserved1: zero.
 * @reserved2: zero. Structures that leave the hole before @flags undeclared
 *	have the same layout.
 * @flags: V4L2_H264_ENCODE_FLAG\_\* flags. LONG_TERM_REFERENCE: the IDR picture
 *	becomes the long-term reference 0.
 */
struct v4l2_ctrl_h264_encode_params {
	__u8 nal_ref_idc;
	__u8 slice_type;
	__u8 pic_parameter_set_id;
	__u8 colour_plane_id;
	__u16 frame_num;
	__u16 idr_pic_id;
	__u16 pic_order_cnt_lsb;
	__u8 reserved0[2];
	__s32 delta_pic_order_cnt_bottom;
	__s32 delta_pic_order_cnt0;
	__s32 delta_pic_order_cnt1;
	__u8 num_ref_idx_l0_active_minus1;
	__u8 num_ref_idx_l1_active_minus1;
	__u8 cabac_init_idc;
	__s8 slice_qp_delta;
	__u8 disable_deblocking_filter_idc;
	__s8 slice_alpha_c0_offset_div2;
	__s8 slice_beta_offset_div2;
	__u8 reserved1[6];
	__u8 reserved2[3];
	__u32 flags;
};

#endif /* V4L2_CID_STATELESS_H264_ENCODE_PARAMS */

/*
 * Controls of all stateless encoders, in the driver-private part of the
 * stateless codec class.
 */
#define V4L2_CID_STATELESS_ENC_BASE \
	(V4L2_CTRL_CLASS_CODEC_STATELESS | 0x1000)

/*
 * Integer, of a request or of the pictures to come: the QP of every macroblock
 * of the picture, in the range of the codec (H.264 with 8 bits: 0..51), or -1,
 * the default: the rate control decides, or, when it is off, the control that
 * gives the QP of the picture's type (V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP,
 * V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP). V4L2_CID_MPEG_VIDEO_H264_MIN_QP and
 * V4L2_CID_MPEG_VIDEO_H264_MAX_QP bound it.
 */
#define V4L2_CID_STATELESS_ENC_FRAME_QP	(V4L2_CID_STATELESS_ENC_BASE + 0)

/*
 * &struct v4l2_ctrl_stateless_enc_stats, read only: how a picture was coded.
 * With V4L2_CTRL_WHICH_REQUEST_VAL, of the picture of a completed request,
 * until the request is reinitialised; else of the CAPTURE buffer that was
 * dequeued last.
 */
#define V4L2_CID_STATELESS_ENC_STATS	(V4L2_CID_STATELESS_ENC_BASE + 1)

/* A value of enum v4l2_ctrl_type: &struct v4l2_ctrl_stateless_enc_stats. */
#define V4L2_CTRL_TYPE_STATELESS_ENC_STATS	0x0800

/* Bits of @valid in &struct v4l2_ctrl_stateless_enc_stats. */
#define V4L2_STATELESS_ENC_STATS_VALID_PARAMS		0x00000001
#define V4L2_STATELESS_ENC_STATS_VALID_QP_REQUESTED	0x00000002
#define V4L2_STATELESS_ENC_STATS_VALID_QP_MEAN		0x00000004
#define V4L2_STATELESS_ENC_STATS_VALID_QP_RANGE		0x00000008
#define V4L2_STATELESS_ENC_STATS_VALID_BYTES		0x00000010
#define V4L2_STATELESS_ENC_STATS_VALID_HEADER_BITS	0x00000020
#define V4L2_STATELESS_ENC_STATS_VALID_TARGET_BITS	0x00000040
#define V4L2_STATELESS_ENC_STATS_VALID_SAD		0x00000080
#define V4L2_STATELESS_ENC_STATS_VALID_MAD		0x00000100
#define V4L2_STATELESS_ENC_STATS_VALID_NONZERO		0x00000200
#define V4L2_STATELESS_ENC_STATS_VALID_INTRA_MBS	0x00000400
#define V4L2_STATELESS_ENC_STATS_VALID_SKIP_MBS		0x00000800
#define V4L2_STATELESS_ENC_STATS_VALID_PCM_MBS		0x00001000
#define V4L2_STATELESS_ENC_STATS_VALID_SSE		0x00002000
#define V4L2_STATELESS_ENC_STATS_VALID_PREDICTED_BITS	0x00004000
#define V4L2_STATELESS_ENC_STATS_VALID_MAX_BITS		0x00008000
#define V4L2_STATELESS_ENC_STATS_VALID_CPB		0x00010000
#define V4L2_STATELESS_ENC_STATS_VALID_FILLER		0x00020000
#define V4L2_STATELESS_ENC_STATS_VALID_FORCED_SKIPS	0x00040000

/* Bits of @flags in &struct v4l2_ctrl_stateless_enc_stats. */
#define V4L2_STATELESS_ENC_STATS_FLAG_IDR	0x00000001
#define V4L2_STATELESS_ENC_STATS_FLAG_SKIPPED	0x00000002
#define V4L2_STATELESS_ENC_STATS_FLAG_ERROR	0x00000004
#define V4L2_STATELESS_ENC_STATS_FLAG_PROGRAM	0x00000008
#define V4L2_STATELESS_ENC_STATS_FLAG_PROGRAM_CLAMPED	0x00000010
#define V4L2_STATELESS_ENC_STATS_FLAG_PROGRAM_FAILED	0x00000020
#define V4L2_STATELESS_ENC_STATS_FLAG_PROGRAM_EJECTED	0x00000040

/**
 * struct v4l2_ctrl_stateless_enc_stats - How one picture was coded
 *
 * @timestamp, @sequence and @flags are always valid, a field that a bit of
 * @valid stands for when the bit is set, and zero otherwise. A macroblock is
 * 16x16 luma samples; QPs are those of the codec's standard, of luma.
 *
 * @timestamp: of the OUTPUT buffer, in nanoseconds.
 * @valid: V4L2_STATELESS_ENC_STATS_VALID\_\* bits. 0 before the first picture.
 * @flags: V4L2_STATELESS_ENC_STATS_FLAG\_\* bits. IDR: the picture is an
 *	instantaneous decoding refresh. SKIPPED: the source was not coded, or
 *	was too large; the picture repeats its reference. ERROR: the picture was
 *	not coded, the CAPTURE buffer has V4L2_BUF_FLAG_ERROR, and @valid is
 *	zero. PROGRAM: a BPF program was asked about the picture, and beside it
 *	PROGRAM_CLAMPED: some of what it wanted is not allowed;
 *	PROGRAM_FAILED: it gave an error or took too long. PROGRAM_EJECTED: for
 *	that, it is not asked any more: of this picture and of all later ones,
 *	until the program is replaced, or another is to take part. Pictures that
 *	were refused or cancelled before the hardware had them have none of
 *	these.
 * @sequence: of the CAPTURE buffer, 0 if the picture was cancelled before it
 *	had one.
 * @slice_type: as used; H.264: V4L2_H264_SLICE_TYPE\_\*. Valid with PARAMS.
 * @nal_ref_idc: as used, 0..3. Valid with PARAMS.
 * @reserved0: zero.
 * @frame_num: as used. Valid with PARAMS.
 * @idr_pic_id: as used, of an IDR picture. Valid with PARAMS.
 * @pic_order_cnt_lsb: as used. Valid with PARAMS.
 * @qp_requested: QP that the rate control, or the application, asked the
 *	hardware for. Valid with QP_REQUESTED.
 * @qp_min: lowest QP of a macroblock. Valid with QP_RANGE.
 * @qp_max: highest QP of a macroblock. Valid with QP_RANGE.
 * @qp_mean: mean of the QPs of all macroblocks, in 1/256 (Q8), rounded to
 *	nearest. A skipped macroblock counts the QP that it inherits. Valid with
 *	QP_MEAN.
 * @bytes: size of the access unit, start codes and emulation prevention
 *	included. Valid with BYTES.
 * @header_bits: start codes, parameter sets and other NAL units without slices,
 *	slice headers, in bits; without filler data. Valid with HEADER_BITS.
 * @intra_mbs: intra macroblocks, those of PCM included. Valid with INTRA_MBS.
 * @skip_mbs: skipped macroblocks. Valid with SKIP_MBS.
 * @pcm_mbs: macroblocks coded as samples (H.264: I_PCM). Valid with PCM_MBS.
 * @nonzero: nonzero transform coefficient levels. Valid with NONZERO.
 * @target_bits: size of the access unit that the rate control aimed at, in
 *	bits. Valid with TARGET_BITS.
 * @sad: sum of absolute differences of source and prediction, luma. Valid with
 *	SAD.
 * @mad: sum over the macroblocks of the sum of absolute differences of the
 *	source's luma and its mean in the macroblock. Valid with MAD.
 * @sse: sums of the squared differences of source and reconstruction of Y, Cb
 *	and Cr, over the visible picture. Valid with SSE.
 * @predicted_bits: size of the access unit that the rate control expected, in
 *	bits. Valid with PREDICTED_BITS.
 * @max_bits: size of the access unit that the rate control allowed, in bits:
 *	that of the CAPTURE buffer at the most. Valid with MAX_BITS.
 * @cpb_fill: what has been coded and not been sent after this picture, in bits:
 *	the size of the coded picture buffer (CPB) less what is in the
 *	decoder's. Valid with CPB.
 * @cpb_bits: size of the CPB, in bits. Valid with CPB.
 * @violation_bits: by how much the picture exceeds the CPB: it is decoded late.
 *	Valid with CPB.
 * @filler_bytes: how much of @bytes is filler data. Valid with FILLER.
 * @forced_skip_mbs: macroblocks that were coded with the fewest bits for want
 *	of room. Valid with FORCED_SKIPS.
 * @reserved: zero.
 */
struct v4l2_ctrl_stateless_enc_stats {
	__u64 timestamp;
	__u32 valid;
	__u32 flags;
	__u32 sequence;
	__u8 slice_type;
	__u8 nal_ref_idc;
	__u8 reserved0[2];
	__u16 frame_num;
	__u16 idr_pic_id;
	__u16 pic_order_cnt_lsb;
	__s16 qp_requested;
	__s16 qp_min;
	__s16 qp_max;
	__s32 qp_mean;
	__u32 bytes;
	__u32 header_bits;
	__u32 intra_mbs;
	__u32 skip_mbs;
	__u32 pcm_mbs;
	__u32 nonzero;
	__u64 target_bits;
	__u64 sad;
	__u64 mad;
	__u64 sse[3];
	__u64 predicted_bits;
	__u64 max_bits;
	__u64 cpb_fill;
	__u64 cpb_bits;
	__u64 violation_bits;
	__u32 filler_bytes;
	__u32 forced_skip_mbs;
	__u8 reserved[96];
};

/*
 * Integer, 0..2, of a request or of the pictures to come: the temporal layer of
 * the picture. 0, the default, is the base layer; a picture refers to none of a
 * higher layer than its own. It goes to the rate control only: the encoder
 * changes no reference because of it.
 */
#define V4L2_CID_STATELESS_ENC_TEMPORAL_ID \
	(V4L2_CID_STATELESS_ENC_BASE + 2)

/*
 * Integer, 0..2147483647, of a request or of the pictures to come: how long the
 * picture is shown, in microseconds. 0, the default, stands for the frame
 * interval of VIDIOC_S_PARM. It goes to the rate control only: the headers have
 * the frame interval.
 */
#define V4L2_CID_STATELESS_ENC_FRAME_DURATION \
	(V4L2_CID_STATELESS_ENC_BASE + 3)

/*
 * &struct v4l2_ctrl_h264_encode_references, of one picture: which pictures it
 * refers to, and what becomes of them and of itself afterwards. The encoder
 * sets the control of the file back to its default, all zero, when the job of a
 * picture starts: it never applies to a second one.
 */
#define V4L2_CID_STATELESS_ENC_H264_REFERENCES \
	(V4L2_CID_STATELESS_ENC_BASE + 4)

/* A value of enum v4l2_ctrl_type: &struct v4l2_ctrl_h264_encode_references. */
#define V4L2_CTRL_TYPE_H264_ENCODE_REFERENCES	0x0801

/*
 * Integer, read only: how many references one picture can use, the longest
 * RefPicList0 of the hardware.
 */
#define V4L2_CID_STATELESS_ENC_MAX_LIST0 \
	(V4L2_CID_STATELESS_ENC_BASE + 5)

/*
 * Integer, read only: how many reference frames the encoder can hold for a
 * stream, the highest max_num_ref_frames.
 */
#define V4L2_CID_STATELESS_ENC_MAX_DPB_FRAMES \
	(V4L2_CID_STATELESS_ENC_BASE + 6)

/*
 * Controls of the rate control, beside the standard ones. They have an effect
 * while V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE is 1, of a request or of the
 * pictures to come. Times are in microseconds, sizes in bits of whole access
 * units.
 */

/*
 * Integer, 0..1000000000: size of the coded picture buffer (CPB), as the time
 * that the bitrate, or the peak bitrate where there is one, takes to fill it.
 * 0, the default: the control in kilobytes decides
 * (V4L2_CID_MPEG_VIDEO_H264_CPB_SIZE, and of other codecs
 * V4L2_CID_MPEG_VIDEO_VBV_SIZE), and when that is 0 too, it is one second.
 */
#define V4L2_CID_STATELESS_ENC_CPB_TIME	(V4L2_CID_STATELESS_ENC_BASE + 7)

/*
 * Boolean, 0: pictures that violate the CPB are avoided by all means, up to
 * that of not coding them.
 */
#define V4L2_CID_STATELESS_ENC_CPB_STRICT \
	(V4L2_CID_STATELESS_ENC_BASE + 8)

/*
 * Integer, 0..1000000000: a picture may exceed the CPB as long as what is coded
 * is sent within this time. 0, the default, and what is below the time of the
 * CPB: it may not. In H.264 this is low_delay_hrd_flag.
 */
#define V4L2_CID_STATELESS_ENC_MAX_DELAY \
	(V4L2_CID_STATELESS_ENC_BASE + 9)

/*
 * Boolean, 0: with constant bitrate, filler data makes up for what pictures
 * lack.
 */
#define V4L2_CID_STATELESS_ENC_FILLER	(V4L2_CID_STATELESS_ENC_BASE + 10)

/*
 * Boolean, 0: the stream tells decoders about the CPB (H.264: NAL HRD
 * parameters in the VUI, buffering period and picture timing SEI messages).
 * Rate and size are then lowered to multiples of 64 bit/s and 16 bits,
 * durations rounded to half frame intervals, and changes of them wait for the
 * next IDR picture.
 */
#define V4L2_CID_STATELESS_ENC_HRD	(V4L2_CID_STATELESS_ENC_BASE + 11)

/*
 * Integers, 0..2147483647: the largest size of I and of P pictures. 0, the
 * default: no limit. Hardware that can end a picture in time keeps to it,
 * unless it is less than such a picture takes at least; other hardware aims at
 * it.
 */
#define V4L2_CID_STATELESS_ENC_MAX_I_BITS \
	(V4L2_CID_STATELESS_ENC_BASE + 12)
#define V4L2_CID_STATELESS_ENC_MAX_P_BITS \
	(V4L2_CID_STATELESS_ENC_BASE + 13)

/*
 * Integer, 0..65535: how many pictures in a row may be skipped. 0, the default:
 * any number.
 */
#define V4L2_CID_STATELESS_ENC_MAX_SKIPS \
	(V4L2_CID_STATELESS_ENC_BASE + 14)

/*
 * Boolean, 0: P pictures are never finer than what lets an I picture of the
 * same QP fit into the CPB.
 */
#define V4L2_CID_STATELESS_ENC_INTRA_SAFE \
	(V4L2_CID_STATELESS_ENC_BASE + 15)

/* Menu, enum v4l2_stateless_enc_content: what the pictures show. */
#define V4L2_CID_STATELESS_ENC_CONTENT	(V4L2_CID_STATELESS_ENC_BASE + 16)

/**
 * enum v4l2_stateless_enc_content - What the pictures show
 *
 * @V4L2_STATELESS_ENC_CONTENT_CAMERA: nature: the default.
 * @V4L2_STATELESS_ENC_CONTENT_SCREEN: a screen: it is still when it is painted.
 */
enum v4l2_stateless_enc_content {
	V4L2_STATELESS_ENC_CONTENT_CAMERA,
	V4L2_STATELESS_ENC_CONTENT_SCREEN,
};

/*
 * Integer, 0..1000000000: time over which the mean of a variable bitrate is
 * met. 0, the default: ten seconds.
 */
#define V4L2_CID_STATELESS_ENC_BITRATE_WINDOW \
	(V4L2_CID_STATELESS_ENC_BASE + 17)

/*
 * Integer, -1 and the range of the codec's QPs: QP of the first picture of a
 * stream, within its limits. -1, the default: the rate control chooses.
 */
#define V4L2_CID_STATELESS_ENC_INITIAL_QP \
	(V4L2_CID_STATELESS_ENC_BASE + 18)

/*
 * Boolean, 0: with V4L2_MPEG_VIDEO_BITRATE_MODE_CQ,
 * V4L2_CID_MPEG_VIDEO_BITRATE_PEAK and the CPB bound the constant quality.
 */
#define V4L2_CID_STATELESS_ENC_QUALITY_CAP \
	(V4L2_CID_STATELESS_ENC_BASE + 19)

/*
 * Bitmask of V4L2_STATELESS_ENC_HINT\_\*, 0, of a request or of the pictures to
 * come: what the application knows of the picture. NEW_CONTENT: what it shows
 * has nothing to do with the picture before. KEEP: it is not skipped.
 */
#define V4L2_CID_STATELESS_ENC_HINTS	(V4L2_CID_STATELESS_ENC_BASE + 20)

#define V4L2_STATELESS_ENC_HINT_NEW_CONTENT	0x00000001
#define V4L2_STATELESS_ENC_HINT_KEEP		0x00000002

/*
 * String of at most 15 characters, empty: name of the BPF program that takes
 * part in the rate control. Empty for the system's default, "builtin" for none.
 */
#define V4L2_CID_STATELESS_ENC_RC_PROGRAM \
	(V4L2_CID_STATELESS_ENC_BASE + 21)

/* Entries of each list in &struct v4l2_ctrl_h264_encode_references. */
#define V4L2_H264_ENCODE_REFERENCES_MAX			16

/* Values of @operation in &struct v4l2_h264_encode_mark. */
#define V4L2_H264_ENCODE_MARK_UNUSED			1
#define V4L2_H264_ENCODE_MARK_LONG_TERM			2

/* Bits of @flags in &struct v4l2_ctrl_h264_encode_references. */
#define V4L2_H264_ENCODE_REFERENCES_FLAG_EXPLICIT	0x1
#define V4L2_H264_ENCODE_REFERENCES_FLAG_SUBSTITUTE	0x2
#define V4L2_H264_ENCODE_REFERENCES_FLAG_LONG_TERM	0x4

/**
 * struct v4l2_h264_encode_mark - What becomes of a reference
 *
 * @timestamp: of the OUTPUT buffer that the reference was coded from, in
 *	nanoseconds.
 * @operation: V4L2_H264_ENCODE_MARK_UNUSED: it is no reference any more.
 *	V4L2_H264_ENCODE_MARK_LONG_TERM: it is a short-term reference, and
 *	becomes the long-term reference @long_term_frame_idx. The one that has
 *	been that before is no reference any more.
 * @long_term_frame_idx: 0..15, with V4L2_H264_ENCODE_MARK_LONG_TERM.
 * @reserved: zero.
 */
struct v4l2_h264_encode_mark {
	__u64 timestamp;
	__u8 operation;
	__u8 long_term_frame_idx;
	__u8 reserved[6];
};

/**
 * struct v4l2_ctrl_h264_encode_references - References of one H.264 picture
 *
 * References are named by the timestamps of the OUTPUT buffers that they were
 * coded from. A new reference takes over the name of an older one; a picture
 * that is no reference has no name.
 *
 * All zero, the default: a P picture refers to the newest references, as many
 * as &struct v4l2_ctrl_h264_encode_params and the PPS say and the hardware can
 * use, and references are a sliding window (Recommendation ITU-T H.264,
 * 8.2.5.3).
 *
 * Setting the control fails with EINVAL for counts above
 * V4L2_H264_ENCODE_REFERENCES_MAX, unknown flags and operations, a
 * @long_term_frame_idx above 15, reserved fields that are not zero, @num_list0
 * without the flag EXPLICIT, and a timestamp that is in @list0 twice. Fields
 * that do not apply, and entries behind the counts, are stored as zero.
 *
 * What depends on the state of the stream is found when the picture's job
 * starts, and its buffers then come back with V4L2_BUF_FLAG_ERROR: a name that
 * no reference has; more entries in @list0 than
 * V4L2_CID_STATELESS_ENC_MAX_LIST0 or, of a P picture with EXPLICIT, none; a
 * long-term index that is not below max_num_ref_frames, or in an IDR picture
 * not 0; marks of an IDR picture; a reference that is to become long-term and
 * is already; marks, or the flag LONG_TERM, of a picture that is no reference
 * itself; and long-term references that leave no room for the picture.
 *
 * @marks are carried out in their order, after the picture is coded: it may
 * refer to a picture that it removes. Then, if there is no room for the
 * picture, the oldest short-term reference goes, and the picture becomes a
 * reference itself. The encoder writes what decoders need for it into the slice
 * headers (ref_pic_list_modification() and dec_ref_pic_marking()).
 *
 * @list0: timestamps of the references in the order of RefPicList0, in
 *	nanoseconds; with EXPLICIT. Not used for I pictures.
 * @marks: what becomes of references after the picture.
 * @num_list0: entries of @list0 used, 0..16.
 * @num_marks: entries of @marks used, 0..16.
 * @long_term_frame_idx: 0..15, of the picture, with LONG_TERM.
 * @reserved0: zero.
 * @flags: V4L2_H264_ENCODE_REFERENCES_FLAG\_\* bits. EXPLICIT: @list0 names the
 *	references. SUBSTITUTE: a name in @list0 that no reference has stands
 *	for the newest reference, which is not used twice. LONG_TERM: the
 *	picture becomes the long-term reference @long_term_frame_idx; for an IDR
 *	picture the same as V4L2_H264_ENCODE_FLAG_LONG_TERM_REFERENCE.
 * @reserved1: zero.
 */
struct v4l2_ctrl_h264_encode_references {
	__u64 list0[V4L2_H264_ENCODE_REFERENCES_MAX];
	struct v4l2_h264_encode_mark marks[V4L2_H264_ENCODE_REFERENCES_MAX];
	__u8 num_list0;
	__u8 num_marks;
	__u8 long_term_frame_idx;
	__u8 reserved0[5];
	__u32 flags;
	__u32 reserved1[29];
};

#ifdef __KERNEL__
/* The layouts are user space ABI, and have no holes. */
static_assert(sizeof(struct v4l2_ctrl_h264_encode_params) == 44);
static_assert(offsetof(struct v4l2_ctrl_h264_encode_params, flags) == 40);
static_assert(sizeof(struct v4l2_ctrl_stateless_enc_stats) == 256);
static_assert(offsetof(struct v4l2_ctrl_stateless_enc_stats, qp_mean) == 36);
static_assert(offsetof(struct v4l2_ctrl_stateless_enc_stats, target_bits) ==
	      64);
static_assert(offsetof(struct v4l2_ctrl_stateless_enc_stats, reserved) == 160);
static_assert(sizeof(struct v4l2_h264_encode_mark) == 16);
static_assert(sizeof(struct v4l2_ctrl_h264_encode_references) == 512);
static_assert(offsetof(struct v4l2_ctrl_h264_encode_references, marks) == 128);
static_assert(offsetof(struct v4l2_ctrl_h264_encode_references, num_list0) ==
	      384);
static_assert(offsetof(struct v4l2_ctrl_h264_encode_references, flags) == 392);
static_assert(offsetof(struct v4l2_ctrl_h264_encode_references, reserved1) ==
	      396);
#endif

#endif /* _UAPI_LINUX_V4L2_STATELESS_ENCODER_H */
