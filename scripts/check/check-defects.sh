#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Do the debug kernels find what they are there to find? Each defect of
# selftests/modules/xtcp_defects.c is committed on the ones that are for it, and has
# to be in that kernel's log. The order of the defects matters: lockdep and RCU's
# checks are off after lockdep's first report, and after KASAN's.
#
#   scripts/check/check-defects.sh [debug|lab-debug|kcsan]
#
# Without a kind all of them.

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

# expected KIND: a defect, and what the report about it says.
expected()
{
	sed -n "s/^${1#lab-} //p" <<-END
	debug rcu_unannotated suspicious RCU usage
	debug sleep_in_atomic sleeping function called from invalid context
	debug lock_inversion possible circular locking dependency detected
	debug leak unreferenced object
	debug freed_timer ODEBUG: free active
	debug shift_too_far UBSAN: shift-out-of-bounds
	debug use_after_free KASAN: slab-use-after-free|KASAN: use-after-free
	debug out_of_bounds KASAN: slab-out-of-bounds
	kcsan data_race BUG: KCSAN: data-race in race_read .xtcp_defects. / race_write .xtcp_defects.
	kcsan late_write BUG: KCSAN: data-race in late_read .xtcp_defects. / late_write .xtcp_defects.
	END
}

# in_machine KIND MODULE: what runs there; for each defect its name, and what the kernel said then.
in_machine()
{
	local name says leaks=/sys/kernel/debug/kmemleak tries

	[ ! -e $leaks ] || echo clear >$leaks
	expected "$1" | while read -r name says; do
		dmesg -C
		insmod "$2" plant="$name" || echo "# $name: it cannot be loaded"
		if [ "$name" = leak ]; then
			# what is younger than five seconds is no leak yet
			for ((tries = 0; tries < 30; tries++)); do
				echo scan >$leaks
				! grep -q "$says" $leaks || break
				sleep 1
			done
			sed "s/^/$name /" $leaks
		fi
		dmesg | sed "s/^/$name /"
		rmmod xtcp_defects
	done
}

# check_kernel KIND
check_kernel()
{
	local kind=$1 image module log name says found status words= machine options=()

	image=$(vm_kernel "$kind") && vm_module "$kind" -s DEFECTS=1 || { echo "not ok - $kind: no module"; return; }
	module=build/$kind/selftests/modules/xtcp_defects.ko
	log=$(mktemp build/defects.XXXXXX)
	vm_machine "$kind" "$image"
	[ "$kind" = lab-debug ] || options=(--parallel)
	[ "$kind" != kcsan ] || words=$VM_KCSAN
	"${machine[@]}" "${options[@]}" --memory 1G --timeout 1200 --append "kasan_multi_shot $words log_buf_len=8M" -- \
		scripts/check/check-defects.sh --in-machine "$kind" "$module" >"$log" 2>&1
	status=$?
	[ "$status" -eq 0 ] || { tail -n 20 "$log" | sed 's/^/# /'; echo "not ok - $kind kernel, defects: status $status"; }
	while read -r name says; do
		found=$(grep -E "^$name .*($says)" "$log" | grep -cE "$says")
		if [ "$found" -gt 0 ]; then
			echo "ok - $kind kernel reports $name"
		else
			grep "^$name " "$log" | head -n 20 | sed 's/^/# /'
			echo "not ok - $kind kernel reports $name: nothing says '$says'"
		fi
	done < <(expected "$kind")
	rm -f "$log"
}

case ${1-} in
--in-machine)
	in_machine "$2" "$3"
	exit ;;
"") set -- debug lab-debug kcsan ;;
debug | lab-debug | kcsan) [ $# -eq 1 ] ;;
*) false ;;
esac || { echo "Usage: scripts/check/check-defects.sh [debug|lab-debug|kcsan]" >&2; exit 2; }
mkdir -p build
said=$(mktemp build/defects.XXXXXX)
trap 'rm -f "$said"' EXIT
for kind; do
	check_kernel "$kind"
done | tee "$said"
! grep -q '^not ok' "$said"
