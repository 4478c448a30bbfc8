#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Style: the compiler at W=1 and sparse, checkpatch --strict, the shell's syntax
# check, licence lines, and that nothing is left to be done.

set -u
cd "$(dirname "$0")/.."
. scripts/vm-module.sh

# verdict NAME MESSAGES: a test line; every message is a failure.
verdict()
{
	if [ -z "$2" ]; then
		echo "ok - $1"
	else
		echo "$2" | head -n 60 | sed 's/^/# /'
		echo "not ok - $1"
	fi
}

# Every object is compiled anew, since a warning is shown only once.
compiler()
{
	local image kdir

	image=$(kernel_stock) || return 1
	kdir=$(kernel_headers "$(kernel_release "$image")") || return 1
	rm -rf build/style
	scripts/build-module.sh "$kdir" build/style -s -j"$(nproc)" W=1 C=2 2>&1 |
		sed "s|$PWD/build/style/||" | grep -E '^(module|include)/|\*\*\*|ERROR|modpost'
}

# The first line of a file, or the second one behind #!, names the licence.
licences()
{
	git ls-files -co --exclude-standard | while read -r file; do
		case $file in
		*.md|*.list|.gitignore|*.txt|*/timeouts|.*/*) continue ;;
		esac
		[ ! -e "$file" ] || head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' ||
			echo "$file: no SPDX line"
	done
}

left_over()
{
	grep -nE '\b(TODO|FIXME|XXX|HACK)\b' -r module include selftests scripts Kbuild Makefile |
		grep -v 'scripts/check-style.sh'
}

shell_syntax()
{
	local file

	for file in scripts/* selftests/*.sh .ci/run; do
		if [ -f "$file" ] && head -n 2 "$file" | grep -qE '^#!.*sh|SPDX' &&
			[[ $file == *.sh ]] || [[ $file == .ci/run ]]; then
			bash -n "$file" 2>&1
		fi
	done
}

# checkpatch FILE...: some of its advice is for the kernel's own tree only.
checkpatch()
{
	perl "$tools/checkpatch.pl" --no-tree --strict --terse --show-types --no-summary \
		--ignore "$1" -f "${@:2}" 2>&1
}

tools=$(scripts/kernel-source.sh) || { echo "not ok - style: no checkpatch"; exit 1; }
kernel_only=FILE_PATH_CHANGES,REPEATED_WORD
user_only=$kernel_only,PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_KERNEL_TYPES,CAMELCASE
user_only+=,AVOID_EXTERNS,SPLIT_STRING,CONSTANT_COMPARISON,VOLATILE,ENOSYS

verdict "compiler W=1 and sparse" "$(compiler)"
verdict "checkpatch: module" \
	"$(checkpatch $kernel_only module/*.[ch] include/uapi/linux/*.h)"
verdict "checkpatch: trace events" \
	"$(checkpatch $kernel_only,MACRO_ARG_REUSE,OPEN_ENDED_LINE,SPACING,MULTISTATEMENT_MACRO_USE_DO_WHILE,COMPLEX_MACRO,MACRO_WITH_FLOW_CONTROL \
		include/trace/events/*.h)"
verdict "checkpatch: selftests" \
	"$(checkpatch $user_only $(find selftests -name '*.[ch]' | sort))"
verdict "shell syntax" "$(shell_syntax)"
verdict "licence lines" "$(licences)"
verdict "nothing left to be done" "$(left_over)"
