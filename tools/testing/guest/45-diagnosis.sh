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
	local before jobs measured
	before=$(value coded) jobs=$(value jobs) measured=$(value measured)
	traced encode || return
	[ "$(lines 'slenc_picture: 0000:.* type=IDR .*frame_num=0 qp=24 references=0$')" -ge 1 ] &&
		[ "$(lines 'slenc_picture: .* type=P .*qp=28 references=1$')" -ge 1 ] &&
		[ "$(lines 'slenc_picture:')" -eq 12 ] &&
		[ "$(lines 'slenc_done: 0000:.* error=0 bytes=[1-9][0-9]* encode_ns=[1-9]')" -eq 12 ] &&
		[ "$(lines 'slenc_refused')" -eq 0 ] &&
		[ "$(value coded)" -eq $((before + 12)) ] && [ "$(value jobs)" -eq $((jobs + 12)) ] &&
		[ "$(value measured)" -eq "$measured" ] &&
		[ "$(value state)" = idle ] && [ "$(value longest_ns)" -gt 0 ] &&
		[ "$(value encode_ns)" -ge "$(value longest_ns)" ]
}
# With a rate, and hardware that can, each source is measured before it is coded.
measured_pictures() {
	local coded jobs measured measures=0
	[ "$GENERATION" = gen1 ] || measures=12
	coded=$(value coded) jobs=$(value jobs) measured=$(value measured)
	traced timeout 60 slenc encode "$TEST/input/176x144.y4m" -o /run/diagnosis.h264 --bitrate 300k >/run/encode.log 2>&1 || return
	statistics
	[ "$(lines 'slenc_picture:')" -eq 12 ] && [ "$(value coded)" -eq $((coded + 12)) ] &&
		[ "$(value measured)" -eq $((measured + measures)) ] &&
		[ "$(value jobs)" -eq $((jobs + 12 + measures)) ]
}
# One that cannot be measured is not coded either.
failing_measurement() {
	local measured pictures=1
	[ "$GENERATION" = gen1 ] || pictures=0
	measured=$(value measured)
	control 0 "fault bus-error@1"
	! traced timeout 60 slenc encode "$TEST/input/176x144.y4m" -o /run/diagnosis.h264 --frames 1 --bitrate 300k >/run/encode.log 2>&1 ||
		return
	control 0 clear
	[ "$(lines 'slenc_picture:')" -eq $pictures ] && [ "$(lines 'slenc_done: .* error=-14 ')" -eq 1 ] &&
		[ "$(value measured)" -eq "$measured" ]
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
	local resets internal
	resets=$(value resets) internal=$(value internal)
	control 0 "fault status-garbage@2"
	! traced encode || return
	control 0 clear
	[ "$(lines 'slenc_done: .* error=-5 ')" -eq 1 ] && [ "$(value internal)" -eq $((internal + 1)) ] &&
		[ "$(value resets)" -eq $((resets + 1)) ]
}
goes_with_the_device() {
	unbind || return
	! ls -d /sys/kernel/debug/slenc-* 2>/dev/null || return
	bind && wait_node && [ "$(value jobs)" -eq 0 ]
}
# Who reads when the device goes has it all, or nothing more.
read_while_unbound() {
	local file reader i rc=0
	file=$(echo /sys/kernel/debug/slenc-*/statistics)
	(while read -r _ <"$file"; do echo; done >/run/reads 2>/dev/null) &
	reader=$!
	for ((i = 0; i < 100; i++)); do
		[ -s /run/reads ] && break
		sleep 0.1
	done
	[ $i -lt 100 ] && unbind || rc=1
	wait $reader
	bind && wait_node && [ $rc -eq 0 ]
}
# An open file holds the module, also when the file is not there any more.
opened_and_unloaded() {
	local rc=0
	exec 7</sys/kernel/debug/slenc-*/statistics
	unbind || rc=1
	! rmmod slenc 2>/dev/null || rc=1
	[ -e /sys/module/slenc ] && ! read -r _ <&7 2>/dev/null || rc=1
	exec 7<&-
	rmmod slenc || rc=1
	wait_node && [ $rc -eq 0 ]
}

wait_node
check "pictures are traced and counted" good_pictures
check "sources are measured where there is a rate" measured_pictures
check "a source that cannot be measured is not coded" failing_measurement
check "the parameter that a picture fails for is traced" refused_picture
check "a failure of the hardware is traced and counted" failing_hardware
check "the statistics begin anew when the device is bound" goes_with_the_device
check "the statistics are read while the device is unbound" read_while_unbound
check "open statistics hold the module" opened_and_unloaded
finish
