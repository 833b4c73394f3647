/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file in debugfs, between C and Rust: statistics.rs declares the same.
 */
#ifndef SLENC_STATISTICS_H
#define SLENC_STATISTICS_H

#include <linux/debugfs.h>
#include <linux/seq_file.h>

struct dentry *slenc_statistics_create(const char *directory,
				       const void *hardware);
void slenc_statistics_remove(struct dentry *directory);

/* In Rust. */
void slenc_statistics_show(struct seq_file *file, const void *hardware);

#endif /* SLENC_STATISTICS_H */
