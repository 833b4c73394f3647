// SPDX-License-Identifier: GPL-2.0
/*
 * Calls into the programs of sessions, and how long they take. That is measured
 * when there is a limit to it, and costs nothing otherwise.
 */
#include <linux/jump_label.h>
#include <linux/kstrtox.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <trace/events/v4l2_rate_control.h>

#include "bpf_internal.h"

static DEFINE_STATIC_KEY_FALSE(timed);
static unsigned int limit_us;

/* When a call begins; 0 when nobody wants to know. */
static u64 begin_call(void)
{
	return static_branch_unlikely(&timed) ? ktime_get_ns() : 0;
}

static void end_call(struct v4l2_rc_bpf_slot *slot, u64 start,
		     const char *function)
{
	u64 took, limit_ns;

	/* What was begun before the first limit is not measured. */
	if (!static_branch_unlikely(&timed) || !start)
		return;
	took = ktime_get_ns() - start;
	slot->counters.calls++;
	slot->counters.ran_ns += took;
	trace_v4l2_rc_program_call(slot->session.id, slot->ops->name, function,
				   took);
	/* The last limit is gone before the key is off. */
	limit_ns = (u64)READ_ONCE(limit_us) * NSEC_PER_USEC;
	if (limit_ns && took > limit_ns)
		slot->notice |= V4L2_RC_BPF_OVERRUN;
}

int v4l2_rc_bpf_call_budget(struct v4l2_rc_bpf_slot *slot)
{
	u64 start = begin_call();
	int ret;

	ret = slot->ops->budget(&slot->session, &slot->budget);
	end_call(slot, start, "budget");
	return ret;
}

static int run_begin(struct v4l2_rc_bpf_slot *slot)
{
	return slot->ops->frame_begin(&slot->session, &slot->frame,
				      &slot->decision);
}

static void run_end(struct v4l2_rc_bpf_slot *slot)
{
	slot->ops->frame_end(&slot->session, &slot->session.last);
}

/* Not inlined: without a limit nothing is to be kept over the call. */
static noinline int timed_begin(struct v4l2_rc_bpf_slot *slot)
{
	u64 start = begin_call();
	int ret = run_begin(slot);

	end_call(slot, start, "frame_begin");
	return ret;
}

static noinline void timed_end(struct v4l2_rc_bpf_slot *slot)
{
	u64 start = begin_call();

	run_end(slot);
	end_call(slot, start, "frame_end");
}

int v4l2_rc_bpf_call_begin(struct v4l2_rc_bpf_slot *slot)
{
	if (static_branch_unlikely(&timed))
		return timed_begin(slot);
	return run_begin(slot);
}

void v4l2_rc_bpf_call_end(struct v4l2_rc_bpf_slot *slot)
{
	if (static_branch_unlikely(&timed))
		timed_end(slot);
	else
		run_end(slot);
}

void v4l2_rc_bpf_call_drop(struct v4l2_rc_bpf_slot *slot, u64 number)
{
	u64 start = begin_call();

	slot->ops->drop(&slot->session, number);
	end_call(slot, start, "drop");
}

/* Serialised by the lock of module parameters. */
static int set_limit(const char *val, const struct kernel_param *kp)
{
	unsigned int us;
	int err = kstrtouint(val, 0, &us);

	if (err)
		return err;
	WRITE_ONCE(limit_us, us);
	if (us)
		static_branch_enable(&timed);
	else
		static_branch_disable(&timed);
	return 0;
}

static const struct kernel_param_ops limit_ops = {
	.set = set_limit,
	.get = param_get_uint,
};

module_param_cb(bpf_time_limit_us, &limit_ops, &limit_us, 0644);
MODULE_PARM_DESC(bpf_time_limit_us,
		 "microseconds that a function of a BPF program may take: a program that takes longer picture after picture is ejected (0: any, and it is not measured)");
