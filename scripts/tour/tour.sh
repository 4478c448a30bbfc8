#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tour.sh [--check[=lab|=rest] | --html DIR] [PAGE]: the tour in a throw-away virtual machine, one
# page or chapter of it, or all; scripts/tour/README.md says what a page is. At a terminal page by
# page, otherwise as plain text. --check: prints TAP; --check=lab: of the pages that the laboratory
# can play, there; --check=rest: of the others, which lab.list names; --html: writes files for a
# browser to a new folder DIR; --asked: only looks whether there is such a page.

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
. scripts/kernel/asked.sh

checks=() clock=(--no-stalls) asked= html= kind=stock
if [ "${1-}" = --asked ]; then
	asked=1
	shift
fi
case ${1-} in
--check | --check=lab | --check=rest)
	checks=("$1")
	# what else goes on here shall not be seen on any page
	clock=(--icount --real-waits)
	[ "$1" != --check=lab ] || kind=lab clock=(--seed "${LAB_SEED:-1}")
	shift ;;
esac
if [ "${1-}" = --html ]; then
	html=${2-}
	[ -n "$html" ] || { echo "tour: HTML= (--html) needs the name of a folder" >&2; exit 2; }
	shift 2
	if [ -e "$html" ] && { [ ! -d "$html" ] || [ -n "$(ls -A "$html")" ]; } && [ ! -e "$html/tour.css" ] && [ ! -e "$html/.unfinished" ]; then
		echo "tour: $html is there already, and is no tour; HTML= names a new folder" >&2
		exit 2
	fi
fi
page=${1-}
if [[ ! $page =~ ^[a-z0-9-]*$ ]] || { [ -n "$page" ] &&
	! grep -qE "^$page(-|[[:space:]]|\$)" scripts/tour/contents.txt; }; then
	if [[ $page =~ ^[a-z0-9-]+$ ]] && [ -e "scripts/tour/$page.txt" ]; then
		echo "tour: scripts/tour/$page.txt is there, but has no line in scripts/tour/contents.txt yet" >&2
		exit 2
	fi
	pages=$(sed -E '/^#/d; s/[[:space:]].*//' scripts/tour/contents.txt)
	chapters=$(sed 's/-.*//' <<<"$pages" | uniq)
	echo "tour: there is no page or chapter '$page'$(similar "$page" $chapters $pages); the chapters are:" \
		$chapters "(their pages: scripts/tour/contents.txt)" >&2
	exit 2
fi
if [ -n "$html" ] && ! { mkdir -p -- "$html" 2>/dev/null && [ -w "$html" ]; }; then
	echo "tour: cannot write to $html" >&2
	exit 2
fi
[ -z "$asked" ] || exit 0

columns=$(tput cols 2>/dev/null || echo 80)
if [ -z "$html" ] && [ -t 0 ] && [ -t 1 ] && [ "$columns" -lt 80 ]; then
	echo "tour: $columns columns are too few; 80 is the least" >&2
	exit 2
fi

# ready KIND: kernel, module and what the pages load; the command that runs another one there is in $machine.
ready()
{
	local image

	image=$(vm_kernel "$1") ||
		{ echo "tour: no kernel for the virtual machine; run scripts/kernel/deps.sh tour" >&2; exit 1; }
	{ vm_module "$1" -s && scripts/tour/compile.sh "$1" "build/tour/$1"; } ||
		{ echo "tour: the module does not build" >&2; exit 1; }
	vm_machine "$1" "$image"
}

# write_pages KIND PART PAGE...: to a folder of this part, in a machine that ends with this script.
write_pages()
{
	local kind=$1 part=$html/.part-$2

	shift 2
	[ $# -gt 0 ] || return 0
	mkdir -p "$part"
	"${machine[@]}" --timeout 1200 "${clock[@]}" --share "$part" -- \
		scripts/tour/tour-vm.sh "build/$kind/xtcp.ko" --html "$part" "$page" "$@" >"$html/.said" 2>&1 &
	machines+=($!)
}

# collect: what the parts have becomes the tour, and they go.
collect()
{
	find "$html" -mindepth 2 -path "$html/.part-*" -name '*.html' -exec mv -t "$html" {} +
	rm -rf "$html"/.part-? "$html/.said"
	scripts/tour/tour.py --index "$html" "$page"
}

# write_html: in two machines at a time; the laboratory, if its kernel is built, plays what it can. After an interruption
# the next call for the same pages goes on.
write_html()
{
	local lab rest this line half=0 done=0 status=0 machines=()

	html=$(cd -- "$html" && pwd -P)
	export PYTHONDONTWRITEBYTECODE=1
	this="${page:-all} $(cat scripts/tour/*.txt | cksum) $(git rev-parse HEAD 2>/dev/null)"
	if [ "$(cat "$html/.unfinished" 2>/dev/null)" = "$this" ]; then
		collect
	else
		rm -rf "$html"/.part-? "$html/$page"*.html
		echo "$this" >"$html/.unfinished"
	fi
	{ read -ra lab; read -ra rest; } < <(scripts/tour/tour.py --left "$html" "$page")
	if [ ${#lab[@]} -gt 0 ] && { ! scripts/lab/run.sh --able || ! scripts/lab/kernel.sh --path fast; } >/dev/null 2>&1; then
		rest=("${lab[@]}" "${rest[@]}") lab=() half=$(((${#lab[@]} + ${#rest[@]}) / 2))
	fi
	rm -f "$html/.said"
	mkfifo "$html/.said" && exec {said}<>"$html/.said"
	if [ ${#lab[@]} -gt 0 ]; then
		ready lab
		clock=(--seed "${LAB_SEED:-1}")
		write_pages lab 0 "${lab[@]}"
	fi
	ready stock
	clock=(--no-stalls)
	write_pages stock 1 "${rest[@]:0:half}"
	write_pages stock 2 "${rest[@]:half}"
	exec {pages}<"$html/.said" {said}<&-
	while read -r line <&$pages; do
		case $line in
		"page "*) echo "$((++done))/$((${#lab[@]} + ${#rest[@]})) ${line#page }" ;;
		*) echo "$line" ;;
		esac
	done
	for line in "${machines[@]}"; do
		wait "$line" || status=$?
	done
	collect
	# one that is whole begins anew the next time, whatever its pages show
	scripts/tour/tour.py --left "$html" "$page" | grep -q . || rm "$html/.unfinished"
	[ "$status" -ne 0 ] || echo "$html/index.html"
	return "$status"
}

[ ${#checks[@]} -gt 0 ] || echo "building xtcp.ko ..."
scripts/tools/xtcp_run --build || exit 1
if [ -n "$html" ]; then
	write_html
	exit
fi
ready $kind
paged= ascii=
if [ ${#checks[@]} -eq 0 ] && [ -t 0 ] && [ -t 1 ]; then
	paged=1
	[[ ${LC_ALL:-${LC_CTYPE:-${LANG-}}} =~ [Uu][Tt][Ff]-?8 ]] || ascii=1
	echo "starting a virtual machine; Enter or the right arrow: next page, left arrow: the one before, q: end"
fi
vm=("${machine[@]}" --timeout 1200 "${clock[@]}" --
	env ${ascii:+LC_ALL=C} COLUMNS="$columns" COLOR=$paged PAGED=$paged
	scripts/tour/tour-vm.sh build/$kind/xtcp.ko "${checks[@]}" ${page:+"$page"})
[ -n "$paged" ] || exec "${vm[@]}"
# Of a redirection to one command there is no $!.
exec {pages}< <(exec "${vm[@]}" 2>&1)
player=$!
scripts/tour/pager.py <&$pages
status=$?
# who has seen enough does not wait for the rest, and leaves no machine behind
kill $player 2>/dev/null
for _ in {1..50}; do
	kill -0 $player 2>/dev/null || break
	sleep 0.1
done
exit $status
