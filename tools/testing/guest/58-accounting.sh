# SPDX-License-Identifier: GPL-2.0
# Accounting of device memory by cgroup. The program reports in KTAP itself.
. ../ktap.sh
. ../device.sh

if ! grep -qw dmem /sys/fs/cgroup/cgroup.controllers; then
	skip "accounting of device memory" "the kernel has no CONFIG_CGROUP_DMEM"
	finish
	exit
fi
wait_node
slenc-test accounting
