// SPDX-License-Identifier: GPL-2.0
/* v4l2-rate-control/SESSION/program in debugfs: its BPF program. */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "bpf_internal.h"

static int program_show(struct seq_file *file, void *unused)
{
	v4l2_rc_rust_show(file, file->private);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(program);

void v4l2_rc_bpf_debugfs_create(struct dentry *directory, const void *session)
{
	debugfs_create_file("program", 0400, directory, (void *)session,
			    &program_fops);
}
