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

# keep_build TREE DEST: the part of the tree that building a module needs.
keep_build()
{
	mkdir "$2"
	(
		cd "$1"
		{
			ls Makefile .config Module.symvers System.map
			find arch/um arch/x86 -name 'Makefile*' -o -name Kbuild.platforms
			find include scripts arch/um/include arch/um/scripts arch/x86/include arch/x86/um/asm \
				arch/x86/um/shared \( -type f -o -type l \) ! -name '*.o' ! -name '*.cmd'
			find arch/x86/um -maxdepth 1 -name '*.h'
			find tools/objtool -maxdepth 1 -type f -perm -u+x
		} | sort -u | tar -cf - -T -
	) | tar -xf - -C "$2"
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
done_already()
{
	[ -s "$dest/linux" ] && [ -s "$dest/build/Module.symvers" ] && [ -d "$dest/lib/modules" ] || return 1
	touch "$dest"
	echo "$dest"
}
! done_already || exit 0
[ -z "$only_path" ] || exit 1
command -v patch >/dev/null || die "patch is missing; run scripts/kernel/deps.sh lab"
begin_build "lab-$kind"
! done_already || exit 0

make_room "lab-$kind"
say "building $source $version as a program once, 4 to 20 minutes on two cores"
unpack_source
patch -s -d "$tree" -p 1 <uml.patch || die "the patch does not fit this source"
config_over $layers >"$work/fragment"
apply_fragment "$tree" "$work/fragment" ARCH=um
build_kernel "$tree" "$work/log" 1500 ARCH=um linux modules

mkdir "$work/done"
cp "$tree/linux" "$work/done/linux.new"
strip -g "$work/done/linux.new"
make -C "$tree" -s ARCH=um INSTALL_MOD_PATH="$work/done" INSTALL_MOD_STRIP=1 modules_install >"$work/log" 2>&1 ||
	die "the modules cannot be installed: $(tail -n 3 "$work/log")"
find "$work/done/lib/modules" -type l -delete
keep_build "$tree" "$work/done/build"
mv "$work/done/linux.new" "$work/done/linux"
keep_kernel "$dest" "lab-$kind"
say "done, in $dest"
echo "$dest"
