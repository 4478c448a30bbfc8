#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds xtcp.ko for one kernel in a folder of its own, so that builds for
# several kernels neither mix nor wait for one another: the folder holds
# symbolic links to the sources, and the objects. Two builds in one folder take
# turns. What is in it is deleted when it was built for another kernel or under
# another name, so it has to be empty the first time; .kdir says that it is ours.
#
# NAME=xtcp_WORD among the arguments names the module and all that it names, so
# that it can be loaded beside another build; FAMILY=N is the number of its
# address family unless the module parameter says another. ALGORITHM=FILE, which may
# come several times, builds not that module but one of the congestion control in
# FILE: NAME_cong_ALGORITHM.ko, to be loaded beside it; with SUFFIX=_V2
# NAME_cong_ALGORITHM_V2.ko, to be loaded beside that, too.

set -eu
if [ $# -lt 2 ]; then
	echo "Usage: scripts/kernel/build-module.sh KDIR FOLDER [NAME=xtcp_WORD] [FAMILY=N] [ALGORITHM=FILE] [SUFFIX=_V2] [MAKE ARGUMENT]..." >&2
	exit 2
fi
kdir=$1 build=$2
shift 2
top=$(cd "$(dirname "$0")/../.." && pwd)

refuse()
{
	echo "$*" >&2
	exit 2
}

# A name becomes part of others, which must not be another build's: xtcp_b6 would be
# where xtcp_b shows IPv6, xtcp_snmp where xtcp shows counters. With so many characters it fits
# into a struct proto, a slab and a table that people read.
check_name()
{
	local LC_ALL=C

	[[ $1 =~ ^xtcp(_[a-z0-9]{1,10})?$ ]] ||
		refuse "NAME=$1: a name is xtcp, or xtcp_ and 1 to 10 characters of a-z and 0-9, like xtcp_b"
	case $1 in
	*6)	refuse "NAME=$1 ends in 6, as the file in /proc/net does in which ${1%6} shows IPv6" ;;
	xtcp_snmp | xtcp_netstat | xtcp_listen | xtcp_aborts | xtcp_sockstat | xtcp_blackbox | xtcp_policy | xtcp_paths)
		refuse "NAME=$1: xtcp has a file of that name in /proc/net" ;;
	esac
}

check_family()
{
	case $1 in
	"" | [1-9] | [1-3][0-9] | 4[0-5]) ;;
	*) refuse "FAMILY=$1: a family is a number from 1 to 45, like 25 (the default) or 27" ;;
	esac
	case $1 in
	1 | 2 | 10 | 16 | 17)
		refuse "FAMILY=$1 is taken in every kernel; free are, for example, 25 (the default) and 27" ;;
	esac
}

# Its name becomes that of a symbol and of a module.
check_algorithm()
{
	[[ ${1##*/} =~ ^cong_[a-z0-9_]+[.]c$ ]] ||
		refuse "$1: the file of a congestion control is called cong_NAME.c, like cong_aimd.c"
	[ -f "$1" ] || refuse "$1: there is no such file"
	[[ $(realpath -s -- "$1") != *[[:space:]]* ]] ||
		refuse "$1: the kernel's makefiles cannot build from a path with a space in it"
}

name=xtcp family= algorithms= suffix=
arguments=()
for word; do
	case $word in
	NAME=*)	  name=${word#*=} ;;
	FAMILY=*) family=${word#*=} ;;
	ALGORITHM=*)
		check_algorithm "${word#*=}"
		algorithms+=" $(realpath -s -- "${word#*=}")" ;;
	SUFFIX=*) suffix=${word#*=} ;;
	*)	  arguments+=("$word") ;;
	esac
done
check_name "$name"
check_family "$family"

if [ ! -e "$kdir/Makefile" ]; then
	echo "No kernel headers in '$kdir': run scripts/kernel/deps.sh build, or set KDIR=" >&2
	exit 1
fi
mkdir -p "$build"
build=$(cd "$build" && pwd)
case $top:$build in
*[[:space:]]*)
	echo "The kernel's makefiles cannot build in a folder with a space in its path: '$build'" >&2
	exit 1 ;;
esac
# .lock alone: another build has just begun there; what else it makes comes after .kdir
if [ -n "$(ls -A "$build" | grep -vxF .lock)" ] && [ ! -f "$build/.kdir" ]; then
	echo "'$build' is neither empty nor a folder that build-module.sh has made: it builds nothing there" >&2
	exit 1
fi
exec 9>"$build/.lock"
flock 9

cd "$top"
# Another kernel of the same release, as a debug kernel with another config; or another name.
made_for=$kdir
[ "$name" = xtcp ] || made_for+=" $name"
if [ "$(cat "$build/.kdir" 2>/dev/null)" != "$made_for" ]; then
	find "$build" -type f ! -name .lock -delete
	echo "$made_for" >"$build/.kdir"
fi
find "$build" -xtype l -delete
find Kbuild module include selftests/modules -name '*.[ch]' -o -name Kbuild 2>/dev/null | while read -r file; do
	# not there, or of the tree that this folder was copied from
	if [ ! "$build/$file" -ef "$top/$file" ]; then
		mkdir -p "$build/$(dirname "$file")"
		ln -sf "$top/$file" "$build/$file"
	fi
done
# Type information of modules needs the vmlinux file, which no package of headers has.
# The compiler names links in its errors. Name the files that they point to.
set -o pipefail
links=$(sed 's/[].[\\*^$|(){}+?,]/\\&/g' <<<"$build")
{
	make -C "$kdir" M="$build" CONFIG_DEBUG_INFO_BTF_MODULES= XTCP_NAME="$name" XTCP_FAMILY="$family" \
		${algorithms:+XTCP_CONG="${algorithms# }" XTCP_CONG_SUFFIX="$suffix"} \
		"${arguments[@]}" modules 2>&1 >&3 |
		sed -uE "s,$links/(module|include|selftests)/,\\1/,g" >&2
} 3>&1
