/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What BPF programs that take part in rate control see and do.
 *
 * A program is a BPF struct_ops of type &struct v4l2_rc_ops. The built-in
 * controller always decides first; a program that is attached to the session is
 * then given its decision and may change it. What it may not change, and what
 * the kernel changes back, is said at &struct v4l2_rc_bpf_decision.
 *
 * All structures grow at their reserved ends only. Programs find members by
 * name (CO-RE), so that one built against this header runs with any later one.
 *
 * Enumerators and flags are those of media/v4l2-rate-control.h.
 */
#ifndef _MEDIA_V4L2_RATE_CONTROL_BPF_H
#define _MEDIA_V4L2_RATE_CONTROL_BPF_H

#include <linux/list.h>
#include <linux/types.h>

struct module;

/* Length of a program's name, with the 0 at its end. */
#define V4L2_RC_BPF_NAME_MAX		16

/* Points within a picture that a target can be given for. */
#define V4L2_RC_BPF_MAX_CHECKPOINTS	16

/**
 * struct v4l2_rc_bpf_limits - What the application allows pictures of a type
 *
 * @min_qp: lowest QP.
 * @max_qp: highest QP. Never below @min_qp.
 * @max_bits: largest size; 0 for no limit.
 */
struct v4l2_rc_bpf_limits {
	s32 min_qp;
	s32 max_qp;
	u64 max_bits;
};

/**
 * struct v4l2_rc_bpf_result - What became of a picture
 *
 * @number: the picture's.
 * @bytes: size of what went to the application.
 * @coded_bytes: size of the coded picture, before the verdict and filler data.
 * @header_bits: how much of @coded_bytes is no slice data, in bits.
 * @target_bits: as decided.
 * @max_bits: as decided.
 * @predicted_bits: size that was expected.
 * @cpb_fill: what the CPB holds with it.
 * @cpb_bits: size of the CPB; 0 where the mode has none.
 * @delay_ns: how long it takes to send @cpb_fill.
 * @violation_bits: by how much it exceeds the CPB.
 * @sad: as &v4l2_rc_result.sad.
 * @mad: as &v4l2_rc_result.mad.
 * @sse: as &v4l2_rc_result.sse.
 * @valid: which of the hardware's statistics are valid: V4L2_RC_RESULT\_\*
 *	bits.
 * @type: &enum v4l2_rc_frame_type.
 * @flags: V4L2_RC_FRAME\_\* bits.
 * @temporal_layer: as &v4l2_rc_frame_info.temporal_layer.
 * @action: &enum v4l2_rc_action, as decided.
 * @verdict: &enum v4l2_rc_verdict.
 * @qp: as decided.
 * @builtin_qp: what the built-in controller had decided.
 * @mean_qp_q8: mean QP of the macroblocks, times 256.
 * @reasons: V4L2_RC_REASON\_\* bits.
 * @clamps: what of the program's decision the kernel changed back:
 *	V4L2_RC_BPF_CLAMP\_\* bits.
 * @forced_skips: as &v4l2_rc_result.forced_skips.
 * @nonzero: as &v4l2_rc_result.nonzero.
 * @intra_mbs: as &v4l2_rc_result.intra_mbs.
 * @skip_mbs: as &v4l2_rc_result.skip_mbs.
 * @reserved0: 0.
 * @filler_bytes: as &v4l2_rc_judgement.filler_bytes.
 * @reserved: 0.
 */
struct v4l2_rc_bpf_result {
	u64 number;
	u64 bytes;
	u64 coded_bytes;
	u64 header_bits;
	u64 target_bits;
	u64 max_bits;
	u64 predicted_bits;
	u64 cpb_fill;
	u64 cpb_bits;
	u64 delay_ns;
	u64 violation_bits;
	u64 sad;
	u64 mad;
	u64 sse;
	u32 valid;
	u32 type;
	u32 flags;
	u32 temporal_layer;
	u32 action;
	u32 verdict;
	s32 qp;
	s32 builtin_qp;
	s32 mean_qp_q8;
	u32 reasons;
	u32 clamps;
	u32 forced_skips;
	u32 nonzero;
	u32 intra_mbs;
	u32 skip_mbs;
	u32 reserved0;
	u64 filler_bytes;
	u64 reserved[3];
};

/**
 * struct v4l2_rc_bpf_session - A session: its stream, its hardware and its
 * state
 *
 * Read-only. The configuration is the application's; what &v4l2_rc_ops.budget
 * makes of it is in @budget_bitrate and @budget_cpb_bits.
 *
 * @id: number of the session, as in debugfs and tracepoints. Never used again.
 * @cgroup_id: cgroup of who opened it, in the cgroup2 hierarchy; 0 without one.
 * @config_seq: counts how often the configuration has changed.
 * @bitrate: what &v4l2_rc_ops.budget is a part of: as &v4l2_rc_config.bitrate,
 *	in V4L2_RC_MODE_CAPPED_CQ as &v4l2_rc_config.peak_bitrate; with
 *	V4L2_RC_CONFIG_HRD no more than decoders are told; 0 where the mode has
 *	none.
 * @peak_bitrate: rate that drains the CPB; 0 where the mode has none.
 * @cpb_bits: size of the CPB; 0 where the mode has none.
 * @max_delay_ns: as &v4l2_rc_config.max_delay_ns.
 * @layer_bitrates: as &v4l2_rc_config.layer_bitrates.
 * @budget_bitrate: the bitrate that counts.
 * @budget_cpb_bits: the size of the CPB that counts.
 * @i: of I pictures.
 * @p: of P pictures.
 * @codec: &enum v4l2_rc_codec.
 * @codec_max_qp: highest QP that the codec has.
 * @macroblocks: as &v4l2_rc_caps.macroblocks.
 * @levers: as &v4l2_rc_caps.levers.
 * @max_checkpoints: as &v4l2_rc_caps.max_checkpoints.
 * @intra_floor_q8: as &v4l2_rc_caps.intra_floor_q8.
 * @skip_bits: as &v4l2_rc_caps.skip_bits.
 * @mode: &enum v4l2_rc_mode.
 * @flags: V4L2_RC_CONFIG\_\* bits. FILLER in V4L2_RC_MODE_CBR only.
 * @skip_mode: &enum v4l2_rc_skip_mode.
 * @content: &enum v4l2_rc_content.
 * @quality: as &v4l2_rc_config.quality.
 * @layers: as &v4l2_rc_config.layers, or V4L2_RC_MAX_TEMPORAL_LAYERS where the
 *	mode has no rate.
 * @interval_num: as &v4l2_rc_config.interval_num.
 * @interval_den: as &v4l2_rc_config.interval_den.
 * @reserved0: 0.
 * @frames: pictures committed so far.
 * @bits: their sizes.
 * @cpb_fill: what the CPB holds with them; 0 where the mode has none.
 * @debt: bits beyond the bitrate so far; negative for bits saved. In
 *	&v4l2_rc_ops.exit the last four are what they were in the function
 *	before.
 * @last: the last picture that the program has seen begin and that was
 *	committed; its number is 0 before there is one.
 * @last_i: the last I picture, likewise.
 * @reserved: 0.
 */
struct v4l2_rc_bpf_session {
	u64 id;
	u64 cgroup_id;
	u64 config_seq;
	u64 bitrate;
	u64 peak_bitrate;
	u64 cpb_bits;
	u64 max_delay_ns;
	u64 layer_bitrates[3];
	u64 budget_bitrate;
	u64 budget_cpb_bits;
	struct v4l2_rc_bpf_limits i;
	struct v4l2_rc_bpf_limits p;
	u32 codec;
	s32 codec_max_qp;
	u32 macroblocks;
	u32 levers;
	u32 max_checkpoints;
	u32 intra_floor_q8;
	u32 skip_bits;
	u32 mode;
	u32 flags;
	u32 skip_mode;
	u32 content;
	u32 quality;
	u32 layers;
	u32 interval_num;
	u32 interval_den;
	u32 reserved0;
	u64 frames;
	u64 bits;
	u64 cpb_fill;
	s64 debt;
	struct v4l2_rc_bpf_result last;
	struct v4l2_rc_bpf_result last_i;
	u64 reserved[8];
};

/**
 * struct v4l2_rc_bpf_frame - A picture that is to be coded
 *
 * Read-only.
 *
 * @number: counts the pictures of a session, from 1.
 * @duration_ns: time since the picture before.
 * @header_bits: as &v4l2_rc_frame_info.header_bits.
 * @max_bits: as &v4l2_rc_frame_info.max_bits.
 * @inter_cost: as &v4l2_rc_frame_info.inter_cost.
 * @intra_cost: as &v4l2_rc_frame_info.intra_cost.
 * @cpb_fill: what the CPB holds when the picture is added.
 * @share_bits: what a picture has on average at the bitrate.
 * @type: &enum v4l2_rc_frame_type.
 * @flags: V4L2_RC_FRAME\_\* bits.
 * @temporal_layer: as &v4l2_rc_frame_info.temporal_layer.
 * @fixed_qp: as &v4l2_rc_frame_info.fixed_qp.
 * @ref_distance: as &v4l2_rc_frame_info.ref_distance.
 * @reserved0: 0.
 * @reserved: 0.
 */
struct v4l2_rc_bpf_frame {
	u64 number;
	u64 duration_ns;
	u64 header_bits;
	u64 max_bits;
	u64 inter_cost;
	u64 intra_cost;
	u64 cpb_fill;
	u64 share_bits;
	u32 type;
	u32 flags;
	u32 temporal_layer;
	s32 fixed_qp;
	u32 ref_distance;
	u32 reserved0;
	u64 reserved[3];
};

/**
 * struct v4l2_rc_bpf_decision - How a picture is to be coded
 *
 * Preset with the built-in controller's decision. Writable up to, and without,
 * @predicted_bits. The kernel keeps the last word, in this order:
 *
 * - A QP lies within the limits of the application. Where it gives the QP, by
 *   V4L2_RC_MODE_OFF or of this picture, nothing of it can be changed, and the
 *   picture is not skipped.
 * - With V4L2_RC_CONFIG_STRICT a program cannot undo what keeps the CPB from
 *   overflowing: it can neither raise @max_bits nor have a picture coded that
 *   there is no room for; the verdict on the coded picture is the kernel's.
 * - @max_bits is never above what the application allows the picture.
 * - A picture that cannot be skipped is not, and no more in a row are than
 *   &v4l2_rc_config.max_skips.
 *
 * @qp: QP at which the picture starts.
 * @action: &enum v4l2_rc_action.
 * @min_qp: lowest QP of any macroblock. Lowered to @qp if it is above it.
 * @max_qp: highest QP of any macroblock. Raised to @qp if it is below it.
 * @target_bits: size to aim at; 0 for none. It does not change @qp: hardware
 *	that changes the QP within the picture starts there.
 * @max_bits: size not to be exceeded, with V4L2_RC_LEVER_HARD_MAX; 0 for none.
 * @num_checkpoints: entries of @checkpoints that are used; 0 for one QP for all
 *	of the picture. Nothing without &v4l2_rc_bpf_session.max_checkpoints; a
 *	driver need not use them, nor @target_bits.
 * @reserved0: not looked at.
 * @checkpoints: as &v4l2_rc_decision.checkpoints. When @target_bits is changed
 *	and they are not, the kernel scales them.
 * @predicted_bits: size that the built-in controller expects.
 * @reasons: V4L2_RC_REASON\_\* bits of the built-in controller.
 * @reserved1: 0.
 * @reserved: 0.
 */
struct v4l2_rc_bpf_decision {
	s32 qp;
	u32 action;
	s32 min_qp;
	s32 max_qp;
	u64 target_bits;
	u64 max_bits;
	u32 num_checkpoints;
	u32 reserved0;
	u32 checkpoints[V4L2_RC_BPF_MAX_CHECKPOINTS];
	u64 predicted_bits;
	u32 reasons;
	u32 reserved1;
	u64 reserved[4];
};

/*
 * What the kernel changed back: the QP, the range of QPs, the sizes, the
 * checkpoints, the action, the budget.
 */
#define V4L2_RC_BPF_CLAMP_QP		0x00000001
#define V4L2_RC_BPF_CLAMP_RANGE		0x00000002
#define V4L2_RC_BPF_CLAMP_BITS		0x00000004
#define V4L2_RC_BPF_CLAMP_CHECKPOINTS	0x00000008
#define V4L2_RC_BPF_CLAMP_ACTION	0x00000010
#define V4L2_RC_BPF_CLAMP_BUDGET	0x00000020

/**
 * struct v4l2_rc_bpf_budget - What a session may use
 *
 * Preset with what the application has configured, and writable up to, and
 * without, @reserved. It cannot become more than that, nor 0. When it changes
 * the built-in controller forgets its debt: it was measured against another
 * rate.
 *
 * @bitrate: bits a second.
 * @cpb_bits: size of the CPB.
 * @reserved: 0.
 */
struct v4l2_rc_bpf_budget {
	u64 bitrate;
	u64 cpb_bits;
	u64 reserved[4];
};

/**
 * struct v4l2_rc_ops - A program that takes part in rate control
 *
 * Only @frame_begin has to be there. For a session at most one of them runs at
 * a time. @init and @exit may sleep, the others may not.
 *
 * @init: the program is attached to a session. When it does not return 0 it is
 *	not.
 * @exit: the program has been detached from a session, or the session ends.
 * @budget: before the built-in controller decides. When it does not return 0
 *	the budget is what it was.
 * @frame_begin: after the built-in controller has decided. When it does not
 *	return 0 the built-in decision stands for this picture, and after 8 of
 *	these in a row the program is ejected from the session.
 * @frame_end: the picture is done.
 * @drop: the picture with this number will not be: it was cancelled.
 * @flags: 0.
 * @name: names the program: 1 to 15 of A-Z, a-z, 0-9, '_' and '.'; not
 *	"builtin" or "default".
 */
struct v4l2_rc_ops {
	int (*init)(struct v4l2_rc_bpf_session *session);
	void (*exit)(struct v4l2_rc_bpf_session *session);
	int (*budget)(struct v4l2_rc_bpf_session *session,
		      struct v4l2_rc_bpf_budget *budget);
	int (*frame_begin)(struct v4l2_rc_bpf_session *session,
			   const struct v4l2_rc_bpf_frame *frame,
			   struct v4l2_rc_bpf_decision *decision);
	void (*frame_end)(struct v4l2_rc_bpf_session *session,
			  const struct v4l2_rc_bpf_result *result);
	void (*drop)(struct v4l2_rc_bpf_session *session, u64 number);
	u32 flags;
	char name[V4L2_RC_BPF_NAME_MAX];
	/* private: set by the BPF core; the registry's */
	struct module *owner;
	struct list_head list;
};

#endif /* _MEDIA_V4L2_RATE_CONTROL_BPF_H */
