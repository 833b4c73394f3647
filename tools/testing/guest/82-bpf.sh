# SPDX-License-Identifier: GPL-2.0
# BPF programs in rate control: they come, go and are replaced, and what they decide
# happens. The streams are judged with the others.
. ../ktap.sh
. ../device.sh
. ../bpf.sh

# Every loaded program is seen by the next encode, and only while it is there.
floor_holds() { slenc bpf attach qp_floor && encode floor.h264 && lowest_qp 40; }
replaced_holds() { slenc bpf replace qp_floor --set lowest=45 && encode replaced.h264 && lowest_qp 45; }
builtin_alone() { encode "$1.h264" && finer_than 40; }
builtin_again() { slenc bpf detach && builtin_alone again; }
gone() {
	slenc bpf attach qp_floor && slenc bpf unload qp_floor && ! slenc bpf list | grep '^qp_floor  *yes' &&
		encode gone.h264 && finer_than 40 && slenc bpf detach
}
# The limits of the application stand above a program, and so does a QP that it gives.
limited() {
	slenc bpf load qp_floor --set lowest=60 && slenc bpf attach qp_floor && encode limited.h264 --max-qp 44 && lowest_qp 44
}
given() {
	encode_input given.h264 176x144 12 --qp 24,28 && lowest_qp 24 && slenc bpf detach && slenc bpf unload qp_floor
}
telemetry_tells_all() {
	slenc bpf load telemetry && slenc bpf attach telemetry && encode telemetry.h264 &&
		timeout 20 slenc bpf watch --kept --json --frames 12 >/run/telemetry.json || return
	local sum
	sum=$(grep -o '"bytes":[0-9]*' /run/telemetry.json | awk -F: '{ n += $2 } END { print n }')
	echo "pictures of $sum bytes, a stream of $(stat -c %s "$OUT/bpf-telemetry.h264")"
	[ "$sum" -eq "$(stat -c %s "$OUT/bpf-telemetry.h264")" ]
}
# watching OPTION...: a watcher ($WATCHER) to /run/watched, which is there when this returns.
watching() {
	local i
	timeout 300 slenc bpf watch "$@" >/run/watched &
	WATCHER=$!
	for ((i = 0; i < 300; i++)); do
		grep -q . /run/watched && return
		sleep 0.1
	done
	return 1
}
# What was kept when nobody watched is not shown: of the first encode here nothing, and of
# the second one all.
watch_begins_now() {
	encode kept.h264 && watching --frames 12 && encode watched.h264 && wait "$WATCHER" || return
	cat /run/watched
	awk 'NR == 2 { session = $1 } NR > 1 && ($1 != session || $2 != NR - 1) { bad++ }
		END { exit bad || NR != 13 }' /run/watched
}
# Of more pictures than there is room for, all are shown or counted as lost.
losses_are_shown() {
	local i
	timeout 300 slenc encode "$TEST/input/tiny.y4m" -o /run/tiny.h264 --frames 1900 --bitrate 100k --quiet && watching --kept --json &&
		encode after.h264 || return
	for ((i = 0; i < 100; i++)); do
		awk -F '"lost":' '{ lost += $2 } END { print NR, "shown,", lost, "lost"; exit !(lost > 100 && NR + lost == 1912) }' \
			/run/watched >/run/losses && break
		sleep 0.1
	done
	kill "$WATCHER" || return
	cat /run/losses
	[ $i -lt 100 ]
}
telemetry_goes() { slenc bpf detach && slenc bpf unload telemetry; }
# The tutorial's own program, as it stands there.
tutorial_program() {
	local dir=/run/tutorial
	mkdir -p $dir && awk '/^\t#include/ { on = 1 } on { sub(/^\t/, ""); print } /LICENSE/ { exit }' \
		/src/Documentation/rate-control-bpf/tutorial.rst >$dir/coarse_keys.bpf.c &&
		clang -O2 -g -target bpf -mcpu=v4 -I /src/tools/bpf/include -idirafter "/usr/include/$(uname -m)-linux-gnu" \
			-c $dir/coarse_keys.bpf.c -o $dir/coarse_keys.bpf.o &&
		slenc bpf load $dir/coarse_keys.bpf.o --set step=3 && slenc bpf attach coarse_keys &&
		encode coarse.h264 --gop 4 && timeout 20 slenc bpf watch coarse_keys --kept --json --frames 12 >/run/watched || return
	slenc bpf detach && slenc bpf unload coarse_keys || return
	# By how much each picture is coarser than the built-in controller wanted it.
	awk -F '[:,]' '{ for (i = 1; i < NF; i++) { if ($i ~ /"builtin_qp"/) was = $(i + 1); if ($i ~ /"qp"/) is = $(i + 1) }
		printf "%d", is - was } END { print "" }' /run/watched >/run/coarser
	cat /run/coarser
	[ "$(</run/coarser)" = 300030003000 ]
}
# Streams ask for programs by name, at the same time: of each the host has not the pictures
# in a row.
asks() { timeout 300 slenc encode "$TEST/input/176x144.y4m" -o "/run/$1.h264" --bitrate 1M --quiet --stats "/run/$1" --program "$1"; }
each_has_its_own() {
	local name rc=0
	slenc bpf load qp_floor --set lowest=44 && slenc bpf load low_delay || return
	for name in qp_floor low_delay builtin not_there; do asks $name & done
	for name in 1 2 3 4; do wait -n || rc=1; done
	slenc bpf unload qp_floor && slenc bpf unload low_delay && [ $rc -eq 0 ] || return
	STATS=/run/qp_floor && lowest_qp 44 && [ "$(programs)" = "12 asked" ] || return
	STATS=/run/low_delay && finer_than 44 && [ "$(programs)" = "12 asked" ] || return
	STATS=/run/builtin && finer_than 44 && [ "$(programs)" = "12 none" ] || return
	STATS=/run/not_there && finer_than 44 && [ "$(programs)" = "12 none" ]
}
# full_pictures FIRST: of those from FIRST on, how many left more in the buffer than is sent
# until the next one, at 500 kbit/s and 25 pictures a second.
full_pictures() {
	awk -v first="$1" '{ match($0, /"cpb_fill":[0-9]+/); fill = substr($0, RSTART + 11, RLENGTH - 11) + 0 }
		NR >= first && fill > 20000 { full++ }
		END { print full + 0 }' $STATS
}
decide() { timeout 300 slenc encode "$TEST/input/$1.y4m" -o /run/decided.h264 --quiet --stats $STATS "${@:2}"; }
# The built-in controller uses the buffer that it has; this one leaves it as empty as it can
# without knowing what comes.
low_delay_keeps_short() {
	local without with
	decide carphone25 --bitrate 500k && without=$(full_pictures 10) && slenc bpf load low_delay && slenc bpf attach low_delay &&
		decide carphone25 --bitrate 500k && with=$(full_pictures 10) || return
	slenc bpf detach && slenc bpf unload low_delay || return
	echo "of 111 pictures $without leave more than one behind, and $with with low_delay"
	[ "$without" -ge 50 ] && [ "$with" -le 20 ]
}
# What is still is made as fine as it says, a QP a picture, and held so.
screen_gets_fine() {
	slenc bpf load screen --set finest=12 && slenc bpf attach screen && decide still --bitrate 1M || return
	slenc bpf detach && slenc bpf unload screen || return
	qps | paste -sd ' '
	[ "$(qps | tail -n 60 | sort -u)" = 12 ]
}
# rate STATS: kbit/s in the middle of a stream of 240 pictures.
rate() {
	awk '{ match($0, /"bytes":[0-9]+/); if (NR > 80 && NR <= 200) bytes += substr($0, RSTART + 8, RLENGTH - 8) }
		END { printf "%d", bytes * 8 * 25 / 120 / 1000 }' "$1"
}
# Two streams, one of a cgroup of its own that has three times the weight, which want twice
# what there is.
uplink_is_shared() {
	local name small large rc=0 cgroup=/sys/fs/cgroup/large
	mkdir -p $cgroup && slenc bpf load fair_share --set uplink=400000 &&
		slenc bpf set fair_share cgroup_weights "$(stat -c %i $cgroup)=3" && slenc bpf attach fair_share || return
	for name in small large; do
		(
			[ $name = small ] || echo $BASHPID >$cgroup/cgroup.procs
			exec timeout 300 slenc encode "$TEST/input/long.y4m" -o /run/$name.h264 --bitrate 400k --quiet --stats /run/$name
		) &
	done
	for name in small large; do wait -n || rc=1; done
	slenc bpf detach && slenc bpf unload fair_share && rmdir $cgroup && [ $rc -eq 0 ] || return
	small=$(rate /run/small) large=$(rate /run/large)
	echo "of an uplink of 400 kbit/s $large and $small"
	[ $((small + large)) -le 440 ] && [ $((small + large)) -ge 320 ] && [ "$large" -ge $((2 * small)) ]
}
# Where there is little processor time one of the two may stand still for a while, and the
# other has what it does not need then.
uplink_is_shared_at_last() {
	uplink_is_shared || uplink_is_shared || uplink_is_shared
}
# accepted PROGRAM MOST: the verifier walks through so many instructions at the most, which
# is twice what the documentation says: a program that grows so is to be looked at.
accepted() {
	local name=${1##*/} walked
	name=${name%.bpf.o}
	slenc bpf load "$1" >/run/loaded && slenc bpf attach "$name" && encode "$name.h264" || return
	slenc bpf detach && slenc bpf unload "$name" || return
	cat /run/loaded
	walked=$(sed 's/.* walked through //' /run/loaded)
	[ "$walked" -gt 0 ] && [ "$walked" -le "$2" ]
}
# Of the module, a program that is loaded is a user.
module_is_held() {
	slenc bpf load qp_floor && rmmod slenc && ! rmmod v4l2_rate_control && slenc bpf unload qp_floor &&
		remove_rate_control && [ ! -e /sys/module/v4l2_rate_control ] && wait_node
}

start_bpf
check "the module offers the hook" grep -q 'v4l2_rc_ops' /proc/kallsyms
check "the programs that come with slenc are listed" sh -c 'slenc bpf list | grep "^qp_floor  *no  *no"'
check "without a program the built-in controller decides" builtin_alone builtin
check "a program is loaded" slenc bpf load qp_floor --set lowest=40
check "loaded alone it does nothing" builtin_alone loaded
check "attached it decides" floor_holds
check "replaced it decides differently" replaced_holds
check "the default can be taken back" builtin_again
check "a program that is unloaded decides no more" gone
check "limits stand above a program" limited
check "a QP that the application gives is not a program's" given
check "telemetry tells about every picture" telemetry_tells_all
check "who watches sees what is done from then on" watch_begins_now
if [ -e /sys/kernel/debug/kmemleak ]; then
	skip "pictures that are lost are counted" "the debug kernel takes too long for so many"
else
	check "pictures that are lost are counted" losses_are_shown
fi
check "telemetry goes" telemetry_goes
check "the tutorial's program does what it says" tutorial_program
check "streams have programs of their own at once" each_has_its_own
check "low_delay leaves the buffer empty" low_delay_keeps_short
check "screen makes fine what is still" screen_gets_fine
check "fair_share divides an uplink by weight" uplink_is_shared_at_last
check "accepted: qp_floor" accepted qp_floor 48
check "accepted: low_delay" accepted low_delay 636
check "accepted: screen" accepted screen 308
check "accepted: fair_share" accepted fair_share 2256
check "accepted: telemetry" accepted telemetry 132
check "accepted: a program that does nothing" accepted $PROGRAMS/empty.bpf.o 4
check "accepted: a program to start from" accepted $PROGRAMS/template/template.bpf.o 84
check "the module stays while a program is loaded" module_is_held
finish
