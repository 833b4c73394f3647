/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the C part of the BPF hook, which knows programs, and hook.rs, which
 * knows rate control. Not for drivers.
 */
#ifndef RATE_CONTROL_BPF_H
#define RATE_CONTROL_BPF_H

#include <linux/jump_label_ratelimit.h>
#include <linux/types.h>
#include <media/v4l2-rate-control-bpf.h>

struct dentry;
struct seq_file;

/*
 * On while any session has a program, or something to do about one, and for a
 * while longer: sessions come and go as users like, and each change of it stops
 * all processors.
 */
extern struct static_key_false_deferred v4l2_rc_bpf_switch;

/**
 * struct v4l2_rc_bpf_counters - What programs have done in a session so far
 *
 * @asked: pictures that a program was asked about.
 * @changed: those whose decision it has changed.
 * @clamped: those of which the kernel has changed something back.
 * @errors: those about which it has failed.
 * @overruns: those for which a function has taken too long.
 * @ejected: programs that were thrown out.
 * @calls: calls of their functions, while their time is measured.
 * @ran_ns: that time.
 */
struct v4l2_rc_bpf_counters {
	u64 asked;
	u64 changed;
	u64 clamped;
	u64 errors;
	u64 overruns;
	u64 ejected;
	u64 calls;
	u64 ran_ns;
};

/**
 * struct v4l2_rc_bpf_slot - The place of a program in a session
 *
 * What programs see, filled by hook.rs. Protected by the session's lock.
 *
 * @has: what there is to do: V4L2_RC_BPF_ATTACHED and so on; 0 for nothing.
 * @ops: the program that is attached, with a reference, or NULL.
 * @session: the session.
 * @frame: the picture that begins.
 * @decision: on it.
 * @budget: of the session.
 * @model: the built-in controller, while frame_begin runs; else NULL.
 * @notice: what there is to see to when frame_begin has returned, beside what
 *	it says: V4L2_RC_BPF_OVERRUN and so on; 0 for nothing.
 * @counters: what has happened.
 */
struct v4l2_rc_bpf_slot {
	u32 has;
	struct v4l2_rc_ops *ops;
	struct v4l2_rc_bpf_session session;
	struct v4l2_rc_bpf_frame frame;
	struct v4l2_rc_bpf_decision decision;
	struct v4l2_rc_bpf_budget budget;
	const void *model;
	u32 notice;
	struct v4l2_rc_bpf_counters counters;
};

/*
 * &v4l2_rc_bpf_slot.has. ATTACHED: there is a program. BUDGET, END and DROP: it
 * has these functions. LOOKUP: another program may be due: before the next
 * picture v4l2_rc_bpf_attach() is to be called, and &v4l2_rc_bpf_slot.session
 * to be right then. GONE: there is none any more, the built-in controller goes
 * on alone, and v4l2_rc_bpf_disarm() is to be called. EJECTED: it goes on alone
 * for a program that was thrown out, and no other is asked for. STALE: the
 * session's hardware or configuration is another than &v4l2_rc_bpf_slot.session
 * says.
 */
#define V4L2_RC_BPF_ATTACHED	0x00000001
#define V4L2_RC_BPF_BUDGET	0x00000002
#define V4L2_RC_BPF_END		0x00000004
#define V4L2_RC_BPF_DROP	0x00000008
#define V4L2_RC_BPF_LOOKUP	0x00000010
#define V4L2_RC_BPF_GONE	0x00000020
#define V4L2_RC_BPF_EJECTED	0x00000040
#define V4L2_RC_BPF_STALE	0x00000080

/*
 * &v4l2_rc_bpf_slot.notice. OVERRUN: a function has taken longer than it may
 * since the picture before. NEW: the program was asked about no picture yet.
 * FAILING: it has failed about the last one. CLAMPED: something of the budget
 * was changed back.
 */
#define V4L2_RC_BPF_OVERRUN	0x00000001
#define V4L2_RC_BPF_NEW		0x00000002
#define V4L2_RC_BPF_FAILING	0x00000004
#define V4L2_RC_BPF_CLAMPED	0x00000008

/*
 * Registry: which programs there are, and which session has which. All but the
 * first four with the session's lock held.
 */
struct v4l2_rc_bpf_slot *v4l2_rc_bpf_slot_alloc(u64 id);
void v4l2_rc_bpf_slot_free(struct v4l2_rc_bpf_slot *slot);
void v4l2_rc_bpf_slot_add(struct v4l2_rc_bpf_slot *slot, const void *session);
void v4l2_rc_bpf_slot_del(struct v4l2_rc_bpf_slot *slot);
void v4l2_rc_bpf_select(struct v4l2_rc_bpf_slot *slot, const char *name);
void v4l2_rc_bpf_changed(struct v4l2_rc_bpf_slot *slot,
			 const struct v4l2_rc_ops *gone);
bool v4l2_rc_bpf_attach(struct v4l2_rc_bpf_slot *slot);
void v4l2_rc_bpf_disarm(struct v4l2_rc_bpf_slot *slot);
void v4l2_rc_bpf_eject(struct v4l2_rc_bpf_slot *slot);

/* Calls into the program that is attached to a session, with its lock held. */
int v4l2_rc_bpf_call_budget(struct v4l2_rc_bpf_slot *slot);
int v4l2_rc_bpf_call_begin(struct v4l2_rc_bpf_slot *slot);
void v4l2_rc_bpf_call_end(struct v4l2_rc_bpf_slot *slot);
void v4l2_rc_bpf_call_drop(struct v4l2_rc_bpf_slot *slot, u64 number);

/* A file in a directory of debugfs that is removed before the session is. */
void v4l2_rc_bpf_debugfs_create(struct dentry *directory, const void *session);

/*
 * Offers the hook to the BPF core, for as long as the module is there. -ENOENT:
 * the module has no type information (BTF).
 */
int v4l2_rc_bpf_register(void);

/* There is no session any more: nothing is left that would still run. */
void v4l2_rc_bpf_unregister(void);

/* In Rust: takes a session's lock and calls v4l2_rc_bpf_changed(). */
void v4l2_rc_rust_changed(const void *session, const struct v4l2_rc_ops *gone);

/* In Rust: what is in that file. */
void v4l2_rc_rust_show(struct seq_file *file, const void *session);

/* In Rust, for the kfuncs. */
s32 v4l2_rc_rust_log2(u64 value);
u64 v4l2_rc_rust_exp2(s32 log_q16);
s32 v4l2_rc_rust_qp_to_step(u32 codec, s32 qp);
s32 v4l2_rc_rust_step_to_qp(u32 codec, s32 step_q16);
u64 v4l2_rc_rust_predict(const void *model,
			 const struct v4l2_rc_bpf_frame *frame, s32 qp);

#endif /* RATE_CONTROL_BPF_H */
