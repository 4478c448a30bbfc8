# SPDX-License-Identifier: GPL-2.0
#
# What the shells of make vm and make vm-shell begin with, in the top folder, the module loaded: two namespaces
# to play in, with what the tour's pages use (scene.sh). XTCP_SECOND=1: the first shell has made them already.

[ ! -e /etc/bash.bashrc ] || . /etc/bash.bashrc
export XTCP_NAME=${XTCP_NAME:-xtcp}
export PROC_NET_TCP=/proc/net/$XTCP_NAME PROC_NET_TCP6=/proc/net/${XTCP_NAME}6
export PROC_NET_SNMP=/proc/net/${XTCP_NAME}_snmp PROC_NET_NETSTAT=/proc/net/${XTCP_NAME}_netstat
export PATH=$PWD/scripts/tools:$PATH PYTHONDONTWRITEBYTECODE=1

# within NAMESPACE COMMAND...: ip netns exec mounts another /sys there; the trace and the cgroups belong to it, too
within()
{
	ip netns exec "$1" sh -c 'mount -t tracefs tracefs /sys/kernel/tracing; mount -t cgroup2 cgroup2 /sys/fs/cgroup
		exec "$@"' sh "${@:2}"
}
client() { within client xtcp_run "$@"; }
server() { within server xtcp_run "$@"; }
router() { within router "$@"; }
# on NODE COMMAND...: of a network that TOPO= has made; a host's TCP is xtcp
on()
{
	local forwards

	forwards=$(ip netns exec "$1" cat /proc/sys/net/ipv4/ip_forward) || return
	if [ "$forwards" = 1 ]; then within "$@"; else within "$1" xtcp_run "${@:2}"; fi
}
tour() { scripts/tour/tour-beside.sh "$@"; }

# The status of this shell is the one that exit was told, and not the last command's: with that, make would call it an
# error to leave after a ^C.
exit()
{
	local status=$?

	[ "$BASHPID" != $$ ] || { left=1 status=0; }
	builtin exit "${1:-$status}"
}
trap '[ -n "$left" ] || builtin exit 0' EXIT
left=

# builds: make NAME.ko a link to the build for this kernel, of xtcp and of xtcp_b, if there is one: insmod NAME.ko then
# works here, whatever kernel make has built for. The overlay keeps the links from the host. Load xtcp_b.
builds()
{
	local release name file

	release=$(uname -r)
	for file in "build/$release/xtcp.ko" "build/xtcp_b-$release/xtcp_b.ko"; do
		name=${file##*/} name=${name%.ko}
		[ -e "$file" ] || continue
		ln -sf "$file" "$name.ko"
		[ -e "/sys/module/$name" ] || insmod "$name.ko" || continue
		echo 1 >"/sys/kernel/tracing/events/$name/enable"
		[ "$name" = "$XTCP_NAME" ] || echo "$name is loaded beside it: xtcp_run --name $name; xtcp upgrade $name: it takes over"
	done
}

set_up()
{
	echo "hosts: files" >/etc/nsswitch.conf	# no name server here
	echo global >/sys/kernel/tracing/trace_clock
	echo 8192 >/sys/kernel/tracing/buffer_size_kb
	echo 1 >"/sys/kernel/tracing/events/$XTCP_NAME/enable"
	if [ -n "$XTCP_TOPOLOGY" ]; then
		. "$XTCP_TOPOLOGY"
		echo "   on NODE COMMAND..., as in: on a ip route; on a tc -s qdisc"
	else
		scripts/vm/scene.sh
		echo "$XTCP_NAME is loaded; \"client\" (10.77.0.1) and \"server\" (10.77.0.2) are namespaces, with a router in between:"
		echo "   server python3 -m http.server 80 &      client curl http://server/      xtcp ladder      server ss -tano"
		echo "Each runs a command there, on $XTCP_NAME. xtcp --help: what there is to see it by; tour PAGE: a page of the tour; exit: the end."
	fi
	builds
	if [ -n "${XTCP_SHARED-}" ]; then
		echo "What is in $XTCP_SHARED/ is kept, all else is not."
	else
		echo "Nothing is kept."
	fi
	[ ! -e /run/vm/second ] || echo "A second terminal of this machine: make vm-shell"
}

[ -n "${XTCP_SECOND-}" ] || set_up
