#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tests as kselftest has them, on the stock kernel or in the laboratory: run_tests, and a folder
# that `make install` has made, each on a few programs. Prints TAP.
#
#   scripts/check/check-kselftest.sh stock|lab

set -u
kind=${1-}
case $#:$kind in
1:stock | 1:lab) ;;
*) sed -n '7s/^# */Usage: /p' "$0" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
. scripts/check/tap.sh

out=build/kselftest-check
few="load ports wire_options"
of=kselftest

# rows FILE: how each ended; some say what they have measured
rows()
{
	sed -nE 's/^# ((not )?ok [0-9]+) .*/\1/p' "$1"
}

refused()
{
	! make -s -C selftests run_tests TESTS="ports no_such" >"$out/said" 2>&1 || echo "run_tests goes on"
	lacks "$out/said" 'no such test: no_such'
	! make -s -C selftests install >"$out/said" 2>&1 || echo "install goes on"
	lacks "$out/said" 'set INSTALL_PATH'
}

# What the machine does: without the module, as nobody, from the project's folder, from the other one.
in_machine()
{
	cat <<-END
	modprobe -aq veth tun sch_netem
	make -s -C selftests run_tests TESTS="$few" >$out/without 2>&1; echo \$? >>$out/without
	export XTCP_KO=$PWD/build/$kind/xtcp.ko
	insmod build/$kind/xtcp.ko || exit 1
	setpriv --reuid 65534 --clear-groups build/selftests/ports >$out/nobody 2>&1; echo \$? >>$out/nobody
	make -s -C selftests run_tests TESTS="$few" >$out/with 2>&1; echo \$? >>$out/with
	cp -r $out/kit /tmp/moved && cd / && /tmp/moved/run_kselftest.sh 2>&1 | cat >$PWD/$out/moved
	/tmp/moved/run_kselftest.sh -t xtcp:no_such >$PWD/$out/unknown 2>&1; echo \$? >>$PWD/$out/unknown
	END
}

rm -rf "$out"
mkdir -p "$out"
image=$(vm_kernel "$kind") && vm_module "$kind" -s WRAPPER=1 &&
	scripts/check/selftests.sh tools && make -s -C selftests all ||
	{ echo "not ok - kselftest: cannot be built"; exit 1; }
verdict "wrong arguments" "$(refused)"
verdict "install" "$(make -s -C selftests install INSTALL_PATH="$PWD/$out/kit" TESTS="$few" 2>&1 | grep -v '^  ')"
# what is no failure: it waits for a free machine, or starts one again because this one stood still
vm_machine "$kind" "$image"
"${machine[@]}" --memory 3G --timeout 900 --share "$out" -- "$(in_machine)" >"$out/machine" 2>&1
ended=$?
verdict "the machine" "$(grep -vE '^#|^(vm|run)\.sh: .*(this machine stood still|starting it again)' "$out/machine"
	[ "$ended" -eq 0 ] || echo "its status is $ended")"
verdict "without the module" "$(lacks "$out/without" '^# 1\.\.0 # SKIP xtcp is not loaded' '^ok 3 selftests: xtcp: wire_options # SKIP' \
	'^# Totals: pass:0 fail:0 xfail:0 xpass:0 skip:3 error:0' '^0$')"
verdict "not root" "$(lacks "$out/nobody" '^1\.\.0 # SKIP not root' '^4$')"
verdict "run_tests" "$(lacks "$out/with" '^# ok 1 ' '^ok 1 selftests: xtcp: load$' '^ok 3 selftests: xtcp: wire_options$' \
	'^# Totals: pass:3 fail:0 xfail:0 xpass:0 skip:0 error:0' '^0$')"
verdict "a folder that was carried elsewhere" "$(lacks "$out/moved" '^# ok 1 ' '^ok 1 selftests: xtcp: load$' \
	'^ok 2 selftests: xtcp: ports$' '^ok 3 selftests: xtcp: wire_options$')"
verdict "the same rows in both" "$(diff <(rows "$out/with") <(rows "$out/moved"))"
verdict "no such test in that folder" "$(lacks "$out/unknown" "No such test 'xtcp:no_such'" '^1$')"
[ "$tap_status" -ne 0 ] || rm -rf "$out"
exit "$tap_status"
