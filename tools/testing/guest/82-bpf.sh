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
		timeout 20 slenc bpf watch --json --frames 12 >/run/telemetry.json || return
	slenc bpf detach && slenc bpf unload telemetry || return
	local sum
	sum=$(grep -o '"bytes":[0-9]*' /run/telemetry.json | awk -F: '{ n += $2 } END { print n }')
	echo "pictures of $sum bytes, a stream of $(stat -c %s "$OUT/bpf-telemetry.h264")"
	[ "$sum" -eq "$(stat -c %s "$OUT/bpf-telemetry.h264")" ]
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
	slenc bpf load qp_floor && rmmod slenc && ! rmmod v4l2_rate_control && slenc bpf unload qp_floor || return
	local i
	# What is left of a program is freed when nobody can run it any more.
	for ((i = 0; i < 50; i++)); do
		rmmod v4l2_rate_control && break
		sleep 0.2
	done
	[ ! -e /sys/module/v4l2_rate_control ] && wait_node
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
check "streams have programs of their own at once" each_has_its_own
check "accepted: qp_floor" accepted qp_floor 48
check "accepted: low_delay" accepted low_delay 636
check "accepted: screen" accepted screen 308
check "accepted: fair_share" accepted fair_share 462
check "accepted: telemetry" accepted telemetry 126
check "accepted: a program that does nothing" accepted $PROGRAMS/empty.bpf.o 4
check "accepted: a program to start from" accepted $PROGRAMS/template/template.bpf.o 84
check "the module stays while a program is loaded" module_is_held
finish
