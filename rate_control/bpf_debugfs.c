// SPDX-License-Identifier: GPL-2.0
/* v4l2-rate-control/SESSION/program in debugfs: its BPF program. */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "bpf_internal.h"

static int program_show(struct seq_file *file, void *unused)
{
	struct v4l2_rc_bpf_slot *slot = file->private;
	struct v4l2_rc_bpf_counters counters;
	char name[V4L2_RC_BPF_NAME_MAX];

	v4l2_rc_bpf_report(slot, name, &counters);
	seq_printf(file, "program:  %s\n", name);
	seq_printf(file, "cgroup:   %llu\n", slot->session.cgroup_id);
	seq_printf(file, "asked:    %llu\n", counters.asked);
	seq_printf(file, "changed:  %llu\n", counters.changed);
	seq_printf(file, "clamped:  %llu\n", counters.clamped);
	seq_printf(file, "errors:   %llu\n", counters.errors);
	seq_printf(file, "overruns: %llu\n", counters.overruns);
	seq_printf(file, "ejected:  %llu\n", counters.ejected);
	seq_printf(file, "ran_ns:   %llu\n", counters.ran_ns);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(program);

void v4l2_rc_bpf_debugfs_create(struct dentry *directory,
				struct v4l2_rc_bpf_slot *slot)
{
	debugfs_create_file("program", 0400, directory, slot, &program_fops);
}
