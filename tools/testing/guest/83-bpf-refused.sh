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
# Who may not read what is pinned is not told that nothing is.
pins_are_hidden() {
	local command rc=0
	slenc bpf load telemetry && chmod 700 /sys/fs/bpf || return
	for command in list 'attach telemetry' watch 'unload telemetry'; do
		# shellcheck disable=SC2086 # words
		explains 'ermi.*; run as root' setpriv --reuid 65534 --clear-groups --bounding-set -all slenc bpf $command || rc=1
	done
	chmod 1777 /sys/fs/bpf && slenc bpf unload telemetry && return $rc
}
# A load that was interrupted has left a directory and no link: it is not loaded, and can be.
leftovers() {
	local pins=/sys/fs/bpf/v4l2-rc/telemetry
	mkdir -p $pins && slenc bpf list | grep '^telemetry  *no' && slenc bpf load telemetry && slenc bpf unload telemetry &&
		mkdir -p $pins && slenc bpf unload telemetry && [ ! -e $pins ]
}
# without NAME MODULE WORDS: rate control of a module that has no hook works, and the loader
# says in these words what is missing.
without() {
	rmmod slenc && remove_rate_control && insmod "$2" && wait_node && encode "without-$1.h264" && finer_than 40 &&
		explains "$3" slenc bpf load qp_floor
}
no_module() {
	rmmod slenc && remove_rate_control && explains 'is not loaded; run modprobe' slenc bpf load qp_floor
	local rc=$?
	wait_node && return $rc
}
no_types() {
	llvm-objcopy -R .BTF -R .BTF.base "$MODULE" /run/untyped.ko &&
		without types /run/untyped.ko 'no type information of v4l2-rate-control'
}
no_hook() { without hook "$WITHOUT_BPF" 'has no BPF hook'; }
hook_is_back() {
	rmmod slenc && remove_rate_control && wait_node && slenc bpf load qp_floor && slenc bpf unload qp_floor
}
# In a user namespace that a BPF file system delegates everything to, libbpf makes a token,
# or would end there; with it nobody can look for the type information of a module.
with_token() {
	explains 'not permitted in a user namespace' env LIBBPF_BPF_TOKEN_PATH=/sys/fs/bpf \
		python3 ../bpf/token.py slenc bpf load qp_floor
}

MODULE=${MODULES_DIR:-/src/out/modules}/rate_control/v4l2-rate-control.ko
# As tools/testing/modules has built it, for the release kernel.
WITHOUT_BPF=/src/out/modules-without-bpf/rate_control/v4l2-rate-control.ko

start_bpf
check "a parameter that is none is refused" explains 'has no parameter highest' slenc bpf load qp_floor --set highest=1
check "a number that does not fit is refused" explains 'out of range' slenc bpf load qp_floor --set lowest=99999999999
check "a program that is not there cannot be attached" explains 'not loaded' slenc bpf attach qp_floor
check "a program is loaded" slenc bpf load qp_floor
check "it cannot be loaded twice" explains 'loaded already' slenc bpf load qp_floor
check "it has no such map" explains 'qp_floor has no map streams; it has none' slenc bpf set qp_floor streams 1=1
check "it sends no pictures" explains 'qp_floor sends no pictures' slenc bpf watch qp_floor
check "it is unloaded" slenc bpf unload qp_floor
check "without it nothing is watched" explains 'telemetry is not loaded; run' slenc bpf watch
check "what an interrupted load leaves is no program" leftovers
for object in "$PROGRAMS"/refused/*.bpf.o; do
	check "refused: ${object##*/}" refused "$object"
done
check "without privilege there is no program" unprivileged
check "nor with a BPF token" with_token
check "who may not read the pins is told so" pins_are_hidden
check "without the module the loader says so" no_module
check "a module without type information works, and the loader says so" no_types
if [ "$MODULE" = /src/out/modules/rate_control/v4l2-rate-control.ko ] && [ -e $WITHOUT_BPF ]; then
	check "a module without the hook works, and the loader says so" no_hook
else
	skip "a module without the hook works, and the loader says so" "it is not built for this kernel"
fi
check "with the module as it was there is the hook" hook_is_back
finish
