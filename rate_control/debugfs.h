/* SPDX-License-Identifier: GPL-2.0 */
/* The files of sessions in debugfs, between C and Rust. */
#ifndef RATE_CONTROL_DEBUGFS_H
#define RATE_CONTROL_DEBUGFS_H

#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/types.h>

void rc_debugfs_init(void);
void rc_debugfs_exit(void);
struct dentry *rc_debugfs_create(u64 session, const void *shared);
void rc_debugfs_remove(struct dentry *directory);

/* In Rust. */
void rc_debugfs_show_config(struct seq_file *file, const void *shared);
void rc_debugfs_show_state(struct seq_file *file, const void *shared);
void rc_debugfs_show_frames(struct seq_file *file, const void *shared);

#endif /* RATE_CONTROL_DEBUGFS_H */
