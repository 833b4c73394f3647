# SPDX-License-Identifier: GPL-2.0
# Probe and remove: nodes appear and go, any number of times.
. ../ktap.sh
. ../device.sh

has_node() { [ -c "$(video_node)" ] && [ -c "$(media_node)" ]; }
no_node() { [ ! -e "$video" ] && [ ! -e "$media" ]; }
is_encoder() {
	v4l2-ctl -d "$(video_node)" --info | tee /run/info | grep -q 'Driver name *: slenc' &&
		grep -q 'Video Memory-to-Memory Multiplanar' /run/info && grep -q 'Streaming' /run/info
}
# media-ctl has no name for the function of an encoder; slenc finds its device by it.
is_entity() { media-ctl -d "$(media_node)" -p | tee /run/topology | grep -q 'slenc-proc (2 pads, 2 links)' || { cat /run/topology; return 1; }; }
# The generation's, which the lane knows. That they work is shown by 35-streams.sh, of
# those that are listed.
has_profiles() {
	local wanted='1: Constrained Baseline'
	[ "${GENERATION:-gen1}" = gen1 ] || wanted+=$'\n2: Main\n4: High'
	v4l2-ctl -d "$(video_node)" --list-ctrls-menus |
		sed -n '/^ *h264_profile /,/^ *[a-z]/ s/^[[:space:]]*\([0-9]*: .*\)$/\1/p' >/run/profiles
	cat /run/profiles
	[ "$(</run/profiles)" = "$wanted" ]
}
rebind() {
	local i
	for ((i = 0; i < 10; i++)); do
		unbind && no_node && bind && wait_node || return
	done
}
reload() {
	local i
	for ((i = 0; i < 5; i++)); do
		rmmod slenc v4l2_rate_control && no_node && ../../vm/load-modules && wait_node || return
	done
}

wait_node
video=$(video_node) media=$(media_node)
check "the driver binds and makes its nodes" has_node
check "the node is a memory-to-memory encoder of slenc" is_encoder
check "the media device lists the encoder between its queues" is_entity
check "the profiles of the hardware are listed" has_profiles
check "unbinding and binding ten times" rebind
check "unloading and loading five times" reload
finish
