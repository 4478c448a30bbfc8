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

usage()
{
	cat <<-END
	Usage: scripts/kernel/debug-kernel.sh [--path] [debug|kcsan]

	Builds the debug kernel, or the one that finds data races, if it is not in the
	cache, and prints its folder.

	  --path   only print the folder; status 1 if the kernel is not built
	  --help   this text
	END
}

say()
{
	echo "$kind kernel: $*" >&2
}

die()
{
	say "$*"
	exit 1
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

# apply_fragment TREE: configure, and insist on each line of the fragment.
apply_fragment()
{
	local line name lost=

	make -C "$1" -s tinyconfig >/dev/null 2>&1 || die "tinyconfig failed"
	fragment >>"$1/.config"
	make -C "$1" -s olddefconfig >/dev/null 2>&1 || die "olddefconfig failed"
	while read -r line; do
		case $line in
		CONFIG_*)
			grep -qxF "$line" "$1/.config" || lost="$lost ${line%%=*}" ;;
		"# CONFIG_"*)
			name=${line#\# }
			! grep -q "^${name%% *}=" "$1/.config" || lost="$lost ${name%% *}" ;;
		esac
	done < <(fragment)
	[ -z "$lost" ] || die "this source does not take:$lost"
}

# build_kernel TREE LOG: show the number of objects made, every ten seconds.
build_kernel()
{
	local pid made start=$SECONDS

	nice -n 10 make -C "$1" -j"$(nproc)" bzImage modules >"$2" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		read -r -t 10 <&"$never" || :
		made=$(grep -c '^  [A-Z]' "$2" || :)
		say "$made steps of about 2300, $((SECONDS - start)) s"
	done
	wait "$pid" || {
		grep -m 20 -E 'error|Error|\*\*\*' "$2" >&2 || tail -n 20 "$2" >&2
		die "the build failed, log in $2"
	}
}

# keep_build TREE DEST: the part of the tree that building a module needs.
keep_build()
{
	mkdir "$2"
	(
		cd "$1"
		{
			ls Makefile .config Module.symvers System.map
			find arch/x86 -maxdepth 1 -name 'Makefile*'
			find include scripts arch/x86/include \( -type f -o -type l \) \
				! -name '*.o' ! -name '*.cmd'
			find arch/x86 -name Kbuild.platforms
			find tools/objtool -maxdepth 1 -type f -perm -u+x
		} | tar -cf - -T -
	) | tar -xf - -C "$2"
}

only_path=
case ${1-} in
--path) only_path=1; shift ;;
--help|-h) usage; exit 0 ;;
esac
kind=${1-debug}
case $#:$kind in
[01]:debug | 1:kcsan) ;;
*) usage >&2; exit 2 ;;
esac

# What the fragment cannot turn off: see CONFIG_JUMP_LABEL there.
without='/select HAVE_STATIC_CALL/d; /select HAVE_PREEMPT_DYNAMIC_CALL/d'
set -- $(source_package) || :
[ $# -eq 3 ] || die "no linux-source package; run scripts/kernel/deps.sh check"
source=$1 tarball=$3
key=$({ echo "$source $2"; gcc --version | head -n 1; echo "$without"; fragment; } |
	sha256sum | cut -c 1-12)
dest=$XTCP_CACHE/$kind-$key

if [ -e "$dest/bzImage" ] || [ -n "$only_path" ]; then
	[ -e "$dest/bzImage" ] || exit 1
	touch "$dest"
	echo "$dest"
	exit 0
fi

exec 9>"$XTCP_CACHE/debug-kernel.lock"
flock -n 9 || { say "another build is under way, waiting for it"; flock 9; }
if [ -e "$dest/bzImage" ]; then
	echo "$dest"
	exit 0
fi

work=$(mktemp -d "$XTCP_CACHE/debug-build.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null || :; wait; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkfifo "$work/never"
exec {never}<>"$work/never"

say "building $source $2 once, about 10 minutes on two cores"
say "unpacking $tarball"
tar -xf "$tarball" -C "$work" --wildcards \
	--exclude='*/drivers/gpu/drm/*/*.[ch]' --exclude='*/arch/[a-tv-w]*/*.[chS]' \
	--exclude='*/arch/*/boot/dts/*' --exclude='*.rst' --exclude='*/sound/*.[ch]'
tree=$work/$source
sed -i "$without" "$tree/arch/x86/Kconfig"
apply_fragment "$tree"
build_kernel "$tree" "$work/log"

mkdir "$work/done"
cp "$tree/arch/x86/boot/bzImage" "$work/done/"
release=$(make -C "$tree" -s kernelrelease)
mkdir -p "$work/done/lib/modules/$release"
cp "$tree/modules.builtin" "$tree/modules.builtin.modinfo" "$work/done/lib/modules/$release/"
: >"$work/done/lib/modules/$release/modules.order"
depmod -b "$work/done" "$release"
keep_build "$tree" "$work/done/build"
rm -rf "$dest"
mv "$work/done" "$dest"
# Those of other sources and fragments, when nobody has asked for them in a month.
find "$XTCP_CACHE" -maxdepth 1 -name "$kind-[0-9a-f]*" -mtime +30 -exec rm -rf {} +
say "done, in $dest"
echo "$dest"
