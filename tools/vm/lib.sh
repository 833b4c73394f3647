# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What every script of tools/vm starts from: messages, places, and a cache
# whose entries exist only when they are whole.

set -euo pipefail

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SLENC_TOP=$(cd "$VM_DIR/../.." && pwd)
CACHE=$(realpath -m "${SLENC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slenc}")
LOG_DIR=$SLENC_TOP/out/log
JOBS=${JOBS:-$(nproc)}
[ "${V:-0}" != 0 ] || V=
export VM_DIR SLENC_TOP CACHE LOG_DIR JOBS V

say() { printf '%s\n' "==> $*" >&2; }
die() { printf '%s\n' "error: $*" >&2; exit 1; }

# hash_of FILE... [-- WORD...]: a short name for what a cache entry is made of.
hash_of() {
	local files=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do files+=("$1"); shift; done
	[ $# -gt 0 ] && shift
	{ cat /dev/null "${files[@]}"; printf '%s\n' "$@"; } | sha256sum | cut -c1-12
}

# need_space DIR GIB WHAT: says how much is missing before a long step starts.
need_space() {
	local free
	mkdir -p "$1" || die "cannot create $1; set SLENC_CACHE to a directory you can write to"
	free=$(df --output=avail -BG "$1" | tail -n 1 | tr -dc 0-9)
	[ "$free" -ge "$2" ] ||
		die "$3 needs $2 GiB below $1, and $free GiB are free; free some, or set SLENC_CACHE to a larger disk"
}

# step NAME COMMAND...: runs a long command with its output in a log, showing the
# time that has passed and the lines of its log (STEP_LOG). It has a process group of
# its own, which a signal that ends this script ends too. With STEP_SHARED, others write
# to the same terminal.
step() {
	local name=$1 log start=$SECONDS rc=0 now
	shift
	log=$LOG_DIR/${name//[^A-Za-z0-9._-]/-}.log
	# shellcheck disable=SC2034 # for scripts that read the log
	STEP_LOG=$log
	mkdir -p "$LOG_DIR"
	say "$name${V:+ (all output)} (log: ${log#"$SLENC_TOP"/})"
	set -m
	if [ -n "${V:-}" ]; then
		"$@" </dev/null > >(tee "$log" >&2) 2>&1 &
	else
		"$@" </dev/null >"$log" 2>&1 &
	fi
	STEP_PID=$!
	set +m
	trap 'stop_step 130' INT
	trap 'stop_step 143' TERM HUP
	while kill -0 $STEP_PID 2>/dev/null; do
		sleep 0.5
		now=$((SECONDS - start))
		[ -z "${V:-}" ] || continue
		if [ -t 2 ] && [ -z "${STEP_SHARED:-}" ]; then
			printf '\r    %d:%02d  %s lines ' $((now / 60)) $((now % 60)) "$(wc -l <"$log")" >&2
		elif [ $now -ge $((${STEP_SAID:-0} + 60)) ]; then
			STEP_SAID=$now
			printf '    %s%d min, %s lines\n' "${STEP_SHARED:+$name: }" $((now / 60)) "$(wc -l <"$log")" >&2
		fi
	done
	wait $STEP_PID || rc=$?
	STEP_PID='' STEP_SAID=0
	trap - INT TERM HUP
	[ ! -t 2 ] || [ -n "${STEP_SHARED:-}" ] || printf '\r\033[K' >&2
	if [ $rc -ne 0 ]; then
		[ -n "${V:-}" ] || tail -n 15 "$log" | sed 's/^/    | /' >&2
		die "$name failed with status $rc; the whole log is ${log#"$SLENC_TOP"/}${STEP_HINT:+; $STEP_HINT}"
	fi
	say "$name: done in $((SECONDS - start)) s"
}

stop_step() {
	[ -z "${STEP_PID:-}" ] || { kill -TERM -- "-$STEP_PID" 2>/dev/null && wait "$STEP_PID" 2>/dev/null; } || :
	[ -z "${CACHED_PART:-}" ] || rm -rf "$CACHED_PART"
	exit "$1"
}

# cached DIR MAKER...: makes DIR with MAKER DIR.part unless it is there whole.
# One maker at a time; a part that was left behind is thrown away.
cached() {
	local dir=$1
	shift
	[ -e "$dir" ] && return
	mkdir -p "$(dirname "$dir")"
	exec 8>"$dir.lock"
	if ! flock -n 8; then
		say "waiting for another run that makes $(basename "$dir")"
		flock 8
	fi
	if [ ! -e "$dir" ]; then
		CACHED_PART=$dir.part
		rm -rf "$CACHED_PART"
		"$@" "$CACHED_PART"
		mv "$CACHED_PART" "$dir"
		CACHED_PART=
	fi
	rm -f "$dir.lock"
	exec 8>&-
}
