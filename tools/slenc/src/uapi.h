/* SPDX-License-Identifier: GPL-2.0 */
/* What the client uses of the kernel's user space interface. */
#include <linux/media.h>
#include <linux/videodev2.h>
#include <linux/v4l2-stateless-encoder.h>
