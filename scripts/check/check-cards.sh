#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make check T=cards, or ALL=1: two virtual machines, joined by models of network cards and a bridge in a namespace of
# this machine's. xtcp is in both, kernel TCP too. Both versions of IP, hashes compared; while octets go and come,
# offloads, LRO, MTU and VLAN change, the card is off and its cable out for 2 s each, the card is taken out and put back, a
# bond loses one of two cards. After each of RUNS outages no more is sent again than the window holds, unless the card drops
# bursts; kernel TCP's numbers are printed beside. Needs root.
# Arguments: OUT, and models; without models all of them. Prints TAP.

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

# What the last two do without: merged buffers; checksums and large segments from and for the guest.
models=(e1000 vmxnet3 rtl8139 virtio-net-pci virtio-net-pci,mq=on virtio-net-pci,mrg_rxbuf=off
	virtio-net-pci,csum=off,guest_csum=off,gso=off,host_tso4=off,host_tso6=off,guest_tso4=off,guest_tso6=off)

# join MODEL: the bridge, and three taps at it
join()
{
	local tap queues=

	[[ $1 != *,mq=on* ]] || queues=multi_queue
	ip link add bridge type bridge
	for tap in a0 a1 b0; do
		ip tuntap add $tap mode tap $queues && ip link set $tap mtu 9000 master bridge up || return 1
	done
	ip link set bridge mtu 9000 up
}

# machine NAME CARD... -- WHAT
machine()
{
	local name=$1 cards=()

	shift
	while [ "$1" != -- ]; do
		cards+=(--card "$1")
		shift
	done
	scripts/vm/vm.sh --kernel "$image" --timeout 2400 "${cards[@]}" -- env RUNS="${RUNS-3}" \
		selftests/cards/cards.py "$2" build/stock/xtcp.ko >"$out/cards-$name.log" 2>&1
}

# pair MODEL
pair()
{
	local served driven server

	join "$1" || { echo "not ok - cards: no bridge for $1"; return; }
	machine serve "b0,$1,mac=52:54:00:00:00:03" -- serve &
	server=$!
	machine drive "a0,$1,mac=52:54:00:00:00:01" "a1,$1,mac=52:54:00:00:00:02" -- drive
	driven=$?
	sed -n "s/^\(ok\|not ok\) [0-9]* /\1 - cards: $1: /p; /^# segments/p" "$out/cards-drive.log"
	[ "$driven" -eq 0 ] || { tail -n 20 "$out/cards-drive.log" | sed 's/^/# /'; kill $server 2>/dev/null; }
	wait $server
	served=$?
	[ "$served" -eq 0 ] || tail -n 20 "$out/cards-serve.log" | sed 's/^/# /'
	[ "$driven:$served" = 0:0 ] && echo "ok - cards: $1: both machines" || echo "not ok - cards: $1: both machines"
	ip link del bridge
	for tap in a0 a1 b0; do ip link del $tap; done
}

out=${1:?OUT}
shift
[ "$(id -u)" = 0 ] || { echo "not ok - cards: needs root"; exit 1; }
if [ -z "${XTCP_CARDS_NAMESPACE-}" ]; then
	XTCP_CARDS_NAMESPACE=1 exec unshare --net "$0" "$out" "$@"
fi
mkdir -p "$out"
image=$(vm_kernel stock) && vm_module stock -s && scripts/tools/xtcp_run --build ||
	{ echo "not ok - cards: the module does not build"; exit 1; }
for model in "${@:-${models[@]}}"; do
	pair "$model"
done
