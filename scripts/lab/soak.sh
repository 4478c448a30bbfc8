#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Soaks: months and a year in the laboratory's virtual time; see usage().

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

usage()
{
	cat <<-END
	Usage: scripts/lab/soak.sh [--debug|--asked] [NAME [ROW]]

	Runs the programs of selftests/soak, and longlife. With NAME it runs only those whose name has a
	match for NAME. Each has a machine of the laboratory to itself; an idle day there costs half a
	second. Two run at once.

	  --debug  on the laboratory's debug kernel
	  --asked  do nothing: say whether there are such a program, such a row and such a seed
	  ROW      if one program is chosen: runs this row of it alone, and shows its segments; for
	           soak_month, soak_year and soak_paths: how many days, instead of 30, 365 and 365

	LAB_SEED=N in the environment chooses another seed. Exit status: 0 if nothing failed.
	END
}

wrong()
{
	echo "soak.sh: $*" >&2
	exit 2
}

kind=lab asked=
case ${1-} in
--debug) kind=lab-debug; shift ;;
--asked) asked=1; shift ;;
--help|-h) usage; exit 0 ;;
-*) wrong "unknown option $1" ;;
esac
[ $# -le 2 ] || wrong "a name and a row at most"
only=${1-} row=${2-}

# longlife sends more than 4 GiB on one connection
names=$({ ls selftests/soak | sed -n 's/^\(soak_.*\)\.c$/\1/p'; echo longlife; } | grep -E -- "$only" 2>/dev/null)
[ -n "$names" ] || wrong "no program of selftests/soak has a name with a match for '$only'"
[ -z "$row" ] || [ "$(wc -l <<<"$names")" -eq 1 ] || wrong "a row of which program?"
case ${row:+$names} in
"") ;;
soak_month | soak_year | soak_paths) [[ $row =~ ^[1-9][0-9]{0,3}$ ]] || wrong "$names: '$row' is no number of days" ;;
soak_wrap | longlife) wrong "$names has no rows" ;;
*) grep -qF -- "\"$row\"" "selftests/soak/$names.c" || wrong "$names has no row '$row'" ;;
esac
vm_lab_seed soak.sh || exit
[ -z "$asked" ] || exit 0

image=$(vm_kernel "$kind") && vm_module "$kind" -s &&
	scripts/check/selftests.sh soaks ../build/selftests/longlife || exit 1
vm_machine "$kind" "$image"
out=$(mktemp -d build/soak.XXXXXX) || exit 1
pids= ended=
finish()
{
	[ -z "$pids" ] || { kill $pids; wait; } 2>/dev/null
	[ -n "$ended" ] || rm -rf "$out"
}
at_end finish
cp build/selftests/soak/soak_* build/selftests/longlife "$out/" && strip -g -o "$out/xtcp.ko" "build/$kind/xtcp.ko" ||
	{ vm_room "$out"; exit 1; }

# a day costs half a second on a processor that nobody else uses, and many times that on a busy one
timeout=3000
[[ ! $row =~ ^[0-9]{1,6}$ ]] || timeout=$((timeout + 10 * 10#$row))

# soak NAME: becomes its machine. At the end the module has to unload, and the kernel's log must not complain.
soak()
{
	exec "${machine[@]}" --seed "${LAB_SEED:-1}" --memory 1G --timeout $timeout -- "
		insmod '$out/xtcp.ko' || exit 125
		'$out/$1' $row
		status=\$?
		scripts/xtcp unload && echo 'ok - $1: the module goes' || echo 'not ok - $1: the module does not go'
		if dmesg | grep -E 'WARNING|BUG|Oops|KASAN|UBSAN|possible|leak|refcount|soft lockup|Modules linked'; then
			echo 'not ok - $1: the kernel complains'
		fi
		exit \$status"
}

# lane: runs one program after the other, beside the other lane; descriptor 9 has the names
lane()
{
	local name begin

	# its machine hears of a Ctrl-C from here alone, so that we wait for it
	trap '' INT
	exec 8>"$out/lock"
	while flock 8 && read -r name <&9; do
		flock -u 8
		begin=$SECONDS
		soak "$name" >"$out/$name.log" 2>&1 &
		trap "kill $! 2>/dev/null; wait; exit 143" TERM
		wait $! || echo "not ok - $name: exit status $?" >>"$out/$name.log"
		grep -qE '^(ok|not ok) ' "$out/$name.log" || echo "not ok - $name: it said nothing" >>"$out/$name.log"
		echo "# $name, $((SECONDS - begin)) s, $(grep -c '^ok' "$out/$name.log") passed"
		grep -E '^(not ok|# [A-Za-z0-9]|Bail)' "$out/$name.log"
		! grep -q '^not ok' "$out/$name.log" ||
			echo "# again: LAB_SEED=${LAB_SEED:-1} scripts/lab/soak.sh '^$name\$' $row"
	done
}

printf '%s\n' $names >"$out/names"
exec 9<"$out/names"
for ((i = 0; i < $(nproc) && i < 2; i++)); do
	lane &
	pids+=" $!"
done
wait $pids
pids= ended=1
[ -z "$row" ] || cat "$out"/*.log
passed=$(cat "$out"/*.log | grep -c '^ok')
failed=$(cat "$out"/*.log | grep -c '^not ok')
vm_room "$out" || failed=$((failed + 1))
if [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]; then
	rm -rf "$out"
else
	echo "# details in $out"
fi
echo "$passed passed, $failed failed, $SECONDS s"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
