# SPDX-License-Identifier: GPL-2.0
# What the rate control shows of its sessions: debugfs and tracepoints.
. ../ktap.sh
. ../device.sh

SESSIONS=/sys/kernel/debug/v4l2-rate-control
EVENTS=/sys/kernel/tracing/events/v4l2_rate_control

sessions() { ls $SESSIONS; }
# session: waits for the session that there is, and prints its directory.
session() {
	local i
	for ((i = 0; i < 100; i++)); do
		[ "$(sessions | wc -l)" -eq 1 ] && echo "$SESSIONS/$(sessions)" && return
		sleep 0.1
	done
	return 1
}
no_session() {
	local i
	for ((i = 0; i < 100; i++)); do
		[ -z "$(sessions)" ] && return
		sleep 0.1
	done
	return 1
}
new_session() {
	local dir
	dir=$(session) && [ "$(<"$dir/config")" = none ] && grep -qx 'outstanding: 0' "$dir/state" &&
		[ "$(wc -l <"$dir/frames")" -eq 1 ]
}
# Descriptors 7 to 9 are of the files of a session that is gone.
gone() {
	local fd
	for fd in 7 8 9; do
		! cat <&"$fd" 2>/dev/null || return
	done
}
# The last pictures are there, in their order, as long as the session is: the client
# has the whole input, and waits for its end.
shown_frames() {
	local dir client i seen=1
	exec 4> >(exec slenc encode - -o /run/shown.h264 --qp 24,30 >/run/encode.log 2>&1)
	client=$!
	cat "$TEST/input/176x144.y4m" >&4
	if dir=$(session); then
		for ((i = 0; i < 400; i++)); do
			grep -qx 'frames: *12' "$dir/state" && break
			sleep 0.1
		done
		cat "$dir/frames" "$dir/state" "$dir/config" >/run/shown && seen=0
	fi
	exec 4>&-
	wait $client && [ $seen -eq 0 ] || return
	cat /run/shown
	awk 'NR > 1 && NF == 12 { print $2, $3, $4, $5 }' /run/shown >/run/shown.pictures
	{ echo I encode keep 24 && yes P encode keep 30 | head -n 11; } | cmp - /run/shown.pictures &&
		grep -qx 'outstanding: 0' /run/shown
}
# trace FRAMES: traces an encode of so many pictures.
trace() {
	local begun ended rc=0
	echo >/sys/kernel/tracing/trace
	echo 1 >$EVENTS/enable
	slenc encode "$TEST/input/176x144.y4m" -o /run/traced.h264 --frames "$1" --qp 24,30 || rc=$?
	echo 0 >$EVENTS/enable
	[ $rc -eq 0 ] || return $rc
	begun=$(grep -c 'v4l2_rc_frame_begin: .* type=[IP] .* action=encode qp=\(24\|30\) .* reasons=fixed-qp' /sys/kernel/tracing/trace)
	ended=$(grep -c 'v4l2_rc_frame_end: .* bytes=[1-9].* verdict=keep ' /sys/kernel/tracing/trace)
	echo "$begun begun, $ended ended"
	[ "$begun" -eq "$1" ] && [ "$ended" -eq "$1" ]
}
# An open file holds the module that shows it, also when the session is over.
opened_and_unloaded() {
	local dir rc=0
	exec 6<>"$(video_node)"
	dir=$(session) && exec 7<"$dir/state" || rc=1
	exec 6>&-
	no_session && rmmod slenc || rc=1
	! rmmod v4l2_rate_control 2>/dev/null || rc=1
	[ -e /sys/module/v4l2_rate_control ] && ! read -r _ <&7 2>/dev/null || rc=1
	exec 7<&-
	rmmod v4l2_rate_control || rc=1
	wait_node && [ $rc -eq 0 ]
}

wait_node
check "no session without a file" no_session
exec 6<>"$(video_node)"
check "an open file has a session" new_session
dir=$(session)
exec 7<"$dir/state" 8<"$dir/config" 9<"$dir/frames"
exec 6>&-
check "it goes with the file" no_session
check "a file of it that is still open says nothing" gone
exec 7<&- 8<&- 9<&-
check "the last pictures are shown" shown_frames
[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
check "each picture begins and ends in the trace" trace 8
check "an open file holds the module" opened_and_unloaded
finish
