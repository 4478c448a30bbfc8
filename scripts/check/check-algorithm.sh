#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The congestion control that README.md shows: builds the module with
# that very file and nothing else changed, loads it in the virtual machine, and
# has a connection use it; the same as a module of its own, which comes and goes beside
# open connections, and takes the place of an older one. Then files that lack something must be refused
# before anything is compiled; with two files that hide one name from that, neither
# the module nor that of its own must load; one that sets windows of 0 stops no
# connection; and without the files there must be no trace of them.
#
#   scripts/check/check-algorithm.sh FOLDER

set -u
[ $# -eq 1 ] || { sed -n '12s/^#  *//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

work=$(realpath -m -- "$1")/algorithm
rm -rf "$work"
mkdir -p "$work/tree"

# build KO: the module of the tree as it is now.
build()
{
	"$work/tree/scripts/kernel/build-module.sh" "$kdir" "$work/build" -s W=1 KCFLAGS=-g0 >"$work/log" 2>&1 &&
		[ ! -s "$work/log" ] &&
		strip -g -o "$work/$1" "$work/build/xtcp.ko"
}

# build_alone NAME...: xtcp_cong_NAME.ko, of a file outside the tree; with what is in $suffix behind its name.
build_alone()
{
	local files=("${@/#/ALGORITHM=$work/cong_}")

	"$work/tree/scripts/kernel/build-module.sh" "$kdir" "$work/build" -s W=1 KCFLAGS=-g0 \
		SUFFIX="${suffix-}" "${files[@]/%/.c}" >"$work/log" 2>&1 && [ ! -s "$work/log" ] && mv "$work/build/"xtcp_cong_*.ko "$work/"
}

# verdict STATUS NAME: a test line.
verdict()
{
	if [ "$1" -eq 0 ]; then
		echo "ok - algorithm: $2"
	else
		[ ! -s "$work/log" ] || sed 's/^/# /' "$work/log" | head -n 40
		echo "not ok - algorithm: $2"
	fi
}

# refused PATTERN NAME: the tree does not build, and the first line that says why is this.
refused()
{
	local status

	! build none.ko && head -n 1 "$work/log" | grep -qE -- "$1"
	status=$?
	verdict $status "$2"
}

image=$(kernel_stock) && kdir=$(kernel_headers "$(kernel_release "$image")") ||
	{ echo "not ok - algorithm: no kernel"; exit 1; }
cp -r --parents Kbuild module include scripts selftests/modules "$work/tree/"

added=$work/tree/module/cong/cong_aimd.c
sed -e '1,/^```c$/d' README.md | sed '/^```/,$d' >"$added"
verdict "$(grep -q '^const struct xtcp_cong_ops xtcp_cong_aimd' "$added"; echo $?)" "README.md shows one"
build aimd.ko
verdict $? "builds when the file is there"

twin=$work/tree/module/cong/cong_twin.c
cp "$added" "$twin"
refused 'module/cong/cong_twin\.c has to define xtcp_cong_twin\. ' "another symbol than the file's is refused"
sed 's/\(xtcp_cong_\|\b\)aimd\([_ ]\)/\1twin\2/g' "$added" >"$twin"
refused 'module/cong/cong_twin\.c and module/cong/cong_aimd\.c both say \.name = "aimd"\. ' "two of one name are refused"
sed -i '/\.ssthresh = /d; s/\.name = .*/.name = "twin",/' "$twin"
refused 'cong_twin\.c: xtcp_cong_twin has no \.ssthresh, ' "one without a mandatory operation is refused"
sed 's/\(xtcp_cong_\|\b\)aimd\([_ ]\)/\1twin\2/g; s/return max/return mux/' "$added" >"$twin"
sed -i 's/\.name = .*/.name = "twin",/' "$twin"
build none.ko
verdict "$(grep -q '^module/cong/cong_twin\.c:[0-9:]* error: ' "$work/log"; echo $?)" "the compiler names the file, and no link to it"
# a name that Kbuild does not see
sed -i 's/return mux/return max/; s/\.name = .*/.name = "aim" "d",/' "$twin"
build twin.ko
verdict $? "builds with two of one name"

mv "$added" "$work/"
rm "$twin"
build none.ko
verdict $? "builds when the files are gone"

# as modules of their own: README.md's, under another name, and without a mandatory operation, which Kbuild does not see
sed 's/xtcp_cong_aimd/xtcp_cong_again/' "$work/cong_aimd.c" >"$work/cong_again.c"
sed 's/xtcp_cong_aimd/xtcp_cong_builtin/; s/\.name = .*/.name = "cu" "bic",/' "$work/cong_aimd.c" >"$work/cong_builtin.c"
sed 's/xtcp_cong_aimd/xtcp_cong_lacks/; s/\.name = .*/.name = "lacks",/; s/\.ssthresh = /&1 ? NULL : /' \
	"$work/cong_aimd.c" >"$work/cong_lacks.c"
{
	sed 's/xtcp_cong_aimd/xtcp_cong_other/; s/\.name = .*/.name = "other",/' "$work/cong_aimd.c"
	echo '#include "cong/outside.h"'
	echo '#define xtcp_cong_layout() 1U'
} >"$work/cong_other.c"
cat >"$work/cong_zero.c" <<-END
	// SPDX-License-Identifier: GPL-2.0
	/* Lets nothing go, wherever it is asked. */
	#include "base/sender.h"
	#include "cong/cong.h"

	static void zero_start(struct sock *sk)
	{
		xtcp_sender(sk)->cong.cwnd = 0;
	}

	static void zero_acked(struct sock *sk, const struct xtcp_sample *sample)
	{
		zero_start(sk);
	}

	static void zero_idle(struct sock *sk, u32 idle_us)
	{
		zero_start(sk);
	}

	static u32 zero_ssthresh(struct sock *sk)
	{
		return 0;
	}

	const struct xtcp_cong_ops xtcp_cong_zero = {
		.name = "zero",
		.start = zero_start,
		.acked = zero_acked,
		.idle = zero_idle,
		.ssthresh = zero_ssthresh,
	};
END
sed -i 's/\.name = .*/.name = "ai" "md",/' "$work/cong_again.c"
# what windows and rates may be besides
sed 's/zero/vast/g; s/cong\.cwnd = 0/cong.cwnd = 1U << 31/; s/return 0/return U32_MAX/' "$work/cong_zero.c" >"$work/cong_vast.c"
sed 's/zero/still/g; s/xtcp_sender(sk)->cong.cwnd = 0/WRITE_ONCE(sk->sk_pacing_rate, 0)/
	s/\.acked = \(.*\)/.control = \1\n\t.paces = true,/' "$work/cong_zero.c" >"$work/cong_still.c"
# the second version, whose window is always the same
mkdir "$work/cong_second"
sed 's/^\tif (cong->cwnd < cong->ssthresh) {$/\tcong->cwnd = 7 * tx->mss;\n\tif (tx->mss)\n\t\treturn;\n&/' \
	"$work/cong_aimd.c" >"$work/cong_second/cong_aimd.c"
build_alone aimd again builtin lacks other zero vast still
verdict $? "builds as a module of its own"
suffix=_V2 build_alone second/cong_aimd
verdict $? "builds as its second version"
! build_alone none && grep -q 'cong_none\.c: there is no such file$' "$work/log"
verdict $? "a file that is not there is refused"

scripts/vm/vm.sh --kernel "$image" --timeout 600 -- scripts/check/check-algorithm-vm.py "$work" >"$work/log" 2>&1
status=$?
grep -E '^(not )?ok' "$work/log"
[ "$status" -eq 0 ] || verdict "$status" "the virtual machine"
! grep -q '^not ok' "$work/log" || sed 's/^/# /' "$work/log" | tail -n 40
rm -rf "$work"
