#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make bench: xtcp against kernel TCP, as ratios; half an hour. With B=NAME one
# part of it; with B=loss N="NAME..." some of its networks, FAST=1 a glance at them.
# What is measured stands at the head of selftests/tools/bench.c for B=tcp, and of
# bench_NAME.c there for the others.
# "wall" is the clock on two processors, "instructions" one processor whose clock
# counts them: the same figures on every machine.
# The exit status says whether all bounds were kept.

set -u
cd "$(dirname "$0")/.."
. scripts/vm-module.sh

image=$(vm_kernel stock) || { echo "bench: no kernel for the virtual machine" >&2; exit 1; }
vm_module stock -s || { echo "bench: the module does not build" >&2; exit 1; }
what=${1:-all}
[ $# -eq 0 ] || shift
all="tcp syn timewait ports idle loss"
case " $all all " in
*" $what "*) ;;
*) echo "bench: there is no B=$what; there are: $all all" >&2; exit 2 ;;
esac
scripts/selftests.sh tools || exit 1

bin=$PWD/build/bench
mkdir -p "$bin"
cp build/selftests/tools/bench* "$bin/"
rm -f "$bin"/*.[do]
strip -g -o "$bin/xtcp.ko" build/stock/xtcp.ko

# in_vm WHAT VM-OPTION... -- PROGRAM ARGUMENT...
in_vm()
{
	local what=$1 options=()

	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	echo "# $what"
	scripts/vm.sh --kernel "$image" --timeout 900 "${options[@]}" -- \
		env XTCP_KO="$bin/xtcp.ko" "$bin/$@" || status=1
}

# guest time counts instructions only when nothing of it depends on the host
counted=(--icount --append "mitigations=off nopti tsc=reliable clocksource=tsc")

bench_tcp()
{
	in_vm "wall clock, 2 processors: xtcp / kernel TCP" --parallel -- bench compare 7 100 5000 1000
	in_vm "instructions: xtcp / kernel TCP" "${counted[@]}" -- bench compare 3 20 2000 500
	in_vm "instructions: kernel TCP beside xtcp / alone" "${counted[@]}" -- bench tax 3 2000 500
}

bench_syn()
{
	in_vm "memory" -- bench_syn memory
	in_vm "instructions: xtcp / kernel TCP" "${counted[@]}" -- bench_syn cost 5 1500
	in_vm "instructions: a SYN among many listeners" "${counted[@]}" -- bench_syn listeners 3 1500
	in_vm "connections while SYNs come, instructions for a clock" "${counted[@]}" -- bench_syn flood 500
}

# One processor whose clock counts instructions: there kernel TCP's minute does not pass
# while records are made.
bench_timewait()
{
	in_vm "memory of TIME-WAIT: xtcp / kernel TCP" "${counted[@]}" -- bench_timewait memory 50000 20000
	in_vm "instructions: xtcp / kernel TCP" "${counted[@]}" -- bench_timewait expiry 3 8000
}

bench_ports()
{
	in_vm "instructions: connect() while ports are used" "${counted[@]}" -- bench_ports connect 2000 200
	in_vm "ports that come back from TIME-WAIT" "${counted[@]}" -- bench_ports reuse 200000
}

bench_idle()
{
	in_vm "idle connections, instructions: xtcp / kernel TCP" --memory 4G "${counted[@]}" -- bench_idle 100000
}

# what was lost, and how fast to send: 5 runs of each, or one of a third
bench_loss()
{
	local much="5 100"

	[ -z "${FAST-}" ] || much="1 33"
	in_vm "networks that lose and reorder" --timeout 3000 "${counted[@]}" -- bench_loss $much $names
}

status=0
names=$*
[ "$what" != all ] || what=$all
for each in $what; do
	"bench_$each"
done
exit $status
