# SPDX-License-Identifier: GPL-2.0
# The device goes while it is used: by sysfs and by hot-unplug.
. ../ktap.sh
. ../device.sh

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
	timeout 30 slenc encode "$TEST/input/176x144.y4m" -o /run/works.h264
}
# Each test leaves the device bound for the next.
rebind() { control 0 clear >/dev/null; [ -e "$PCI_DRIVER/$(cat /run/pci-address)" ] || bind; wait_node; }
unbind_while() { rebind && start_client "$1" && unbind && client_fails && bind && wait_node && works; }
present() { [ -e "/sys/bus/pci/devices/$(cat /run/pci-address)" ]; }
wait_gone() {
	local i
	for ((i = 0; i < 200; i++)); do
		present || return 0
		sleep 0.1
	done
	return 1
}
hot_unplug() { rebind && start_client slow=1500@1+ && monitor device_del '{"id":"hw0"}' && wait_gone && client_fails; }
hot_plug() {
	local i
	monitor device_add '{"driver":"vfio-user-pci","id":"hw0","bus":"rp0",
		"socket":{"type":"unix","path":"'"$(cat /run/host/hw0.path)"'"}}'
	for ((i = 0; i < 200; i++)); do
		! present || break
		sleep 0.1
	done
	wait_node && works
}

wait_node
pci_address >/run/pci-address
check "unbound while a client encodes" unbind_while slow=1500@1+
check "unbound while the hardware hangs" unbind_while hang@1
check "hot-unplugged while a client encodes" hot_unplug
check "plugged in again" hot_plug
finish
