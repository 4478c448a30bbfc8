#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What scripts/vm/vm.sh is asked in vain: wrong arguments, no room, a run that is interrupted before and after the
# machine has booted. (check-lab.sh asks the laboratory the same.) Prints TAP.

set -u
[ $# -eq 0 ] || { echo "check-engine.sh takes no arguments" >&2; exit 2; }
cd "$(dirname "$0")/../.."
. scripts/check/tap.sh
room=$(mktemp -d "${TMPDIR:-/tmp}/check-engine.XXXXXX") || exit
trap 'mountpoint -q "$room/small" && umount "$room/small"; rm -rf "$room"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
of=engine

# refused WORD ARGUMENT...: status 2, a line with the word, nothing on standard output
refused()
{
	local said

	said=$(scripts/vm/vm.sh "${@:2}" 2>&1 >/dev/null)
	verdict "refused: $1" "$([ $? -eq 2 ] && [[ $said == *"$1"* ]] || echo "$said")"
}

no_room()
{
	local said

	[ "$(id -u)" -eq 0 ] || { echo "ok - engine: no room # SKIP not root"; return; }
	mkdir "$room/small"
	mount -t tmpfs -o size=1M small "$room/small"
	said=$(TMPDIR=$room/small timeout 60 scripts/vm/vm.sh true 2>&1; echo $?)
	verdict "no room: it says so, and leaves nothing" "$(grep -q "^vm.sh: no space left" <<<"$said" &&
		[ "${said##*[!0-9]}" = 125 ] && [ -z "$(ls "$room/small")" ] || echo "$said")"
	umount "$room/small"
}

# left_by PID: its processes, and its folders; they may take a moment. A process that has ended does not count: if its
# parent has, too, it stays in the list while check.py runs.
left_by()
{
	local tries left

	for ((tries = 0; tries < 100; tries++)); do
		left=$(ps -eo pgid=,stat=,args= | awk -v group="$1" '$1 == group && $2 !~ /^Z/'; ls "$room/tmp")
		[ -n "$left" ] || return
		sleep 0.1
	done
	echo "$left"
}

# interrupted SIGNAL FILE SECONDS WHEN: when the file of the run is there
interrupted()
{
	local pid tries why=

	rm -rf "$room/tmp" "$room/share"
	mkdir "$room/tmp" "$room/share"
	TMPDIR=$room/tmp env --default-signal setsid scripts/vm/vm.sh --share "$room/share" \
		"echo x >'$room/share/begun'; sleep 1000" >"$room/said" 2>&1 &
	pid=$!
	for ((tries = 0; tries < $3 * 10; tries++)); do
		[ ! -s "$(echo "$room"/$2)" ] || break
		sleep 0.1
	done
	[ -s "$(echo "$room"/$2)" ] || why="it did not come so far: $(cat "$room/said")"
	# as Ctrl-C does: all processes of the group
	kill -s "$1" -- "-$pid"
	wait "$pid"
	[ $? -gt 128 ] || why+=" its status is not a signal's"
	why+=$(left_by "$pid")
	verdict "$1 $4 leaves nothing" "$why"
}

refused "unknown option --nosuch" --nosuch true
refused "not a number from 1 to 99" --cpus 0 true
refused "not a size" --memory lots true
refused "not a number of seconds" --timeout 0 true
refused "not a writable directory" --share "$room/nosuch" true
refused "needs a value" --stall
no_room
interrupted INT "tmp/xtcp-vm.*/ctl/command" 60 "before the machine has booted"
interrupted TERM "tmp/xtcp-vm.*/ctl/command" 60 "before the machine has booted"
interrupted INT share/begun 1200 "while a command runs"
exit "$status"
