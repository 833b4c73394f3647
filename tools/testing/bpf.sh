# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Encoding with BPF programs, in the guest.

OUT=$TEST/encode
STATS=/run/stats
LOG=$TEST/reconstruction.log
# Those that are for tests.
# shellcheck disable=SC2034 # for scripts that include this
PROGRAMS=/src/out/bpf-tests

start_bpf() {
	mkdir -p "$OUT"
	touch "$LOG"
	wait_node
}

# encode NAME OPTION...: twelve pictures at a rate that lets them be fine, to be judged
# by the host; their statistics are in $STATS.
encode() {
	local name=$1
	shift
	encode_input "$name" 176x144 12 --bitrate 1M "$@"
}
# encode_held NAME PICTURES OPTION...: the same, and after so many pictures it waits for `go_on`.
encode_held() {
	local name=$1 held=$2
	shift 2
	rm -f /run/go
	pictures_held "$held" | encode_input "$name" - 12 --bitrate 1M --in-flight 1 "$@"
}
pictures_held() {
	local input=$TEST/input/176x144.y4m bytes
	# A line, and each picture after one of six bytes.
	bytes=$(($(head -n 1 "$input" | wc -c) + $1 * (6 + 176 * 144 * 3 / 2)))
	head -c $bytes "$input"
	until [ -e /run/go ]; do sleep 0.1; done
	tail -c +$((bytes + 1)) "$input"
}
go_on() { touch /run/go; }
# encode_input NAME INPUT PICTURES OPTION...
encode_input() {
	local name=bpf-$1 input=$2 pictures=$3 before after
	[ "$input" = - ] || input=$TEST/input/$input.y4m
	shift 3
	before=$(wc -l <"$LOG")
	timeout 300 slenc encode "$input" -o "$OUT/$name" --quiet --stats $STATS "$@" || return
	after=$(wc -l <"$LOG")
	# What is skipped is not coded by the hardware, and is in the stream.
	[ $((after - before)) -eq "$pictures" ] || return 0
	echo "$name $before $pictures" >>"$OUT/streams"
}

# qps: of the pictures of the last encode.
qps() { grep -o '"qp_requested":[0-9-]*' $STATS | cut -d: -f2; }
# programs: how many pictures of the last encode a program was asked about, with what
# success, in a row.
programs() {
	awk '{ is = match($0, /"program":"[a-z]*"/) ? substr($0, RSTART + 11, RLENGTH - 12) : "none" }
		is != was && n { printf "%d %s ", n, was; n = 0 }
		{ n++; was = is }
		END { print n, was }' $STATS
}
# lowest_qp QP: the lowest that a picture of the last encode was given is this.
lowest_qp() {
	local lowest
	lowest=$(qps | sort -n | head -n 1)
	echo "lowest QP: $lowest"
	[ "$lowest" = "$1" ]
}
# finer_than QP: some picture of the last encode was.
finer_than() { qps | awk -v qp="$1" '$1 < qp { found = 1 } END { exit !found }'; }
# remove_rate_control: what is left of a program is freed when nobody can run it any more.
remove_rate_control() {
	local i
	for ((i = 0; i < 50; i++)); do
		rmmod v4l2_rate_control && return
		sleep 0.2
	done
	return 1
}
