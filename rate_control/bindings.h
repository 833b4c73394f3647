/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads for the rate control module. */
#include <media/v4l2-rate-control.h>
#include "bpf.h"
#include "debugfs.h"
#include "trace.h"
