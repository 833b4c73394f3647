/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions for the macros and inline functions of the media headers that the
 * Rust abstractions call. Read by the compiler, which checks the prototypes,
 * and by bindgen. A helper does what the function or field it is named after
 * does, and nothing else; the exceptions say so.
 */
#ifndef MEDIA_HELPERS_H
#define MEDIA_HELPERS_H

#include <linux/cgroup_dmem.h>
#include <linux/dma-buf.h>
#include <linux/module.h>
#include <linux/suspend.h>
#include <linux/workqueue.h>
#include <media/media-device.h>
#include <media/media-request.h>
#include <media/v4l2-ctrls.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-mem2mem.h>
#include <media/videobuf2-dma-contig.h>
#include <media/videobuf2-v4l2.h>

/* Macros that bindgen cannot evaluate. */
#define CONSTANT(name) static const __u32 RUST_CONST_HELPER_##name = name
CONSTANT(V4L2_PIX_FMT_NV12);
CONSTANT(V4L2_PIX_FMT_NV12M);
CONSTANT(V4L2_PIX_FMT_YUV420);
CONSTANT(V4L2_PIX_FMT_YUV420M);
CONSTANT(V4L2_PIX_FMT_YUYV);
CONSTANT(V4L2_PIX_FMT_UYVY);
CONSTANT(V4L2_PIX_FMT_H264_SLICE);
#undef CONSTANT

int media_helper_device_register(struct media_device *mdev,
				 struct module *owner);
void media_helper_request_mark_manual_completion(struct media_request *req);
int media_helper_num_requests(struct media_device *mdev);
bool media_helper_try_module_get(struct module *module);
void media_helper_module_put(struct module *module);
struct workqueue_struct *media_helper_alloc_workqueue(const char *name);
void media_helper_flush_percpu_work(void);
struct dmem_cgroup_region *
media_helper_dmem_register_region(struct device *dev);
void
media_helper_dmem_unregister_region(struct dmem_cgroup_region *region);
int media_helper_dmem_try_charge(struct dmem_cgroup_region *region, u64 size,
				 struct dmem_cgroup_pool_state **pool);
void media_helper_dmem_uncharge(struct dmem_cgroup_pool_state *pool, u64 size);
int media_helper_register_pm_notifier(struct notifier_block *nb);
int media_helper_unregister_pm_notifier(struct notifier_block *nb);

int media_helper_video_register_device(struct video_device *vdev);
bool media_helper_video_is_registered(struct video_device *vdev);
void *media_helper_video_drvdata(struct file *file);
void media_helper_video_set_drvdata(struct video_device *vdev, void *data);
void media_helper_ctrl_request_hdl_put(struct v4l2_ctrl_handler *hdl);
void *media_helper_ctrl_request_value(struct v4l2_ctrl_handler *hdl, u32 id);
int media_helper_ctrl_handler_init(struct v4l2_ctrl_handler *hdl,
				   unsigned int hint);

bool media_helper_vb2_is_busy(struct vb2_queue *q);
unsigned int media_helper_vb2_smallest_plane(struct vb2_queue *q);
bool media_helper_vb2_is_streaming(struct vb2_queue *q);
void media_helper_vb2_clear_last_buffer_dequeued(struct vb2_queue *q);
struct vb2_v4l2_buffer *media_helper_to_vb2_v4l2_buffer(struct vb2_buffer *vb);
void media_helper_vb2_set_plane_payload(struct vb2_buffer *vb, unsigned int n,
					unsigned long size);
dma_addr_t media_helper_vb2_plane_dma_addr(struct vb2_buffer *vb,
					   unsigned int n);

struct vb2_v4l2_buffer *media_helper_m2m_next_src_buf(struct v4l2_m2m_ctx *ctx);
struct vb2_v4l2_buffer *media_helper_m2m_next_dst_buf(struct v4l2_m2m_ctx *ctx);
struct vb2_v4l2_buffer *
media_helper_m2m_src_buf_remove(struct v4l2_m2m_ctx *ctx);
struct vb2_v4l2_buffer *
media_helper_m2m_dst_buf_remove(struct v4l2_m2m_ctx *ctx);
void media_helper_m2m_buf_done(struct vb2_v4l2_buffer *buf,
			       enum vb2_buffer_state state);
bool media_helper_m2m_dst_buf_is_last(struct v4l2_m2m_ctx *ctx);
bool media_helper_m2m_is_last_draining_src_buf(struct v4l2_m2m_ctx *ctx,
					       struct vb2_v4l2_buffer *buf);
bool media_helper_m2m_has_stopped(struct v4l2_m2m_ctx *ctx);
void media_helper_m2m_mark_stopped(struct v4l2_m2m_ctx *ctx);

#endif /* MEDIA_HELPERS_H */
