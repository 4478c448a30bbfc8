#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the debug kernel (tinyconfig and scripts/kernel/debug.config), or the KCSAN kernel
# (with the lines of scripts/kernel/kcsan.config in their place), from the linux-source
# package, once, into the cache, and prints its folder:
#
#   bzImage      the kernel, for scripts/vm/vm.sh --kernel
#   build/       what a module is built against (make KDIR=.../build)
#   lib/modules/ the list of what is built in, for modprobe in the VM
#
# The cache is keyed by source version, compiler, fragment and what is left out.
# Progress goes to standard error.

set -eu
cd "$(dirname "$0")"
. ./cache.sh
. ./kernel-build.sh

usage()
{
	cat <<-END
	Usage: scripts/kernel/debug-kernel.sh [--path|--asked] [debug|kcsan]

	Builds the debug kernel, or the one that finds data races, if it is not in the
	cache, and prints its folder.

	  --path   only print the folder; status 1 if the kernel is not built
	  --asked  do nothing: say whether there is such a kernel
	  --help   this text
	END
}

# fragment: what is laid over tinyconfig. For an option that kcsan.config names, what
# debug.config says does not count.
fragment()
{
	if [ "$kind" = debug ]; then
		cat debug.config
		return
	fi
	awk '
		!/^(# )?CONFIG_/ { next }
		{ name = $0; sub(/^# /, "", name); sub(/[= ].*/, "", name) }
		FNR == NR { ours[name] = 1; print; next }
		!(name in ours)' "$kind.config" debug.config
}

only_path= asked=
case ${1-} in
--path) only_path=1; shift ;;
--asked) asked=1; shift ;;
--help|-h) usage; exit 0 ;;
esac
kind=${1-debug}
case $#:$kind in
[01]:debug | 1:kcsan) ;;
*) echo "debug-kernel.sh: there is no kernel '$*'; there are: debug kcsan" >&2; exit 2 ;;
esac
[ -z "$asked" ] || exit 0
title="$kind kernel"

# What the fragment cannot turn off: see CONFIG_JUMP_LABEL there.
without='/select HAVE_STATIC_CALL/d; /select HAVE_PREEMPT_DYNAMIC_CALL/d'
find_source
dest=$XTCP_CACHE/$kind-$(key_of <(echo "$without"; fragment))

prepare()
{
	sed -i "$without" "$tree/arch/x86/Kconfig"
}

collect()
{
	local release

	cp "$tree/arch/x86/boot/bzImage" "$1/"
	release=$(make -C "$tree" -s kernelrelease)
	mkdir -p "$1/lib/modules/$release"
	cp "$tree/modules.builtin" "$tree/modules.builtin.modinfo" "$1/lib/modules/$release/"
	: >"$1/lib/modules/$release/modules.order"
	depmod -b "$1" "$release"
}

provide "$kind" bzImage 2300 " once, about 10 minutes on two cores"
