#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the tests reach in module/; see usage().

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

usage()
{
	cat <<-END
	Usage: scripts/coverage/coverage.sh [--all] [--only NAME] [--report] [--asked]

	Builds the module so that it counts, runs tests and the explorer in the laboratory, and says which
	lines and branches they reach: a row for each room of module/, and the functions that no test
	reaches. Writes pages to build/coverage/html if genhtml is there (package lcov).

	  --all        also the tests that the laboratory cannot run: on the stock kernel, with two
	               processors, and on the laboratory's debug kernel, where allocations fail
	  --only NAME  only tests whose name has a match for NAME; no explorer
	  --report     run nothing: print the last result again
	  --asked      do nothing: say whether the other options name anything to run
	  --help       this text

	The counts of each test stay in build/coverage until the next run. Exit status: 0 if the tests pass.
	END
}

wrong()
{
	echo "coverage.sh: $*" >&2
	echo "Try scripts/coverage/coverage.sh --help" >&2
	exit 2
}

all= only= report= asked= machine_pid=
while [ $# -gt 0 ]; do
	case $1 in
	--all) all=1 ;;
	--report) report=1 ;;
	--asked) asked=1 ;;
	--only)
		[ $# -ge 2 ] && [ -n "$2" ] || wrong "--only needs a name"
		only=$2
		shift ;;
	--help|-h) usage; exit 0 ;;
	*) wrong "unknown option $1" ;;
	esac
	shift
done
[ -z "$report" ] || [ -z "$all$only" ] || wrong "--report runs no tests: neither --all nor --only goes with it"
[ -z "$report" ] || [ -d build/coverage ] || wrong "--report: nothing was run yet"
if [ -n "$only" ]; then
	make -s -C selftests list KSELFTEST=none | tr ' ' '\n' | grep -qE -- "$only" 2>/dev/null ||
		wrong "no test has a name with a match for '$only'; all of them: scripts/check/check.py --list"
fi
[ -z "$asked" ] || exit 0

# Tests of lab.list that tell something about the module, and where they run.
counted='^(answers|cgroup|hostqueue|wire_owned)$'
usual='^(congestion|differential|groupprogs|listeners|listing|members|scarcity|see|wakeups)$'
debug='^(faults|loadfaults|portfaults|wire_nomemory)$'

failed=
# run KIND FOLDER [OPTION]... -- NAME [EXCEPT]: by scripts/check/check-vm.sh; the counts go to build/coverage/KIND
run()
{
	local kind=$1 folder=build/coverage/$2 options=()

	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	# tests of kernel TCP reach next to nothing of the module
	WIRE_STACK=xtcp COVERAGE=1 scripts/check/check-vm.sh "${options[@]}" "$kind" "$folder" "$@" &
	machine_pid=$!
	wait "$machine_pid" || failed=1
	machine_pid=
	keep "$kind" "$folder/$kind"
}

# keep KIND FOLDER: keeps what was counted there, and what gcov has to know about that module
keep()
{
	mkdir -p "build/coverage/$1"
	mv "$2"/*.coverage "build/coverage/$1/" 2>/dev/null
	cp "build/coverage-$1/module/all.gcno" "build/coverage-$1/module/sight/trace.gcno" "build/coverage/$1/"
}

explore()
{
	local out=$PWD/build/coverage/explored

	scripts/check/selftests.sh tools || return 1
	mkdir "$out"
	scripts/lab/run.sh --seed 1 --memory 1G --timeout 3600 --share "$out" "
		insmod build/coverage-lab/selftests/modules/xtcp_coverage.ko &&
		XTCP_KO=build/coverage-lab/xtcp.ko build/selftests/explore/explore 1 500
		status=\$?
		scripts/xtcp unload >/dev/null
		cat /sys/kernel/debug/xtcp_coverage >'$out/explore.coverage'
		exit \$status" &
	machine_pid=$!
	wait "$machine_pid" || failed=1
	machine_pid=
	keep lab "$out"
}

# ended: the machine's script and what it has started, by pid
ended()
{
	trap '' INT TERM HUP
	if [ -n "$machine_pid" ]; then
		kill $(pgrep -P "$machine_pid") "$machine_pid" 2>/dev/null
		wait "$machine_pid"
	fi
	exit 143
}

if [ -z "$report" ]; then
	trap ended INT TERM HUP
	rm -rf build/coverage
	# scripts/coverage/mutants.py has to know what each line was
	mkdir -p build/coverage && cp -r module build/coverage/source || { vm_room build/coverage; exit 1; }
	if [ -n "$only" ]; then
		run lab run -- "$only"
	else
		# longlife moves gigabytes, on paths that other tests take, too
		absent=$(awk '!/^#/ && ($2 == "lab" || $2 == "both") { print $1 }' selftests/lab.list | paste -sd '|')
		run lab run -- . "^(longlife|$absent)\$"
		explore
	fi
	if [ -n "$all" ]; then
		run lab-debug debug -- "$debug"
		run stock counted --counted -- "$counted"
		run stock usual -- "$usual"
		[ -n "$only" ] || touch build/coverage/whole
	fi
	vm_room build/coverage || exit 1
	rm -rf build/coverage/{run,debug,counted,usual,explored}
fi
scripts/coverage/coverage.py build/coverage || exit 1
if command -v genhtml >/dev/null; then
	rm -rf build/coverage/html
	genhtml --quiet --branch-coverage --prefix "$PWD/module" --title xtcp -o build/coverage/html \
		build/coverage/module.info || exit 1
	echo "# line by line: build/coverage/html/index.html"
else
	echo "# genhtml (package lcov) would draw build/coverage/module.info line by line"
fi
echo "# compat.h's branches for other kernels are not compiled here, and not counted"
[ -z "$failed" ] || { echo "not ok - coverage: tests failed"; exit 1; }
