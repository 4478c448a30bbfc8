#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Do the explorer's checks find what they are there to find? For each defect of explore.defects a module with it is
# built, and a seed of the first hundreds has to fail with the words of that check. The module as it is keeps all rules.
# One seed is the same run twice, octet for octet, in two folders.
# (check-interrupt.py interrupts the explorer.)

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
. scripts/check/tap.sh
of=explorer
list=scripts/check/explore.defects
only=${1-}
if [ $# -gt 1 ] || { [[ $only != @(|smaller|leak|alone) ]] && ! grep -E '^[a-z]+: ' "$list" | grep -qF -e "$only"; }; then
	echo "Usage: scripts/check/check-explore.sh [smaller|leak|alone|WORDS OF A DEFECT IN $list]" >&2
	exit 2
fi
seeds=300

image=$(vm_kernel lab) && scripts/check/selftests.sh tools || exit 1
vm_machine lab "$image"
out=$(mktemp -d build/check-explore.XXXXXX) || exit 1
at_end 'rm -rf "$out"'
cp build/selftests/explore/explore "$out/"

# A tree that the defects are put into and taken out of. Built file by file: a defect makes one of them again.
mkdir -p "$out/tree/selftests" "$out/tree/scripts/kernel"
cp -r Kbuild module include "$out/tree/"
cp -r selftests/modules "$out/tree/selftests/"
cp scripts/kernel/build-module.sh "$out/tree/scripts/kernel/"

# built [FOLDER MAKE-ARGUMENT]: $out/xtcp.ko, which the tree makes
built()
{
	local folder=${1-build}

	(cd "$out/tree" && scripts/kernel/build-module.sh "${image%/*}/build" "$folder" -s ARCH=um "${2-SEPARATE=1}") ||
		return 1
	strip -g -o "$out/xtcp.ko" "$out/tree/$folder/xtcp.ko"
}

# explored SEEDS [ARGUMENT]...: what the explorer says of the module that the tree makes
explored()
{
	local n=$1

	shift
	: >"$out/said"
	built && played "$@" 1 "$n"
}

# played ARGUMENT...: what the explorer says of the module that was built last
played()
{
	"${machine[@]}" --seed 1 --memory 1G --timeout 1200 -- \
		env XTCP_KO="$out/xtcp.ko" XTCP_B_KO="$out/xtcp_b.ko" "$out/explore" "$@" >"$out/said" 2>&1
}

# What the checks say, each with a defect that makes it say so? Words of a defect are a part of what a check says, or
# the other way round: a check puts names between its words. "%s" alone hands on what another check has said. check_leak() is for kmemleak,
# check_alone() for one allocation.
each_has_a_defect()
{
	local missing says='broken\(j, .*"|return "|end_wrong\(end, .*"|verdict_wrong\(w, .*"|snprintf\(why, size, "'

	missing=$(grep -hE "$says" selftests/explore/{judge*,segment,end*,api,verdict,state}.c | grep -oE '"[^"]{3,}"' |
		grep -vE 'kmemleak|one allocation failed|^"([a-z]+: the )?%s(%s)?(: %s)?"$' | awk -v list="$list" '
			BEGIN {
				while ((getline line < list) > 0) {
					if (sub(/^[a-z]+: /, "", line))
						words[line]
				}
			}
			{
				n = split($0, part, /%[a-z]*/)
				for (w in words) {
					if (index($0, w))
						next
					for (i = 1; i <= n; i++) {
						gsub(/^[^a-zA-Z0-9]+|[^a-zA-Z0-9]+$/, "", part[i])
						if (length(part[i]) >= 8 && index(w, part[i]))
							next
					}
				}
				print
			}')
	verdict "each check has a defect" "$missing"
}

# in_clone FOLDER: this tree, with the programs that are built of it
in_clone()
{
	mkdir -p "$1/build"
	git ls-files -z -co --exclude-standard | xargs -0 cp --parents -at "$1" 2>/dev/null
	cp -a build/selftests "$1/build/"
}

# all but the defects
check_rest()
{
	each_has_a_defect

	# what the network carried and what xtcp's tracepoints said, to the last digit
	scripts/lab/explore.sh --only 7 >"$out/once" 2>&1
	in_clone "$out/a/deeper/clone"
	(module=$PWD/build/lab/xtcp.ko; cd "$out/a/deeper/clone" && scripts/lab/explore.sh --module "$module" --only 7) 2>&1 |
		grep -vE '^  (CC|AR|LD)' >"$out/again"
	verdict "a seed is the same run twice, in two folders" "$([ "$(wc -l <"$out/once")" -gt 50 ] || echo "it is short: $(cat "$out/once")"
		diff "$out/once" "$out/again" | head -n 20)"
	verdict "the module as it is" "$(explored $seeds || { echo "it fails:"; grep -B 5 '^not ok' "$out/said" | head -n 40; })"
	tail -n 1 "$out/said"
}

# planted PLACE: the defect of a line of explore.defects is in the tree, in $file
planted()
{
	file=$(scripts/check/defects.py plant "$out/tree" "$1")
}

# found: did a seed say $words? Which one did first, and how many said something else before
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

# one defect: $words, $place
check_defect()
{
	local flag= why=

	# only a comparison finds what is slow; -m behind the words: only connections and listeners that move find it
	[[ $words != pace:* ]] || flag=-c
	if [[ $words == *" -m" ]]; then
		flag=-m words=${words% -m}
		vm_module lab -s NAME=xtcp_b FAMILY=27 && strip -g -o "$out/xtcp_b.ko" build/xtcp_b-lab/xtcp_b.ko
	fi
	if planted "$place"; then
		explored $seeds $flag -u "${words#*: }"
		cp "$file" "$out/tree/$file"
		found || why=$(echo "none says so; $(tail -n 1 "$out/said")"
			grep '^not ok' "$out/said" | sed -E 's/^not ok - (seed [0-9]+|all of [0-9, ]+): //; s/[0-9]+/N/g' |
			sort | uniq -c | sort -rn | head -n 5)
	else
		why="its place is not there"
	fi
	verdict "$words" "$why"
}

# Nothing refers to an object that a close() leaves: only kmemleak knows, when a machine of the debug kernel ends.
check_leak()
{
	local kind=lab-debug image machine

	image=$(vm_kernel $kind) || return
	vm_machine $kind "$image"
	: >"$out/said"
	# nothing of it is used again, so all files in one go
	planted 'xtcp_close: sock_orphan => (void)!kmalloc(100, GFP_KERNEL); sock_orphan' && built leaky SEPARATE= && played 1 20
	cp "$file" "$out/tree/$file"
	verdict "a leak names the seeds, on the debug kernel" \
		"$(lacks "$out/said" '^not ok - all of 1, 20: state: kmemleak found')"
}

# One allocation fails, at each of some moments. On the debug kernel, which alone can do that: a connection that it ends is
# found.
check_alone()
{
	local kind=lab-debug image machine n

	image=$(vm_kernel $kind) || return
	vm_machine $kind "$image"
	machine+=(--append "slub_debug=A,XTCP*,xtcp*,skbuff_*")
	for ((n = 1000; n < 16000; n += 150)); do
		echo "seed=$n client=xtcp server=xtcp client.octets=3000 server.octets=3000 to_server.delay_us=500 fail_after=$n"
	done >"$out/rows"
	# not in recv/text.c: a defect where text finds no stream failed in none of 194 scenarios, and why is not known
	: >"$out/said"
	planted 'xtcp_stream_begin: xtcp_stream_alloc(gfp); => xtcp_stream_alloc(gfp); if (!stream) sk->sk_err = EIO;' &&
		built alone SEPARATE= && played "$out/rows"
	cp "$file" "$out/tree/$file"
	verdict "one failed allocation ends no connection, on the debug kernel" \
		"$(lacks "$out/said" '^not ok - row [0-9]*: octets: one allocation failed, and the')"
}

# A failing seed becomes a row that says less, and the row fails in the same way.
check_shrinking()
{
	local words="beyond the window that it was offered" seed row had left n

	planted 'sendable: cb->seq) => cb->seq) + 3000' && explored $seeds -s -u "$words"
	cp "$file" "$out/tree/$file"
	seed=$(sed -n "s/^not ok - seed \([0-9]*\): .*$words.*/\1/p" "$out/said" | head -n 1)
	row=$(sed -n 's/^row: //p' "$out/said")
	read -r left had < <(sed -nE "s/^# ([0-9]+) of ([0-9]+) ingredients, .*$words.*/\1 \2/p" "$out/said")
	# as often as the shrinker tries: how long system calls take differs with the machine, and so does what they do
	for n in {1..8}; do echo "$row"; done >"$out/row"
	played -u "$words" "$out/row"
	echo "# seed $seed, $left of $had ingredients: $row"
	verdict "a failing seed is made smaller, and fails in the same way" "$([ -n "$row" ] && [ "$left" -lt "$had" ] &&
		grep -q "^not ok - row [0-9]*: .*$words" "$out/said" || { echo "it says:"; tail -n 20 "$out/said"; })"
}

[ -n "$only" ] || check_rest
[[ $only != @(|smaller) ]] || check_shrinking
[[ $only != @(|leak) ]] || check_leak
[[ $only != @(|alone) ]] || check_alone
while read -r words && read -r place; do
	[[ $words != *"$only"* ]] || check_defect
done < <(grep -vE '^(#|$)' "$list")
exit "$tap_status"
