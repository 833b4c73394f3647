# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Encoding with BPF programs, in the guest.

OUT=$TEST/encode
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
# by the host; their statistics are in /run/stats.
encode() {
	local name=$1
	shift
	encode_input "$name" 176x144 12 --bitrate 1M "$@"
}
# encode_input NAME INPUT PICTURES OPTION...
encode_input() {
	local name=bpf-$1 input=$2 pictures=$3 before after
	shift 3
	before=$(wc -l <"$LOG")
	timeout 300 slenc encode "$TEST/input/$input.y4m" -o "$OUT/$name" --quiet --stats /run/stats "$@" || return
	after=$(wc -l <"$LOG")
	# What is skipped is not coded by the hardware, and is in the stream.
	[ $((after - before)) -eq "$pictures" ] || return 0
	echo "$name $before $pictures" >>"$OUT/streams"
}

# qps: of the pictures of the last encode.
qps() { grep -o '"qp_requested":[0-9-]*' /run/stats | cut -d: -f2; }
# lowest_qp QP: the lowest that a picture of the last encode was given is this.
lowest_qp() {
	local lowest
	lowest=$(qps | sort -n | head -n 1)
	echo "lowest QP: $lowest"
	[ "$lowest" = "$1" ]
}
# finer_than QP: some picture of the last encode was.
finer_than() { qps | awk -v qp="$1" '$1 < qp { found = 1 } END { exit !found }'; }
# qps_within LOW HIGH: every picture of the last encode has a QP of these.
qps_within() { qps | awk -v low="$1" -v high="$2" '{ n++; if ($1 < low || $1 > high) bad = 1 } END { exit !n || bad }'; }
