#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Checks the module against kernels: what it imports is what scripts/imports.txt
# lists and what the kernels export, and it compiles without a warning for each
# newer kernel that apt offers here. It is built in no folder that holds anything
# else. --update writes the list anew.

set -u
cd "$(dirname "$0")/.."
. scripts/vm-module.sh

# imports KO: the symbols that it takes from the kernel.
imports()
{
	nm -u "$1" | awk '{ print $2 }' | LC_ALL=C sort
}

# exported KDIR: those of the list that the kernel does not export.
not_exported()
{
	awk 'NR == FNR { has[$2] = 1; next } !($1 in has)' "$1/Module.symvers" \
		scripts/imports.txt
}

check_stock()
{
	local got kdir

	if ! vm_module stock -s; then
		echo "not ok - imports: the module does not build"
		return 1
	fi
	got=$(imports build/stock/xtcp.ko)
	if [ "${1-}" = --update ]; then
		echo "$got" >scripts/imports.txt
		return
	fi
	if diff scripts/imports.txt <(echo "$got"); then
		echo "ok - imports: as listed"
	else
		echo "not ok - imports: scripts/imports.txt differs from what the module" \
			"imports (if that is meant: scripts/check-module.sh --update)"
	fi
	kdir=$(kernel_headers "$(kernel_release "$(kernel_stock)")")
	check_exports "$kdir"
}

check_exports()
{
	local release missing

	release=$(headers_release "$1")
	missing=$(not_exported "$1")
	if [ -z "$missing" ]; then
		echo "ok - imports: exported by $release"
	else
		echo "$missing" | sed 's/^/# /'
		echo "not ok - imports: not exported by $release"
	fi
}

# Every object is compiled anew, since a warning is shown only once.
check_newer()
{
	local kdir release messages

	for kdir in $(scripts/newer-headers.sh); do
		release=$(headers_release "$kdir")
		rm -rf "build/newer-$release"
		if messages=$(scripts/build-module.sh "$kdir" "build/newer-$release" -s \
			-k -j"$(nproc)" 2>&1) && [ -z "$messages" ]; then
			echo "ok - compiles for $release"
		else
			echo "$messages" | grep -E 'error|warning|ERROR|WARNING|\*\*\*' |
				head -n 20 | sed 's/^/# /'
			echo "not ok - compiles for $release"
		fi
	done
}

# As BUILD=. is one.
check_folder()
{
	local kdir dir said

	kdir=$(kernel_headers "$(kernel_release "$(kernel_stock)")")
	dir=$(mktemp -d build/check-folder.XXXXXX)
	echo precious >"$dir/file"
	if said=$(scripts/build-module.sh "$kdir" "$dir" -s 2>&1); then
		echo "not ok - build: in a folder that holds something else"
	elif [ "$(cat "$dir/file")" != precious ] || [[ $said != *"$dir' is neither empty nor"* ]]; then
		echo "$said" | head -n 20 | sed 's/^/# /'
		echo "not ok - build: refused in a folder that holds something else, which stays"
	else
		echo "ok - build: refused in a folder that holds something else, which stays"
	fi
	rm -rf "$dir"
}

case ${1-} in
--update) check_stock --update ;;
"") check_stock; check_folder; check_newer ;;
*) echo "Usage: scripts/check-module.sh [--update]" >&2; exit 2 ;;
esac
