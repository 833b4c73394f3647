# SPDX-License-Identifier: GPL-2.0
# Requests, and everything user space can hold when the driver is unbound. The
# program reports in KTAP itself.
. ../device.sh

export WATCHDOG_MS=700

wait_node
rmmod slenc
../../vm/load-modules watchdog_ms=$WATCHDOG_MS
wait_node
rc=0
# In the end it unloads the driver.
slenc-test requests lifetimes || rc=1
[ ! -e /sys/module/slenc ] || rmmod slenc
../../vm/load-modules || rc=1
exit $rc
