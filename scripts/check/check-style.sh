#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Style: the compiler at W=1 and sparse, checkpatch --strict, the shell's syntax
# check, licence lines, generated tables, and that nothing is left to be done.

set -u
[ $# -eq 0 ] || { echo "check-style.sh takes no arguments" >&2; exit 2; }
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
. scripts/check/tap.sh
of=style

# kept NAME: a folder of the cache for what came of these sources, this compiler and these headers
kept()
{
	find "$XTCP_CACHE/style" -mindepth 1 -maxdepth 1 -mtime +60 -exec rm -rf {} + 2>/dev/null
	echo "$XTCP_CACHE/style/$1-$({ find module include scripts/kernel/build-module.sh -type f ! -name '*.md' -print0 |
		sort -z |
		xargs -0 sha256sum; "${CC:-gcc}" --version; sparse --version; echo "$kdir $(kernel_stock | xargs sha256sum)"
		} 2>&1 | sha256sum | cut -c1-40)"
}

# Every file by itself, which takes minutes. Sources without a message are remembered, with their objects, which are
# looked at below. A message is shown only when an object is made, so after a run with one each object is made anew; after
# others those whose sources have changed.
compiler()
{
	local image kdir said kept tools alone=build/style-alone

	image=$(kernel_stock) && kdir=$(kernel_headers "$(kernel_release "$image")") || { echo "no kernel"; return; }
	kept=$(kept alone)
	rm -rf build/style
	if [ -d "$kept" ]; then
		mkdir -p build
		cp -r "$kept" build/style
		return
	fi
	tools=$({ "${CC:-gcc}" --version; sparse --version; cat scripts/kernel/build-module.sh; } 2>&1 | sha256sum)
	[ "$(cat $alone/silent 2>/dev/null)" = "$tools" ] || rm -rf $alone
	rm -f $alone/silent
	said=$(scripts/kernel/build-module.sh "$kdir" $alone -s -j"$(nproc)" SEPARATE=1 W=1 C=1 2>&1 |
		sed "s|$PWD/$alone/||" | grep -E '^(module|include)/|\*\*\*|ERROR|modpost')
	[ -n "$said" ] || [ -e $alone/xtcp.ko ] || said="the module does not build"
	echo "$said"
	mkdir -p build/style
	(cd $alone && find module -name '*.o' -exec cp --parents {} ../style \;) &&
		find build/style -name '*.o' -exec strip -g {} +
	[ -z "$said" ] || return
	echo "$tools" >$alone/silent
	rm -rf "$kept.new"
	mkdir -p "$(dirname "$kept")"
	cp -r build/style "$kept.new" && mv -T "$kept.new" "$kept"
}

# As it is shipped.
together()
{
	local image kdir said kept

	image=$(kernel_stock) && kdir=$(kernel_headers "$(kernel_release "$image")") || { echo "no kernel"; return; }
	kept=$(kept together)
	[ ! -d "$kept" ] || return
	rm -rf build/style-all
	said=$(scripts/kernel/build-module.sh "$kdir" build/style-all -s W=1 2>&1 |
		grep -E 'warning|error|\*\*\*|ERROR|modpost')
	[ -n "$said" ] || [ -e build/style-all/xtcp.ko ] || said="the module does not build"
	echo "$said"
	[ -n "$said" ] || mkdir -p "$kept"
}

# In one translation unit two variables without a value are one, and macros are everybody's; see module/all.c.
same_names()
{
	local object

	find module -name '*.c' -exec grep -hoE '^#define [A-Za-z0-9_]+' {} + | grep -vw pr_fmt | sort | uniq -d |
		sed 's/$/: in two files of module/'
	for object in build/style/module/*.o build/style/module/*/*.o; do
		nm "$object" | awk '$2 ~ /^[bdrBDR]$/ && $3 !~ /^([.]|__|CSWTCH|_entry)/ { print $3 }' |
			sed 's/[.].*//' | sort -u
	done | sort | uniq -d | sed 's/$/: in two files of module/'
}

# What all.c does not name is not in the module; cong_*.c are named by Kbuild, and trace.c is built by itself.
left_out()
{
	local file

	for file in module/*.c module/*/*.c; do
		case ${file#module/} in
		all.c|sight/trace.c|cong/cong_*.c) continue ;;
		esac
		grep -qxF "#include \"${file#module/}\"" module/all.c || echo "$file: module/all.c does not name it"
	done
}

# The first line of a file, or the second one behind #!, names the licence.
licences()
{
	git ls-files -co --exclude-standard | while read -r file; do
		case $file in
		*.md|*.list|.gitignore|*.txt|selftests/see/traces/*.svg|selftests/see/ab/*.json|selftests/see/watch/blackbox/*|*/timeouts|*/COPYING|*/copyright|.*/*) continue ;;
		esac
		[ ! -e "$file" ] || head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' ||
			echo "$file: no SPDX line"
	done
}

# What modinfo says is the newest version that module/CHANGELOG.md tells of.
version()
{
	diff <(sed -nE 's/^MODULE_VERSION\("(.*)"\);$/\1/p' module/main.c) \
		<(sed -nE 's/^## ([0-9.]+)\b.*/\1/p' module/CHANGELOG.md | head -n 1) |
		sed -n 's/^</MODULE_VERSION:/p; s/^>/module\/CHANGELOG.md:/p'
}

# The debug kernel has what selftests/config says that the tests need.
config()
{
	grep ^CONFIG selftests/config | grep -vxF -f scripts/kernel/debug.config |
		sed 's/$/: not in scripts\/kernel\/debug.config/'
}

# selftests/coverage.list names functions that there are.
unreached()
{
	local name

	sed -nE 's/^([a-z]\w+)\s.*/\1/p' selftests/coverage.list | while read -r name; do
		grep -qE "^[a-z].*\b$name\(" module/*.c module/*/*.[ch] || echo "selftests/coverage.list: no function $name"
	done
}

# A test that starts ip, tc or nft says so, or it would fail where that is missing.
tools_named()
{
	local file program verbs="(-[a-z0-9]+|'?(add|del|delete|list|flush|replace|change|link|addr|address|route|rule|xfrm|qdisc)) "

	for program in ip tc nft; do
		grep -lE "^[^/*]*\"([^\"]*[ ;&|({'])?$program $verbs" selftests/{differential,lib,life,matrix,ports,see,soak,stream,wire}/*.c |
			while read -r file; do
				grep -qE "^NEEDS_PROGRAMS\(\"([^\"]* )?$program[ \"]" "$file" ||
					echo "$file: starts $program, and has no NEEDS_PROGRAMS(\"$program\")"
			done
	done
}

# What builds must not be called, and numbers that are no family, are refused before anything is built.
names()
{
	local word

	for word in NAME= NAME=tcp NAME=Xtcp NAME=xtcp- NAME=xtcp_ NAME=xtcp_a_b "NAME=xtcp_a b" NAME=xtcp_b6 \
		NAME=xtcp_snmp NAME=xtcp_netstat NAME=xtcp_listen NAME=xtcp_aborts NAME=xtcp_sockstat NAME=xtcp_blackbox NAME=xtcp_policy \
		NAME=xtcp_paths NAME=xtcp_elevenlongg NAME=../xtcp \
		FAMILY=0 FAMILY=-1 FAMILY=2 FAMILY=10 FAMILY=46 FAMILY=027 FAMILY=x; do
		scripts/kernel/build-module.sh /nowhere build/style-names "$word" 2>&1 |
			grep -qE "^$word(:| is| ends)" ||
			echo "scripts/kernel/build-module.sh does not refuse $word"
	done
	scripts/kernel/build-module.sh /nowhere build/style-names NAME=xtcp_tenletters FAMILY=45 2>&1 |
		grep -q '^No kernel headers' || echo "scripts/kernel/build-module.sh refuses a good name"
	[ ! -e build/style-names ] || echo "scripts/kernel/build-module.sh has made a folder for nothing"
}

left_over()
{
	# spelled so that it does not find itself
	grep -nE '\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b' -r module include selftests scripts Kbuild Makefile .ci
}

# The tracepoints that module/sight/README.md explains are those that there are.
tracepoints()
{
	diff <(grep -oE '^TRACE_EVENT\(\w+' include/trace/events/xtcp.h | sed 's/.*(//' | sort) \
		<(sed -nE 's/^\| `(xtcp_\w+)` .*/\1/p' module/sight/README.md | sort) |
		sed -n 's/^</only in include\/trace\/events\/xtcp.h:/p; s/^>/only in module\/sight\/README.md:/p'
}

# code_of FILE N: the C in its Nth block.
code_of()
{
	awk -v n="$2" '/^```c$/ { at++; on = 1; next } /^```/ { on = 0 } on && at == n' "$1"
}

# What the first pages show is what they say: README.md has the congestion control, which check-algorithm.sh builds; the
# program of module/USING.md compiles with the one option that it says.
front_page()
{
	code_of README.md 1 | grep -q '^const struct xtcp_cong_ops xtcp_cong_aimd' || echo "README.md: no congestion control"
	[ -n "$(code_of module/USING.md 1)" ] || echo "module/USING.md: no program"
	{
		printf '#include <%s>\n' arpa/inet.h stdio.h sys/socket.h unistd.h
		code_of module/USING.md 1 | sed -n '/^#include/p'
		echo 'int main(void)'
		echo '{'
		code_of module/USING.md 1 | sed '/^#include/d'
		echo '}'
	} | gcc -fsyntax-only -Wall -Werror -I include/uapi -x c - 2>&1 | sed 's/^/module\/USING.md: the program: /'
}

shell_syntax()
{
	git ls-files -co --exclude-standard 'scripts/*.sh' 'scripts/package/debian/xtcp-dkms.p*' .ci/run |
		xargs -n 1 bash -n 2>&1
}

# checkpatch IGNORED FILE...: lines have 120 columns here, as in wide tables. It takes minutes for all files, so those are
# remembered, by name and contents, of which it had nothing to say. (Of some things it speaks once only, at the first
# file: when it speaks, it is asked again for all of them.)
checkpatch()
{
	local options=(--no-tree --strict --terse --show-types --no-summary --max-line-length=120
		--ignore "FILE_PATH_CHANGES,REPEATED_WORD,$1") known=$XTCP_CACHE/checkpatch said file sum
	local -A name=()

	shift
	mkdir -p "$known"
	find "$known" -type f -mtime +60 -delete
	while read -r sum file; do
		[ -s "$file" ] || { echo "$file: empty"; continue; }
		sum=$(printf '%s\n' "${options[@]}" "$file" "$sum" | cat - "$tools/checkpatch.pl" | sha256sum)
		[ -e "$known/${sum%% *}" ] || name[$file]=${sum%% *}
	done < <(sha256sum "$@")
	[ ${#name[@]} -gt 0 ] || return 0
	if said=$(perl "$tools/checkpatch.pl" "${options[@]}" -f "${!name[@]}" 2>&1) && [ -z "$said" ]; then
		(cd "$known" && touch "${name[@]}")
	else
		echo "${said:-checkpatch ended with an error}"
	fi
}

# Some of its advice is for the kernel's own tree only: there compat.h would be
# wrong, trace events look like no other code, and tests are no kernel code.
compat=LINUX_VERSION_CODE,CONSTANT_COMPARISON,MACRO_WITH_FLOW_CONTROL,MACRO_ARG_PRECEDENCE
trace=MACRO_ARG_REUSE,OPEN_ENDED_LINE,SPACING,COMPLEX_MACRO,MACRO_WITH_FLOW_CONTROL
trace+=,MULTISTATEMENT_MACRO_USE_DO_WHILE,TRAILING_SEMICOLON,PARENTHESIS_ALIGNMENT
user=PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_KERNEL_TYPES,CAMELCASE,AVOID_EXTERNS
user+=,SPLIT_STRING,CONSTANT_COMPARISON,VOLATILE,ENOSYS,ARRAY_SIZE,MACRO_ARG_REUSE
user+=,EMBEDDED_FUNCTION_NAME,NEW_TYPEDEFS

tools=$(scripts/kernel/kernel-source.sh) || { verdict "checkpatch" "there is none"; exit 1; }

verdict "compiler W=1 and sparse" "$(compiler)"
verdict "compiler, all as one" "$(together)"
verdict "names of the module's files" "$(same_names)"
verdict "all.c names each file" "$(left_out)"
verdict "module/sight/README.md" "$(tracepoints)"
verdict "module/SYSCTLS.md" "$(scripts/check/check-sysctls.py 2>&1)"
verdict "calls from room to room" "$(scripts/check/check-rooms.py build/style/module 2>&1)"
verdict "contexts of functions" "$(scripts/check/check-contexts.py 2>&1)"
verdict "checkpatch: module" "$(checkpatch NONE \
	$(ls module/*.[ch] module/*/*.[ch] include/uapi/linux/*.h | grep -v '/compat'))"
verdict "checkpatch: compat.h" "$(checkpatch $compat module/compat*.h)"
verdict "checkpatch: trace events" "$(checkpatch $trace include/trace/events/*.h)"
verdict "checkpatch: selftests" \
	"$(checkpatch $user $(find selftests scripts/tools/run -name '*.[ch]' | sort))"
verdict "README.md" "$(front_page)"
verdict "documents" "$(scripts/check/check-documents.py 2>&1)"
verdict "shell syntax" "$(shell_syntax)"
verdict "licence lines" "$(licences)"
verdict "version" "$(version)"
verdict "counters" "$(scripts/check/check-counters.sh "$tools/proc.c")"
verdict "what gets installed" "$(scripts/package/check-files.sh 2>&1)"
verdict "names of builds" "$(names)"
verdict "explore.defects" "$(scripts/check/defects.py listed 2>&1)"
verdict "programs that tests need" "$(tools_named)"
verdict "selftests/coverage.list" "$(unreached)"
verdict "wrong input" "$(scripts/check/check-input.sh 2>&1)"
verdict "selftests/config" "$(config)"
verdict "programs and requirements" "$(scripts/check/written-tables.py 2>&1)"
verdict "nothing left to be done" "$(left_over)"
