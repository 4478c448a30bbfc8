#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Does the laboratory (scripts/lab) do what it says? What it is asked in vain, too: no room, a cache half written, a
# machine that hangs. (check-input.sh has wrong arguments, check-interrupt.py interrupts it.)
#
#   scripts/check/check-lab.sh [NAME]     only the cases whose name has a match for NAME

set -u
cd "$(dirname "$0")/../.."
only=${1-}
if [ $# -gt 1 ]; then
	sed -n '7p' "$0" | sed 's/^# */Usage: /' >&2
	exit 2
fi
cases="kernel output writes ends signals first_second seed again"
tr ' ' '\n' <<<"$cases" | grep -qE -- "$only" 2>/dev/null ||
	{ echo "check-lab.sh: no case has a name with a match for '$only'; there are: $cases" >&2; exit 2; }
. scripts/check/tap.sh
of=lab
room=$(mktemp -d "${TMPDIR:-/tmp}/check-lab.XXXXXX")
trap 'rm -rf "$room"' EXIT

# lab ARGUMENT...: what it says in $said, its errors in $errors, its status in $status.
lab()
{
	scripts/lab/run.sh "$@" >"$room/said" 2>"$room/errors"
	status=$?
	said=$(cat "$room/said")
	errors=$(cat "$room/errors")
}

# expect NAME STATUS OUTPUT: of what lab did last.
expect()
{
	local why=

	[ "$status" = "$2" ] || why="status $status, not $2; $errors"
	[ -n "$why" ] || [ "$said" = "$3" ] || why="it said '$said'"
	verdict "$1" "$why"
}

case_output()
{
	lab 'echo out; echo err >&2; echo again >/dev/stdout; exit 7'
	expect "output and status" 7 "$(printf 'out\nerr\nagain')"
	lab -- printf '%s\n' 'a b' '$c' "d'e"
	expect "words stay words" 0 "$(printf '%s\n' 'a b' '$c' "d'e")"
}

case_writes()
{
	local share=$room/share mark=$room/mark

	mkdir "$share"
	touch "$mark"
	lab --share "$share" "echo x >'$mark'; rm '$0' 2>/dev/null; echo y >'$share/left'; ls '$room' | wc -l"
	said=$(cat "$share/left" 2>&1)
	[ ! -s "$mark" ] && [ -e "$0" ] || said="this machine was written to"
	expect "only the shared folder can be written to" 0 y
	lab --share "$share" "mount -o remount,rw /run/vm; mkdir /tmp/h && mount -t hostfs -o / none /tmp/h && echo z >/tmp/h/host$mark"
	[ ! -s "$mark" ] && said=kept
	status=0
	expect "root in the machine cannot write to this one by hostfs" 0 kept
	[ -s "$share/dmesg" ] && [ -s "$share/console.log" ] && status=0 said=
	expect "dmesg and console.log are left in the shared folder" 0 ""
}

case_ends()
{
	lab --timeout 15 'while :; do :; done'
	expect "a machine that runs for ever is ended" 124 ""
	lab --seed 1 --timeout 60 'while :; do :; done & sleep 1; wait'
	expect "in virtual time, too" 124 ""
	lab --stall 5 --timeout 100 'touch /run/vm/alive; sleep 1000'
	expect "a machine that stalls is ended" 124 ""
}

# a TERM before each command of a script that ends, those of its EXIT trap too
case_signals()
{
	local n wrong=

	for n in {1..12}; do
		said=$(bash -c '. scripts/kernel/ending.sh; at_end "echo cleaned"
			trap "[ \$((++n)) -ne $1 ] || kill -TERM \$\$" DEBUG; exit 0' - "$n")
		[ "$said" = cleaned ] || wrong+=" $n: '$said'"
	done
	verdict "a script ends: a signal at each moment of it, and it leaves nothing" "$wrong"
}

# The laboratory's machine is so fast that its first rows run in second 0, where a stamp of seconds must not mean
# "never". A machine whose initramfs loads the module may meet that, too. Kernel TCP's rows wait for second 1.
case_first_second()
{
	local folder=build/check-lab

	rm -rf "$folder"
	WIRE_STACK=xtcp scripts/check/check-vm.sh lab "$folder" '^wire_incarnation$' >"$room/said" 2>&1
	verdict "old timestamps are refused in the first second, too" \
		"$([ $? -eq 0 ] || grep -m1 "not ok" "$room/said" || tail -1 "$room/said")"
}

# What a run depends on: random numbers, time, process numbers, and the order of what runs at once.
fingerprint='head -c 64 /dev/urandom | sha256sum; cat /proc/uptime; date +%s.%N; cat /proc/sys/kernel/random/uuid
	for i in 1 2 3 4; do (for j in 1 2 3 4 5; do echo $i >>/tmp/order; sleep 0.00$i; done) & done; wait
	cat /tmp/order /proc/self/maps | sha256sum; cat /proc/uptime; echo $$'

case_seed()
{
	local first

	lab --seed 7 "$fingerprint"
	first=$said
	lab --seed 7 "$fingerprint"
	[ "$said" = "$first" ] && said=same
	expect "the same seed is the same run" 0 same
	lab --seed 8 "$fingerprint"
	[ "$said" != "$first" ] && said=another
	expect "another seed is another run" 0 another
}

# in_clone FOLDER: this tree, and what is built of it, so that little is built anew
in_clone()
{
	mkdir -p "$1/build"
	git ls-files -z -co --exclude-standard | xargs -0 cp --parents -at "$1"
	cp -a build/selftests build/lab "build/$(readlink build/lab)" "$1/build/" 2>/dev/null
}

# again TEST: the row of the test that fails, and what it says of the run, when the command is followed that
# check-vm.sh printed last for it
again()
{
	local command

	command=$(sed -n "s/^# again: \(.*$1)\\$'\)$/\1/p" "$room/said")
	rm -rf "$room/clone/build/again"
	(cd "$room/clone" && eval "$command") >"$room/again" 2>&1
	grep "$1: this run\|^not ok . $1" "$room/again"
}

# Three tests that fail: after_sleep and after_zero always, after_wait only behind another one.
case_again()
{
	local name

	in_clone "$room/clone"
	for name in sleep wait zero; do
		sed "s/NAME/after_$name/g; s/BAD/$([ $name != wait ] && echo 1 || echo 'access("\/tmp\/slept", F_OK) == 0')/" \
			<<-'END' >"$room/clone/selftests/life/after_$name.c"
			#include <fcntl.h>
			#include <stdio.h>
			#include <sys/random.h>
			#include <time.h>
			#include <unistd.h>
			int main(void)
			{
				int bad = BAD;
				struct timespec now;
				unsigned int random;

				close(open("/tmp/slept", O_CREAT | O_WRONLY, 0600));
				clock_gettime(CLOCK_MONOTONIC, &now);
				if (getrandom(&random, sizeof(random), 0) != sizeof(random))
					return 2;
				printf("TAP version 13\n1..1\n# NAME: this run %lld.%09ld %u\n%s 1 NAME\n", (long long)now.tv_sec, now.tv_nsec,
				       random, bad ? "not ok" : "ok");
				return bad;
			}
		END
	done
	(cd "$room/clone" && LAB_SEED=5 scripts/check/check-vm.sh lab build/first '^after_(sleep|wait|zero)$') >"$room/said" 2>&1
	said=$(again after_zero)
	verdict "a test that fails alone is played alone" \
		"$(grep -q "^not ok 1 after_zero" <<<"$said" && ! grep -q after_wait "$room/again" ||
			echo "$said $(cat "$room/said")")"
	said=$(again after_wait)
	verdict "a test that fails behind others is played behind them, and the run is the same" \
		"$(grep -q '^not ok 1 after_wait' <<<"$said" && grep -qxFf <(grep 'after_wait: this run' "$room/said") <<<"$said" ||
			echo "$said $(cat "$room/said")")"
}

case_kernel()
{
	local said path

	path=$(scripts/lab/kernel.sh --path fast)
	mkdir -p "$room/cache/xtcp/${path##*/}"
	said=$(XTCP_CACHE=$room/cache/xtcp scripts/lab/kernel.sh --path fast)
	verdict "a cache half written is no kernel" "$([ $? -eq 1 ] && [ -z "$said" ] || echo "it said '$said'")"
	mkdir "$room/small"
	mount -t tmpfs -o size=1M small "$room/small"
	said=$(XTCP_CACHE=$room/small/xtcp timeout 60 scripts/lab/kernel.sh fast 2>&1)
	verdict "no room for a kernel: it says so, and leaves nothing" \
		"$([ $? -eq 1 ] && grep -q "no space left" <<<"$said" && [ -z "$(ls -d "$room"/small/xtcp/*/ 2>/dev/null)" ] || echo "it said '$said'")"
	for path in lab/run.sh vm/vm.sh; do
		said=$(TMPDIR=$room/small timeout 60 "scripts/$path" true 2>&1; echo $?)
		verdict "no room for a run of ${path#*/}: it says so, and leaves nothing" \
			"$(grep -q "^${path#*/}: no space left" <<<"$said" && [ "${said##*[!0-9]}" = 125 ] &&
				[ -z "$(ls -d "$room"/small/xtcp-*.* 2>/dev/null)" ] || echo "it said '$said'")"
	done
	umount "$room/small"
	# it does not name a folder that is not there
	path=$(XTCP_CACHE=$room/cache/xtcp bash -x scripts/kernel/debug-kernel.sh --path 2>&1 | sed -n 's/^+ dest=//p')
	mkdir -p "$path"
	said=$(XTCP_CACHE=$room/cache/xtcp scripts/kernel/debug-kernel.sh --path)
	verdict "a cache half written is no debug kernel" \
		"$([ $? -eq 1 ] && [ -z "$said" ] && [[ $path == "$room/cache/xtcp/debug-"* ]] || echo "'$path' '$said'")"
}

for name in $cases; do
	[[ $name =~ $only ]] || continue
	case_$name
done
exit "$tap_status"
