#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `make -C selftests run_tests` in the laboratory, twice. First PATH has none of the programs that a test may have to skip
# for: each test passes, or says SKIP with the reason. Then those that were skipped run with all. A few run without the
# module, as nobody, and from a folder that `make install` has made. Prints TAP.
#
#   scripts/check/check-run-tests.sh [NAME]   all tests whose name has a match for NAME; without: a few

set -u
[ $# -le 1 ] || { sed -n 's/^#   /Usage: /p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
. scripts/check/tap.sh

out=$PWD/build/run-tests
few="load ports wire_options"
without="busybox ip modinfo nft nstat python3 setpriv ss tc"
of=run_tests

# tests NAME: those that the laboratory can run
tests()
{
	local name

	for name in $(make -s -C selftests list); do
		[[ $name =~ $1 ]] && ! grep -qE "^$name[[:space:]]+(both|lab)[[:space:]]" selftests/lab.list && echo "$name"
	done
}

# skipped FILE: "TEST REASON" for each
skipped()
{
	awk '
	/^# 1\.\.0 # SKIP / { reason = substr($0, 14) }
	/^# 1\.\.0 # SKIP .* is not in PATH$/ { reason = $5 " is not in PATH" }
	/^ok [0-9]+ selftests: xtcp: .*# SKIP$/ { print $5, reason; reason = "" }
	' "$1"
}

in_machine()
{
	cat <<-END
	modprobe -aq veth tun sch_fq sch_netem
	export XTCP_KO=$out/bin/xtcp.ko XTCP_B_KO=$out/bin/xtcp_b.ko XTCP_WRAPPER_KO=$out/bin/xtcp_wrapper.ko SHORT=1
	make -s -C selftests run_tests TESTS="$few" >$out/share/without 2>&1; echo \$? >>$out/share/without
	insmod \$XTCP_KO || exit 1
	setpriv --reuid 65534 --clear-groups build/selftests/ports >$out/share/nobody 2>&1; echo \$? >>$out/share/nobody
	(cp -r $out/kit /tmp/moved && cd / && /tmp/moved/run_kselftest.sh 2>&1 | cat >$out/share/moved
	/tmp/moved/run_kselftest.sh -t xtcp:no_such >$out/share/unknown 2>&1; echo \$? >>$out/share/unknown)
	lsmod | grep -q '^xtcp ' || insmod \$XTCP_KO
	PATH=$out/path make -s -C selftests run_tests TESTS="$names" >$out/share/poor 2>&1
	echo "status \$?" >>$out/share/poor
	again=\$(sed -n 's/^ok .* xtcp: \(.*\) # SKIP$/\1/p' $out/share/poor)
	[ -n "\$again" ] || exit 0
	lsmod | grep -q '^xtcp ' || insmod \$XTCP_KO
	make -s -C selftests run_tests TESTS="\$again" >$out/share/rich 2>&1
	echo "status \$?" >>$out/share/rich
	END
}

refused()
{
	! make -s -C selftests run_tests TESTS="ports no_such" >"$out/said" 2>&1 || echo "run_tests goes on"
	lacks "$out/said" 'no such test: no_such'
	! make -s -C selftests install >"$out/said" 2>&1 || echo "install goes on"
	lacks "$out/said" 'set INSTALL_PATH'
}

rm -rf "$out"
mkdir -p "$out/path" "$out/bin" "$out/share"
names=$(echo $(tests "${1-^(besides|load|ports|wire_options)$}"))
[ -n "$names" ] || { echo "check-run-tests.sh: no test has a name with a match for '$1'" >&2; exit 2; }
image=$(vm_kernel lab) && vm_module lab -s WRAPPER=1 && vm_module lab -s NAME=xtcp_b FAMILY=27 &&
	make -s -C selftests all && scripts/tools/xtcp_run --build ||
	{ echo "not ok - run_tests: cannot be built"; exit 1; }
strip -g -o "$out/bin/xtcp.ko" build/lab/xtcp.ko
strip -g -o "$out/bin/xtcp_b.ko" build/xtcp_b-lab/xtcp_b.ko
strip -g -o "$out/bin/xtcp_wrapper.ko" build/lab/selftests/modules/xtcp_wrapper.ko
ln -s /usr/bin/* /usr/sbin/* "$out/path/" 2>/dev/null
for name in $without; do
	rm -f "$out/path/$name"
done
verdict "wrong arguments" "$(refused)"
verdict "install" "$(make -s -C selftests install INSTALL_PATH="$out/kit" TESTS="$few" 2>&1 | grep -v '^  ')"

vm_machine lab "$image"
"${machine[@]}" --seed 1 --memory 3G --timeout 7200 --share "$out/share" -- "$(in_machine)" >"$out/machine" 2>&1 ||
	cat "$out/machine"
touch "$out/share/"{rich,poor,without,nobody,moved,unknown}

verdict "without the module" "$(lacks "$out/share/without" '^# 1\.\.0 # SKIP xtcp is not loaded' \
	'^ok 3 selftests: xtcp: wire_options # SKIP' '^# Totals: pass:0 fail:0 xfail:0 xpass:0 skip:3 error:0' '^0$')"
verdict "not root" "$(lacks "$out/share/nobody" '^1\.\.0 # SKIP not root' '^4$')"
verdict "a folder that was carried elsewhere" "$(lacks "$out/share/moved" '^# ok 1 ' '^ok 1 selftests: xtcp: load$' \
	'^ok 2 selftests: xtcp: ports$' '^ok 3 selftests: xtcp: wire_options$')"
verdict "no such test in that folder" "$(lacks "$out/share/unknown" "No such test 'xtcp:no_such'" '^1$')"
skipped "$out/share/poor" >"$out/skipped"
echo "# $(wc -l <"$out/skipped") programs skipped without $without"
verdict "a missing program is named as the reason" "$([ -s "$out/skipped" ] || cat "$out/share/poor"
	grep -vE "^[a-z_0-9]+ (${without// /|}) is not in PATH\$" "$out/skipped")"
verdict "KTAP with a total" "$(for said in poor rich; do
	[ ! -s "$out/share/$said" ] || { grep -q '^TAP version 13$' "$out/share/$said" &&
		grep -qE '^# Totals: pass:[0-9]+ fail:0 xfail:0 xpass:0 skip:[0-9]+ error:0$' "$out/share/$said" &&
		grep -qx 'status 0' "$out/share/$said"; } || tail -n 3 "$out/share/$said"
	done)"
[ "$tap_status" -ne 0 ] || rm -rf "$out"
exit "$tap_status"
