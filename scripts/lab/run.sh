#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs a command in the laboratory, a Linux that is a process of this machine (User Mode
# Linux); see usage(). The kernel's console goes to a file, its serial line carries
# what the command writes, and a private folder carries command and status.

set -u
scripts=$(CDPATH= cd "$(dirname "$0")/.." && pwd)
. "$scripts/kernel/cache.sh"
. "$scripts/vm/machine.sh"
me=scripts/lab/run.sh
tie_to_parent "$0" "$@"

usage()
{
	cat <<-END
	Usage: scripts/lab/run.sh [OPTION]... [--] [COMMAND [ARGUMENT]...]

	Runs COMMAND in a Linux that is a process of this machine: one processor, real or
	virtual time. As in scripts/vm/vm.sh its root is this machine's, read-only under an
	overlay; the command starts in the present directory, as root, with its input from
	/dev/null. A single argument is a line for the shell. Without a command, at a
	terminal: a shell.

	  --kernel KIND     fast or debug (fast); scripts/lab/kernel.sh builds it first
	  --seed N          virtual time: a wait costs none, the processor takes none. The same
	                    number is the same run: what the kernel takes for random and how
	                    long a system call takes follow from it
	  --memory SIZE     2G, 512M (2G)
	  --timeout SECONDS end the machine after this long (3600; a shell: never)
	  --stall SECONDS   end the machine when COMMAND has not touched /run/vm/alive for this long; what
	                    it has written there is said then
	  --share DIR       DIR can be written to; console.log and dmesg are left there
	  --append WORDS    more of the kernel's command line
	  --interactive     give the command the terminal
	  --second COMMAND  with --interactive and in real time: COMMAND, a line for the shell, runs
	                    at a second terminal of the machine, which scripts/vm/vm-terminal.py opens
	  --asked           run nothing: say whether there is such a kernel, and such a seed
	  --able            run nothing: say why this machine cannot start it, and exit with 1
	  --help            this text

	The machine ends with the process that has started this script.

	Exit status: the command's; or
	  2    wrong arguments
	  120  the machine's kernel panicked
	  124  the timeout ended the machine, or a stall
	  125  the machine did not start, or ended without a status
	END
}

cleanup()
{
	if [ -n "$machine" ]; then
		kill "$machine" 2>/dev/null
		wait "$machine" 2>/dev/null
	fi
	[ -z "$shown" ] || kill "$shown" 2>/dev/null
	[ -z "$terminal" ] || stty "$terminal" 2>/dev/null
	# its last processes end a moment after the one that we wait for, and may write until then
	[ -z "$work" ] || rm -rf "$work" 2>/dev/null || { sleep 0.5; rm -rf "$work"; }
}

# able: may we have namespaces of our own, with mounts in them? A chroot in a plain folder and most containers have none.
able()
{
	local why

	[ "$XTCP_ARCH" = amd64 ] || { echo "its kernel, User Mode Linux, is for x86-64 alone"; return 1; }
	[ "$(id -u)" -eq 0 ] || { echo "only root can start it"; return 1; }
	why=$(unshare --mount --pid --net --ipc --uts --fork --kill-child \
		sh -c 'mount -t tmpfs able /mnt && mount -t proc proc /mnt' 2>&1) ||
		{ echo "this machine cannot start it: ${why%%$'\n'*}"; return 1; }
}

check_needs()
{
	local word

	for word in busybox unshare setpriv timeout; do
		command -v "$word" >/dev/null || die 125 "$word is missing; run scripts/kernel/deps.sh lab"
	done
	[ "$(id -u)" -eq 0 ] || die 125 "only root can run it: it makes namespaces, to keep this machine as it is"
	folder=$("$scripts/lab/kernel.sh" "$kernel") || die 125 "no kernel"
}

# fill_share: what scripts/lab/init.sh and scripts/vm/vm-init.sh read.
fill_share()
{
	local port=/dev/ttyS0

	[ -z "$interactive" ] || port=/dev/tty0
	cp "$scripts/lab/init.sh" "$scripts/lab/fence.sh" "$work/"
	fill_ctl "$folder/lib/modules/$(ls "$folder/lib/modules")" "$port" poweroff "$folder" "$@"
	fill_second /dev/ttyS1
	# open for both, so that neither end waits for the other one, and the machine never sees an end of file
	[ -z "$second" ] || { mkfifo "$work/typed" "$work/shown" && exec 4<>"$work/typed" 5<>"$work/shown"; }
	: >"$work/ctl/output"
	: >"$console"
}

# No path of this run and no time of day: the kernel mixes its command line into its random numbers. It has to trust
# the first ones (random.trust_cpu): otherwise it waits long for better ones, and files in /proc show no addresses.
choose_words()
{
	words=(mem="$memory" root=/dev/root rootfstype=hostfs rootflags=/ init=/init uml_dir=/dev/shm/ umid=lab
		panic=-1 oops=panic sysctl.kernel.hung_task_panic=1 random.trust_cpu=on
		ssl=null)
	if [ -n "$seed" ]; then
		words+=(time-travel=inf-cpu time-travel-start=1700000000000000000 lab_seed="$seed"
			lab_syscall_ns=20000 lab_jitter_ns=4000)
	fi
	if [ -n "$interactive" ]; then
		words+=(con=null con0=fd:0,fd:1 loglevel=1 ${second:+ssl1=fd:4,fd:5})
	else
		words+=(con=null con0=null,fd:1 ssl0=null,fd:3)
	fi
	words+=($append)
}

# start_machine: in the background, so that signals reach us at once; it dies with us.
start_machine()
{
	# unshare lets no signal but KILL end it
	local fence=(setpriv --pdeathsig TERM timeout --foreground --signal KILL --kill-after 0.1 "$timeout"
		unshare --mount --pid --net --ipc --uts --fork --kill-child sh "$work/fence.sh"
		"$work" "$memory" "$folder/linux" "$share")

	if [ -n "$interactive" ]; then
		"${fence[@]}" "${words[@]}" <&0 3>/dev/null &
		# vm-terminal.py finds the machine by its pid. Of the pipes it sees the end when the machine ends.
		echo $! >"$work/pid"
		[ -z "$second" ] || exec 4<&- 5<&-
	else
		"${fence[@]}" "${words[@]}" </dev/null >"$console" 2>&1 3>>"$work/ctl/output" &
	fi
	machine=$!
}

# In virtual time what the machine says of times means nothing here: a change tells that it lives.
end_if_stalled()
{
	local now at

	[ -n "$stall" ] && [ $SECONDS -ge "$next_look" ] || return 0
	next_look=$((SECONDS + 2))
	now=$(stat -c %y "$work/ctl/alive" "$work/ctl/started" 2>/dev/null)
	if [ "$now" != "$last_sign" ]; then
		last_sign=$now
		sign_at=$SECONDS
	elif [ -n "$now" ] && [ $((SECONDS - sign_at)) -gt "$stall" ]; then
		at=$(tr -s ' \n' ' ' <"$work/ctl/alive" 2>/dev/null)
		echo "run.sh: nothing came from the machine for $stall s, ending it${at:+; it was at ${at% }}" >&2
		stalled=1
		kill "$machine" 2>/dev/null
	fi
}

watch_machine()
{
	while kill -0 "$machine" 2>/dev/null; do
		sleep 0.1
		end_if_stalled
	done
	wait "$machine" 2>/dev/null
	ended=$?
	machine=
	[ -z "$shown" ] || wait "$shown" 2>/dev/null
	shown=
}

kernel=fast memory=2G timeout= stall= share= append= interactive= seed= forced= second= asked= able=
while [ $# -gt 0 ]; do
	case $1 in
	--kernel|--memory|--timeout|--stall|--share|--append|--seed|--second)
		[ $# -ge 2 ] || wrong "$1 needs a value"
		declare "${1#--}=$2"
		shift 2 ;;
	--interactive) forced=1; shift ;;
	--asked) asked=1; shift ;;
	--able) able=1; shift ;;
	--help|-h) usage; exit 0 ;;
	--) shift; break ;;
	-*) wrong "unknown option $1" ;;
	*) break ;;
	esac
done
[[ $kernel =~ ^(fast|debug)$ ]] || wrong "--kernel $kernel: neither fast nor debug"
[[ $seed =~ ^(0|[1-9][0-9]{0,17})?$ ]] || wrong "--seed $seed: not a number of at most 18 digits"
[ -z "$asked" ] || exit 0
if [ -n "$able" ]; then
	able
	exit
fi
check_options $#
# it looks for somebody there all the time, and time would fly
[ -z "$second" ] || { [ -n "$interactive" ] && [ -z "$seed" ]; } || wrong "--second wants a terminal, and real time"

machine= shown= work= terminal= ended= stalled= next_look=0 last_sign= sign_at=0
at_end cleanup

check_needs
make_work lab
console=${share:-$work}/console.log
fill_share "$@"
choose_words
[ -z "$interactive" ] || terminal=$(stty -g)
start_machine
if [ -z "$interactive" ]; then
	tail -n +1 -s 0.1 -f --pid="$machine" "$work/ctl/output" 2>/dev/null &
	shown=$!
fi
watch_machine
report "$share"
