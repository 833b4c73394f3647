# SPDX-License-Identifier: GPL-2.0
# Imported memory: what is not contiguous is refused, and behind an IOMMU, which the
# guest has in a lane of its own, it is as good as any. The program reports in KTAP.
. ../device.sh

wait_node
slenc-test imports
