# SPDX-License-Identifier: GPL-2.0
# Rate control of real encodes. The program reports in KTAP itself; the host judges
# the streams as those of 30-encode.sh.
. ../device.sh

export STREAMS=$TEST/encode RECONSTRUCTION_LOG=$TEST/reconstruction.log INPUT=$TEST/input

mkdir -p "$STREAMS"
touch "$RECONSTRUCTION_LOG"
wait_node
slenc-test rate
