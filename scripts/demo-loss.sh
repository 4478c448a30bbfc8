#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make demo D=loss, in the virtual machine: segments that a router loses, and how the
# sender finds that out; scripts/demo-loss.py does the steps.
#
# Both ends are xtcp's, in the network of scripts/scene.sh. Here the router takes 20 ms
# each way, and 10 Mbit/s towards the server; what is to be lost it drops when it comes
# in, so that it is the sender's no more.

set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/demo-lib.sh

make_network()
{
	scripts/scene.sh || return
	tc -n router -batch - <<-END
	qdisc change dev server0 root netem delay 20ms rate 10mbit limit 300
	qdisc change dev client0 root netem delay 20ms limit 1000
	qdisc add dev client0 clsact
	END
}

load "${1:-build/stock/xtcp.ko}"
echo 32768 >$tracing/buffer_size_kb
# one that was just written is allowed in no namespace but this one
cat /proc/sys/net/xtcp/available_congestion_control >/proc/sys/net/xtcp/allowed_congestion_control
show_steps loss
