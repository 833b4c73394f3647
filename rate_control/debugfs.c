// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>
#include <linux/module.h>

#include "debugfs.h"

/* The directory of all sessions. */
static struct dentry *root;

/*
 * The files of the kernel crate have no owner, and so would not hold the module
 * whose operations they use.
 */
static int config_show(struct seq_file *file, void *unused)
{
	rc_debugfs_show_config(file, file->private);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(config);

static int state_show(struct seq_file *file, void *unused)
{
	rc_debugfs_show_state(file, file->private);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

static int frames_show(struct seq_file *file, void *unused)
{
	rc_debugfs_show_frames(file, file->private);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(frames);

void rc_debugfs_init(void)
{
	root = debugfs_create_dir("v4l2-rate-control", NULL);
}

void rc_debugfs_exit(void)
{
	debugfs_remove(root);
}

struct dentry *rc_debugfs_create(u64 session, const void *shared)
{
	void *data = (void *)shared;
	struct dentry *dir;
	char name[24];

	snprintf(name, sizeof(name), "%llu", session);
	dir = debugfs_create_dir(name, root);
	debugfs_create_file("config", 0400, dir, data, &config_fops);
	debugfs_create_file("state", 0400, dir, data, &state_fops);
	debugfs_create_file("frames", 0400, dir, data, &frames_fops);
	return dir;
}

void rc_debugfs_remove(struct dentry *directory)
{
	debugfs_remove(directory);
}
