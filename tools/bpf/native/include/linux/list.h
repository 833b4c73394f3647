/* SPDX-License-Identifier: GPL-2.0 */
/* Of the kernel's header: what has a place in struct v4l2_rc_ops. */
#ifndef LINUX_LIST_H
#define LINUX_LIST_H

struct list_head {
	struct list_head *next, *prev;
};

#endif /* LINUX_LIST_H */
