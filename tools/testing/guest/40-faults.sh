# SPDX-License-Identifier: GPL-2.0
# Hardware that fails: the client is told, nothing hangs, and the next encode is
# as good as the first.
. ../ktap.sh
. ../device.sh

# Twelve frames, and what they should be.
encode() {
	# shellcheck disable=SC2086 # options are words
	timeout 60 slenc encode "$TEST/input/176x144.y4m" -o "$1" $options >/run/encode.log 2>&1
}
good_again() {
	encode /run/again.h264 && cmp /run/good.h264 /run/again.h264
}
# The fault costs the client its encode, with a message, and nothing afterwards.
fails_and_recovers() {
	rm -f /run/bad.h264
	control 0 "fault $1" && ! encode /run/bad.h264 && tail -n 1 /run/encode.log &&
		grep -q 'slenc: .' /run/encode.log && [ ! -e /run/bad.h264 ] && control 0 clear && good_again
}
# The fault happens, and costs nothing at all.
faults() { control 0 status | grep -o '"faults":[0-9]*'; }
goes_unnoticed() {
	local before
	before=$(faults)
	control 0 "fault $1" && good_again && [ "$(faults)" != "$before" ] && control 0 clear
}
# A lost device fails everything, at once, until it is bound again.
device_lost() {
	control 0 "fault all-ones@3" && ! encode /run/bad.h264 && ! encode /run/bad.h264 &&
		unbind && control 0 clear && bind && wait_node && good_again
}
# A killed client leaves no job behind that a later one waits for.
killed_client() {
	local pid i
	start_client hang@1 || return
	pid=$CLIENT
	kill -KILL $pid
	for ((i = 0; i < 100; i++)); do
		[ -e /proc/$pid ] && grep -q '^State:.[^Z]' /proc/$pid/status || break
		sleep 0.1
	done
	wait $pid 2>/dev/null
	[ $i -lt 100 ] && control 0 clear && good_again
}

rmmod slenc
../../vm/load-modules watchdog_ms=700
wait_node
options='--qp 24,28'
check "an encode without faults" encode /run/good.h264
for fault in hang@1 hang@4 wrong-length@2 status-garbage@2 wrong-tag@2 bus-error@3 reset@2; do
	check "$fault fails the encode and leaves the device usable" fails_and_recovers $fault
done
# An interrupt that is lost costs time: the watchdog finds the result.
for fault in slow=100@2 late-irq=100@2 lost-irq@3 spurious-irq@1+; do
	check "$fault changes nothing" goes_unnoticed $fault
done
# With a rate generation 2 measures each source before it is coded: jobs 1 and 3 of these.
options='--bitrate 300k'
check "an encode with a rate, without faults" encode /run/good.h264
for fault in hang@1 hang@3 hang@4 wrong-length@3 status-garbage@3 wrong-tag@3 bus-error@1 reset@3; do
	check "$fault fails the encode with a rate and leaves the device usable" fails_and_recovers $fault
done
for fault in late-irq=100@3 lost-irq@3 spurious-irq@1+; do
	check "$fault changes nothing of one with a rate" goes_unnoticed $fault
done
options='--qp 24,28'
check "an encode without faults, again" encode /run/good.h264
check "a client killed while the hardware hangs is gone within 10 s" killed_client
check "a device that reads all ones fails every encode until it is bound again" device_lost
rmmod slenc
../../vm/load-modules
finish
