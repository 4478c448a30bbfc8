#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# times.sh 'COMMAND'...: what each takes, as rows of the table in scripts/README.md: time, disk in the tree, and in the cache.
# Each begins in a fresh clone of the last commit, but for the cache; the output goes to standard error. For example
#	scripts/check/times.sh make 'make demo' 'make tour P=loss-tail' 'make check-quick'

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/cache.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

megabytes()
{
	du -sm "$1" 2>/dev/null | cut -f1 || echo 0
}

for command; do
	git clone -q . "$work/tree" || exit 1
	tree=$(megabytes "$work/tree") cache=$(megabytes "$XTCP_CACHE") began=$EPOCHSECONDS
	(cd "$work/tree" && bash -c "$command") </dev/null >&2 || { status=1; command+=" (failed)"; }
	printf '| `%s` | %d s | %d MB; %d MB in the cache |\n' "$command" $((EPOCHSECONDS - began)) \
		$(($(megabytes "$work/tree") - tree)) $(($(megabytes "$XTCP_CACHE") - cache))
	rm -rf "$work/tree"
done
exit $status
