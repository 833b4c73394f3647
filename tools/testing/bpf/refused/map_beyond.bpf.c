// SPDX-License-Identifier: GPL-2.0
/* A value of a map has an end. */
/* expect: invalid access to map value */
#include <v4l2_rc.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} map SEC(".maps");

SEC("struct_ops/frame_begin")
int BPF_PROG(begin, struct v4l2_rc_bpf_session *session,
	     const struct v4l2_rc_bpf_frame *frame,
	     struct v4l2_rc_bpf_decision *decision)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&map, &key);

	return value ? value[1] : 0;
}

SEC(".struct_ops.link")
struct v4l2_rc_ops map_beyond = {
	.frame_begin = (void *)begin,
	.name = "map_beyond",
};

char LICENSE[] SEC("license") = "GPL";
