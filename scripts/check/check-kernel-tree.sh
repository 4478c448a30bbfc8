#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tests as tools/testing/selftests/net/xtcp of a kernel tree, which is the linux-source package: they are
# built there and run in the laboratory, by `make TARGETS=net/xtcp run_tests`, and from the folder that
# `make TARGETS=net/xtcp kselftest-install` has made. Prints TAP.
#
#   scripts/check/check-kernel-tree.sh [all]   all builds all tests, and not only a few

set -u
case $#:${1-} in
0: | 1:all) ;;
*) sed -n 's/^#   /Usage: /p' "$0" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
. scripts/check/tap.sh

out=$PWD/build/kernel-tree
few="load ports wire_options"
tests=$few
[ $# -eq 0 ] || tests=
of="kernel tree"

# What the kernel's own rules need of its source: for the configuration, the headers that programs see, the selftests.
unpack()
{
	set -- $(source_package) || :
	[ $# -eq 3 ] || { echo "no linux-source package; run scripts/kernel/deps.sh check"; return; }
	tar -xf "$3" -C "$out" --wildcards --exclude='*/testing/selftests/*/*/*' \
		"$1/Makefile" "$1/Kbuild" "$1/scripts/*" "$1/include/*" "$1/usr/include/*" "$1/arch/x86/Makefile*" \
		"$1/arch/x86/*.sh" "$1/arch/x86/configs/*" "$1/arch/x86/entry/syscalls/*" "$1/arch/x86/include/*" \
		"$1/arch/x86/tools/*" "$1/*Kconfig*" "$1/tools/testing/selftests/*" "$1/tools/scripts/*" "$1/tools/include/*" 2>&1
	mv "$out/$1" "$out/tree"
}

# As somebody copies it who has the repository alone, without what is built.
put_into_tree()
{
	local place=$out/tree/tools/testing/selftests/net/xtcp

	mkdir "$out/own" && git ls-files -z -co --exclude-standard selftests include module/base |
		xargs -0 cp -P --parents -t "$out/own" && cp -rL "$out/own/selftests" "$place"
}

# kernel_make GOAL: with the tree's rules
kernel_make()
{
	nice -n 5 make -s -C "$out/tree" -j2 TARGETS=net/xtcp ${tests:+TESTS="$tests"} INSTALL_PATH="$out/kit" \
		"$@" >"$out/made" 2>&1 || tail -n 30 "$out/made"
}

in_machine()
{
	cat <<-END
	modprobe -aq veth tun sch_netem
	export XTCP_KO=$out/xtcp.ko SHORT=1
	insmod \$XTCP_KO || exit 1
	make -s -C $out/tree/tools/testing/selftests TARGETS=net/xtcp TESTS="$few" run_tests >$out/share/tree 2>&1
	cp -r $out/kit /tmp/moved && cd /
	/tmp/moved/run_kselftest.sh $(printf -- '-t net/xtcp:%s ' $few) >&1 | cat >$out/share/moved
	/tmp/moved/run_kselftest.sh -l >$out/share/list 2>&1
	END
}

rm -rf "$out"
mkdir -p "$out/share"
image=$(vm_kernel lab) && vm_module lab -s || { echo "not ok - kernel tree: cannot be built"; exit 1; }
strip -g -o "$out/xtcp.ko" build/lab/xtcp.ko
verdict "unpack" "$(unpack)"
verdict "copy into it" "$(put_into_tree 2>&1)"
verdict "kselftest-install" "$(kernel_make allnoconfig; kernel_make kselftest-install)"
vm_machine lab "$image"
verdict "the machine" "$("${machine[@]}" --seed 1 --memory 3G --timeout 3600 --share "$out/share" -- "$(in_machine)" 2>&1)"
touch "$out/share/tree" "$out/share/moved"
for said in tree moved; do
	verdict "$([ $said = tree ] && echo run_tests || echo "the installed folder, carried elsewhere")" \
		"$(lacks "$out/share/$said" '^TAP version 13$' '^1\.\.[13]$' '^# 1\.\.0 # SKIP no scripts/ here' '^# ok 1 ' \
			'^ok [13] selftests: net/xtcp: load # SKIP$' '^ok [1-3] selftests: net/xtcp: ports$' \
			'^ok [1-3] selftests: net/xtcp: wire_options$')"
done
verdict "its list names all tests" "$(diff <(sort "$out/share/list") \
	<(printf 'net/xtcp:%s\n' ${tests:-$(make -s -C selftests list)} | sort))"
[ "$tap_status" -ne 0 ] || rm -rf "$out"
exit "$tap_status"
