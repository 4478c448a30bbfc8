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
	if [ -e "$html" ] && { [ ! -d "$html" ] || [ -n "$(ls -A "$html")" ]; } && [ ! -e "$html/tour.css" ]; then
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

image=$(vm_kernel $kind) ||
	{ echo "tour: no kernel for the virtual machine; run scripts/kernel/deps.sh tour" >&2; exit 1; }
[ ${#checks[@]} -gt 0 ] || echo "building xtcp.ko ..."
{ vm_module $kind -s && scripts/tour/compile.sh $kind build/tour/$kind; } || { echo "tour: the module does not build" >&2; exit 1; }
scripts/tools/xtcp_run --build || exit 1
vm_machine $kind "$image"

if [ -n "$html" ]; then
	html=$(cd -- "$html" && pwd -P)
	"${machine[@]}" --timeout 1200 "${clock[@]}" --share "$html" -- \
		scripts/tour/tour-vm.sh build/stock/xtcp.ko --html "$html" ${page:+"$page"}
	status=$?
	rm -f -- "$html/dmesg" "$html/console.log"
	[ $status -eq 0 ] && echo "$html/index.html"
	exit $status
fi
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
