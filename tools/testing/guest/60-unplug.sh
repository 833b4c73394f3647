# SPDX-License-Identifier: GPL-2.0
# The device goes while it is used: by sysfs and by hot-unplug.
. ../ktap.sh
. ../device.sh

# start_client: an encode that is still running when this returns.
start_client() {
	control 0 "fault slow=300@1+" >/dev/null
	slenc encode /src/out/test/input/642x274.y4m -o /run/unplug.h264 >/run/encode.log 2>&1 &
	CLIENT=$!
	sleep 0.4
	kill -0 $CLIENT
}
# client_fails: it ends by itself within 10 s, with a message.
client_fails() {
	local i rc=0
	for ((i = 0; i < 100; i++)); do
		kill -0 $CLIENT 2>/dev/null || break
		sleep 0.1
	done
	[ $i -lt 100 ] || { kill -KILL $CLIENT; echo "the client hangs"; return 1; }
	wait $CLIENT || rc=$?
	tail -n 1 /run/encode.log
	[ $rc -ne 0 ] && [ ! -e /run/unplug.h264 ]
}
works() {
	control 0 clear >/dev/null
	slenc encode /src/out/test/input/176x144.y4m -o /run/works.h264
}
unbind_while_running() { start_client && unbind && client_fails && bind && wait_node && works; }
unbind_while_hanging() {
	control 0 "fault hang@3" >/dev/null
	slenc encode /src/out/test/input/642x274.y4m -o /run/unplug.h264 >/run/encode.log 2>&1 &
	CLIENT=$!
	sleep 0.7
	unbind && client_fails && bind && wait_node && works
}
present() { [ -e "/sys/bus/pci/devices/$(cat /run/pci-address)" ]; }
wait_gone() {
	local i
	for ((i = 0; i < 200; i++)); do
		present || return 0
		sleep 0.1
	done
	return 1
}
hot_unplug() { start_client && monitor "device_del hw0" && wait_gone && client_fails; }
hot_plug() {
	local i
	monitor "device_add vfio-user-pci,id=hw0,bus=rp0,socket.type=unix,socket.path=$(cat /run/host/hw0.path)"
	for ((i = 0; i < 200; i++)); do
		present && wait_node && works && return
		sleep 0.1
	done
	return 1
}

wait_node
pci_address >/run/pci-address
check "unbound while a client encodes" unbind_while_running
check "unbound while the hardware hangs" unbind_while_hanging
check "hot-unplugged while a client encodes" hot_unplug
check "plugged in again" hot_plug
finish
