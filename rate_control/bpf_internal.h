/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files of the C part of the BPF hook. */
#ifndef RATE_CONTROL_BPF_INTERNAL_H
#define RATE_CONTROL_BPF_INTERNAL_H

#include "bpf.h"

/* Programs come, go and are replaced by others of the same name. */
int v4l2_rc_bpf_add(struct v4l2_rc_ops *ops);
void v4l2_rc_bpf_remove(struct v4l2_rc_ops *ops);
int v4l2_rc_bpf_exchange(struct v4l2_rc_ops *old, struct v4l2_rc_ops *new);

int v4l2_rc_bpf_register_kfuncs(void);
bool v4l2_rc_bpf_is_ours(const void *st_ops);

#endif /* RATE_CONTROL_BPF_INTERNAL_H */
