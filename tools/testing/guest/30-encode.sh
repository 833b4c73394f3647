# SPDX-License-Identifier: GPL-2.0
# Encodes a matrix of sizes, formats, QPs and GOPs. The streams and the place of
# their pictures in the hardware's log go to the directory of the test; the
# host decodes them and compares (tools/testing/vm).
. ../ktap.sh
. ../device.sh

OUT=$TEST/encode
LOG=$TEST/reconstruction.log

# encode NAME FRAMES INPUT OPTION...
encode() {
	local name=$1 frames=$2 input=$3 before
	shift 3
	before=$(wc -l <"$LOG")
	slenc encode "$TEST/input/$input" -o "$OUT/$name" "$@" || return
	[ $(($(wc -l <"$LOG") - before)) -eq "$frames" ] || {
		echo "the hardware encoded $(($(wc -l <"$LOG") - before)) pictures, not $frames"
		return 1
	}
	echo "$name $before $frames" >>"$OUT/streams"
}

mkdir -p "$OUT"
rm -f "$OUT"/*
touch "$LOG"
wait_node
for size in 16x16 34x50 176x144 642x274; do
	check "$size, I and P" encode "$size.h264" 12 "$size.y4m" --qp 24,28 --gop 6
done
check "1920x1080, cropped from 1088 lines" encode 1920x1080.h264 3 1920x1080.y4m --qp 26,30
for qp in 0 10 20 30 40 51; do
	check "QP $qp" encode "qp$qp.h264" 4 176x144.y4m --qp $qp,$qp --frames 4
done
for format in nv12 i420 yuyv uyvy; do
	check "raw $format" encode "$format.h264" 4 "176x144.$format" --size 176x144 --fps 25 --format $format --frames 4
done
check "every picture IDR" encode gop1.h264 5 176x144.y4m --gop 1 --frames 5
check "one request at a time" encode serial.h264 5 176x144.y4m --frames 5 --in-flight 1
check "MP4" encode clip.mp4 12 176x144.y4m --gop 5
check "a real clip" encode carphone.mp4 60 carphone.y4m --gop 30 --frames 60
finish
