# SPDX-License-Identifier: GPL-2.0
# What the BPF hook is to a system: whether it is there, and what it does to the kernel's
# code.
. ../ktap.sh
. ../device.sh
. ../bpf.sh

MODULE=${MODULES_DIR:-/src/out/modules}/rate_control/v4l2-rate-control.ko
TRACING=/sys/kernel/tracing

# A module as most are built outside of the kernel's tree: nobody there has vmlinux, to
# describe its types against.
without_types() {
	local rc=0 said
	llvm-objcopy --remove-section .BTF --remove-section .BTF.base "$MODULE" /run/untyped.ko &&
		rmmod slenc v4l2_rate_control || return
	insmod /run/untyped.ko && wait_node || return
	said=$(dmesg | grep -c 'no BPF hook: no type information')
	echo "said $said times"
	[ "$said" -eq 1 ] || rc=1
	! dmesg | grep 'missing module BTF' || rc=1
	exec 6<>"$(video_node)"
	ls /sys/kernel/debug/v4l2-rate-control/*/state || rc=1
	! ls /sys/kernel/debug/v4l2-rate-control/*/program || rc=1
	exec 6>&-
	encode untyped.h264 --program qp_floor && [ "$(programs)" = "12 none" ] || rc=1
	rmmod slenc v4l2_rate_control && wait_node && return $rc
}
# switched NAME PROGRAM: encodes and prints how often the hook's key was switched on.
switched() {
	local key
	key=$(awk '$3 == "v4l2_rc_bpf_switch" { print "0x" $1 }' /proc/kallsyms)
	echo 'p:slenc/key static_key_slow_inc key=%di:x64' >$TRACING/kprobe_events &&
		echo "key == $key" >$TRACING/events/slenc/key/filter &&
		echo >$TRACING/trace && echo 1 >$TRACING/events/slenc/key/enable || return
	encode "$1.h264" --program "$2" >&2
	local rc=$?
	grep -c ' key: ' $TRACING/trace
	# What was recorded goes with the event.
	echo 0 >$TRACING/events/slenc/key/enable
	echo >$TRACING/kprobe_events
	return $rc
}
# Whoever may open the device may ask for any program.
code_stays() {
	local none some
	none=$(switched asks not_there) && slenc bpf load qp_floor && some=$(switched asks-there qp_floor) &&
		slenc bpf unload qp_floor || return
	echo "switched $none times without the program, $some times with it"
	[ "$none" -eq 0 ] && [ "$some" -ge 1 ]
}

start_bpf
[ -e $TRACING/events ] || mount -t tracefs tracefs $TRACING
check "without BTF of the module there is no hook, and it says so once" without_types
check "asking for a program that is not there changes no code" code_stays
finish
