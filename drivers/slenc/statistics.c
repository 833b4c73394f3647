// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

#include "statistics.h"

/*
 * The files of the kernel crate have no owner, and so would not hold the module
 * whose operations they use.
 */
static int statistics_show(struct seq_file *file, void *unused)
{
	slenc_statistics_show(file, file->private);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(statistics);

struct dentry *slenc_statistics_create(const char *directory,
				       const void *hardware)
{
	struct dentry *dir = debugfs_create_dir(directory, NULL);

	debugfs_create_file("statistics", 0400, dir, (void *)hardware,
			    &statistics_fops);
	return dir;
}

void slenc_statistics_remove(struct dentry *directory)
{
	debugfs_remove(directory);
}
