// SPDX-License-Identifier: GPL-2.0
/* The functions of rate control are for its programs, and not for tracing. */
/* expect: calling kernel function v4l2_rc_log2 is not allowed */
#include <v4l2_rc.h>

SEC("raw_tp/sys_enter")
int trace(void *ctx)
{
	return v4l2_rc_log2(8);
}

char LICENSE[] SEC("license") = "GPL";
