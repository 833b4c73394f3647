# SPDX-License-Identifier: GPL-2.0
# System sleep: suspend to idle at the kernel's test level "platform", all but the
# idling itself, from which the system wakes by itself. What is under way goes on as
# if nothing had been.
. ../ktap.sh
. ../device.sh

if ! grep -qw platform /sys/power/pm_test 2>/dev/null; then
	skip "system sleep" "the kernel has no CONFIG_PM_DEBUG"
	finish
	exit
fi
INPUT=$TEST/input/642x274.y4m
encode() { timeout 120 slenc encode "$INPUT" -o "$1" >/run/encode.log 2>&1; }
sleeps() {
	local rc=0
	echo platform >/sys/power/pm_test && echo freeze >/sys/power/state || rc=1
	echo none >/sys/power/pm_test
	return $rc
}
good_again() { encode /run/again.h264 && cmp /run/good.h264 /run/again.h264; }
sleeps_between() { sleeps && good_again; }
# A picture takes a second, so that several are under way or waiting.
sleeps_during() {
	local rc=0
	start_client slow=1000@1+ && sleeps || rc=1
	# Whatever happened: nothing of it is left for the next check.
	control 0 clear || rc=1
	wait "$CLIENT" && cmp /run/good.h264 /run/unplug.h264 && [ $rc -eq 0 ]
}
# Hardware that has lost what the driver told it.
forget() { control 0 "fault reset" && control 0 clear; }
fails_awake() { forget && ! encode /run/again.h264 && good_again; }
is_programmed_anew() { forget && sleeps && good_again; }

echo 1 >/sys/module/suspend/parameters/pm_test_delay
wait_node
check "an encode without sleep" encode /run/good.h264
check "an encode after system sleep" sleeps_between
check "an encode during system sleep" sleeps_during
check "hardware that was reset while awake fails an encode" fails_awake
check "hardware that was reset while it slept is programmed anew" is_programmed_anew
finish
