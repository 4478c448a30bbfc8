#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Takes from the linux-source package what the checks use, once, into the
# cache, and prints the folder:
#
#   kselftest.h kselftest_harness.h   the tests' harness
#   checkpatch.pl                     with its lists
#   proc.c                            the kernel's names of its counters

set -eu
[ $# -eq 0 ] || { echo "kernel-source.sh takes no arguments" >&2; exit 2; }
cd "$(dirname "$0")"
. ./cache.sh

set -- $(source_package) || :
if [ $# -ne 3 ]; then
	echo "no linux-source package; run scripts/deps.sh check" >&2
	exit 1
fi
dest=$XTCP_CACHE/tools-$2
if [ ! -d "$dest" ]; then
	exec 9>"$XTCP_CACHE/kernel-source.lock"
	flock 9
fi
if [ ! -d "$dest" ]; then
	echo "kernel source: taking checkpatch and kselftest from $3, once" >&2
	work=$(mktemp -d "$XTCP_CACHE/source.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	(
		cd "$work"
		tar -xf "$3" --transform='s|.*/||' "$1/tools/testing/selftests/kselftest.h" \
			"$1/tools/testing/selftests/kselftest_harness.h" \
			"$1/scripts/checkpatch.pl" "$1/scripts/spelling.txt" \
			"$1/scripts/const_structs.checkpatch" "$1/net/ipv4/proc.c"
	)
	chmod 755 "$work"
	mv "$work" "$dest"
fi
echo "$dest"
