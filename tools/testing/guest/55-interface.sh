# SPDX-License-Identifier: GPL-2.0
# The interface, call by call. The program reports in KTAP itself.
. ../device.sh

wait_node
slenc-test interface
