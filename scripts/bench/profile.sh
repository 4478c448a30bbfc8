#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Where the instructions of a load go, function by function; see usage().

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

usage()
{
	cat <<-END
	Usage: scripts/bench/profile.sh [OPTION]... LOAD UNITS

	Runs LOAD as \`make bench B=tcp\` does, over kernel TCP and over xtcp, in a virtual
	machine with one processor, and counts each instruction that it executes. Shows
	how many there are for one unit in each function of the kernel and of xtcp, those
	of both ends and of the device between them together. LOAD is RR (a unit is a
	transaction), CRR (a connection), STREAM, STREAM_1K or STREAM_64 (a write). For SYN
	and COOKIE, as \`make bench B=syn\` does, a unit is a SYN that a tun device delivers
	to a listener; SYN leaves an entry, COOKIE does not.

	  --calls    also which function of xtcp calls what, and how often for one unit
	  --help     this text

	What was counted stays in build/profile.
	END
}

wrong()
{
	echo "profile.sh: $*" >&2
	echo "Try scripts/bench/profile.sh --help" >&2
	exit 2
}

calls=
while [ $# -gt 0 ]; do
	case $1 in
	--calls) calls=1; shift ;;
	--help|-h) usage; exit 0 ;;
	-*) wrong "unknown option $1" ;;
	*) break ;;
	esac
done
[ $# -eq 2 ] || wrong "wants LOAD and UNITS"
[[ $1 =~ ^(RR|CRR|STREAM|STREAM_1K|STREAM_64|SYN|COOKIE)$ ]] || wrong "there is no load $1"
[[ $2 =~ ^[1-9][0-9]{0,6}$ ]] || wrong "$2: not a number of units"

vm_kernel stock >/dev/null || { echo "profile.sh: no kernel for the virtual machine" >&2; exit 1; }
vm_module stock -s || { echo "profile.sh: the module does not build" >&2; exit 1; }
scripts/check/selftests.sh tools || exit 1
out=$PWD/build/profile
rm -rf "$out"
mkdir -p "$out"
strip -g -o "$out/xtcp.ko" build/stock/xtcp.ko &&
	"${CC:-gcc}" -O2 -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden -o "$out/count.so" \
		scripts/bench/profile/count.c ||
	exit 1
program=bench
[[ $1 =~ ^(SYN|COOKIE)$ ]] && program=bench_syn
scripts/vm/vm.sh --icount --timeout 3600 --share "$out" --plugin "$out/count.so,out=$out/blocks" -- \
	env XTCP_KO="$out/xtcp.ko" build/selftests/tools/$program profile "$1" "$2" "$out/kallsyms" || exit 1
scripts/bench/profile/report.py "$out" "$2" ${calls:+"$out/xtcp.ko"}
