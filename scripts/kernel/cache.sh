# SPDX-License-Identifier: GPL-2.0
#
# The cache outside the tree (kernel sources' tools, debug kernel, KVM
# verdict), sourced by the other scripts: one folder for all clones of a user. A virtual
# machine, whose HOME is another one, gets the path of it in its environment.

. "${BASH_SOURCE[0]%/*}/ending.sh"

XTCP_CACHE=${XTCP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/xtcp}
mkdir -p "$XTCP_CACHE" || exit 1

# What the virtual machine runs, whatever this machine runs: the series that all
# checks are for, the first one of kernels.list.
XTCP_SERIES=6.1

# Debian's name of this machine's architecture.
XTCP_ARCH=amd64
[ "$HOSTTYPE" != aarch64 ] || XTCP_ARCH=arm64

# source_package: the linux-source package of that series, if its tarball is
# there or in the cache, as "package version tarball"; status 1 when there is none.
source_package()
{
	local tarball name version

	tarball=$(ls {/usr/src,"$XTCP_CACHE"}/linux-source-$XTCP_SERIES.tar.xz 2>/dev/null | head -n 1)
	[ -n "$tarball" ] || return 1
	name=${tarball##*/}
	name=${name%.tar.xz}
	version=$(dpkg-query -W -f '${Version}' "$name" 2>/dev/null) ||
		version=$(stat -c %Y "$tarball")
	echo "$name $version $tarball"
}
