# SPDX-License-Identifier: GPL-2.0
#
# What the shell of make vm begins with, in the top folder, the module loaded: two namespaces
# to play in, with what the tour's pages use (scripts/scene.sh).

[ ! -e /etc/bash.bashrc ] || . /etc/bash.bashrc
export XTCP_NAME=${XTCP_NAME:-xtcp}
export PROC_NET_TCP=/proc/net/$XTCP_NAME PROC_NET_TCP6=/proc/net/${XTCP_NAME}6
export PROC_NET_SNMP=/proc/net/${XTCP_NAME}_snmp PROC_NET_NETSTAT=/proc/net/${XTCP_NAME}_netstat
export PATH=$PWD/scripts:$PATH PYTHONDONTWRITEBYTECODE=1
echo "hosts: files" >/etc/nsswitch.conf	# no name server here
echo global >/sys/kernel/tracing/trace_clock
echo 8192 >/sys/kernel/tracing/buffer_size_kb
echo 1 >"/sys/kernel/tracing/events/$XTCP_NAME/enable"

client() { ip netns exec client xtcp_run "$@"; }
server() { ip netns exec server xtcp_run "$@"; }
router() { ip netns exec router "$@"; }
tour()
{
	xtcp_run python3 "${BASH_SOURCE%/*}/tour/tour.py" "$@"
	scene.sh
}

scene.sh
echo "$XTCP_NAME is loaded; \"client\" (10.77.0.1) and \"server\" (10.77.0.2) are namespaces, with a router in between:"
echo "   server python3 -m http.server 80 &      client curl http://server/      ladder      server ss -tano"
echo "Each runs a command there, on $XTCP_NAME. tour PAGE: a page of the tour; exit: the end, and nothing is kept."
