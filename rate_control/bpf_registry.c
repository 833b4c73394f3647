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
 * Locks: registry_lock, then the lock of a slot. A session's own mutex is taken
 * before both.
 */
#include <linux/bpf.h>
#include <linux/cgroup.h>
#include <linux/cleanup.h>
#include <linux/ctype.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <trace/events/v4l2_rate_control.h>

#include "bpf_internal.h"

/* The names that are no program's. */
#define NAME_BUILTIN	"builtin"
#define NAME_DEFAULT	"default"

/**
 * struct slot - A slot with what is the registry's
 *
 * @pub: what others see.
 * @lock: held from enter to leave. Protects what follows and @pub.
 * @node: in slots; protected by registry_lock.
 * @ops: the program that is attached, with a reference, or NULL.
 * @wanted: name that the session asks for; empty for the default.
 * @look: the session is to look for its program.
 * @switched: the session has its part in v4l2_rc_bpf_switch.
 * @ejected: a program that was thrown out and is not taken again; only
 *	compared.
 */
struct slot {
	struct v4l2_rc_bpf_slot pub;
	struct mutex lock; /* of the members that follow, and @pub */
	struct list_head node;
	struct v4l2_rc_ops *ops;
	char wanted[V4L2_RC_BPF_NAME_MAX];
	bool look;
	bool switched;
	const struct v4l2_rc_ops *ejected;
};

struct v4l2_rc_bpf_switch v4l2_rc_bpf_switch = {
	.key = STATIC_KEY_FALSE_INIT,
};

static DEFINE_MUTEX(registry_lock);
static LIST_HEAD(programs);
static LIST_HEAD(slots);
static char default_name[V4L2_RC_BPF_NAME_MAX] = NAME_BUILTIN;

static struct slot *slot_of(struct v4l2_rc_bpf_slot *slot)
{
	return container_of(slot, struct slot, pub);
}

static struct v4l2_rc_ops *find(const char *name)
{
	struct v4l2_rc_ops *ops;

	lockdep_assert_held(&registry_lock);
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

/* The session looks for its program when its next picture begins. */
static void look_again(struct slot *slot)
{
	lockdep_assert_held(&slot->lock);
	slot->look = true;
	if (!slot->switched) {
		WRITE_ONCE(slot->switched, true);
		static_branch_inc(&v4l2_rc_bpf_switch.key);
	}
}

static void detach(struct slot *slot)
{
	struct v4l2_rc_ops *ops = slot->ops;

	lockdep_assert_held(&slot->lock);
	if (!ops)
		return;
	trace_v4l2_rc_program(slot->pub.session.id, ops->name, "detached");
	slot->ops = NULL;
	if (ops->exit)
		ops->exit(&slot->pub.session);
	bpf_module_put(ops, ops->owner);
}

/* Sessions that have @gone lose it, and all look again. */
static void changed(const struct v4l2_rc_ops *gone)
{
	struct slot *slot;

	lockdep_assert_held(&registry_lock);
	list_for_each_entry(slot, &slots, node) {
		guard(mutex)(&slot->lock);
		if (gone && slot->ops == gone)
			detach(slot);
		/* The next program may get the same address. */
		if (gone && slot->ejected == gone)
			slot->ejected = NULL;
		look_again(slot);
	}
}

int v4l2_rc_bpf_add(struct v4l2_rc_ops *ops)
{
	guard(mutex)(&registry_lock);
	if (find(ops->name))
		return -EEXIST;
	list_add_tail(&ops->list, &programs);
	changed(NULL);
	return 0;
}

void v4l2_rc_bpf_remove(struct v4l2_rc_ops *ops)
{
	guard(mutex)(&registry_lock);
	list_del(&ops->list);
	changed(ops);
}

int v4l2_rc_bpf_exchange(struct v4l2_rc_ops *old, struct v4l2_rc_ops *new)
{
	guard(mutex)(&registry_lock);
	if (strcmp(old->name, new->name))
		return -EINVAL;
	if (old == new)
		return 0;
	list_replace(&old->list, &new->list);
	changed(old);
	return 0;
}

struct v4l2_rc_bpf_slot *v4l2_rc_bpf_slot_alloc(u64 id)
{
	struct slot *slot = kzalloc_obj(*slot, GFP_KERNEL);

	if (!slot)
		return NULL;
	mutex_init(&slot->lock);
	slot->pub.session.id = id;
#ifdef CONFIG_CGROUPS
	rcu_read_lock();
	slot->pub.session.cgroup_id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();
#endif
	guard(mutex)(&registry_lock);
	list_add(&slot->node, &slots);
	if (strcmp(default_name, NAME_BUILTIN)) {
		guard(mutex)(&slot->lock);
		look_again(slot);
	}
	return &slot->pub;
}

void v4l2_rc_bpf_slot_free(struct v4l2_rc_bpf_slot *pub)
{
	struct slot *slot = slot_of(pub);

	scoped_guard(mutex, &registry_lock) {
		guard(mutex)(&slot->lock);
		list_del(&slot->node);
		detach(slot);
	}
	if (slot->switched)
		static_branch_dec(&v4l2_rc_bpf_switch.key);
	mutex_destroy(&slot->lock);
	kfree(slot);
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

	if (!strcmp(name, NAME_DEFAULT))
		name = "";
	guard(mutex)(&slot->lock);
	if (!strcmp(slot->wanted, name))
		return;
	strscpy(slot->wanted, name);
	slot->ejected = NULL;
	look_again(slot);
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

/**
 * v4l2_rc_bpf_enter() - Something is about to happen to a picture
 *
 * @pub: slot of its session.
 *
 * Return: V4L2_RC_BPF\_\* bits; 0 when there is nothing to do, nor to leave.
 */
u32 v4l2_rc_bpf_enter(struct v4l2_rc_bpf_slot *pub)
{
	struct slot *slot = slot_of(pub);
	u32 has;

	/* Written under the lock; what is missed now is seen next time. */
	if (!READ_ONCE(slot->switched))
		return 0;
	mutex_lock(&slot->lock);
	has = likely(slot->ops) ? functions(slot->ops) : V4L2_RC_BPF_GONE;
	if (unlikely(slot->look))
		has |= V4L2_RC_BPF_LOOK;
	return has;
}

/**
 * v4l2_rc_bpf_look() - Takes the program that a session asks for, if there is
 * one
 *
 * @pub: slot of the session, which has been entered.
 *
 * Return: as v4l2_rc_bpf_enter(), which this does once more.
 */
u32 v4l2_rc_bpf_look(struct v4l2_rc_bpf_slot *pub)
{
	struct slot *slot = slot_of(pub);
	struct v4l2_rc_ops *ops;
	const char *name;

	/* The registry's lock comes first. */
	mutex_unlock(&slot->lock);
	mutex_lock(&registry_lock);
	mutex_lock(&slot->lock);
	slot->look = false;
	name = slot->wanted[0] ? slot->wanted : default_name;
	ops = strcmp(name, NAME_BUILTIN) ? find(name) : NULL;
	if (ops && ops == slot->ops) {
		mutex_unlock(&registry_lock);
		return functions(ops);
	}
	detach(slot);
	if (!ops || ops == slot->ejected ||
	    !bpf_try_module_get(ops, ops->owner)) {
		mutex_unlock(&registry_lock);
		return V4L2_RC_BPF_GONE;
	}
	slot->ops = ops;
	slot->ejected = NULL;
	/* What was there without it is none of its business. */
	memset(&pub->session.last, 0, sizeof(pub->session.last));
	memset(&pub->session.last_i, 0, sizeof(pub->session.last_i));
	/* Who removes the program waits for the slot's lock from here on. */
	mutex_unlock(&registry_lock);
	if (ops->init && ops->init(&pub->session)) {
		/* It does not want this session; there is nothing to exit. */
		trace_v4l2_rc_program(pub->session.id, ops->name, "refused");
		slot->ejected = ops;
		slot->ops = NULL;
		bpf_module_put(ops, ops->owner);
		return V4L2_RC_BPF_GONE;
	}
	trace_v4l2_rc_program(pub->session.id, ops->name, "attached");
	return functions(ops) | V4L2_RC_BPF_FRESH;
}

/**
 * v4l2_rc_bpf_rest() - A session without a program has nothing more to do
 *
 * @pub: its slot, which has been entered and is gone.
 */
void v4l2_rc_bpf_rest(struct v4l2_rc_bpf_slot *pub)
{
	struct slot *slot = slot_of(pub);

	if (slot->look)
		return;
	WRITE_ONCE(slot->switched, false);
	static_branch_dec(&v4l2_rc_bpf_switch.key);
}

/* The program of a session that has been entered. */
const struct v4l2_rc_ops *v4l2_rc_bpf_ops_of(struct v4l2_rc_bpf_slot *pub)
{
	return slot_of(pub)->ops;
}

void v4l2_rc_bpf_leave(struct v4l2_rc_bpf_slot *pub)
{
	mutex_unlock(&slot_of(pub)->lock);
}

/* Throws the program out of a session that has been entered. */
void v4l2_rc_bpf_eject(struct v4l2_rc_bpf_slot *pub)
{
	struct slot *slot = slot_of(pub);

	slot->ejected = slot->ops;
	trace_v4l2_rc_program(pub->session.id, slot->ops->name, "ejected");
	detach(slot);
}

void v4l2_rc_bpf_report(struct v4l2_rc_bpf_slot *pub,
			char name[V4L2_RC_BPF_NAME_MAX],
			struct v4l2_rc_bpf_counters *counters)
{
	struct slot *slot = slot_of(pub);

	guard(mutex)(&slot->lock);
	strscpy(name, slot->ops ? slot->ops->name : NAME_BUILTIN,
		V4L2_RC_BPF_NAME_MAX);
	*counters = pub->counters;
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
	guard(mutex)(&registry_lock);
	strscpy(default_name, trimmed[0] ? trimmed : NAME_BUILTIN);
	changed(NULL);
	return 0;
}

static int get_default(char *buffer, const struct kernel_param *kp)
{
	guard(mutex)(&registry_lock);
	return sysfs_emit(buffer, "%s\n", default_name);
}

static const struct kernel_param_ops default_ops = {
	.set = set_default,
	.get = get_default,
};

module_param_cb(bpf_default, &default_ops, NULL, 0644);
MODULE_PARM_DESC(bpf_default,
		 "BPF program of sessions that ask for none (builtin)");
