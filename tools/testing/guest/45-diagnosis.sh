# SPDX-License-Identifier: GPL-2.0
# Trace events and the statistics in debugfs: what a picture was, and why one failed.
. ../device.sh
. ../ktap.sh

TRACING=/sys/kernel/tracing

statistics() { cat /sys/kernel/debug/slenc-*/statistics; }
value() { statistics | awk -v name="$1" '$1 == name { print $2 }'; }
encode() { timeout 60 slenc encode "$TEST/input/176x144.y4m" -o /run/diagnosis.h264 --qp 24,28 "$@" >/run/encode.log 2>&1; }
# Runs a command and keeps what is traced meanwhile.
traced() {
	echo >$TRACING/trace
	echo 1 >$TRACING/events/slenc/enable
	"$@"
	local rc=$?
	echo 0 >$TRACING/events/slenc/enable
	grep -v '^#' $TRACING/trace >/run/trace
	return $rc
}
lines() { grep -cE -- "$1" /run/trace || :; }

good_pictures() {
	local before
	before=$(value coded)
	traced encode || return
	[ "$(lines 'slenc_picture: 0000:.* type=IDR .*frame_num=0 qp=24 references=0$')" -ge 1 ] &&
		[ "$(lines 'slenc_picture: .* type=P .*qp=28 references=1$')" -ge 1 ] &&
		[ "$(lines 'slenc_picture:')" -eq 12 ] &&
		[ "$(lines 'slenc_done: 0000:.* error=0 bytes=[1-9][0-9]* encode_ns=[1-9]')" -eq 12 ] &&
		[ "$(lines 'slenc_refused')" -eq 0 ] &&
		[ "$(value coded)" -eq $((before + 12)) ] && [ "$(value jobs)" -eq "$(value coded)" ] &&
		[ "$(value state)" = idle ] && [ "$(value longest_ns)" -gt 0 ] &&
		[ "$(value encode_ns)" -ge "$(value longest_ns)" ]
}
refused_picture() {
	local before
	before=$(value refused)
	# Among them are pictures that name references that there are not.
	traced slenc-test references >/run/references.log || return
	[ "$(value refused)" -gt "$before" ] && [ "$(lines 'slenc_refused: parameter=[a-z_0-9]+')" -ge 1 ] &&
		[ "$(lines 'slenc_done: .* error=-22 bytes=0')" -ge 1 ]
}
failing_hardware() {
	local before
	before=$(value resets)
	control 0 "fault status-garbage@2"
	! traced encode || return
	control 0 clear
	[ "$(lines 'slenc_done: .* error=-5 ')" -eq 1 ] && [ "$(value internal)" -ge 1 ] &&
		[ "$(value resets)" -gt "$before" ]
}
goes_with_the_device() {
	unbind || return
	! ls -d /sys/kernel/debug/slenc-* 2>/dev/null || return
	bind && wait_node && [ "$(value jobs)" -eq 0 ]
}

wait_node
check "pictures are traced and counted" good_pictures
check "the parameter that a picture fails for is traced" refused_picture
check "a failure of the hardware is traced and counted" failing_hardware
check "the statistics begin anew when the device is bound" goes_with_the_device
finish
