// SPDX-License-Identifier: GPL-2.0
/*
 * struct v4l2_rc_ops as a BPF struct_ops: what the verifier lets programs do,
 * and what the BPF core does with them.
 */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/build_bug.h>
#include <linux/filter.h>
#include <linux/module.h>
#include <linux/string.h>

#include "bpf_internal.h"

/* The layout is the interface: nothing moves. As in hook/context.rs. */
static_assert(sizeof(struct v4l2_rc_bpf_limits) == 16);
static_assert(sizeof(struct v4l2_rc_bpf_result) == 208);
static_assert(offsetof(struct v4l2_rc_bpf_result, valid) == 112);
static_assert(sizeof(struct v4l2_rc_bpf_session) == 704);
static_assert(offsetof(struct v4l2_rc_bpf_session, codec) == 128);
static_assert(offsetof(struct v4l2_rc_bpf_session, last) == 224);
static_assert(sizeof(struct v4l2_rc_bpf_frame) == 112);
static_assert(offsetof(struct v4l2_rc_bpf_frame, type) == 64);
static_assert(offsetof(struct v4l2_rc_bpf_frame, ref_distance) == 80);
static_assert(sizeof(struct v4l2_rc_bpf_decision) == 152);
static_assert(offsetof(struct v4l2_rc_bpf_decision, predicted_bits) == 104);
static_assert(sizeof(struct v4l2_rc_bpf_budget) == 48);
static_assert(offsetof(struct v4l2_rc_ops, name) == 52);

static struct bpf_struct_ops v4l2_rc_bpf_ops;

/*
 * The types that a program may write to, as numbers in our BTF. An external
 * module's BTF_ID_LIST is not relocated, and what looks types up by name is not
 * exported: check_member() reads them off the prototypes, before the verifier
 * asks for them.
 */
static const struct btf *our_btf;
static u32 decision_id, budget_id;

bool v4l2_rc_bpf_is_ours(const void *st_ops)
{
	return st_ops == &v4l2_rc_bpf_ops;
}

static bool is_valid_access(int off, int size, enum bpf_access_type type,
			    const struct bpf_prog *prog,
			    struct bpf_insn_access_aux *info)
{
	return bpf_tracing_btf_ctx_access(off, size, type, prog, info);
}

static int struct_access(struct bpf_verifier_log *log,
			 const struct bpf_reg_state *reg, int off, int size)
{
	int end = 0;

	/* Another module's type may have the same number. */
	if (reg->btf == READ_ONCE(our_btf)) {
		if (reg->btf_id == READ_ONCE(decision_id))
			end = offsetof(struct v4l2_rc_bpf_decision,
				       predicted_bits);
		else if (reg->btf_id == READ_ONCE(budget_id))
			end = offsetof(struct v4l2_rc_bpf_budget, reserved);
	}
	if (!end) {
		bpf_log(log, "only the decision and the budget are writable\n");
		return -EACCES;
	}
	if (off < 0 || off + size > end) {
		bpf_log(log, "only its first %d bytes are writable\n", end);
		return -EACCES;
	}
	return 0;
}

static const struct bpf_verifier_ops verifier_ops = {
	.get_func_proto = bpf_base_func_proto,
	.is_valid_access = is_valid_access,
	.btf_struct_access = struct_access,
};

static int ops_init(struct btf *btf)
{
	return 0;
}

/* Follows pointers and qualifiers to the type behind them. */
static u32 bare_type(const struct btf *btf, u32 id)
{
	for (;;) {
		const struct btf_type *type = btf_type_by_id(btf, id);

		switch (BTF_INFO_KIND(type->info)) {
		case BTF_KIND_PTR:
		case BTF_KIND_CONST:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_RESTRICT:
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_TYPE_TAG:
			id = type->type;
			break;
		default:
			return id;
		}
	}
}

/* The type that an argument of a member points to. */
static u32 argument(const struct btf *btf, const struct btf_member *member,
		    int n)
{
	u32 proto = bare_type(btf, member->type);

	return bare_type(btf, btf_params(btf_type_by_id(btf, proto))[n].type);
}

static int check_member(const struct btf_type *t,
			const struct btf_member *member,
			const struct bpf_prog *prog)
{
	const struct btf *btf = prog->aux->attach_btf;

	switch (__btf_member_bit_offset(t, member) / 8) {
	case offsetof(struct v4l2_rc_ops, init):
	case offsetof(struct v4l2_rc_ops, exit):
		return 0;
	case offsetof(struct v4l2_rc_ops, budget):
		WRITE_ONCE(our_btf, btf);
		WRITE_ONCE(budget_id, argument(btf, member, 1));
		break;
	case offsetof(struct v4l2_rc_ops, frame_begin):
		WRITE_ONCE(our_btf, btf);
		WRITE_ONCE(decision_id, argument(btf, member, 2));
		break;
	}
	return prog->sleepable ? -EINVAL : 0;
}

static int init_member(const struct btf_type *t,
		       const struct btf_member *member, void *kdata,
		       const void *udata)
{
	const struct v4l2_rc_ops *from = udata;
	struct v4l2_rc_ops *to = kdata;

	switch (__btf_member_bit_offset(t, member) / 8) {
	case offsetof(struct v4l2_rc_ops, name):
		/* Refuses any other character; 0 is an empty name. */
		if (bpf_obj_name_cpy(to->name, from->name,
				     sizeof(to->name)) <= 0)
			return -EINVAL;
		return 1;
	case offsetof(struct v4l2_rc_ops, flags):
		return from->flags ? -EINVAL : 1;
	}
	return 0;
}

static int validate(void *kdata)
{
	const struct v4l2_rc_ops *ops = kdata;

	if (!ops->frame_begin || !strcmp(ops->name, "builtin") ||
	    !strcmp(ops->name, "default"))
		return -EINVAL;
	return 0;
}

static int reg(void *kdata, struct bpf_link *link)
{
	/* Without a link nobody would know to whom the program belongs. */
	return link ? v4l2_rc_bpf_add(kdata) : -EOPNOTSUPP;
}

static void unreg(void *kdata, struct bpf_link *link)
{
	v4l2_rc_bpf_remove(kdata);
}

static int update(void *kdata, void *old_kdata, struct bpf_link *link)
{
	return v4l2_rc_bpf_exchange(old_kdata, kdata);
}

/*
 * What the members look like to the compiler's control flow integrity. They are
 * found in kallsyms and in BTF by name: the names are unique.
 */
static int v4l2_rc_ops__init(struct v4l2_rc_bpf_session *session)
{
	return 0;
}

static void v4l2_rc_ops__exit(struct v4l2_rc_bpf_session *session)
{
}

static int v4l2_rc_ops__budget(struct v4l2_rc_bpf_session *session,
			       struct v4l2_rc_bpf_budget *budget)
{
	return 0;
}

static int v4l2_rc_ops__frame_begin(struct v4l2_rc_bpf_session *session,
				    const struct v4l2_rc_bpf_frame *frame,
				    struct v4l2_rc_bpf_decision *decision)
{
	return 0;
}

static void v4l2_rc_ops__frame_end(struct v4l2_rc_bpf_session *session,
				   const struct v4l2_rc_bpf_result *result)
{
}

static void v4l2_rc_ops__drop(struct v4l2_rc_bpf_session *session, u64 number)
{
}

static struct v4l2_rc_ops stubs = {
	.init = v4l2_rc_ops__init,
	.exit = v4l2_rc_ops__exit,
	.budget = v4l2_rc_ops__budget,
	.frame_begin = v4l2_rc_ops__frame_begin,
	.frame_end = v4l2_rc_ops__frame_end,
	.drop = v4l2_rc_ops__drop,
};

static struct bpf_struct_ops v4l2_rc_bpf_ops = {
	.verifier_ops = &verifier_ops,
	.init = ops_init,
	.check_member = check_member,
	.init_member = init_member,
	.validate = validate,
	.reg = reg,
	.unreg = unreg,
	.update = update,
	.cfi_stubs = &stubs,
	.owner = THIS_MODULE,
	.name = "v4l2_rc_ops",
};

/*
 * What the BPF core knows goes with the module's BTF. Of a module that has none
 * it takes nothing, warns of each, and returns 0.
 */
int v4l2_rc_bpf_register(void)
{
	int err;

	if (!THIS_MODULE->btf_data_size)
		return -ENOENT;
	err = v4l2_rc_bpf_register_kfuncs();
	if (!err)
		err = register_bpf_struct_ops(&v4l2_rc_bpf_ops, v4l2_rc_ops);
	return err;
}
