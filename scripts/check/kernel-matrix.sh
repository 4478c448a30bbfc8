#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs the tests on each kernel of scripts/kernel/kernels.list and prints a table. What
# scripts/check/check.py takes with --kernel is passed on: --short, --only NAME. The exit
# status is 0 if nothing failed on any.

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

# verdict_of LOG PATTERN: "yes" or "no" by the TAP line that matches; "-" without one.
verdict_of()
{
	case $(grep -E "$2" "$1" | tail -n 1) in
	"ok "*) echo yes ;;
	"not ok"*) echo no ;;
	*) echo - ;;
	esac
}

# count_of FILE WORD: the number before it.
count_of()
{
	grep -oE "[0-9]+ $2" "$1" | tail -n 1 | grep -oE '^[0-9]+' || echo 0
}

scripts/check/check.py --asked --kernel "$XTCP_SERIES" "$@" >/dev/null || exit
mkdir -p build/check && out=$(mktemp -d build/check/matrix.XXXXXX) || exit 1
finish()
{
	# tee ignores signals until it has shown what check.py says last; before check.py has begun it ends at once
	kill $(jobs -p) 2>/dev/null
	wait
	rm -rf "$out"
}
at_end finish
mkfifo "$out/said" || exit 1
status=0
printf '%-8s %-28s %-9s %-9s %7s %7s %8s %8s\n' series release compiles exported passed failed skipped seconds >"$out/table"
for series in $(kernel_listed | awk '{ print $1 }'); do
	echo "# Linux $series"
	started=$SECONDS
	# beside us, so that a signal is heard at once
	(trap '' INT TERM HUP; exec tee "$out/log") <"$out/said" &
	shown=$!
	scripts/check/check.py --kernel "$series" "$@" >"$out/said" 2>&1 &
	wait $! || status=1
	wait "$shown" || { status=1; echo "not ok - matrix: not all of it was written to $out/log"; }
	tail -n 1 "$out/log" >"$out/last"
	printf '%-8s %-28s %-9s %-9s %7s %7s %8s %8s\n' "$series" \
		"$(sed -n 's/^# [a-z0-9.]* kernel, //p' "$out/log" | head -n 1)" \
		"$(verdict_of "$out/log" '^(not )?ok - compiles')" "$(verdict_of "$out/log" '^(not )?ok - .* exports all')" \
		"$(count_of "$out/last" passed)" "$(count_of "$out/last" failed)" "$(count_of "$out/last" skipped)" \
		$((SECONDS - started)) >>"$out/table"
done
cat "$out/table"
exit $status
