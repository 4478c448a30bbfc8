#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make bench: xtcp against kernel TCP, as ratios; an hour. With B=NAME one
# part of it; with B=loss N="NAME..." some of its networks, FAST=1 a glance at them;
# with B=incast N=KB only blocks of this size;
# with B=unused N=NAME only the settings whose name contains it;
# with B=programs N="NAME..." some of them.
# What is measured stands at the head of selftests/tools/bench.c for B=tcp, and of
# bench_NAME.c there, or bench_NAME.py, for the others.
# With AB=COMMIT in the environment (make bench AB=COMMIT): the module of now and that of
# COMMIT, each beside kernel TCP, in one run of STREAM, RR and CRR, in instructions alone; AB=notrace: that of now
# with its tracepoints off, and without them. With B=unused: RR and CRR of both builds; AB=COMMIT..COMMIT: what the
# second one costs more than the first.
# With JSON=FILE there each ratio is written there as well: its part of the run, its name,
# its unit, the value and the one it is against (the medians, the ratio is that of the pairs).
# "wall" is the clock on two processors, "instructions" one processor whose clock
# counts them: the same figures on every machine.
# The exit status says whether all bounds were kept. --asked B: only looks whether there is such a part, and such a commit.

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

asked=
if [ "${1-}" = --asked ]; then
	asked=1
	shift
fi
what=${1:-all}
[ $# -eq 0 ] || shift
all="tcp unused syn timewait ports idle listing spaces dctcp prague bbr below incast loss zerocopy local programs"
case " $all all box locks million " in
*" $what "*) ;;
*) echo "bench: there is no B=$what; there are: $all box locks million all" >&2; exit 2 ;;
esac
# AB=THEN..NOW: NOW instead of the files as they are
newer=
[[ ${AB-} != ?*..?* ]] || { newer=${AB##*..}; AB=${AB%%..*}; }
for commit in ${AB:+"$AB"} ${newer:+"$newer"}; do
	[[ $commit == notrace ]] || git rev-parse --verify --quiet "$commit^{commit}" >/dev/null ||
		{ echo "bench: AB=$commit: there is no such commit" >&2; exit 2; }
done
case ${AB:+$what} in
"" | all | tcp | unused) ;;
*)
	echo "bench: AB=$AB goes with B=tcp and B=unused, not with B=$what" >&2
	exit 2 ;;
esac

# parts_of PART: what N= may name of it; nothing: any word, or none
parts_of()
{
	case $1 in
	loss)
		sed -nE '/^} networks\[\] = /,/^};/s/^\t\{ "([a-z0-9]+)",.*/\1/p' selftests/tools/bench_loss.c
		echo fresh answers flows ;;
	incast) sed -n '/^} cases\[\] = /,/^};/p' selftests/tools/bench_incast.c | grep -oE '\{ [0-9]+' | tr -d '{ ' ;;
	programs) sed -nE '/^PROGRAMS = /,/^}/s/^ +"([a-z0-9-]+)": .*/\1/p' selftests/tools/bench_programs.py ;;
	esac
}

for name; do
	case $what in
	loss | incast | programs)
		parts=$(parts_of "$what" | xargs)
		[[ " $parts " == *" $name "* ]] || { echo "bench: B=$what has no N=$name; there are: $parts" >&2; exit 2; } ;;
	unused) ;;
	*) echo "bench: N=$name: B=$what has no parts" >&2; exit 2 ;;
	esac
done
[ -z "$asked" ] || exit 0
image=$(vm_kernel stock) || { echo "bench: no kernel for the virtual machine" >&2; exit 1; }
vm_module stock -s || { echo "bench: the module does not build" >&2; exit 1; }

# build_untraced FILE: the module as it is now, but for the tracepoints, which the kernel's headers leave out.
build_untraced()
{
	local kdir

	kdir=$(kernel_headers "$(kernel_release "$image")") || return 1
	scripts/kernel/build-module.sh "$kdir" "$PWD/build/ab/notrace" -s KCFLAGS=-DNOTRACE || return 1
	strip -g -o "$1" build/ab/notrace/xtcp.ko
	echo "# now: the files as they are, tracepoints off; then: the same without tracepoints"
}

# build_ab COMMIT FILE: the module as it was at COMMIT.
build_ab()
{
	local commit

	if [ "$1" = notrace ]; then
		build_untraced "$2"
		return
	fi
	vm_module_of "$1" stock "$2" || return
	commit=$(git rev-parse --short=12 "$1^{commit}")
	echo "# now: the files as they are; then: $(git log -1 --format='%h %s' "$commit")"
	vm_module_differs "$commit" ||
		echo "# both are the same sources, so each ratio of now and then is what two loads of one module differ by"
}

scripts/check/selftests.sh tools || exit 1

bin=$PWD/build/bench
mkdir -p "$bin"
cp build/selftests/tools/bench* "$bin/"
rm -f "$bin"/*.[do]
strip -g -o "$bin/xtcp.ko" build/stock/xtcp.ko

# in_vm WHAT VM-OPTION... -- PROGRAM ARGUMENT...
in_vm()
{
	local what=$1 options=() program

	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	# of those that are built, or a path below the checkout
	program=("$bin/$@")
	[[ $1 != */* ]] || program=("$PWD/$@")
	echo "# $what"
	scripts/vm/vm.sh --kernel "$image" --timeout 900 "${options[@]}" -- \
		env XTCP_KO="$bin/xtcp.ko" AB_KO="$bin/ab.ko" ${JSON:+MEASURE_JSON=1} "${program[@]}" | keep_records "$what"
	[ "${PIPESTATUS[0]}" -eq 0 ] || status=1
}

# keep_records PART: lines that lib/measure.c marks as records go into $records, all others on.
keep_records()
{
	awk -v part="$1" -v records="$records" '
		sub(/^#json {/, "") { print "\t\t{\"part\": \"" part "\", " $0 >>records; close(records); next }
		{ print; fflush() }'
}

# write_json FILE: what was measured, and of what.
write_json()
{
	{
		printf '{\n\t"kernel": "%s",\n' "$(kernel_release "$image")"
		printf '\t"commit": "%s",\n' "$(git describe --always --dirty --abbrev=12 2>/dev/null)"
		printf '\t"bounds_kept": %s,\n\t"ratios": [\n' "$([ $status -eq 0 ] && echo true || echo false)"
		sed '$!s/$/,/' "$records"
		printf '\t]\n}\n'
	} >"$1"
}

# guest time counts instructions only when nothing of it depends on the host
counted=(--icount --append "mitigations=off nopti tsc=reliable clocksource=tsc")

# What is measured: the part, how its machine is, the program, the words above its figures. "counted": as
# above. "lab": in the laboratory, where computing takes no time. Of "ab" there is no wall clock: on emulated
# processors it differs by half between two loads of one module; and tracepoints that are off cost at most
# half a percent. A million connections take half as long as all others, so they are no part of "all".
table()
{
	# what was lost, and how fast to send: 5 runs of each, or one of a third
	local much="5 100"

	[ -z "${FAST-}" ] || much="1 33"
	cat <<-END
	ab|counted|bench ab 3 20 2000 500 $([ "${AB-}" != notrace ] || echo 0.995)|instructions
	tcp|--parallel|bench compare 7 100 5000 1000|wall clock, 2 processors: xtcp / kernel TCP
	tcp|counted|bench compare 3 20 2000 500|instructions: xtcp / kernel TCP
	tcp|counted|bench stream 5 20|instructions for a megabyte: xtcp / kernel TCP
	tcp|counted|bench tax 3 2000 500|instructions: kernel TCP beside xtcp / alone
	syn||bench_syn memory|memory
	syn|counted|bench_syn cost 5 1500|instructions: xtcp / kernel TCP
	syn|counted|bench_syn listeners 3 1500|instructions: a SYN among many listeners
	syn|counted|bench_syn flood 500|connections while SYNs come, instructions for a clock
	timewait|counted|bench_timewait memory 50000 20000|memory of TIME-WAIT: xtcp / kernel TCP
	timewait|counted|bench_timewait expiry 3 8000|instructions: xtcp / kernel TCP
	timewait|counted|bench_timewait room 3 8000|instructions: a full table against one with room
	ports|counted|bench_ports connect 2000 200|instructions: connect() while ports are used
	ports|counted|bench_ports beside 4000|instructions: connect() beside the other stack's
	ports|counted|bench_ports reuse 200000|ports that come back from TIME-WAIT
	ports|counted|bench_ports young 2000|instructions: connect() while most records are young
	idle|--memory 4G counted|bench_idle memory 20000|memory of an established connection: xtcp / kernel TCP
	idle|--memory 4G counted|bench_idle 100000|idle connections, instructions: xtcp / kernel TCP
	listing|--memory 4G counted|bench_listing 100000|a listing by netlink, instructions: xtcp / kernel TCP
	spaces||bench_spaces memory 200|memory of an idle namespace
	spaces|counted|bench_spaces ends 1000 50000|namespaces that come and go, instructions and waits for a clock
	spaces|--memory 2G counted|bench_spaces pairs 2000|namespaces with a connection each, instructions and waits for a clock
	million|--timeout 3000 --memory 4G counted|bench_million 1000000|a million accepted connections, instructions
	dctcp|lab|bench_marks dctcp 8|a router that marks early
	prague|lab|bench_marks prague 8|a queue with L4S
	bbr|counted|bench_bbr 5 4|BBR beside CUBIC and kernel TCP's bbr
	below|counted|bench_below 3|a flow of 1 Gbit/s: what stands below TCP
	incast|lab|bench_incast 3 $names|many senders, one receiver, a small buffer
	loss|--timeout 3000 counted|bench_loss $much $names|networks that lose and reorder
	zerocopy|counted|bench_zerocopy 3|writes without a copy, instructions
	local|counted|bench_local 3 1000 0|both ends on one machine, instructions, net.xtcp.local 0
	local|counted|bench_local 3 1000 1|both ends on one machine, instructions, net.xtcp.local 1
	END
}

# measure PART: its lines of the table
measure()
{
	local part machine program what word options

	while IFS='|' read -r part machine program what <&3; do
		[ "$part" = "$1" ] || continue
		options=()
		for word in $machine; do
			[ "$word" = counted ] && options+=("${counted[@]}") || options+=("$word")
		done
		if [ "$machine" = lab ]; then
			in_lab "$what" $program
		else
			in_vm "$what" "${options[@]}" -- $program
		fi
	done 3< <(table)
}

# in_lab WHAT PROGRAM ARGUMENT...
in_lab()
{
	local what="$1, in the laboratory"

	shift
	vm_kernel lab >/dev/null && vm_module lab -s && strip -g -o "$bin/lab.ko" build/lab/xtcp.ko || { status=1; return; }
	echo "# $what"
	scripts/lab/run.sh --seed 1 --timeout 900 -- env XTCP_KO="$bin/lab.ko" ${JSON:+MEASURE_JSON=1} "$bin/$@" |
		keep_records "$what"
	[ "${PIPESTATUS[0]}" -eq 0 ] || status=1
}

bench_box()
{
	N=box bench_unused
}

bench_unused()
{
	if [ -n "${AB-}" ]; then
		in_vm "instructions: one build / another" "${counted[@]}" -- bench_unused builds 3 3000 600
	else
		in_vm "instructions: while something is set / nothing" "${counted[@]}" -- bench_unused settings 3 3000 600 \
			${N:+"$N"}
	fi
}

# Needs a slow kernel, which counts who takes which lock, so it is no part of "all".
bench_locks()
{
	image=$(vm_kernel kcsan) && vm_module kcsan -s && strip -g -o "$bin/xtcp.ko" build/kcsan/xtcp.ko || { status=1; return; }
	in_vm "locks by connection, 16 processors" --cpus 16 --memory 3G --append kcsan.early_enable=0 -- bench_locks 10
}

# servers and clients from Debian's packages, each under xtcp_run and without
bench_programs()
{
	scripts/kernel/deps.sh programs && scripts/tools/xtcp_run --build || { status=1; return; }
	# what they read from this machine's files takes time, during which no other clock than this one may go on
	in_vm "programs, instructions: xtcp / kernel TCP" --timeout 2400 --memory 3G "${counted[@]}" --real-waits -- \
		selftests/tools/bench_programs.py "$XTCP_CACHE/programs" 5 $names
	in_vm "programs, wall clock, 2 processors: xtcp / kernel TCP" --timeout 2400 --memory 3G --parallel -- \
		selftests/tools/bench_programs.py "$XTCP_CACHE/programs" 5 $names
}

status=0
names=$*
records=$bin/records
: >"$records"
if [ -n "${JSON-}" ] && ! : 2>/dev/null >"$JSON"; then
	echo "bench: cannot write JSON=$JSON" >&2
	exit 2
fi
rm -f "$bin/ab.ko"
if [ -n "${AB-}" ]; then
	build_ab "$AB" "$bin/ab.ko" || exit
	if [ -n "$newer" ]; then
		vm_module_of "$newer" stock "$bin/xtcp.ko" || exit
		echo "# and instead of now: $(git log -1 --format='%h %s' "$newer^{commit}")"
	fi
	[ "$what" = unused ] || what=ab
fi
[ "$what" != all ] || what=$all
for each in $what; do
	if declare -F "bench_$each" >/dev/null; then "bench_$each"; else measure "$each"; fi
done
[ -z "${JSON-}" ] || write_json "$JSON"
exit $status
