#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Explores: connections by the thousand, each made of a seed, in the laboratory; see usage().

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

usage()
{
	cat <<-END
	Usage: scripts/lab/explore.sh [OPTION]... [--from SEED] [--seeds N | --for MINUTES]
	       scripts/lab/explore.sh [OPTION]... --only SEED|FIRST-SEED|ROW|FILE

	Plays scenarios of connections between xtcp and xtcp or kernel TCP, on a machine of the
	laboratory for each processor, and says which broke a rule (selftests/explore/explore.c has
	the rules). All of a scenario follows from its seed: what the programs do, the options, what the
	network does to which packet. Plays the rows of selftests/explored first, which failed once.
	Makes the first scenario that fails as small as it can, and shows it. Ends a machine that says
	nothing for a minute, on the debug kernel for three, and names the scenario that it was at.

	  --from SEED    the first one (1; with --for a new one each time)
	  --seeds N      how many (1000)
	  --for MINUTES  as many as can be played in that time
	  --only SEED    this scenario alone: shows each packet and what became of it, and the ladder
	                 from xtcp's tracepoints. FIRST-SEED: all of these in one machine, the last one
	                 is shown: a scenario may fail only after others. Also a row
	                 ("seed=7 client=xtcp ..."), or a file of rows
	  --compare      play each with kernel TCP at both ends, too: none may take twice its time, but those
	                 of selftests/pace.list, which has a reason for each. Says how the times compare
	  --local        each seed with both ends on one machine, by the short way (net.xtcp.local)
	  --live         TCP_REPAIR moves connections of each seed to other sockets, and a second build takes over
	                 listeners, and modules of a congestion control replace each other
	  --debug        on the laboratory's debug kernel
	  --module FILE  play that xtcp.ko, not the one that these sources make
	  --stall N      seconds after which a machine that says nothing is ended
	  --asked        do nothing: say whether the other options name anything to play

	Exit status: 0 if none failed.
	END
}

wrong()
{
	echo "explore.sh: $*" >&2
	echo "Try scripts/lab/explore.sh --help" >&2
	exit 2
}

kind=lab from= seeds= minutes= only= flags= module= stall= options= asked=
while [ $# -gt 0 ]; do
	case $1 in
	--debug) kind=lab-debug options+=" $1"; shift; continue ;;
	--compare) flags+=" -c" options+=" $1"; shift; continue ;;
	--local) flags+=" -l" options+=" $1"; shift; continue ;;
	--live) flags+=" -m" options+=" $1"; shift; continue ;;
	--asked) asked=1; shift; continue ;;
	--help|-h) usage; exit 0 ;;
	--from) name=from ;;
	--seeds) name=seeds ;;
	--for) name=minutes ;;
	--only) name=only ;;
	--module) name=module ;;
	--stall) name=stall ;;
	*) wrong "unknown option $1" ;;
	esac
	[ $# -ge 2 ] || wrong "$1 needs a $([ "$name" = module ] && echo file || echo number)"
	case $name in
	only) only=$2; shift 2; continue ;;
	module) module=$2 options+=" --module ${2@Q}"; shift 2; continue ;;
	esac
	[[ $2 =~ ^[1-9][0-9]{0,14}$ ]] || wrong "$1 $2: not a number from 1 on"
	declare "$name=$2"
	shift 2
done
[ -z "$only" ] || [ -z "$from$seeds$minutes" ] || wrong "--only goes with no other range"
[ -z "$only" ] || [[ $only =~ ^[1-9][0-9]{0,14}(-[1-9][0-9]{0,14})?$ ]] || [[ $only == *=* ]] || [ -f "$only" ] ||
	wrong "--only $only: not a number from 1 on, no row and no file"
[[ $flags != *-l*-m* ]] && [[ $flags != *-m*-l* ]] || wrong "--local or --live, not both"
[ -z "$seeds" ] || [ -z "$minutes" ] || wrong "--seeds or --for, not both"
[ -z "$module" ] || [ -f "$module" ] || wrong "--module $module: no file"
[ -z "$asked" ] || exit 0
[ -n "$stall" ] || stall=$([ $kind = lab ] && echo 60 || echo 180)

image=$(vm_kernel "$kind") || exit 1
[ -n "$module" ] || vm_module "$kind" -s || exit 1
[[ $flags != *-m* ]] || vm_module "$kind" -s NAME=xtcp_b FAMILY=27 || exit 1
scripts/check/selftests.sh tools || exit 1
vm_machine "$kind" "$image"
# allocations from these caches may fail, on a kernel with failslab (selftests/explore/faults.c)
[ "$kind" = lab ] || machine+=(--append "slub_debug=A,XTCP*,xtcp*,skbuff_*")
out=$(mktemp -d build/explore.XXXXXX) || exit 1
pids=
silent="^run.sh: nothing came from the machine"
finish()
{
	[ -z "$pids" ] || { kill $pids; wait; } 2>/dev/null
	rm -rf "$out"
}
at_end finish
cp build/selftests/explore/explore "$out/" && strip -g -o "$out/xtcp.ko" "${module:-build/$kind/xtcp.ko}" &&
	{ [[ $flags != *-m* ]] || { strip -g -o "$out/xtcp_b.ko" "build/xtcp_b-$kind/xtcp_b.ko" &&
		scripts/tour/compile.sh "$kind" "$out"; }; } ||
	{ vm_room "$out"; exit 1; }

# play TRACED ARGUMENT...: becomes a machine that runs explore with these arguments, and leaves a trace if TRACED is 1.
# Its time begins at the same moment each time. A system call takes time there, so both kinds make the same ones. How
# long it takes follows from the machine's seed, which is that of the first scenario: so each machine has a schedule of
# its own, and FIRST-SEED is the same run as the machine that began with FIRST.
play()
{
	local traced=$1 word first=

	shift
	for word; do
		[[ $word == -* ]] || { first=$word; break; }
	done
	[ ! -f "$first" ] || first=$(sed -nE 's/^seed=([0-9]{1,18})( .*)?$/\1/p' "$first" | head -n 1)
	mkdir -p "$out/traced"
	exec "${machine[@]}" --seed "${first:-1}" --memory 1G --timeout 3600 --stall "$stall" --share "$out/traced" "
		t=/sys/kernel/tracing
		insmod '$out/xtcp.ko' && echo global >\$t/trace_clock && echo 65536 >\$t/buffer_size_kb || exit 125
		echo $traced >\$t/events/xtcp/enable
		XTCP_B_KO='$out/xtcp_b.ko' XTCP_AIMD_KO='$out/xtcp_cong_aimd.ko' XTCP_AIMD_V2_KO='$out/xtcp_cong_aimd_V2.ko' \
			'$out/explore' ${*@Q}
		status=\$?
		[ $traced = 0 ] || cat /sys/kernel/tracing/trace >'$out/traced/trace'
		exit \$status"
}

# playing OUTPUT TRACED ARGUMENT...: the same beside us, so that a signal is heard at once
playing()
{
	local output=$1

	shift
	play "$@" >"$output" 2>&1 &
	pids=$!
	wait "$pids" && pids= && return
	set -- $?
	pids=
	return "$1"
}

# show SEED, show FIRST-SEED, show FILE: shows what happened on both sides of the wire. A comparison plays it more than
# once, so its packets are shown round by round, and the ladder has all connections.
show()
{
	local arguments=("$1") status

	[[ ! $1 =~ ^[0-9]+-[0-9]+$ ]] || arguments=("${1%-*}" $((${1#*-} - ${1%-*} + 1)))
	playing "$out/shown" 1 -v $flags "${arguments[@]}"
	status=$?
	cat "$out/shown"
	if grep -q "$silent" "$out/shown"; then
		# the packets and the trace are lost with the machine
		echo "not ok - $1: it does not end"
		return 1
	fi
	awk -v from="$(sed -n 's/^# shown from \([0-9]*\) us$/\1/p' "$out/shown")" '
		/^#/ || (match($0, / [0-9]+\.[0-9]+: /) && substr($0, RSTART, RLENGTH) * 1e6 >= from)' \
		"$out/traced/trace" >"$out/traced/last"
	scripts/tools/xtcp-ladder --plain --conn all --all "$out/traced/last"
	# once more, below the ladder, as a comment: check.py counts the lines "not ok"
	[[ $1 =~ ^[0-9]+(-([0-9]+))?$ ]] || return $status
	if ! sed -n "s/^not ok - seed ${BASH_REMATCH[2]:-$1}:/# &/p" "$out/shown" | grep . && [ $status -eq 0 ]; then
		[[ $1 == *-* ]] && echo "# It does not fail here" ||
			echo "# It does not fail here. It may fail only after the scenarios before it"
	fi
	return $status
}

# shrink SEED FIRST, shrink FILE: makes the first scenario that fails there small, and shows it. If it fails only after
# the others from FIRST on, shows it after them.
shrink()
{
	local row

	playing "$out/small" 0 -s $flags "$1"
	row=$(sed -n 's/^row: //p' "$out/small")
	if grep "$silent" "$out/small"; then
		echo "# a smaller one does not end"
	elif [ -z "$row" ] && [ $# -gt 1 ] && ! grep -q '^not ok' "$out/small"; then
		echo "# it fails only after the others of its machine"
		show "$2-$1"
	elif [ -z "$row" ]; then
		echo "# it could not be made smaller"
	else
		sed -n '/^not ok/,$p' "$out/small" | sed 's/^not ok - /# /'
		echo "$row" >"$out/row"
		show "$out/row"
	fi
}

if [[ $only == *=* ]]; then
	echo "$only" >"$out/only"
	only=$out/only
elif [ -f "$only" ]; then
	# the machine may not have that folder
	cp "$only" "$out/only" || exit 1
	only=$out/only
fi
if [ -n "$only" ]; then
	show "$only"
	exit
fi

cat selftests/explored/* >"$out/explored" 2>/dev/null

# known to be slower: such a line becomes a comment
sed -n 's/^\([0-9][0-9]*\) .*/s|^not ok - seed \1: pace: |# known, seed \1: |/p' selftests/pace.list >"$out/known"
sed -n 's/^row \(seed=[0-9]* client=[a-z]*\) .*/\1/p' selftests/pace.list | grep -nFf - "$out/explored" |
	sed 's/^\([0-9]*\):.*/s|^not ok - row \1: pace: |# known, row \1: |/' >>"$out/known"
echo "s|^#  again: --only|#  again: scripts/lab/explore.sh${options//[\\&|]/\\&} --only|" >>"$out/known"

batch=250
[ -n "$from" ] || from=$([ -n "$minutes" ] && date +%s00000 || echo 1)
[ -n "$minutes" ] || last=$((from + ${seeds:=1000} - 1))
deadline=$((SECONDS + ${minutes:-0} * 60))

# one FIRST COUNT, one FILE: plays that in a machine of this lane. If it stands still, names the scenario, and plays the
# seeds behind it in another machine; after three such machines the lane ends.
one()
{
	local status at

	echo "# batch $1"
	play 0 $flags "$@" &
	wait $!
	status=$?
	[ "$status" -ne 0 ] || return 0
	if [ "$(grep -c "$silent" "$output")" -eq "$stood" ]; then
		echo "# $*: exit status $status"
		return
	fi
	stood=$((stood + 1))
	at=$(sed -n "s/$silent.* it was at //p" "$output" | tail -n 1)
	echo "not ok - ${at:-$*}: it does not end, and nothing came from its machine for $stall s"
	case $at in
	"seed "*)
		at=${at#seed }
		echo "#  again: scripts/lab/explore.sh$options --only $1-$at"
		[ "$at" -ge $(($1 + $2 - 1)) ] || [ "$stood" -ge 3 ] || one $((at + 1)) $(($1 + $2 - 1 - at)) ;;
	"row "*) echo "#  again: scripts/lab/explore.sh$options --only '$(sed -n "${at#row }p" "$1")'" ;;
	*) echo "#  again: scripts/lab/explore.sh$options --only $1${2:+-$(($1 + $2 - 1))}" ;;
	esac
}

# lane N: every other batch. A machine of the laboratory is two processes that take turns at each system call. This
# costs a third less if both are on one processor, so each lane stays on a processor of its own.
lane()
{
	local first=$((from + $1 * batch)) count output=$out/lane$1 stood=0

	# its machine hears of a Ctrl-C from here alone, so that we wait for it
	trap '' INT
	trap 'kill $! 2>/dev/null; wait; exit 143' TERM
	taskset -cp "${cpus[$1]}" "$BASHPID" >/dev/null || echo "# lane $1: exit status $?"
	[ "$1" -gt 0 ] || [ ! -s "$out/explored" ] || one "$out/explored"
	while [ "$stood" -lt 3 ]; do
		if [ -n "$minutes" ]; then
			[ $SECONDS -lt $deadline ] || break
		else
			[ "$first" -le "$last" ] || break
		fi
		count=$batch
		[ -n "$minutes" ] || [ $((first + count - 1)) -le "$last" ] || count=$((last - first + 1))
		one "$first" "$count"
		first=$((first + lanes * batch))
	done
}

# the processors that may be used, of a list such as 0-3,8
mapfile -t cpus < <(taskset -cp $$ | sed 's/.*: //' | tr , '\n' |
	awk -F- '{ for (i = $1; i <= ($2 == "" ? $1 : $2); i++) print i }')
lanes=${#cpus[@]}
for ((i = 0; i < lanes; i++)); do
	lane "$i" >"$out/lane$i" 2>&1 &
	pids+=" $!"
done
# shown as they come, until all lanes have ended
(while kill -0 $pids; do sleep 0.5; done) 2>/dev/null &
tail -q -n +1 -s 0.5 -f --pid="$!" "$out"/lane* | sed -u -f "$out/known" |
	grep --line-buffered -E '^(not ok|#  |# known|vm|run|Bail out)' &
shown=$!
wait $pids
pids=
wait "$shown"
sed -f "$out/known" "$out"/lane* | awk -v seconds="$SECONDS" -v failing="$out/failing" -v options="$options" '
	BEGIN { split("1.3 2 5", than) }
	/^# [0-9]+ scenarios, / { n += $2; octets += $4; failed += $6; ended++ }
	/^not ok - .* it does not end, / { ended++; failed++; next }
	/^# known, (seed|row) / { failed-- }
	/^# pace [0-9]+: / {
		ratio = $4 / $8
		compared++
		logs += log(ratio)
		for (i = 1; i <= 3; i++) {
			slower[i] += ratio > than[i]
			faster[i] += ratio < 1 / than[i]
		}
	}
	/^not ok - (seed|row) [0-9]+:/ && !first { first = $4 }
	/^not ok - seed [0-9]+:/ { if (!seed) { seed = $5; sub(/:$/, "", seed); since = batch } }
	/^# batch / { batches++; batch = $3 }
	/exit status/ { said = said "\n" $0 }
	END {
		if (batches != ended) {
			printf "not ok - %d of %d machines did not come to their end:%s\n", batches - ended, batches, said
			failed++
		}
		if (compared)
			printf "# pace: %d compared, a round each: %.3f times kernel TCP in the geometric mean; " \
			       "slower and faster by 1.3: %d, %d; by 2: %d, %d; by 5: %d, %d\n", compared,
			       exp(logs / compared), slower[1], faster[1], slower[2], faster[2], slower[3], faster[3]
		printf "# %d scenarios, %d octets, %d failed, %d s\n", n, octets, failed, seconds
		if (seed)
			printf "# each packet of the first one: scripts/lab/explore.sh%s --only %s-%s\n", options, since, seed
		if (first)
			print first == "row" ? "row" : seed " " since >failing
		exit failed > 0 || !n
	}'
status=${PIPESTATUS[1]}
vm_room "$out" || status=1
if [ -s "$out/failing" ]; then
	failing=$(<"$out/failing")
	[ "$failing" != row ] || failing=$out/explored
	shrink $failing
fi
exit $status
