// SPDX-License-Identifier: GPL-2.0
#include "helpers.h"

int media_helper_device_register(struct media_device *mdev,
				 struct module *owner)
{
	return __media_device_register(mdev, owner);
}

void media_helper_request_mark_manual_completion(struct media_request *req)
{
	media_request_mark_manual_completion(req);
}

int media_helper_num_requests(struct media_device *mdev)
{
	return atomic_read_acquire(&mdev->num_requests);
}

bool media_helper_try_module_get(struct module *module)
{
	return try_module_get(module);
}

void media_helper_module_put(struct module *module)
{
	module_put(module);
}

struct workqueue_struct *media_helper_alloc_workqueue(const char *name)
{
	return alloc_workqueue("%s", WQ_UNBOUND, 0, name);
}

static void no_work(struct work_struct *work)
{
}

/*
 * Not the name of a function: waits for all work that has been scheduled with
 * schedule_work(), as flush_workqueue() may not do for a workqueue of the
 * system's. The work of a CPU starts in order, and the next one while the one
 * before sleeps: work that does not sleep is over. Work of a CPU that has just
 * gone offline is not waited for.
 */
void media_helper_flush_percpu_work(void)
{
	struct work_struct work;
	int cpu;

	INIT_WORK_ONSTACK(&work, no_work);
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		queue_work_on(cpu, system_percpu_wq, &work);
		flush_work(&work);
	}
	cpus_read_unlock();
	destroy_work_on_stack(&work);
}

struct dmem_cgroup_region *
media_helper_dmem_register_region(struct device *dev)
{
	struct dmem_cgroup_init init = {
		.size = (u64)totalram_pages() << PAGE_SHIFT,
	};

	return dmem_cgroup_register_region(&init, "v4l2/%s", dev_name(dev));
}

void
media_helper_dmem_unregister_region(struct dmem_cgroup_region *region)
{
	dmem_cgroup_unregister_region(region);
}

int media_helper_dmem_try_charge(struct dmem_cgroup_region *region, u64 size,
				 struct dmem_cgroup_pool_state **pool)
{
	return dmem_cgroup_try_charge(region, size, pool, NULL);
}

void media_helper_dmem_uncharge(struct dmem_cgroup_pool_state *pool, u64 size)
{
	dmem_cgroup_uncharge(pool, size);
}

int media_helper_register_pm_notifier(struct notifier_block *nb)
{
	return register_pm_notifier(nb);
}

int media_helper_unregister_pm_notifier(struct notifier_block *nb)
{
	return unregister_pm_notifier(nb);
}

int media_helper_video_register_device(struct video_device *vdev)
{
	return video_register_device(vdev, VFL_TYPE_VIDEO, -1);
}

bool media_helper_video_is_registered(struct video_device *vdev)
{
	return video_is_registered(vdev);
}

void *media_helper_video_drvdata(struct file *file)
{
	return video_drvdata(file);
}

void media_helper_video_set_drvdata(struct video_device *vdev, void *data)
{
	video_set_drvdata(vdev, data);
}

int media_helper_ctrl_handler_init(struct v4l2_ctrl_handler *hdl,
				   unsigned int hint)
{
	return v4l2_ctrl_handler_init(hdl, hint);
}

void media_helper_ctrl_request_hdl_put(struct v4l2_ctrl_handler *hdl)
{
	v4l2_ctrl_request_hdl_put(hdl);
}

/*
 * Not the name of a function: the value of a control in the handler of a
 * queued request, or NULL if the request has none of its own.
 */
void *media_helper_ctrl_request_value(struct v4l2_ctrl_handler *hdl, u32 id)
{
	struct v4l2_ctrl_ref *ref;

	list_for_each_entry(ref, &hdl->ctrl_refs, node) {
		if (ref->ctrl->id == id)
			return ref->p_req_valid ? ref->p_req.p : NULL;
	}
	return NULL;
}

bool media_helper_vb2_is_busy(struct vb2_queue *q)
{
	return vb2_is_busy(q);
}

/*
 * Not the name of a function: how large the memory of the first plane is at
 * least, in all buffers of a queue; UINT_MAX without any.
 */
unsigned int media_helper_vb2_smallest_plane(struct vb2_queue *q)
{
	unsigned int smallest = UINT_MAX;
	unsigned int i;

	lockdep_assert_held(q->lock);
	for (i = 0; i < q->max_num_buffers; i++) {
		struct vb2_buffer *vb = vb2_get_buffer(q, i);

		if (vb)
			smallest = min(smallest, vb->planes[0].min_length);
	}
	return smallest;
}

bool media_helper_vb2_is_streaming(struct vb2_queue *q)
{
	return vb2_is_streaming(q);
}

void media_helper_vb2_clear_last_buffer_dequeued(struct vb2_queue *q)
{
	vb2_clear_last_buffer_dequeued(q);
}

struct vb2_v4l2_buffer *media_helper_to_vb2_v4l2_buffer(struct vb2_buffer *vb)
{
	return to_vb2_v4l2_buffer(vb);
}

void media_helper_vb2_set_plane_payload(struct vb2_buffer *vb, unsigned int n,
					unsigned long size)
{
	vb2_set_plane_payload(vb, n, size);
}

dma_addr_t media_helper_vb2_plane_dma_addr(struct vb2_buffer *vb,
					   unsigned int n)
{
	return vb2_dma_contig_plane_dma_addr(vb, n);
}

struct vb2_v4l2_buffer *media_helper_m2m_next_src_buf(struct v4l2_m2m_ctx *ctx)
{
	return v4l2_m2m_next_src_buf(ctx);
}

struct vb2_v4l2_buffer *media_helper_m2m_next_dst_buf(struct v4l2_m2m_ctx *ctx)
{
	return v4l2_m2m_next_dst_buf(ctx);
}

struct vb2_v4l2_buffer *
media_helper_m2m_src_buf_remove(struct v4l2_m2m_ctx *ctx)
{
	return v4l2_m2m_src_buf_remove(ctx);
}

struct vb2_v4l2_buffer *
media_helper_m2m_dst_buf_remove(struct v4l2_m2m_ctx *ctx)
{
	return v4l2_m2m_dst_buf_remove(ctx);
}

void media_helper_m2m_buf_done(struct vb2_v4l2_buffer *buf,
			       enum vb2_buffer_state state)
{
	v4l2_m2m_buf_done(buf, state);
}

bool media_helper_m2m_dst_buf_is_last(struct v4l2_m2m_ctx *ctx)
{
	return v4l2_m2m_dst_buf_is_last(ctx);
}

bool media_helper_m2m_is_last_draining_src_buf(struct v4l2_m2m_ctx *ctx,
					       struct vb2_v4l2_buffer *buf)
{
	return v4l2_m2m_is_last_draining_src_buf(ctx, buf);
}

bool media_helper_m2m_has_stopped(struct v4l2_m2m_ctx *ctx)
{
	return v4l2_m2m_has_stopped(ctx);
}

void media_helper_m2m_mark_stopped(struct v4l2_m2m_ctx *ctx)
{
	v4l2_m2m_mark_stopped(ctx);
}
