# SPDX-License-Identifier: GPL-2.0
# What the BPF hook is to a system: whether it is there, what it does to the kernel's
# code, and what it says of the time of programs.
. ../ktap.sh
. ../device.sh
. ../bpf.sh

MODULE=${MODULES_DIR:-/src/out/modules}/rate_control/v4l2-rate-control.ko
TRACING=/sys/kernel/tracing
EVENTS=$TRACING/events/v4l2_rate_control
LIMIT=/sys/module/v4l2_rate_control/parameters/bpf_time_limit_us

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
# lines PATTERN: of the trace.
lines() { grep -cE -- "$1" /run/trace || :; }
# Pictures of a program that takes too long, and each of its calls.
time_is_traced() {
	local rc=0
	slenc bpf load $PROGRAMS/slow.bpf.o && slenc bpf attach slow && echo 1 >$LIMIT &&
		echo >$TRACING/trace && echo 1 >$EVENTS/enable && control 0 "fault slow=1000@1+" || return
	encode traced.h264 --in-flight 1 &
	# Its session goes with it.
	while [ -n "$(jobs -r)" ]; do
		slenc bpf stat >/run/stat && grep -q 'calls: 8,' /run/stat && break
	done
	wait $! && control 0 clear && echo 0 >$LIMIT && echo 0 >$EVENTS/enable || rc=1
	cp $TRACING/trace /run/trace
	slenc bpf detach && slenc bpf unload slow || rc=1
	cat /run/stat
	grep -q 'calls: 8,' /run/stat || rc=1
	echo "$(lines 'v4l2_rc_program_frame: .* overrun=1') overruns, $(lines 'v4l2_rc_program_call: .* program=slow function=frame_begin took-ns=[0-9]{6}') calls"
	[ "$(lines 'v4l2_rc_program_frame: .* overrun=1')" -eq 8 ] || rc=1
	[ "$(lines 'v4l2_rc_program_call: .* program=slow function=frame_begin took-ns=[0-9]{6}')" -eq 8 ] || rc=1
	return $rc
}
# where CONDITION: how many pictures of the last encode it holds for. Names are those of
# their statistics.
where() {
	sed 's/[{}"]//g' $STATS | awk -F, "{ for (i = 1; i <= NF; i++) { split(\$i, pair, \":\"); s[pair[1]] = pair[2] } } $1 { n++ } END { print n + 0 }"
}
# aimed NAME OPTION...: encodes with a program that leaves the QP alone.
aimed() {
	local name=$1
	shift
	slenc bpf load $PROGRAMS/target.bpf.o "$@" && slenc bpf attach target &&
		encode_input "$name" cuts 100 --bitrate 300k --cpb 200ms && slenc bpf detach && slenc bpf unload target
}
# What the built-in controller aims at is no reason to change the QP of a row; what a
# program aims at is.
target_is_followed() {
	local before after
	encode_input aims-builtin.h264 cuts 100 --bitrate 300k --cpb 200ms && before=$(where 's["qp_max"] > s["qp_min"]') &&
		aimed aims.h264 --set share=50 || return
	after=$(where 's["qp_max"] > s["qp_min"]')
	echo "of 100 pictures $before change QP without the program, $after with it"
	[ "$before" -lt 25 ] && [ "$after" -ge 75 ]
}
# With half of the bits planned for the first row, rows are finer first.
checkpoints_are_followed() {
	aimed points.h264 --set points=16 || return
	local finer
	finer=$(where 's["qp_min"] < s["qp_requested"]')
	echo "$finer of 100 pictures have finer rows"
	[ "$finer" -ge 50 ]
}
one_qp_is_kept() {
	aimed one.h264 --set points=0 || return
	local other
	other=$(where 's["qp_min"] != s["qp_requested"] || s["qp_max"] != s["qp_requested"]')
	echo "$other of 100 pictures have another QP than theirs"
	[ "$(where 1)" -eq 100 ] && [ "$other" -eq 0 ]
}

start_bpf
[ -e $TRACING/events ] || mount -t tracefs tracefs $TRACING
check "without BTF of the module there is no hook, and it says so once" without_types
check "asking for a program that is not there changes no code" code_stays
check "programs that take too long are traced, and how long calls take" time_is_traced
check "the target of a program is aimed at within pictures" target_is_followed
check "and so are its checkpoints" checkpoints_are_followed
check "without checkpoints a picture has one QP" one_qp_is_kept
finish
