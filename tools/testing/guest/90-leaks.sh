# SPDX-License-Identifier: GPL-2.0
# With all closed and unloaded, nothing that was allocated is left. Comes last; the
# debug kernel can tell.
. ../ktap.sh
. ../device.sh

leaks=/sys/kernel/debug/kmemleak
if [ ! -e $leaks ]; then
	skip "no memory is left behind" "the kernel has no kmemleak"
	finish
	exit
fi
# An object is reported when a scan finds no pointer to it 5 s after it was made.
nothing_left() {
	sleep 6
	echo scan >$leaks
	sleep 1
	echo scan >$leaks
	head -n 40 $leaks >/run/leaks
	cat /run/leaks
	[ ! -s /run/leaks ]
}
# Without a driver the lines of the device begin with its bus and its address.
no_dma_memory() { [ -r $dump ] && ! grep -F "$address" $dump; }
unload() { { [ ! -e /sys/module/slenc ] || rmmod slenc; } && rmmod v4l2_rate_control; }

dump=/sys/kernel/debug/dma-api/dump
wait_node
address=$(pci_address) || exit
check "the device had DMA memory while the driver was bound" grep -qF "$address" $dump
check "the modules are unloaded" unload
check "no memory is left behind" nothing_left
check "no DMA memory is left behind" no_dma_memory
finish
