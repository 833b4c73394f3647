// SPDX-License-Identifier: GPL-2.0
/*
 * The symbols of the rate control module. The functions are in abi.rs, which
 * checks them against the same header.
 */
#include <linux/export.h>
#include <media/v4l2-rate-control.h>

EXPORT_SYMBOL_GPL(v4l2_rc_session_alloc);
EXPORT_SYMBOL_GPL(v4l2_rc_session_free);
EXPORT_SYMBOL_GPL(v4l2_rc_session_start);
EXPORT_SYMBOL_GPL(v4l2_rc_session_configure);
EXPORT_SYMBOL_GPL(v4l2_rc_session_reset);
EXPORT_SYMBOL_GPL(v4l2_rc_config_hrd);
EXPORT_SYMBOL_GPL(v4l2_rc_session_state);
EXPORT_SYMBOL_GPL(v4l2_rc_session_id);
EXPORT_SYMBOL_GPL(v4l2_rc_frame_begin);
EXPORT_SYMBOL_GPL(v4l2_rc_frame_end);
EXPORT_SYMBOL_GPL(v4l2_rc_frame_commit);
EXPORT_SYMBOL_GPL(v4l2_rc_frame_cancel);
