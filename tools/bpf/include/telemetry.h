/* SPDX-License-Identifier: GPL-2.0 */
/* What the program telemetry sends for each picture. All little-endian. */
#ifndef TELEMETRY_H
#define TELEMETRY_H

#include <linux/types.h>

struct telemetry {
	__u64 session;
	__u64 cgroup;
	__u64 number;
	__u64 time_ns;
	__u64 bytes;
	__u64 coded_bytes;
	__u64 target_bits;
	__u64 predicted_bits;
	__u64 cpb_fill;
	__u64 cpb_bits;
	__u64 delay_ns;
	__u64 violation_bits;
	__u64 bitrate;
	__s64 debt;
	__u32 type;
	__u32 action;
	__u32 verdict;
	__u32 temporal_layer;
	__s32 qp;
	__s32 builtin_qp;
	__s32 mean_qp_q8;
	__u32 valid;
};

#endif /* TELEMETRY_H */
