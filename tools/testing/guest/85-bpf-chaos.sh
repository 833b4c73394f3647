# SPDX-License-Identifier: GPL-2.0
# A BPF program that decides at random: what comes out are streams, within the limits,
# which are judged with the others. The program of tests reports in KTAP itself.
. ../device.sh
. ../bpf.sh

export STREAMS=$OUT RECONSTRUCTION_LOG=$LOG INPUT=$TEST/input

start_bpf
slenc bpf load $PROGRAMS/chaos.bpf.o && slenc bpf attach chaos || exit
slenc-test program
rc=$?
slenc bpf detach && slenc bpf unload chaos && exit $rc
