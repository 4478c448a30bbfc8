#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Takes from the linux-source package what the checks use, once, into the
# cache, and prints the folder:
#
#   kselftest.h kselftest_harness.h   the tests' harness
#   lib.mk kselftest/ run_kselftest.sh   what runs and installs tests
#   checkpatch.pl                     with its lists
#   proc.c                            the kernel's names of its counters

set -eu
[ $# -eq 0 ] || { echo "kernel-source.sh takes no arguments" >&2; exit 2; }
cd "$(dirname "$0")"
. ./cache.sh

set -- $(source_package) || :
if [ $# -ne 3 ]; then
	echo "no linux-source package; run scripts/kernel/deps.sh check" >&2
	exit 1
fi
files=(tools/testing/selftests/{kselftest.h,kselftest_harness.h,lib.mk,run_kselftest.sh}
	tools/testing/selftests/kselftest/{runner.sh,prefix.pl}
	scripts/{checkpatch.pl,spelling.txt,const_structs.checkpatch} net/ipv4/proc.c)
kept=$(cksum <<<"${files[*]}")
dest=$XTCP_CACHE/tools-$2-${kept%% *}
# is_whole: are all files there?
is_whole()
{
	local file

	for file in kselftest.h kselftest_harness.h lib.mk run_kselftest.sh kselftest/{runner.sh,prefix.pl} checkpatch.pl \
		spelling.txt const_structs.checkpatch proc.c; do
		[ -s "$dest/$file" ] || return 1
	done
}

if ! is_whole; then
	exec 9>"$XTCP_CACHE/kernel-source.lock"
	flock 9
fi
if ! is_whole; then
	# of one that was killed: who has the lock is the only one
	rm -rf "$XTCP_CACHE"/source.??????
	echo "kernel source: taking checkpatch and kselftest from $3, once" >&2
	work=$(mktemp -d "$XTCP_CACHE/source.XXXXXX")
	at_end 'rm -rf "$work"'
	(
		cd "$work"
		tar -xf "$3" --transform='s|.*/selftests/||;s|.*/scripts/||;s|.*/ipv4/||' "${files[@]/#/$1/}"
	)
	chmod 755 "$work"
	rm -rf "$dest"
	mv "$work" "$dest"
fi
echo "$dest"
