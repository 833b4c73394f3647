# SPDX-License-Identifier: GPL-2.0
# BPF programs that are refused, and what the loader says then.
. ../ktap.sh
. ../device.sh
. ../bpf.sh

explains() {
	local expected=$1
	shift
	! "$@" >/run/explanation 2>&1 && cat /run/explanation && grep -qE "$expected" /run/explanation
}
# The source of a program that is refused says with what words.
refused() {
	local name=${1##*/} words
	name=${name%.bpf.o}
	words=$(sed -n 's/.* expect: \(.*\) \*\/$/\1/p' "../bpf/refused/$name.bpf.c")
	[ -n "$words" ] && explains "$words" slenc bpf load "$1"
}
# Nobody but root; and of root's capabilities, CAP_BPF and CAP_PERFMON are not enough.
unprivileged() {
	explains 'not permitted' setpriv --reuid 65534 --clear-groups --bounding-set -all slenc bpf load qp_floor &&
		explains 'not permitted' setpriv --bounding-set -all,+bpf,+perfmon,+dac_override slenc bpf load qp_floor
}
# In a user namespace that a BPF file system delegates everything to, libbpf makes a token,
# or would end there; with it nobody can look for the type information of a module.
with_token() {
	explains 'not permitted in a user namespace' env LIBBPF_BPF_TOKEN_PATH=/sys/fs/bpf \
		python3 ../bpf/token.py slenc bpf load qp_floor
}

start_bpf
check "a parameter that is none is refused" explains 'has no parameter highest' slenc bpf load qp_floor --set highest=1
check "a number that does not fit is refused" explains 'out of range' slenc bpf load qp_floor --set lowest=99999999999
check "a program that is not there cannot be attached" explains 'not loaded' slenc bpf attach qp_floor
check "a program is loaded" slenc bpf load qp_floor
check "it cannot be loaded twice" explains 'loaded already' slenc bpf load qp_floor
check "it is unloaded" slenc bpf unload qp_floor
for object in "$PROGRAMS"/refused/*.bpf.o; do
	check "refused: ${object##*/}" refused "$object"
done
check "without privilege there is no program" unprivileged
check "nor with a BPF token" with_token
finish
