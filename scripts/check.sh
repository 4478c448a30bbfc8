#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All checks; see usage(). Every part prints TAP, and all of it is counted for
# the closing line.

set -u
cd "$(dirname "$0")/.."
. scripts/vm-module.sh

usage()
{
	cat <<-END
	Usage: scripts/check.sh [--quick | --all | --kernel SERIES [--short]] [--also SERIES] [--only NAME] [--asked] | --list

	Checks the style and what the module imports, compiles it for newer kernels,
	runs the unit tests and draws recorded traces here, runs the tests of
	selftests/ in virtual machines on the stock kernel, those of short.list on
	Linux 6.12 and those of debug.list on the debug kernel, the demonstrations, and
	the pages of the tour. The last line says "N passed, N failed", and ", N skipped"
	if any; the exit status is 0 if none failed.

	  --quick          leave out the debug kernel and 6.12
	  --all            nearly all tests on the debug kernel, too, and on the stock kernel those
	                   that take minutes
	  --kernel SERIES  build the module for that kernel of scripts/kernels.list, compare what
	                   it imports with what the kernel exports, and run the tests of
	                   selftests/ on it; nothing else. lab, lab-debug: in the laboratory
	                   (scripts/lab), LAB_SEED=N in the environment is its seed; debug: on the
	                   debug kernel
	  --short          of them only those that selftests/short.list lists
	  --also SERIES    the short list on that kernel, not on 6.12
	  --only NAME      only the tests whose name has a match for NAME, as in ^load$; on the debug
	                   kernel, too, if that is built, or with --all
	  --list           only name the tests
	  --asked          test nothing: say whether there is what the other options ask for

	SEED=N in the environment repeats tests that use random numbers; NO_SKIP=1
	or CI=true turns skipped tests into failures.
	END
}

# settled: what was said by now, but for rows of a test that was void, which was played again
settled()
{
	awk '{ line[NR] = $0 }
	     /^# [^ :]+: void, / { for (i = NR - 1; i > 0 && line[i] "" != substr($0, 1, index($0, ":") - 1); i--)
					line[i] = "# " line[i] }
	     END { for (i = 1; i <= NR; i++) print line[i] }' "$log"
}

# took SECONDS [beside] COMMAND...: how long a part ran, for the table at the end
took()
{
	printf '%5d s  %s\n' "$1" "${*:2}" >>"$out/times"
}

# part COMMAND...: show and collect its output; it fails if it says so by its
# status alone, too.
part()
{
	local before after begin=$SECONDS

	before=$(settled | grep -c '^not ok')
	"$@" 2>&1 | tee -a "$log"
	if [ "${PIPESTATUS[0]}" -ne 0 ]; then
		after=$(settled | grep -c '^not ok')
		[ "$before" -ne "$after" ] || echo "not ok - ${*##*/}: failed" | tee -a "$log"
	fi
	took $((SECONDS - begin)) "$@"
}

run_units()
{
	local unit name status=0

	scripts/selftests.sh units || { echo "not ok - unit tests: cannot be built"; return 1; }
	for unit in build/selftests/unit/*_test; do
		name=${unit##*/}
		[ -e "selftests/unit/$name.c" ] || continue
		[[ $name =~ $only ]] || continue
		echo "# unit/$name"
		"$unit" || { status=1; echo "# unit/$name: exit status $?"; }
	done
	return $status
}

# Tests that are a matter of time, or that wait for minutes to pass. They have machines of their own, whose clocks count
# instructions, so that they may run beside all else. One processor is all that such a machine has: what needs two is not
# here, nor what has the machine stopped, nor a storm that has to be over before a timer runs, on the debug kernel too.
counted='^(accecn|answers|autotune|bbr|blackhole|cgroup|dctcp|expiry|hostqueue|idle|leases|losspatterns|lossy|pacing|run_cost|sendfile|uncut|wire_.*)$'
not_counted='^(wire_group|wire_timer|wire_icmp)$'
# What they judge is time, how often something is sent again, tables of what bind() answers, or xtcp_run: the debug
# kernel says nothing about that, and needs many minutes for it. Others take the same ways through the module. Who asks
# for one by name has it there, too.
stock_only='^(anyprogram|answers|autotune|bbr|cross_ports|longlife|losspatterns|overlap|run_cost|sandbox)$'
# Gigabytes, for minutes.
long='^longlife$'
# What programs show of much traffic: they come from this machine's files, for which the clock of the others jumps. It
# is of the stock kernel's.
paced='^pace$'

# listed FILE: the tests that it names
listed()
{
	sed -n '/^[^#]/p' "$1"
}

# tests: the names of those that are asked for
tests()
{
	make -s -C selftests list KSELFTEST=none | tr ' ' '\n' | grep -E -- "$only"
}

# parts: the names of all else that can be asked for
parts()
{
	ls selftests/unit | sed -n 's/_test\.c$/_test/p'
	printf '%s\n' ladder watch algorithm examples kselftest programs tour
}

# names: of all that --only chooses from
names()
{
	tests
	[ -n "$kernel" ] || parts
}

# is_there: has any test, of those that --kernel has, the name that is asked for? Else it says what there is.
is_there()
{
	local names near status

	names=$(only='' names)
	grep -qE -- "$only" <<<"$names" 2>/dev/null
	status=$?
	[ $status -ne 0 ] || return 0
	if [ $status -gt 1 ]; then
		echo "check: T=$only is no regular expression of grep -E" >&2
		return 1
	fi
	near=$(python3 -c 'import difflib, sys
print(*difflib.get_close_matches(sys.argv[1].strip("^$"), sys.argv[2].split()))' "$only" "$names" 2>/dev/null)
	echo "check: none of the $(wc -l <<<"$names") tests has a name with a match for T=$only${near:+; similar names: $near};" \
		"all of them: scripts/check.sh ${kernel:+--kernel $kernel }--list" >&2
	return 1
}

# tests_of KIND [short]: those of them that this kernel has
tests_of()
{
	if [ -n "$only" ]; then
		tests
	elif [ -n "${2-}" ]; then
		tests | grep -xF -- "$(listed selftests/short.list)"
	elif [ "$1" = debug ] && [ -z "$all" ]; then
		tests | grep -xF -- "$(listed selftests/debug.list)"
	elif [ "$1" = debug ]; then
		tests | grep -vE -- "$stock_only|$paced"
	elif [ "$1" = stock ] && [ -z "$all" ]; then
		tests | grep -vE -- "$long"
	else
		tests
	fi
}

# counted_ones: those of the names that come
counted_ones()
{
	grep -E -- "$counted" | grep -vE -- "$not_counted"
}

# any_of: of the names that come, as check-vm.sh takes them
any_of()
{
	tr '\n' '|' | sed 's/^/^(/; s/|$/)$/'
}

# run_some KIND FOLDER [OPTION]...: the tests whose names come, if any does
run_some()
{
	local names

	names=$(cat)
	[ -z "$names" ] || scripts/check-vm.sh "${@:3}" "$1" "$2" "$(any_of <<<"$names")"
}

# run_counted KIND [short]
run_counted()
{
	tests_of "$@" | counted_ones | run_some "$1" "$out/counted" --counted
}

# run_paced KIND
run_paced()
{
	tests_of "$1" | grep -E -- "$paced" | run_some "$1" "$out/paced" --counted --real-waits
}

# run_usual KIND [short]: the others
run_usual()
{
	local names

	names=$(tests_of "$@" | grep -vE -- "$paced")
	grep -vxF -- "$(counted_ones <<<"$names")" <<<"$names" | run_some "$1" "$out"
}

# beside: what is slow and does not care what else goes on here; the other half of the check runs meanwhile. From the
# second machine on nothing is built in the same place.
beside()
{
	local status=0

	step run_counted stock
	: >"$out/first"
	until [ -e "$out/built" ]; do
		kill -0 $$ 2>/dev/null || return 1
		sleep 0.5
	done
	[ -n "$quick" ] || step run_counted debug
	step run_paced stock
	[ -n "$only" ] || step run_demos
	[[ ! tour =~ $only ]] || step scripts/tour.sh --check
	return $status
}

# step COMMAND...: of beside; it fails if it says so by its status alone, too
step()
{
	local before begin=$SECONDS failed=

	before=$(grep -c '^not ok' "$out/beside")
	"$@" || failed=1
	took $((SECONDS - begin)) beside: "$@"
	[ -n "$failed" ] || return
	[ "$(grep -c '^not ok' "$out/beside")" -ne "$before" ] || echo "not ok - ${*##*/}: failed"
	status=1
}

# start_beside: go on when the module and programs of its first machine are copied, for others are built in the same place
start_beside()
{
	: >"$out/beside"
	echo "# beside all this: $out/beside"
	beside >>"$out/beside" 2>&1 &
	beside_pid=$!
	until [ -e "$out/first" ] || grep -q '^# [^ ]* kernel, ' "$out/beside" || ! kill -0 "$beside_pid" 2>/dev/null; do
		sleep 0.5
	done
}

end_beside()
{
	local status

	wait "$beside_pid"
	status=$?
	beside_pid=
	part show_beside "$status"
}

show_beside()
{
	cat "$out/beside"
	return "$1"
}

# Which tests have not run on a kernel that should have them, and which are none.
left_out()
{
	local kind left status=0

	for kind in short debug; do
		left=$(listed "selftests/$kind.list" | grep -vxF -- "$(tests)")
		[ -z "$left" ] || { echo "not ok - selftests/$kind.list, no such test:" $left; status=1; }
		[ -n "$(listed "selftests/$kind.list")" ] || { echo "not ok - selftests/$kind.list: empty"; status=1; }
	done
	for kind in stock $([ -n "$quick" ] || echo debug) $also; do
		left=$(tests_of "$kind" $([ "$kind" != "$also" ] || echo short) | grep -vxF -- "$(
			awk -v kind="$kind" '/^# [^ ]+ kernel, / { now = $2 }
				now == kind && /^# [^ :]+: [0-9]+ passed, / { print substr($2, 1, length($2) - 1) }' "$log")")
		[ -z "$left" ] || { echo "not ok - $kind kernel, left out:" $left; status=1; }
	done
	return $status
}

# run_kernel SERIES [short]
run_kernel()
{
	local kind=$1 status=0

	[ "$1" != "$XTCP_SERIES" ] || kind=stock
	[ -n "$only" ] || scripts/check-module.sh "$1" || return 1
	run_counted "$kind" "${2-}" || status=1
	[ -n "${2-}" ] || run_paced "$kind" || status=1
	run_usual "$kind" "${2-}" || status=1
	return $status
}

# run_debug: on that kernel alone
run_debug()
{
	local status=0

	run_counted debug || status=1
	run_usual debug || status=1
	return $status
}

# run_lab KIND: all of them in the laboratory, on a machine for each processor
run_lab()
{
	local names half pid status=0

	names=$(tests_of "$1")
	[ -n "$only" ] || names=$(grep -vxF -- "$(listed selftests/lab.list | awk '!/^#/ { print $1 }')" <<<"$names")
	mkdir "$out/lab"
	vm_module "$1" -s WRAPPER=1 || return 1
	half=$(($(wc -l <<<"$names") / 2))
	: >"$out/lab/said"
	head -n "$half" <<<"$names" | run_some "$1" "$out/lab" >"$out/lab/said" 2>&1 &
	pid=$!
	until grep -q '^# [^ ]* kernel, ' "$out/lab/said" || ! kill -0 "$pid" 2>/dev/null; do
		sleep 0.5
	done
	tail -n +$((half + 1)) <<<"$names" | run_some "$1" "$out" || status=1
	wait "$pid" || status=1
	cat "$out/lab/said"
	return $status
}

# What the README shows still does what it says.
run_demos()
{
	local file show status=0

	for file in scripts/demo-*.sh; do
		show=${file#scripts/demo-}
		show=${show%.sh}
		case $show in
		lib) continue ;;
		vm) run_demo && scripts/check-readme.py "$out/demo" || status=1 ;;
		*) run_demo $show || status=1 ;;
		esac
	done
	# its router marks, and the others' does not
	ALGORITHM=dctcp run_demo loss || status=1
	ALGORITHM=bbr run_demo loss || status=1
	return $status
}

# run_demo [NAME]: by the congestion control of ALGORITHM
run_demo()
{
	local name="demonstration${1:+ $1}${ALGORITHM:+, $ALGORITHM}"

	if scripts/demo.sh "$@" >"$out/demo" 2>&1; then
		echo "ok - $name"
		return 0
	fi
	tail -n 80 "$out/demo" | sed 's/^/# /'
	echo "not ok - $name"
	return 1
}

# end_tree PID: it, so that it does not go on with what comes next, and all that it has started
end_tree()
{
	local child children

	children=$(pgrep -P "$1")
	kill "$1" 2>/dev/null
	for child in $children; do
		end_tree "$child"
	done
}

# By a signal: what runs beside ends, too, and what it has said by then counts.
ended()
{
	if [ -n "$beside_pid" ]; then
		end_tree "$beside_pid"
		cat "$out/beside" >>"$log"
	fi
	echo "not ok - ended by a signal" | tee -a "$log"
	close_up
	exit 143
}

# close_up: the closing line, from all that was printed.
close_up()
{
	local passed failed skipped excused line

	settled >"$out/settled"
	mv "$out/settled" "$log"
	skipped=$(grep -ciE '^ok .*# *skip' "$log")
	# what a kernel does not have cannot be tested on it
	excused=$(grep -ciE '^ok .*# *skip the kernel cannot' "$log")
	failed=$(grep -cE '^not ok( |$)' "$log")
	passed=$(($(grep -cE '^ok( |$)' "$log") - skipped))
	if [ "$skipped" -gt "$excused" ] && { [ "${NO_SKIP:-0}" = 1 ] || [ "${CI-}" = true ]; }; then
		echo "# skipped tests count as failures here"
		failed=$((failed + skipped - excused))
		skipped=$excused
	fi
	echo "# where the time went, $SECONDS s in all; what ran beside the rest is marked:"
	sed "s/^/# /; s| $out||" "$out/times"
	if [ "$passed" -eq 0 ] && [ "$failed" -eq 0 ]; then
		echo "not ok - nothing was tested"
		failed=1
	fi
	if [ "$failed" -gt 0 ]; then
		# each with what was said right before it
		awk '/^not ok/ { for (i = n > 3 ? n - 2 : 1; i <= n; i++) print said[i]; print "# " $0 }
		     /^# / { said[++n] = $0; next } { n = 0 }' "$log" | head -n 60
		echo "# details in $out"
	else
		rm -rf "$out"
	fi
	line="$passed passed, $failed failed"
	[ "$skipped" -eq 0 ] || line+=", $skipped skipped"
	echo "$line" | tee build/check/verdict
	[ "$failed" -eq 0 ]
}

asked= quick= all= only= kernel= short= also= beside_pid=
while [ $# -gt 0 ]; do
	case $1 in
	--quick) quick=1 ;;
	--all) all=1 ;;
	--short) short=1 ;;
	--asked) asked=1 ;;
	--list) only='' names | sort; exit ;;
	--kernel|--also)
		[ $# -ge 2 ] && { [[ $1:$2 =~ ^--kernel:(debug|lab|lab-debug)$ ]] || [ -n "$(kernel_listed "$2")" ]; } ||
			{ echo "$1 needs a kernel of scripts/kernels.list:" $(kernel_listed | awk '{ print $1 }')$(
				[ "$1" = --also ] || echo "; or debug, lab, lab-debug") >&2; exit 2; }
		declare "${1#--}=$2"
		shift ;;
	--only)
		[ $# -ge 2 ] && [ -n "$2" ] || { echo "--only needs a name" >&2; exit 2; }
		only=$2
		shift ;;
	--help|-h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

[ "$also" != "$XTCP_SERIES" ] || { echo "--also $also: that is the stock kernel" >&2; exit 2; }
[ -z "$only" ] || is_there || exit 2
# Who asks for one test does not wait minutes for a kernel.
if [ -n "$only" ] && [ -z "$quick$all$kernel" ] && ! scripts/debug-kernel.sh --path >/dev/null 2>&1; then
	echo "# not on the debug kernel, which is not built: make debug-kernel builds it, ALL=1 does so here"
	quick=1
fi
[ -z "$asked" ] || exit 0
mkdir -p build/check
rm -f build/check/verdict
out=$(mktemp -d build/check/run.XXXXXX)
log=$out/log
: >"$log"
: >"$out/times"
trap ended INT TERM HUP

if [ -n "$kernel" ]; then
	all=1
	case $kernel in
	lab*) part run_lab "$kernel" ;;
	debug) part run_debug ;;
	*) part run_kernel "$kernel" "$short" ;;
	esac
	close_up
	exit
fi
# its build, once, would keep others from the processors
[ -n "$quick" ] || vm_kernel debug >/dev/null || echo "not ok - debug: no kernel" | tee -a "$log"
start_beside
if [ -z "$only" ]; then
	part scripts/check-style.sh
	part scripts/check-module.sh
fi
: >"$out/built"
if ls selftests/unit | sed -n 's/_test\.c$/_test/p' | grep -qE -- "$only"; then
	part run_units
fi
[[ ! ladder =~ $only ]] || part scripts/check-ladder.py
[[ ! watch =~ $only ]] || part scripts/check-watch.py
[[ ! algorithm =~ $only ]] || part scripts/check-algorithm.sh "$out"
[[ ! examples =~ $only ]] || part scripts/check-examples.sh
[[ ! kselftest =~ $only ]] || part scripts/check-kselftest.sh
[[ ! programs =~ $only ]] || part scripts/programs.sh --short
part run_usual stock
[ -n "$quick$only" ] || also=${also:-6.12}
[ -z "$also" ] || part run_kernel "$also" short
end_beside
# alone: some of its tests look at real time, and it is slow
[ -n "$quick" ] || part run_usual debug
[ -n "$only" ] || part left_out
close_up
