# SPDX-License-Identifier: GPL-2.0
# v4l2-compliance, plain and streaming. One failure is known, and is expected by
# name: the tool takes the node for a generic memory-to-memory device, on which
# G_PARM and S_PARM must not exist, and an encoder needs its frame interval. See
# Documentation/slenc/compliance.rst.
. ../ktap.sh
. ../device.sh

# compliance NAME OPTION...: passes with exactly the known failure and no warning.
compliance() {
	local log=/src/out/test/compliance-$1.log
	shift
	v4l2-compliance -d "$(video_node)" "$@" >"$log" 2>&1
	grep -E '^\s*(fail|warn):|: FAIL|^Total|^Grand' "$log"
	[ "$(grep -c ': FAIL' "$log")" -eq 1 ] &&
		grep -q 'test VIDIOC_G/S_PARM: FAIL' "$log" &&
		grep -qE '^Total.*Failed: 1, Warnings: 0' "$log"
}

mkdir -p /src/out/test
wait_node
check "v4l2-compliance: all but G/S_PARM, no warning" compliance plain
check "v4l2-compliance -s: all but G/S_PARM, no warning" compliance streaming -s
finish
