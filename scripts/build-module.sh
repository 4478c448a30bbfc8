#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds xtcp.ko for one kernel in a folder of its own, so that builds for
# several kernels neither mix nor wait for one another: the folder holds
# symbolic links to the sources, and the objects. Two builds in one folder take
# turns. What is in it is deleted when it was built for another kernel, so it has
# to be empty the first time; .kdir says that it is ours.

set -eu
if [ $# -lt 2 ]; then
	echo "Usage: scripts/build-module.sh KDIR FOLDER [MAKE ARGUMENT]..." >&2
	exit 2
fi
kdir=$1 build=$2
shift 2
top=$(cd "$(dirname "$0")/.." && pwd)

if [ ! -e "$kdir/Makefile" ]; then
	echo "No kernel headers in '$kdir': run scripts/deps.sh build, or set KDIR=" >&2
	exit 1
fi
mkdir -p "$build"
build=$(cd "$build" && pwd)
case $top:$build in
*[[:space:]]*)
	echo "The kernel's makefiles cannot build in a folder with a space in its path: '$build'" >&2
	exit 1 ;;
esac
# .lock alone: another build has just begun there
if [ ! -f "$build/.kdir" ] && [ -n "$(ls -A "$build" | grep -vxF .lock)" ]; then
	echo "'$build' is neither empty nor a folder that scripts/build-module.sh has made: it builds nothing there" >&2
	exit 1
fi
exec 9>"$build/.lock"
flock 9

cd "$top"
# Another kernel of the same release, as a debug kernel with another config.
if [ "$(cat "$build/.kdir" 2>/dev/null)" != "$kdir" ]; then
	find "$build" -type f ! -name .lock -delete
	echo "$kdir" >"$build/.kdir"
fi
find "$build" -xtype l -delete
find Kbuild module include selftests/modules -name '*.[ch]' -o -name Kbuild | while read -r file; do
	# not there, or of the tree that this folder was copied from
	if [ ! "$build/$file" -ef "$top/$file" ]; then
		mkdir -p "$build/$(dirname "$file")"
		ln -sf "$top/$file" "$build/$file"
	fi
done
# Type information of modules needs the vmlinux file, which no package of headers has.
exec make -C "$kdir" M="$build" CONFIG_DEBUG_INFO_BTF_MODULES= "$@" modules
