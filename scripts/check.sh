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
	Usage: scripts/check.sh [--quick | --kernel SERIES [--short]] [--also SERIES] [--only NAME]

	Checks the style and what the module imports, compiles it for newer kernels,
	runs the unit tests and draws recorded traces here, runs the tests of
	selftests/ in a virtual machine on the stock kernel and a short list of them on
	Linux 6.12, the demonstrations, the pages of the tour, and the tests on the debug
	kernel. The last line says "N passed, N failed", and ", N skipped" if any; the
	exit status is 0 if none failed.

	  --quick          leave out the debug kernel and 6.12
	  --kernel SERIES  build the module for that kernel of scripts/kernels.list, compare what
	                   it imports with what the kernel exports, and run the tests of
	                   selftests/ on it; nothing else
	  --short          of them only those that selftests/short.list lists
	  --also SERIES    the short list on that kernel, not on 6.12
	  --only NAME      only the tests whose name has a match for NAME, as in ^load$

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

# part COMMAND...: show and collect its output; it fails if it says so by its
# status alone, too.
part()
{
	local before after

	before=$(settled | grep -c '^not ok')
	"$@" 2>&1 | tee -a "$log"
	if [ "${PIPESTATUS[0]}" -ne 0 ]; then
		after=$(settled | grep -c '^not ok')
		[ "$before" -ne "$after" ] || echo "not ok - ${*##*/}: failed" | tee -a "$log"
	fi
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
counted='^(accecn|answers|autotune|bbr|blackhole|cgroup|dctcp|expiry|hostqueue|idle|losspatterns|lossy|pacing|run_cost|sendfile|uncut|wire_.*)$'
not_counted='^(wire_group|wire_timer|wire_icmp)$'
# What they judge is time, how often something is sent again, tables of what bind() answers, or xtcp_run: the debug
# kernel says nothing about that, and needs many minutes for it. Others take the same ways through the module. Who asks
# for one by name has it there, too.
stock_only='^(anyprogram|answers|autotune|bbr|cross_ports|longlife|losspatterns|overlap|run_cost)$'
# What programs show of much traffic: they come from this machine's files, for which the clock of the others jumps.
paced='^pace$'
declare -A beside_pid=()

# tests: the names of those that are asked for
tests()
{
	make -s -C selftests list | tr ' ' '\n' | grep -E -- "$only"
}

# counted_tests: the names of those
counted_tests()
{
	tests | grep -E -- "$counted" | grep -vE -- "$not_counted"
}

# for_kernel KIND: of the names that come, those for that kernel
for_kernel()
{
	if [ "$1" != debug ] || [ -n "$only" ]; then cat; else grep -vE -- "$stock_only|$paced"; fi
}

# any_of: of the names that come, as check-vm.sh takes them
any_of()
{
	tr '\n' '|' | sed 's/^/^(/; s/|$/)$/'
}

# elsewhere: which tests another machine than the usual one has
elsewhere()
{
	{ counted_tests; make -s -C selftests list | tr ' ' '\n' | grep -E -- "$paced"; } | any_of
}

# start_beside NAME COMMAND...: a machine beside what follows; go on when its module and programs are copied, for others
# are built in the same place
start_beside()
{
	local name=$1

	: >"$out/beside.$name"
	"${@:2}" >"$out/beside.$name" 2>&1 &
	beside_pid[$name]=$!
	until grep -q '^# [^ ]* kernel, ' "$out/beside.$name" || ! kill -0 "${beside_pid[$name]}" 2>/dev/null; do
		sleep 0.5
	done
}

# end_beside NAME
end_beside()
{
	local status

	[ -n "${beside_pid[$1]-}" ] || return 0
	wait "${beside_pid[$1]}"
	status=$?
	unset "beside_pid[$1]"
	part show_beside "$1" "$status"
}

show_beside()
{
	cat "$out/beside.$1"
	return "$2"
}

# start_counted KIND
start_counted()
{
	local alone

	alone=$(counted_tests | for_kernel "$1" | any_of)
	[ -z "$alone" ] || start_beside "counted.$1" scripts/check-vm.sh --counted "$1" "$out/counted" "$alone"
}

# Which tests have not run on a kernel that should have all.
left_out()
{
	local kind left status=0

	for kind in stock debug; do
		[ "$kind" = stock ] || [ -z "$quick" ] || continue
		left=$(tests | for_kernel "$kind" | grep -vxF -- "$(
			awk -v kind="$kind" '/^# [^ ]+ kernel, / { now = $2 }
				now == kind && /^# [^ :]+: [0-9]+ passed, / { print substr($2, 1, length($2) - 1) }' "$log")")
		[ -z "$left" ] || { echo "not ok - $kind kernel, left out:" $left; status=1; }
	done
	return $status
}

# run_kernel SERIES [short]
run_kernel()
{
	local kind=$1 which=$only status=0 alone

	[ "$1" != "$XTCP_SERIES" ] || kind=stock
	[ -n "$only" ] || scripts/check-module.sh "$1" || return 1
	if [ -n "${2-}" ]; then
		[ -n "$only" ] || which=$(short_list)
		scripts/check-vm.sh "$kind" "$out" "$which" "$paced"
		return
	fi
	alone=$(counted_tests | any_of)
	[ -z "$alone" ] || scripts/check-vm.sh --counted "$kind" "$out/counted" "$alone" || status=1
	alone=$(tests | grep -E -- "$paced" | any_of)
	[ -z "$alone" ] || scripts/check-vm.sh --counted --real-waits "$kind" "$out/paced" "$alone" || status=1
	scripts/check-vm.sh "$kind" "$out" "$only" "$(elsewhere)" || status=1
	return $status
}

short_list()
{
	sed -n '/^[^#]/p' selftests/short.list | any_of
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

# end_tree PID: it and all that it has started
end_tree()
{
	local child

	for child in $(pgrep -P "$1"); do
		end_tree "$child"
	done
	kill "$1" 2>/dev/null
}

# By a signal: what runs beside ends, too, and what it has said by then counts.
ended()
{
	local name

	for name in "${!beside_pid[@]}"; do
		end_tree "${beside_pid[$name]}"
		cat "$out/beside.$name" >>"$log"
	done
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

quick= only= kernel= short= also=
while [ $# -gt 0 ]; do
	case $1 in
	--quick) quick=1 ;;
	--short) short=1 ;;
	--kernel|--also)
		[ $# -ge 2 ] && [ -n "$(kernel_listed "$2")" ] || { echo "$1 needs a kernel of scripts/kernels.list:" \
			$(kernel_listed | awk '{ print $1 }') >&2; exit 2; }
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

mkdir -p build/check
rm -f build/check/verdict
out=$(mktemp -d build/check/run.XXXXXX)
log=$out/log
: >"$log"
trap ended INT TERM HUP

if [ -n "$kernel" ]; then
	part run_kernel "$kernel" "$short"
	close_up
	exit
fi
[ -n "$quick" ] || start_counted debug
start_counted stock
if [ -z "$only" ]; then
	part scripts/check-style.sh
	part scripts/check-module.sh
fi
if ls selftests/unit | sed -n 's/_test\.c$/_test/p' | grep -qE -- "$only"; then
	part run_units
fi
[[ ! ladder =~ $only ]] || part scripts/check-ladder.py
[[ ! watch =~ $only ]] || part scripts/check-watch.py
[[ ! algorithm =~ $only ]] || part scripts/check-algorithm.sh "$out"
[[ ! examples =~ $only ]] || part scripts/check-examples.sh
[[ ! programs =~ $only ]] || part scripts/programs.sh --short
end_beside counted.stock
part scripts/check-vm.sh stock "$out" "$only" "$(elsewhere)"
[[ ! pace =~ $only ]] || part scripts/check-vm.sh --counted --real-waits stock "$out/paced" "$paced"
[ -n "$quick$only" ] || also=${also:-6.12}
[ -z "$also" ] || part run_kernel "$also" short
[ -n "$only" ] || part run_demos
[[ ! tour =~ $only ]] || part scripts/tour.sh --check
end_beside counted.debug
# alone: some of its tests look at real time, and it is slow
[ -n "$quick" ] || part scripts/check-vm.sh debug "$out" "${only:-$(tests | for_kernel debug | any_of)}" "$(elsewhere)"
[ -n "$only" ] || part left_out
close_up
