#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What scripts/vm/vm.sh is asked in vain: no room, a run that is interrupted before and after the machine has booted.
# (check-lab.sh asks the laboratory the same, check-input.sh has wrong arguments, check-interrupt.py interrupts what takes
# long.) A script that gets a signal while it ends. Scripts whose results have no room: with all those, too, that take
# long. Prints TAP.
#
#   scripts/check/check-engine.sh [all]

set -u
[ "$#:${1-}" = 0: ] || [ "$#:${1-}" = 1:all ] || { echo "Usage: scripts/check/check-engine.sh [all]" >&2; exit 2; }
all=${1-}
cd "$(dirname "$0")/../.."
. scripts/kernel/ending.sh
. scripts/check/tap.sh
room=$(mktemp -d "${TMPDIR:-/tmp}/check-engine.XXXXXX") || exit
group=
# our jobs with all that they have started; a session of its own may have lost its parent
finish()
{
	local pids tries

	for ((tries = 0; tries < 100; tries++)); do
		pids=$(ps -ww -eo pid=,ppid=,pgid=,stat= | awk -v top=$$ -v group="${group:-none}" '
			$4 !~ /^Z/ { parent[$1] = $2; of[$1] = $3 }
			function is_ours(pid) { return pid in parent && (parent[pid] == top || is_ours(parent[pid])) }
			END { for (pid in parent) if (is_ours(pid) || of[pid] == group) print pid }')
		kill $([ $tries -lt 90 ] || echo -KILL) $pids 2>/dev/null || break
		sleep 0.1
	done
	mountpoint -q "$room/small" && umount "$room/small"
	rm -rf "$room"
}
at_end finish
of=engine

# may_mount NAME: says so if not
may_mount()
{
	[ "$(id -u)" -eq 0 ] || { echo "ok - engine: $1 # SKIP not root"; return 1; }
	unshare --mount true 2>/dev/null ||
		{ echo "ok - engine: $1 # SKIP the kernel cannot give us mounts of our own"; return 1; }
}

no_room()
{
	local said

	may_mount "no room" || return
	mkdir "$room/small"
	mount -t tmpfs -o size=1M small "$room/small"
	said=$(TMPDIR=$room/small timeout 60 scripts/vm/vm.sh true 2>&1; echo $?)
	verdict "no room: it says so, and leaves nothing" "$(grep -q "^vm.sh: no space left" <<<"$said" &&
		[ "${said##*[!0-9]}" = 125 ] && [ -z "$(ls "$room/small")" ] || echo "it said '$said'")"
	umount "$room/small"
}

# left_by PID: its processes, and its folders; they may take a moment. A process that has ended does not count: if its
# parent has, too, it stays in the list while check.py runs.
left_by()
{
	local tries left

	for ((tries = 0; tries < 100; tries++)); do
		left=$(ps -ww -eo pgid=,stat=,args= | awk -v group="$1" '$1 == group && $2 !~ /^Z/'; ls "$room/tmp")
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
	pid=$! group=$!
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

# full SIZE PATTERN COMMAND...: what it writes to build/ goes to a disk of that size. It says so, ends with a status
# that is not 0, and no part of it goes on. There are no results of coverage.sh and mutants.py; the locks of the builds
# are those of build/ itself, where others may build at this time.
full()
{
	local pid status

	mkdir -p "$room/small" "$room/tmp"
	TMPDIR=$room/tmp setsid unshare --mount bash -c 'mount -t tmpfs -o size=$1 small "$0" &&
		mkdir "$0/u" "$0/w" "$0/real" && mount --bind build "$0/real" &&
		mount -t overlay -o "lowerdir=$0/real,upperdir=$0/u,workdir=$0/w" overlay build &&
		rm -rf build/coverage build/mutants && for lock in build/*/.lock; do
			[ ! -e "$lock" ] || mount --bind "$0/real/${lock#build/}" "$lock" || exit
		done && shift && exec "$@"' \
		"$room/small" "$1" timeout --foreground 600 "${@:3}" >"$room/said" 2>&1 &
	pid=$! group=$!
	wait "$pid"
	status=$?
	verdict "full disk: ${*:3}" "$({ [ $status -ne 0 ] && [ $status -ne 124 ] && grep -qE -- "$2" "$room/said" &&
		! grep -qE '^ok |^# [1-9][0-9]* scenarios, .* 0 failed|^[1-9][0-9]* passed, 0 failed' "$room/said"; } ||
		{ echo "status $status"; tail -n 20 "$room/said"; }; left_by "$pid")"
}

full_disks()
{
	local size=64k

	may_mount "full disk" || return
	scripts/lab/kernel.sh --path fast >/dev/null ||
		{ echo "ok - engine: full disk # SKIP no kernel of the laboratory"; return; }
	# not what fills the disk
	(. scripts/kernel/vm-module.sh; vm_module lab -s WRAPPER=1) &&
		scripts/check/selftests.sh tools ../build/selftests/ports >/dev/null && scripts/tools/xtcp_run --build ||
		{ verdict "full disk" "what runs there does not build"; return; }
	mkdir -p "$room/small"
	mount -t tmpfs -o size=32k small "$room/small"
	said=$(. scripts/kernel/vm-module.sh; vm_room "$room/small")
	verdict "full disk: no room for results" "$([ "$said" = "not ok - no space left in $room/small" ] &&
		[ -z "$(ls "$room/small")" ] || echo "it said '$said'")"
	umount "$room/small"
	full $size "^not ok - lab: cannot write to .*/build/full/lab\.bin\." scripts/check/check-vm.sh lab build/full '^ports$'
	full $size "^not ok - no space left in build/explore\." scripts/lab/explore.sh --seeds 20
	[ -n "$all" ] || return
	full $size "^not ok - no space left in build/soak\." scripts/lab/soak.sh soak_wrap
	full $size "^ab: cannot write to .*/build/ab/run\." scripts/bench/ab.sh CC2=reno N=1 NET=short
	full $size "^not ok - no space left in build/coverage" scripts/coverage/mutants.py --number 2
	full $size "^not ok - no space left in build/coverage" scripts/coverage/coverage.sh --only '^ports$'
}

# signalled_while_it_ends: a TERM before each command of a script that ends, those of its EXIT trap too
signalled_while_it_ends()
{
	local n said wrong=

	for n in {1..12}; do
		said=$(bash -c '. scripts/kernel/ending.sh; at_end "echo cleaned"
			trap "[ \$((++n)) -ne $1 ] || kill -TERM \$\$" DEBUG; exit 0' - "$n")
		[ "$said" = cleaned ] || wrong+=" $n: '$said'"
	done
	verdict "a script ends: a signal at each moment of it, and it leaves nothing" "$wrong"
}

signalled_while_it_ends
no_room
full_disks
# once QEMU runs: bash loses an INT that comes while it waits for a $(...), as vm.sh often does before
interrupted INT "tmp/xtcp-vm.*/pid" 60 "before the machine has booted"
interrupted TERM "tmp/xtcp-vm.*/ctl/command" 60 "before the machine has booted"
interrupted INT share/begun 1200 "while a command runs"
exit "$tap_status"
