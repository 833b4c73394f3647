# SPDX-License-Identifier: GPL-2.0
# Several clients of one device: each stream is what it is alone.
. ../ktap.sh
. ../device.sh

encode() { timeout 120 slenc encode "$TEST/input/$1" -o "$2" --qp "$3" --gop 5 >/dev/null 2>&1; }
together() {
	local pids=() pid rc=0
	encode 176x144.y4m /run/a.h264 24,28 & pids+=($!)
	encode 642x274.y4m /run/b.h264 30,32 & pids+=($!)
	encode 34x50.y4m /run/c.h264 10,12 & pids+=($!)
	for pid in "${pids[@]}"; do wait "$pid" || rc=1; done
	return $rc
}
same() { cmp "/run/$1.h264" "/run/$1.alone"; }
too_many() {
	local n pids=() rc=0
	for ((n = 0; n < 16; n++)); do
		encode 16x16.y4m "/run/many$n.h264" 28,30 & pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || rc=1; done
	for ((n = 1; n < 16; n++)); do cmp /run/many0.h264 /run/many$n.h264 || rc=1; done
	return $rc
}

wait_node
check "176x144 alone" encode 176x144.y4m /run/a.alone.h264 24,28
check "642x274 alone" encode 642x274.y4m /run/b.alone.h264 30,32
check "34x50 alone" encode 34x50.y4m /run/c.alone.h264 10,12
for n in a b c; do mv /run/$n.alone.h264 /run/$n.alone; done
check "three clients at once" together
for n in a b c; do check "client $n's stream is the same as alone" same $n; done
check "sixteen clients at once, with one result" too_many
finish
