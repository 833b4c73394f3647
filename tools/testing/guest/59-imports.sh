# SPDX-License-Identifier: GPL-2.0
# Imported memory: what is not contiguous is refused, and behind an IOMMU, which the
# guest of "make test" does not have, it is as good as any. The program reports in KTAP.
. ../device.sh

wait_node
slenc-test imports
