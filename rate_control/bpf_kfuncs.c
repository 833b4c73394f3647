// SPDX-License-Identifier: GPL-2.0
/* The functions that BPF programs of struct v4l2_rc_ops may call. */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/filter.h>
#include <linux/math64.h>
#include <linux/module.h>

#include "bpf_internal.h"

__bpf_kfunc_start_defs();

/* a * b / c without loss; U64_MAX for what does not fit, and for c == 0. */
__bpf_kfunc u64 v4l2_rc_mul_div(u64 a, u64 b, u64 c)
{
	/* The quotient fits if the upper half of the product is below c. */
	if (mul_u64_u64_shr(a, b, 64) >= c)
		return U64_MAX;
	return mul_u64_u64_div_u64(a, b, c);
}

/* log2(value) times 65536; of 0 as of 1. */
__bpf_kfunc s32 v4l2_rc_log2(u64 value)
{
	return v4l2_rc_rust_log2(value);
}

/* 2 to the power of log_q16 / 65536. */
__bpf_kfunc u64 v4l2_rc_exp2(s32 log_q16)
{
	return v4l2_rc_rust_exp2(log_q16);
}

/* log2 of the quantizer step of a QP, times 65536. */
__bpf_kfunc s32 v4l2_rc_qp_to_step(const struct v4l2_rc_bpf_session *session,
				   s32 qp)
{
	return v4l2_rc_rust_qp_to_step(session->codec, qp);
}

/* The QP whose quantizer step is nearest to this logarithm, times 65536. */
__bpf_kfunc s32 v4l2_rc_step_to_qp(const struct v4l2_rc_bpf_session *session,
				   s32 step_q16)
{
	return v4l2_rc_rust_step_to_qp(session->codec, step_q16);
}

/*
 * The size in bits, without headers, that the built-in model expects of a
 * picture at a QP: from frame_begin(), of the picture that begins, and 0
 * elsewhere.
 */
__bpf_kfunc u64
v4l2_rc_predict_bits(const struct v4l2_rc_bpf_session *session, s32 qp)
{
	const struct v4l2_rc_bpf_slot *slot =
		container_of(session, struct v4l2_rc_bpf_slot, session);
	const struct v4l2_rc_bpf_frame *frame = &slot->frame;

	if (!slot->model)
		return 0;
	return v4l2_rc_rust_predict(slot->model, frame, qp);
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(kfunc_ids)
BTF_ID_FLAGS(func, v4l2_rc_mul_div)
BTF_ID_FLAGS(func, v4l2_rc_log2)
BTF_ID_FLAGS(func, v4l2_rc_exp2)
BTF_ID_FLAGS(func, v4l2_rc_qp_to_step)
BTF_ID_FLAGS(func, v4l2_rc_step_to_qp)
BTF_ID_FLAGS(func, v4l2_rc_predict_bits)
BTF_KFUNCS_END(kfunc_ids)

/* Asked about our functions only: they are for our programs alone. */
static int filter(const struct bpf_prog *prog, u32 kfunc_id)
{
	return v4l2_rc_bpf_is_ours(prog->aux->st_ops) ? 0 : -EACCES;
}

static const struct btf_kfunc_id_set kfunc_set = {
	.owner = THIS_MODULE,
	.set = &kfunc_ids,
	.filter = filter,
};

int v4l2_rc_bpf_register_kfuncs(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_STRUCT_OPS, &kfunc_set);
}
