#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Do the demonstrations of the README still show what it says? scripts/check/check-demos.sh FOLDER [vm] prints TAP; vm: only
# the plain one.

set -u
[[ $# -eq 1 || "${*:2}" == vm ]] || { echo "Usage: scripts/check/check-demos.sh FOLDER [vm]" >&2; exit 2; }
cd "$(dirname "$0")/../.."
said=$1/demo only=${2-}
status=0

# run_demo COLUMNS [NAME]: with the congestion control ALGORITHM; no line may be wider
run_demo()
{
	local columns=$1 name="demonstration${2:+ $2}${ALGORITHM:+, $ALGORITHM}, $1 columns" wide

	if COLUMNS=$columns scripts/demo/demo.sh "${@:2}" >"$said" 2>&1; then
		wide=$(LC_ALL=C.UTF-8 grep -vE "^.{0,$columns}\$" "$said")
		if [ -z "$wide" ]; then
			echo "ok - $name"
			return 0
		fi
		echo "# wider: $wide" | head -n 1
	fi
	tail -n 80 "$said" | sed 's/^/# /'
	echo "not ok - $name"
	return 1
}

for file in scripts/demo/demo-*.sh; do
	show=${file#scripts/demo/demo-}
	show=${show%.sh}
	[[ ${only:-$show} == "$show" ]] || continue
	case $show in
	lib) continue ;;
	vm) run_demo 110 || status=1 ;;
	*) run_demo 100 $show || status=1 ;;
	esac
done
[ -z "$only" ] || exit $status
# only dctcp's router marks
ALGORITHM=dctcp run_demo 80 loss || status=1
ALGORITHM=bbr run_demo 140 loss || status=1
sed -e '1,/^```c$/d' README.md | sed '/^```/,$d' >"$1/cong_aimd.c"
ALGORITHM=$1/cong_aimd.c run_demo 100 loss || status=1
exit $status
