# SPDX-License-Identifier: GPL-2.0
#
# What the demonstrations in the virtual machine share, sourced in the top
# folder: titles, two namespaces, the loaded module, its traces, stock tools that
# look at xtcp.
#
#   namespace "client"  10.77.0.1, fd77::1  ----veth----  10.77.0.2, fd77::2  namespace "server"

work=/tmp/demo
tracing=/sys/kernel/tracing
python=/usr/bin/python3
[ -x $python ] || python=python3
mkdir -p $work/files

export PROC_NET_TCP=/proc/net/xtcp PROC_NET_TCP6=/proc/net/xtcp6
export PROC_NET_SNMP=/proc/net/xtcp_snmp PROC_NET_NETSTAT=/proc/net/xtcp_netstat

if [ -n "${COLOR-}" ]; then
	bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m' look=--color
else
	bold='' green='' red='' plain='' look=--plain
fi

title()
{
	printf '\n%s%s%s\n' "$bold" "$(fold -s -w "${COLUMNS:-110}" <<<"== $* ==")" "$plain"
}

die()
{
	echo "${red}demo: $*${plain}"
	tail -n 20 $work/*.log 2>/dev/null
	dmesg | tail -n 20
	exit 1
}

in_server()
{
	ip netns exec server "$@"
}

make_network()
{
	ip -batch - <<-END || return
	netns add client
	netns add server
	link add veth0 netns client type veth peer name veth0 netns server
	END
	ip -n client -batch - <<-END || return
	addr add 10.77.0.1/24 dev veth0
	addr add fd77::1/64 dev veth0 nodad
	link set lo up
	link set veth0 up
	END
	ip -n server -batch - <<-END
	addr add 10.77.0.2/24 dev veth0
	addr add fd77::2/64 dev veth0 nodad
	link set lo up
	link set veth0 up
	END
}

# load KO: the module, the network, and its events in the trace.
load()
{
	insmod "$1" || die "the module does not load"
	[ -z "${OUT-}" ] || : >"$OUT/loaded"
	echo "xtcp is loaded, beside the kernel's TCP"
	make_network || die "no network"
	echo global >$tracing/trace_clock
	echo 8192 >$tracing/buffer_size_kb
	echo 1 >$tracing/events/xtcp/enable
	$python scripts/tour/lateness.py & late=$!
}

# how_late: whether this machine stood still since then.
how_late()
{
	kill $late && wait $late
}

# unload: the module; a program that was killed may still have its sockets
unload()
{
	for _ in {1..200}; do ! scripts/tools/xtcp unload >/dev/null 2>&1 || break; sleep 0.1; done
	[ ! -e /sys/module/xtcp ] || die "the module does not unload"
}
