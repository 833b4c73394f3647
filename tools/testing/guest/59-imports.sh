# SPDX-License-Identifier: GPL-2.0
# Imported memory, with and without an IOMMU. The program reports in KTAP itself.
. ../device.sh

wait_node
slenc-test imports
