#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the README shows still does what it says: scripts/check-demos.sh FOLDER. Prints TAP.

set -u
[ $# -eq 1 ] || { echo "Usage: scripts/check-demos.sh FOLDER" >&2; exit 2; }
cd "$(dirname "$0")/.."
said=$1/demo
status=0

# run_demo [NAME]: by the congestion control of ALGORITHM
run_demo()
{
	local name="demonstration${1:+ $1}${ALGORITHM:+, $ALGORITHM}"

	if scripts/demo.sh "$@" >"$said" 2>&1; then
		echo "ok - $name"
		return 0
	fi
	tail -n 80 "$said" | sed 's/^/# /'
	echo "not ok - $name"
	return 1
}

for file in scripts/demo-*.sh; do
	show=${file#scripts/demo-}
	show=${show%.sh}
	case $show in
	lib) continue ;;
	vm) run_demo && scripts/check-readme.py "$said" || status=1 ;;
	*) run_demo $show || status=1 ;;
	esac
done
# its router marks, and the others' does not
ALGORITHM=dctcp run_demo loss || status=1
ALGORITHM=bbr run_demo loss || status=1
exit $status
