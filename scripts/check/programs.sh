#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make programs: real programs from Debian's packages, in one machine on the stock kernel, as
# server and as client, on xtcp and on kernel TCP: scripts/check/programs.sh [--short] [NAME]...
# Contents are compared by hash or octet by octet; of programs that measure (redis-benchmark, pgbench, hey, iperf3)
# answers or octets are counted. The counters of both stacks show that each end opened its connections on the stack
# that it was given, and none on the other. --short, for make check: socat, ncat, redis, musl and busybox. All: each
# over both IP versions, and also nginx with 150 requests in one write, with 2,000 connections at once, and with
# reloads, OpenSSL, Python's ssl, asyncio, socketserver and http.server, ssh with sessions that stay, scp, rsync,
# haproxy, also with reloads, memcached, iperf3, FTP by curl and lftp, SMTP, PostgreSQL, MariaDB, programs in Go,
# static and not, and CPython's own tests.
# --asked: only looks whether there are such NAMEs. The packages are unpacked into the cache; nothing of them is installed or started here.

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

asked=
if [ "${1-}" = --asked ]; then
	asked=1
	shift
fi
names=$* root=$XTCP_CACHE/programs short=
if [ "${1-}" = --short ]; then
	names="pipes redis static" root=$XTCP_CACHE/programs-short short=--short
fi
there=$(ls selftests/programs | sed -n 's/\.py$//p' | grep -vxE 'check|stage|python_ends')
for name in $names; do
	if ! grep -qxF -- "$name" <<<"$there"; then
		echo "programs: there is no P=$name; there are:" $there >&2
		exit 2
	fi
done
[ -z "$asked" ] || exit 0
[ -e "$root" ] || { echo "not ok - programs: no packages in $root; run scripts/kernel/deps.sh programs"; exit 1; }
case $(realpath "$root") in
"$PWD"/*) ;;
/tmp/* | /run/*)
	echo "not ok - programs: the machine has /tmp and /run of its own and cannot see $root; choose another XTCP_CACHE"
	exit 1 ;;
esac
image=$(vm_kernel stock) && vm_module stock -s && scripts/tools/xtcp_run --build ||
	{ echo "not ok - programs: the module does not build"; exit 1; }
scripts/vm/vm.sh --kernel "$image" --memory 3G --timeout 2700 -- \
	env PYTHONDONTWRITEBYTECODE=1 TIMES="${TIMES-}" selftests/programs/check.py $short build/stock/xtcp.ko "$root" $names
