/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What BPF programs include, for those that are compiled for the machine
 * itself: the kernel's own headers, what these take of the kernel, and in place
 * of BPF's helpers and maps functions of src/helpers.rs.
 */
#ifndef V4L2_RC_H
#define V4L2_RC_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#include <media/v4l2-rate-control.h>
#include <media/v4l2-rate-control-bpf.h>

#define SEC(name)
#define BPF_PROG(name, ...) name(__VA_ARGS__)

/* A map has no memory of its own: its members say what it is like. */
#define __uint(name, number) int (*name)[number]
#define __type(name, of) __typeof__(of) *name

#define bpf_map_lookup_elem(map, at) \
	native_lookup(map, sizeof(*(map)->key), at)
#define bpf_map_update_elem(map, at, to, flags) \
	native_update(map, sizeof(*(map)->key), sizeof(*(map)->value), at, to)
#define bpf_map_delete_elem(map, at) \
	native_delete(map, sizeof(*(map)->key), at)
#define bpf_for_each_map_elem(map, function, context, flags) \
	native_for_each(map, (native_function)(function), context)
#define bpf_ringbuf_reserve(map, size, flags) native_reserve(map, size)
#define bpf_ringbuf_submit(record, flags) native_submit(record)
#define bpf_ktime_get_ns() native_time()

typedef long (*native_function)(void *map, const void *key, void *value,
				void *context);

void *native_lookup(const void *map, size_t key_size, const void *key);
long native_update(const void *map, size_t key_size, size_t value_size,
		   const void *key, const void *value);
long native_delete(const void *map, size_t key_size, const void *key);
long native_for_each(void *map, native_function function, void *context);
void *native_reserve(const void *map, size_t size);
void native_submit(void *record);
u64 native_time(void);

u64 v4l2_rc_mul_div(u64 a, u64 b, u64 c);
s32 v4l2_rc_log2(u64 value);
u64 v4l2_rc_exp2(s32 log_q16);
s32 v4l2_rc_qp_to_step(const struct v4l2_rc_bpf_session *session, s32 qp);
s32 v4l2_rc_step_to_qp(const struct v4l2_rc_bpf_session *session, s32 step);
u64 v4l2_rc_predict_bits(const struct v4l2_rc_bpf_session *session, s32 qp);

#endif /* V4L2_RC_H */
