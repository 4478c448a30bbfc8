#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Do the explorer's checks find what they are there to find? For each defect of explore.defects a module with it is
# built, and a seed of the first hundreds has to fail with the words of that check. The module as it is keeps all rules.
# One seed is the same run twice, octet for octet. Wrong arguments are refused.

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
list=scripts/check/explore.defects
only=${1-}
if [ $# -gt 1 ] || { [ -n "$only" ] && ! grep -E '^[a-z]+: ' "$list" | grep -qF -e "$only"; }; then
	echo "Usage: scripts/check/check-explore.sh [WORDS OF A DEFECT IN $list]" >&2
	exit 2
fi
seeds=300

image=$(vm_kernel lab) && scripts/check/selftests.sh tools || exit 1
vm_machine lab "$image"
out=$(mktemp -d build/check-explore.XXXXXX) || exit 1
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cp build/selftests/explore/explore "$out/"
status=0

# A tree that the defects are put into and taken out of. Built file by file: a defect makes one of them again.
mkdir -p "$out/tree/selftests" "$out/tree/scripts/kernel"
cp -r Kbuild module include "$out/tree/"
cp -r selftests/modules "$out/tree/selftests/"
cp scripts/kernel/build-module.sh "$out/tree/scripts/kernel/"

# explored SEEDS [ARGUMENT]...: what the explorer says of the module that the tree makes
explored()
{
	local n=$1

	shift
	: >"$out/said"
	(cd "$out/tree" && scripts/kernel/build-module.sh "${image%/*}/build" build -s ARCH=um SEPARATE=1) || return 1
	strip -g -o "$out/xtcp.ko" "$out/tree/build/xtcp.ko"
	"${machine[@]}" --seed 1 --memory 1G --timeout 1200 -- env XTCP_KO="$out/xtcp.ko" "$out/explore" "$@" 1 "$n" \
		>"$out/said" 2>&1
}

# refused WORD ARGUMENT...: status 2, and a line with the word.
refused()
{
	local word=$1 said

	shift
	said=$(scripts/lab/explore.sh "$@" 2>&1)
	if [ $? -eq 2 ] && [[ $said == *"$word"* ]]; then
		echo "ok - explorer: $* is refused"
	else
		echo "not ok - explorer: $*: $said"
		status=1
	fi
}

# What the judge says, each with a defect that makes it say so?
each_has_a_defect()
{
	local missing

	missing=$(grep -hE 'broken\(j, .*"|return "' selftests/explore/judge*.c selftests/explore/segment.c |
		grep -oE '"[^"]{3,}"' | awk -v list="$list" '
			BEGIN {
				while ((getline line < list) > 0) {
					if (sub(/^wire: /, "", line))
						words[line]
				}
			}
			{
				for (w in words) {
					if (index($0, w))
						next
				}
				print "# " $0
			}')
	if [ -z "$missing" ]; then
		echo "ok - explorer: each check of the judge has a defect"
	else
		echo "$missing"
		echo "not ok - explorer: each check of the judge has a defect"
		status=1
	fi
}

# all but the defects
check_rest()
{
	each_has_a_defect
	refused "unknown option" --nosuch
	refused "not a number" --seeds 0
	refused "not a number" --only x
	refused "needs a number" --for
	refused "not both" --seeds 5 --for 5
	refused "no other range" --only 5 --from 5

	# what the network carried and what xtcp's tracepoints said, to the last digit
	scripts/lab/explore.sh --only 7 >"$out/once" 2>&1
	scripts/lab/explore.sh --only 7 >"$out/again" 2>&1
	if [ "$(wc -l <"$out/once")" -gt 50 ] && cmp -s "$out/once" "$out/again"; then
		echo "# $(wc -l <"$out/once") lines"
		echo "ok - explorer: a seed is the same run twice"
	else
		diff "$out/once" "$out/again" | head -n 20 | sed 's/^/# /'
		echo "not ok - explorer: a seed is the same run twice"
		status=1
	fi

	if explored $seeds; then
		tail -n 1 "$out/said"
		echo "ok - explorer: the module as it is"
	else
		grep -B 5 '^not ok' "$out/said" | head -n 40 | sed 's/^/# /'
		echo "not ok - explorer: the module as it is"
		status=1
	fi
}

# planted FILE: the file of the tree, with $instead for the first $there
planted()
{
	local text

	text=$(<"$1")
	if [[ $text != *"$there"* ]]; then
		echo "# '$there' is not in $1"
		return 1
	fi
	printf '%s\n' "${text/"$there"/"$instead"}" >"$out/tree/$1"
}

# found: the seed that said $words first, and how many said something else before
found()
{
	awk -v rule="${words%%: *}" -v said="${words#*: }" '
		/^not ok - (seed|all of) / {
			if (index($0, ": " rule ": ") && index($0, said)) { seed = $4 == "all" ? "the end" : "seed " $5 + 0; exit }
			others++
		}
		END {
			if (seed)
				printf "# %s; %d before it say something else\n", seed, others
			exit !seed
		}' "$out/said"
}

# one defect: $words, $file, $there, $instead
defect()
{
	planted "$file" || return 1
	explored $seeds -u "${words#*: }"
	cp "$file" "$out/tree/$file"
	found && return
	grep '^not ok' "$out/said" | sed -E 's/^not ok - (seed [0-9]+|all of [0-9, ]+): //; s/[0-9]+/N/g' | sort | uniq -c |
		sort -rn | head -n 5 | sed 's/^/# /'
	tail -n 1 "$out/said" | sed 's/^/# /'
	return 1
}

[ -n "$only" ] || check_rest
while read -r words; do
	[[ $words == [a-z]*": "* ]] || continue
	{ read -r file && IFS= read -r there && IFS= read -r instead; } || break
	[[ $words == *"$only"* ]] || continue
	there=${there#-}
	instead=${instead#+}
	if defect; then
		echo "ok - explorer: $words"
	else
		echo "not ok - explorer: $words"
		status=1
	fi
done <"$list"
exit $status
