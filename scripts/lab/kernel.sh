#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds one of the laboratory's kernels, Linux as a process (User Mode Linux), from the
# linux-source package, once, into the cache, and prints its folder:
#
#   linux        the kernel, a program
#   build/       what a module is built against (KDIR=.../build ARCH=um)
#   lib/modules/ its few modules, and the list of what is built in
#
# The cache is keyed by source version, compiler, patch and configuration.
# Progress goes to standard error.

set -eu
cd "$(dirname "$0")"
. ../kernel/cache.sh
. ../kernel/kernel-build.sh
title="lab kernel"

usage()
{
	cat <<-END
	Usage: scripts/lab/kernel.sh [--path] fast|debug

	Builds that kernel if it is not in the cache and prints its folder.

	  --path   only print the folder; status 1 if the kernel is not built
	  --help   this text
	END
}

only_path=
if [ "${1-}" = --path ]; then
	only_path=1
	shift
fi
case $#:${1-} in
1:fast) layers="../kernel/debug.config lab.config fast.config" ;;
1:debug) layers="../kernel/debug.config lab.config" ;;
1:--help | 1:-h) usage; exit 0 ;;
*) echo "kernel.sh: there is no kernel '$*' of the laboratory; there are: fast debug" >&2; exit 2 ;;
esac
kind=$1

find_source
dest=$XTCP_CACHE/lab-$kind-$(key_of $layers uml.patch)

prepare()
{
	command -v patch >/dev/null || die "patch is missing; run scripts/kernel/deps.sh lab"
	patch -s -d "$tree" -p 1 <uml.patch || die "the patch does not fit this source"
}

fragment()
{
	config_over $layers
}

collect()
{
	cp "$tree/linux" "$1/"
	strip -g "$1/linux"
	make -C "$tree" -s ARCH=um INSTALL_MOD_PATH="$1" INSTALL_MOD_STRIP=1 modules_install >"$work/log" 2>&1 ||
		die "the modules cannot be installed: $(tail -n 3 "$work/log")"
	find "$1/lib/modules" -type l -delete
}

provide "lab-$kind" linux 1500 " as a program once, 4 to 20 minutes on two cores" ARCH=um
