#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make bench: xtcp against kernel TCP, as ratios; what is measured stands in
# selftests/tools/bench.c. make bench B=syn: what a SYN costs a listener
# (selftests/tools/bench_syn.c). "wall" is the clock on two processors, "instructions"
# one processor whose clock counts them: the same figures on every machine.
# The exit status says whether all floors were kept.

set -u
cd "$(dirname "$0")/.."
. scripts/vm-module.sh

image=$(vm_kernel stock) || { echo "bench: no kernel for the virtual machine" >&2; exit 1; }
vm_module stock -s || { echo "bench: the module does not build" >&2; exit 1; }
what=${1-}
case $what in
""|syn) ;;
*) echo "bench: there is no B=$what; there is: syn" >&2; exit 2 ;;
esac
program=bench${what:+_$what}
scripts/selftests.sh "../build/selftests/tools/$program" || exit 1

bin=$PWD/build/bench
mkdir -p "$bin"
cp "build/selftests/tools/$program" "$bin/"
strip -g -o "$bin/xtcp.ko" build/stock/xtcp.ko

# in_vm WHAT VM-OPTION... -- BENCH-ARGUMENT...
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
		env XTCP_KO="$bin/xtcp.ko" "$bin/$program" "$@" || status=1
}

# guest time counts instructions only when nothing of it depends on the host
counted=(--icount --append "mitigations=off nopti tsc=reliable clocksource=tsc")

status=0
if [ "$what" = syn ]; then
	in_vm "memory" -- memory
	in_vm "instructions: xtcp / kernel TCP" "${counted[@]}" -- cost 5 1500
	in_vm "connections while SYNs come, instructions for a clock" "${counted[@]}" -- flood 500
	exit $status
fi
in_vm "wall clock, 2 processors: xtcp / kernel TCP" --parallel -- compare 7 100 5000 1000
in_vm "instructions: xtcp / kernel TCP" "${counted[@]}" -- compare 3 20 2000 500
in_vm "instructions: kernel TCP beside xtcp / alone" "${counted[@]}" -- tax 3 2000 500
exit $status
