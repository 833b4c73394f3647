# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What every script of tools/vm starts from: messages, places, and a cache
# whose entries exist only when they are whole.

set -euo pipefail

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SLENC_TOP=$(cd "$VM_DIR/../.." && pwd)
CACHE=${SLENC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slenc}
LOG_DIR=$SLENC_TOP/out/log
JOBS=${JOBS:-$(nproc)}
export VM_DIR SLENC_TOP CACHE LOG_DIR JOBS

say() { printf '%s\n' "==> $*" >&2; }
die() { printf '%s\n' "error: $*" >&2; exit 1; }

# hash_of FILE... [-- WORD...]: a short name for what a cache entry is made of.
hash_of() {
	local files=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do files+=("$1"); shift; done
	[ $# -gt 0 ] && shift
	{ cat "${files[@]}"; printf '%s\n' "$@"; } | sha256sum | cut -c1-12
}

# need_space DIR GIB WHAT: says how much is missing before a long step starts.
need_space() {
	local free
	mkdir -p "$1" || die "cannot create $1; set SLENC_CACHE to a directory you can write to"
	free=$(df --output=avail -BG "$1" | tail -n 1 | tr -dc 0-9)
	[ "$free" -ge "$2" ] ||
		die "$3 needs $2 GiB below $1, and $free GiB are free; free some, or set SLENC_CACHE to a larger disk"
}

# step NAME COMMAND...: runs a long command with its output in a log, showing
# the time that has passed (and how far a build is, by lines of its log).
step() {
	local name=$1 log start rc=0 tick=0 hint='' pid
	shift
	log=$LOG_DIR/${name//[^A-Za-z0-9._-]/-}.log
	mkdir -p "$LOG_DIR"
	start=$SECONDS
	if [ -n "${V:-}" ]; then
		say "$name"
		"$@" 2>&1 | tee "$log" >&2 || rc=$?
	else
		say "$name (log: ${log#"$SLENC_TOP"/})"
		"$@" >"$log" 2>&1 &
		pid=$!
		while kill -0 $pid 2>/dev/null; do
			sleep 1
			tick=$((tick + 1))
			if [ -t 2 ]; then
				printf '\r    %d:%02d  %s lines ' $(((SECONDS - start) / 60)) \
					$(((SECONDS - start) % 60)) "$(wc -l <"$log")" >&2
			elif [ $((tick % 60)) -eq 0 ]; then
				printf '    %d min, %s lines\n' $(((SECONDS - start) / 60)) "$(wc -l <"$log")" >&2
			fi
		done
		wait $pid || rc=$?
		[ -t 2 ] && printf '\r\033[K' >&2
	fi
	if [ $rc -ne 0 ]; then
		tail -n 15 "$log" | sed 's/^/    | /' >&2
		[ -z "${STEP_HINT:-}" ] || hint="; $STEP_HINT"
		die "$name failed with status $rc; the whole log is ${log#"$SLENC_TOP"/}$hint"
	fi
	say "$name: done in $((SECONDS - start)) s"
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
		rm -rf "$dir.part"
		"$@" "$dir.part"
		mv "$dir.part" "$dir"
	fi
	rm -f "$dir.lock"
	exec 8>&-
}
