#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make ab: two builds or two congestion controls through the same networks; see usage().

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
. scripts/kernel/asked.sh

usage()
{
	cat <<-END
	Usage: scripts/bench/ab.sh [--asked] [AB=COMMIT] [CC=NAME] [CC2=NAME] [N=ROUNDS] [NET="NAME..."] [SEED=NUMBER]
	                     [JSON=FILE] [SVG=FILE]

	Plays two sides through the same networks, in machines of the laboratory with the same seeds:

	  AB=COMMIT        the module of now (A) and that of COMMIT (B); CC=NAME (cubic): with that congestion control
	  CC=NAME CC2=NAME one congestion control (A) and another (B); NAME may be a file, as ~/cong_aimd.c

	Where both are the same, as with CC=cubic CC2=cubic, they get different seeds: what differs then is chance.

	  N=12             rounds; each is a pair. Fewer than eleven give no verdict, unless NET names few networks
	  NET="loss short" some of the networks (all)
	  SEED=1           of the first machine; another one: other losses on the same paths
	  JSON=FILE        each value, and what it says
	  SVG=FILE         the picture (build/ab/ab.svg)

	Prints a table: medians and quartiles, the difference, and a verdict where it is larger than chance.
	scripts/bench/ab.py says how that is decided, selftests/tools/bench_ab.c what is measured. --asked only checks
	the arguments.
	END
}

refuse()
{
	echo "ab: $*" >&2
	exit 2
}

# networks: the names in the table of bench_ab.c, which may not be built yet
networks()
{
	sed -nE 's/^\t\{ "([a-z]+)", ".*", (STREAM|SHORT|BESIDE),.*/\1/p' selftests/tools/bench_ab.c
}

# has_algorithm WORD NAME [COMMIT]
has_algorithm()
{
	local why

	! why=$(no_algorithm "$@") || refuse "$why"
}

asked= AB= CC= CC2= N=12 NET= SEED=1 JSON= SVG=
for word; do
	case $word in
	--help|-h) usage; exit 0 ;;
	--asked) asked=1 ;;
	AB=*|CC=*|CC2=*|NET=*|JSON=*|SVG=*) declare "${word%%=*}=${word#*=}" ;;
	N=*) [ -z "${word#*=}" ] || N=${word#*=} ;;
	SEED=*) [ -z "${word#*=}" ] || SEED=${word#*=} ;;
	*) refuse "'$word' is none of AB= CC= CC2= N= NET= SEED= JSON= SVG=" ;;
	esac
done
[ -z "$AB" ] || [ -z "$CC2" ] || refuse "AB=$AB and CC2=$CC2: two builds or two congestion controls, not both"
[ -n "$AB$CC2" ] || refuse "what against what? make ab AB=COMMIT, or make ab CC=cubic CC2=bbr; there are:" $(algorithms)
if [ -n "$AB" ]; then
	commit=$(git rev-parse --verify --quiet --short=12 "$AB^{commit}") ||
		refuse "AB=$AB: there is no such commit; the last ones are:" $(git log -5 --format=%h 2>/dev/null)
fi
: "${CC:=cubic}"
has_algorithm CC "$CC"
[ -z "$CC2" ] || has_algorithm CC2 "$CC2"
[ -z "$AB" ] || has_algorithm CC "$CC" "$commit"
files=()
for word in CC CC2; do
	if [[ ${!word} == *.c ]]; then
		cmp -s -- "${!word}" "${files[0]-}" || files+=("${!word}")
		declare "$word=$(algorithm_in "${!word}")"
	fi
done
[ "$CC" != "$CC2" ] || [ ${#files[@]} -lt 2 ] || refuse "CC= and CC2= are two files that both have .name = \"$CC\""
[[ $N =~ ^[1-9][0-9]?$|^100$ ]] || refuse "N=$N is no number of rounds from 1 to 100"
[[ $SEED =~ ^[1-9][0-9]{0,8}$ ]] || refuse "SEED=$SEED is no number from 1 to 999999999"
for word in $NET; do
	networks | grep -qxF -- "$word" || refuse "there is no network NET=$word; there are:" $(networks)
done
for word in "JSON=$JSON" "SVG=$SVG"; do
	file=${word#*=}
	[ -z "$file" ] || { [ ! -d "$file" ] && [ -w "$(dirname -- "$file")" ]; } || refuse "cannot write $word"
done
[ -z "$asked" ] || exit 0

: "${SVG:=build/ab/ab.svg}"
mkdir -p build/ab
bin=$(mktemp -d "$PWD/build/ab/run.XXXXXX") || exit 1
played=
finish()
{
	[ -z "$played" ] || { kill "$played"; wait "$played"; } 2>/dev/null
	rm -rf "$bin"
}
at_end finish

# build_now FILE...: the module of now, to now.ko, with these congestion controls besides its own
build_now()
{
	[ $# -gt 0 ] || { vm_module lab -s && strip -g -o "$bin/now.ko" build/lab/xtcp.ko; return; }
	mkdir "$bin/tree" && cp -r --parents Kbuild module include scripts/kernel "$bin/tree/" &&
		cp -- "$@" "$bin/tree/module/cong/" &&
		"$bin/tree/scripts/kernel/build-module.sh" "$(dirname "$(vm_kernel lab)")/build" "$bin/build" -s ARCH=um &&
		strip -g -o "$bin/now.ko" "$bin/build/xtcp.ko"
}

vm_kernel lab >/dev/null && build_now "${files[@]}" && scripts/check/selftests.sh ../build/selftests/tools/bench_ab ||
	{ echo "ab: it does not build" >&2; exit 1; }
cp build/selftests/tools/bench_ab "$bin/" ||
	{ echo "ab: cannot write to $bin" >&2; exit 1; }
play=(scripts/bench/ab.py --program "$bin/bench_ab" --pairs "$N" --seed "$SEED" --networks "$NET" --svg "$SVG"
	--side-a "xtcp:$CC" --side-b "xtcp:${CC2:-$CC}" --ko-a "$bin/now.ko")
[ -z "$JSON" ] || play+=(--json "$JSON")
if [ -n "$CC2" ]; then
	[ "$CC" != "$CC2" ] || play+=(--same)
	play+=(--name-a "$CC" --name-b "$CC2" --ko-b "$bin/now.ko")
else
	vm_module_of "$commit" lab "$bin/then.ko" || exit 1
	vm_module_differs "$commit" || play+=(--same)
	# the two beside each other: B's once more under another name
	if [ -n "$NET" ] && [[ " $NET " != *" beside "* ]]; then
		play+=(--share 0)
	elif vm_module_of "$commit" lab "$bin/xtcp_b.ko" NAME=xtcp_b FAMILY=27; then
		play+=(--second "$bin/xtcp_b.ko")
	else
		echo "# $commit cannot be loaded beside another build, so the two are not played beside each other" >&2
		play+=(--share 0)
	fi
	play+=(--receiver --name-a "now ($CC)" --name-b "$(git log -1 --format='%h %s' "$commit") ($CC)" --ko-b "$bin/then.ko")
fi
"${play[@]}" &
played=$!
wait "$played"
status=$?
played=
exit $status
