# SPDX-License-Identifier: GPL-2.0
# Threads that do at the same time what the other scripts do one after the other. A
# short watchdog makes for many resets. The program reports in KTAP itself.
. ../device.sh

export WATCHDOG_MS=100

wait_node
rmmod slenc
../../vm/load-modules watchdog_ms=$WATCHDOG_MS
wait_node
rc=0
slenc-test races || rc=1
rmmod slenc
../../vm/load-modules || rc=1
exit $rc
