/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads for the media crate. */
#include <linux/cgroup_dmem.h>
#include <linux/hrtimer_types.h>
#include <linux/module.h>
#include <media/media-device.h>
#include <media/media-request.h>
#include <media/v4l2-common.h>
#include <media/v4l2-ctrls.h>
#include <media/v4l2-device.h>
#include <media/v4l2-event.h>
#include <media/v4l2-fh.h>
#include <media/v4l2-ioctl.h>
#include <media/v4l2-mem2mem.h>
#include <media/v4l2-rate-control.h>
#include <media/videobuf2-dma-contig.h>
#include <media/videobuf2-memops.h>
#include <media/videobuf2-v4l2.h>
#include <linux/v4l2-stateless-encoder.h>
#include "helpers.h"
