#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make demo D=loss, in the virtual machine: segments that a router loses, and how the
# sender finds that out; scripts/demo/demo-loss.py does the steps.
#
# Both ends are xtcp's, in the network of scripts/vm/scene.sh. Here the router takes 20 ms
# each way, and 10 Mbit/s towards the server; what is to be lost it drops when it comes
# in, so that it is the sender's no more. DCTCP is for short ways and for routers that
# mark: for CC=dctcp it takes 5 ms, and marks what waits longer than 10 segments take;
# what else fq_codel would do is put off for ever. With RATE=, DELAY=, LOSS= or QUEUE= the
# router is the user's, and loses at random.

set -u
cd "$(dirname "$0")/../.." || exit 1
. scripts/demo/demo-lib.sh

make_network()
{
	scripts/vm/scene.sh || return
	if [ -n "$ROUTER_RATE$ROUTER_DELAY$ROUTER_LOSS$ROUTER_QUEUE" ]; then
		export RANDOM_LOSS=${ROUTER_LOSS:-1%}
		local delay=${ROUTER_DELAY:-20ms} rate=${ROUTER_RATE:-10mbit} queue=${ROUTER_QUEUE:-300}
		export PATH_WORDS="$delay each way, $rate, $queue packets in its queue, $RANDOM_LOSS lost"
		# netem's own limit would count what is on its way, too
		tc -n router -batch - <<-END
		qdisc replace dev server0 root handle 1: netem delay $delay loss $RANDOM_LOSS limit 100000
		qdisc add dev server0 parent 1:1 tbf rate $rate burst 3028 limit $((queue * 1514))
		qdisc change dev client0 root netem delay $delay limit 100000
		END
		return
	fi
	if [ "${ALGORITHM-}" = dctcp ]; then
		export PATH_WORDS="5 ms each way, 10 Mbit/s, marks what waits behind 10 segments"
		tc -n router -batch - <<-END
		qdisc replace dev server0 root handle 1: netem delay 5ms limit 300
		qdisc add dev server0 parent 1:1 handle 2: tbf rate 10mbit burst 3028 limit 450000
		qdisc add dev server0 parent 2:1 handle 3: fq_codel target 10s interval 10s ce_threshold 12ms
		qdisc change dev client0 root netem delay 5ms limit 1000
		qdisc add dev client0 clsact
		END
		return
	fi
	export PATH_WORDS="20 ms each way, 10 Mbit/s"
	tc -n router -batch - <<-END
	qdisc change dev server0 root netem delay 20ms rate 10mbit limit 300
	qdisc change dev client0 root netem delay 20ms limit 1000
	qdisc add dev client0 clsact
	END
}

load "${1:-build/stock/xtcp.ko}"
echo 32768 >$tracing/buffer_size_kb
# a module of its own
[ -z "${ALGORITHM_KO-}" ] || insmod "$ALGORITHM_KO" || die "$ALGORITHM_KO does not load"
# one that was just written is allowed in no namespace but this one
cat /proc/sys/net/xtcp/available_congestion_control >/proc/sys/net/xtcp/allowed_congestion_control
LADDER="scripts/tools/xtcp-ladder $look" COLOR=${COLOR-} BOLD=$bold PLAIN=$plain $python scripts/demo/demo-loss.py
status=$?
[ -z "${OUT-}" ] || cp $tracing/trace "$OUT/loss.trace"
[ $status -eq 0 ] || die "failed"
how_late
unload
