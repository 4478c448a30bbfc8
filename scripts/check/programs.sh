#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make programs: real programs from Debian's packages, in one machine on the stock kernel, as
# server and as client, on xtcp and on kernel TCP: scripts/check/programs.sh [--short] [--kernel SERIES] [NAME]...
# Contents are compared by hash or octet by octet; of programs that measure (redis-benchmark, pgbench, hey, iperf3)
# answers or octets are counted. The counters of both stacks show that each end opened its connections on the stack
# that it was given, and none on the other. --short, for make check: socat, ncat, redis, musl and busybox, or NAMEs,
# each pair of stacks once. --kernel, of scripts/kernel/kernels.list: bgp, by a newer BIRD, which has TCP-AO. --kernel
# lab: the reloads in the laboratory, whose virtual time carries 1,000 connections a second. All: each
# over both IP versions, and also nginx with 150 requests in one write, with 2,000 connections at once, and with
# reloads, xtcp that is upgraded under servers, OpenSSL, Python's ssl, asyncio, socketserver and http.server, ssh with
# sessions that stay, scp, rsync,
# haproxy, also with reloads, memcached, iperf3, FTP by curl and lftp, SMTP, PostgreSQL, MariaDB, programs in Go,
# static and not, BIRD, and CPython's own tests.
# --asked: only looks whether there are such NAMEs. The packages are unpacked into the cache; nothing of them is installed or started here.

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

asked= short= kernel=stock root=$XTCP_CACHE/programs
while [ $# -gt 0 ]; do
	case $1 in
	--asked) asked=1 ;;
	--short) short=--short root=$XTCP_CACHE/programs-short ;;
	--kernel) kernel=${2:-nothing}; shift ;;
	*) break ;;
	esac
	shift
done
names=$*
[ -z "$short" ] || names=${names:-pipes redis static}
there=$(ls selftests/programs | sed -n 's/\.py$//p' | grep -vxE 'check|stage|python_ends|tap|clients')
for name in $names; do
	if ! grep -qxF -- "$name" <<<"$there"; then
		echo "programs: there is no P=$name; there are:" $there >&2
		exit 2
	fi
done
[[ $kernel == @(stock|lab) ]] || [ -n "$(kernel_listed "$kernel")" ] ||
	{ echo "programs: there is no K=$kernel; there are: lab" $(kernel_listed | awk '{ print $1 }') >&2; exit 2; }
[ "$kernel" != lab ] || vm_lab_seed programs || exit
[ -z "$asked" ] || exit 0
if [ "$kernel" = lab ]; then
	names=${*:-reload proxy_reload upgrade}
elif [ "$kernel" != stock ]; then
	names=${*:-bgp}
	root=$(scripts/kernel/newer-programs.sh) || { echo "not ok - programs: there is no newer BIRD"; exit 1; }
fi
[ -e "$root" ] || { echo "not ok - programs: no packages in $root; run scripts/kernel/deps.sh programs"; exit 1; }
case $(realpath "$root") in
"$PWD"/*) ;;
/tmp/* | /run/*)
	echo "not ok - programs: the machine has /tmp and /run of its own and cannot see $root; choose another XTCP_CACHE"
	exit 1 ;;
esac
image=$(vm_kernel "$kernel") && vm_module "$kernel" -s && vm_module "$kernel" NAME=xtcp_b FAMILY=27 -s &&
	scripts/tools/xtcp_run --build ||
	{ echo "not ok - programs: the module does not build"; exit 1; }
vm_machine "$kernel" "$image"
[ "$kernel" != lab ] || machine+=(--seed "${LAB_SEED:-1}")
"${machine[@]}" --memory 3G --timeout 2700 -- env PYTHONDONTWRITEBYTECODE=1 TIMES="${TIMES-}" \
	XTCP_KO="build/$kernel/xtcp.ko" XTCP_B_KO="build/xtcp_b-$kernel/xtcp_b.ko" \
	selftests/programs/check.py $short "build/$kernel/xtcp.ko" "$root" $names
