# SPDX-License-Identifier: GPL-2.0
# KUnit: the pure code of the modules, in the kernel it runs in, and the interface of the
# rate control from a C driver without hardware.
. ../ktap.sh

# report SUITE: runs it and reports each of its tests, which are indented below its name.
report() {
	local verdict rest
	echo run >"$1/run"
	while read -r verdict rest; do
		case "$verdict $rest" in
		*'# SKIP'*) skip "kunit: ${1##*/}: ${rest#* }" "by the suite" ;;
		'ok '*) ok "kunit: ${1##*/}: ${rest#* }" ;;
		'not ok '*) not_ok "kunit: ${1##*/}: ${rest#ok * }" ;;
		esac
	done < <(grep -E '^ +(not )?ok [0-9]' "$1/results")
	grep -E '^ +(# .*: |)(EXPECTATION|ASSERTION) FAILED' -A 3 "$1/results" | sed 's/^/# /'
}

../../vm/load-modules
insmod "${MODULES_DIR:-/src/out/modules}/rate_control/tests/v4l2-rate-control-test.ko"
for module in slenc v4l2_rc; do
	before=$KTAP_N
	for suite in /sys/kernel/debug/kunit/"$module"_*; do report "$suite"; done
	check "KUnit ran tests of $module" [ "$KTAP_N" -gt "$before" ]
done
rmmod v4l2_rate_control_test
finish
