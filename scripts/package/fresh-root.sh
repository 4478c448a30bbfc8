#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A minimal system of this machine's Debian with a kernel, its headers and programs that talk
# TCP, as a user's machine may be before xtcp comes to it: made once, in the cache, and
# printed. Needs root. Nothing of it changes this machine; whoever changes it mounts it
# under an overlay.
#
# Sourced, it only defines inside and mounts, for those who go on with it.

say()
{
	echo "fresh-root: $*" >&2
}

# inside DIR COMMAND...: in it, with nothing of this machine's environment but the proxy.
inside()
{
	local dir=$1

	shift
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} \
		${https_proxy:+https_proxy="$https_proxy"} chroot "$dir" "$@"
}

# mounts DIR: what programs in it want: proc, devices, the archive's settings. The caller has a
# mount namespace of its own.
mounts()
{
	mount -t proc proc "$1/proc"
	mount --rbind /dev "$1/dev"
	mount -t tmpfs tmpfs "$1/tmp"
	rm -f "$1/etc/apt/sources.list"
	cp -a /etc/apt/. "$1/etc/apt/"
	cp -a /usr/share/keyrings/. "$1/usr/share/keyrings/"
	cp /etc/resolv.conf /etc/hosts "$1/etc/"
	cp -a /etc/ssl/certs/. "$1/etc/ssl/certs/"
	[ ! -d /usr/local/share/ca-certificates ] || cp -a /usr/local/share/ca-certificates/. "$1/usr/local/share/ca-certificates/"
	# only what is Debian's
	find "$1/etc/apt/sources.list.d" -type f ! -name 'debian*' -delete
	# a program that is installed is not started
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
}

# make_root DIR SERIES: SERIES is that of the kernel that an update brings
make_root()
{
	local dir=$1 mirror

	mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
	say "making a minimal $VERSION_CODENAME, once"
	debootstrap --variant=minbase --include=ca-certificates,gpgv "$VERSION_CODENAME" "$dir" "$mirror" >&2
	mounts "$dir"
	inside "$dir" apt-get -q update >&2
	inside "$dir" apt-get -q -y --no-install-recommends install "linux-image-$XTCP_ARCH" "linux-headers-$XTCP_ARCH" \
		busybox-static curl nginx-light netbase >&2
	inside "$dir" apt-get clean
	# the update to come
	inside "$dir" apt-get -q -y --no-install-recommends --download-only install "linux-image-$2-$XTCP_ARCH" "linux-headers-$2-$XTCP_ARCH" >&2
}

[ "${BASH_SOURCE[0]}" = "$0" ] || return 0

set -eu
cd "$(dirname "$0")/../.."
. scripts/kernel/cache.sh
[ "$(id -u)" = 0 ] || { say "needs root"; exit 1; }
. /etc/os-release
root=$XTCP_CACHE/fresh-$VERSION_CODENAME
exec 9>"$root.lock"
flock 9
if [ ! -d "$root" ]; then
	work=$(mktemp -d "$XTCP_CACHE/fresh.XXXXXX")
	trap 'rm -rf --one-file-system "$work"' EXIT
	chmod 755 "$work"
	export -f make_root mounts inside say
	export VERSION_CODENAME XTCP_ARCH
	# what is mounted goes with the namespace
	unshare --mount --propagation private bash -euc "make_root '$work' 6.12"
	mv "$work" "$root"
	trap - EXIT
fi
echo "$root"
