# SPDX-License-Identifier: GPL-2.0
# KUnit: the pure code of the modules, in the kernel it runs in.
. ../ktap.sh

../../vm/load-modules
for suite in /sys/kernel/debug/kunit/*/; do
	name=$(basename "$suite")
	case $name in slenc* | v4l2_rc* | rate_control*) ;; *) continue ;; esac
	# Loading ran the suite; its results are indented below its name.
	while read -r result; do
		case $result in
		*'# SKIP'*) skip "$name: ${result#* * }" "by the suite" ;;
		'ok '*) ok "$name: ${result#* * }" ;;
		'not ok '*) not_ok "$name: ${result#* * * }" ;;
		esac
	done < <(grep -E '^ +(not )?ok ' "$suite/results")
done
check "KUnit ran tests" [ "$KTAP_N" -gt 0 ]
finish
