#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs the selftests in the virtual machine, in one boot, on one kernel:
#
#   scripts/check/check-vm.sh [--counted [--real-waits]] stock|debug|kcsan|arm64|i386|s390x|SERIES|lab|lab-debug FOLDER [NAME [EXCEPT]]
#
# SERIES is one of scripts/kernel/kernels.list; lab and lab-debug are the kernels of scripts/lab, in virtual
# time, from the seed LAB_SEED (1). With NAME only those whose name has a match
# for it, and none for EXCEPT. What is known of tests that failed goes to FOLDER/KIND.
# In the laboratory it prints the command that plays a failure again: the test alone if it fails so,
# otherwise after the tests before it.
# With --counted the machine has one processor, whose clock counts instructions: its tests do
# not notice other load here, and a wait takes no time. With --real-waits a wait takes its time,
# and the clock does not jump when the machine reads files of this one.
# With SHORT=1 in the environment, storms have fewer rounds, and kernel TCP does not play the
# scripts of segments over IPv6 (selftests/lib/test.h). With COVERAGE=1 in the environment the module counts which of its lines are reached, and
# FOLDER/KIND gets a file NAME.coverage for each test (scripts/coverage/coverage.sh).

set -u
counted=
if [ "${1-}" = --counted ]; then
	counted=--icount
	shift
	if [ "${1-}" = --real-waits ]; then
		counted+=" $1"
		shift
	fi
fi
case ${1-}:$#:${2:+folder} in
stock:[234]:folder | debug:[234]:folder | kcsan:[234]:folder | [0-9]*:[234]:folder) ;;
arm64:[234]:folder | i386:[234]:folder | s390x:[234]:folder) ;;
lab:[234]:folder | lab-debug:[234]:folder)
	[ -z "$counted" ] || { echo "check-vm.sh: --counted is for emulated machines" >&2; exit 2; } ;;
*) sed -n '6,19s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
case $1 in
[0-9]*)
	[ -n "$(kernel_listed "$1")" ] ||
		{ echo "check-vm.sh: scripts/kernel/kernels.list lists no Linux $1" >&2; exit 2; } ;;
lab*) vm_lab_seed check-vm.sh || exit ;;
esac
for word in "${@:3}"; do
	[[ x =~ $word ]] || [ $? -eq 1 ] || { echo "check-vm.sh: '$word' is no regular expression" >&2; exit 2; }
done

# seconds_of NAME: after which a test counts as hanging; selftests/timeouts
# lists those that take long. Soaking takes longer, and so do lanes that one
# processor plays one after the other, by its clock.
seconds_of()
{
	local times=1 column=2

	! vm_is_debug "$kind" || column=3
	# it is emulated even where KVM works
	! vm_is_foreign "$kind" || column=3
	[ -z "$counted$is_lab" ] || times=4
	[ -z "${SOAK-}" ] || times=8
	awk -v name="$1" -v column="$column" -v times="$times" '
		BEGIN { seconds = column == 2 ? 400 : 900 }
		$1 == name { seconds = $column }
		END { print seconds * times }' selftests/timeouts
}

# The machine ended early: the test that ran is the one that failed.
name_culprit()
{
	local current why

	current=$(cat "$dir/current" 2>/dev/null)
	[ "$current" != done ] || return 0
	case $1 in
	120) why="the kernel panicked" ;;
	124) why="the machine had to be ended" ;;
	*) why="the machine ended (status $1)" ;;
	esac
	echo "not ok - ${current:-start}: $why"
	if [ -n "$current" ]; then
		mkdir -p "$dir/$current"
		tr -d '\r' <"$dir/console.log" | tail -n 400 >"$dir/$current/dmesg"
		echo "# kept: $dir/$current"
	fi
}

# draw_ladders: of the segments that a failed test's trace holds.
draw_ladders()
{
	local trace

	[ -x scripts/tools/xtcp-ladder ] || return 0
	for trace in "$dir"/*/trace; do
		[ -s "$trace" ] || continue
		scripts/tools/xtcp-ladder --plain --conn all --all "$trace" >"${trace%trace}ladder" 2>&1 || :
	done
}

# fails_alone NAME: does the same row fail in a machine of its own? No more than three: each takes the test's time.
fails_alone()
{
	tried=$((${tried:-0} + 1))
	[ "$tried" -le 3 ] || return 1
	boot "$dir.alone" "$1:$bin/$1:$(seconds_of "$1")" >"$dir.alone.said" 2>&1
	if [ "$(cat "$dir.alone/current" 2>/dev/null)" = done ]; then
		# in its output the runner's own lines lack the name
		grep -q '^not ok' "$dir/$1/output" 2>/dev/null &&
			sed "s/^not ok - $1: /not ok - /" "$dir.alone.said" |
				grep -qxFf <(grep '^not ok' "$dir/$1/output")
	else
		[ ! -s "$dir/$1/output" ]
	fi
}

# say_again: in the laboratory the same seed is the same run, if the same tests run before.
say_again()
{
	local name before= tests words= word

	for word in LAB_SEED SEED SOAK SHORT ROUNDS DURATION WIRE_STACK ONLY_ROW COVERAGE; do
		[ -z "${!word-}" ] || words+="$word=${!word} "
	done
	for name in $names; do
		before+=${before:+|}$name
		[ -d "$dir/$name" ] || continue
		! fails_alone "$name" && tests=$before || tests=$name
		echo "# again: ${words}scripts/check/check-vm.sh $kind build/again '^($tests)\$'"
		echo "# its ladder then: build/again/$kind/$name/ladder, if the test has segments"
		rm -rf "$dir.alone" "$dir.alone.said"
	done
}

kind=$1 out=$2 is_lab= only=${3-} except=${4:-^$}
dir=$(realpath -m -- "$out")/$kind
mkdir -p "$dir"
case $kind in
lab*) is_lab=1 ;;
esac

names=
for name in $(make -s -C selftests list); do
	[[ $name =~ $only && ! $name =~ $except ]] && names+=" $name"
done
if [ -z "$names" ]; then
	echo "# no${4:+ other} test in the virtual machine is called '$only'"
	exit 0
fi

image=$(vm_kernel "$kind") || { echo "not ok - $kind: no kernel"; exit 1; }
built=build/${COVERAGE:+coverage-}$kind
vm_module "$kind" -s WRAPPER=1 ${COVERAGE:+COVERAGE=1} || { echo "not ok - $kind: the module does not build"; exit 1; }
second=
case " $names " in
*" side_by_side "* | *" takeover "* | *" carry "* | *" names "*)
	# and once more under another name, to be loaded beside it; selftests/lib/module.h has both words
	vm_module "$kind" -s NAME=xtcp_b FAMILY=27 || { echo "not ok - $kind: xtcp_b does not build"; exit 1; }
	second=build/xtcp_b-$kind/xtcp_b.ko ;;
esac
vm_cross "$kind"
scripts/check/selftests.sh "${how[@]}" tools $(printf "../$programs/%s " $names) ||
	{ echo "not ok - $kind: tests do not build"; exit 1; }
vm_run_parts || { echo "not ok - $kind: xtcp_run does not build"; exit 1; }

# The module and programs of now, whatever is built meanwhile. They are outside
# the shared folder, which the machine does not cache; without debugging
# information the module is a twentieth. Another run with the same folder has another one;
# tests run programs of it as other users, too.
bin=$(mktemp -d "$dir.bin.XXXXXX") || { echo "not ok - $kind: cannot write to $dir.bin"; exit 1; }
trap 'rm -rf "$bin"' EXIT
chmod 755 "$bin" && cp "$programs/run/run" "$bin/" && "${cross}strip" -g -o "$bin/xtcp.ko" "$built/xtcp.ko" &&
	"${cross}strip" -g -o "$bin/xtcp_wrapper.ko" "$built/selftests/modules/xtcp_wrapper.ko" &&
	{ [ -z "${COVERAGE-}" ] || "${cross}strip" -g -o "$bin/xtcp_coverage.ko" "$built/selftests/modules/xtcp_coverage.ko"; } &&
	{ [ -z "$second" ] || "${cross}strip" -g -o "$bin/xtcp_b.ko" "$second"; } &&
	cp $(printf "$programs/%s " $names) "$bin/" ||
	{ echo "not ok - $kind: cannot write to $bin"; exit 1; }
tests= sum=120
for name in $names; do
	seconds=$(seconds_of "$name")
	sum=$((sum + seconds))
	tests+=" $name:$bin/$name:$seconds"
done

echo "# $kind kernel, $(kernel_release "$image")"
started=$SECONDS
setting="XTCP_KO=$bin/xtcp.ko XTCP_B_KO=$bin/xtcp_b.ko XTCP_WRAPPER_KO=$bin/xtcp_wrapper.ko"
[ -z "${COVERAGE-}" ] || setting+=" XTCP_COVERAGE_KO=$bin/xtcp_coverage.ko"
# at the laboratory's virtual time a minute of system calls takes many of ours
[ "$kind" != lab-debug ] || export DURATION="${DURATION-$([ -n "${SHORT-}" ] && echo 2 || echo 6)}"
for word in SEED SOAK SHORT ROUNDS DURATION WIRE_STACK ONLY_ROW; do
	[ -z "${!word-}" ] || setting+=" $word=${!word}"
done
options=()
marked=
if vm_is_debug "$kind"; then
	# it does not patch itself (scripts/kernel/debug.config)
	[ -n "$counted$is_lab" ] || options+=(--parallel)
	setting+=" XTCP_DEBUG=1"
	# selftests/life/faults.c has allocations from these slabs fail
	marked="slub_debug=A,XTCP,XTCPv6,xtcp_stream,xtcp_request,xtcp_request6,xtcp_timewait,xtcp_timewait6"
fi
vm_machine "$kind" "$image"
[ -z "$is_lab" ] || options+=(--seed "${LAB_SEED:-1}")
if [ "$kind" = kcsan ]; then
	# more of them than take turns: races are between processors
	[ -n "$counted" ] || options+=(--cpus 4)
	marked+=" $VM_KCSAN"
fi
options+=($counted)
# While a counted machine waits for this one, its clock goes from timer to timer: seconds of a busy disk here are half
# an hour there, and a test seems to hang. So nothing that tests run lies on this machine: modules are loaded, and
# touch copies programs, their libraries and the links to them into the memory of the other one (its root is an
# overlay). To open a file of this machine, or to follow a link of it, asks this machine each time, cached or not.
first=()
if [ -n "$counted" ]; then
	used=$(PATH+=:/usr/sbin:/sbin; command -v ip tc nft sh)
	used+=" /etc/ld.so.cache "$(ldd "$bin"/* $used 2>/dev/null | sed -n 's/.*[[:space:]]\(\/[^ ]*\) .*/\1/p' | sort -u)
	[ -z "$cross" ] || used=$(sed "s|/lib64/ld-linux-x86-64.so.2|/lib/ld-linux-${cross%%-*}.so.1|; s|x86_64|${cross%%-*}|g" <<<"$used")
	first=(sh -c '
		modprobe -aq veth tun cmac sch_fq sch_fq_codel sch_netem sch_plug sch_tbf
		touch -ch /bin /lib /lib64 /sbin $1
		touch -c "$0"/* $1
		shift
		exec "$@"' "$bin" "$used")
fi
# boot FOLDER TEST...
boot()
{
	local folder=$1

	shift
	mkdir -p "$folder"
	"${machine[@]}" --memory 3G --timeout "$sum" --stall 300 --share "$folder" \
		"${options[@]}" \
		--append "log_buf_len=8M $marked" -- "${first[@]}" env $setting "$bin/run" "$folder" "$@"
}

boot "$dir" $tests
status=$?
if [ "$status" -eq 75 ]; then
	# Emulated processors are not perfect, and nothing of ours has run yet.
	mv "$dir/dmesg" "$dir.tainted"
	echo "# booting again; what the tainted kernel said: $dir.tainted"
	boot "$dir" $tests
	status=$?
	[ "$status" -ne 75 ] || echo "not ok - start: $kind kernel: tainted before the first test, twice"
fi
name_culprit "$status"
draw_ladders
for name in "$dir"/*/; do
	[ ! -d "$name" ] || echo "# kept: ${name%/}"
done
[ -z "$is_lab" ] || say_again
echo "# $kind kernel${counted:+, counted clock}: $((SECONDS - started)) s"
exit "$status"
