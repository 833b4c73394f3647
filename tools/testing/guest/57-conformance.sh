# SPDX-License-Identifier: GPL-2.0
# The specification of the interface, requirement by requirement. The program
# reports in KTAP itself.
. ../device.sh

wait_node
slenc conformance --device "$(video_node)"
