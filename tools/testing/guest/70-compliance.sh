# SPDX-License-Identifier: GPL-2.0
# v4l2-compliance: plain, streaming, and of the media device. One failure is known, and is expected by
# name: the tool takes the node for a generic memory-to-memory device, on which
# G_PARM and S_PARM must not exist, and an encoder needs its frame interval. See
# Documentation/slenc/compliance.rst.
. ../ktap.sh
. ../device.sh

# compliance NAME OPTION...: passes with exactly the known failure and no warning. The
# last total is that of all devices.
compliance() {
	local log=$TEST/compliance-$1.log
	shift
	v4l2-compliance "$@" >"$log" 2>&1
	grep -E '^\s*(fail|warn):|: FAIL|^Total|^Grand' "$log"
	[ "$(grep -c ': FAIL' "$log")" -eq 1 ] &&
		grep -q 'test VIDIOC_G/S_PARM: FAIL' "$log" &&
		grep -E '^(Grand )?Total' "$log" | tail -n 1 | grep -q 'Failed: 1, Warnings: 0'
}

mkdir -p "$TEST"
wait_node
check "v4l2-compliance: all but G/S_PARM, no warning" compliance plain -d "$(video_node)"
check "v4l2-compliance -s: all but G/S_PARM, no warning" compliance streaming -d "$(video_node)" -s
check "v4l2-compliance -m: all but G/S_PARM, no warning" compliance media -m "$(media_node)"
finish
