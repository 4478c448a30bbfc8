#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What scripts/vm/vm.sh is asked in vain: wrong arguments, no room, a run that is interrupted before and after the
# machine has booted. (check-lab.sh asks the laboratory the same, check-interrupt.py interrupts what takes long.) An
# unpack that was killed. A script that gets a signal while it ends. Scripts whose results have no room: with all those,
# too, that take long. Prints TAP.
#
#   scripts/check/check-engine.sh [all]

set -u
[ "$#:${1-}" = 0: ] || [ "$#:${1-}" = 1:all ] || { echo "Usage: scripts/check/check-engine.sh [all]" >&2; exit 2; }
all=${1-}
cd "$(dirname "$0")/../.."
. scripts/kernel/ending.sh
. scripts/check/tap.sh
room=$(mktemp -d "${TMPDIR:-/tmp}/check-engine.XXXXXX") || exit
# a cache of its own, and programs, which a /tmp may not let run
mkdir -p build && store=$(mktemp -d "$PWD/build/check-engine.XXXXXX") || { rm -rf "$room"; exit 1; }
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
	rm -rf "$room" "$store"
}
at_end finish
of=engine

# refused WORD ARGUMENT...: status 2, a line with the word, nothing on standard output
refused()
{
	local said

	said=$(scripts/vm/vm.sh "${@:2}" 2>&1 >/dev/null)
	verdict "refused: $1" "$([ $? -eq 2 ] && [[ $said == *"$1"* ]] || echo "it said '$said'")"
}

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

# in a PATH before the system's: what scripts/kernel asks for packages and sources
stubs()
{
	mkdir -p "$store/bin"
	cat >"$store/bin/apt-cache" <<-'END'
		#!/bin/sh
		for word; do :; done
		! echo "$*" | grep -q depends || printf '%s\n' "linux-image-${word#linux-headers-}" "$word"
	END
	cat >"$store/bin/apt-get" <<-'END'
		#!/bin/sh
		for word; do case $word in linux-*) : >"$word.deb" ;; esac; done
	END
	# the first package is the headers'; with stall it is unpacked, and then no other one
	cat >"$store/bin/dpkg-deb" <<-'END'
		#!/bin/bash
		release=${2##*/linux-*s-} headers=$3/usr/src/linux-headers-
		case $2 in
		*/linux-headers-*)
			release=${release%.deb}
			mkdir -p "$headers$release/include/config"
			touch "$headers$release/"{.kernelvariables,include/config/auto.conf}
			echo x | tee "$headers$release/"{Makefile,Module.symvers} >/dev/null
			[ ! -e "$ROOM/stall" ] || { echo x >"$ROOM/begun"; sleep 1000; } ;;
		*)
			release=${2##*/linux-image-} release=${release%.deb}
			mkdir -p "$3/boot" "$3/lib/modules/$release/kernel"
			echo x >"$3/boot/vmlinuz-$release" ;;
		esac
	END
	cat >"$store/bin/depmod" <<-'END'
		#!/bin/sh
		echo x >"$2/lib/modules/$3/modules.dep"
	END
	chmod +x "$store"/bin/*
}

# cached COMMAND...: with a cache of its own, and those programs
cached()
{
	ROOM=$store XTCP_CACHE=$store/cache PATH=$store/bin:$PATH timeout 60 "$@"
}

# made_anew NAME COMMAND...: says a folder of the cache and nothing else, and what was left there is gone
made_anew()
{
	local said status

	said=$(cached "${@:2}" 2>"$room/errors")
	status=$?
	verdict "cache: $1 is made anew" "$([ $status -eq 0 ] && [ -d "$said" ] && [ "${said%/*}" = "$store/cache" ] &&
		[ -z "$(ls -d "$store"/cache/*.?????? 2>/dev/null)" ] || {
		echo "status $status: $said"; cat "$room/errors"; ls "$store/cache"; })"
}

# stays NAME COMMAND...: what is whole is taken, and not made anew
stays()
{
	local dir

	dir=$(cached "${@:2}" 2>"$room/errors")
	[ -d "$dir" ] || { verdict "cache: $1 stays" "no folder '$dir': $(<"$room/errors")"; return; }
	touch "$dir/kept"
	cached "${@:2}" >"$room/errors" 2>&1
	verdict "cache: $1 stays" "$([ "$(<"$room/errors")" = "$dir" ] && [ -e "$dir/kept" ] ||
		echo "not $dir: $(<"$room/errors")")"
	rm -f "$dir/kept"
}

caches()
{
	local pid tries

	stubs
	mkdir "$store/cache"
	# an unpack that was killed with all that it had started
	touch "$store/stall"
	cached setsid scripts/kernel/other-kernel.sh 6.12 >/dev/null 2>&1 &
	for ((tries = 0; tries < 1200; tries++)); do
		[ ! -s "$store/begun" ] || break
		sleep 0.1
	done
	pid=$(ps -ww -eo pgid=,args= | awk -v cache="$store/cache/other" 'index($0, "dpkg-deb -x " cache) { print $1; exit }')
	kill -KILL -- "-${pid:-nothing}"
	rm "$store/stall"
	verdict "cache: an unpack was killed" \
		"$([ -n "$(ls -d "$store"/cache/other.?????? 2>/dev/null)" ] || ls -R "$store/cache")"
	made_anew "a kernel whose unpack was killed" scripts/kernel/other-kernel.sh 6.12
	stays "a whole kernel" scripts/kernel/other-kernel.sh 6.12
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
refused "unknown option --nosuch" --nosuch true
refused "not a number from 1 to 99" --cpus 0 true
refused "not a size" --memory lots true
refused "not a number of seconds" --timeout 0 true
refused "not a writable directory" --share "$room/nosuch" true
refused "needs a value" --stall
no_room
caches
full_disks
# once QEMU runs: bash loses an INT that comes while it waits for a $(...), as vm.sh often does before
interrupted INT "tmp/xtcp-vm.*/pid" 60 "before the machine has booted"
interrupted TERM "tmp/xtcp-vm.*/ctl/command" 60 "before the machine has booted"
interrupted INT share/begun 1200 "while a command runs"
exit "$tap_status"
