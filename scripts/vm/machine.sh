# SPDX-License-Identifier: GPL-2.0
#
# What vm.sh and ../lab/run.sh have in common: options, what vm-init.sh reads in the machine, and
# what is said when the machine has ended. Sourced by both, which set $me, their own path.

die()
{
	local status=$1

	shift
	echo "${me##*/}: $*" >&2
	exit "$status"
}

wrong()
{
	echo "${me##*/}: $*" >&2
	echo "Try $me --help" >&2
	exit 2
}

# tie_to_parent SCRIPT ARGUMENT...: the script begins again, and gets a TERM when its parent ends: a script that waits for
# a machine in the foreground passes no signal on. The variable tells who has begun again: its pid stays the same, and
# its parent, unless that has ended before a TERM was asked for.
tie_to_parent()
{
	local tied=${XTCP_TIED-}

	export -n XTCP_TIED
	case $tied in
	$$:$PPID) return ;;
	$$:*) exit 143 ;;
	esac
	! command -v setpriv >/dev/null || XTCP_TIED=$$:$PPID exec setpriv --pdeathsig TERM "$@"
}

# check_options WORDS: those that both have; so many words are left for the command.
check_options()
{
	[[ $memory =~ ^[1-9][0-9]*[MG]$ ]] || wrong "--memory $memory: not a size such as 512M or 2G"
	[[ $timeout =~ ^([1-9][0-9]*)?$ ]] || wrong "--timeout $timeout: not a number of seconds"
	[[ $stall =~ ^([1-9][0-9]*)?$ ]] || wrong "--stall $stall: not a number of seconds"
	if [ -n "$share" ]; then
		[ -d "$share" ] && [ -w "$share" ] || wrong "--share $share: not a writable directory"
		share=$(cd "$share" && pwd -P)
	fi
	if [ "$1" -eq 0 ] || [ -n "$forced" ]; then
		[ -t 0 ] && [ -t 1 ] || wrong "no command, and no terminal for a shell"
		interactive=1
	fi
	[ -n "$timeout" ] || timeout=$([ -n "$interactive" ] && echo 0 || echo 3600)
}

# make_work NAME: $work, the folder of this run.
make_work()
{
	local room

	work=$(mktemp -d "${TMPDIR:-/tmp}/xtcp-$1.XXXXXX") || die 125 "no temporary directory"
	room=$(df --output=avail -BM "$work" | tr -cd '0-9')
	[ "${room:-16}" -ge 16 ] || die 125 "no space left: a run takes 16 MB, ${TMPDIR:-/tmp} has $room"
}

# fill_ctl MODULES PORT LAST FOLDER [WORD]...: $work/ctl. The machine's modules, the line that carries
# the output, how it ends, a folder that it needs even below /tmp; then the command.
fill_ctl()
{
	local modules=$1 port=$2 last=$3 folder=$4 size= dir

	shift 4
	mkdir "$work/ctl"
	cp "$scripts/vm/vm-init.sh" "$work/ctl/init"
	{
		echo "export -n PWD OLDPWD # see vm-init.sh"
		if [ $# -eq 1 ]; then
			printf '%s\n' "$1"
		elif [ $# -gt 1 ]; then
			printf '%q ' exec "$@"
		else
			echo "exec bash -l"
		fi
	} >"$work/ctl/command"
	[ -z "$interactive" ] || size=$(stty size 2>/dev/null)
	[ -n "$size" ] && [ "$size" != "0 0" ] || size="24 80"
	printf '%s=%q\n' MODULES "$modules" CWD "$PWD" TERM "${TERM-dumb}" \
		XTCP_CACHE "$XTCP_CACHE" INTERACTIVE "$interactive" ROWS "${size% *}" COLUMNS "${size#* }" \
		PORT "$port" LAST "$last" >"$work/ctl/settings"
	echo "$share" >"$work/ctl/share"
	echo "${tree-}" >"$work/ctl/tree"
	for dir in "$PWD" "${scripts%/*}" "$folder"; do
		case $dir in
		/tmp/*|/run/*) echo "$dir" ;;
		esac
	done | sort -u >"$work/ctl/keep"
}

# fill_second PORT: for a second terminal there, which vm-terminal.py opens, if $second has a command for it.
fill_second()
{
	[ -n "$second" ] || return 0
	mkdir "$work/ctl/second"
	: >"$work/ctl/second/request"
	printf '%s\n' "$second" >"$work/ctl/second/command"
	cp "$scripts/vm/vm-terminal.sh" "$work/ctl/second/init"
	echo "SECOND=$1" >>"$work/ctl/settings"
}

# report FOLDER: the machine is gone; say why if it left no status. Its log goes to the folder, if any.
report()
{
	[ -z "$1" ] || cp "$work/ctl/dmesg" "$1/dmesg" 2>/dev/null
	if [ -s "$work/ctl/status" ]; then
		exit "$(cat "$work/ctl/status")"
	fi
	if grep -q "Kernel panic" "$console" 2>/dev/null; then
		tr -d '\r' <"$console" | tail -n 60 | sed 's/^/# /' >&2
		! grep -q "going to sleep forever" "$console" ||
			die 120 "the machine hung: nothing ran in it, and it waited for nothing"
		die 120 "the machine's kernel panicked"
	fi
	[ -z "$stalled" ] || die 124 "the machine stalled"
	[ "$ended" -ne 124 ] && [ "$ended" -ne 137 ] || die 124 "the machine was ended after $timeout seconds"
	tail -n 20 "$console" 2>/dev/null | tr -d '\r' >&2
	die 125 "the machine ended without a status (its process had $ended)"
}
