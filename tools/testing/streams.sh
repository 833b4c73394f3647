# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Judging coded streams with ffmpeg, and with OpenH264 as a second reader: used by the
# demo, the tests and the bench.

# frame_md5s STREAM: the MD5 of each decoded frame as planar 4:2:0. An error of the
# decoder is an error here, not a concealed frame.
frame_md5s() {
	ffmpeg -nostdin -v error -xerror -err_detect explode -i "$1" -map 0:v -fps_mode passthrough \
		-pix_fmt yuv420p -f framemd5 - | awk -F ', *' '!/^#/ { print $NF }'
}

# second_frame_md5s STREAM: the same by OpenH264 (tools/testing/decoder).
second_frame_md5s() {
	local bytes
	bytes=$(mktemp)
	ffmpeg -nostdin -v error -y -i "$1" -map 0:v -c copy -f h264 "$bytes" && slenc-decode "$bytes"
	set -- $?
	rm -f "$bytes"
	return "$1"
}

# has_good_headers STREAM FRAMES: ffmpeg reads each header, element by element, and
# finds nothing that cannot be in it.
has_good_headers() {
	local trace
	trace=$(ffmpeg -nostdin -hide_banner -xerror -i "$1" -map 0:v -c copy -bsf:v trace_headers -f null - 2>&1) || {
		tail -n 5 <<<"$trace"
		return 1
	}
	! grep -iE 'invalid|out of range|failed|error' <<<"$trace" &&
		[ "$(grep -c 'Slice Header$' <<<"$trace")" -ge "$2" ]
}

# reconstruction_md5s LOG [FIRST [COUNT]]: what the hardware says it reconstructed.
reconstruction_md5s() {
	awk -F, -v first="${2:-0}" -v count="${3:-1000000000}" 'NR > first && NR <= first + count { print $NF }' "$1"
}

# psnr_y STREAM SOURCE [INPUT-OPTION...]: mean luma PSNR in dB.
psnr_y() {
	local stream=$1 source=$2
	shift 2
	ffmpeg -nostdin -hide_banner -i "$stream" "$@" -i "$source" \
		-lavfi '[0:v]settb=1/1000,setpts=N[a];[1:v]settb=1/1000,setpts=N[b];[a][b]psnr' -f null - 2>&1 |
		sed -n 's/.*PSNR y:\([0-9.inf]*\).*/\1/p'
}
