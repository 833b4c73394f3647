// SPDX-License-Identifier: GPL-2.0
/*
 * Which programs there are, and which session has which.
 *
 * A session asks for a program by name; without a name it takes the system's
 * default, the module parameter bpf_default. A program may come and go at any
 * time: the session then looks for it again when its next picture begins, and
 * only there a program is attached, as only then what it sees is up to date. A
 * program that goes is detached at once; when that returns nobody runs it.
 *
 * Locks: registry_lock, then the lock of a session, which is hook.rs's to take,
 * then programs_lock.
 */
#include <linux/bpf.h>
#include <linux/cgroup.h>
#include <linux/cleanup.h>
#include <linux/ctype.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <trace/events/v4l2_rate_control.h>

#include "bpf_internal.h"

/* The names that are no program's. */
#define NAME_BUILTIN	"builtin"
#define NAME_DEFAULT	"default"

/**
 * struct slot - A slot with what is the registry's
 *
 * All but @node and @session is protected by the session's lock.
 *
 * @pub: what others see. While @pub.has is not 0 the session has its part in
 *	v4l2_rc_bpf_switch: users cannot change that as long as there is no
 *	program that they could ask for.
 * @node: in slots; protected by registry_lock.
 * @session: what v4l2_rc_rust_changed() calls the session.
 * @wanted: name that the session asks for; empty for the default.
 * @ejected: a program that was thrown out and is not taken again; only
 *	compared.
 */
struct slot {
	struct v4l2_rc_bpf_slot pub;
	struct list_head node;
	const void *session;
	char wanted[V4L2_RC_BPF_NAME_MAX];
	const struct v4l2_rc_ops *ejected;
};

DEFINE_STATIC_KEY_DEFERRED_FALSE(v4l2_rc_bpf_switch, HZ);

static DEFINE_MUTEX(registry_lock);
static LIST_HEAD(slots);

static DEFINE_SPINLOCK(programs_lock); /* of what follows */
static LIST_HEAD(programs);
static char default_name[V4L2_RC_BPF_NAME_MAX] = NAME_BUILTIN;

static struct slot *slot_of(struct v4l2_rc_bpf_slot *slot)
{
	return container_of(slot, struct slot, pub);
}

static struct v4l2_rc_ops *find(const char *name)
{
	struct v4l2_rc_ops *ops;

	lockdep_assert_held(&programs_lock);
	list_for_each_entry(ops, &programs, list)
		if (!strcmp(ops->name, name))
			return ops;
	return NULL;
}

static bool name_is_valid(const char *name)
{
	size_t len;

	for (len = 0; len < V4L2_RC_BPF_NAME_MAX; len++) {
		if (!name[len])
			return true;
		if (!isalnum(name[len]) && name[len] != '_' && name[len] != '.')
			return false;
	}
	return false;
}

static u32 functions(const struct v4l2_rc_ops *ops)
{
	u32 has = V4L2_RC_BPF_ATTACHED;

	if (ops->budget)
		has |= V4L2_RC_BPF_BUDGET;
	if (ops->frame_end)
		has |= V4L2_RC_BPF_END;
	if (ops->drop)
		has |= V4L2_RC_BPF_DROP;
	return has;
}

/* The program that a session asks for, if there is one. */
static struct v4l2_rc_ops *find_wanted(const struct slot *slot)
{
	/* No program is called NAME_BUILTIN. */
	return find(slot->wanted[0] ? slot->wanted : default_name);
}

/* The session looks for its program when its next picture begins. */
static void arm(struct slot *slot)
{
	if (!slot->pub.has) {
		static_branch_deferred_inc(&v4l2_rc_bpf_switch);
		slot->pub.has = V4L2_RC_BPF_GONE;
	}
	slot->pub.has |= V4L2_RC_BPF_LOOKUP;
}

static void detach(struct slot *slot)
{
	struct v4l2_rc_ops *ops = slot->pub.ops;

	if (!ops)
		return;
	trace_v4l2_rc_program(slot->pub.session.id, ops->name, "detached");
	slot->pub.ops = NULL;
	slot->pub.has = V4L2_RC_BPF_GONE | (slot->pub.has & V4L2_RC_BPF_LOOKUP);
	if (ops->exit)
		ops->exit(&slot->pub.session);
	bpf_module_put(ops, ops->owner);
}

/**
 * v4l2_rc_bpf_changed() - There are other programs than before
 *
 * @pub: slot of a session, which looks again, and loses @gone if it has it.
 * @gone: a program, or NULL.
 */
void v4l2_rc_bpf_changed(struct v4l2_rc_bpf_slot *pub,
			 const struct v4l2_rc_ops *gone)
{
	struct slot *slot = slot_of(pub);

	if (gone && pub->ops == gone)
		detach(slot);
	/* The next program may get the same address. */
	if (gone && slot->ejected == gone)
		slot->ejected = NULL;
	arm(slot);
}

/* The same for all sessions. */
static void changed(const struct v4l2_rc_ops *gone)
{
	struct slot *slot;

	guard(mutex)(&registry_lock);
	list_for_each_entry(slot, &slots, node)
		v4l2_rc_rust_changed(slot->session, gone);
}

int v4l2_rc_bpf_add(struct v4l2_rc_ops *ops)
{
	scoped_guard(spinlock, &programs_lock) {
		if (find(ops->name))
			return -EEXIST;
		list_add_tail(&ops->list, &programs);
	}
	changed(NULL);
	return 0;
}

void v4l2_rc_bpf_remove(struct v4l2_rc_ops *ops)
{
	scoped_guard(spinlock, &programs_lock)
		list_del(&ops->list);
	changed(ops);
}

int v4l2_rc_bpf_exchange(struct v4l2_rc_ops *old, struct v4l2_rc_ops *new)
{
	if (strcmp(old->name, new->name))
		return -EINVAL;
	if (old == new)
		return 0;
	scoped_guard(spinlock, &programs_lock)
		list_replace(&old->list, &new->list);
	changed(old);
	return 0;
}

struct v4l2_rc_bpf_slot *v4l2_rc_bpf_slot_alloc(u64 id)
{
	struct slot *slot = kzalloc_obj(*slot, GFP_KERNEL);

	if (!slot)
		return NULL;
	slot->pub.session.id = id;
#ifdef CONFIG_CGROUPS
	rcu_read_lock();
	slot->pub.session.cgroup_id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();
#endif
	return &slot->pub;
}

/* After v4l2_rc_bpf_slot_del(), or of a slot that was never added. */
void v4l2_rc_bpf_slot_free(struct v4l2_rc_bpf_slot *pub)
{
	if (pub->has)
		static_branch_slow_dec_deferred(&v4l2_rc_bpf_switch);
	kfree(slot_of(pub));
}

/**
 * v4l2_rc_bpf_slot_add() - Programs come and go for a session from now on
 *
 * @pub: its slot.
 * @session: is handed to v4l2_rc_rust_changed().
 */
void v4l2_rc_bpf_slot_add(struct v4l2_rc_bpf_slot *pub, const void *session)
{
	struct slot *slot = slot_of(pub);
	bool found;

	slot->session = session;
	guard(mutex)(&registry_lock);
	list_add(&slot->node, &slots);
	scoped_guard(spinlock, &programs_lock)
		found = find_wanted(slot);
	if (found)
		v4l2_rc_rust_changed(session, NULL);
}

/**
 * v4l2_rc_bpf_slot_del() - No programs come and go for a session any more
 *
 * Who removes its program waits until that has been detached.
 *
 * @pub: its slot. Nobody uses the session.
 */
void v4l2_rc_bpf_slot_del(struct v4l2_rc_bpf_slot *pub)
{
	struct slot *slot = slot_of(pub);

	guard(mutex)(&registry_lock);
	list_del(&slot->node);
	detach(slot);
}

/**
 * v4l2_rc_bpf_select() - A session asks for a program
 *
 * @pub: its slot.
 * @name: of the program, which need not exist; empty or "default" for the
 *	system's default, "builtin" for none.
 */
void v4l2_rc_bpf_select(struct v4l2_rc_bpf_slot *pub, const char *name)
{
	struct slot *slot = slot_of(pub);
	bool found;

	if (!strcmp(name, NAME_DEFAULT))
		name = "";
	if (!strcmp(slot->wanted, name))
		return;
	strscpy(slot->wanted, name);
	slot->ejected = NULL;
	scoped_guard(spinlock, &programs_lock)
		found = find_wanted(slot);
	/* A program that comes later wakes all sessions. */
	if (found || pub->has)
		arm(slot);
}

/**
 * v4l2_rc_bpf_attach() - Attaches the program that a session asks for, if there
 * is one, in place of the one that it has
 *
 * @pub: slot of the session.
 *
 * Return: whether it has a program that it did not have before.
 */
bool v4l2_rc_bpf_attach(struct v4l2_rc_bpf_slot *pub)
{
	struct slot *slot = slot_of(pub);
	struct v4l2_rc_ops *ops;

	pub->has &= ~V4L2_RC_BPF_LOOKUP;
	scoped_guard(spinlock, &programs_lock) {
		ops = find_wanted(slot);
		if (ops && ops == pub->ops)
			return false;
		/* It is still the one that the session asks for. */
		if (ops && ops == slot->ejected &&
		    pub->has & V4L2_RC_BPF_EJECTED)
			return false;
		if (ops && (ops == slot->ejected ||
			    !bpf_try_module_get(ops, ops->owner)))
			ops = NULL;
	}
	detach(slot);
	pub->has = V4L2_RC_BPF_GONE;
	if (!ops)
		return false;
	slot->ejected = NULL;
	/* What was there without it is none of its business. */
	memset(&pub->session.last, 0, sizeof(pub->session.last));
	memset(&pub->session.last_i, 0, sizeof(pub->session.last_i));
	/* Who removes the program waits for the session's lock from here on. */
	if (ops->init && ops->init(&pub->session)) {
		/* It does not want this session; there is nothing to exit. */
		trace_v4l2_rc_program(pub->session.id, ops->name, "refused");
		slot->ejected = ops;
		bpf_module_put(ops, ops->owner);
		return false;
	}
	pub->ops = ops;
	pub->has = functions(ops);
	trace_v4l2_rc_program(pub->session.id, ops->name, "attached");
	return true;
}

/**
 * v4l2_rc_bpf_disarm() - A session without a program has nothing more to do
 *
 * @pub: its slot, which is gone.
 */
void v4l2_rc_bpf_disarm(struct v4l2_rc_bpf_slot *pub)
{
	pub->has = 0;
	static_branch_slow_dec_deferred(&v4l2_rc_bpf_switch);
}

/* Throws the program out of a session that has one. */
void v4l2_rc_bpf_eject(struct v4l2_rc_bpf_slot *pub)
{
	struct slot *slot = slot_of(pub);

	slot->ejected = pub->ops;
	trace_v4l2_rc_program(pub->session.id, pub->ops->name, "ejected");
	detach(slot);
	pub->has = V4L2_RC_BPF_EJECTED;
}

void v4l2_rc_bpf_unregister(void)
{
	static_key_deferred_flush(&v4l2_rc_bpf_switch);
}

/* Writes to the module parameter come with a newline. */
static int set_default(const char *val, const struct kernel_param *kp)
{
	char name[V4L2_RC_BPF_NAME_MAX + 1];
	const char *trimmed;

	if (strscpy(name, val) < 0)
		return -EINVAL;
	trimmed = strim(name);
	if (!name_is_valid(trimmed) || !strcmp(trimmed, NAME_DEFAULT))
		return -EINVAL;
	scoped_guard(spinlock, &programs_lock)
		strscpy(default_name, trimmed[0] ? trimmed : NAME_BUILTIN);
	changed(NULL);
	return 0;
}

static int get_default(char *buffer, const struct kernel_param *kp)
{
	guard(spinlock)(&programs_lock);
	return sysfs_emit(buffer, "%s\n", default_name);
}

static const struct kernel_param_ops default_ops = {
	.set = set_default,
	.get = get_default,
};

module_param_cb(bpf_default, &default_ops, NULL, 0644);
MODULE_PARM_DESC(bpf_default,
		 "BPF program of sessions that ask for none (builtin)");
