#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make demo D=loss, in the virtual machine: segments that a router loses, and how the
# sender finds that out; scripts/demo-loss.py does the steps.
#
#   "client"  10.77.0.1  ----veth----  "router"  ----veth----  10.77.0.2  "server"
#
# Both ends are xtcp's. The router takes 20 ms each way, and 10 Mbit/s towards the
# server; what is to be lost it drops when it comes in, so that it is the sender's no
# more. Devices take no bundles: what is drawn as one segment is one.

set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/demo-lib.sh

make_network()
{
	ip -batch - <<-END || return
	netns add client
	netns add router
	netns add server
	link add veth0 netns client gso_max_segs 1 type veth peer name client0 netns router gso_max_segs 1
	link add veth0 netns server gso_max_segs 1 type veth peer name server0 netns router gso_max_segs 1
	END
	ip -n client -batch - <<-END || return
	addr add 10.77.0.1 peer 10.77.0.254 dev veth0
	link set lo up
	link set veth0 up
	route add default via 10.77.0.254
	END
	ip -n server -batch - <<-END || return
	addr add 10.77.0.2 peer 10.77.0.254 dev veth0
	link set lo up
	link set veth0 up
	route add default via 10.77.0.254
	END
	ip -n router -batch - <<-END || return
	addr add 10.77.0.254 peer 10.77.0.1 dev client0
	addr add 10.77.0.254 peer 10.77.0.2 dev server0
	link set client0 up
	link set server0 up
	END
	ip netns exec router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward' || return
	tc -n router -batch - <<-END
	qdisc add dev server0 root netem delay 20ms rate 10mbit limit 300
	qdisc add dev client0 root netem delay 20ms limit 1000
	qdisc add dev client0 clsact
	END
}

load "${1:-build/stock/xtcp.ko}"
echo 32768 >$tracing/buffer_size_kb
# one that was just written is allowed in no namespace but this one
cat /proc/sys/net/xtcp/available_congestion_control >/proc/sys/net/xtcp/allowed_congestion_control
show_steps loss
