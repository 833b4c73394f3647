# SPDX-License-Identifier: GPL-2.0
# Allocations and copies that fail, one after the other, in every call of a session.
# The debug kernel can let them fail. The program reports in KTAP itself.
. ../ktap.sh
. ../device.sh

injection=/sys/kernel/debug
if [ ! -d $injection/failslab ]; then
	skip "failing allocations" "the kernel has no fault injection"
	finish
	exit
fi
# Those that may sleep, too: nearly all are.
for point in failslab fail_page_alloc; do
	echo N >$injection/$point/ignore-gfp-wait
done
echo N >$injection/fail_page_alloc/ignore-gfp-highmem
echo 0 >$injection/fail_page_alloc/min-order
for point in failslab fail_page_alloc fail_usercopy; do
	echo 0 >$injection/$point/verbose
done
wait_node
slenc-test allocations
