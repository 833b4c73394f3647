# SPDX-License-Identifier: GPL-2.0
# The specification of the interface, requirement by requirement. The program
# reports in KTAP itself.
set -o pipefail
. ../device.sh

wait_node
slenc conformance --device "$(video_node)" | tee /run/conformance || exit
# Both generations of the hardware can do all of it: what is unsupported got lost.
if grep -q '# SKIP' /run/conformance; then
	echo "not ok 9999 the driver supports all that is specified"
	exit 1
fi
# Whatever was refused, nothing of it is left.
if [ "$(cat /sys/module/slenc/refcnt)" -ne 0 ]; then
	echo "not ok 9998 all references on the driver are given back"
	exit 1
fi
