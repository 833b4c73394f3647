# SPDX-License-Identifier: GPL-2.0
# BPF programs that do harm: they fail, take too long, and come and go all the time. The
# streams are judged with the others.
. ../ktap.sh
. ../device.sh
. ../bpf.sh

# shown WORD...: a session's program, once all of it says so.
shown() {
	local i word
	for ((i = 0; i < 300; i++)); do
		slenc bpf stat >/run/stat
		for word; do
			grep -q "$word" /run/stat || continue 2
		done
		cat /run/stat
		return
	done
	cat /run/stat
	return 1
}
# The application sees it as well, whenever it looks.
told() {
	programs | tee /run/programs
	[ "$(</run/programs)" = "7 failed 5 ejected" ]
}
# It is told as long as it lasts: a program that works takes the other one's place.
told_until_replaced() {
	slenc bpf load $PROGRAMS/failing.bpf.o && slenc bpf load qp_floor --set lowest=40 && slenc bpf attach failing || return
	encode_held recovers.h264 9 &
	shown 'program: builtin,' 'ejected: 1,' && slenc bpf attach qp_floor
	local rc=$?
	go_on
	wait $! && slenc bpf detach && slenc bpf unload failing && slenc bpf unload qp_floor || return
	programs | tee /run/programs
	[ "$(</run/programs)" = "7 failed 2 ejected 3 asked" ] && return $rc
}
thrown_out() {
	slenc bpf load $PROGRAMS/failing.bpf.o && slenc bpf attach failing || return
	encode_held failing.h264 9 &
	shown 'program: builtin,' 'changed: 0,' 'errors: 8,' 'ejected: 1,'
	local rc=$?
	go_on
	wait $! && finer_than 40 && told && slenc bpf detach && slenc bpf unload failing && return $rc
}
# A program that takes longer than a limit is one that fails.
too_slow() {
	local limit=/sys/module/v4l2_rate_control/parameters/bpf_time_limit_us
	slenc bpf load $PROGRAMS/slow.bpf.o && slenc bpf attach slow && echo 1 >$limit || return
	encode_held slow.h264 9 &
	shown 'program: builtin,' 'overruns: 8,' 'ejected: 1,' 'ran_ns: [1-9]'
	local rc=$?
	go_on
	wait $! && echo 0 >$limit && told && slenc bpf detach && slenc bpf unload slow && return $rc
}
storm() {
	local n client rounds=0 failed=''
	(
		for n in 1 2 3 4 5 6; do encode storm$n.h264 --gop 4 || exit; done
	) &
	client=$!
	while [ -e /proc/$client ] && grep -q '^State:.[^Z]' /proc/$client/status; do
		slenc bpf load qp_floor --set lowest=30 && slenc bpf attach qp_floor &&
			slenc bpf replace qp_floor --set lowest=35 && slenc bpf unload qp_floor && slenc bpf detach || {
			failed=1
			break
		}
		rounds=$((rounds + 1))
	done >/run/storm 2>&1
	wait $client || return
	echo "$rounds rounds"
	tail -n 1 /run/storm
	[ -z "$failed" ] && [ $rounds -ge 2 ] && [ ! -e /sys/fs/bpf/v4l2-rc/qp_floor ]
}

start_bpf
check "a program that fails changes nothing, and is thrown out" thrown_out
check "one that takes too long is thrown out" too_slow
check "the application is told until another takes part" told_until_replaced
check "programs come and go while pictures are coded" storm
finish
