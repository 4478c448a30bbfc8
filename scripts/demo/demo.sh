#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make demo: builds what the demonstration needs, then runs it in a throw-away
# virtual machine: scripts/demo/demo-vm.sh, or with D=NAME scripts/demo/demo-NAME.sh. The
# whole output is also in build/demo.log, files that they make in build/demo.
# --asked before NAME: only looks whether there is such a demonstration, and the
# congestion control of ALGORITHM, a name or a file cong_NAME.c. Pictures are as wide as the terminal, or COLUMNS:
# from 80 columns to 140.

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
. scripts/kernel/asked.sh

asked=
if [ "${1-}" = --asked ]; then
	asked=1
	shift
fi
show=scripts/demo/demo-vm.sh
if [ -n "${1-}" ]; then
	show=scripts/demo/demo-$1.sh
	[ -z "$asked" ] || [[ ! $1 =~ ^(backlog|keepalive|teardown)$ ]] || exit 0
	case $1 in
	backlog|keepalive) exec scripts/tour/tour.sh "$1" ;;
	teardown) exec scripts/tour/tour.sh close ;;
	esac
	if [ "$1" = lib ] || [[ ! $1 =~ ^[a-z]+$ ]] || [ ! -x "$show" ]; then
		there=$(ls scripts/demo | sed -n 's/^demo-\(.*\)\.sh$/\1/p' | grep -vxE 'lib|vm')
		echo "demo: there is no D=$1$(similar "$1" $there); there are:" $there "and, without D=, the plain one" >&2
		exit 2
	fi
fi
if [ -n "${ALGORITHM-}" ]; then
	! why=$(no_algorithm CC "$ALGORITHM") || { echo "demo: $why" >&2; exit 2; }
fi
# router NAME PATTERN EXAMPLE: the value that make has got for it
router()
{
	local name=ROUTER_$1

	[ -n "${!name-}" ] || return 0
	[ "$show" = scripts/demo/demo-loss.sh ] || { echo "demo: $1= is for D=loss" >&2; exit 2; }
	[[ ${!name} =~ ^$2$ ]] || { echo "demo: $1=${!name} is not like $1=$3" >&2; exit 2; }
}

router RATE '[1-9][0-9]{0,3}(k|m|g)bit' 20mbit
router DELAY '[0-9]{1,4}ms' 50ms
router LOSS '[0-9]{1,2}([.][0-9]{1,3})?%' 1%
router QUEUE '[1-9][0-9]{0,5}' 100
[ -z "$asked" ] || exit 0

color=
[ -t 1 ] && color=1
columns=${COLUMNS-}
[ -n "$columns" ] || ! [ -t 1 ] || columns=$(stty size <&1 2>/dev/null | cut -d' ' -f2)
[[ $columns =~ ^[1-9][0-9]{0,3}$ ]] || columns=110
columns=$((columns < 80 ? 80 : columns > 140 ? 140 : columns))
mkdir -p build/demo
trap 'exit 130' INT	# it was no failure
asked_at=$EPOCHSECONDS
rm -f build/demo/loaded

echo "building xtcp.ko ..."
image=$(vm_kernel stock) ||
	{ echo "demo: no kernel for the virtual machine; run scripts/kernel/deps.sh demo" >&2; exit 1; }
vm_module stock -s || { echo "demo: the module does not build" >&2; exit 1; }
algorithm_ko=
if [[ ${ALGORITHM-} == *.c ]]; then
	vm_module stock -s ALGORITHM="$ALGORITHM" || { echo "demo: $ALGORITHM does not build" >&2; exit 1; }
	algorithm_ko=${ALGORITHM##*/} algorithm_ko=build/stock/xtcp_${algorithm_ko%.c}.ko
	ALGORITHM=$(algorithm_in "$ALGORITHM")
fi
scripts/tools/xtcp_run --build || exit 1

built_at=$EPOCHSECONDS
echo "starting a virtual machine ($(kernel_release "$image")) ..."
scripts/vm/vm.sh --kernel "$image" --no-stalls --timeout 600 --share "$PWD/build/demo" -- \
	env COLOR="$color" COLUMNS="$columns" ALGORITHM="${ALGORITHM-}" ALGORITHM_KO="$algorithm_ko" ROUTER_RATE="${ROUTER_RATE-}" ROUTER_DELAY="${ROUTER_DELAY-}" \
	ROUTER_LOSS="${ROUTER_LOSS-}" ROUTER_QUEUE="${ROUTER_QUEUE-}" OUT="$PWD/build/demo" "$show" build/stock/xtcp.ko | tee build/demo.log
status=${PIPESTATUS[0]}
if [ "$status" -eq 0 ]; then
	loaded_at=$(stat -c %Y build/demo/loaded)
	began=${BEGAN:-$asked_at}
	echo "That took $((EPOCHSECONDS - began)) s: packages $((asked_at - began)), build $((built_at - asked_at))," \
		"machine and module $((loaded_at - built_at)), demonstration $((EPOCHSECONDS - loaded_at))."
	echo "Next: make vm (a shell in a VM), make check (all tests)."
else
	echo "demo: failed (status $status); all output is in build/demo.log" >&2
fi
exit "$status"
