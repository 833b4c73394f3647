# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Finding the driver's devices in the guest, and talking to the host about them.

PCI_DRIVER=/sys/bus/pci/drivers/slenc
# What the host prepared, and what it judges (tools/testing/vm).
TEST=${TEST:-/src/out/test}

# The driver's first node of each kind.
video_node() { first_node "$PCI_DRIVER"/*:*/video4linux/video*; }
media_node() { first_node "$PCI_DRIVER"/*:*/media*; }
first_node() { [ -e "$1/dev" ] && echo "/dev/${1##*/}"; }
# wait_node: loads the driver unless it is there, and waits for its node.
wait_node() {
	local i
	[ -e /sys/module/slenc ] || /src/tools/vm/load-modules
	for ((i = 0; i < 100; i++)); do
		[ -c "$(video_node)" ] && return
		sleep 0.1
	done
	echo "no node of the driver after 10 s"
	return 1
}

# Without a process more than needed: on the debug kernel each takes about a second.
pci_address() {
	local d vendor device
	for d in /sys/bus/pci/devices/*; do
		read -r vendor <"$d/vendor" && read -r device <"$d/device" &&
			[ "$vendor:$device" = 0x1af4:0x10f0 ] && echo "${d##*/}" && return
	done 2>/dev/null
	return 1
}
unbind() { pci_address >/run/pci-address && echo "$(</run/pci-address)" >"$PCI_DRIVER/unbind"; }
bind() { echo "$(</run/pci-address)" >"$PCI_DRIVER/bind"; }

# control N COMMAND: the hardware's control socket; prints its answer, which is in ANSWER
# too, and fails when that is an error. No process is started: on the debug kernel the
# hardware would be done with much before one is.
control() {
	local port=/run/ports/control.$1
	shift
	exec 5<>"$port"
	printf '%s\n' "$*" >&5
	IFS= read -r -t 5 ANSWER <&5 || ANSWER='no answer'
	exec 5>&-
	echo "$ANSWER"
	case $ANSWER in ok | '{'*) ;; *) return 1 ;; esac
}

# start_client FAULT: an encode that is on the hardware when this returns, to
# /run/unplug.h264; its process is CLIENT.
start_client() {
	local i
	rm -f /run/unplug.h264
	control 0 "fault $1" >/dev/null || return
	slenc encode "$TEST/input/642x274.y4m" -o /run/unplug.h264 >/run/encode.log 2>&1 &
	# shellcheck disable=SC2034 # for scripts that wait for it
	CLIENT=$!
	# On a busy machine a program can take long to start.
	for ((i = 0; i < 400; i++)); do
		control 0 status >/dev/null && [[ $ANSWER == *'"busy":true'* ]] && return
		kill -0 "$CLIENT" 2>/dev/null || break
		sleep 0.1
	done
	echo "the client does not encode:"
	tail -n 1 /run/encode.log
	return 1
}

# monitor COMMAND [ARGUMENTS]: a command of QEMU's monitor, with arguments in JSON;
# prints what comes back. The monitor asks for its capabilities to be set once; again
# does no harm.
monitor() {
	exec 5<>/run/ports/monitor
	printf '{"execute":"qmp_capabilities"}{"execute":"%s","arguments":%s}\n' "$1" "${2:-{\}}" >&5
	timeout 1 cat <&5
	exec 5>&-
}
