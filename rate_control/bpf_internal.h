/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files of the C part of the BPF hook. */
#ifndef RATE_CONTROL_BPF_INTERNAL_H
#define RATE_CONTROL_BPF_INTERNAL_H

#include "bpf.h"

/*
 * The name of the program that is attached to a session, "builtin" for none;
 * and what has happened.
 */
void v4l2_rc_bpf_report(struct v4l2_rc_bpf_slot *slot,
			char name[V4L2_RC_BPF_NAME_MAX],
			struct v4l2_rc_bpf_counters *counters);

/* Programs come, go and are replaced by others of the same name. */
int v4l2_rc_bpf_add(struct v4l2_rc_ops *ops);
void v4l2_rc_bpf_remove(struct v4l2_rc_ops *ops);
int v4l2_rc_bpf_exchange(struct v4l2_rc_ops *old, struct v4l2_rc_ops *new);

const struct v4l2_rc_ops *v4l2_rc_bpf_ops_of(struct v4l2_rc_bpf_slot *slot);

int v4l2_rc_bpf_register_kfuncs(void);
bool v4l2_rc_bpf_is_ours(const void *st_ops);

#endif /* RATE_CONTROL_BPF_INTERNAL_H */
