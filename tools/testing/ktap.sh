# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# KTAP for test scripts: each `check` or `ok` is one numbered result.

KTAP_N=0 KTAP_BAD=0

ok() { KTAP_N=$((KTAP_N + 1)); echo "ok $KTAP_N $*"; }
not_ok() { KTAP_N=$((KTAP_N + 1)) KTAP_BAD=$((KTAP_BAD + 1)); echo "not ok $KTAP_N $*"; }
skip() { KTAP_N=$((KTAP_N + 1)); echo "ok $KTAP_N $1 # SKIP $2"; }

# check NAME COMMAND...: passes when the command does; its output is shown, indented.
check() {
	local name=$1
	shift
	if "$@" 2>&1 | sed 's/^/# /'; [ "${PIPESTATUS[0]}" -eq 0 ]; then
		ok "$name"
	else
		not_ok "$name"
	fi
}

# finish: the plan comes last, when the number of tests is known.
finish() {
	echo "1..$KTAP_N"
	[ $KTAP_BAD -eq 0 ]
}
